"""A folder of the archive with the recipe that reads it, and what must come of it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from case import Case, Lost, case

#: What the columns of an export are called, by what they hold.
NAMES = {"id": "Số phiếu", "name": "Họ và tên", "patient": "Mã BN", "age": "Tuổi", "sex": "Giới", "date": "Ngày chụp"}
NAMES |= {"image": "Tên ảnh", "text": "Kết quả đọc", "accession": "Accession", "findings": "Mô tả", "impression": "Kết luận"}


@dataclass
class Part:
    """A folder of films and reports.

    Attributes
    ----------
    source : dict
        What its recipe says under `source:` beside kind and path.
    cases : list of Case
        Its studies.
    whole : str
        What stops the whole part, as words of the message; '' where it is read.
    """

    folder: Path
    source: dict[str, Any] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    whole: str = ""

    @property
    def lost(self) -> list[Lost]:
        """Every refusal that must come."""
        return [lost for case in self.cases for lost in case.lost]

    @property
    def reasons(self) -> Counter[str]:
        """How many refusals of each reason."""
        return Counter(lost.reason for lost in self.lost)

    @property
    def staying(self) -> dict[str, Case]:
        """The studies that must stay, by the number that stands on their slip."""
        return {case.slip: case for case in self.cases if case.stays}


def cases(folder: Path, first: int, count: int, seed: int, picture: bool = True) -> list[Case]:
    """Studies without fault."""
    return [case(folder, first + n, seed, picture) for n in range(count)]


def divided(of: Case) -> dict[str, object]:
    """A study's row with findings and impression apart, each in a line."""
    sections = {name: " ".join(text.split("\n")) for name, text in of.sections.items()}
    return {**of.row, "findings": sections["findings"], "impression": sections["impression"]}


def written(rows: Iterable[dict[str, object]], fields: Sequence[str], **how: str) -> list[str]:
    """Rows as lines of CSV below their header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", **how)
    writer.writerow([NAMES[name] for name in fields])
    writer.writerows([[row[name] for name in fields] for row in rows])
    return text.getvalue().splitlines()


def lose(of: Case, reason: str, *places: str) -> None:
    """The study goes, for a reason that is its report's or its film's."""
    of.lost.append(Lost(reason, places or (of.place,)))
    of.stays = False
