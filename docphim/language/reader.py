"""Reads a sentence's clauses as facts: what is denied, hedged, where it is, and what is taken over from the clause before."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from operator import attrgetter
from typing import Any

from docphim.language.clauses import Clause, clauses, takes_state
from docphim.language.fact import Fact
from docphim.language.items import Item, items, tokenize
from docphim.language.lexicon import Lexicon
from docphim.language.numbers import is_number

#: Parts that a finding's or a grown heart's meaning does not change with.
_OUTER = frozenset(("wall", "margin", "contour", "size", "lumen", "shape", "position", "parenchyma"))
_WHERE = frozenset(("anatomy", "part", "side", "location"))
_EXTENT = frozenset(("size", "contour", "shape"))
_JOINING = frozenset(("comma", "and", "or", "end", "colon"))
#: What a fact in the making carries beside its fields.
_NOTES = ("bare", "placed", "normal")
_AFTER_END = attrgetter(*[f.name for f in fields(Fact)][3:])
#: No sentence has more words; what has is cut here, so that a text without stops stays linear.
LONGEST = 400


@dataclass(slots=True)
class Place:
    """Where: anatomy, part, side, locations."""

    anatomy: str | None = None
    part: str | None = None
    side: str | None = None
    locations: tuple[str, ...] = ()


@dataclass(slots=True)
class _Said:
    """What holds while a sentence is read: the cue that runs on, the header before a colon, the last place, the facts."""

    denied: bool = False
    of_state: bool = False  # the negation is a state's own: "tim không to" denies nothing else
    hedge: str | None = None
    header: Place | None = None
    last: Place = field(default_factory=Place)
    facts: list[dict[str, Any]] = field(default_factory=list)
    of_clause: list[list[int]] = field(default_factory=list)  # facts of each clause


@functools.lru_cache(maxsize=50_000)
def read_sentence(sentence: str, lexicon: Lexicon) -> tuple[Fact, ...]:
    """The facts of a sentence; offsets are within it.  Reports say the same sentences again and again."""
    words, spans = tokenize(sentence, lexicon)
    found: list[Fact] = []
    for first in range(0, len(words), LONGEST):
        part, where = words[first : first + LONGEST], spans[first : first + LONGEST]
        said = _Said()
        parts = clauses(items(part, lexicon), lexicon)
        for n, clause in enumerate(parts):
            _read(clause, n, parts, said, lexicon)
        for raw in said.facts:
            start, end = where[raw.pop("from")][0], where[raw.pop("to") - 1][1]
            for key in _NOTES:
                raw.pop(key, None)
            found.append(Fact(text=sentence[start:end], start=start, end=end, **raw))
    return tuple(found)


def _read(clause: Clause, n: int, parts: Sequence[Clause], said: _Said, lexicon: Lexicon) -> None:
    """Add a clause's facts to what has been said."""
    said.of_clause.append([])
    _carry(clause, n + 1 < len(parts) and not parts[n + 1].link, said, lexicon)
    if clause.at is None:
        _without_predicate(clause, n, parts, said, lexicon)
        return
    before, after = clause.items[: clause.at], clause.items[clause.at + 1 :]
    directly = _cues(before, said)
    if directly and said.denied:
        said.of_state = _states(clause, before, lexicon)
    new = _stated(clause, before, after, said, lexicon) if clause.predicate.kind != "finding" else None  # type: ignore[union-attr]
    if new is None:
        new = _found(clause, before, after, said, lexicon)
    elif not directly and clause.link not in ("and", "or"):
        said.denied, said.hedge = False, None
    for fact in new:
        _judge(fact, clause, said, lexicon)
        _add(fact, said)
    if new and lexicon.modifiers_after and (clause.link in ("and", "or") or (clause.link == "comma" and said.denied)):
        _share(new[-1], said)
    _afterwards(clause, after, n, parts, said, lexicon)


def _add(fact: dict[str, Any], said: _Said) -> None:
    said.of_clause[-1].append(len(said.facts))
    said.facts.append(fact)


def _states(clause: Clause, before: Sequence[Item], lexicon: Lexicon) -> bool:
    """Whether a clause says how an anatomy is ("tim không to", "khí quản không lệch"), and does not look for a finding."""
    predicate = clause.predicate
    if predicate is None or predicate.kind != "finding":
        return True
    named = bool(before) and before[0].kind in ("anatomy", "part", "side")
    return named and bool(lexicon.findings.get(predicate.name, {}).get("as_state"))


