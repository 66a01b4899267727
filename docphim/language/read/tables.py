"""The rules of the grammar: rows of grammar/*.yaml, each a decision (`do`) with the atoms that must and must not hold.

An atom is a method of a view (py): a named yes or no about the words at hand.  The first row that fits decides; the
last row of every table fits always.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from docphim.errors import UsageError, printable
from docphim.language.read.atoms.again import AgainView
from docphim.language.read.atoms.inherit import InheritView
from docphim.language.read.atoms.lone import LoneView
from docphim.language.read.atoms.phrase import PhraseView
from docphim.language.read.atoms.place import PlaceView
from docphim.language.read.atoms.role import RoleView
from docphim.language.read.atoms.scope import BackView, ScopeView
from docphim.language.read.atoms.share import ShareView
from docphim.language.read.rows import Row, check_order, rows_of
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


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order in which they are asked; `always` is what is done where the first row fits always."""

    name: str
    rows: Sequence[Row]
    always: str | None = None
    known: dict[tuple[bool, ...], Table] = field(default_factory=dict, repr=False, compare=False)

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

    def narrowed(self, view: Any, names: Sequence[str]) -> Table:
        """The rows that are left once some atoms are answered; each set of answers is worked out once.

        Of "if: [placed]", "if: [conj]", "always" the last two are left where `placed` is no, the first where it is yes.
        """
        answers = tuple([bool(getattr(view, name)()) for name in names])
        if answers not in self.known:
            self.known[answers] = _left(self, dict(zip(names, answers, strict=True)))
        return self.known[answers]


def _left(table: Table, answers: Mapping[str, bool]) -> Table:
    rows: list[Row] = []
    for row in table.rows:
        needs, bars = row.atoms
        if all(answers.get(atom, True) for atom in needs) and not any(answers.get(atom, False) for atom in bars):
            must, must_not = (tuple(a for a in atoms if a.__name__ not in answers) for atoms in (row.needs, row.bars))
            rows.append(replace(row, needs=must, bars=must_not))
            if not must and not must_not:
                break
    return Table(table.name, tuple(rows), rows[0].do if len(rows) == 1 else None)


Grammar = Mapping[str, Table]


@functools.cache
def load_grammar(language: str) -> Grammar:
    """The tables of a language: its rows, then those of all languages.

    Raises
    ------
    UsageError
        A file is no YAML, or a row of it cannot be meant: one that is never reached, that contradicts another, that asks
        what there is not.  The message names file and row.
    """
    files = {name: _tables(name) for name in (language, "common")}
    grammar = {}
    for table, (view, verbs) in TABLES.items():
        rows = [row for name, tables in files.items() for row in rows_of(name, table, tables.get(table) or [], view, verbs)]
        check_order(table, rows)
        grammar[table] = Table(table, tuple(rows))
    return grammar


def _tables(file: str) -> Mapping[str, Any]:
    """The tables of a file, their rows as they were written."""
    import yaml  # here, as `packaged` does

    try:
        tables = packaged(FOLDER / f"{file}.yaml")
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or a date that is none
        why = printable(" ".join(str(error).replace(str(FOLDER), "").split()), 200)
        raise UsageError(f"grammar/{file}.yaml: not YAML: {why}") from None
    if not isinstance(tables, dict):
        raise UsageError(f"grammar/{file}.yaml: not tables of rows")
    unknown = next((name for name in tables if name not in TABLES), None)
    if unknown is not None:
        raise UsageError(f"grammar/{file}.yaml: no table {printable(unknown, 40)!r}: one of {', '.join(TABLES)}")
    return tables
