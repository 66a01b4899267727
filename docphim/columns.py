"""Rows of text as lines of aligned columns."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], sides: str) -> str:
    """Rows as lines, every column as wide as its widest cell; no blanks at the end of a line, so that it pastes well.

    Parameters
    ----------
    sides : str
        `<` or `>` for each column: on which side its cells begin.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:{side}{w}}" for cell, side, w in zip(row, sides, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