def _share(fact: dict[str, Any], said: _Said) -> None:
    """Give the place that a list of findings names at its end to those before it: "nốt và khối phổi phải"."""
    if not fact.get("placed"):
        return
    for indexes in reversed(said.of_clause[:-1]):
        for earlier in (said.facts[i] for i in indexes):
            if not earlier.get("bare") or earlier.get("placed") or earlier["polarity"] != fact["polarity"]:
                return
            if earlier["anatomy"] in (None, fact["anatomy"]):
                earlier |= {"anatomy": fact["anatomy"], "side": fact["side"], "location": fact["location"]}
            elif earlier["side"] is None:
                earlier["side"] = fact["side"]


def _carry(clause: Clause, runs_on: bool, said: _Said, lexicon: Lexicon) -> None:
    """Whether a negation or hedge from before still holds: across "hay" and "và", across a comma only onto a bare noun.

    `runs_on`: another predicate follows the noun without a comma ("…, khối đè đẩy phế quản"), so that it is none of a list.
    """
    holds = clause.link not in ("end", "colon") and not clause.bracket
    if holds and clause.link == "comma":
        holds = (clause.either and said.denied) or (_bare(clause, lexicon) and not runs_on)
    elif holds and not clause.link:
        holds = (clause.either and said.denied) or _bare(clause, lexicon, hedged=said.denied)
    elif clause.link == "and":
        holds = holds and not _own_subject(clause)
    stated = clause.predicate is not None and clause.predicate.kind == "state"
    if not holds or (said.of_state and not stated):
        said.denied, said.hedge = False, None
    said.of_state = said.of_state and said.denied


def _own_subject(clause: Clause) -> bool:
    predicate = clause.predicate
    return bool(predicate and predicate.kind == "state" and (clause.has("anatomy") or (predicate.term and predicate.term.says)))


def _bare(clause: Clause, lexicon: Lexicon, hedged: bool = False) -> bool:
    """A finding without a side, lobe, size or grade of its own: the list before it goes on.  `hedged`: though it is hedged."""
    predicate = clause.predicate
    if predicate is None or (predicate.kind != "finding" and not (predicate.term and predicate.term.says)):
        return False
    if lexicon.modifiers_after and predicate.term and predicate.term.led:
        return False
    placed = any(i.kind == "side" and i.name != "both" for i in clause.items) or any(i.locations for i in clause.items)
    graded = clause.has("severity", "size", "suv", "affirm", "negation", "change") or (not hedged and clause.has("certainty"))
    return not placed and not graded


def _cues(before: Iterable[Item], said: _Said) -> bool:
    """Let the cues before a predicate take hold; whether there was one."""
    own = False
    for item in before:
        if item.kind == "negation" or (item.kind == "change" and item.name == "resolved"):
            said.denied, own = True, True
        elif item.kind == "affirm":
            said.denied, said.hedge = False, None
        elif item.kind == "certainty":
            # "không loại trừ" after a negation does not deny what it hedges
            said.hedge, own = item.name, True
    return own


def _judge(fact: dict[str, Any], clause: Clause, said: _Said, lexicon: Lexicon) -> None:
    """Polarity, certainty and change of a fact, from the cues that hold for it."""
    fact["polarity"] = _polarity(fact, said.denied, lexicon)
    if said.hedge and not said.denied:
        _hedge(fact, said.hedge)
    for item in clause.items:
        if item.kind == "change":
            _change(fact, item.name, lexicon)


def _polarity(fact: dict[str, Any], denied: bool, lexicon: Lexicon) -> str:
    if fact.get("finding"):
        return "absent" if denied else "present"
    normal = fact.get("normal") or lexicon.states.get(fact.get("state") or "", "abnormal") == "normal"
    return "normal" if normal != denied else "abnormal"


def _hedge(fact: dict[str, Any], hedge: str) -> None:
    fact["certainty"] = hedge
    if hedge == "obscured" and not fact.get("finding"):
        fact["state"], fact["polarity"], fact["certainty"] = "obscured", "abnormal", "certain"


