"""The facts of reports as numbers: each different one is read, weighed and set beside another once, however often it occurs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from docphim.language import same
from docphim.language.conditions import is_well
from docphim.language.fact import Fact
from docphim.metrics.difference import difference, family, is_wide
from docphim.metrics.weights import level, weights

#: A thing of the reference and one of the draft, the share that their difference costs, and its costliest kind ("": none).
Pair = tuple[int, int, float, str]
_NONE: Mapping[int, int] = {}


class Reading(NamedTuple):
    """One report: the numbers of its abnormal things and of its well ones, and of each fact in reading order.

    `stands` leads to what stands for a thing, where that is not itself: from a blunted angle to the effusion.
    """

    ills: tuple[int, ...]
    wells: tuple[int, ...]
    facts: tuple[int, ...]
    stands: Mapping[int, int]


class _Relation:
    """Which things stand in a relation to a thing, each pair of them looked at once."""

    def __init__(self, holds: Callable[[int, int], bool]) -> None:
        self._holds = holds
        self._known: dict[int, tuple[set[int], set[int]]] = {}

    def of(self, i: int, others: set[int]) -> set[int]:
        """Those of some others that stand in the relation to i."""
        if i not in self._known:
            self._known[i] = set(), set()
        seen, related = self._known[i]
        if not others <= seen:
            related.update(j for j in others - seen if self._holds(i, j))
            seen |= others
        return related & others


class Atoms:
    """Every different thing that some reports of one modality say; `facts`, `levels` and `weights` go by its number.

    A thing is a fact in canonical form (docphim.language.same), on one side and in one place.  `stated` are the different
    facts as they were read, with numbers of their own.
    """

    def __init__(self, modality: str | None = None) -> None:
        self.modality = modality
        self.facts: list[Fact] = []
        self.levels: list[str] = []
        self.weights: list[float] = []
        self.families: list[object] = []
        self.core: list[object] = []
        self.wells: set[int] = set()
        self.wide: set[int] = set()
        self.urgent: set[int] = set()
        self._signs: set[int] = set()
        self._causal: set[int] = set()
        self._numbers: dict[object, int] = {}
        self.stated: list[Fact] = []
        self._stated: dict[object, int] = {}
        self._bare: set[int] = set()
        self._parts: list[tuple[int, ...]] = []
        self._readings: dict[tuple[int, ...], Reading] = {}
        self._stands: dict[tuple[int, ...], Mapping[int, int]] = {}
        self._pairs: dict[tuple[int, int], Pair | None] = {}
        self._denied: dict[int, Fact] = {}
        self._answers = _Relation(self._is_answer)
        self._denials = _Relation(self._is_denial)
        self._causes = _Relation(self._is_cause)

    def fact(self, meaning: tuple[Any, ...]) -> int:
        """The number of a fact as it was read, given what it says (`Fact.strict`); it goes into `stated`."""
        number = self._stated.get(meaning)
        if number is None:
            number = self._stated[meaning] = len(self.stated)
            self.stated.append(Fact("", 0, 0, *meaning))
            self._parts.append(tuple(map(self._number, same.parts(self.stated[number], self.modality))))
            self._bare |= {number} if same.may_be_placed(self.stated[number]) else set()
        return number

    def reading(self, facts: tuple[int, ...]) -> Reading:
        """One report's things, given the numbers of its facts; the same facts are read once."""
        reading = self._readings.get(facts)
        if reading is None:
            reading = self._readings[facts] = self._read(facts)
        return reading

    def parts(self, number: int) -> tuple[int, ...]:
        """The things that a fact says, by the number that `Reading.facts` gives it: of "both sides", two."""
        return self._parts[number]

    def pair(self, i: int, j: int) -> Pair | None:
        """Two abnormal things with what saying the one for the other costs; None where it is no way of saying it."""
        if (i, j) not in self._pairs:
            lost = difference(self.facts[i], self.facts[j])
            self._pairs[i, j] = None if lost is None else (i, j, *lost)
        return self._pairs[i, j]

    def answered(self, i: int, wells: set[int]) -> int | None:
        """Which of some well things answers for another, or is answered for by it: "clear lungs" and "no nodule".

        One side does not answer for both; right and left together do.
        """
        answers = self._answers.of(i, wells)
        if self.facts[i].side == "both" and {self.facts[j].side for j in answers} in ({"right"}, {"left"}):
            return None
        return min(answers, default=None)

    def denied(self, i: int, wells: set[int]) -> int | None:
        """Which of some well things denies an abnormal one."""
        return min(self._denials.of(i, wells), default=None)

    def _is_answer(self, i: int, j: int) -> bool:
        return same.covers(self.facts[i], self.facts[j]) or same.covers(self.facts[j], self.facts[i])

    def _is_denial(self, i: int, j: int) -> bool:
        """What is called well without an anatomy ("28 mm, within normal limits") denies nothing."""
        if i not in self._denied:
            self._denied[i] = same.denial(self.facts[i], self.modality)
        return bool(self.facts[j].anatomy) and same.covers(self.facts[j], self._denied[i])

    def _is_cause(self, i: int, j: int) -> bool:
        return same.cause(self.facts[i], [self.facts[j]]) is not None

    def _read(self, facts: tuple[int, ...]) -> Reading:
        if not self._bare.isdisjoint(facts):
            facts = tuple(self.fact(fact.strict) for fact in same.placed([self.stated[number] for number in facts]))
        ordered = tuple(dict.fromkeys(itertools.chain.from_iterable(map(self._parts.__getitem__, facts))))
        numbers = set(ordered)
        stands: Mapping[int, int] = _NONE
        signs = numbers & self._signs
        if signs and (linked := self._linked(signs, numbers & self._causal)):
            stands = self._settled(tuple(number for number in ordered if number in linked))
            numbers = (numbers - linked) | {*stands.values()}
        wells = numbers & self.wells
        return Reading(tuple(sorted(numbers - wells)), tuple(sorted(wells)), facts, stands)

    def _linked(self, signs: set[int], causes: set[int]) -> set[int]:
        """Signs that have a cause in the same report, and their causes."""
        beside = {sign: self._causes.of(sign, causes) for sign in signs}
        return {number for sign, related in beside.items() if related for number in (sign, *related)}

    def _settled(self, linked: tuple[int, ...]) -> Mapping[int, int]:
        """What stands for each of some signs and causes of one report, in its order."""
        if linked not in self._stands:
            settled = same.settled([self.facts[number] for number in linked])
            self._stands[linked] = {self._number(fact): self._number(other) for fact, other in settled.items()}
        return self._stands[linked]

    def _number(self, fact: Fact) -> int:
        number = self._numbers.get(fact.strict)
        if number is None:
            number = self._numbers[fact.strict] = len(self.facts)
            self.facts.append(fact)
            self.levels.append(level(fact, self.modality))
            self.weights.append(weights()["weights"][self.levels[number]])
            self.families.append(family(fact))
            self.core.append(same.core(fact))
            self.wells |= {number} if is_well(fact) else set()
            self.urgent |= {number} if self.levels[number] == "urgent" else set()
            self.wide |= {number} if is_wide(fact) else set()
            self._signs |= {number} if same.may_be_sign(fact) else set()
            self._causal |= {number} if same.may_be_cause(fact) else set()
        return number
