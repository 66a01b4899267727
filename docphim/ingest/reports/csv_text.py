"""CSV and TSV, strictly: a stray quotation mark ends the table where it stands, and never joins two patients' rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from docphim.ingest.reports.encodings import decoded
from docphim.ingest.reports.header import DEEPEST, places
from docphim.ingest.reports.rows import Line, Sheet

_LARGEST_CELL = 10_000_000


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The one table of a CSV or TSV."""
    text, used = decoded(data, encoding)
    text = text.removeprefix("\ufeff")
    kind = "tsv" if name.lower().endswith(".tsv") else "csv"
    separator = "\t" if kind == "tsv" else _separator(text)
    record = {"format": kind, "encoding": used, "separator": separator}
    yield Sheet("", _lines(text, separator), separator, record=record)


def _lines(text: str, separator: str) -> Iterator[Line]:
    """Lines that are not blank, numbered as an editor numbers them.

    From a quotation mark that is not closed, or is followed by other text, the rest cannot be told apart: each further line
    of the file is a line that is refused.
    """
    csv.field_size_limit(_LARGEST_CELL)
    # Not splitlines(): Word's soft line breaks (vertical tab) stand inside cells.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not (number == 1 and _states_separator(cells)):
                yield Line(number, cells)
            number = reader.line_num + 1
    except csv.Error:
        physical = re.split(r"\r\n|\r|\n", text)
        for at, rest in enumerate(physical[number - 1 :], number):
            if rest.strip():
                yield Line(at, [], "row_unreadable")


def _states_separator(cells: list[str]) -> bool:
    return cells[0].startswith("sep=")


def _separator(text: str) -> str:
    """Excel's own `sep=` line, or of , ; tab | the one by which some early line holds most known names of columns.

    Where no name is known: the one that stands most often outside quotes.
    """
    first = text.lstrip("\r\n")[:100_000].split("\n", DEEPEST)[:DEEPEST]
    if stated := re.fullmatch(r"sep=(.)", first[0].strip("\r")):
        return stated[1]
    bare = [re.sub(r'"[^"]*"', "", line) for line in first]

    def weight(separator: str) -> tuple[int, int, int]:
        names = max(len(places([cell.strip(' "\r') for cell in line.split(separator)], {})) for line in first)
        return names, bare[0].count(separator), sum(line.count(separator) for line in bare)

    return max(",;\t|", key=weight)
