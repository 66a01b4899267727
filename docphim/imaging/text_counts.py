"""How many films were looked through for burned-in text and what was done about it, from the rows of index.jsonl."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from docphim.study import Row

#: What can have become of a film, the worst first, in the words of a line of counts.
STATES = {
    "unchecked": "not looked through",
    "kept": "with text that was left",
    "masked": "with text that was masked",
    "clear": "without text but markers",
}


def state(row: Row) -> str:
    """One of `STATES`: what became of the text on the film of a row of index.jsonl."""
    seen = row.get("how", {}).get("burned_in")
    if seen is None:
        return "unchecked"
    if not seen["texts"]:
        return "clear"
    return "masked" if seen["rule"] == "mask" else "kept"


def wires(row: Row) -> list[list[int]]:
    """The boxes of what was taken for wires of a breastbone and left, on the film of a row of index.jsonl."""
    seen = row.get("how", {}).get("burned_in") or {}
    boxes: list[list[int]] = seen.get("wires", [])
    return boxes


def by_state(rows: Iterable[Row], drawn: Collection[str] = ()) -> dict[str, list[Row]]:
    """The films of index.jsonl by what became of their text; every one of `STATES` is there.

    Parameters
    ----------
    drawn : collection of str
        Studies that were drawn and not taken (phantoms): nothing is burned into their films, so they are left out.
    """
    films: dict[str, list[Row]] = {name: [] for name in STATES}
    for row in rows:
        if row.get("modality", "xray") == "xray" and row["study"] not in drawn:
            films[state(row)].append(row)
    return films


def shares(films: dict[str, list[Row]]) -> dict[str, int]:
    """How many films there are of each of `STATES`, `n` in all, and `wires`: those with what was taken for wires and left."""
    counts = {name: len(rows) for name, rows in films.items()}
    left = sum(bool(wires(row)) for rows in films.values() for row in rows)
    return {**counts, "n": sum(counts.values()), "wires": left}


def line(rows: Iterable[Row], drawn: Collection[str] = ()) -> str:
    """The counts in a line; empty where there are no films but drawn ones.

    >>> line([{"modality": "xray", "study": "a", "how": {}}])
    'burned-in text: 1 films not looked through'
    """
    films = by_state(rows, drawn)
    counts = shares(films)
    parts = [f"{counts[name]} films {words}" for name, words in STATES.items() if counts[name]]
    if counts["wires"]:
        parts += [f"of these {counts['wires']} films with what was taken for wires of a breastbone, and left"]
    return "burned-in text: " + ", ".join(parts) if parts else ""
