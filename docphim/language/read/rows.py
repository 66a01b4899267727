"""The rows of grammar/*.yaml as somebody wrote them, checked: what cannot be meant is named by its file and row."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docphim.errors import UsageError, printable

_KEYS = frozenset(("id", "do", "if", "unless", "example", "why"))
_PARTS = frozenset(("language", "text", "facts"))
Atom = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of a table.

    Parameters
    ----------
    name : str
        Its `id`.
    do : str
        What is done where it fits.
    needs, bars : tuple of functions
        The atoms that must hold, and those that must not.
    atoms : (tuple of str, tuple of str)
        Their names.
    example : mapping, optional
        `text`, and the `facts` that are read from it; `language` where the row is one of all languages.
    why : str
        What it is for, in plain words.
    file : str
        The file of grammar/ that it stands in: a language, or `common`.
    """

    name: str
    do: str
    needs: tuple[Atom, ...]
    bars: tuple[Atom, ...]
    atoms: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    example: Mapping[str, Any] | None = None
    why: str = ""
    file: str = ""


def atoms_of(view: type) -> dict[str, Atom]:
    """The questions that a view answers, by name; what begins with `_`, and what a view only holds, is none."""
    return {name: inner for name, inner in vars(view).items() if inspect.isfunction(inner) and not name.startswith("_")}


def rows_of(file: str, table: str, listed: Any, view: type, verbs: Sequence[str]) -> Iterator[Row]:
    """The rows that a file lists under a table, in order.

    Raises
    ------
    UsageError
        A row lacks its id, does what its table cannot do, asks what its view does not answer, or is no row.
    """
    known = atoms_of(view)
    if not isinstance(listed, list):
        raise UsageError(f"grammar/{file}.yaml: {table}: not a list of rows")
    for n, entry in enumerate(listed, 1):
        name = entry.get("id") if isinstance(entry, dict) else None
        place = f"grammar/{file}.yaml: {table}: {printable(name or f'row {n}', 40)}"
        wrong = next(_faults(entry, known, table, verbs), None)
        if wrong:
            raise UsageError(f"{place}: {wrong}")
        needs, bars = tuple(entry.get("if", ())), tuple(entry.get("unless", ()))
        must, must_not = (tuple(known[atom] for atom in atoms) for atoms in (needs, bars))
        yield Row(entry["id"], entry["do"], must, must_not, (needs, bars), entry.get("example"), entry.get("why", ""), file)


def _faults(entry: Any, known: Mapping[str, Atom], table: str, verbs: Sequence[str]) -> Iterator[str]:
    """What is wrong with one row."""
    if not isinstance(entry, dict):
        yield "not a row: id, do, if, unless, example, why"
        return
    yield from (f"{printable(key, 40)!r} is not one of {', '.join(sorted(_KEYS))}" for key in entry.keys() - _KEYS)
    if not isinstance(entry.get("id"), str):
        yield "it has no id"
    if entry.get("do") not in verbs:
        yield _no_verb(entry.get("do"), verbs)
    yield from _faults_of_atoms([entry.get("if", []), entry.get("unless", [])], known, table)
    if not isinstance(entry.get("why", ""), str):
        yield "why: not a sentence"
    if "example" in entry and not _is_example(entry["example"]):
        yield "example: text and the list of its facts, with its language in common.yaml"


def _no_verb(do: Any, verbs: Sequence[str]) -> str:
    hint = "; YAML takes a bare on, off, yes or no for something else: quote it" if isinstance(do, bool) else ""
    return f"do: {'nothing' if do is None else printable(do, 40)!r} is not one of {', '.join(verbs)}{hint}"


def _faults_of_atoms(listed: Sequence[Any], known: Mapping[str, Atom], table: str) -> Iterator[str]:
    if not all(map(_words, listed)):
        yield "if and unless are lists of atoms"
        return
    needs, bars = listed
    yield from (f"no atom {printable(atom, 40)!r} in table {table}" for atom in (*needs, *bars) if atom not in known)
    yield from (f"it asks for {atom!r} and bars it: it never fits" for atom in needs if atom in bars)


def _words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _is_example(example: Any) -> bool:
    if not isinstance(example, dict) or not {"text", "facts"} <= example.keys() <= _PARTS:
        return False
    return _words(example["facts"]) and _words([example["text"], example.get("language", "")])


def check_order(table: str, rows: Sequence[Row]) -> None:
    """Check that each row of a table can be reached, and that one always fits.

    Raises
    ------
    UsageError
        A row stands behind one that fits wherever it does; two rows ask the same and do different things; two have one
        id; or the last row does not fit always.
    """
    ids: set[str] = set()
    for n, row in enumerate(rows):
        place = f"grammar/{row.file}.yaml: {table}: {printable(row.name, 40)}"
        if row.name in ids:
            raise UsageError(f"{place}: this id stands twice")
        ids.add(row.name)
        above = next((other for other in rows[:n] if _includes(row, other)), None)
        if above:
            raise UsageError(f"{place}: {_shadowed(row, above)}")
        if not fits_somewhere(dict.fromkeys(row.atoms[0], True) | dict.fromkeys(row.atoms[1], False), rows[:n]):
            raise UsageError(f"{place}: it is never reached: of the rows above it one fits wherever it does")
    if not rows or any(rows[-1].atoms):
        file = rows[-1].file if rows else "common"
        raise UsageError(f"grammar/{file}.yaml: {table}: its last row must fit always, without if and unless")


def _shadowed(row: Row, above: Row) -> str:
    where = f"{printable(above.name, 40)} of {above.file}.yaml"
    if _includes(above, row) and above.do != row.do:
        return f"it contradicts {where}: both ask the same, one does {above.do}, the other {row.do}"
    return f"it is never reached: {where}, above it, fits wherever it does"


def fits_somewhere(answers: Mapping[str, bool], above: Sequence[Row]) -> bool:
    """Whether the atoms can be answered, beside those that are, so that no row above fits.

    Each row above is made to fail by one of its atoms, tried in turn; atoms are taken to be independent of one another.
    """
    if not above:
        return True
    needs, bars = above[0].atoms
    for wrong, atoms in ((False, needs), (True, bars)):
        for atom in atoms:
            if answers.get(atom, wrong) == wrong and fits_somewhere({**answers, atom: wrong}, above[1:]):
                return True
    return False


def _includes(row: Row, other: Row) -> bool:
    """Whether a row asks for all that another asks for, and bars all that it bars."""
    return all({*theirs} <= {*mine} for mine, theirs in zip(row.atoms, other.atoms, strict=True))