def _change(fact: dict[str, Any], change: str, lexicon: Lexicon) -> None:
    fact["change"] = change
    if change == "resolved":
        fact["polarity"] = _polarity(fact, True, lexicon)


def _found(clause: Clause, before: list[Item], after: list[Item], said: _Said, lexicon: Lexicon) -> list[dict[str, Any]]:
    """Facts of a clause about a finding, one for each place that it is said to be in."""
    predicate = clause.predicate
    assert predicate is not None
    about = lexicon.findings.get(predicate.name, {})
    own, left = places(before, lexicon), places(after, lexicon)
    spots = _choose(own, left, lexicon)
    joined = clause.link in ("and", "or")
    listed = clause.at and clause.items[clause.at - 1].kind in ("and", "or", "comma")
    fact = _amounts(clause, predicate, lexicon) | {"finding": predicate.name}
    says = predicate.term.says if predicate.term else {}
    state = next((i for i in clause.items if i.kind == "state"), None)
    if state:
        normal = lexicon.states.get(state.name) == "normal"
        fact["state"] = state.name
        if takes_state(predicate, lexicon) and not normal and _denied_state(clause):
            fact["denied_state"] = True
    for key in ("state", "part", "severity", "count"):
        if key in says:
            fact.setdefault(key, says[key])
            fact[key] = fact[key] or says[key]
    fact["bare"], fact["placed"] = _bare(clause, lexicon), spots[0] != Place()
    if listed and "anatomy" in says and all(spot.anatomy for spot in spots):
        # "pleural or pericardial effusion": the adjective before shares the noun
        facts = [fact | _settle(spot, predicate, about, {}, joined, said, lexicon) for spot in spots]
        facts.append(fact | _settle(Place(), predicate, about, says, joined, said, lexicon))
    else:
        facts = [fact | _settle(spot, predicate, about, says, joined, said, lexicon) for spot in spots]
    if "also" in says:
        other = lexicon.findings.get(says["also"], {})
        facts += [
            fact | {"finding": says["also"]} | _settle(spot, predicate, other, {}, joined, said, lexicon) for spot in spots
        ]
    said.last = Place(
        anatomy=facts[-1]["anatomy"],
        side=facts[-1]["side"],
        locations=facts[-1]["location"],
    )
    for fact in facts:
        if fact.pop("denied_state", False):
            said.denied = True
    return facts


def _denied_state(clause: Clause) -> bool:
    """ "lymph nodes are not enlarged": between the finding and its state stands a negation."""
    at = clause.at or 0
    state = next((n for n, i in enumerate(clause.items) if i.kind == "state"), at)
    return any(i.kind == "negation" for i in clause.items[min(at, state) : max(at, state)])


def _choose(before: list[Place], after: list[Place], lexicon: Lexicon) -> list[Place]:
    """The places of a finding: in Vietnamese those after it, in English the adjective before it with what follows."""
    first, second = (after, before) if lexicon.modifiers_after else (before, after)
    if not first or not second:
        return first or second or [Place()]
    if any(p.anatomy for p in first) or not any(p.anatomy for p in second):
        chosen, other = first, second
    else:
        chosen, other = second, first
    spare = other[-1]
    return [
        Place(
            p.anatomy or spare.anatomy,
            p.part,
            p.side or spare.side,
            p.locations + tuple(x for o in other for x in o.locations if x not in p.locations),
        )
        for p in chosen
    ]


def _settle(spot: Place, predicate: Item, about: Any, says: Any, joined: bool, said: _Said, lexicon: Lexicon) -> dict[str, Any]:
    """Anatomy, part, side and location of a finding: its own, those its name implies, those taken over."""
    location = spot.locations + tuple(x for x in predicate.locations if x not in spot.locations)
    explicit = spot.anatomy or _of_location(location, lexicon)
    fixed = says.get("anatomy") or about.get("of")
    context = said.header or said.last
    carries = bool(spot.anatomy or says.get("anatomy") or (predicate.term and predicate.term.carries))
    anatomy = fixed or explicit
    if not fixed and explicit in ("chest", "body") and about.get("usually"):
        anatomy = about["usually"]
    if not anatomy:
        anatomy = context.anatomy if joined and context.anatomy in about.get("also_in", ()) else None
        anatomy = anatomy or _taken_over(about.get("usually"), context, said, lexicon)
    side = spot.side or says.get("side")
    # A denied finding is denied where it usually is; what has no place of its own (uptake) is where its subject is.
    heir = not carries and (not said.denied or not about.get("usually"))
    if not side and heir and context.side and (lexicon.paired(anatomy) or anatomy == context.anatomy):
        side = context.side
        location = location or (context.locations if anatomy == context.anatomy else ())
    elif not side and said.header and said.header.side and lexicon.paired(anatomy):
        side = said.header.side
    elif not carries and not location and not side and anatomy == context.anatomy:
        location = context.locations
    part = spot.part or says.get("part")
    return {
        "anatomy": anatomy,
        "part": None if part in _OUTER else part,
        "side": side,
        "location": tuple(sorted(location)),
    }


