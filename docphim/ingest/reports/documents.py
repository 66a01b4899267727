"""One document about one patient as one line of a table: its text, and what labels inside it say (`Mã BN: …`, `Tuổi: …`)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import PurePath
from typing import Any

from docphim.errors import Refused
from docphim.ingest.reports.encodings import from_legacy, is_legacy
from docphim.ingest.reports.header import labels
from docphim.ingest.reports.rows import REPORTS, Line, Sheet
from docphim.ingest.same_person import names_differ, numbers_differ, same_syllables

#: Fields that labels announce; of those that must be one patient's, two values make the document nobody's.
_LABELLED = ("id", "accession", "study_uid", "patient", "name", "doctor", "date", "age", "sex")
_OF_ONE = ("id", "accession", "study_uid", "patient")
#: Words that open a sentence as often as a label.
_TOO_SHORT = {"mã", "acc", "id", "pid", "name", "ngày", "date", "bệnh nhân", "người bệnh", "bác sĩ", "doctor", "patient"}
_TOO_SHORT |= {"ns", "đc", "khoa", "phòng", "yêu cầu", "history"}
#: Labels of one kind of number: a patient has one of these, beside that of the medical record.
_NUMBERS = {"mã bệnh nhân", "mã bn", "mbn", "mã người bệnh", "mã nb", "patient id", "id bệnh nhân", "id bn"}
_NAME = re.compile(r"(?:[^\W\d_]+[ \xa0]+){1,5}[^\W\d_]+")
_LONGEST_VALUE = 80
_LONGEST_TEXT = 100_000  # letters; a report has fewer


def sheet_of(text: str, name: str, encoding: str | None, record: dict[str, Any], margins: str = "") -> Sheet:
    """The sheet of one document.

    Parameters
    ----------
    text : str
        The document's text, with a line for each paragraph.
    name : str
        The file's name; without its suffix it is the id where no label gives one.
    margins : str
        Headers and footers of its pages: their labels are the document's too, their text is none of the report's.

    Raises
    ------
    Refused
        `report_not_text`: there is no text; `row_unreadable`: there is too much; `document_mixed`: see `is_mixed`.
    """
    text, margins = (unicodedata.normalize("NFC", part) for part in (text, margins))  # as macOS writes: labels are known by it
    if not re.search(r"[^\W\d_]{2}", text):
        raise Refused("report_not_text")
    if len(text) > _LONGEST_TEXT:
        raise Refused("row_unreadable", "", "the document is longer than a report can be")
    if encoding and is_legacy(encoding):
        text, margins = from_legacy(text, encoding), from_legacy(margins, encoding)
    on_pages = f"{text}\n{margins}"
    if is_mixed(on_pages):
        raise Refused("document_mixed")
    values = labelled(on_pages)
    stem = PurePath(name).stem
    # Of a patient's several numbers the one that columns.yaml lists first: `Mã BN` before `Số bệnh án`.
    first = {labels()[label]: values[label][0] for label in sorted(values, key=list(labels()).index, reverse=True)}
    number = next((first[field] for field in _OF_ONE if field in first), stem)
    cells = {**first, "id": number, "image": stem, "text": text}
    return Sheet(name, _lines(cells), document=True, named=True, record=record, margins=margins)


def is_mixed(text: str) -> bool:
    """Whether a text speaks of several patients or studies.

    It does where one label stands before two numbers, labels of one kind before two patients' numbers, or labels of a name
    before two persons' names; below two headings of one name (`Mô tả:` twice) names need only be unequal, as brothers' are.
    """
    if text.count(":") + text.count("\uff1a") < 2:
        return False
    values = labelled(text)
    if any(labels()[label] in _OF_ONE and len(listed) > 1 for label, listed in values.items()):
        return True
    numbers = [number for label in values.keys() & _NUMBERS for number in values[label]]
    names = [name for label, listed in values.items() if labels()[label] == "name" for name in listed if _is_name(label, name)]
    unlike = _unequal if _has_two_reports(text) else names_differ
    return any(numbers_differ([one], [other]) for one, other in combinations(numbers, 2)) or any(
        unlike(one, other) for one, other in combinations(names, 2)
    )


def _is_name(label: str, value: str) -> bool:
    """Whether a name stands there; behind `Bệnh nhân:` a sentence may (`Bệnh nhân: không hợp tác`)."""
    if label not in _TOO_SHORT:
        return True
    name = re.split(r"[,(\d]", value, maxsplit=1)[0].strip(" -–")
    return bool(_NAME.fullmatch(name)) and all(part[0].isupper() for part in name.split())


def _unequal(one: str, other: str) -> bool:
    return names_differ(one, other) or not same_syllables(one, other)


def _has_two_reports(text: str) -> bool:
    headings = (re.sub(r"\s+", " ", mark["label"].lower()) for mark in _label().finditer(text))
    return any(count > 1 for count in Counter(h for h in headings if labels()[h] in REPORTS).values())


def _lines(cells: dict[str, str]) -> Iterator[Line]:
    yield Line(0, list(cells))
    yield Line(0, list(cells.values()))


def labelled(text: str) -> dict[str, list[str]]:
    """What the labels of a text announce, by label (a key of `header.labels`): the values in their order, equal ones once.

    A value ends at the line's end, a tab, three blanks or the next label: `Họ tên: LÊ THỊ A   Tuổi: 45   Giới: Nữ`.
    """
    values: dict[str, list[str]] = {}
    marks = list(_label().finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=bool(marks)):
        label = re.sub(r"\s+", " ", mark["label"].lower())
        value = re.split(r"[\n\t;|]|\s{3,}", text[mark.end() : end].lstrip(" \t"), maxsplit=1)[0].strip(" .,-–")
        if labels()[label] in _LABELLED and 0 < len(value) <= _LONGEST_VALUE and value not in values.get(label, []):
            values.setdefault(label, []).append(value)
    return values


@cache
def _label() -> re.Pattern[str]:
    """A name of columns.yaml before a colon; the shortest only at a line's start."""
    names = sorted(labels(), key=len, reverse=True)
    spelled = [re.escape(name).replace(r"\ ", r"[^\S\n]+") for name in names if name not in _TOO_SHORT]
    short = [re.escape(name).replace(r"\ ", r"[^\S\n]+") for name in names if name in _TOO_SHORT]
    either = rf"(?<!\w)(?P<label>(?:{'|'.join(spelled)})|(?:(?<=\n)|(?<=\t)|(?<=   )|^)(?:{'|'.join(short)}))"
    return re.compile(rf"{either}[^\S\n]*[:\uff1a]", re.IGNORECASE)
