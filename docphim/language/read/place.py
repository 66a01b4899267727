"""Phrases of place → the places they mean: what a list names once is filled in, what is named twice is one; and what a finding
has of its own to be placed by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from docphim.language.read.chunk import Clause, Phrase, Place

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon


def places(phrases: Sequence[Phrase], lexicon: Lexicon) -> list[Place]:
    """The places of a list of phrases."""
    listed = [Place(p.anatomy, p.part, p.side, p.locations) for p in phrases]
    for mere in [p for p in listed[1:] if not (p.anatomy or p.side or p.locations)]:
        # "heart contour, size": a mere part is no place beside others
        listed.remove(mere)
        listed[0].part = mere.part
    for place in listed[1:]:
        wider = place.anatomy or of_locations(place.locations, lexicon) or ""
        again = bool(listed[0].anatomy and listed[0].locations) and not any(
            p.anatomy for p in listed[1:]
        )  # "màng phổi đỉnh phải và đỉnh trái"
        if place.locations and wider != listed[0].anatomy and (again or lexicon.within(listed[0].anatomy, wider)):
            place.side = place.side or listed[0].side
            place.part = place.part or listed[0].part
            place.anatomy = listed[0].anatomy  # "vách liên tiểu thùy ở đáy phổi phải và đáy phổi trái"
    listed = _together(phrases, listed, lexicon) if len(listed) == len(phrases) else listed
    return _merged(_both(_filled(listed, lexicon))) if len(listed) > 1 else listed


def _together(phrases: Sequence[Phrase], listed: list[Place], lexicon: Lexicon) -> list[Place]:
    """Two phrases that nothing joins, of which one names the organ, are one place: "bên phải khí quản", "phế quản hai phổi"."""
    places = listed[:1]
    for phrase, place in zip(phrases[1:], listed[1:], strict=True):
        last = places[-1]
        wider = lexicon.paired(place.anatomy) and lexicon.within(last.anatomy, place.anatomy or "")
        organs = wider or last.anatomy == place.anatomy or not (last.anatomy and place.anatomy)
        fits = organs and (last.side == place.side or not (last.side and place.side))
        if fits and not phrase.joined:
            places[-1] = Place(
                last.anatomy or place.anatomy,
                last.part or place.part,
                last.side or place.side,
                last.locations + place.locations,
            )
        else:
            places.append(place)
    return places


def one(listed: list[Place]) -> list[Place]:
    """The places of one device, where it enters and where it ends, as one: "line from the left, tip in the SVC"."""
    if len({p.anatomy for p in listed} - {None}) > 1 or len({p.side for p in listed} - {None}) > 1:
        return listed
    named = {key: next((getattr(p, key) for p in listed if getattr(p, key)), None) for key in ("anatomy", "part", "side")}
    return [Place(**named, locations=tuple(dict.fromkeys(x for p in listed for x in p.locations)))]


def one_each(spot: Place, several: int) -> list[Place]:
    """A place for each of several things: of as many lobes one each ("in the right upper and lower lobes, 6 mm and 9 mm")."""
    kinds = {x.rpartition("_")[2] for x in spot.locations}
    if len(spot.locations) != several or not (kinds == {"lobe"} or kinds == {"zone"}):
        return [spot] * several
    return [Place(spot.anatomy, spot.part, spot.side, (x,)) for x in spot.locations]


def _both(listed: list[Place]) -> list[Place]:
    """Right and left of one organ are both: "màng phổi phải và trái"."""
    if len(listed) < 2:
        return listed
    one, other = listed[0], listed[1]
    same = (one.anatomy, one.part) == (other.anatomy, other.part) and not (one.locations or other.locations)
    if same and {one.side, other.side} == {"right", "left"}:
        return [Place(one.anatomy, one.part, "both"), *listed[2:]]
    return listed


def _filled(listed: list[Place], lexicon: Lexicon) -> list[Place]:
    """Give each place the anatomy and side that a list names once: at its end in Vietnamese, at its head in English."""
    way = list(reversed(listed)) if lexicon.modifiers_after else listed
    for known, place in pairwise(way):
        stations = lexicon.stations.intersection(place.locations)
        beside = known.anatomy in lexicon.nodes or not lexicon.stations.isdisjoint(known.locations)
        if not place.anatomy and stations and beside and stations.isdisjoint(known.locations):
            place.anatomy = known.anatomy if known.anatomy not in lexicon.nodes else None
            continue  # "left hilar and subcarinal nodes": the station is not the hilum's, nor on its side
        if not place.anatomy:
            place.anatomy = known.anatomy
            place.side = place.side or known.side
        elif not known.anatomy and not known.locations:
            known.anatomy = place.anatomy
        elif known.side and not place.side and lexicon.paired(place.anatomy) and lexicon.paired(known.anatomy):
            place.side = known.side  # "xương đòn và xương bả vai phải"
    return listed


def _merged(listed: list[Place]) -> list[Place]:
    by_key: dict[tuple[str | None, str | None, str | None], Place] = {}
    for place in listed:
        same = by_key.setdefault((place.anatomy, place.part, place.side), place)
        if same is not place:
            same.locations += tuple(x for x in place.locations if x not in same.locations)
    return list(by_key.values())


def choose(ahead: list[Place], behind: list[Place], lexicon: Lexicon) -> list[Place]:
    """The places of a finding: in Vietnamese those after it, in English the adjective before it with what follows."""
    first, second = (behind, ahead) if lexicon.modifiers_after else (ahead, behind)
    if not first or not second:
        return first or second or [Place()]
    if any(p.anatomy for p in first) or not any(p.anatomy for p in second):
        chosen, other = first, second
    else:
        chosen, other = second, first
    spare = other[-1]
    if len(chosen) == 1 and len(other) > 1 and not (chosen[0].side or any(o.anatomy for o in other)):
        # "thùy trên phải và thùy trên trái dày kẽ"
        return [Place(chosen[0].anatomy, chosen[0].part, o.side, chosen[0].locations + o.locations) for o in other]
    return [
        Place(
            p.anatomy or spare.anatomy,
            p.part,
            p.side or spare.side,
            p.locations + tuple(x for o in other for x in o.locations if x not in p.locations),
        )
        for p in chosen
    ]


class Claim(NamedTuple):
    """What a finding has of its own to be placed by, wherever its clause stands; atoms/inherit.py explains these."""

    word_: str | None
    of_: str | None
    usual_: str | None
    place_: str | None
    side_: str | None
    word_side_: str | None
    location_: tuple[str, ...]
    also_in: tuple[str, ...]
    conj_: bool
    with_: bool
    carries_: bool
    object_: bool
    relational_: bool
    part: str | None


def claim(clause: Clause, about: Mapping[str, Any], meaning: Mapping[str, str], spot: Place, lexicon: Lexicon) -> Claim:
    """What a finding has of its own: `about` it says its concept, `meaning` its words; `spot` is the place that it names."""
    at, part = clause.at, spot.part or meaning.get("part")
    location = spot.locations + tuple(x for x in (at.locations if at else ()) if x not in spot.locations)
    return Claim(
        word_=meaning.get("anatomy"),
        of_=about.get("of"),
        usual_=about.get("usually"),
        place_=spot.anatomy or of_locations(location, lexicon),
        side_=spot.side,
        word_side_=meaning.get("side"),
        location_=location,
        also_in=tuple(about.get("also_in", ())),
        conj_=not clause.links.isdisjoint(("and", "or")),
        with_="with" in clause.links,
        carries_=bool(spot.anatomy or meaning.get("anatomy") or (at and at.term and at.term.carries)),
        object_=bool(clause.behind),
        relational_=bool(about.get("relational")),
        part=None if part in lexicon.outer else part,
    )


def of_locations(locations: Sequence[str], lexicon: Lexicon) -> str | None:
    """The anatomy that a place names by itself: a lobe is the lung's."""
    names = (lexicon.location_of.get(re.sub(r"_\d+$", "", place)) for place in locations)
    return next((name for name in names if name), None)
