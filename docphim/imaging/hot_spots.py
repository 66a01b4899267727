"""Places of a PET where uptake is higher than around them, each apart from its neighbours; SUVpeak."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]
#: Two peaks are of one thing where the way from one to the other never falls below this share of the higher one; and where one
#: of the two has no more than so many voxels (noise on a flank), of the lower one.
ONE, LARGE = 0.7, 200
#: The sphere of SUVpeak, ml, and into how many parts of a voxel its edge is resolved.
PEAK_ML, _EDGE = 1.0, 5
#: Half of the 26 neighbours of a voxel: the others are these the other way round.
_HALF = [step for step in itertools.product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]


@dataclass(frozen=True)
class Spot:
    """One place of high uptake.

    Attributes
    ----------
    at : (int, int, int)
        The voxel of the highest value (z, y, x); of equal ones the first.
    suv_max : float
        The value there.
    box : (slice, slice, slice)
        Where in the volume `mask` lies.
    mask : ndarray of bool
        What belongs to it.
    """

    at: tuple[int, int, int]
    suv_max: float
    box: Box
    mask: NDArray[np.bool_]

    @property
    def voxels(self) -> int:
        """How many belong to it."""
        return int(self.mask.sum())


def spots(volume: NDArray[np.float32], least: float, *, share: float | None = None) -> list[Spot]:
    """The places whose highest value is `least` or more, the highest first.

    Each voxel belongs to the peak that is reached from it by steepest ascent (a watershed), and peaks are one where the way
    between them does not fall low (`ONE`): a lesion beside the bladder is not the bladder's, nor is the liver a lesion's in
    it; a ring is one thing, and noise in the liver no place of its own.

    Parameters
    ----------
    volume : ndarray
        SUV (z, y, x).
    least : float
        SUV.
    share : float, optional
        A place reaches down to this share of its highest value (0.41: the usual isocontour), and as everywhere not below
        `least`: where a lesion takes up little more than the liver, 41 % of it are the liver.
    """
    inside = np.pad(volume >= least, 1)
    where = np.flatnonzero(inside)
    if not where.size:
        return []
    values = np.pad(volume, 1).ravel()[where]
    rank = np.empty(where.size, np.int64)
    rank[np.argsort(-values, kind="stable")] = np.arange(where.size)[::-1]  # higher is later; of equal ones the first
    number = np.full(inside.size, -1, np.int64)
    number[where] = np.arange(where.size)
    pairs = [(np.flatnonzero(beside >= 0), beside[beside >= 0]) for beside in _beside(number, where, inside.shape)]
    peak = _joined(_climbed(rank, pairs), values, pairs)
    shape = np.array(inside.shape)
    made = []
    for members in _groups(peak):
        top = members[rank[members].argmax()]
        members = members[values[members] >= (share or 0) * values[top]]
        places = np.stack(np.unravel_index(where[members], shape)) - 1
        made.append(_spot(places, np.array(np.unravel_index(where[top], shape)) - 1, float(values[top])))
    return sorted(made, key=lambda spot: (-spot.suv_max, spot.at))


def _beside(number: NDArray[np.int64], where: NDArray[np.int64], shape: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """For each of `_HALF`, the number of every voxel's neighbour there; -1 where it is not inside."""
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    return [number[where + int(np.dot(step, strides))] for step in _HALF]


