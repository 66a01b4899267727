"""Excel's workbooks (.xlsx, .xlsm, .xls): visible sheets, each read once by calamine, within bounds."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator
from typing import Any

from docphim.errors import Refused
from docphim.ingest.reports import sheets_of
from docphim.ingest.reports.rows import Line, Sheet
from docphim.ingest.reports.zipped import member, opened

#: Rows and columns up to the last cell that holds something, and cells in all: a table of reports has fewer, and a single
#: cell far outside would cost the memory of everything between.
MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 200_000, 1_000, 20_000_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls, and the shell of an encrypted .xlsx (MS-OFFCRYPTO)
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# A cell that holds something: one without content ends itself, <c r="B2" s="3"/>.
_CELL = re.compile(rb"<(?:\w+:)?c\s(?:[^>]*?\s)?r=[\"']([A-Z]{1,3})(\d{1,7})[\"'](?:[^>]*[^/>])?>")
# Rough and quick: columns of any cell, and rows from _NEAR_ROWS on.
_ANY_COLUMN = re.compile(rb"r=[\"']([A-Z]{1,3})\d")
_FAR_ROW, _NEAR_ROWS = re.compile(rb"r=[\"'][A-Z]{1,3}\d{6}"), 100_000
_SHEET_PART = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The sheets of a workbook, each read when it is asked for.

    Raises
    ------
    Refused
        `file_protected`; `file_unreadable`: damaged, or larger than a table of reports can be.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

    if data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":  # HTML that is called .xls
        yield from sheets_of(data, "table.html", encoding)
        return
    kind = name.rpartition(".")[2].lower()
    if data.startswith(_OLE) and _ENCRYPTED in data:
        raise Refused("file_protected", "", "the workbook is protected by a password")
    if not data.startswith(_OLE):
        _check_size(data)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            for sheet in book.sheets_metadata:
                hidden = sheet.visible != SheetVisibleEnum.Visible
                yield Sheet(sheet.name, _lines(book, sheet.name), hidden=hidden, decoded=False, record={"format": kind})
    except PasswordError:
        raise Refused("file_protected", "", "the workbook is protected by a password") from None
    except CalamineError:
        raise Refused("file_unreadable", "", "the workbook cannot be read") from None


def _lines(book: Any, title: str) -> Iterator[Line]:
    """The lines of a sheet that are not blank; a cell merged over several lines stands in each of them."""
    from python_calamine import CalamineError

    try:
        sheet = book.get_sheet_by_name(title)
        if sheet.start is None:
            return
        _check_bounds(sheet.total_height, sheet.total_width)
        top, left = sheet.start
        below = _merged_below(sheet.merged_cell_ranges or [])
        last: dict[int, str] = {}
        for number, values in enumerate(sheet.iter_rows(), top + 1):
            cells = [""] * left + _cells(values)
            for column in below.get(number - 1, ()):
                if column < len(cells):
                    cells[column] = cells[column] or last.get(column, "")
            if any(cells):
                yield Line(number, cells)
            if below:
                last = dict(enumerate(cells))
    except CalamineError:
        raise Refused("file_unreadable", "", "the workbook cannot be read") from None


def _merged_below(ranges: list[tuple[tuple[int, int], tuple[int, int]]]) -> dict[int, list[int]]:
    """Line (from 0) → columns where it continues a cell that is merged over lines."""
    below: dict[int, list[int]] = {}
    for (top, left), (bottom, _) in ranges:
        for line in range(top + 1, min(bottom, MOST_ROWS) + 1):
            below.setdefault(line, []).append(left)
    return below


def _check_size(data: bytes) -> None:
    """Refuse a workbook that would unpack beyond bounds, before it is opened: the reader takes memory for every cell."""
    with opened(data, "workbook") as archive:
        for part in archive.infolist():
            inner = member(archive, part)
            if not _SHEET_PART.fullmatch(part.filename):
                continue
            columns = max(map(_column, set(_ANY_COLUMN.findall(inner))), default=0)
            # Most sheets need no closer look at 600,000 cells.
            if _FAR_ROW.search(inner) or columns > MOST_COLUMNS or columns * _NEAR_ROWS > MOST_CELLS:
                filled = {(letters, int(number)) for letters, number in _CELL.findall(inner)}
                _check_bounds(max((row for _, row in filled), default=0), max((_column(c) for c, _ in filled), default=0))


def _column(letters: bytes) -> int:
    """'A' → 1, 'AB' → 28."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _check_bounds(rows: int, columns: int) -> None:
    if rows > MOST_ROWS or columns > MOST_COLUMNS or rows * columns > MOST_CELLS:
        why = (
            f"the sheet has more than {MOST_ROWS:,} rows, {MOST_COLUMNS:,} columns or {MOST_CELLS:,} cells, blank ones counted"
        )
        raise Refused("file_unreadable", "", f"{why}; delete what lies outside the table, or save it as CSV")


def _cells(values: list[Any]) -> list[str]:
    return [value.strip() if isinstance(value, str) else _cell(value) for value in values]


def _cell(value: Any) -> str:
    """A cell that is no text as its text; whole numbers without Excel's decimals, dates as ISO."""
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e17:
        return str(int(value))
    return str(value)
