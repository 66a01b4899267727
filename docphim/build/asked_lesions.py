"""What is asked of the lesions of a report: side, place, size, SUVmax, count, uptake, and which of two places has more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from docphim.build.asked import Read
from docphim.build.question_words import answered, asked, place, table, what
from docphim.files import seed_of
from docphim.language.normalize import normalize
from docphim.study import Answer, Lesion, Row

#: Two numbers are compared where they differ by more than a reader could be wrong by.
_CLEARLY = {"suv": 1.1, "size": 1.2}


@dataclass(frozen=True)
class Question:
    """One question with its short answer, typed."""

    text: str
    reply: str
    answer: Answer

    @property
    def kind(self) -> str:
        """`presence`, `side`, `size`, …"""
        return (self.answer.asks or "").partition(":")[0]


def row_of(thing: Any) -> Row:
    """A fact or a lesion record as JSON, without what it says nothing of."""
    return {name: value for name, value in asdict(thing).items() if value not in (None, "", [], ()) and name != "v"}


def sides(report: Read, language: str, seed: object) -> Iterator[Question]:
    """On which side a thing is, where all that is said of it has one."""
    for topic, listed in report.claims.items():
        if topic.side or topic.kind != "finding" or not all(fact.side for fact in listed):
            continue
        met = {fact.side for fact in listed}
        side = next(iter(met)) if len(met) == 1 else "both"
        if topic in report.unsure or side is None:
            continue
        named = what(topic.name, topic.anatomy, None, language)
        yield _choice("side", topic.key, named, answered(side, language), row_of(listed[0]), language, seed)


def places(report: Read, language: str, seed: object) -> Iterator[Question]:
    """Where in an organ a thing is, where one place is said and no other."""
    for topic, listed in report.claims.items():
        met = {fact.location for fact in listed}
        location = next(iter(met)) if len(met) == 1 else ()
        if topic.kind == "finding" and len(location) == 1 and topic not in report.unsure:
            if topic.side is None and any(fact.side for fact in listed):
                continue
            named = what(topic.name, topic.anatomy, topic.side, language)
            where = place(None, None, language, location)
            if where:
                yield _choice("place", topic.key, named, where, row_of(listed[0]), language, seed)


def _choice(kind: str, key: str, named: str, value: str, origin: Row, language: str, seed: object) -> Question:
    asks = f"{kind}:{key.partition(':')[2]}"
    text = asked(kind, language, (seed, asks), what=named)
    return Question(text, f"{value[:1].upper()}{value[1:]}.", Answer("choice", value, None, asks, origin))


def measured(records: Sequence[Lesion], language: str, seed: object, refused: Counter[str]) -> Iterator[Question]:
    """Size, SUVmax, count and uptake of each lesion that its place tells from the others (else `ambiguous` is counted)."""
    for lesion in records:
        if any(other is not lesion and _alike(lesion, other) for other in records):
            refused["ambiguous"] += 1
            continue
        named = _named(lesion, language)
        asks = "/".join(filter(None, (lesion.type, lesion.organ, lesion.side, *lesion.location, *lesion.station)))
        for kind, value, unit in _numbers(lesion):
            called = named
            if kind == "size" and lesion.size_of == "largest":
                called = str(table()[language]["largest"]).format(what=named)
            text = asked(kind, language, (seed, kind, asks), what=called)
            yield Question(
                text,
                f"{answered(kind, language, value)}.",
                Answer("number", value, unit, f"{kind}:{asks}", row_of(lesion)),
            )
        if lesion.uptake and lesion.type != "fdg_uptake":
            yield _choice("uptake", f"uptake:{asks}", named, answered(lesion.uptake, language), row_of(lesion), language, seed)


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
        at[place(lesion.organ, lesion.side, language, tuple(lesion.station or lesion.location))].append(lesion)
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
            text = asked(f"compare_{kind}", language, (seed, pair), first=first, second=second)
            origin = {"lesions": [row_of(lesion) for where in pair for lesion in at[where]]}
            asks = f"compare_{kind}:" + "/".join(pair)
            yield Question(text, f"{value[:1].upper()}{value[1:]}.", Answer("choice", value, None, asks, origin))


def _differ(one: float, other: float, kind: str) -> bool:
    low, high = sorted((one, other))
    return high > low * _CLEARLY[kind]


def leaks(question: Question, named: str = "") -> bool:
    """Whether the words of a question hold its answer."""
    if question.answer.kind != "choice" or question.kind.startswith("compare") or question.kind == "side":
        return False
    return normalize(str(question.answer.value)) in normalize(question.text)
