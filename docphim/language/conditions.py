"""Conditions on one fact, as rows of data files say them: `{finding: effusion, side: [right, left], size_mm: {below: 6}}`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

from docphim.errors import UsageError, printable
from docphim.language.fact import Fact, Measure
from docphim.package_data import packaged

#: A field of a fact, and what its value must meet; a row holds if all of its tests do.
Test = tuple[str, Callable[[Any], bool]]
T = TypeVar("T")
#: Fields by which most rows are told apart.
TELLING = ("anatomy", "finding", "state")
_telling = attrgetter(*TELLING)
CONCEPTS = Path(__file__).parent / "lexicon" / "concepts.yaml"
#: Fields of which a fact may hold several values: the condition holds if any of them is meant.
_SEVERAL = ("location", "leftover", "size_mm")
#: Places with a number, which no list holds.
_NUMBERED = re.compile(r"(?:rib|segment|station|level|vertebra)_[a-z]?\d+[a-z]?")
#: Where the names of a field are listed.
_LISTED = {"anatomy": "anatomy", "finding": "findings", "state": "states", "part": "parts", "location": "locations"}


@functools.cache
def concepts() -> Mapping[str, Any]:
    """What there is to speak of, and what is known of each: concepts.yaml."""
    table: Mapping[str, Any] = packaged(CONCEPTS)
    return table


def condition(row: Mapping[str, Any]) -> Condition:
    """One row as a test of a fact: all that it names must hold; of several diameters the longest is asked.

    Raises
    ------
    ValueError
        The row names a field, or a concept, that there is not.
    """
    if not row:
        raise ValueError("a condition asks for nothing")
    return Condition(conditions(row))


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What all must hold of a fact."""

    tests: tuple[Test, ...]

    def __call__(self, fact: Fact) -> bool:
        """Whether it all holds."""
        return all(test(getattr(fact, name)) for name, test in self.tests)


def rules_out(tests: Iterable[Test], values: Mapping[str, Any]) -> bool:
    """Whether some values of fields do not meet tests, whatever the other fields hold."""
    return any(name in values and not test(values[name]) for name, test in tests)


@dataclass(frozen=True, slots=True, eq=False)
class Rules(Generic[T]):
    """Rows, each a condition and what it stands for; those that an anatomy, finding and state rule out are left out once."""

    rows: Sequence[tuple[Condition, T]]
    _left: dict[Any, list[tuple[int, Condition, T]]] = field(default_factory=dict)

    def near(self, fact: Fact) -> list[tuple[int, Condition, T]]:
        """The rows that may hold for a fact, each with its number."""
        key = _telling(fact)
        left = self._left.get(key)
        if left is None:
            values = dict(zip(TELLING, key, strict=True))
            rows = [(n, holds, stands) for n, (holds, stands) in enumerate(self.rows) if not rules_out(holds.tests, values)]
            left = self._left[key] = rows
        return left

    def holding(self, fact: Fact) -> list[int]:
        """The numbers of the rows that hold for a fact."""
        return [n for n, holds, _ in self.near(fact) if holds(fact)]


def conditions(row: Mapping[str, Any], diameter: Callable[[Any], Any] = max) -> tuple[Test, ...]:
    """What a row asks of each field.

    A value may be a list (any of them), `null` (not stated), `{given: true}` (stated), `{without: WORD}`, or
    `{at_least: n, below: n}` (of several diameters the one that `diameter` chooses).  `within: chest` is an anatomy and all
    that lies in it, `paired: true` one of which there are two, `relation: ["<"]` how a size stands to its number.

    Raises
    ------
    ValueError
        The row names a field, or a concept, that there is not.
    """
    return tuple(_test(name, wanted, diameter) for name, wanted in row.items())


def _test(name: str, wanted: Any, diameter: Callable[[Any], Any]) -> Test:
    if name == "within":
        return "anatomy", frozenset(anatomy for anatomy in concepts()["anatomy"] if wanted in regions(anatomy)).__contains__
    if name == "paired":
        return "anatomy", lambda anatomy: is_paired(anatomy) == wanted
    if name == "relation":
        return "measures", functools.partial(_stands, frozenset(wanted))
    if name not in Fact.__slots__:
        raise ValueError(f"a condition asks for {name!r}, which is no field of a fact")
    if wanted == {"given": True}:
        return name, lambda value: value not in (None, ())
    if isinstance(wanted, dict):
        return name, _without(wanted["without"]) if "without" in wanted else _between(wanted, diameter)
    choices = frozenset(wanted if isinstance(wanted, list) else [wanted])
    _check(name, choices)
    if name in _SEVERAL:
        return name, lambda value: not choices.isdisjoint(value or (None,))
    return name, choices.__contains__


