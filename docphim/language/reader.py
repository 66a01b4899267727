"""Reads a sentence as facts: clause by clause, each taking over what the one before leaves standing."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from operator import attrgetter
from typing import Any

from docphim.language.cues import afterwards, carry, judge, states, take_hold
from docphim.language.fact import Fact
from docphim.language.grammar import Clause, Context, Draft, Place
from docphim.language.lexicon import Lexicon
from docphim.language.numbers import is_number
from docphim.language.parts import by_commas
from docphim.language.places import places
from docphim.language.predicates import amounts, finding_facts, state_facts

#: The words of a fact, where they begin and end in their sentence, and the fields of `Fact` after these.
Read = tuple[str, int, int, tuple[Any, ...]]
_VALUES = attrgetter(*[f.name for f in fields(Fact)][3:])
_WHERE = frozenset(("anatomy", "part", "side", "location", "and", "comma"))
#: Findings that may be anywhere.
_GENERAL = frozenset(("abnormality", "lesion", "disease"))
_LOOKS = frozenset(("negation", "descriptor", "and", "or", "comma", "severity"))
_MEASURES = ("count", "severity", "size_mm", "suv")


@functools.lru_cache(maxsize=50_000)
def read_sentence(sentence: str, lexicon: Lexicon) -> tuple[Read, ...]:
    """The facts of a sentence; offsets are within it.  Reports say the same sentences again and again."""
    read: list[Read] = []
    for parts in by_commas(sentence, lexicon):
        context = Context()
        for n, clause in enumerate(parts):
            _read(clause, n, parts, context, lexicon)
        read += [(sentence[fact.begin : fact.end], fact.begin, fact.end, _VALUES(fact)) for fact in context.facts]
    return tuple(read)


def _read(clause: Clause, n: int, parts: Sequence[Clause], context: Context, lexicon: Lexicon) -> None:
    """Add a clause's facts to what has been said."""
    context.of_clause.append([])
    carry(clause, n + 1 < len(parts) and not parts[n + 1].link, context, lexicon)
    if clause.at is None:
        _without_predicate(clause, n, parts, context, lexicon)
        return
    before, after = clause.items[: clause.at], clause.items[clause.at + 1 :]
    directly = take_hold(clause, before, context)
    if directly and context.denied:
        context.of_state = states(clause, before, lexicon)
    if clause.predicate.kind == "finding":  # type: ignore[union-attr]
        new = finding_facts(clause, before, after, context, lexicon)
    else:
        new = state_facts(clause, before, after, context, lexicon)
        if not directly and clause.link not in ("and", "or"):
            context.denied, context.hedge = False, None
    if clause.link == "colon" and len(context.headed) > 1:
        new = [*_of_each(new, context.headed), *new]
    elif clause.link in ("comma", "and") and before and before[0].kind in _WHERE and "negation" in clause.kinds:
        new = [*_of_each(new, _listed_before(n, parts, lexicon)), *new]
    for fact in new:
        judge(fact, clause, context, lexicon)
        _add(fact, context)
    listed = clause.link in ("and", "or") or (not clause.link and lexicon.modifiers_after)
    if new and (listed or (clause.link == "comma" and context.denied)):
        _share(new[-1], context)
    afterwards(clause, after, n, parts, context, lexicon)


def _listed_before(n: int, parts: Sequence[Clause], lexicon: Lexicon) -> list[Place]:
    """Places that parts just before a header name, and nothing else: "gan, lách: …"."""
    listed: list[Place] = []
    while n and parts[n].link in ("comma", "and") and parts[n - 1].at is None and parts[n - 1].kinds <= _WHERE:
        n -= 1
        listed = places(parts[n].items, lexicon) + listed
    return listed


def _of_each(new: Sequence[Draft], listed: Sequence[Place]) -> list[Draft]:
    """What is said of all that was listed: "gan, lách: không thấy bất thường", "gan, lách, tụy không thấy tổn thương"."""
    if len(new) != 1 or new[0].trailing or not (new[0].finding in _GENERAL or new[0].state == "normal"):
        return []
    fact = new[0]
    return [
        replace(fact, anatomy=spot.anatomy, part=spot.part, side=spot.side, location=tuple(sorted(spot.locations)))
        for spot in listed
        if spot.anatomy and spot.anatomy != fact.anatomy
    ]


