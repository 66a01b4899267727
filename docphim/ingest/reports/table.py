"""Makes a table of rows from the sheets of a file: header, columns, clean cells, and a reason for each row that is none."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.ingest.reports.cells import cell_text, key_text
from docphim.ingest.reports.documents import is_mixed
from docphim.ingest.reports.encodings import from_legacy, is_legacy, legacy_of
from docphim.ingest.reports.header import (
    DEEPEST,
    OPTIONAL,
    UnclearColumns,
    as_filled,
    check_fields,
    empty_table,
    find_header,
    has_all,
    places,
    repeated,
    whole_header,
)
from docphim.ingest.reports.rows import FIELDS, KEYS, REPORTS, TEXTS, Line, Row, Sheet, Table
from docphim.ingest.reports.strict import judged
from docphim.ingest.values import is_nothing


@dataclass(frozen=True)
class Reading:
    """How the recipe says that a table is read; see `reports.read_table`."""

    columns: Mapping[str, str]
    encoding: str | None = None
    sheet: str | None = None
    header_row: int | None = None


@dataclass
class Below:
    """What stands below a header, and which column is which.

    `repeated` holds further columns of one text field, which may not say something of their own.  `lacking` is true where the
    header names report text, but not a column that the recipe names.
    """

    sheet: Sheet
    header: list[str]
    places: dict[str, int]
    lines: Iterable[Line]
    repeated: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    lacking: bool = False


@dataclass
class Opened:
    """The sheets of a file, each up to its header; no line below is read.

    Attributes
    ----------
    tables, documents : list
        Tables with a column of report text; documents.
    unread : list
        What stands for tables that cannot be read (members of an archive).
    others : list
        Sheets in which no column of report text is seen.
    passed_over : list of Sheet
        Beside tables, sheets of report text without a column that the recipe names.
    """

    reading: Reading
    tables: list[Below] = dataclasses.field(default_factory=list)
    documents: list[Below] = dataclasses.field(default_factory=list)
    unread: list[Below] = dataclasses.field(default_factory=list)
    others: list[Below] = dataclasses.field(default_factory=list)
    passed_over: list[Sheet] = dataclasses.field(default_factory=list)

    @property
    def best(self) -> list[Below]:
        """What to read where this is the only file: tables, else documents, else the first sheet.

        Raises
        ------
        UsageError
            The recipe names a line or a column that is not there.
        Refused
            `file_empty`: there is no header.
        """
        if self.tables or self.documents or self.unread:
            return (self.tables or self.documents) + self.unread
        if not self.others:
            number = self.reading.header_row
            raise empty_table() if number is None else no_line(number)
        places(self.others[0].header, self.reading.columns)  # says which of the recipe's columns is not there
        return self.others[:1]


def opened(sheets: Iterable[Sheet], reading: Reading) -> Opened:
    """The sheets of a file, sorted by what their headers say they hold.

    Raises
    ------
    UsageError
        The recipe names a field that does not exist, or a sheet that is not there.
    """
    check_fields(reading.columns)
    result = Opened(reading)
    for sheet in _asked_for(sheets, reading.sheet):
        below = _below(sheet, reading)
        if below is not None:
            _where(below, result).append(below)
    if not has_all([name for below in result.tables for name in below.header], reading.columns):
        result.tables, result.others = [], result.tables + result.others  # a column that the recipe names is on no sheet
    if result.tables:
        result.passed_over = [below.sheet for below in result.others if below.lacking]
        result.others = [below for below in result.others if not below.lacking]
    return result


def _where(below: Below, result: Opened) -> list[Below]:
    """The list that a sheet belongs to."""
    if below.sheet.document:
        return result.documents
    if below.sheet.unread:
        return result.unread
    return result.tables if below.places.keys() & REPORTS else result.others


def table_of(bodies: Sequence[Below], reading: Reading, *, alone: bool = True, beside: int = 0) -> Table:
    """The rows below some headers.

    Parameters
    ----------
    alone : bool
        These are all reports there are: where most are in the letters of an old font, that is the recipe's mistake.
    beside : int
        How many sheets of the file are passed over since no column of report text is seen; noted in the table's record.

    Raises
    ------
    UsageError
        Most reports are in the letters of an old font, or (`UnclearColumns`) two columns hold different texts of one field.
    """
    rows: list[Row] = []
    damaged: Counter[str] = Counter()
    for below in bodies:
        rows += _rows(below, reading.encoding, damaged)
    if alone and sum(damaged.values()) > len(rows) / 2 and (name := damaged.most_common(1)[0][0]):
        raise UsageError(f"source.encoding: the reports are in the letters of {name.upper()} fonts; say encoding: {name}")
    fields = frozenset(field for below in bodies for field in below.places)
    documents = all(below.sheet.document or below.sheet.unread for below in bodies)
    record = _record(bodies) | ({"sheets_passed_over": beside} if beside else {})
    return Table(rows, fields, frozenset(reading.columns), record, documents)


def no_line(number: int) -> UsageError:
    """The refusal of a table without the line that the recipe calls its header."""
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


def _below(sheet: Sheet, reading: Reading) -> Below | None:
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
        return Below(sheet, [], {}, itertools.chain(first, sheet.lines))
    names, lines = as_filled(header, columns, first[at + 1 :]), itertools.chain(first[at + 1 :], sheet.lines)
    there = {field: name for field, name in columns.items() if has_all(header, {field: name})}
    if not columns.keys() - OPTIONAL <= there.keys():
        return Below(sheet, header, {}, lines, lacking=bool(places(names, {}).keys() & REPORTS))
    fields = places(names, there)
    return Below(sheet, header, fields, lines, repeated(names, fields, columns))


def _rows(below: Below, encoding: str | None, damaged: Counter[str]) -> Iterator[Row]:
    lines: Iterable[Line] = below.lines
    if below.sheet.separator:
        lines = judged(list(lines), len(below.header), below.places, below.sheet.separator)
    for line in lines:
        if _is_header(line.cells, below.header):
            continue  # printed again on every page
        _check_repeated(line, below)
        row = _row(line, below, encoding, damaged)
        if row.cells or row.reason:
            yield row


def _is_header(cells: list[str], header: list[str]) -> bool:
    same = len(cells) >= len(header)
    return same and all(cell.strip() == name for cell, name in zip(cells, header, strict=False))


def _check_repeated(line: Line, below: Below) -> None:
    """Refuse a table whose columns `Mô tả` and `Nhận xét` say two things: which are the findings, the recipe must say."""
    for field, others in below.repeated.items():
        texts = [line.cells[at].strip() for at in (below.places[field], *others) if at < len(line.cells)]
        if any(text != texts[0] and not is_nothing(text) for text in texts[1:]):
            numbers = " and ".join(str(at + 1) for at in (below.places[field], *others))
            why = f"columns {numbers} of the table of reports hold {field} that differ; say which one is read"
            raise UnclearColumns(f"source.columns.{field}: {why}")


def _row(line: Line, below: Below, encoding: str | None, damaged: Counter[str]) -> Row:
    """A line's row: keys as they are spelled, every other cell as clean text."""
    raw = {field: line.cells[at] for field, at in below.places.items() if at < len(line.cells)}
    if encoding and is_legacy(encoding) and not below.sheet.decoded:
        raw = {field: from_legacy(cell, encoding) for field, cell in raw.items()}
    cells = {field: key for field in KEYS if (key := key_text(raw.get(field, "")))}
    reason = line.reason or ("row_unreadable" if line.unclear and line.unclear & _read(below) else "")
    if reason:
        return Row(line.number, cells, reason, below.sheet.name, below.sheet.file)
    texts: dict[str, str] = {}
    try:
        for field, cell in raw.items():
            if field not in KEYS:
                texts[field] = cell_text(cell)
    except Refused as refusal:
        if refusal.reason == "report_encoding":
            damaged[next(filter(None, (legacy_of(raw.get(field, "")) for field in TEXTS)), "")] += 1
        return Row(line.number, cells, refusal.reason, below.sheet.name, below.sheet.file)
    if not below.sheet.document and is_mixed(texts.get("text", "")):
        return Row(line.number, cells, "document_mixed", below.sheet.name, below.sheet.file)
    texts |= cells
    in_order = {field: texts[field] for field in FIELDS if texts.get(field)}
    return Row(line.number, in_order, "", below.sheet.name, below.sheet.file, below.sheet.margins)


def _read(below: Below) -> set[int]:
    """The places of the columns that are read, or must not differ from those."""
    return {*below.places.values(), *(at for others in below.repeated.values() for at in others)}


def _record(bodies: Sequence[Below]) -> dict[str, Any]:
    """How the table was read; no name of a sheet, which may be a person's."""
    if not bodies:
        return {}
    return {**bodies[0].sheet.record, "sheets": len(bodies)} if len(bodies) > 1 else dict(bodies[0].sheet.record)
