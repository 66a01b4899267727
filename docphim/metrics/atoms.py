"""The facts of reports as numbers: each different one is read, weighed and set beside another once, however often it occurs."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from docphim.language import same
from docphim.language.conditions import is_general, is_well
from docphim.language.fact import Fact
from docphim.metrics.difference import difference, family, is_wide
from docphim.metrics.weights import ACTED_ON, Level, falls, follows, level, may_follow, may_lead, weights

#: A thing of the reference and one of the draft, the share that their difference costs, and its costliest kind ("": none).
Pair = tuple[int, int, float, str]
_NONE: Mapping[int, int] = {}
#: More different things of one kind are a list, and none of them is another said again, so that no input takes long.
_LIST = 100


class Reading(NamedTuple):
    """One report: the numbers of its abnormal things and of its well ones, and of each fact in reading order.

    `stands` leads to what stands for a thing, where that is not itself: from a blunted angle to the effusion.  `levels` and
    `weights` are those of its abnormal things: one of both sides weighs once, half on each, and counts once, as the thing that
    `once` leads to; what only follows from something graver (`follows` leads to it) weighs a level less.
    """

    ills: tuple[int, ...]
    wells: tuple[int, ...]
    facts: tuple[int, ...]
    stands: Mapping[int, int]
    levels: Mapping[int, Level]
    weights: Mapping[int, float]
    once: Mapping[int, int]
    follows: Mapping[int, int]


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
    """Every different thing that some reports of one modality say; `facts` and `levels` go by its number.

    A thing is a fact in canonical form (docphim.language.same), on one side and in one place.  `stated` are the different
    facts as they were read, with numbers of their own.
    """

    def __init__(self, modality: str | None = None) -> None:
        self.modality = modality
        self.facts: list[Fact] = []
        self.levels: list[Level] = []
        self.families: list[object] = []
        self.core: list[object] = []
        self.alike: list[object] = []
        self.subjects: list[object] = []
        self.wells: set[int] = set()
        self.wide: set[int] = set()
        self.general: set[int] = set()
        self._signs: set[int] = set()
        self._causal: set[int] = set()
        self._following: set[int] = set()
        self._leading: set[int] = set()
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
        self._leads = _Relation(lambda i, j: i != j and follows(self.facts[i], self.facts[j]))
        self._lighter = _Relation(lambda i, j: i != j and follows(self.facts[i], self.facts[j], lighter=True))

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
            lost = difference(self.facts[i], self.facts[j], self.levels[i] == self.levels[j])
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
        """What is called well without an anatomy ("28 mm, within normal limits") denies nothing.

        A heart that is called normal denies no finding that nobody acts on: calcified coronaries stand beside it in one report.
        """
        if self.levels[i] not in ACTED_ON and self.facts[i].finding not in (None, self.facts[j].finding):
            return False
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
        again = self._again(numbers)
        signs = again | (numbers & self._signs)
        if signs and (linked := self._linked(signs, again | (numbers & self._causal))):
            stands = self._settled(tuple(number for number in ordered if number in linked))
            numbers = (numbers - linked) | {*stands.values()}
        wells = numbers & self.wells
        ills = tuple(sorted(numbers - wells))
        return Reading(ills, tuple(sorted(wells)), facts, stands, *self._weighed(ills))

    def _weighed(
        self, ills: tuple[int, ...]
    ) -> tuple[Mapping[int, Level], Mapping[int, float], Mapping[int, int], Mapping[int, int]]:
        """Levels, weights, what each counts as, and what it follows from, of the abnormal things of one report."""
        table, others = weights()["weights"], self._leading.intersection(ills)
        following = self._following.intersection(ills) if others else ()
        leads = {i: min(graver) for i in following if (graver := self._leads.of(i, others))}
        levels = {i: falls(self.levels[i]) if i in leads and self._lighter.of(i, others) else self.levels[i] for i in ills}
        shared: dict[object, list[int]] = defaultdict(list)
        for i in ills:
            shared[self.alike[i]].append(i)
        weight, once = {}, {}
        for together in shared.values():
            each = [table[levels[i]] for i in together]
            share = max(each) / sum(each)
            weight.update({i: share * whole for i, whole in zip(together, each, strict=True)})
            once.update(dict.fromkeys(together, together[0]))
        return levels, weight, once, leads

    def _again(self, numbers: set[int]) -> set[int]:
        """Abnormal things of one report that may be one thing, said twice."""
        ills = [(self.subjects[number], number) for number in numbers - self.wells]
        often = Counter([subject for subject, _ in ills])
        return {number for subject, number in ills if 1 < often[subject] <= _LIST}

    def _linked(self, signs: set[int], causes: set[int]) -> set[int]:
        """Signs that have a cause in the same report, and their causes."""
        few = len(signs) * len(causes) <= _LIST * _LIST
        beside = {sign: self._causes.of(sign, causes) for sign in signs} if few else {}
        return {number for sign, related in beside.items() if related for number in (sign, *related)}

    def _settled(self, linked: tuple[int, ...]) -> Mapping[int, int]:
        """What stands for each of some signs and causes of one report, in its order."""
        if linked not in self._stands:
            settled = same.settled([self.facts[number] for number in linked], self.modality)
            self._stands[linked] = {self._number(fact): self._number(other) for fact, other in settled.items()}
        return self._stands[linked]

    def _number(self, fact: Fact) -> int:
        number = self._numbers.get(fact.strict)
        if number is None:
            number = self._numbers[fact.strict] = len(self.facts)
            self.facts.append(fact)
            self.levels.append(level(fact, self.modality))
            self.families.append(family(fact))
            self.core.append(same.core(fact))
            self.subjects.append(same.subject(fact))
            self.alike.append((fact.anatomy, fact.part, fact.finding, fact.state, fact.size_mm, fact.suv))
            self.wells |= {number} if is_well(fact) else set()
            self.wide |= {number} if is_wide(fact) else set()
            self.general |= {number} if is_general(fact) else set()
            self._signs |= {number} if same.may_be_sign(fact) else set()
            self._causal |= {number} if same.may_be_cause(fact) else set()
            self._following |= {number} if may_follow(fact) else set()
            self._leading |= {number} if may_lead(fact) else set()
        return number
