"""Rows of a file of JSON lines, or of CSV or TSV with a header line (RFC 4180, read strictly), each with its line's number."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from docphim.errors import Refused

#: A report of more characters is no report.
csv.field_size_limit(10_000_000)

#: What separates the cells of a table, by the ending of its file's name; any other file is JSON lines.
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
#: Runs of what an id is made of, and what stands for each in its shape: "s12" and "s7" have one.
_SHAPES = tuple((re.compile(run), sign) for run, sign in (("[a-z]+", "a"), ("[A-Z]+", "A"), ("[0-9]+", "9")))
#: A number with decimals after a comma is one number, and no two cells.
_DECIMAL = re.compile(r"\d+,\d")


def rows(path: Path, name: str, reason: str = "pairs_unreadable") -> Iterator[tuple[int, Any]]:
    """Each line's number and content: what its JSON says, or the cells of a table by its header.

    Parameters
    ----------
    name, reason : str
        What the file is called in a refusal, and the reason code.

    Raises
    ------
    Refused
        `file_missing`; `reason`, with the line's number: not UTF-8, not JSON or CSV, a column that stands twice, a row of
        another width, a cell that holds whole rows (a quote is astray).
    """
    lines = _decoded(path, name, reason)
    separator = _SEPARATORS.get(path.suffix.lower())
    reading = _json(lines) if separator is None else _table(lines, separator)
    try:
        yield from reading
    except _Unreadable as fault:
        raise Refused(reason, name, str(fault)) from None


class _Unreadable(ValueError):
    """What is wrong with a line, in words."""


def _decoded(path: Path, name: str, reason: str) -> Iterator[str]:
    try:
        with path.open("rb") as handle:
            for number, line in enumerate(handle, 1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except FileNotFoundError:
        raise Refused("file_missing", name) from None
    except UnicodeDecodeError:
        raise Refused(reason, name, f"line {number} is not UTF-8") from None
    except OSError as error:
        raise Refused(reason, name, f"the file cannot be read: {error.strerror}") from None


def _json(lines: Iterator[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                raise _Unreadable(f"line {number} is not JSON; every line is one object") from None
            yield number, row


def _table(lines: Iterator[str], separator: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        double = next((column for column in header if column and header.count(column) > 1), None)
        if double is not None:
            raise _Unreadable(f"line 1 has two columns {double!r}")
        for cells in filter(None, reader):
            if len(cells) != len(header):
                raise _Unreadable(f"line {reader.line_num} has {len(cells)} cells, the header {len(header)}")
            if _holds_rows(cells, header, separator):
                raise _Unreadable(f"line {reader.line_num} has a cell that holds other rows: a quote is astray")
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise _Unreadable(f"line {reader.line_num} is not CSV: {error}") from None


def _holds_rows(cells: Sequence[str], header: Sequence[str], separator: str) -> bool:
    """Whether a quote astray swallowed the rows that follow: their lines then stand inside one cell, each with an id.

    "Tim, phổi, trung thất bình thường." is a line of a report, though it may have as many parts as there are columns.
    """
    place = header.index("id") if "id" in header else 0
    for cell in cells:
        for line in cell.splitlines()[1:]:
            parts = line.split(separator)
            like = len(parts) == len(header) and _shape(parts[place]) == _shape(cells[place])
            if like and not _DECIMAL.match(line) and not any(part.startswith(" ") for part in parts):
                return True
    return False


def _shape(text: str) -> str:
    """An id with one sign for each run of small letters, of capitals and of digits: "CXR-0012" is "A-9"."""
    for run, sign in _SHAPES:
        text = run.sub(sign, text)
    return text
