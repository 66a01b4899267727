"""Which of a sentence's facts belong together: numbers that are counted off, places that may be one, sizes of one thing."""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from docphim.language.fact import Fact, Measure
from docphim.language.lesion_draft import Draft, in_order
from docphim.language.lesion_words import LesionWords

_UPTAKES = ("suv", "sul")


def respectively(facts: Sequence[Fact], sentence: str) -> list[Fact]:
    """Facts whose numbers are counted off, each with those that are its: "lần lượt là 2,4 và 5,8".

    Facts of the same words have as many numbers of a kind as there are facts; or the last of several things in several places
    has as many as there are ("nốt … và nốt … 8 mm và 11 mm"); or a thing as many as it has stations ("nhóm 4R và nhóm 7 … 12 mm
    và 9 mm").
    """
    listed: list[Fact] = []
    done = 0
    while done < len(facts):
        group = list(itertools.takewhile(functools.partial(_same_words, facts[done]), facts[done:]))
        done += len(group)
        group = _shared_out(group) if len(group) > 1 else group
        if not _hand_back(listed, group):
            listed += _at_stations(group, sentence) if len(group) > 1 else _by_station(group[0], sentence)
    return listed


def _hand_back(listed: list[Fact], group: Sequence[Fact]) -> bool:
    """Give the things before a last one those of its numbers that are theirs, and add it; False where that cannot be told."""
    numbers: dict[str, list[Measure]] = {}
    for fact in group:
        for measure in fact.measures:
            of_kind = numbers.setdefault(measure.kind, [])
            of_kind += [measure] if measure not in of_kind and measure.phase is None and measure.reference is None else []
    counted, count = {}, 0
    for kind, measures in numbers.items():
        before = listed[1 - len(measures) :] if len(measures) > 1 else []
        if before and len(before) == len(measures) - 1 and all(_lacks(fact, group[0], kind) for fact in before):
            counted[kind], count = measures, len(measures)
    if not counted or any(len(measures) != count for measures in counted.values()) or len(group) not in (1, count):
        return False
    for place in range(1 - count, 0):
        given = tuple(measures[place - 1] for measures in counted.values())
        listed[place] = replace(listed[place], measures=(*listed[place].measures, *given))
    rest = tuple(measure for measure in group[-1].measures if measure.kind not in counted)
    last = tuple(measures[-1] for measures in counted.values())
    listed.append(replace(group[-1], measures=(*last, *rest)))
    return True


def _lacks(fact: Fact, behind: Fact, kind: str) -> bool:
    """Whether a fact is a thing like the one behind it, elsewhere, of which no number of a kind is told."""
    elsewhere = (fact.anatomy, fact.side, fact.location) != (behind.anatomy, behind.side, behind.location)
    alike = fact.finding == behind.finding and fact.polarity == behind.polarity == "present"
    return alike and elsewhere and all(measure.kind != kind for measure in fact.measures)


def _at_stations(group: Sequence[Fact], sentence: str) -> list[Fact]:
    """Facts of the same words, each at its own of the stations that all name, where there are as many."""
    places = [place for _, place in sorted(in_order(group[0].location, sentence))]
    if len(places) != len(group) or any(set(fact.location) != set(places) for fact in group):
        return list(group)
    return [replace(fact, location=(place,), side=None) for fact, place in zip(group, places, strict=True)]


def _by_station(fact: Fact, sentence: str) -> list[Fact]:
    """A fact for each of its stations where as many sizes are told, each with its own numbers."""
    kinds = Counter(measure.kind for measure in fact.measures)
    places = [place for _, place in sorted(in_order(fact.location, sentence))]
    count = kinds["size"]
    if count < 2 or count != len(places) or count != len(fact.location):
        return [fact]
    counted: dict[str, Iterator[Measure]] = {
        kind: iter([m for m in fact.measures if m.kind == kind]) for kind, n in kinds.items() if n == count
    }
    rest = tuple(measure for measure in fact.measures if measure.kind not in counted)
    return [
        replace(fact, location=(place,), side=None, measures=(*(next(measures) for measures in counted.values()), *rest))
        for place in places
    ]


