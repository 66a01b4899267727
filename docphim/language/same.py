"""One meaning, one fact: facts in one form, whatever words said them, and what a wide denial answers for.

`canonical(facts("Khoang màng phổi có dịch.", "vi"))` are the facts of "Tràn dịch màng phổi."; the rows stand in same.yaml.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from docphim.language.conditions import Condition, is_device, is_generic, is_paired, is_well, regions, relative_sides
from docphim.language.fact import KNOWN, Fact, Side
from docphim.language.same_rows import Rows, lies_in, rows

#: What a report may be of; some rows hold for one only.
MODALITIES = ("xray", "ct", "pet")
_NUMBERED = re.compile(r"^(.*)_[a-z]?\d+[a-z]?$")
#: What a well thing does not need: how much, how sure, since when.
_PLAIN: dict[str, Any] = {"count": None, "severity": None, "size_mm": (), "suv": None, "measures": ()}
_PLAIN |= {"certainty": "certain", "change": None}
_OTHER: Mapping[str | None, Side] = {"right": "left", "left": "right"}


#: What a fact may say of a thing beside what it is and where.
_HOW = ("part", "count", "severity", "change", "size_mm", "suv")


def canonical(facts: Sequence[Fact], modality: str | None = None, without: str = "") -> list[Fact]:
    """The facts of one report in one form: each thing once, on one side, in one place; signs beside their cause left out.

    Parameters
    ----------
    facts : sequence of Fact
        Of one report.
    modality : {"xray", "ct", "pet"}, optional
        What the report is of; some rows hold for films only.  Not known is no film.
    without : str
        A row of same.yaml to leave out.

    Returns
    -------
    list of Fact
        In the order of the report; several may have been read from the same words.
    """
    forms = dict.fromkeys(part for fact in placed(facts, without) for part in parts(fact, modality, without))
    once = list({part.strict: part for part in reversed(forms)}.values())[::-1]
    last = settled(once, modality, without).values()
    return list({fact.strict: fact for fact in reversed(last)}.values())[::-1]


def placed(facts: Sequence[Fact], without: str = "") -> list[Fact]:
    """The facts of one report where they are by what stands beside them.

    A conclusion without a place is where its signs are: "U phổi." beside a mass of the left lung.  "Cùng bên" is the side that
    was spoken of last, be it in the sentence before.
    """
    lends = rows(without).lends
    sided: list[Fact] = []
    for fact in facts:
        sided.append(_on_named_side(fact, sided) if _relative(fact) else fact)
    return [one for fact in sided for one in (_placed(fact, sided, lends) if _is_bare(fact, without) else [fact])]


def may_be_placed(fact: Fact, without: str = "") -> bool:
    """Whether a fact says no place and would take that of its signs, or a side only by what was spoken of before."""
    return bool(_relative(fact)) or _is_bare(fact, without)


def _is_bare(fact: Fact, without: str) -> bool:
    return not (fact.side or fact.location or KNOWN in fact.leftover) and any(holds(fact) for _, holds in rows(without).lends)


def _relative(fact: Fact) -> list[str]:
    """Words of a fact that mean the side spoken of last, or the other one, where it names no side itself."""
    return [word for word in fact.leftover if word in relative_sides()] if fact.leftover and not fact.side else []


def _on_named_side(fact: Fact, before: Sequence[Fact]) -> Fact:
    """A fact on the side that was spoken of last, or on the other one."""
    side = next((other.side for other in reversed(before) if other.side in _OTHER and not is_well(other)), None)
    words = _relative(fact)
    if side is None or len(words) > 1:
        return fact
    named = side if relative_sides()[words[0]] == "same" else _OTHER[side]
    return replace(fact, side=named, leftover=tuple(word for word in fact.leftover if word not in words))


def _placed(fact: Fact, facts: Sequence[Fact], lends: Sequence[tuple[Condition, Condition]]) -> list[Fact]:
    """A conclusion where its signs are: in each organ of them, where it names one around them all ("di căn xương")."""
    signs = [left for left, right in lends if right(fact)]
    facts = [_formed(other, None, rows()) for other in facts if other.side or other.location]  # a node 4R is in the mediastinum
    near = [other for other in facts if fact.anatomy in (None, *regions(other.anatomy))]
    beside = next((shown for left in signs if (shown := [other for other in near if left(other)])), [])
    organs = dict.fromkeys(other.anatomy for other in beside)
    if len(organs) > 1 and fact.anatomy is None:
        return [fact]
    placed = [_where(fact, [other for other in beside if other.anatomy == organ]) for organ in organs]
    return [fact] if None in placed or not placed else [one for one in placed if one]


def _where(fact: Fact, signs: Sequence[Fact]) -> Fact | None:
    """A conclusion where its signs in one organ are; None where they do not say on which side."""
    organ, sided = signs[0].anatomy, rows().sided
    sides = {other.side or next((sided[place] for place in other.location if place in sided), None) for other in signs}
    if None in sides and (is_paired(organ) or len(sides) > 1):
        return None
    side = sides.pop() if len(sides) == 1 else "both"
    places = {other.location for other in signs}
    return replace(fact, anatomy=organ, side=side, location=places.pop() if len(places) == 1 else ())


def settled(facts: Sequence[Fact], modality: str | None = None, without: str = "") -> dict[Fact, Fact]:
    """What stands for each fact of one report: itself, or for a sign its cause, which takes the sign's size, SUV and place.

    A sign of another size or side than its cause stays itself: beside a tumour of 46 mm a nodule of 8 mm is another lesion.
    """
    causes = {fact: cause(fact, facts, without) for fact in facts}
    shown_by = {why for fact, why in causes.items() if not is_well(fact)}
    # a node that has uptake itself is none of those that have not
    causes |= {fact: None for fact, why in causes.items() if why is not None and is_well(why) and fact in shown_by}
    ends = {fact: _end(fact, causes) for fact in facts}
    signs: dict[Fact, list[Fact]] = {fact: [] for fact in ends.values()}
    for sign, why in ends.items():
        if why is not sign:
            signs[why].append(sign)
    stands = {fact: _measured(fact, shown, rows(without)) for fact, shown in signs.items()}
    shows = {fact: stands[why] for fact, why in ends.items()}
    last = {fact: shown if _one_lesion(fact, shown) else fact for fact, shown in shows.items()}
    # in one form once more: a node that takes a size from beside it may be a large one
    return {fact: _formed(shown, modality, rows(without)) for fact, shown in last.items()}


def _one_lesion(fact: Fact, shown: Fact) -> bool:
    return fact.size_mm in ((), shown.size_mm) and _on_side(fact, shown)


def _on_side(fact: Fact, other: Fact) -> bool:
    return fact.side in (None, other.side) or (other.side == "both" and is_well(other))


def _end(fact: Fact, causes: Mapping[Fact, Fact | None]) -> Fact:
    """The cause of a fact's cause, and so on: of the uptake the mass, of the mass the tumour."""
    met = {fact}
    while (why := causes[fact]) is not None and why not in met:
        fact = why
        met.add(fact)
    return fact