def _of_location(location: Sequence[str], lexicon: Lexicon) -> str | None:
    """The anatomy that a place names by itself: a lobe is the lung's."""
    names = (lexicon.location_of.get(re.sub(r"_\d+$", "", place)) for place in location)
    return next((name for name in names if name), None)


def _taken_over(usually: str | None, context: Place, said: _Said, lexicon: Lexicon) -> str | None:
    """The anatomy of a finding that names none: that of the header or the clause before, or where it usually is."""
    if usually and (
        context.anatomy in (None, "chest", "body") or (not said.header and lexicon.within(context.anatomy, "chest"))
    ):
        return usually
    return context.anatomy or usually


def _stated(
    clause: Clause, before: list[Item], after: list[Item], said: _Said, lexicon: Lexicon
) -> list[dict[str, Any]] | None:
    """Facts of a clause about an anatomy's state, one for each anatomy."""
    predicate = clause.predicate
    assert predicate is not None
    if predicate.kind == "ratio":
        return _ratio(clause, lexicon)
    says = predicate.term.says if predicate.term else {}
    spots = [p for p in places(before, lexicon) if p.anatomy]
    trailing = places(after, lexicon)
    if not spots and not says.get("anatomy"):
        spots = [p for p in trailing if p.anatomy]
        trailing = places(before, lexicon) if spots else trailing
    side = next((p.side for p in (*trailing, *places(before, lexicon)) if p.side), None)
    locations = tuple(x for p in trailing for x in p.locations)
    if says.get("anatomy"):
        spots = [Place(says["anatomy"], says.get("part"), says.get("side"))]
    elif not spots:
        context = said.header or said.last
        spots = [Place(context.anatomy, context.part, side or context.side, context.locations)]
    facts = []
    for spot in spots:
        spot_side = spot.side or side
        if spot_side == "both" and not lexicon.paired(spot.anatomy):
            spot_side = None
        if not spot_side and said.header and lexicon.paired(spot.anatomy):
            spot_side = said.header.side
        state = _state_of(predicate, spot.anatomy)
        part = None if spot.part in _EXTENT and state == "enlarged" else spot.part
        where = {"anatomy": spot.anatomy, "part": part, "side": spot_side}
        where["location"] = tuple(sorted({*spot.locations, *locations}))
        facts.append(_amounts(clause, predicate, lexicon) | where | {"state": state})
        said.last = Place(spot.anatomy, part, spot_side, spot.locations)
    return facts


def _state_of(predicate: Item, anatomy: str | None) -> str:
    term = predicate.term
    return term.states.get(anatomy or "", term.name) if term else predicate.name


def _ratio(clause: Clause, lexicon: Lexicon) -> list[dict[str, Any]]:
    """A cardiothoracic ratio: the heart is enlarged, or not, by its number or in words."""
    predicate = clause.predicate
    assert predicate is not None
    word = next((i.name for i in clause.items if i.kind == "state"), "")
    verdict = predicate.name or lexicon.states.get(word, "")
    fact = _amounts(clause, predicate, lexicon) | {"anatomy": "heart", "part": None, "side": None, "location": ()}
    fact |= {"state": word if word and not predicate.name else "enlarged", "normal": verdict == "normal"}
    return [fact] if verdict else []


