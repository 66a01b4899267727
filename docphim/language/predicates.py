"""The facts of a clause: about a finding, one for each of its places; about a state, one for each anatomy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from docphim.language.cues import bare
from docphim.language.grammar import Clause, Context, Draft, Item, Place
from docphim.language.places import OUTER, choose, places

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

#: Parts that "enlarged" means anyhow.
_EXTENT = frozenset(("size", "contour", "shape"))
_ADJECTIVES = frozenset(("severity", "descriptor", "count", "side"))
_AMOUNTS = frozenset(("severity", "count", "size", "suv", "word", "descriptor"))
_NOTHING: Mapping[str, str] = {}


def finding_facts(clause: Clause, before: list[Item], after: list[Item], context: Context, lexicon: Lexicon) -> list[Draft]:
    """Facts of a clause about a finding, one for each place that it is said to be in."""
    predicate = clause.predicate
    assert predicate is not None
    about = lexicon.findings.get(predicate.name, _NOTHING)
    says = predicate.term.says if predicate.term else _NOTHING
    if not lexicon.modifiers_after:
        before = _denied_only(before)
    ahead, behind = places(before, lexicon), places(after, lexicon)
    spots = choose(ahead, behind, lexicon)
    fact = amounts(clause, predicate, lexicon)
    fact.finding = predicate.name
    denied_state = "state" in clause.kinds and _with_state(fact, clause, lexicon)
    if says:
        fact.state, fact.part = fact.state or says.get("state"), says.get("part")
        fact.severity, fact.count = fact.severity or says.get("severity"), fact.count or says.get("count")
        fact.certainty = says.get("certainty", fact.certainty)
    fact.bare, fact.placed, fact.trailing = bare(clause, lexicon), bool(ahead or behind), bool(behind)
    cases = [(spot, predicate.name, about, says) for spot in spots]
    if "anatomy" in says and _last_joins(before) and all(spot.anatomy for spot in spots):
        # "pleural or pericardial effusion": the adjective before shares the noun
        cases = [(spot, predicate.name, about, _NOTHING) for spot in spots] + [(Place(), predicate.name, about, says)]
    if "also" in says:
        also = says["also"]
        cases += [(spot, also, lexicon.findings.get(also, _NOTHING), _NOTHING) for spot in spots]
    facts = [fact, *(replace(fact) for _ in cases[1:])]
    for one, (spot, name, its, implied) in zip(facts, cases, strict=True):
        if name != predicate.name:
            one.finding = name
        _settle(one, spot, clause, its, implied, context, lexicon)
    last = facts[-1]
    context.last = Place(last.anatomy, None, last.side, last.location)
    context.denied = context.denied or denied_state
    return facts


def _with_state(fact: Draft, clause: Clause, lexicon: Lexicon) -> bool:
    """Give a finding the state that stands beside it; whether that state is denied: "lymph nodes are not enlarged"."""
    name = next(i.name for i in clause.items if i.kind == "state")
    normal = lexicon.states.get(name) == "normal"
    denied = not normal and fact.finding in lexicon.with_states and _denied_state(clause)
    fact.state = name
    if fact.finding == "lymph_node" and name == "enlarged":
        # "hạch trung thất to" and "hạch to" are one thing
        fact.finding, fact.state = "lymphadenopathy", None
    return denied


def _denied_only(before: list[Item]) -> list[Item]:
    """Without the subject of "the lungs show no pleural thickening": what is denied names its own anatomy."""
    denial = next((n for n, item in enumerate(before) if item.kind == "negation"), 0)
    named = {item.kind for item in before[:denial]} & {item.kind for item in before[denial:]}
    return before[denial:] if "anatomy" in named else before


def _last_joins(before: Sequence[Item]) -> bool:
    """Whether the finding is the next of a list, but for adjectives."""
    return next((i.kind for i in reversed(before) if i.kind not in _ADJECTIVES), "") in ("and", "or", "comma")


def _denied_state(clause: Clause) -> bool:
    """ "lymph nodes are not enlarged": between the finding and its state stands a negation."""
    at = clause.at or 0
    state = next((n for n, i in enumerate(clause.items) if i.kind == "state"), at)
    return any(i.kind == "negation" for i in clause.items[min(at, state) : max(at, state)])


def _settle(fact: Draft, spot: Place, clause: Clause, about: Any, says: Any, context: Context, lexicon: Lexicon) -> None:
    """Anatomy, part, side and location of a finding: its own, those its name implies, those taken over."""
    predicate = clause.predicate
    assert predicate is not None
    location, usually = spot.locations, about.get("usually")
    if predicate.locations:
        location += tuple(x for x in predicate.locations if x not in location)
    explicit = spot.anatomy or (_of_location(location, lexicon) if location else None)
    if explicit == "rib" and usually == "lung":
        explicit = "lung"  # "nốt mờ ngang xương sườn 6": the rib says how high
    fixed = says.get("anatomy") or about.get("of")
    near = context.last
    if context.header and usually and not lexicon.within(context.last.anatomy, context.header.anatomy or ""):
        near = context.header
    carries = bool(spot.anatomy or says.get("anatomy") or (predicate.term and predicate.term.carries))
    anatomy = fixed or explicit
    if not fixed and explicit in ("chest", "body") and usually:
        anatomy = usually
    if not anatomy:
        joined = clause.link in ("and", "or") and near.anatomy in about.get("also_in", ())
        anatomy = (near.anatomy if joined else None) or _taken_over(usually, near, context, lexicon)
    side = spot.side or says.get("side")
    # A denied finding is denied where it usually is; what has no place of its own (uptake) is where its subject is.
    heir = not carries and (not context.denied or not usually)
    if not side and heir and near.side and (lexicon.paired(anatomy) or anatomy == near.anatomy):
        side = near.side
        location = location or (near.locations if anatomy == near.anatomy else ())
    elif not side and context.header and context.header.side and lexicon.paired(anatomy):
        side = context.header.side
    elif not carries and not location and not side and anatomy == near.anatomy:
        location = near.locations
    part = spot.part or says.get("part")
    fact.anatomy, fact.part, fact.side = anatomy, None if part in OUTER else part, side
    fact.location = tuple(sorted(location)) if len(location) > 1 else location


def _of_location(location: Sequence[str], lexicon: Lexicon) -> str | None:
    """The anatomy that a place names by itself: a lobe is the lung's."""
    names = (lexicon.location_of.get(re.sub(r"_\d+$", "", place)) for place in location)
    return next((name for name in names if name), None)


