"""The rules of the grammar: rows of grammar/*.yaml, each a decision (`do`) with the atoms that must and must not hold.

An atom is a method of a view (py): a named yes or no about the words at hand.  The first row that fits decides; the
last row of every table fits always.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docphim.language.read.atoms.again import AgainView
from docphim.language.read.atoms.inherit import InheritView
from docphim.language.read.atoms.lone import LoneView
from docphim.language.read.atoms.phrase import PhraseView
from docphim.language.read.atoms.place import PlaceView
from docphim.language.read.atoms.role import RoleView
from docphim.language.read.atoms.scope import BackView, ScopeView
from docphim.language.read.atoms.share import ShareView
from docphim.package_data import packaged

FOLDER = Path(__file__).parent / "grammar"
#: Table: the view that its rows ask, and what they may do.
TABLES: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "role": (RoleView, ("place", "modifier", "predicate")),
    "phrase": (PhraseView, ("extend", "new", "stay", "node")),
    "place": (PlaceView, ("left", "right", "topic")),
    "lone": (
        LoneView,
        (
            "header",
            "drop",
            "cue",
            "next",
            "lead",
            "prev",
            "list",
            "owner",
            "more",
            "copy",
            "absent",
            "obscured",
            "context",
            "words",
        ),
    ),
    "scope": (ScopeView, ("hold", "stop")),
    "back": (BackView, ("on", "stop")),
    "share": (ShareView, ("all", "side", "anatomy", "stop")),
    "again": (AgainView, ("merge", "new")),
    "anatomy": (InheritView, ("word", "of", "place", "usual", "topic", "lender", "none")),
    "side": (InheritView, ("place", "word", "topic", "header", "none")),
    "location": (InheritView, ("place", "topic", "none")),
    "topic": (InheritView, ("take", "keep")),
}
Atom = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: what it does, the atoms it needs and those that bar it, an example, and why it is there."""

    name: str
    do: str
    needs: tuple[Atom, ...]
    bars: tuple[Atom, ...]
    atoms: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    example: Mapping[str, Any] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order in which they are asked."""

    name: str
    rows: Sequence[Row]

    def decide(self, view: Any) -> Row:
        """The first row whose atoms fit."""
        for row in self.rows:
            for atom in row.needs:
                if not atom(view):
                    break
            else:
                for atom in row.bars:
                    if atom(view):
                        break
                else:
                    return row
        raise AssertionError(f"table {self.name}: no row fits")


Grammar = Mapping[str, Table]


@functools.cache
def load_grammar(language: str) -> Grammar:
    """The tables of a language: its rows, then those of all languages."""
    mine, common = (packaged(FOLDER / f"{name}.yaml") for name in (language, "common"))
    return {name: Table(name, tuple(_rows(name, [*(mine.get(name) or ()), *(common.get(name) or ())]))) for name in TABLES}


def _rows(table: str, listed: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    view, verbs = TABLES[table]
    for entry in listed:
        needs, bars = tuple(entry.get("if") or ()), tuple(entry.get("unless") or ())
        if entry["do"] not in verbs:
            raise ValueError(f"grammar: {entry['id']}: {entry['do']!r} is not one of {', '.join(verbs)}")
        unknown = [atom for atom in needs + bars if not hasattr(view, atom)]
        if unknown:
            raise ValueError(f"grammar: {entry['id']}: no atom {unknown[0]!r} in table {table}")
        must, must_not = (tuple(getattr(view, atom) for atom in atoms) for atoms in (needs, bars))
        yield Row(entry["id"], entry["do"], must, must_not, (needs, bars), entry.get("example"), entry.get("why", ""))
