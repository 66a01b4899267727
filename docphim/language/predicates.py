"""The facts of a clause: about a finding, one for each of its places; about a state, one for each anatomy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from docphim.language.cues import bare
from docphim.language.grammar import Clause, Item, Place, Said
from docphim.language.places import OUTER, choose, places

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

#: Parts that "enlarged" means anyhow.
_EXTENT = frozenset(("size", "contour", "shape"))
_ADJECTIVES = frozenset(("severity", "descriptor", "count", "side"))
_JOINING = frozenset(("comma", "and", "or", "end", "colon"))


def found(clause: Clause, before: list[Item], after: list[Item], said: Said, lexicon: Lexicon) -> list[dict[str, Any]]:
    """Facts of a clause about a finding, one for each place that it is said to be in."""
    predicate = clause.predicate
    assert predicate is not None
    about = lexicon.findings.get(predicate.name, {})
    own, left = places(before, lexicon), places(after, lexicon)
    spots = choose(own, left, lexicon)
    joined = clause.link in ("and", "or")
    listed = next((i.kind for i in reversed(before) if i.kind not in _ADJECTIVES), "") in ("and", "or", "comma")
    fact = amounts(clause, predicate, lexicon) | {"finding": predicate.name}
    says = predicate.term.says if predicate.term else {}
    state = next((i for i in clause.items if i.kind == "state"), None)
    if state:
        normal = lexicon.states.get(state.name) == "normal"
        fact["state"] = state.name
        if about.get("has_states") and not normal and _denied_state(clause):
            fact["denied_state"] = True
    if predicate.name == "lymph_node" and fact.get("state") == "enlarged":
        # "hạch trung thất to" and "hạch to" are one thing
        fact |= {"finding": "lymphadenopathy", "state": None}
    for key in ("state", "part", "severity", "count"):
        if key in says:
            fact.setdefault(key, says[key])
            fact[key] = fact[key] or says[key]
    fact |= {"bare": bare(clause, lexicon), "placed": spots[0] != Place(), "trailing": bool(left)}
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


def _settle(spot: Place, predicate: Item, about: Any, says: Any, joined: bool, said: Said, lexicon: Lexicon) -> dict[str, Any]:
    """Anatomy, part, side and location of a finding: its own, those its name implies, those taken over."""
    location = spot.locations + tuple(x for x in predicate.locations if x not in spot.locations)
    explicit = spot.anatomy or _of_location(location, lexicon)
    if explicit == "rib" and about.get("usually") == "lung":
        explicit = "lung"  # "nốt mờ ngang xương sườn 6": the rib says how high
    fixed = says.get("anatomy") or about.get("of")
    context = said.last
    if said.header and about.get("usually") and not lexicon.within(said.last.anatomy, said.header.anatomy or ""):
        context = said.header
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
        "part": None if part in OUTER else part,
        "side": side,
        "location": tuple(sorted(location)),
    }


def _of_location(location: Sequence[str], lexicon: Lexicon) -> str | None:
    """The anatomy that a place names by itself: a lobe is the lung's."""
    names = (lexicon.location_of.get(re.sub(r"_\d+$", "", place)) for place in location)
    return next((name for name in names if name), None)


def _taken_over(usually: str | None, context: Place, said: Said, lexicon: Lexicon) -> str | None:
    """The anatomy of a finding that names none: that of the header or the clause before, or where it usually is."""
    if usually and (
        context.anatomy in (None, "chest", "body")
        or lexicon.within(context.anatomy, usually)
        or (not said.header and lexicon.within(context.anatomy, "chest"))
    ):
        return usually
    return context.anatomy or usually


def stated(clause: Clause, before: list[Item], after: list[Item], said: Said, lexicon: Lexicon) -> list[dict[str, Any]] | None:
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
        context = said.last
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
        where: dict[str, Any] = {"anatomy": spot.anatomy, "part": part, "side": spot_side}
        where["location"] = tuple(sorted({*spot.locations, *locations}))
        facts.append(amounts(clause, predicate, lexicon) | where | {"state": state})
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
    fact = amounts(clause, predicate, lexicon) | {"anatomy": "heart", "part": None, "side": None, "location": ()}
    fact |= {"state": word if word and not predicate.name else "enlarged", "normal": verdict == "normal"}
    return [fact] if verdict else []


def amounts(clause: Clause, predicate: Item, lexicon: Lexicon) -> dict[str, Any]:
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
