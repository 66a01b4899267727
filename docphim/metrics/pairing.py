"""Two reports set beside each other, thing by thing: what is the same, what differs, what only one says, what that costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from docphim.metrics.difference import is_plural, stands_for
from docphim.metrics.weights import ACTED_ON, weights

if TYPE_CHECKING:
    from docphim.metrics.atoms import Atoms, Pair, Reading

#: What pairing a thing of the reference with one of the draft saves.
Gain = Callable[[int, int], float]
#: A family of which two reports say more than so many pairs of things is paired in order, so that no input takes long.
_MOST = 10_000
#: So few ways to pair the things of one family are all tried.
_FEW = 1000


class Pairing(NamedTuple):
    """How two reports answer to each other; the numbers are those of `Atoms`.

    Parameters
    ----------
    pairs : tuple of (int, int, float, str)
        A thing of the reference and one of the draft, the share that their difference costs, and its costliest kind ("": none).
        Where one thing covers several it stands in several pairs.
    missed, invented : tuple of (int, int or None)
        What only the reference, or only the draft, says, and the well thing by which the other text denies it.
    well : tuple of (int, int)
        Well things that answer to each other.
    well_missed, well_invented : tuple of int
        Well things that only one text says.
    """

    pairs: tuple[Pair, ...]
    missed: tuple[tuple[int, int | None], ...]
    invented: tuple[tuple[int, int | None], ...]
    well: tuple[tuple[int, int], ...]
    well_missed: tuple[int, ...]
    well_invented: tuple[int, ...]

    def cost(self, reference: Reading, draft: Reading) -> float:
        """What all differences cost together; what follows from something costs nothing more where both are wrong alike."""
        costs, benign = weights()["costs"], weights()["weights"]["benign"]
        ours, theirs = reference.weights, draft.weights
        swapped = {i for i, _, _, kind in self.pairs if kind == "side"}
        total = 0.0
        for i, j, share, kind in self.pairs:
            if share and not (kind == "side" and reference.follows.get(i) in swapped):
                total += share * max(ours[i], theirs[j])
        total += _alone_costs(self.missed, reference, costs["miss"])
        total += _alone_costs(self.invented, draft, costs["invention"])
        return total + float(costs["well"] * benign * (len(self.well_missed) + len(self.well_invented)))


def _alone_costs(alone: Sequence[tuple[int, int | None]], by: Reading, plain: float) -> float:
    """What things that one text alone says cost; one that is not denied costs nothing beside what it follows from.

    What nobody acts on harms nobody where it is invented: it costs what leaving it out does.
    """
    costs, things = weights()["costs"], {thing for thing, _ in alone}
    total = 0.0
    for thing, denied in alone:
        if denied is not None:
            total += costs["opposite"] * by.weights[thing]
        elif by.follows.get(thing) not in things:
            total += (plain if by.levels[thing] in ACTED_ON else costs["miss"]) * by.weights[thing]
    return total


def pair(reference: Reading, draft: Reading, atoms: Atoms) -> Pairing:
    """Set a draft beside its reference: equal things, then those of one family at the least cost, then what covers several."""
    ours, theirs = set(reference.ills), set(draft.ills)
    shared = ours & theirs
    pairs = [pair for i in sorted(shared) if (pair := atoms.pair(i, i))]
    ours -= shared
    theirs -= shared
    if ours and theirs:
        pairs += _least(sorted(ours), sorted(theirs), _gains(reference, draft, atoms), atoms)
        ours.difference_update([i for i, *_ in pairs])
        theirs.difference_update([j for _, j, *_ in pairs])
    missed = _alone(ours, draft, reference, atoms, pairs, 0) + _denied_signs(reference, draft, atoms)
    invented = _alone(theirs, reference, draft, atoms, pairs, 1) + _denied_signs(draft, reference, atoms)
    return Pairing(tuple(pairs), missed, invented, *_wells(reference, draft, atoms))


def _denied_signs(itself: Reading, other: Reading, atoms: Atoms) -> tuple[tuple[int, int | None], ...]:
    """Signs that are left out beside their cause, where the other text denies them at that very place.

    So is the uptake of a nodule that has none; "no other uptake in the lungs" denies it of no nodule.
    """
    wells = {*other.wells}.difference(itself.wells) if itself.stands else set()
    signs = [sign for sign, cause in itself.stands.items() if sign != cause and sign not in atoms.wells] if wells else []
    denied = [(sign, atoms.denied(sign, {well for well in wells if atoms.spots[well] == atoms.spots[sign]})) for sign in signs]
    return tuple((sign, well) for sign, well in denied if well is not None)


def _alone(
    things: Iterable[int], other: Reading, itself: Reading, atoms: Atoms, pairs: list[Pair], side: int
) -> tuple[tuple[int, int | None], ...]:
    """Things that one text alone says, and what of the other denies each; what something of the other covers is paired."""
    wide, alone = atoms.wide.intersection(other.ills), []
    wells = {*other.wells}.difference(itself.wells)
    for thing in sorted(things):
        covering = _covering(thing, wide, atoms) if wide else None
        if covering is None:
            alone.append((thing, atoms.denied(thing, wells) if wells else None))
        else:
            pairs.append((covering[0], thing, *covering[1:]) if side else (thing, *covering))
    return tuple(alone)


def _wells(
    reference: Reading, draft: Reading, atoms: Atoms
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...], tuple[int, ...]]:
    """Well things that answer to each other, and those that only the reference, or only the draft, says."""
    ours, theirs = {*reference.wells}, {*draft.wells}
    well, missed, invented = [(i, i) for i in ours & theirs], [], []
    for thing in ours - theirs:
        answer = atoms.answered(thing, theirs)
        if answer is None:
            missed.append(thing)
        else:
            well.append((thing, answer))
    for thing in theirs - ours:
        answer = atoms.answered(thing, ours)
        if answer is None:
            invented.append(thing)
        else:
            well.append((answer, thing))
    return tuple(well), tuple(missed), tuple(invented)


def _covering(i: int, others: Iterable[int], atoms: Atoms) -> tuple[int, float, str] | None:
    """The thing of the other text that answers for one that is left: "several nodules" for the last of those listed."""
    answers = []
    for j in others:
        near = atoms.pair(i, j) if atoms.families[i] == atoms.families[j] else None
        if near and stands_for(atoms.facts[j], atoms.facts[i]):
            several, most = is_plural(atoms.facts[j]), weights()["costs"]["unsaid_side"]
            answers.append((0.0 if several else min(near[2], most), "" if several else "unsaid_side", j))
    if not answers:
        return None
    share, kind, j = min(answers)
    return j, share, kind


def _least(ours: list[int], theirs: list[int], gain: Gain, atoms: Atoms) -> list[Pair]:
    """Pairs of things of one family, one to one, such that all costs together are least; then of a lesion and what it is."""
    families = {atoms.families[i] for i in ours} & {atoms.families[j] for j in theirs}
    chosen = []
    for family in sorted(families):
        left = [i for i in ours if atoms.families[i] == family]
        right = [j for j in theirs if atoms.families[j] == family]
        chosen += _best(left, right, gain)
    if not atoms.general.isdisjoint(ours) or not atoms.general.isdisjoint(theirs):
        left, right = sorted({*ours} - {i for i, _ in chosen}), sorted({*theirs} - {j for _, j in chosen})
        if left and right and not atoms.general.isdisjoint((*left, *right)):
            chosen += _best(left, right, gain)
    return [pair for i, j in chosen if (pair := atoms.pair(i, j))]


def _best(left: list[int], right: list[int], gain: Gain) -> list[tuple[int, int]]:
    """Those pairs of two lists of things that save most together, each of which saves something."""
    if len(left) * len(right) > _MOST:
        return [(i, j) for i, j in zip(left, right, strict=False) if gain(i, j) > 0]
    gains = {(i, j): gain(i, j) for i in left for j in right}
    few = math.perm(*sorted((len(left), len(right)), reverse=True)) <= _FEW
    chosen = _tried(left, right, gains) if few else _assigned(left, right, gains)
    return [pair for pair in chosen if gains[pair] > 0]


def _tried(left: list[int], right: list[int], gains: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """The best of all ways to pair a few things."""
    if len(left) <= len(right):
        ways = [list(zip(left, way, strict=True)) for way in itertools.permutations(right, len(left))]
    else:
        ways = [list(zip(way, right, strict=True)) for way in itertools.permutations(left, len(right))]
    return max(ways, key=lambda way: sum([gains[pair] for pair in way])) if len(ways) > 1 else ways[0]


def _assigned(left: list[int], right: list[int], gains: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment  # here: it takes longer to start than most reports take to pair

    table = np.array([[gains[i, j] for j in right] for i in left])
    return [(left[a], right[b]) for a, b in zip(*linear_sum_assignment(-table), strict=True)]


def _gains(reference: Reading, draft: Reading, atoms: Atoms) -> Gain:
    """What pairing two things saves over a miss and an invention; 0 where they are no pair."""
    costs, ours, theirs = weights()["costs"], reference.weights, draft.weights
    miss, invention = costs["miss"], costs["invention"]

    def gain(i: int, j: int) -> float:
        near = atoms.pair(i, j)
        if near is None:
            return 0.0
        one, other = ours[i], theirs[j]
        return float(max(0.0, miss * one + invention * other - near[2] * max(one, other)))

    return gain


def shared_ills(reference: Reading, draft: Reading, atoms: Atoms) -> tuple[int, int]:
    """How many abnormal things of the reference, and of the draft, the other text says too, amounts aside."""
    ours, theirs = ({atoms.core[i] for i in reading.ills} for reading in (reference, draft))
    shared = ours & theirs
    right = []
    for ills, other in ((reference.ills, draft.ills), (draft.ills, reference.ills)):
        wide = atoms.wide.intersection(other)
        right.append(sum(atoms.core[i] in shared or bool(wide and _covering(i, wide, atoms)) for i in ills))
        several = [i for i in atoms.wide.intersection(ills) if atoms.core[i] not in shared]
        right[-1] += sum(_covers_several(i, other, atoms) for i in several)
    return right[0], right[1]


def _covers_several(i: int, others: Iterable[int], atoms: Atoms) -> bool:
    """Whether two or more things of the other text are those that one speaks of together: "several nodules"."""
    return is_plural(atoms.facts[i]) and sum(_covering(j, [i], atoms) is not None for j in others) > 1
