"""The places that the items of a clause name: anatomy, part, side, locations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from docphim.language.grammar import Item, Place

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

#: Parts that a finding's meaning does not change with.
OUTER = frozenset(("wall", "margin", "contour", "size", "lumen", "shape", "position", "parenchyma"))
_NODE = "lymph_node"
_WHERE = frozenset(("anatomy", "part", "side", "location"))
_NOTHING: Mapping[str, str] = {}


def places(items: Sequence[Item], lexicon: Lexicon) -> list[Place]:
    """The places that items name: "thùy trên phổi phải và thùy dưới phổi trái" is two."""
    listed: list[Place] = []
    joined = False
    for item in items:
        kind = item.kind
        if kind not in _WHERE:
            if kind in ("and", "or", "comma"):
                joined = joined or item.name != "("
            continue
        says = item.term.says if item.term else _NOTHING
        side = item.name if kind == "side" else says.get("side")
        part = item.name if kind == "part" else says.get("part")
        anatomy = item.name or None if kind == "anatomy" else None
        if not listed:
            listed.append(Place(anatomy, part, side, item.locations))
            joined = False
            continue
        now = listed[-1]
        if not joined and _NODE in (anatomy, now.anatomy) and anatomy and now.anatomy:
            # nodes of a region are where the region is: "hạch cổ", "mediastinal nodes"
            anatomy = now.anatomy if anatomy == _NODE else anatomy
            now.anatomy = anatomy
        if anatomy and now.anatomy and anatomy != now.anatomy:
            if not joined and lexicon.within(now.anatomy, anatomy):
                anatomy = None
            elif joined or not lexicon.within(anatomy, now.anatomy):
                listed.append(Place())
        elif side and joined and now.anatomy and not lexicon.modifiers_after:
            listed.append(Place())
        elif side and now.side and side != now.side:
            if (
                joined
                and {side, now.side} == {"right", "left"}
                and not item.locations
                and now is listed[0]
                and not now.locations
            ):
                now.side, side = "both", "both"
            else:
                listed.append(Place())
        elif item.locations and joined and lexicon.modifiers_after and (now.side or now.anatomy):
            listed.append(Place())
        now = listed[-1]
        now.anatomy = anatomy or now.anatomy
        now.side = side or now.side
        if item.locations:
            now.locations += tuple(x for x in item.locations if x not in now.locations)
        if part and (not now.part or now.part in OUTER):
            now.part = part
        joined = False
    return _merged(_filled(listed, lexicon)) if len(listed) > 1 else listed


def _filled(listed: list[Place], lexicon: Lexicon) -> list[Place]:
    """Give each place the anatomy and side that a list names once: at its end in Vietnamese, at its head in English."""
    way = list(reversed(listed)) if lexicon.modifiers_after else listed
    for known, place in pairwise(way):
        if not place.anatomy:
            place.anatomy = known.anatomy
            place.side = place.side or known.side
        elif not known.anatomy and not known.locations:
            known.anatomy = place.anatomy
    return listed


def _merged(listed: list[Place]) -> list[Place]:
    by_key: dict[tuple[str | None, str | None, str | None], Place] = {}
    for place in listed:
        same = by_key.setdefault((place.anatomy, place.part, place.side), place)
        if same is not place:
            same.locations += tuple(x for x in place.locations if x not in same.locations)
    return list(by_key.values())


def choose(before: list[Place], after: list[Place], lexicon: Lexicon) -> list[Place]:
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
