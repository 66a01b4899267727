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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from docphim.errors import Refused, UsageError
from docphim.language.normalize import normalize

SUFFIXES = (".csv", ".tsv", ".jsonl", ".xlsx")
#: What Docphim knows to do with a column; see columns.yaml.
FIELDS = (
    *("id", "accession", "study_uid", "patient", "name", "doctor", "date", "image"),
    *("findings", "impression", "recommendation", "text", "age", "sex", "view", "split"),
)
_LARGEST_CELL = 10_000_000
_LARGEST_SHEET = 4 << 30  # bytes an .xlsx may unpack to
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
    said: dict[str, Any]


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
        `file_empty` or `file_unreadable`.
    """
    if path.suffix.lower() == ".xlsx":
        lines, said = _sheet_lines(path, sheet), {"format": "xlsx"}
    else:
        text, used = _decoded(path, encoding)
        said = {"format": path.suffix.lower()[1:], "encoding": used}
        if path.suffix.lower() == ".jsonl":
            lines = _json_lines(text)
        else:
            separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
            said["separator"] = separator
            lines = _csv_lines(text, separator)
    header = [normalize(name) for name in next(lines, [])]
    if not any(header):
        raise Refused("file_empty", "", "the table of reports has no header")
    places = _places(header, columns)
    rows = [row for number, cells in enumerate(lines, 2) if (row := _row(number, cells, places, len(header))) is not None]
    return Table(rows, frozenset(places), frozenset(columns), said)


def has_reports(path: Path, encoding: str | None, sheet: str | None) -> bool:
    """Whether a file is a table with a column of report text, by its header."""
    try:
        columns = read_table(path, columns={}, encoding=encoding, sheet=sheet).columns
    except (Refused, UsageError):
        return False
    return bool(columns & {"findings", "impression", "text"})


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
    if told := re.fullmatch(r"sep=(.)", first):
        return told[1]
    bare = re.sub(r'"[^"]*"', "", first)
    return max(",;\t|", key=bare.count)


def _csv_lines(text: str, separator: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LARGEST_CELL)
    # Not splitlines(): Word's soft line breaks (vertical tab) stand inside cells.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for line in reader:
            if any(cell.strip() for cell in line) and not (reader.line_num == 1 and line[0].startswith("sep=")):
                yield line
    except csv.Error:
        raise Refused("file_unreadable", "", f"the table of reports breaks off near line {reader.line_num}") from None


def _json_lines(text: str) -> Iterator[list[str]]:
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


def _sheet_lines(path: Path, sheet: str | None) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # slow to import, and only Excel's files need it

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _LARGEST_SHEET:
                raise Refused("file_unreadable", "", "the workbook unpacks to more than 4 GiB")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations, which do not concern us
            book = load_workbook(path, read_only=True, data_only=True)
            with contextlib.closing(book):
                if sheet is not None and sheet not in book.sheetnames:
                    raise UsageError(f"source.sheet: the workbook has no sheet {sheet!r}")
                chosen = book[sheet] if sheet is not None else book.worksheets[0]
                lines = [[_cell(value) for value in line] for line in chosen.iter_rows(values_only=True)]
    except (Refused, UsageError, OSError):
        raise
    except Exception:  # zipfile, zlib and the XML parser raise their own, in the middle of a sheet too
        raise Refused("file_unreadable", "", "the workbook cannot be read") from None
    yield from (cells for cells in lines if any(cells))


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
    found = {field: cells[at].strip() for field, at in places.items() if at < len(cells) and cells[at].strip()}
    ragged = any(cell.strip() for cell in cells[width:])
    return Row(number, found, ragged) if found or ragged else None


@cache
def _aliases() -> dict[str, list[str]]:
    data: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8"))
    return data


def image_names(cell: str) -> Iterable[str]:
    """The files that one cell names, separated by ';' or '|'."""
    return (name.strip().replace("\\", "/").removeprefix("./") for name in re.split(r"[;|]", cell) if name.strip())
