"""What a clause says of how much: count, grade, size, uptake, and the words that the lexicon does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from docphim.language.read.chunk import JOINING, NONE, PLACE, Clause, Place, Reason

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon

_AMOUNTS = ("severity", "count", "size", "suv", "word", "descriptor")


@dataclass
class Draft:
    """A fact in the making: the fields of `Fact`, the tokens of its part that it spans, and the rules that made it."""

    begin: int
    end: int
    since: int = 0  # the clauses of the sentence in whose parts its first and last word stand
    until: int = 0
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
    measures: tuple[Any, ...] = ()
    normal: bool = False  # its number says that all is well
    why: list[Reason] = field(default_factory=list)

    def copy(self) -> Draft:
        """The same again; a tenth of the time of `dataclasses.replace`."""
        made = object.__new__(Draft)
        vars(made).update(vars(self))
        return made


def amounts(clause: Clause, at: Item, lexicon: Lexicon) -> Draft:
    """A fact with what its clause says of how much; `at` is its predicate."""
    items = clause.items
    last = max([i.end for i in items if i.kind not in JOINING], default=at.end)
    fact = Draft(items[0].start if items else at.start, last)
    fact.measures = tuple([m for i in items for m in i.measures])
    if clause.kinds.isdisjoint(_AMOUNTS):
        return fact
    of: dict[str, list[Item]] = {kind: [i for i in items if i.kind == kind] for kind in _AMOUNTS}
    words = [i.name for i in of["word"]]
    if of["count"]:
        fact.count = of["count"][0].name
    elif words and at.kind == "finding":
        number = next((i.name for i in of["word"] if i.name.isdecimal() and i.end == at.start), None)
        if number:
            fact.count = number
            words.remove(number)
    fact.severity = _severity(of["severity"], at, lexicon)
    if of["suv"]:
        fact.suv = of["suv"][0].values[0]
    sizes = _of_today(of["size"])
    fact.size_mm = tuple([v for i in sizes for v in i.values])
    if len(sizes) < len(of["size"]):  # "nốt 12 mm, nay còn 8 mm"
        fact.measures = tuple([m for i in items for m in i.measures if i.kind != "size" or i in sizes])
    fact.leftover = tuple(sorted({*words, *(i.name for i in of["descriptor"])} - {"%"} - lexicon.empty))
    return fact


def _of_today(sizes: Sequence[Item]) -> Sequence[Item]:
    """The sizes that are said to be today's, or all where none is."""
    return [i for i in sizes if i.name == "now"] or sizes


def _severity(severities: Sequence[Item], at: Item, lexicon: Lexicon) -> str | None:
    """The grade; of several, in Vietnamese the first behind what is graded."""
    after = [i for i in severities if i.start > at.start] if len(severities) > 1 and lexicon.modifiers_after else []
    chosen = after or severities
    return chosen[0].name if chosen else None


def more_amounts(fact: Draft, items: Sequence[Item], lexicon: Lexicon) -> None:
    """What a later segment says of how much, for what the fact does not say itself."""
    clause = Clause("more", None, [], list(items), [], [], NONE, False, [])
    clause.settle()
    extra = amounts(clause, items[0], lexicon)
    fact.end = max(fact.end, extra.end)
    if any(i.name == "now" for i in items if i.kind == "size"):
        fact.size_mm, fact.measures = (), tuple([m for m in fact.measures if m.kind != "size"])
    if extra.severity and fact.change in ("increased", "decreased"):
        fact.severity = None  # "decrease in the large effusion, now small"
    fact.measures += extra.measures
    for key in ("count", "severity", "size_mm", "suv"):
        if not getattr(fact, key):
            setattr(fact, key, getattr(extra, key))


#: Size, uptake and measures of a fact.
Measured = tuple[tuple[float, ...], "float | None", tuple[Any, ...]]


def apart(items: Sequence[Item], spots: Sequence[Place]) -> list[Measured]:
    """What is measured at each of several places, or of several things at one; nothing where that is not plain.

    A number behind each place ("of the rectum (SUVmax 12) and the prostate (SUVmax 4)"), as many joined numbers as places
    ("lần lượt 8 mm và 11 mm"), or joined sizes at one place, which are as many things ("nodules of 5 mm and 12 mm").
    """
    numbers = [i for i in items if i.kind in ("size", "suv")]
    at_places = _at_places(items)
    if len(at_places) == len(spots) > 1:
        return [_measured(group) for group in at_places]
    if len(numbers) < 2 or len({i.kind for i in numbers}) != 1 or len(spots) not in (1, len(numbers)):
        return []
    where = [n for n, i in enumerate(items) if i in numbers]
    joined = all([i.kind for i in items[a + 1 : b]] == ["and"] for a, b in pairwise(where))
    sized = numbers[0].kind == "size"
    return [_measured([i]) for i in numbers] if joined and (sized or len(spots) > 1) else []


def _at_places(items: Sequence[Item]) -> list[list[Item]]:
    """The numbers behind each place; a size and an uptake may stand at one."""
    groups: list[list[Item]] = []
    placed = True
    for item in items:
        if item.kind in ("size", "suv"):
            groups += [[]] if placed or not groups else []
            groups[-1].append(item)
            placed = False
        placed = placed or item.kind in PLACE
    alike = any(len({i.kind for i in group}) < len(group) for group in groups)
    return [] if alike else groups


def _measured(items: Sequence[Item]) -> Measured:
    sizes = tuple(value for i in items if i.kind == "size" for value in i.values)
    suv = next((i.values[0] for i in items if i.kind == "suv"), None)
    return sizes, suv, tuple(measure for i in items for measure in i.measures)
