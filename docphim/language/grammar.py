"""What a sentence is taken apart into: items (phrases, numbers, signs), clauses, places, and what has been said so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docphim.language.lexicon import Term


@dataclass(slots=True)
class Item:
    """A phrase, number or sign: what it is (`kind`), its concept, and the tokens it spans.

    Kinds are those of `Term`, and `comma`, `colon`, `size`, `suv`, `word` (not in the lexicon).
    """

    kind: str
    name: str
    start: int
    end: int
    term: Term | None = None
    values: tuple[float, ...] = ()
    locations: tuple[str, ...] = ()


#: Items that join what stands around them.
JOINING = frozenset(("comma", "and", "or", "end", "colon"))


@dataclass(slots=True)
class Clause:
    """Items around one predicate (`at`, its index in `items`; None where there is none) and how it hangs on the one before."""

    items: list[Item]
    at: int | None
    link: str
    bracket: bool = False  # it stands in brackets: a remark
    either: bool = False  # an "or" comes later in the sentence: the list goes on
    kinds: frozenset[str] = frozenset()  # of its items; this and `predicate` are set once the clause is whole
    predicate: Item | None = None  # the finding or state that it is about
    begin: int = 0  # characters of the sentence that it spans, without joining words at its end
    end: int = 0

    def has(self, *kinds: str) -> bool:
        """Whether an item of one of these kinds is in the clause."""
        return not self.kinds.isdisjoint(kinds)


@dataclass(slots=True)
class Place:
    """Where: anatomy, part, side, locations."""

    anatomy: str | None = None
    part: str | None = None
    side: str | None = None
    locations: tuple[str, ...] = ()


@dataclass(slots=True)
class Draft:
    """A fact in the making: the fields of `Fact`, the characters it spans, and what later clauses ask of it."""

    begin: int
    end: int
    anatomy: str | None = None
    part: str | None = None
    finding: str | None = None
    state: str | None = None
    polarity: str = "present"
    side: str | None = None
    location: tuple[str, ...] = ()
    count: str | None = None
    severity: str | None = None
    size_mm: tuple[float, ...] = ()
    suv: float | None = None
    certainty: str = "certain"
    change: str | None = None
    leftover: tuple[str, ...] = ()
    bare: bool = False  # without a side, size or grade of its own, as in a list
    placed: bool = False  # it names a place
    trailing: bool = False  # it names a place after the finding
    normal: bool = False  # its number says that all is well


@dataclass(slots=True)
class Context:
    """What holds while a sentence is read: the cue that runs on, the header before a colon, the last place, the facts."""

    denied: bool = False
    of_state: bool = False  # the negation is a state's own: "tim không to" denies nothing else
    hedge: str | None = None
    header: Place | None = None
    headed: list[Place] = field(default_factory=list)  # all places before the colon
    last: Place = field(default_factory=Place)
    facts: list[Draft] = field(default_factory=list)
    of_clause: list[list[int]] = field(default_factory=list)  # facts of each clause
