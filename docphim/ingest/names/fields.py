"""Layer: fields of a letterhead (`Họ tên: …`, `Mã BN: …`, `Giường: …`), each with as much of its value as is of its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from docphim.ingest.names.labels import label_marks
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.person import FIELD, NOTHING, SIGNER, is_family, name_end, of_reports
from docphim.ingest.names.words import continuations

_NUMBER = re.compile(
    r"(?:[^\W\d_]{1,6}[ .\-/]?)?(?=[\w.\-/]*\d)[\w.\-/]*\w(?:[ .]\d{2,4}(?![\w%]))*|[\w.+-]+@[\w-]+\.[\w.-]+", re.ASCII
)
_PERSON = re.compile(
    r"(?:nam|nu|male|female|m|f)(?![^\W_])|\d{1,3}(?:[^\S\n]*(?:tuoi|t|thang|y|yrs?|years?|year-old)(?![^\W_]))?(?![\d./-])"
    r"|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|(?:19|20)\d\d(?:[^\S\n]*\(\d+[^\S\n]*tuoi\))?"
)
_DAY = re.compile(
    r"(?:\d{1,2}(?::|h|g)\d{2}(?::\d{2})?[,\s]*)?[\d./-]{6,10}(?:[,\s]+\d{1,2}(?::|h|g)\d{2}(?::\d{2})?)?|\d{1,2}[./-]\d{1,2}(?![\d.])"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_WARD = re.compile(r"[\w.-]*\d[\w.-]*(?:[^\S\n]*-[^\S\n]*[\w.]*\d[\w.]*)?")
#: Words of a ward's name at most: "Nội tim mạch lão học".
_LONGEST_WARD = 6


class Field(NamedTuple):
    """A label with its colon, from `start` to `value`, where what it announces begins; `end` is behind its value."""

    kind: str
    start: int
    value: int
    end: int


def fields(page: Page) -> list[Field]:
    """The fields of a text whose values are of their label's kind."""
    if page.fields is None:
        read = (_field(page, kind, start, value) for kind, start, value in label_marks(page))
        page.fields = [field for field in read if field]
    return page.fields


def announced_on(page: Page) -> tuple[list[str], list[str]]:
    """The names and numbers that the fields of a text announce."""
    values = [(field.kind, page.text[field.value : field.end].strip(" .,;")) for field in fields(page)]
    return [v for kind, v in values if kind == "name"], [v for kind, v in values if kind == "number"]


def _field(page: Page, kind: str, start: int, value: int) -> Field | None:
    if kind == "ward" and any(sign.isdigit() for sign in page.text[start:value]):
        return None  # "Khoa 1: Tim to." names its ward before the colon
    end = _ENDS[kind](page, value) if kind in _ENDS else value
    return Field(kind, start, value, end) if end > value else None


def _name(page: Page, value: int) -> int:
    first = page.word_at(value)
    if first >= len(page.words) or page.text[value : page.words[first][0]].strip(" ."):
        return value
    if page.lows[first] in ("nam", "nữ", "nu"):
        return value
    likely = page.capital(first) and not (page.flat(value) and of_reports(page, first) and not is_family(page, first))
    last = name_end(page, first, (SIGNER if page.flat(value) else FIELD) if likely else NOTHING)
    if last > first and page.words[first][0] == value + len(page.text[value : page.words[first][0]]):
        return page.words[last - 1][1]
    return value


def _matching(pattern: re.Pattern[str]) -> Callable[[Page, int], int]:
    def end(page: Page, value: int) -> int:
        match = pattern.match(page.bare, value)
        return match.end() if match else value

    return end


def _ward(page: Page, value: int) -> int:
    """A bed's number, or a ward's name: up to a stop, a comma, the next label or the line's end, if it is short."""
    number = _WARD.match(page.text, value)
    if number:
        following = page.word_at(number.end())
        counts = page.text[number.end() : number.end() + 1] == " " and page.text[number.end() + 1 : number.end() + 2].islower()
        return value if counts and _finding(page, following, following + 1) else number.end()  # "Phòng: 2 nốt vôi."
    stop = re.compile(r"[.,;:\n(]|[^\S\n]{2,}|$").search(page.text, value)
    end = stop.start() if stop else len(page.text)
    if page.text.startswith(":", end):
        end = next((start for _, start, behind in label_marks(page) if value <= start <= end <= behind), value)
    first, last = page.word_at(value), page.word_at(end)
    ward = last - first <= _LONGEST_WARD and page.text[value : value + 1].isupper() and not _finding(page, first, last)
    return end if ward else value


def _finding(page: Page, first: int, last: int) -> bool:
    """Whether words behind a ward's label are a finding, "Khoa: Tim to.", and no ward, trade or people: "Khoa: Tim mạch"."""
    singles, pairs = continuations("wards", not page.unaccented)
    if first >= last or page.lows[first] in singles or tuple(page.lows[first : first + 2]) in pairs:
        return False
    if page.bares[first:last] == ["lao"]:
        return False
    return all(of_reports(page, word) for word in range(first, last))


def _place(page: Page, value: int) -> int:
    from docphim.ingest.names.addresses import address_end  # here: the way of imports stays short

    return address_end(page, value)


_ENDS = {
    "name": _name,
    "doctor": _name,
    "number": _matching(_NUMBER),
    "person": _matching(_PERSON),
    "day": _matching(_DAY),
    "place": _place,
    "ward": _ward,
}


def field_spans(page: Page) -> Iterator[Span]:
    """Fields with their labels; of a date the year is left."""
    for field in fields(page):
        year = _YEAR.search(page.text[field.value : field.end]) if field.kind == "day" else None
        kind = {"name": "name", "doctor": "name", "number": "number", "day": "date", "place": "address"}.get(
            field.kind, "field"
        )
        yield Span(
            field.start, field.end, kind, f" năm {year[0]} " if year and page.language == "vi" else year[0] if year else "\n"
        )
