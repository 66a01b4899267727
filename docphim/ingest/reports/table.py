"""Makes a table of rows from the sheets of a file: header, columns, clean cells, and a reason for each row that is none."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.ingest.reports.cells import cell_text, key_text
from docphim.ingest.reports.encodings import from_legacy, is_legacy, legacy_of
from docphim.ingest.reports.header import DEEPEST, check_fields, empty_table, find_header, has_all, places, whole_header
from docphim.ingest.reports.rows import FIELDS, KEYS, REPORTS, TEXTS, Line, Row, Sheet, Table
from docphim.ingest.reports.strict import judged


@dataclass(frozen=True)
class Reading:
    """How the recipe says that a table is read; see `reports.read_table`."""

    columns: Mapping[str, str]
    encoding: str | None = None
    sheet: str | None = None
    header_row: int | None = None


@dataclass
class _Below:
    """What stands below a header, and which column is which."""

    sheet: Sheet
    header: list[str]
    places: dict[str, int]
    lines: Iterable[Line]


def table_of(sheets: Iterable[Sheet], reading: Reading) -> Table:
    """The rows of every sheet that holds reports; of the first sheet, where none is seen to.

    Raises
    ------
    UsageError
        The recipe names a sheet, a line or a column that is not there; or most reports are in the letters of an old font.
    Refused
        `file_empty`: there is no header.
    """
    check_fields(reading.columns)
    bodies = list(_bodies(sheets, reading))
    rows: list[Row] = []
    damaged: Counter[str] = Counter()
    for below in bodies:
        rows += _rows(below, reading.encoding, damaged)
    if sum(damaged.values()) > len(rows) / 2 and (name := damaged.most_common(1)[0][0]):
        raise UsageError(f"source.encoding: the reports are in the letters of {name.upper()} fonts; say encoding: {name}")
    fields = frozenset(field for below in bodies for field in below.places)
    return Table(rows, fields, frozenset(reading.columns), _record(bodies))


def holds_reports(sheets: Iterable[Sheet], reading: Reading) -> bool:
    """Whether some sheet has a header with a column of report text; no line below a header is read."""
    return any(below.places.keys() & REPORTS and not below.sheet.document for below in _bodies(sheets, reading))


def _bodies(sheets: Iterable[Sheet], reading: Reading) -> Iterator[_Below]:
    """The sheets to be read, each up to its header; documents only where no table holds reports."""
    spare: list[_Below] = []
    documents: list[_Below] = []
    tables = False
    for sheet in _asked_for(sheets, reading.sheet):
        below = _below(sheet, reading)
        if below is None:
            continue
        if sheet.document:
            documents.append(below)
        elif below.places.keys() & REPORTS:
            tables = True
            yield below
        else:
            spare.append(below)
    if not tables:
        for below in spare[:1] if not documents else []:
            places(below.header, reading.columns)  # says which of the recipe's columns is not there
        yield from documents or spare[:1]
        if not (documents or spare):
            raise empty_table() if reading.header_row is None else _no_line(reading.header_row)


def _no_line(number: int) -> UsageError:
    return UsageError(f"source.header_row: the table of reports has no text in line {number} among its first {DEEPEST}")


def _asked_for(sheets: Iterable[Sheet], name: str | None) -> Iterator[Sheet]:
    """The sheet that the recipe names, or all that are not hidden."""
    there = False
    for sheet in sheets:
        if sheet.name == name or (name is None and not sheet.hidden):
            there = True
            yield sheet
    if name is not None and not there:
        raise UsageError(f"source.sheet: the workbook has no sheet {name!r}")


def _below(sheet: Sheet, reading: Reading) -> _Below | None:
    """A sheet up to its header: the line that is known for one, else the first; None where the sheet is blank."""
    first = list(itertools.islice(sheet.lines, DEEPEST))
    columns, header_row = ({}, None) if sheet.named else (reading.columns, reading.header_row)
    at = find_header(first, columns, header_row)
    if not first or (at is None and header_row is not None):
        return None
    at = at or 0
    header = whole_header(first, at)
    while header and not header[-1]:
        header.pop()
    if not header:
        return _Below(sheet, [], {}, itertools.chain(first, sheet.lines))
    fields = places(header, columns) if has_all(header, columns) else {}
    return _Below(sheet, header, fields, itertools.chain(first[at + 1 :], sheet.lines))


def _rows(below: _Below, encoding: str | None, damaged: Counter[str]) -> Iterator[Row]:
    lines: Iterable[Line] = below.lines
    if below.sheet.separator:
        lines = judged(list(lines), len(below.header), below.places, below.sheet.separator)
    for line in lines:
        if [cell.strip() for cell in line.cells[: len(below.header)]] == below.header:
            continue  # printed again on every page
        row = _row(line, below, encoding, damaged)
        if row.cells or row.reason:
            yield row


def _row(line: Line, below: _Below, encoding: str | None, damaged: Counter[str]) -> Row:
    """A line's row: keys as they are spelled, every other cell as clean text."""
    raw = {field: line.cells[at] for field, at in below.places.items() if at < len(line.cells)}
    if encoding and is_legacy(encoding) and not below.sheet.decoded:
        raw = {field: from_legacy(cell, encoding) for field, cell in raw.items()}
    cells = {field: key for field in KEYS if (key := key_text(raw.get(field, "")))}
    if line.reason:
        return Row(line.number, cells, line.reason, below.sheet.name)
    texts: dict[str, str] = {}
    try:
        for field in raw.keys() - set(KEYS):
            texts[field] = cell_text(raw[field])
    except Refused as refusal:
        if refusal.reason == "report_encoding":
            damaged[next(filter(None, (legacy_of(raw.get(field, "")) for field in TEXTS)), "")] += 1
        return Row(line.number, cells, refusal.reason, below.sheet.name)
    texts |= cells
    return Row(line.number, {field: texts[field] for field in FIELDS if texts.get(field)}, "", below.sheet.name)


def _record(bodies: list[_Below]) -> dict[str, Any]:
    """How the table was read; no name of a sheet, which may be a person's."""
    if not bodies:
        return {}
    return {**bodies[0].sheet.record, "sheets": len(bodies)} if len(bodies) > 1 else dict(bodies[0].sheet.record)
