"""Reads reports: tables (CSV, TSV, JSONL, Excel, XML), documents (Word, RTF, text, PDF), archives of either.

A format is a module with `sheets(data, name, encoding)`, which gives `rows.Sheet`s of the file's bytes.  To add one, write
the module and add its line to `FORMATS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from docphim.errors import Refused, UsageError
from docphim.ingest.reports.cells import cell_text, key_text
from docphim.ingest.reports.encodings import WrongEncoding
from docphim.ingest.reports.rows import DOCUMENTS, FIELDS, REPORTS, Line, Row, Sheet, Table, image_names, merged
from docphim.ingest.reports.table import Opened, Reading, opened, table_of

__all__ = ["DOCUMENTS", "FIELDS", "REPORTS", "SUFFIXES", "Reading", "Row", "Table", "cell_text", "image_names"]
__all__ += ["key_text", "merged", "open_documents", "open_table", "read_documents", "read_table", "sheets_of"]

FORMATS: dict[str, str] = {
    ".csv": "docphim.ingest.reports.csv_text",
    ".tsv": "docphim.ingest.reports.csv_text",
    ".jsonl": "docphim.ingest.reports.json_lines",
    ".xlsx": "docphim.ingest.reports.workbook",
    ".xlsm": "docphim.ingest.reports.workbook",
    ".xls": "docphim.ingest.reports.workbook",
    ".html": "docphim.ingest.reports.html_table",
    ".htm": "docphim.ingest.reports.html_table",
    ".xml": "docphim.ingest.reports.xml_export",
    ".docx": "docphim.ingest.reports.word",
    ".doc": "docphim.ingest.reports.word",
    ".txt": "docphim.ingest.reports.plain",
    ".rtf": "docphim.ingest.reports.plain",
    ".pdf": "docphim.ingest.reports.pdf",
    ".zip": "docphim.ingest.reports.archive",
}
#: Files that hold tables.
SUFFIXES = tuple(suffix for suffix in FORMATS if suffix not in DOCUMENTS)
_LARGEST_FILE = 512 << 20  # bytes


def read_table(
    path: Path,
    *,
    columns: Mapping[str, str],
    encoding: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
) -> Table:
    """Read a file of reports and give its columns Docphim's names.

    Parameters
    ----------
    columns : mapping
        Field (`FIELDS`) → the table's own column name; fields that are not given are recognised by columns.yaml.
    encoding : str, optional
        Of a text; by default what its byte order mark says, else UTF-8 and nothing else.  `tcvn3` and `vni` also say that
        the cells of a workbook or document are in the letters of such fonts.
    sheet : str, optional
        Of a workbook, or a member of an archive; by default every visible one whose header names report text.
    header_row : int, optional
        The header's line, from 1; by default it is looked for below title lines.

    Raises
    ------
    UsageError
        The encoding, sheet, line or a column is not the table's; the message holds nothing of the table's content.
    Refused
        `file_empty`, `file_protected`, `unsafe_path` (an archive's), or `file_unreadable` (larger than a table of reports can
        be, too).
    """
    file = open_table(path, Reading(columns, encoding, sheet, header_row))
    return table_of(file.best, file.reading)


def open_table(path: Path, reading: Reading) -> Opened:
    """A file of reports up to its headers; raises as `read_table` does, but for columns that are not there."""
    return opened(_sheets_in(path, reading.encoding), reading)


def read_documents(paths: Iterable[Path], *, encoding: str | None = None) -> Table:
    """Read documents, one patient's report each, as a table with a row for each.

    `id` is the number that a label in the text gives (`Số phiếu: …`, `Mã BN: …`), else the file's name, which stands as
    `image` too.  A document that cannot be used is a row with its reason.

    Raises
    ------
    UsageError
        Most of the texts are in another encoding than the recipe says.
    """
    reading = Reading({}, encoding)
    return table_of(open_documents(paths, reading).documents, reading)


def open_documents(paths: Iterable[Path], reading: Reading, *, alone: bool = True) -> Opened:
    """The documents as sheets of one line each.

    Parameters
    ----------
    alone : bool
        There is no table: where most of the texts are in another encoding, that is the recipe's mistake and not theirs.

    Raises
    ------
    WrongEncoding
        Most of the texts are in another encoding than the recipe says.
    """
    return opened(_documents(list(paths), reading.encoding, alone), Reading({}, reading.encoding))


def sheets_of(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The sheets of a file by the suffix of its name; read as they are asked for."""
    suffix = Path(name).suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"source.reports: must be one of {', '.join(FORMATS)}")
    if not data:
        raise Refused("file_empty", "", "the file of reports has no bytes")
    yield from importlib.import_module(FORMATS[suffix]).sheets(data, name, encoding)


def refused_sheet(name: str, reason: str) -> Sheet:
    """A sheet in the place of a file that cannot be read: one line with its name and the reason."""
    place = Path(name)
    lines = [Line(0, ["id", "image", "text"]), Line(0, [place.stem, place.stem, ""], reason)]
    document = place.suffix.lower() in DOCUMENTS
    return Sheet(name, iter(lines), document=document, unread=not document, named=True)


def _documents(paths: list[Path], encoding: str | None, alone: bool) -> Iterator[Sheet]:
    wrong: list[WrongEncoding] = []
    for path in paths:
        try:
            yield from (replace(sheet, name="") for sheet in _sheets_in(path, encoding))
        except Refused as refusal:
            yield replace(refused_sheet(path.name, refusal.reason), name="", file=str(path))
        except WrongEncoding as error:
            wrong.append(error)
            yield replace(refused_sheet(path.name, "report_encoding"), name="", file=str(path))
    if alone and len(wrong) > len(paths) / 2:
        raise wrong[0]


def _sheets_in(path: Path, encoding: str | None) -> Iterator[Sheet]:
    for sheet in sheets_of(_bytes(path), path.name, encoding):
        yield replace(sheet, file=str(path))


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise Refused("file_unreadable", "", f"the file of reports has more than {_LARGEST_FILE >> 20} MiB")
        return path.read_bytes()
    except FileNotFoundError:
        raise Refused("file_missing", "", "the file of reports is not there any more") from None
    except OSError:
        raise Refused("file_unreadable", "", "the file of reports cannot be read") from None
