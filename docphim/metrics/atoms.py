"""The facts of reports as numbers: each different one is read, weighed and set beside another once, however often it occurs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from docphim.language import same
from docphim.language.conditions import is_general, is_well
from docphim.language.fact import Fact
from docphim.metrics.difference import difference, family, is_wide
from docphim.metrics.weights import ACTED_ON, Level, falls, follows, level, may_follow, may_lead, weights

#: A thing of the reference and one of the draft, the share that their difference costs, and its costliest kind ("": none).
Pair = tuple[int, int, float, str]
_NONE: Mapping[int, int] = {}
_NOBODY: set[int] = set()
#: More different things of one kind are a list, and none of them is another said again, so that no input takes long.
_LIST = 100


class Reading(NamedTuple):
    """One report: the numbers of its abnormal things and of its well ones, and of each fact in reading order.

    `stands` leads to what stands for a thing, where that is not itself: from a blunted angle to the effusion.  `levels` and
    `weights` hold those of its abnormal things, and maybe of others: one of both sides weighs once, half on each, and counts
    once, as the thing that `once` leads to, where that is not itself; what only follows from something graver (`follows` leads
    to it) weighs a level less.
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
        known = self._known.get(i)
        if known is None:
            known = self._known[i] = set(), set()
        seen, related = known
        if not others <= seen:
            related.update([j for j in others - seen if self._holds(i, j)])
            seen |= others
        return related & others if related else _NOBODY


