"""Tubes in a volume: vessels, airways, ribs and wires as points spread evenly over their cross-sections.

Each point carries the volume (in voxels) it stands for, so that a tube thinner than a voxel fills its share of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from docphim.phantom.body import Array
from docphim.phantom.ct.space import Slab, Space

#: Points a voxel gets, and how much more than its share they fill: of thin tubes a little, of thick ones so much that the
#: inside comes out whole.
_DENSITY, _MORE, _WHOLE = 3.0, 1.2, 3.0
#: A sample's cross-section gets one of these numbers of points, so that one array operation serves all alike.
_COUNTS = np.array([1, 2, 4, 8, 16, 32, 64, 128, 180, 256, 360, 512, 720, 1024, 1448, 2048, 2896, 4096, 5792, 8192])
#: Pieces of so many voxels get more points still: a hole in a great vessel would be seen.
THICK = 20
#: Steps of an even additive sequence of the plane (M. Roberts, 2018): the angle around a tube, the way along it.
_AROUND, _ALONG = 2 * np.pi * 0.7548776662, 0.5698402910


@dataclass(frozen=True)
class Samples:
    """Pieces of tubes: `centre` and `run` (the piece along the tube), (n, 3); half the width, and half the height along z."""

    centre: Array
    run: Array
    wide: Array
    tall: Array

    @staticmethod
    def join(pieces: Sequence[Samples]) -> Samples:
        """All pieces in one table, so that one array operation serves many tubes."""
        return Samples(*(np.concatenate([getattr(p, name) for p in pieces]) for name in ("centre", "run", "wide", "tall")))

    def mirrored(self) -> Samples:
        """The same on the other side of the body."""
        flip = np.array([-1, 1, 1], np.float32)
        return Samples(self.centre * flip, self.run * flip, self.wide, self.tall)

    def grown(self, wide: float, tall: float | None = None) -> Samples:
        """The same, wider and taller by so many mm."""
        return Samples(
            self.centre, self.run, self.wide + np.float32(wide), self.tall + np.float32(wide if tall is None else tall)
        )


@dataclass(frozen=True)
class Strands:
    """Points of tubes of one tissue, in the order of the slices: place in the slice, voxels it stands for, HU.

    The points of slice i are those from `ends[i]` to `ends[i + 1]`.
    """

    ends: NDArray[np.int64]
    place: NDArray[np.int32]
    share: Array
    hu: float | Array
    more: float = _MORE

    def lay(self, slab: Slab, *, within: bool = False) -> tuple[NDArray[np.intp], Array] | None:
        """Put the tubes into a slab; `within` keeps them inside aerated lung.  The voxels touched (flat) and their shares."""
        ends = self.ends[slab.rows.start : slab.rows.stop + 1]
        points = slice(ends[0], ends[-1])
        if ends[0] == ends[-1]:
            return None
        size = slab.space.y.size * slab.space.x.size
        at = self.place[points]
        if len(ends) > 2:
            at = at + np.repeat(np.arange(len(ends) - 1, dtype=np.int32) * np.int32(size), np.diff(ends))
        low = int(at.min())
        at = at - np.int32(low)
        share = self.share[points]
        mass = np.bincount(at, share)
        touched = np.zeros(mass.size, bool)
        touched[at] = True
        hit = np.flatnonzero(touched)
        hu = self.hu
        if not isinstance(hu, float):
            hu = (np.bincount(at, share * hu[points])[hit] / mass[hit]).astype(np.float32)
        cover = np.minimum(mass[hit] * self.more, 1).astype(np.float32)
        hit += low
        if within:
            cover *= slab.lung.reshape(-1)[hit]
        view = slab.hu.reshape(-1)
        view[hit] += cover * (hu - view[hit])
        return hit, cover


def along(space: Space, points: Sequence[Any] | Array, radius: ArrayLike, tall: ArrayLike | None = None) -> Samples:
    """Pieces of a tube through a polyline (n, 3) in standard mm, each no longer than a voxel."""
    line = np.empty((len(points), 5), np.float32)
    line[:, :3] = points
    line[:, 3] = radius
    line[:, 4] = radius if tall is None else tall
    gaps = np.diff(line, axis=0)
    run = gaps[:, :3] / np.array(space.step[::-1], np.float32)
    long = np.maximum(np.sqrt((run * run).sum(axis=1)), 1e-6)
    count = max(int(long.sum() / 0.8), 2)
    # where each cut lies: in which part of the line, and how far along it
    at = np.interp(np.linspace(0, long.sum(), count + 1), np.concatenate([[0], np.cumsum(long)]), np.arange(len(line)))
    part = np.minimum(at.astype(np.int64), len(gaps) - 1)
    cuts = line[part] + (at - part).astype(np.float32)[:, None] * gaps[part]
    middle = (cuts[1:] + cuts[:-1]) / 2
    return Samples(middle[:, :3], np.diff(cuts[:, :3], axis=0), middle[:, 3], middle[:, 4])


def strands(
    space: Space,
    pieces: Sequence[Samples],
    hu: float | Sequence[float],
    *,
    rim: float | None = None,
    rim_at: float = 0.72,
    whole: bool = False,
) -> Strands:
    """Points of tubes of one tissue, or of one each.

    From `rim_at` of their radius outward they are `rim` HU (the cortex of a bone).  `whole` is for tubes of many voxels
    across, whose inside must have no holes.
    """
    layer, place, share, out, piece = _spread(space, Samples.join(pieces))
    order = np.argsort(layer, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(layer, minlength=space.z.size))])
    tone: float | Array
    if rim is not None:
        tone = np.where(out > rim_at, np.float32(rim), np.asarray(hu, np.float32))[order]
    elif isinstance(hu, Sequence):
        tone = np.repeat(np.array(hu, np.float32), [p.wide.size for p in pieces])[piece][order]
    else:
        tone = float(hu)
    return Strands(ends, place[order], share[order], tone, _WHOLE if whole else _MORE)


def _spread(space: Space, piece: Samples) -> tuple[NDArray[Any], ...]:
    """Points of every piece, pieces with equally many points at once: slice, place, voxels, share of the radius, piece."""
    long = np.sqrt((piece.run * piece.run).sum(axis=1))
    share = (np.pi * piece.wide * piece.tall * long / np.prod(space.step)).astype(np.float32)
    unit = (piece.run / np.maximum(long, 1e-6)[:, None]).T
    # u lies across the tube and level, v across both; a tube along the body's axis has them along y and x
    flat = np.hypot(unit[0], unit[1])
    level = flat > 0.05
    safe = np.where(level, flat, 1)
    u = np.stack([np.where(level, unit[1] / safe, 1), np.where(level, -unit[0] / safe, 0), np.zeros_like(flat)])
    v = np.stack([unit[1] * u[2] - unit[2] * u[1], unit[2] * u[0] - unit[0] * u[2], unit[0] * u[1] - unit[1] * u[0]])
    u, v = (u * piece.wide).astype(np.float32), (v * piece.tall).astype(np.float32)
    table = np.stack([piece.centre.T, u, v, piece.run.T])  # (4, 3, n)
    sizes = np.minimum(np.searchsorted(_COUNTS, share * np.where(share > THICK, 2.4 * _DENSITY, _DENSITY)), len(_COUNTS) - 1)
    parts = []
    for i in np.unique(sizes):
        chosen = np.flatnonzero(sizes == i)
        parts.append(_points(space, table[:, :, chosen], share[chosen], chosen, int(_COUNTS[i])))
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _points(space: Space, table: Array, share: Array, nth: NDArray[np.intp], count: int) -> tuple[NDArray[Any], ...]:
    """Points on a spiral over the cross-section, turned from piece to piece, and spread along it."""
    k = np.arange(count, dtype=np.float32)[:, None]
    out = np.sqrt((k + np.float32(0.5)) / count) if count > 1 else np.zeros((1, 1), np.float32)
    turned = (nth % 1024).astype(np.float32)[None]
    turn = k * np.float32(_AROUND) + turned * np.float32(3.8832)
    forth = (k * np.float32(_ALONG) + turned * np.float32(0.618034)) % 1 - np.float32(0.5)
    a, b = out * np.cos(turn), out * np.sin(turn)
    index, good = [], np.ones(a.shape, bool)
    axes = ((0, space.x, space.step[2]), (1, space.y, -space.step[1]), (2, space.z, space.step[0]))
    for axis, centres, step in axes:
        where = a * table[1, axis] + b * table[2, axis] + forth * table[3, axis] + table[0, axis]
        where -= np.float32(centres[0] - step / 2)
        where *= np.float32(1 / step)
        good &= (where >= 0) & (where < centres.size)
        index.append(where)
    x, y, z = (where[good].astype(np.int32) for where in index)
    each = np.broadcast_to(share / count, a.shape)[good]
    whose = np.broadcast_to(nth, a.shape)[good]
    return z.astype(np.int16), y * np.int32(space.x.size) + x, each, np.broadcast_to(out, a.shape)[good], whose