def _climbed(rank: NDArray[np.int64], pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> NDArray[np.int64]:
    """The peak that each voxel ascends to."""
    best, to = rank.copy(), np.arange(rank.size)
    for one, other in pairs:
        for low, high in ((one, other), (other, one)):  # no voxel stands twice on one side
            better = rank[high] > best[low]
            best[low[better]], to[low[better]] = rank[high[better]], high[better]
    while not np.array_equal(to, further := to[to]):
        to = further
    return to


def _joined(
    peak: NDArray[np.int64], values: NDArray[np.float32], pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> NDArray[np.int64]:
    """Peaks of one thing as one: by the highest pass between each two, the highest passes first."""
    ones, others = (np.concatenate(side) for side in zip(*pairs, strict=True))
    low, high = np.sort(np.stack([peak[ones], peak[others]]), axis=0)
    passes = np.minimum(values[ones], values[others])
    apart = low != high
    order = np.argsort(-passes[apart], kind="stable")
    root = np.arange(peak.size)

    def top(n: int) -> int:
        while root[n] != n:
            root[n] = root[root[n]]
            n = int(root[n])
        return n

    edges = np.stack([low[apart], high[apart]])[:, order]
    _, first = np.unique(edges[0] * peak.size + edges[1], return_index=True)
    heights, sizes = passes[apart][order], np.bincount(peak, minlength=peak.size)
    for small in (False, True):  # what is one organ, first; then what is too small to be a thing
        for n in np.sort(first):
            a, b = top(int(edges[0, n])), top(int(edges[1, n]))
            lower, higher = (a, b) if values[a] < values[b] else (b, a)
            of = lower if small and min(sizes[a], sizes[b]) <= LARGE else higher
            if a != b and heights[n] >= ONE * values[of]:
                root[lower] = higher
                sizes[higher] += sizes[lower]
    while not np.array_equal(root, further := root[root]):
        root = further
    joined: NDArray[np.int64] = root[peak]
    return joined


def _groups(peak: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    order = np.argsort(peak, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(peak[order])) + 1)


def _spot(places: NDArray[np.int64], at: NDArray[np.int64], highest: float) -> Spot:
    """The part of some voxels that hangs together with the highest one."""
    from scipy import ndimage

    first = places.min(1)
    mask = np.zeros(places.max(1) - first + 1, bool)
    mask[tuple(places - first[:, None])] = True
    parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count > 1:
        mask = parts == parts[tuple(at - first)]
    box = tuple(slice(int(low), int(low) + size) for low, size in zip(first, mask.shape, strict=True))
    z, y, x = (int(n) for n in at)
    return Spot((z, y, x), highest, box, mask)  # type: ignore[arg-type]


def grown_together(listed: list[Spot], volume: NDArray[np.float32], share: float) -> list[Spot]:
    """Spots that touch where both are `share` of the lower one's highest value or more, as one: parts of one uneven tumour.

    The first of each group gives `at` and `suv_max`; spots come the highest first, and so do those that are returned.
    """
    out: list[Spot] = []
    left = list(listed)
    while left:
        one = left.pop(0)
        while (at := next((n for n, other in enumerate(left) if _touch(one, other, volume, share)), None)) is not None:
            one = _both(one, left.pop(at))
        out.append(one)
    return out


def _common(one: Spot, other: Spot) -> tuple[Box, NDArray[np.bool_], NDArray[np.bool_]]:
    """The box of two spots, and each in it."""
    box = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one.box, other.box, strict=True))
    masks = np.zeros((2, *[cut.stop - cut.start for cut in box]), bool)
    for mask, spot in zip(masks, (one, other), strict=True):
        mask[tuple(slice(c.start - o.start, c.stop - o.start) for c, o in zip(spot.box, box, strict=True))] = spot.mask
    return box, masks[0], masks[1]  # type: ignore[return-value]


def _touch(one: Spot, other: Spot, volume: NDArray[np.float32], share: float) -> bool:
    from scipy import ndimage

    if any(a.start > b.stop or b.start > a.stop for a, b in zip(one.box, other.box, strict=True)):
        return False
    box, here, there = _common(one, other)
    near = np.ones((3, 3, 3))
    rims = ndimage.binary_dilation(here, near) & there, ndimage.binary_dilation(there, near) & here
    return bool(rims[0].any()) and min(float(volume[box][rim].max()) for rim in rims) >= share * other.suv_max


def _both(one: Spot, other: Spot) -> Spot:
    box, here, there = _common(one, other)
    return Spot(one.at, one.suv_max, box, here | there)


def suv_peak(volume: NDArray[np.float32], spacing: tuple[float, ...], spot: Spot, places: int = 3) -> float:
    """The highest mean of a sphere of 1 ml whose centre lies in a spot.

    SUVpeak of PERCIST 1.0 (Wahl et al., J Nucl Med 2009) is that of a sphere of 1 ml; where its centre may lie is said
    differently (Vanderhoek et al., J Nucl Med 2012: by up to a fifth).  Here it lies wherever the mean is highest, as IBSI's
    global intensity peak (0F91), to one part in `places` of a voxel; a voxel that the sphere's surface cuts counts by its
    share in it.  Beyond the volume the outermost voxels go on.
    """
    from scipy import ndimage

    radius = (3 * PEAK_ML * 1000 / (4 * np.pi)) ** (1 / 3)
    reach = [int(np.ceil(radius / step)) + 1 for step in spacing]
    numbers = [np.arange(cut.start - r, cut.stop + r) for cut, r in zip(spot.box, reach, strict=True)]
    near = volume[np.ix_(*(np.clip(n, 0, size - 1) for n, size in zip(numbers, volume.shape, strict=True)))]
    inner = tuple(slice(r, -r) for r in reach)
    highest = -np.inf
    parts = (np.arange(places) - places // 2) / places
    for shift in itertools.product(parts, repeat=3):
        ball = _ball(radius, spacing, reach, shift)
        highest = max(highest, float(ndimage.correlate(near, ball, mode="nearest")[inner][spot.mask].max()))
    return highest


def _ball(radius: float, spacing: tuple[float, ...], reach: list[int], shift: tuple[float, ...]) -> NDArray[np.float32]:
    """The share of each voxel around one that a sphere fills whose centre is that one's, moved by parts of a voxel; sum 1."""
    fine = (np.arange(_EDGE) + 0.5) / _EDGE - 0.5
    axes = [
        (((np.arange(-r, r + 1)[:, None] + fine - moved) * step) ** 2).ravel()
        for step, r, moved in zip(spacing, reach, shift, strict=True)
    ]
    inside = axes[0][:, None, None] + axes[1][None, :, None] + axes[2] <= radius**2
    counts = inside.reshape([n for r in reach for n in (2 * r + 1, _EDGE)]).sum((1, 3, 5))
    ball: NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
    return ball