class Atoms:
    """Every different thing that some reports of one modality say; `facts` and `levels` go by its number.

    So do `families`, `core`, `alike` and `subjects`, which are numbers too: equal where two things have that in common.
    A thing is a fact in canonical form (docphim.language.same), on one side and in one place.  `stated` are the different
    facts as they were read, with numbers of their own.
    """

    def __init__(self, modality: str | None = None) -> None:
        self.modality = modality
        self.facts: list[Fact] = []
        self.levels: list[Level] = []
        self._levels: dict[int, Level] = {}
        self._weights: dict[int, float] = {}
        self.families: list[int] = []
        self.core: list[int] = []
        self.alike: list[int] = []
        self.spots: list[int] = []
        self.subjects: list[int] = []
        self.wells: set[int] = set()
        self.wide: set[int] = set()
        self.general: set[int] = set()
        self._sign_rows: list[int] = []
        self._cause_rows: list[int] = []
        self._signs: set[int] = set()
        self._causal: set[int] = set()
        self._following: set[int] = set()
        self._leading: set[int] = set()
        self._numbers: dict[object, int] = {}
        self._kinds: dict[object, int] = {}
        self.stated: list[Fact] = []
        self._stated: dict[object, int] = {}
        self._bare: set[int] = set()
        self._parts: list[tuple[int, ...]] = []
        self._readings: dict[tuple[int, ...], Reading] = {}
        self._stands: dict[tuple[int, ...], Mapping[int, int]] = {}
        self._pairs: dict[tuple[int, int], Pair | None] = {}
        self._denied: dict[int, int] = {}
        self._denying: dict[int, tuple[Fact, str | None, bool]] = {}
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
            parts = dict.fromkeys(map(self._number, same.parts(self.stated[number], self.modality)))
            self._parts.append(tuple(parts))
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
        return min(answers) if answers else None

    def denied(self, i: int, wells: set[int]) -> int | None:
        """Which of some well things denies an abnormal one."""
        denials = self.denials(i, wells)
        return min(denials) if denials else None

    def denials(self, i: int, wells: set[int]) -> set[int]:
        """All of some well things that deny an abnormal one."""
        denied = self._denied.get(i)
        if denied is None:
            denied = self._denied[i] = self._denial(self.facts[i], self.levels[i] in ACTED_ON)
        return self._denials.of(denied, wells)

    def _is_answer(self, i: int, j: int) -> bool:
        return same.covers(self.facts[i], self.facts[j]) or same.covers(self.facts[j], self.facts[i])

    def _is_denial(self, denied: int, j: int) -> bool:
        """What is called well without an anatomy ("28 mm, within normal limits") denies nothing.

        A heart that is called normal denies no finding that nobody acts on: calcified coronaries stand beside it in one report.
        """
        denial, finding, acted_on = self._denying[denied]
        if not acted_on and finding not in (None, self.facts[j].finding):
            return False
        return bool(self.facts[j].anatomy) and same.covers(self.facts[j], denial)

    def _denial(self, fact: Fact, acted_on: bool) -> int:
        """The number of what would deny a fact: the same of a thing in all its sizes and grades."""
        denial = same.denial(fact, self.modality)
        number = self._kind("denial", (denial.strict, fact.finding, acted_on))
        self._denying[number] = (denial, fact.finding, acted_on)
        return number

    def _is_cause(self, i: int, j: int) -> bool:
        rows = self._sign_rows[i] & self._cause_rows[j]
        maybe = i != j and (rows or self.subjects[i] == self.subjects[j])
        return bool(maybe) and same.shows(self.facts[i], self.facts[j], rows)

    def _read(self, facts: tuple[int, ...]) -> Reading:
        if not self._bare.isdisjoint(facts):
            facts = tuple(self.fact(fact.strict) for fact in same.placed([self.stated[number] for number in facts]))
        ordered = list(itertools.chain.from_iterable(map(self._parts.__getitem__, facts)))
        numbers = set(ordered)
        wells = numbers & self.wells
        stands: Mapping[int, int] = _NONE
        again, causal, signs, rows = self._again(numbers - wells), numbers & self._causal, numbers & self._signs, 0
        for number in causal if signs else ():
            rows |= self._cause_rows[number]
        signs = again.union([number for number in signs if self._sign_rows[number] & rows])
        if signs and (linked := self._linked(signs, again | causal)):
            stands = self._settled(tuple([number for number in dict.fromkeys(ordered) if number in linked]))
            numbers = (numbers - linked) | {*stands.values()}
            wells = numbers & self.wells
        ills = tuple(sorted(numbers - wells))
        return Reading(
            ills, tuple(sorted(wells)), facts, stands, *self._weighed(ills, [i for i in stands if i not in self.wells])
        )

    def _weighed(
        self, ills: tuple[int, ...], signs: Sequence[int]
    ) -> tuple[Mapping[int, Level], Mapping[int, float], Mapping[int, int], Mapping[int, int]]:
        """Levels, weights, what each counts as, and what it follows from, of the abnormal things of one report.

        Signs that are left out beside their cause have a level and a weight too: the other text may deny them.
        """
        others = self._leading.intersection(ills)
        following = self._following.intersection(ills) if others else ()
        leads = {i: min(graver) for i in following if (graver := self._leads.of(i, others))}
        each_once = len({self.alike[i] for i in ills}) == len(ills)
        if each_once and not leads:
            return self._levels, self._weights, _NONE, _NONE  # each by itself, as many reports have it
        things, levels, weight = (*ills, *signs), self._levels, self._weights
        if leads:
            table, levels = weights()["weights"], {i: self.levels[i] for i in things}
            levels.update({i: falls(self.levels[i]) for i in leads if self._lighter.of(i, others)})
            weight = {i: table[levels[i]] for i in things}
        return levels, *((weight, _NONE) if each_once else self._shared(ills, weight, signs)), leads

    def _shared(
        self, ills: tuple[int, ...], weight: Mapping[int, float], signs: Sequence[int]
    ) -> tuple[Mapping[int, float], Mapping[int, int]]:
        """Weights of which things that count once share one, and what each of these counts as."""
        together: dict[int, list[int]] = {}
        for i in ills:
            together.setdefault(self.alike[i], []).append(i)
        shared, once = {i: weight[i] for i in (*ills, *signs)}, dict[int, int]()
        for alike in together.values():
            if len(alike) > 1:
                each = [weight[i] for i in alike]
                share = max(each) / sum(each)
                shared.update({i: share * weight[i] for i in alike})
                once.update(dict.fromkeys(alike, alike[0]))
        return shared, once

    def _again(self, ills: set[int]) -> set[int]:
        """Abnormal things of one report that may be one thing, said twice."""
        subjects = [self.subjects[number] for number in ills]
        if len(set(subjects)) == len(subjects):
            return set()
        often: dict[int, int] = {}
        for subject in subjects:
            often[subject] = often.get(subject, 0) + 1
        return {number for number in ills if 1 < often[self.subjects[number]] <= _LIST}

    def _linked(self, signs: set[int], causes: set[int]) -> set[int]:
        """Signs that have a cause in the same report, and their causes."""
        few = len(signs) * len(causes) <= _LIST * _LIST
        linked: set[int] = set()
        for sign in signs if few else ():
            if related := self._causes.of(sign, causes):
                linked.add(sign)
                linked |= related
        return linked

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
            self._levels[number] = self.levels[number]
            self._weights[number] = weights()["weights"][self.levels[number]]
            self.families.append(self._kind("family", family(fact)))
            self.core.append(self._kind("core", same.core(fact)))
            self.subjects.append(self._kind("subject", same.subject(fact)))
            alike = (fact.anatomy, fact.part, fact.finding, fact.state, fact.size_mm, fact.suv)
            self.alike.append(self._kind("alike", alike))
            self.spots.append(self._kind("spot", (fact.anatomy, fact.finding, fact.state, fact.side, fact.location)))
            self.wells |= {number} if is_well(fact) else set()
            self.wide |= {number} if is_wide(fact) else set()
            self.general |= {number} if is_general(fact) else set()
            self._sign_rows.append(same.sign_rows(fact))
            self._cause_rows.append(same.cause_rows(fact))
            self._signs |= {number} if self._sign_rows[number] else set()
            self._causal |= {number} if self._cause_rows[number] else set()
            self._following |= {number} if may_follow(fact) else set()
            self._leading |= {number} if may_lead(fact) else set()
        return number

    def _kind(self, name: str, value: object) -> int:
        return self._kinds.setdefault((name, value), len(self._kinds))
