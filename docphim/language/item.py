"""An item of a sentence: a phrase of the lexicon, a number, or a sign; and what a phrase means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Term:
    """What a phrase means.

    `kind` says what the reader does with it; `name` is the concept, or for a compound the fields it says in `says`.
    `states` maps an anatomy to the state that the word means of it.  `carries` marks a finding whose words name its anatomy.
    """

    kind: str
    name: str
    says: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    carries: bool = False
    led: bool = False
    shares: bool = False  # its last word may begin the name of an organ: "tiêu xương", "tiêu | xương chày"
    before: tuple[str, ...] = ()  # it means this only before a phrase of these kinds ("TD" before a disease)


@dataclass(slots=True)
class Item:
    """A phrase, number or sign: what it is (`kind`), its concept, and the tokens it spans.

    Kinds are those of `Term`, and `comma`, `colon`, `close` (the end of a bracket), `size` and `suv` (the lesion's own),
    `measure` (any other number that is known), `word` (not in the lexicon).
    """

    kind: str
    name: str
    start: int
    end: int
    term: Term | None = None
    values: tuple[float, ...] = ()
    locations: tuple[str, ...] = ()
    measures: tuple[Any, ...] = ()
