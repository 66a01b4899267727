"""Conditions on one fact, as rows of data files say them: `{finding: effusion, side: [right, left], size_mm: {below: 6}}`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from docphim.language.fact import Fact
from docphim.package_data import packaged

Condition = Callable[[Fact], bool]
CONCEPTS = Path(__file__).parent / "lexicon" / "concepts.yaml"
#: Fields of which a fact may hold several values: the condition holds if any of them is meant.
_SEVERAL = ("location", "leftover")
#: Where the names of a field are listed.
_LISTED = {"anatomy": "anatomy", "finding": "findings", "state": "states", "part": "parts", "location": "locations"}


@functools.cache
def concepts() -> Mapping[str, Any]:
    """What there is to speak of, and what is known of each: concepts.yaml."""
    table: Mapping[str, Any] = packaged(CONCEPTS)
    return table


def condition(row: Mapping[str, Any]) -> Condition:
    """One row as a test of a fact: all that it names must hold.

    A value may be a list (any of them), `null` (not stated) or `{at_least: n, below: n}` (of several diameters the longest).
    `within: chest` is an anatomy and all that lies in it, `paired: true` one of which there are two.

    Raises
    ------
    ValueError
        The row names a field, or a concept, that there is not.
    """
    tests = [_test(name, wanted) for name, wanted in row.items()]
    return tests[0] if len(tests) == 1 else lambda fact: all(test(fact) for test in tests)


def _test(name: str, wanted: Any) -> Condition:
    if name == "within":
        inside = frozenset(anatomy for anatomy in concepts()["anatomy"] if wanted in regions(anatomy))
        return lambda fact: fact.anatomy in inside
    if name == "paired":
        return lambda fact: is_paired(fact.anatomy) == wanted
    if name not in Fact.__slots__:
        raise ValueError(f"a condition asks for {name!r}, which is no field of a fact")
    if isinstance(wanted, dict):
        low, high = wanted.get("at_least", float("-inf")), wanted.get("below", float("inf"))
        return lambda fact: _longest(getattr(fact, name)) is not None and low <= _longest(getattr(fact, name)) < high
    choices = frozenset(wanted if isinstance(wanted, list) else [wanted])
    _check(name, choices)
    if name in _SEVERAL:
        return lambda fact: not choices.isdisjoint(getattr(fact, name) or (None,))
    return lambda fact: getattr(fact, name) in choices


def _longest(value: Any) -> Any:
    return max(value, default=None) if isinstance(value, tuple) else value


def _check(name: str, choices: frozenset[Any]) -> None:
    listed = concepts()[_LISTED[name]] if name in _LISTED else choices
    for choice in choices:
        if choice is not None and choice not in listed:
            raise ValueError(f"a condition asks for {name} {choice!r}, which has no line in concepts.yaml")


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


def is_well(fact: Fact) -> bool:
    """Whether a fact says that something is not there, or as it should be: "no effusion", "lungs clear", physiologic uptake."""
    about = concepts()["findings"].get(fact.finding) or {}
    return fact.polarity in ("absent", "normal") or bool(about.get("normal"))