def _measured(fact: Fact, signs: Sequence[Fact], table: Rows) -> Fact:
    """A cause with the size, SUV and place of its signs, where it names none itself."""
    measured: dict[str, Any] = {}
    sides = {one.side for one in signs if one.side}
    if not fact.side and len(sides) == 1:
        measured["side"] = sides.pop()
    places = {one.location for one in signs if one.location and one.anatomy == fact.anatomy}
    if not fact.location and len(places) == 1:
        measured["location"] = places.pop()
    for sign, holds, fields in table.makes if signs else ():
        measured |= fields if holds(fact) and any(map(sign, signs)) else {}
    sized = fact if fact.size_mm else max(signs, key=lambda sign: max(sign.size_mm, default=0.0), default=fact)
    for name in ("count", "size_mm", "suv", "measures"):
        stated = [value for value in (getattr(one, name) for one in (fact, sized, *signs)) if value not in (None, ())]
        if stated:
            measured[name] = stated[0]
    return replace(fact, **measured) if measured else fact


def parts(fact: Fact, modality: str | None = None, without: str = "") -> list[Fact]:
    """One fact in one form, a fact for each side and place that it names; well things stay whole."""
    table = rows(without)
    split: list[Fact] = [fact]
    for holds, others in table.several:
        if any(map(holds, split)):
            split = [replace(part, **other) for part in split for other in (others if holds(part) else ({},))]
    return [part for one in split for part in _apart(_formed(one, modality, table), table)]


