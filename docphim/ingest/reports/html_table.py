"""Tables of HTML, which many information systems write and call .xls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docphim.errors import Refused
from docphim.ingest.reports.cells import cell_text
from docphim.ingest.reports.encodings import decoded
from docphim.ingest.reports.rows import Line, Sheet

_LARGEST = 128 << 20  # bytes, of which a tree is made
_WIDEST = 1_000  # cells that one cell may stand for


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The tables of an HTML, each a sheet named by its number from 1.

    Raises
    ------
    Refused
        `file_unreadable`: it is larger than 128 MiB, or nested too deep.
    UsageError
        It is in another encoding.
    """
    from lxml import etree

    if len(data) > _LARGEST:
        raise Refused("file_unreadable", "", f"the HTML of reports has more than {_LARGEST >> 20} MiB")
    text, used = decoded(data, encoding)
    parser = etree.HTMLParser(huge_tree=True, remove_comments=True, no_network=True)
    root = etree.fromstring(text.removeprefix("\ufeff").partition("?>")[2] if text.startswith("<?") else text, parser)
    if root is None or any(error.level_name == "FATAL" for error in parser.error_log):
        raise Refused("file_unreadable", "", "the HTML of reports cannot be read")
    for number, table in enumerate(root.iter("table"), 1):
        yield Sheet(str(number), _lines(table), record={"format": "html", "encoding": used})


def _lines(table: Any) -> Iterator[Line]:
    """The lines of one table, without those of tables inside it; a cell that spans lines stands in each of them."""
    rows = [row for row in table.iter("tr") if next(row.iterancestors("table")) is table]
    above: dict[int, tuple[int, str]] = {}  # column → lines that its cell still spans, and the cell
    for number, row in enumerate(rows, 1):
        cells: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        reason = ""
        for cell in row.iterchildren("td", "th"):
            _continue(cells, above, below)
            try:
                text = _text(cell)
            except Refused as refusal:
                text, reason = "", refusal.reason
            texts = [text] + [""] * (_span(cell, "colspan") - 1)
            if (lines := _span(cell, "rowspan")) > 1:
                below |= {len(cells) + i: (lines - 1, piece) for i, piece in enumerate(texts)}
            cells += texts
        _continue(cells, above, below)
        above = below
        if any(cells) or reason:
            yield Line(number, cells, reason)


def _continue(cells: list[str], above: dict[int, tuple[int, str]], below: dict[int, tuple[int, str]]) -> None:
    """Add the cells from lines above that stand next in this line."""
    while len(cells) in above:
        lines, text = above[len(cells)]
        if lines > 1:
            below[len(cells)] = (lines - 1, text)
        cells.append(text)


def _text(cell: Any) -> str:
    from lxml import etree

    return cell_text(etree.tostring(cell, encoding="unicode", method="html", with_tail=False))


def _span(cell: Any, name: str) -> int:
    number = cell.get(name, "1").strip()
    return min(int(number), _WIDEST) if number.isdecimal() and int(number) else 1