def _shared_out(group: Sequence[Fact]) -> list[Fact]:
    for kind in {measure.kind for measure in group[0].measures}:
        of_kind = [[m for m in fact.measures if m.kind == kind] for fact in group]
        if all(measures == of_kind[0] for measures in of_kind) and len(of_kind[0]) == len(group):
            group = [
                replace(fact, measures=tuple(m for m in fact.measures if m.kind != kind or m is of_kind[n][n]))
                for n, fact in enumerate(group)
            ]
    counted = str(len(group))
    return [replace(fact, count="single") if fact.count == counted else fact for fact in group]


def count_of(count: str | None) -> int | str | None:
    """A count as a record has it."""
    if count is None:
        return None
    return 1 if count == "single" else int(count) if count.isdecimal() else count


def size_of(fact: Fact, words: LesionWords, text: str) -> Measure | None:
    """The size of a fact: of an earlier and a later one the later, of several along one thing the largest, else the first."""
    sizes = [measure for measure in now(fact, words, text) if measure.kind == "size"]
    if len(sizes) > 1 and (fact.change in ("increased", "decreased") or words.says("largest", text)):
        return sizes[-1]
    return sizes[0] if sizes else None


def now(fact: Fact, words: LesionWords, text: str) -> Sequence[Measure]:
    """The numbers of a fact without those of an earlier scan: "14 mm (trước đây 20 mm)", "previously 4.5 cm, now 3 cm"."""
    wordings = words.words.get("earlier", ())
    if not any(word in text for word in wordings):
        return fact.measures
    head = text.find(" suv")
    sizes, uptakes = (text, "") if head < 0 else (text[:head] + " ", text[head:])
    dropped = [
        _earlier(fact.measures, ("size",), _first(sizes, wordings, re.compile(r"\d (?:mm|cm) "))),
        _earlier(fact.measures, _UPTAKES, _first(uptakes, wordings, re.compile(r" \d"))),
    ]
    return [measure for measure in fact.measures if all(measure is not one for one in dropped)]


def _first(text: str, wordings: Sequence[str], number: re.Pattern[str]) -> bool | None:
    """Whether a number stands before the words for an earlier scan, so that theirs is the second; None without such words."""
    at = min([place for word in wordings if (place := text.find(word)) >= 0], default=None)
    return None if at is None else number.search(f"{text[:at]} ") is not None


def _earlier(measures: Sequence[Measure], kinds: tuple[str, ...], second: bool | None) -> Measure | None:
    """Of two numbers of a kind the earlier scan's."""
    both = [measure for measure in measures if measure.kind.startswith(kinds) and measure.reference is None]
    return both[second] if len(both) == 2 and second is not None else None


def compatible(fact: Fact, draft: Draft, words: LesionWords) -> bool:
    """Whether what a fact says may be said of a lesion: in its organ, or one that holds it, on no other side."""
    lexicon = words.lexicon
    here, there = fact.anatomy, draft.place
    if here and there and not (lexicon.within(here, there) or lexicon.within(there, here)):
        return False
    if fact.side and draft.side and fact.side != draft.side:
        return False
    return not (fact.location and draft.locations) or bool({*fact.location} & {*draft.locations})


def same_place(draft: Draft, before: Draft) -> bool:
    """Whether a thing is where the lesion before it is, or a part of that."""
    return (draft.place, draft.side) == (before.place, before.side) and {*draft.locations} <= {*before.locations}


def _same_words(first: Fact, fact: Fact) -> bool:
    """Whether two facts are of the same words; of numbers that are listed the words of each reach to the one that is its."""
    alike = (fact.start, fact.finding) == (first.start, first.finding)
    listed = fact.measures and first.measures and (fact.side, fact.location) == (first.side, first.location)
    return alike and (fact.end == first.end or bool(listed))


def sides_apart(drafts: list[Draft]) -> list[Draft]:
    """Lesions without one of both sides of which each side is told: that only says what holds for the two."""
    for whole in [draft for draft in drafts if draft.side == "both"]:
        sides = [one for one in drafts if one is not whole and (one.type, one.place) == (whole.type, whole.place)]
        if {one.side for one in sides} != {"right", "left"}:
            continue
        for one in sides:
            one.uptake, one.size = one.uptake or whole.uptake, one.size or whole.size
            one.change, one.extent = one.change or whole.change, one.extent or whole.extent
            one.shape, one.locations = one.shape | whole.shape, one.locations or whole.locations
            for nature in whole.nature:
                one.name(nature.name, nature.certainty)
        drafts = [draft for draft in drafts if draft is not whole]
    return drafts
