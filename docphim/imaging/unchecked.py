"""Which films were let in though their pixels do not tell how they lie, from the rows of index.jsonl."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from docphim.study import Row


def unchecked(rows: Iterable[Row]) -> dict[str, Any]:
    """How many films are unchecked, how many of them in each respect, and of which studies they are.

    >>> unchecked([{"study": "a", "how": {"unchecked": ["position"]}}, {"study": "b", "how": {}}])
    {'films': 1, 'polarity': 0, 'position': 1, 'studies': ['a']}
    """
    films = [row for row in rows if row.get("how", {}).get("unchecked")]
    counts = {name: sum(name in row["how"]["unchecked"] for row in films) for name in ("polarity", "position")}
    return {"films": len(films), **counts, "studies": sorted({row["study"] for row in films})}


def line(rows: Iterable[Row]) -> str:
    """The counts in words; empty where every film was checked.

    >>> line([{"study": "a", "how": {"unchecked": ["polarity", "position"]}}])
    'unchecked by their pixels: 1 films (polarity 1, position 1)'
    """
    counts = unchecked(rows)
    words = "unchecked by their pixels: {films} films (polarity {polarity}, position {position})"
    return words.format(**counts) if counts["films"] else ""
