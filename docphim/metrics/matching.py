"""Which fact of a draft answers to which of its reference, and in what it is wrong: what the page shows and counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docphim.metrics.atoms import Atoms, Reading
    from docphim.metrics.pairing import Pairing
    from docphim.metrics.pairs import Pairs

#: What a fact can be wrong in, the gravest first, and the kinds of differences (`costs` of weights.yaml) that it is.
KINDS: dict[str, tuple[str, ...]] = {
    "polarity": ("opposite",),
    "side": ("side",),
    "location": ("place", "misplaced"),
    "severity": ("grade", "grades", "contrary", "kin_level"),
    "number": ("size", "suv"),
    "change": ("change",),
    "certainty": ("certainty",),
    "detail": ("kin", "detail", "unsaid", "unsaid_side"),
}
#: Every key of an error count: what pairs differ in, then what has no counterpart.
ERRORS = (*KINDS, "missing", "hallucinated")
_KIND_OF = {difference: kind for kind, differences in KINDS.items() for difference in differences}
_GRAVITY = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Matching:
    """Which fact of a reference (first index) a fact of the prediction (second) answers to.

    Every index stands in at least one list; one that covers several, or is covered in parts, in several pairs.

    Parameters
    ----------
    right : list of (int, int)
        Facts that mean the same, or of which one answers for the other.
    wrong : list of (int, int, str)
        Facts about the same thing that differ, and the kind of difference, a key of `KINDS`.
    missing, hallucinated : list of int
        Facts of the reference, and of the prediction, that nothing answers to.
    """

    right: list[tuple[int, int]]
    wrong: list[tuple[int, int, str]]
    missing: list[int]
    hallucinated: list[int]


def matchings(pairs: Pairs) -> list[Matching]:
    """Each prediction's facts set beside its reference's."""
    both = zip(pairs.readings, pairs.pairings, strict=True)
    return [match(*readings, pairing, pairs.atoms) for readings, pairing in both]


def match(reference: Reading, draft: Reading, pairing: Pairing, atoms: Atoms) -> Matching:
    """The pairing of two reports' things, laid back onto the facts that they were read from.

    A fact of which only a part is answered ("both sides" by "right") is wrong in side, or in place.
    """
    ours, theirs = _facts_by_thing(reference, atoms), _facts_by_thing(draft, atoms)
    differ: dict[tuple[int, int], set[str]] = {}
    for i, j, kind in _answers(pairing):
        for a, b in _abreast(ours[i], theirs[j], reference.facts, draft.facts):
            kinds = differ.setdefault((a, b), set())
            if kind and reference.facts[a] != draft.facts[b]:
                kinds.add(kind)
    for i, j in _denied(pairing.missed, reference, draft, atoms):
        differ.setdefault((i, j), set()).add("polarity")
    for j, i in _denied(pairing.invented, draft, reference, atoms):
        differ.setdefault((i, j), set()).add("polarity")
    _partly([i for i, well in pairing.missed if well is None], reference, ours, 0, differ, atoms)
    _partly([j for j, well in pairing.invented if well is None], draft, theirs, 1, differ, atoms)
    right = sorted([pair for pair, kinds in differ.items() if not kinds])
    wrong = sorted([(*pair, min(kinds, key=_GRAVITY.__getitem__)) for pair, kinds in differ.items() if kinds])
    answered = {i for i, _ in differ}, {j for _, j in differ}
    missing = [i for i in range(len(reference.facts)) if i not in answered[0]]
    return Matching(right, wrong, missing, [j for j in range(len(draft.facts)) if j not in answered[1]])


def _answers(pairing: Pairing) -> Iterator[tuple[int, int, str]]:
    """Things that answer to each other, and the kind in which they differ."""
    yield from ((i, j, _KIND_OF.get(difference, "")) for i, j, _, difference in pairing.pairs)
    yield from ((i, j, "") for i, j in pairing.well)


def _denied(alone: Sequence[tuple[int, int | None]], one: Reading, other: Reading, atoms: Atoms) -> Iterator[tuple[int, int]]:
    """Facts of what one report alone says, a sign beside its cause too, that the other denies: each of both is in a pair."""
    # a cause that nothing denies may have signs that something does
    things = {thing for thing, well in alone if well is not None or one.stands}
    if not things:
        return
    wells = {*other.wells} - {*one.wells}
    denying: dict[int, list[int]] = {}
    for index, fact in enumerate(one.facts) if wells else ():
        parts = [part for part in atoms.parts(fact) if part not in atoms.wells]
        left = [part for part in parts if not things.isdisjoint((part, one.stands.get(part, part)))]
        denials = {well for thing in left for well in atoms.denials(thing, wells)}
        if denials:
            denying[index] = [place for place, well in enumerate(other.facts) if not denials.isdisjoint(atoms.parts(well))]
    met: set[int] = set()
    for index, places in denying.items():
        met.update(places[:1])
        yield from ((index, place) for place in places[:1])
    for index, places in denying.items():
        yield from ((index, place) for place in places if place not in met)
        met.update(places)


def error_counts(matchings: Iterable[Matching]) -> dict[str, int]:
    """How many errors of each kind of `ERRORS` there are."""
    counts = dict.fromkeys(ERRORS, 0)
    for matching in matchings:
        for _, _, kind in matching.wrong:
            counts[kind] += 1
        counts["missing"] += len(matching.missing)
        counts["hallucinated"] += len(matching.hallucinated)
    return counts


def _facts_by_thing(reading: Reading, atoms: Atoms) -> dict[int, list[int]]:
    """Where each thing stands in a report: indices of its facts; a sign stands where its cause does."""
    places: dict[int, list[int]] = {}
    for index, fact in enumerate(reading.facts):
        things: Iterable[int] = atoms.parts(fact)
        if reading.stands:
            things = dict.fromkeys([reading.stands.get(part, part) for part in things])
        for thing in things:
            places.setdefault(thing, []).append(index)
    return places


def _abreast(ours: list[int], theirs: list[int], mine: Sequence[int], other: Sequence[int]) -> list[tuple[int, int]]:
    """Facts that say one thing, equal ones beside each other, then first beside first; the rest stand beside the last."""
    if len(ours) == 1 == len(theirs):  # most things are said once
        return [(ours[0], theirs[0])]
    equal = {mine[i] for i in ours} & {other[j] for j in theirs}
    ours = sorted(ours, key=lambda i: (mine[i] not in equal, mine[i] in equal and mine[i]))
    theirs = sorted(theirs, key=lambda j: (other[j] not in equal, other[j] in equal and other[j]))
    places = range(max(len(ours), len(theirs)))
    return [(ours[min(place, len(ours) - 1)], theirs[min(place, len(theirs) - 1)]) for place in places]


def _partly(
    left: Iterable[int],
    reading: Reading,
    places: Mapping[int, list[int]],
    side: int,
    differ: dict[tuple[int, int], set[str]],
    atoms: Atoms,
) -> None:
    """Facts with a part that nothing answers to and one that something does are wrong in their side, or their place."""
    several = {index for thing in left for index in places[thing] if len(atoms.parts(reading.facts[index])) > 1}
    for pair, kinds in differ.items() if several else ():
        if pair[side] in several:
            sides = {atoms.facts[part].side for part in atoms.parts(reading.facts[pair[side]])}
            kinds.add("side" if len(sides) > 1 else "location")
