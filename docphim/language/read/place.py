"""Phrases of place → the places they mean: what a list names once is filled in, what is named twice is one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from docphim.language.read.chunk import Phrase, Place

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon


def places(phrases: Sequence[Phrase], lexicon: Lexicon) -> list[Place]:
    """The places of a list of phrases."""
    listed = [Place(p.anatomy, p.part, p.side, p.locations) for p in phrases]
    for mere in [p for p in listed[1:] if not (p.anatomy or p.side or p.locations)]:
        # "heart contour, size": a mere part is no place beside others
        listed.remove(mere)
        listed[0].part = mere.part
    listed = _together(phrases, listed) if len(listed) == len(phrases) else listed
    return _merged(_both(_filled(listed, lexicon))) if len(listed) > 1 else listed


def _together(phrases: Sequence[Phrase], listed: list[Place]) -> list[Place]:
    """Two phrases that nothing joins, of which one names the organ, are one place: "bên phải khí quản"."""
    places = listed[:1]
    for phrase, place in zip(phrases[1:], listed[1:], strict=True):
        last = places[-1]
        organs = last.anatomy == place.anatomy or not (last.anatomy and place.anatomy)
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
    return [
        Place(
            p.anatomy or spare.anatomy,
            p.part,
            p.side or spare.side,
            p.locations + tuple(x for o in other for x in o.locations if x not in p.locations),
        )
        for p in chosen
    ]