def _taken_over(usually: str | None, near: Place, context: Context, lexicon: Lexicon) -> str | None:
    """The anatomy of a finding that names none: that of the header or the clause before, or where it usually is."""
    if usually and (
        near.anatomy in (None, "chest", "body")
        or lexicon.within(near.anatomy, usually)
        or (not context.header and lexicon.within(near.anatomy, "chest"))
    ):
        return usually
    return near.anatomy or usually


def state_facts(clause: Clause, before: list[Item], after: list[Item], context: Context, lexicon: Lexicon) -> list[Draft]:
    """Facts of a clause about an anatomy's state, one for each anatomy."""
    predicate = clause.predicate
    assert predicate is not None
    if predicate.kind == "ratio":
        return _ratio(clause, lexicon)
    says = predicate.term.says if predicate.term else _NOTHING
    leading, trailing = places(before, lexicon), places(after, lexicon)
    spots = [p for p in leading if p.anatomy]
    if not spots and not says.get("anatomy"):
        spots = [p for p in trailing if p.anatomy]
        trailing = leading if spots else trailing
    side = next((p.side for p in (*trailing, *leading) if p.side), None)
    locations = tuple(x for p in trailing for x in p.locations)
    if says.get("anatomy"):
        spots = [Place(says["anatomy"], says.get("part"), says.get("side"))]
    elif not spots:
        near = context.last
        spots = [Place(near.anatomy, near.part, side or near.side, near.locations)]
    first = amounts(clause, predicate, lexicon)
    facts = [first, *(replace(first) for _ in spots[1:])]
    for fact, spot in zip(facts, spots, strict=True):
        spot_side = spot.side or side
        if spot_side == "both" and not lexicon.paired(spot.anatomy):
            spot_side = None
        if not spot_side and context.header and lexicon.paired(spot.anatomy):
            spot_side = context.header.side
        fact.state = _state_of(predicate, spot.anatomy)
        fact.part = None if spot.part in _EXTENT and fact.state == "enlarged" else spot.part
        fact.anatomy, fact.side = spot.anatomy, spot_side
        if spot.locations or locations:
            fact.location = tuple(sorted({*spot.locations, *locations}))
        context.last = Place(spot.anatomy, fact.part, spot_side, spot.locations)
    return facts


def _state_of(predicate: Item, anatomy: str | None) -> str:
    term = predicate.term
    return term.states.get(anatomy or "", term.name) if term else predicate.name


def _ratio(clause: Clause, lexicon: Lexicon) -> list[Draft]:
    """A cardiothoracic ratio: the heart is enlarged, or not, by its number or in words."""
    predicate = clause.predicate
    assert predicate is not None
    word = next((i.name for i in clause.items if i.kind == "state"), "")
    verdict = predicate.name or lexicon.states.get(word, "")
    fact = amounts(clause, predicate, lexicon)
    fact.anatomy, fact.state = "heart", word if word and not predicate.name else "enlarged"
    fact.normal = verdict == "normal"
    return [fact] if verdict else []


def amounts(clause: Clause, predicate: Item, lexicon: Lexicon) -> Draft:
    """What a clause says of how much, its unknown words, and the characters it spans."""
    fact = Draft(clause.begin, clause.end)
    if clause.kinds.isdisjoint(_AMOUNTS):
        return fact
    of: dict[str, list[Item]] = {kind: [] for kind in _AMOUNTS}
    for item in clause.items:
        if item.kind in of:
            of[item.kind].append(item)
    severities = of["severity"]
    if len(severities) > 1:
        after = [i for i in severities if i.start > predicate.start]
        severities = (after if lexicon.modifiers_after else []) or severities
    words = [i.name for i in of["word"]]
    if of["count"]:
        fact.count = of["count"][0].name
    elif words and predicate.kind == "finding":
        number = next((i.name for i in of["word"] if i.name.isdecimal() and i.end == predicate.start), None)
        if number:
            fact.count = number
            words.remove(number)
    if severities:
        fact.severity = severities[0].name
    if of["suv"]:
        fact.suv = of["suv"][0].values[0]
    fact.size_mm = tuple([v for i in of["size"] for v in i.values])
    fact.leftover = tuple(sorted({*words, *(i.name for i in of["descriptor"])} - {"%"}))
    return fact