def _add(fact: Draft, context: Context) -> None:
    context.of_clause[-1].append(len(context.facts))
    context.facts.append(fact)


def _share(fact: Draft, context: Context) -> None:
    """Give the place that a list of findings names at its end to those before it: "nốt và khối phổi phải"."""
    for indexes in reversed(context.of_clause[:-1]):
        for earlier in (context.facts[i] for i in indexes):
            if not earlier.bare or earlier.placed or earlier.polarity != fact.polarity:
                return
            if not fact.trailing:
                # "dịch hay khí khoang màng phổi": the last noun names the place by itself
                earlier.anatomy = earlier.anatomy or fact.anatomy
                continue
            if earlier.anatomy in (None, fact.anatomy):
                earlier.anatomy, earlier.side, earlier.location = fact.anatomy, fact.side, fact.location
            elif earlier.side is None:
                earlier.side = fact.side


def _without_predicate(clause: Clause, n: int, parts: Sequence[Clause], context: Context, lexicon: Lexicon) -> None:
    """A clause without finding or state: a heading, a denial of what came before, something more about it, or words unknown."""
    if not clause.items:
        return
    spots = places(clause.items, lexicon)
    heads = n + 1 < len(parts) and parts[n + 1].link == "colon"
    if heads:
        if spots:
            context.header = context.last = spots[-1]
            context.headed = _listed_before(n, parts, lexicon) + spots
        return
    kinds = clause.kinds
    if "descriptor" in kinds and _denies_adjective(clause):
        return
    if kinds & {"negation", "shown", "change", "certainty"} and not kinds & {"anatomy", "word"}:
        if context.facts and kinds & {"size", "suv"}:
            _more(clause, spots, context, lexicon)
        afterwards(clause, clause.items, n, parts, context, lexicon)
        return
    words = [i for i in clause.items if i.kind in ("word", "descriptor")]
    if context.facts and not words and "anatomy" not in kinds:
        _more(clause, spots, context, lexicon)
        return
    denied = "negation" in kinds and lexicon.modifiers_after  # "không thấy tử cung"; English lists nouns to come
    measured = kinds & {"size", "suv", "severity", "count"}
    obscured = any(i.kind == "certainty" and i.name == "obscured" for i in clause.items)
    if not words and not denied and not measured and not obscured:
        if spots:
            context.last = spots[-1]
        return
    if not spots and all(is_number(i.name) for i in words) and not measured:
        return
    spot = spots[-1] if spots else Place()
    fact = amounts(clause, clause.items[0], lexicon)
    fact.anatomy, fact.part, fact.side = spot.anatomy, spot.part, spot.side
    fact.location = tuple(sorted(spot.locations))
    if spot.anatomy and not words and (denied or obscured):
        fact.state, fact.polarity = "obscured" if obscured else "absent", "abnormal"
    elif denied:
        fact.polarity = "absent"
    _add(fact, context)


def _denies_adjective(clause: Clause) -> bool:
    """Whether only how a finding looks is denied: "nốt đỉnh phổi, bờ đều, không tua gai"."""
    kinds = [item.kind for item in clause.items]
    return any(pair == ("negation", "descriptor") for pair in pairwise(kinds)) and clause.kinds <= _LOOKS


def _more(clause: Clause, spots: list[Place], context: Context, lexicon: Lexicon) -> None:
    """Size, grade or side in a part of its own go to the fact before; another side makes a fact of its own."""
    last = context.facts[-1]
    extra = amounts(clause, clause.items[0], lexicon)
    spot = spots[0] if spots else Place()
    if spot.side and last.side not in (None, spot.side):
        values = {key: getattr(extra, key) for key in ("begin", "end", *_MEASURES)}
        _add(replace(last, side=spot.side, location=tuple(sorted(spot.locations)) or last.location, **values), context)
        return
    last.end = max(last.end, extra.end)
    for key in _MEASURES:
        if not getattr(last, key):
            setattr(last, key, getattr(extra, key))
    last.side = last.side or spot.side
    last.location = tuple(sorted({*last.location, *spot.locations}))
