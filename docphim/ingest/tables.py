"""Reads a table of reports: CSV, TSV, JSONL or XLSX, in the encodings and separators that people's programs write."""

from __future__ import annotations

import codecs
import contextlib
import csv
import datetime
import io
import json
import re
import warnings
import zipfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.language.normalize import normalize
from docphim.package_data import packaged

SUFFIXES = (".csv", ".tsv", ".jsonl", ".xlsx")
#: What Docphim knows to do with a column; see columns.yaml.
FIELDS = (
    *("id", "accession", "study_uid", "patient", "name", "doctor", "date", "image"),
    *("findings", "impression", "recommendation", "text", "age", "sex", "view", "split"),
)
_LARGEST_CELL = 10_000_000
_LARGEST_BOOK = 256 << 20  # bytes an .xlsx may unpack to: minutes to read
#: Rows (blank ones too) and columns of a sheet that are read: a table of reports has fewer, and a mistaken one never ends.
_MOST_ROWS, _MOST_COLUMNS = 200_000, 1_000
_BOMS = [(codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file (the header is 1) and the cells of the known columns that are not empty."""

    number: int
    cells: dict[str, str]
    ragged: bool = False

    def get(self, field: str) -> str:
        """A cell, '' where there is none."""
        return self.cells.get(field, "")


@dataclass(frozen=True)
class Table:
    """The rows, the fields that were found (`columns`), those the recipe named, and how the file was read."""

    rows: list[Row]
    columns: frozenset[str]
    named: frozenset[str]
    record: dict[str, Any]


def read_table(path: Path, *, columns: dict[str, str], encoding: str | None = None, sheet: str | None = None) -> Table:
    """Read a table and give its columns Docphim's names.

    Parameters
    ----------
    columns : dict
        Field (`FIELDS`) → the table's own column name; fields that are not given are recognised by columns.yaml.
    encoding : str, optional
        Of a CSV, TSV or JSONL; by default what its byte order mark says, else UTF-8 and nothing else.
    sheet : str, optional
        Of an XLSX; by default its first.

    Raises
    ------
    UsageError
        The encoding or a column is not the table's; the message holds nothing of the table's content.
    Refused
        `file_empty` or `file_unreadable` (a workbook larger than a table of reports can be, too).
    """
    lines, record = _opened(path, encoding, sheet)
    with contextlib.closing(lines):
        header = _header(lines)
        places = _places(header, columns)
        parsed = (_row(number, cells, places, len(header)) for number, cells in enumerate(lines, 2))
        rows = [row for row in parsed if row is not None]
    return Table(rows, frozenset(places), frozenset(columns), record)


def has_reports(path: Path, encoding: str | None, sheet: str | None) -> bool:
    """Whether a file is a table with a column of report text, by its header: no other row is read."""
    try:
        lines, _ = _opened(path, encoding, sheet)
        with contextlib.closing(lines):
            columns = _places(_header(lines), {})
    except (Refused, UsageError):
        return False
    return bool(columns.keys() & {"findings", "impression", "text"})


def _opened(path: Path, encoding: str | None, sheet: str | None) -> tuple[Generator[list[str]], dict[str, Any]]:
    """A table's lines of cells, the header first, and how they are read."""
    kind = path.suffix.lower()[1:]
    if kind == "xlsx":
        return _sheet_lines(path, sheet), {"format": kind}
    text, used = _decoded(path, encoding)
    if kind == "jsonl":
        return _json_lines(text), {"format": kind, "encoding": used}
    separator = "\t" if kind == "tsv" else _separator(text)
    return _csv_lines(text, separator), {"format": kind, "encoding": used, "separator": separator}


def _header(lines: Iterator[list[str]]) -> list[str]:
    header = [normalize(name) for name in next(lines, [])]
    if not any(header):
        raise Refused("file_empty", "", "the table of reports has no header")
    return header


def _decoded(path: Path, encoding: str | None) -> tuple[str, str]:
    data = path.read_bytes()
    used = encoding or next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(used), used
    except LookupError:
        raise UsageError(f"source.encoding: no encoding is called {encoding!r}; try utf-8, utf-16, cp1258, cp1252") from None
    except UnicodeDecodeError:
        why = (
            f"the table of reports is not {used.upper()}; say what it is, such as utf-16, cp1258 (Windows Vietnamese) or cp1252"
        )
        raise UsageError(f"source.encoding: {why}") from None


def _separator(text: str) -> str:
    """Excel's own `sep=` line, or whichever of , ; tab | the header holds most often outside quotes."""
    first = text.lstrip("\r\n").split("\n", 1)[0].strip("\r")
    if stated := re.fullmatch(r"sep=(.)", first):
        return stated[1]
    bare = re.sub(r'"[^"]*"', "", first)
    return max(",;\t|", key=bare.count)


def _csv_lines(text: str, separator: str) -> Generator[list[str]]:
    csv.field_size_limit(_LARGEST_CELL)
    # Not splitlines(): Word's soft line breaks (vertical tab) stand inside cells.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for line in reader:
            if any(cell.strip() for cell in line) and not (reader.line_num == 1 and line[0].startswith("sep=")):
                yield line
    except csv.Error:
        raise Refused("file_unreadable", "", f"the table of reports breaks off near line {reader.line_num}") from None


def _json_lines(text: str) -> Generator[list[str]]:
    """Rows of JSON objects under the union of their keys."""
    objects = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_float=str)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refused("file_unreadable", "", f"line {number} of the table of reports is not a JSON object")
        objects.append(value)
    header = list(dict.fromkeys(key for o in objects for key in o))
    yield header
    for o in objects:
        yield [_cell(o.get(key)) for key in header]


def _sheet_lines(path: Path, sheet: str | None) -> Generator[list[str]]:
    """The rows of a sheet that are not blank, read once, as they are asked for.

    Raises
    ------
    Refused
        `file_unreadable`: damaged, or larger than `_LARGEST_BOOK`, `_MOST_ROWS` or `_MOST_COLUMNS`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _LARGEST_BOOK:
                raise Refused("file_unreadable", "", f"the workbook unpacks to more than {_LARGEST_BOOK >> 20} MiB")
        with contextlib.closing(_workbook(path)) as book:
            if sheet is not None and sheet not in book.sheetnames:
                raise UsageError(f"source.sheet: the workbook has no sheet {sheet!r}")
            chosen = book[sheet] if sheet is not None else book.worksheets[0]
            chosen.reset_dimensions()  # what the file says of its size may be wrong, and rows beyond would be lost
            for number, line in enumerate(chosen.iter_rows(values_only=True), 1):
                if number > _MOST_ROWS or len(line) > _MOST_COLUMNS:
                    why = f"the sheet has more than {_MOST_ROWS:,} rows or {_MOST_COLUMNS:,} columns, blank ones counted"
                    raise Refused("file_unreadable", "", f"{why}; delete what lies outside the table, or save it as CSV")
                cells = [_cell(value) for value in line]
                if any(cells):
                    yield cells
    except (Refused, UsageError, OSError):
        raise
    except Exception:  # zipfile, zlib and the XML parser raise their own, in the middle of a sheet too
        raise Refused("file_unreadable", "", "the workbook cannot be read") from None


def _workbook(path: Path) -> Any:
    from openpyxl import load_workbook  # slow to import, and only Excel's files need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and validations, which do not concern us
        return load_workbook(path, read_only=True, data_only=True)


def _cell(value: Any) -> str:
    """A cell as its text; whole numbers without Excel's decimals, dates as ISO, lists joined by ';'."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ";".join(map(_cell, value))
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e17:
        return str(int(value))
    return str(value)


def _places(header: list[str], columns: dict[str, str]) -> dict[str, int]:
    """Field → position of its column."""
    unknown = sorted(set(columns) - set(FIELDS))
    if unknown:
        raise UsageError(f"source.columns: no field {unknown[0]!r}; known: {', '.join(FIELDS)}")
    places = {}
    for field, name in columns.items():
        if normalize(name) not in header:
            raise UsageError(f"source.columns.{field}: the table of reports has no column {name!r} among its {len(header)}")
        places[field] = header.index(normalize(name))
    plain = [re.sub(r"[_.\s-]+", " ", name).strip() for name in header]
    for field in FIELDS:
        free = [plain.index(a) for a in _aliases()[field] if a in plain and plain.index(a) not in places.values()]
        if field not in places and free:
            places[field] = free[0]
    return places


def _row(number: int, cells: list[str], places: dict[str, int], width: int) -> Row | None:
    filled = {field: cells[at].strip() for field, at in places.items() if at < len(cells) and cells[at].strip()}
    ragged = any(cell.strip() for cell in cells[width:])
    return Row(number, filled, ragged) if filled or ragged else None


@cache
def _aliases() -> dict[str, list[str]]:
    data: dict[str, list[str]] = packaged(Path(__file__).with_name("columns.yaml"))
    return data


def image_names(cell: str) -> Iterable[str]:
    """The files that one cell names, separated by ';' or '|'."""
    return (name.strip().replace("\\", "/").removeprefix("./") for name in re.split(r"[;|]", cell) if name.strip())