@functools.lru_cache(maxsize=10_000)
def _formed(fact: Fact, modality: str | None, table: Rows) -> Fact:
    """A fact as the table's forms have it; reports say the same things again."""
    if is_well(fact):
        leftover = () if fact.anatomy or fact.finding else fact.leftover
        fact = replace(fact, **_PLAIN, leftover=leftover)
    first = 0
    while True:  # what a form changes may make another fit, of those behind it
        rows = ((n, *form) for n, holds, form in table.forms.near(fact) if n >= first and holds(fact))
        n, fields = next(((n, fields) for n, fields, only in rows if only in (None, modality)), (0, None))
        if fields is None:
            return fact
        fact, first = replace(fact, **{name: _value(fact, name, value) for name, value in fields.items()}), n + 1


def _value(fact: Fact, name: str, value: Any) -> Any:
    """A field's new value; places are exchanged where the row gives a mapping, and none is an empty tuple."""
    if name in ("location", "leftover") and isinstance(value, str):
        return (value,)
    if name == "location" and value:
        return tuple(sorted({value.get(place, place) for place in fact.location}))
    return () if name in ("location", "leftover") else value


def _apart(fact: Fact, table: Rows) -> Iterator[Fact]:
    """A fact for each side and each of several places of one kind; a denial stays whole.

    Of several places that are on one side alone each is on its own ("right middle lobe and lingula"); of one place the side
    that is written counts, be it wrong ("thùy giữa trái").
    """
    if is_well(fact):
        yield fact
        return
    if not fact.location and fact.side != "both":  # most: one side, no place
        yield fact
        return
    sides: tuple[Side | None, ...] = ("right", "left") if fact.side == "both" else (fact.side,)
    places = _places(_narrowest(fact.location, table), table)
    known = table.sided if len(places) > 1 or fact.side in (None, "both") else {}
    for side, location in itertools.product(sides, places):
        yield replace(fact, side=next((known[x] for x in location if x in known), side), location=location)


def _narrowest(location: tuple[str, ...], table: Rows) -> tuple[str, ...]:
    """Places without those in which another of them lies: "lower lobe, base" is the base."""
    if len(location) < 2:
        return location
    wide = {place for near in location for place in table.inside.get(near, ())}
    return tuple([place for place in location if place not in wide])


def _places(location: tuple[str, ...], table: Rows) -> list[tuple[str, ...]]:
    """Several lobes are several places; "subpleural, upper lobe" is one."""
    kinds = [_kind(place, table) for place in location]
    several = next((kind for kind in kinds if kind is not None and kinds.count(kind) > 1), None)
    if several is None:
        return [location]
    rest = [place for place, kind in zip(location, kinds, strict=True) if kind != several]
    alike = [place for place, kind in zip(location, kinds, strict=True) if kind == several]
    return [tuple(sorted((*rest, place))) for place in alike]


def _kind(place: str, table: Rows) -> str | int | None:
    numbered = _NUMBERED.match(place)
    return numbered[1] if numbered else table.kinds.get(place)


def sign_rows(fact: Fact) -> int:
    """The rows by which a fact is a sign, of whatever may stand beside it, each the bit of its place."""
    return sum([1 << n for n in rows().shown.holding(fact)])


def cause_rows(fact: Fact) -> int:
    """The rows by which some sign may stand beside a fact and say nothing more, each the bit of its place."""
    return sum([1 << n for n in rows().causes.holding(fact)])


def cause(fact: Fact, others: Iterable[Fact], without: str = "") -> Fact | None:
    """What a fact is only the sign of, where the same report says it of that side (and place): the effusion beside an angle.

    What is said again less closely is such a sign too: "lung tumour" of the impression, of a tumour in the upper lobe.
    """
    signs = [(holds, asked) for sign, holds, asked in rows(without).signs if sign(fact)]
    causes = [
        other
        for other in others
        if other is not fact
        and KNOWN not in other.leftover
        and (any(holds(other) and _beside(fact, other, asked) for holds, asked in signs) or says_less(fact, other))
    ]
    # the nearest: uptake beside the oesophagus is of the node there, not of the oesophagus
    return min(causes, key=lambda other: (other.anatomy != fact.anatomy, other.location != fact.location), default=None)