def _amounts(clause: Clause, predicate: Item, lexicon: Lexicon) -> dict[str, Any]:
    """What a clause says of how much, its unknown words, and the tokens it spans."""
    of: dict[str, list[Item]] = {}
    end = 0
    for item in clause.items:
        of.setdefault(item.kind, []).append(item)
        if item.kind not in _JOINING:
            end = max(end, item.end)
    severities, count = of.get("severity", []), None
    if len(severities) > 1:
        after = [i for i in severities if i.start > predicate.start]
        severities = (after if lexicon.modifiers_after else []) or severities
    words = [i.name for i in of.get("word", ())]
    if "count" in of:
        count = of["count"][0].name
    elif words and predicate.kind == "finding":
        number = next((i.name for i in of["word"] if i.name.isdecimal() and i.end == predicate.start), None)
        if number:
            count = number
            words.remove(number)
    unknown = {*words, *(i.name for i in of.get("descriptor", ()))}
    return {
        "from": clause.items[0].start,
        "to": end,
        "count": count,
        "severity": severities[0].name if severities else None,
        "size_mm": tuple([v for i in of.get("size", ()) for v in i.values]),
        "suv": of["suv"][0].values[0] if "suv" in of else None,
        "leftover": tuple(sorted(unknown - {"%"})) if unknown else (),
    }


def places(own: Iterable[Item], lexicon: Lexicon) -> list[Place]:
    """The places that items name: "thùy trên phổi phải và thùy dưới phổi trái" is two."""
    found: list[Place] = []
    joined = False
    for item in own:
        if item.kind in ("and", "or", "comma"):
            joined = joined or item.name != "("
            continue
        if item.kind not in _WHERE:
            continue
        if not found:
            found.append(Place())
            joined = False
        now = found[-1]
        side = item.name if item.kind == "side" else item.term.says.get("side") if item.term else None
        anatomy = item.name if item.kind == "anatomy" and item.name else None
        if anatomy and now.anatomy and anatomy != now.anatomy:
            if not joined and lexicon.within(now.anatomy, anatomy):
                anatomy = None
            elif joined or not lexicon.within(anatomy, now.anatomy):
                found.append(Place())
        elif side and joined and now.anatomy and not lexicon.modifiers_after:
            found.append(Place())
        elif side and now.side and side != now.side:
            if (
                joined
                and {side, now.side} == {"right", "left"}
                and not item.locations
                and now is found[0]
                and not now.locations
            ):
                now.side, side = "both", "both"
            else:
                found.append(Place())
        elif item.locations and joined and lexicon.modifiers_after and (now.side or now.anatomy):
            found.append(Place())
        now = found[-1]
        now.anatomy = anatomy or now.anatomy
        now.side = side or now.side
        now.locations += tuple(x for x in item.locations if x not in now.locations)
        part = item.name if item.kind == "part" else item.term.says.get("part") if item.term else None
        if part and (not now.part or now.part in _OUTER):
            now.part = part
        joined = False
    return _merged(_filled(found, lexicon)) if len(found) > 1 else found


def _filled(found: list[Place], lexicon: Lexicon) -> list[Place]:
    """Give each place the anatomy and side that a list names once: at its end in Vietnamese, at its head in English."""
    way = list(reversed(found)) if lexicon.modifiers_after else found
    for known, place in pairwise(way):
        if not place.anatomy:
            place.anatomy = known.anatomy
            place.side = place.side or known.side
        elif not known.anatomy and not known.locations:
            known.anatomy = place.anatomy
    return found


def _merged(found: list[Place]) -> list[Place]:
    by_key: dict[tuple[str | None, str | None, str | None], Place] = {}
    for place in found:
        same = by_key.setdefault((place.anatomy, place.part, place.side), place)
        if same is not place:
            same.locations += tuple(x for x in place.locations if x not in same.locations)
    return list(by_key.values())


