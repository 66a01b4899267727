"""The table of ViMed-PET: where each study's volumes and reports lie, the body's measures, and the paper's split by month."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from docphim.errors import Refused, UsageError
from docphim.study import Split

TABLE = "metadata.csv"
#: The column of a report's path, by its language.
REPORTS = {"vi": "report_path", "en": "report_en_path"}
#: Year → the months that validate and that test; the rest trains: the split of arXiv:2509.24739, which gives 1,857 / 325 / 575.
MONTHS: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {
    2017: ((11,), (12,)),
    2018: ((10,), (11, 12)),
    2019: ((11,), (12,)),
    2023: ((10,), (11, 12)),
}
#: `PETCT2017/THANG 12/…`: year and month, where a path says them.
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)|PETCT_?(20\d\d)")
#: `day_4_patient_7.npz`: whose a file is, where its name says so.
_PATIENT = re.compile(r"patient[_-]?(\d+)", re.IGNORECASE)
_MONTH = re.compile(r"THANG[ _-]*(\d{1,2})(?!\d)")
#: Heights in m, weights in kg and kg/m² that a body can have: one that weighs more for its height is a slip of one of the two.
_HEIGHT, _WEIGHT, _INDEX = (0.4, 2.3), (2, 300), (9, 60)

Cells = Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """A row of the table: `number` counts from 1 below the header."""

    number: int
    cells: Cells

    def get(self, column: str) -> str:
        """A cell without blanks around it; '' where the table has no such column."""
        return (self.cells.get(column) or "").strip()


def read(root: Path, needed: tuple[str, ...]) -> tuple[list[Row], list[int]]:
    """The rows, and the numbers of those that have more or fewer cells than the header, as a decimal comma makes them.

    Raises
    ------
    Refused
        `file_missing`; `file_unreadable`: it is no CSV in UTF-8.
    UsageError
        A column of `needed` is not there.
    """
    path = root / TABLE
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise Refused("file_missing", "source.path", f"no {TABLE} lies there") from None
    except (OSError, UnicodeDecodeError):
        raise Refused("file_unreadable", TABLE, "the table is not UTF-8, or cannot be opened") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    broken: list[int] = []
    try:
        header = next(reader, [])
        if missing := [name for name in needed if name not in header]:
            raise UsageError(f"source.path: {TABLE} has no column {missing[0]}")
        for number, cells in enumerate(reader, 1):
            if len(cells) == len(header):
                rows.append(Row(number, dict(zip(header, cells, strict=True))))
            elif cells:
                broken.append(number)
    except csv.Error:
        raise Refused("file_unreadable", TABLE, f"line {reader.line_num} breaks the table's quoting") from None
    return rows, broken


def place(root: Path, cell: str) -> Path:
    """Where a cell's path leads, below the folder of the dataset.

    Raises
    ------
    Refused
        `unsafe_path`: it leads out of it.
    """
    inner = PurePosixPath(cell.replace("\\", "/"))
    if inner.is_absolute() or ".." in inner.parts or "\0" in cell or re.match(r"[A-Za-z]:", cell):
        raise Refused("unsafe_path")
    return root / inner


def year_of(row: Row) -> int | None:
    """The year of a study; None where its column and the folders of its paths disagree, or none says it."""
    folders = (PurePosixPath(path.replace("\\", "/")).parent.as_posix() for path in _paths(row))  # a file is `…_patient_2018`
    named = {int(match[1] or match[2]) for folder in folders for match in _YEAR.finditer(folder)}
    stated = re.fullmatch(r"(20\d\d)(\.0)?", row.get("year"))
    named |= {int(stated[1])} if stated else set()
    return named.pop() if len(named) == 1 else None


def are_one_patients(row: Row, columns: Sequence[str]) -> bool:
    """Whether the files of some columns name one patient, as far as they name any."""
    return len({int(match[1]) for column in columns for match in _PATIENT.finditer(row.get(column))}) < 2


def split_of(row: Row) -> Split | None:
    """The paper's split, by year and month; None where a path does not say the month, or the year is none of the paper's."""
    year, months = year_of(row), {int(match[1]) for path in _paths(row) for match in _MONTH.finditer(path)}
    if year not in MONTHS or len(months) != 1:
        return None
    month, (val, test) = months.pop(), MONTHS[year]
    if not 1 <= month <= 12:
        return None
    return "val" if month in val else "test" if month in test else "train"


def _paths(row: Row) -> Iterator[str]:
    yield from (row.get(column) for column in ("pet_path", *REPORTS.values()) if row.get(column))


def body_of(row: Row, counts: Counter[str]) -> dict[str, float] | None:
    """Height and weight, where they can be a body's; what cannot is left out and counted, for nobody knows which is the slip.

    Parameters
    ----------
    counts : Counter
        `decimal_commas` (`1,65` is 1.65), `height_implausible`, `weight_implausible`, `height_and_weight_implausible`.
    """
    body: dict[str, float] = {}
    for column, key, (low, high) in (("height", "height_m", _HEIGHT), ("weight", "weight_kg", _WEIGHT)):
        cell = row.get(column)
        counts["decimal_commas"] += "," in cell
        value = number(cell)
        if value is not None and low <= value <= high:
            body[key] = value
        elif cell and cell.lower() not in ("nan", "none", "null", "-"):
            counts[f"{column}_implausible"] += 1
    if len(body) == 2 and not _INDEX[0] <= body["weight_kg"] / body["height_m"] ** 2 <= _INDEX[1]:
        counts["height_and_weight_implausible"] += 1
        body = {}
    return body or None


def number(cell: str) -> float | None:
    """A number with a point or a comma before its decimals; None for anything else, `1.650,5` and `1,650` included."""
    return float(cell.replace(",", ".")) if re.fullmatch(r"\d{1,3}([.,]\d{1,2}|\.\d+)?", cell) else None