def shows(fact: Fact, other: Fact, common: int) -> bool:
    """Whether one fact is only the sign of another of its report, or says less of the same.

    `common` are the rows by which the first is a sign (`sign_rows`) and the other a cause (`cause_rows`).
    """
    if KNOWN in other.leftover:  # what was known before shows in nothing
        return False
    asked = (asked for n, (_, _, asked) in enumerate(rows().signs) if common >> n & 1)
    return (bool(common) and any(_beside(fact, other, row) for row in asked)) or says_less(fact, other)


def _beside(fact: Fact, other: Fact, asked: frozenset[str]) -> bool:
    if "exact" in asked and fact.anatomy != other.anatomy:
        return False
    within = "same" not in asked or _within(fact, other)
    side = _on_side(fact, other) or (other.side is None and not asked and is_paired(other.anatomy))
    return within and side and ("place" not in asked or _meet(fact, other))


def says_less(fact: Fact, other: Fact) -> bool:
    """Whether an abnormal fact says nothing that another does not, and less: neither where, nor how much, nor how many."""
    if is_well(fact) or subject(fact) != subject(other) or fact.side not in (None, other.side) or fact.strict == other.strict:
        return False
    places = all(place in other.location or any(lies_in(near, place) for near in other.location) for place in fact.location)
    unsaid = all(getattr(fact, name) in (None, (), getattr(other, name)) for name in _HOW)
    summary = not (fact.side or fact.location) and (other.side or other.location)  # "acute pulmonary embolism"
    return bool(_within(fact, other) and places and unsaid and (summary or set(fact.leftover) <= {KNOWN, *other.leftover}))


def _within(fact: Fact, other: Fact) -> bool:
    """Whether a fact names the organ of another, one around it, or none: lytic bone beside a metastasis of a vertebra."""
    return fact.anatomy in (None, *regions(other.anatomy)) or is_generic(fact)


def subject(fact: Fact) -> tuple[Any, ...]:
    """What two facts of one thing have in common, however closely they say it."""
    return fact.finding, fact.state, fact.polarity


def _meet(fact: Fact, other: Fact) -> bool:
    return not fact.location or not other.location or not set(fact.location).isdisjoint(other.location)


def covers(wide: Fact, narrow: Fact, without: str = "") -> bool:
    """Whether one well thing, in canonical form, answers for another: "nothing abnormal in the lungs" for "no nodule".

    What is not well is never covered.
    """
    if not (is_well(wide) and is_well(narrow)):
        return False
    # There is one aorta: what is said of it without a side is said of all of it.
    sides = wide.side in ("both", narrow.side) or (wide.side is None and not is_paired(wide.anatomy))
    places = not wide.location or set(wide.location) >= set(narrow.location)
    places = places and wide.part in (None, narrow.part)
    return sides and places and _speaks_of(wide, narrow, without)


def _speaks_of(wide: Fact, narrow: Fact, without: str) -> bool:
    if (wide.anatomy, wide.finding, wide.state) == (narrow.anatomy, narrow.finding, narrow.state):
        return wide.leftover == narrow.leftover
    around = wide.anatomy in (None, *regions(narrow.anatomy)) or is_generic(wide)
    if around and not wide.leftover and wide.finding in (narrow.finding or "", "" if is_device(narrow) else "abnormality"):
        return True
    covered = _covered_by(wide, rows(without)) if not is_device(narrow) else []
    return any(right(narrow) and (around or not same) for right, same in covered)


@functools.lru_cache(maxsize=10_000)
def _covered_by(wide: Fact, table: Rows) -> list[tuple[Condition, bool]]:
    """What a well thing answers for by the rows of a table, and whether only around its own anatomy."""
    return [(right, same) for left, right, same in table.covers if left(wide)]


def denial(fact: Fact, modality: str | None = None) -> Fact:
    """What would deny a fact, in canonical form: of "right effusion", "no right effusion"."""
    return _formed(replace(fact, polarity="absent" if fact.finding else "normal", leftover=()), modality, rows())


def core(fact: Fact) -> tuple[Any, ...]:
    """What a fact in canonical form says of what, where and whether, without how much."""
    what = (fact.anatomy, fact.part, fact.finding, fact.state, fact.polarity)
    return (*what, fact.side, fact.location, fact.certainty, fact.change, fact.leftover)
