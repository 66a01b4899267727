"""What is asked of the lesions of a report: side, place, size, SUVmax, count, uptake, and which of two places has more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from docphim.build.asked import Read, topics_of, two_of_one
from docphim.build.question_words import Question, answered, place, table, what
from docphim.files import seed_of
from docphim.language.fact import Fact
from docphim.language.lexicon import Lexicon
from docphim.study import Answer, Lesion

#: Two numbers are compared where they differ by more than a reader could be wrong by.
_CLEARLY = {"suv": 1.1, "size": 1.2}


def sides(report: Read, language: str, seed: object) -> Iterator[Question]:
    """On which side a thing is, where all that is said of it has one."""
    for topic, listed in report.claims.items():
        met = {fact.side for fact in listed}
        if topic.side or topic.kind != "finding" or topic in report.barred or None in met or any(map(two_of_one, listed)):
            continue
        side = next(iter(met)) if len(met) == 1 else "both"
        named = what(topic.name, topic.anatomy, None, language)
        yield _choice("side", topic.key, named, answered(str(side), language), listed[0], language, seed)


def places(report: Read, language: str, seed: object) -> Iterator[Question]:
    """Where in an organ a thing is, where one place is said and no other."""
    for topic, listed in report.claims.items():
        met = {fact.location for fact in listed}
        location = next(iter(met)) if len(met) == 1 else ()
        if topic.kind == "finding" and len(location) == 1 and topic not in report.barred:
            if topic.side is None and any(fact.side for fact in listed):
                continue
            named = what(topic.name, topic.anatomy, topic.side, language)
            where = place(None, None, language, location)
            if where:
                yield _choice("place", topic.key, named, where, listed[0], language, seed)


def _choice(kind: str, key: str, named: str, value: str, thing: Any, language: str, seed: object) -> Question:
    asks = f"{kind}:{key.partition(':')[2]}"
    return Question(kind, language, {"what": named}, value, Answer("choice", value, None, asks), [thing], seed)


def lesions(report: Read, records: Sequence[Lesion], lexicon: Lexicon, refused: Counter[str]) -> list[Lesion]:
    """The records that can be asked about: certain, not contradicted; and what has a size though it is no lesion (a stone).

    The uptake of one is left out where only its number is said.
    """
    out = []
    for lesion in records:
        facts = report.about(*lesion.text) if lesion.text else []
        barred = {report.barred[topic] for fact in facts for topic in topics_of(fact, lexicon) if topic in report.barred}
        if barred or (lesion.side == "both" and lesion.count == 1):
            refused[min(barred, default="contradictory")] += 1
            continue
        avid = any(fact.finding == "fdg_uptake" for fact in facts)
        out.append(lesion if avid else replace(lesion, uptake=None))
    types = {lesion.type for lesion in records}
    for topic, listed in report.claims.items():
        sized = [fact for fact in listed if fact.size_mm]
        if topic.side or topic.kind != "finding" or topic.name in types or topic in report.barred:
            continue
        out += [_sized(fact) for fact in sized if [m.kind for m in fact.measures].count("size") == 1]
    return out


def _sized(fact: Fact) -> Lesion:
    measure = next(m for m in fact.measures if m.kind == "size")
    exact = measure.relation in ("=", "~") and measure.low == measure.high and fact.count in (None, "1", "single")
    size = list(fact.size_mm) if exact else []
    side, location = fact.side, list(fact.location)
    return Lesion(fact.finding or "", fact.anatomy, side, location, size_mm=size, size_of="one", text=[fact.start, fact.end])


def measured(records: Sequence[Lesion], language: str, seed: object, refused: Counter[str]) -> Iterator[Question]:
    """Size, SUVmax, count and uptake of each lesion that its place tells from the others (else `ambiguous` is counted)."""
    for lesion in records:
        if any(other is not lesion and _alike(lesion, other) for other in records):
            refused["ambiguous"] += 1
            continue
        named = _named(lesion, language)
        for kind, value, unit in _numbers(lesion):
            called = named
            if kind == "size" and lesion.size_of == "largest":
                called = str(table()[language]["largest"]).format(what=named)
            asks = f"{kind}:{key_of(lesion)}"
            words, answer = answered(kind, language, value), Answer("number", value, unit, asks)
            yield Question(kind, language, {"what": called}, words, answer, [lesion], seed)
        if lesion.uptake and lesion.type != "fdg_uptake":
            degree = answered(lesion.uptake, language)
            yield _choice("uptake", f"uptake:{key_of(lesion)}", named, degree, lesion, language, seed)


def key_of(lesion: Lesion) -> str:
    """What is asked about, whatever its words: `mass/lung/right/upper_lobe`."""
    return "/".join(filter(None, (lesion.type, lesion.organ, lesion.side, *lesion.location, *lesion.station)))


def _named(lesion: Lesion, language: str) -> str:
    location = tuple(lesion.station or lesion.location)
    return what(lesion.type, lesion.organ, lesion.side, language, location)


def _alike(one: Lesion, other: Lesion) -> bool:
    """Whether the words for one lesion may mean the other too."""
    sides = one.side == other.side or None in (one.side, other.side) or "both" in (one.side, other.side)
    here, there = {*one.location, *one.station}, {*other.location, *other.station}
    return one.type == other.type and one.organ == other.organ and sides and (here == there or not here or not there)


def _numbers(lesion: Lesion) -> Iterator[tuple[str, float, str | None]]:
    """Numbers that are said exactly: the greatest diameter in mm, SUVmax, how many."""
    size = size_of(lesion)
    if size is not None:
        yield "size", size, "mm"
    suv = suv_of(lesion)
    if suv is not None:
        yield "suv", suv, "SUV"
    if isinstance(lesion.count, int):
        yield "count", float(lesion.count), None


def size_of(lesion: Lesion) -> float | None:
    """The greatest diameter, mm; None where it is a bound or a range, or one size is said of several."""
    several = lesion.count not in (None, 1) and lesion.size_of != "largest"
    if not lesion.size_mm or lesion.size_of == "range" or lesion.size_relation not in ("=", "~") or several:
        return None
    return max(lesion.size_mm)


def suv_of(lesion: Lesion) -> float | None:
    """The one SUVmax; None where it is a bound, a range, of a phase, or there are several."""
    stated = [suv for suv in lesion.suv if suv.reference is None and suv.kind == "max"]
    if len(stated) != 1 or stated[0].relation not in ("=", "~") or stated[0].phase or stated[0].low != stated[0].high:
        return None
    return stated[0].high


def compared(records: Sequence[Lesion], language: str, seed: object) -> Iterator[Question]:
    """Which of two places has the higher SUVmax, or the larger lesion; one question of each."""
    at: dict[str, list[Lesion]] = defaultdict(list)
    for lesion in records:
        at[_where(lesion, language)].append(lesion)
    for kind, value_of in (("suv", suv_of), ("size", size_of)):
        known = {where: [value_of(lesion) for lesion in listed] for where, listed in at.items() if where}
        most = {where: max(v for v in values if v) for where, values in known.items() if all(values)}
        pairs = [
            (a, b) for a, b in combinations(sorted(most), 2) if a not in b and b not in a and _differ(most[a], most[b], kind)
        ]
        if pairs:
            pair = pairs[seed_of(seed, "pair", kind) % len(pairs)]
            first, second = pair if seed_of(seed, "order", kind) % 2 else pair[::-1]
            value = max(pair, key=lambda where: most[where])
            asks = f"compare_{kind}:" + "|".join(sorted(key_of(at[where][0]) for where in pair))
            things, slots = [lesion for where in pair for lesion in at[where]], {"first": first, "second": second}
            yield Question(f"compare_{kind}", language, slots, value, Answer("choice", value, None, asks), things, seed)


def _where(lesion: Lesion, language: str) -> str:
    """Where a lesion is, in words."""
    if lesion.type == "lymph_node":
        return what(lesion.type, lesion.organ, lesion.side, language, tuple(lesion.station))
    return place(lesion.organ, lesion.side, language, tuple(lesion.location))


def _differ(one: float, other: float, kind: str) -> bool:
    low, high = sorted((one, other))
    return high > low * _CLEARLY[kind]