def _without(word: str) -> Callable[[Any], bool]:
    return lambda value: word not in value


def _between(bounds: Mapping[str, float], diameter: Callable[[Any], Any]) -> Callable[[Any], bool]:
    low, high = bounds.get("at_least", float("-inf")), bounds.get("below", float("inf"))
    return lambda value: low <= (diameter(value) if isinstance(value, tuple) else value) < high if value else False


def _stands(relations: frozenset[str], measures: Sequence[Measure]) -> bool:
    """Whether the size stands so to its number: "< 10 mm" is no size of 10 mm; a size without more is that number."""
    return not relations.isdisjoint([m.relation for m in measures if m.kind == "size"] or ["="])


def _check(name: str, choices: frozenset[Any]) -> None:
    listed = concepts()[_LISTED[name]] if name in _LISTED else choices
    for choice in choices:
        numbered = name == "location" and _NUMBERED.fullmatch(choice or "")
        if choice is not None and choice not in listed and not numbered:
            raise ValueError(f"a condition asks for {name} {choice!r}, which has no line in concepts.yaml")


def check_row(row: Any, place: str, needs: Sequence[str], may: Sequence[str] = ()) -> None:
    """Check that a row of a data file has what it needs, and nothing that means nothing there.

    Raises
    ------
    UsageError
        It is not so; the message begins with the place.
    """
    if not isinstance(row, Mapping):
        raise UsageError(printable(f"{place}: it is no row", 300))
    for name in needs:
        if name not in row:
            raise UsageError(printable(f"{place}: it has no {name}", 300))
    for name in row.keys() - {*needs, *may}:
        raise UsageError(printable(f"{place}: {name!r} is not one of {', '.join(sorted({*needs, *may}))}", 300))


def check_condition(when: Any, place: str) -> None:
    """Check that a value of a data file is a condition on a fact.

    Raises
    ------
    UsageError
        It is none, or asks for what there is not; the message begins with the place.
    """
    try:
        condition(when)
    except ValueError as error:
        raise UsageError(printable(f"{place}: {error}", 300)) from None
    except (TypeError, AttributeError):
        raise UsageError(printable(f"{place}: {when!r} is no condition on a fact", 300)) from None


@functools.cache
def regions(anatomy: str | None) -> tuple[str | None, ...]:
    """An anatomy and all that it lies in, the nearest first.

    Examples
    --------
    >>> regions("heart_valve")
    ('heart_valve', 'heart', 'mediastinum', 'chest')
    """
    above = [anatomy]
    while above[-1] and (outer := (concepts()["anatomy"].get(above[-1]) or {}).get("in")):
        above.append(outer)
    return tuple(above)


def is_paired(anatomy: str | None) -> bool:
    """Whether there is one of it on each side."""
    return bool((concepts()["anatomy"].get(anatomy) or {}).get("paired"))


def is_device(fact: Fact) -> bool:
    """Whether it is a tube, a line or what an operation left: no abnormality of the organ that it is in."""
    return bool((concepts()["findings"].get(fact.finding) or {}).get("device"))


def is_general(fact: Fact) -> bool:
    """Whether it says that something is there, and not what: a lesion."""
    return bool((concepts()["findings"].get(fact.finding) or {}).get("general"))


def is_generic(fact: Fact) -> bool:
    """Whether the anatomy says no more than the finding, and no place: a node is in "lymph node" wherever it lies."""
    usual = (concepts()["findings"].get(fact.finding) or {}).get("usually")
    return usual is not None and usual == fact.anatomy and len(regions(usual)) == 1


def is_well(fact: Fact) -> bool:
    """Whether a fact says that something is not there, or as it should be: "no effusion", "lungs clear", physiologic uptake."""
    about = concepts()["findings"].get(fact.finding) or {}
    well = bool(about.get("normal")) or (fact.state == "normal" and bool(about.get("has_states")))  # "nodes are normal in size"
    return fact.polarity in ("absent", "normal") or well


@functools.cache
def relative_sides() -> dict[str, str]:
    """Words beside a finding that mean the side spoken of last (`same`), or the `other` one."""
    return {name: about["side"] for name, about in concepts()["descriptors"].items() if "side" in about}
