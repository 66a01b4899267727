"""What makes a row of a text table doubtful: other rows inside its cell, a row broken in two, cells that have shifted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from docphim.ingest.reports.rows import KEYS, Line
from docphim.ingest.values import age_of, day_of, is_nothing, sex_of, year_of

_UNKNOWN = {"?", "o", "u", "x", "unknown", "other", "khác", "không rõ", "không", "k", "ko rõ", "chưa rõ", "kxđ"}
_WORD = re.compile(r"[^\W\d_].*[^\W\d_]", re.DOTALL)
#: The end of a file's name, which need hold no digit: `ARDSSevere.png`.
_FILE = re.compile(r"\.[A-Za-z]{2,5}\s*$")
#: Whether a cell may stand in its column; a text of another column has a word where a number or a code should be.
_READERS: dict[str, Callable[[str], object]] = {
    "age": lambda cell: age_of(cell) is not None or cell[0].isdigit() or not _WORD.search(cell),
    "sex": lambda cell: sex_of(cell) is not None or len(cell) == 1,
    **dict.fromkeys(KEYS, lambda cell: _FILE.search(cell) or (re.search(r"\d", cell) and " " not in cell)),
    "date": lambda cell: day_of(cell) or year_of(cell) or re.search(r"\d", cell) or not _WORD.search(cell),
}
_MOSTLY = 0.75


def judged(lines: Sequence[Line], width: int, places: Mapping[str, int], separator: str) -> list[Line]:
    """The lines below a header; those that may hold parts of other rows get the reason `row_unreadable`.

    Parameters
    ----------
    width : int
        How many cells the header has.
    places : mapping
        Field → position of its column.
    separator : str
        Between the cells of the file.
    """
    starts = _starts([line for line in lines if len(line.cells) >= width] or lines)
    doubtful: set[int] = set()
    for at, line in enumerate(lines):
        if any(cell.strip() for cell in line.cells[width:]) or _holds_rows(line, starts, separator):
            doubtful.add(at)
        if _is_part(lines, at, width, starts):
            doubtful |= _around(lines, at, starts)
    doubtful |= _shifted(lines, places)
    return [replace(line, reason="row_unreadable") if at in doubtful else line for at, line in enumerate(lines)]


def _starts(lines: Sequence[Line]) -> Counter[str]:
    """The shapes of the first cells, where rows begin with an id or a number: 'A9', '9'; none where they begin with text."""
    first = [line.cells[0].strip() for line in lines if line.cells and line.cells[0].strip()]
    if sum(" " not in cell for cell in first) < _MOSTLY * len(first):
        return Counter()
    return Counter(_shape(cell) for cell in first if " " not in cell)


def _shape(cell: str) -> str:
    """'XQ-0012' → 'a-9': runs of letters and of digits."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell.strip()))


def _holds_rows(line: Line, starts: Counter[str], separator: str) -> bool:
    """Whether a cell holds line ends after which other rows begin: a stray quotation mark had opened it."""
    for cell in line.cells:
        for piece in re.split(r"[\r\n]+", cell)[1:]:
            first, rest, _ = piece.partition(separator)
            if rest and any(c.isdigit() for c in first) and _shape(first) in starts:
                return True
    return False


def _begins(line: Line, starts: Counter[str], others: int = 0) -> bool:
    """Whether a line begins as rows do: as some row, or as this many others."""
    return bool(line.cells) and starts[_shape(line.cells[0])] > others


def _around(lines: Sequence[Line], at: int, starts: Counter[str]) -> set[int]:
    """A piece of a row, the line before it unless the piece begins as rows do, and the next one where that may be a piece too.

    An id that a line end has broken is such: `A` above `104;…` among `A103`, `A105`.
    """
    before = set() if _begins(lines[at], starts) else {at - 1}
    after = {at + 1} if at + 1 < len(lines) and not _begins(lines[at + 1], starts, others=1) else set()
    return before | {at} | after


def _is_part(lines: Sequence[Line], at: int, width: int, starts: Counter[str]) -> bool:
    """Whether a line is one of the pieces of a row that a line end has broken, or the cut end of the file.

    Some programs leave out the empty cells at a row's end; such a row begins with an id and a whole row follows it.
    """
    cells = lines[at].cells
    if len(cells) >= width:  # the piece may hold a separator of its own; a line of one cell is a sum or a signature
        odd = " " in cells[0].strip() and not _FILE.search(cells[0])
        strange = bool(starts and odd) and not _begins(lines[at], starts)
        return strange and sum(bool(cell.strip()) for cell in cells) > 1
    if not cells or not _begins(lines[at], starts):
        return bool(cells)
    if at + 1 == len(lines):
        return any(len(line.cells) >= width for line in lines)
    following = lines[at + 1]
    return bool(following.cells) and not _begins(following, starts, others=1)


def _shifted(lines: Sequence[Line], places: Mapping[str, int]) -> set[int]:
    """Lines whose age, sex, date or id is another column's text, where the column can be read in nearly every other line."""
    wrong: set[int] = set()
    for field, reads in _READERS.items():
        if field not in places:
            continue
        cells = {at: line.cells[places[field]].strip() for at, line in enumerate(lines) if len(line.cells) > places[field]}
        odd = {at for at, cell in cells.items() if not (is_nothing(cell) or cell.lower() in _UNKNOWN or reads(cell))}
        if len(odd) <= (1 - _MOSTLY) * len(cells) or (len(odd) == 1 and field not in KEYS):
            wrong |= {at for at in odd if sum(bool(cell.strip()) for cell in lines[at].cells) > 1}
    return wrong