def _without_predicate(clause: Clause, n: int, parts: Sequence[Clause], said: _Said, lexicon: Lexicon) -> None:
    """A clause without finding or state: a heading, a denial of what came before, something more about it, or words unknown."""
    if not clause.items:
        return
    spots = places(clause.items, lexicon)
    heads = n + 1 < len(parts) and parts[n + 1].link == "colon"
    if heads:
        if spots:
            said.header = said.last = spots[-1]
        return
    own = {i.kind for i in clause.items}
    if own & {"negation", "shown", "change", "certainty"} and not own & {"anatomy", "word"}:
        _afterwards(clause, clause.items, n, parts, said, lexicon)
        return
    words = [i for i in clause.items if i.kind in ("word", "descriptor")]
    if said.facts and not words and "anatomy" not in own:
        _more(clause, spots, said, lexicon)
        return
    denied = "negation" in own and lexicon.modifiers_after  # "không thấy tử cung"; English lists nouns to come
    amounts = own & {"size", "suv", "severity", "count"}
    obscured = any(i.kind == "certainty" and i.name == "obscured" for i in clause.items)
    if not words and not denied and not amounts and not obscured:
        if spots:
            said.last = spots[-1]
        return
    if not spots and all(is_number(i.name) for i in words) and not amounts:
        return
    spot = spots[-1] if spots else Place()
    fact = _amounts(clause, clause.items[0], lexicon) | {"anatomy": spot.anatomy, "part": spot.part, "side": spot.side}
    fact |= {"location": tuple(sorted(spot.locations)), "polarity": "absent" if denied else "present"}
    if spot.anatomy and not words and (denied or obscured):
        fact |= {"state": "obscured" if obscured else "absent", "polarity": "abnormal"}
    _add(fact, said)


def _more(clause: Clause, spots: list[Place], said: _Said, lexicon: Lexicon) -> None:
    """Size, grade or side in a part of its own go to the fact before; another side makes a fact of its own."""
    last = said.facts[-1]
    extra = _amounts(clause, clause.items[0], lexicon)
    spot = spots[0] if spots else Place()
    if spot.side and last.get("side") not in (None, spot.side):
        amounts = {k: extra[k] for k in ("from", "to", "count", "severity", "size_mm", "suv")}
        where = {"side": spot.side, "location": tuple(sorted(spot.locations)) or last["location"]}
        _add(last | amounts | where, said)
        return
    last["to"] = max(last["to"], extra["to"])
    for key in ("count", "severity", "size_mm", "suv"):
        last[key] = last.get(key) or extra[key]
    last["side"] = last.get("side") or spot.side
    last["location"] = tuple(sorted({*last["location"], *spot.locations}))


def _afterwards(clause: Clause, after: Sequence[Item], n: int, parts: Sequence[Clause], said: _Said, lexicon: Lexicon) -> None:
    """Cues that follow what they are about: "… was not observed", "…: không", "… cannot be excluded", "… has resolved"."""
    for item in after:
        if item.kind == "negation" and not (clause.at is not None and _of_state(clause, item)):
            everything = clause.link == "colon"
            for index in _chain(n, parts, said, lexicon, everything):
                fact = said.facts[index]
                fact["polarity"] = _polarity(fact, True, lexicon)
            said.denied = False
        elif item.kind == "certainty":
            for index in _chain(n, parts, said, lexicon, None):
                _hedge(said.facts[index], item.name)
        elif item.kind == "change" and clause.at is None:
            for index in _chain(n, parts, said, lexicon, False):
                _change(said.facts[index], item.name, lexicon)


def _of_state(clause: Clause, negation: Item) -> bool:
    """Whether a negation denies a state that belongs to the clause's finding: "nodes are not enlarged"."""
    state = next((i for i in clause.items if i.kind == "state" and i.start >= negation.end), None)
    return state is not None


def _chain(n: int, parts: Sequence[Clause], said: _Said, lexicon: Lexicon, everything: bool | None) -> list[int]:
    """Facts that a cue behind clause `n` is about: its own, and those listed before it.

    `everything` back to the sentence's start, or (False) what reads as a list, or (None) what "and" and "or" join.
    """
    chosen = list(said.of_clause[n])
    k = n
    while k > 0:
        clause, before = parts[k], parts[k - 1]
        if clause.link == "end" or (clause.link == "colon" and not (everything and k == n)):
            break
        listed = clause.link in ("and", "or") or everything or (everything is not None and _bare(before, lexicon))
        settled = before.has("negation", "shown", "affirm", "certainty") or before.at is None
        if (settled or not listed) and (k < n or said.of_clause[n]):
            break
        chosen += said.of_clause[k - 1]
        k -= 1
    return chosen


def shifted(fact: Fact, by: int) -> Fact:
    """The same fact, its sentence beginning `by` characters into the report."""
    return Fact(fact.text, fact.start + by, fact.end + by, *_AFTER_END(fact)) if by else fact
