"""Planes to another grid, as they come: filtered where the grid is coarser, so that no fine pattern comes back as a false one.

Along each axis a new value is the mean of the old ones under a triangle, two steps of the coarser grid wide; where the new
grid is finer that is linear interpolation.  Rows and columns are done by torch, which has this filter for pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

#: Rows that are summed at once.
_ROWS = 64
#: Lengths of a grid are counted up to this share of a voxel: 512 x 0.9375 mm hold 640 voxels of 0.75 mm, not 639.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Axis:
    """One axis of a resampling: so many old samples, new samples, and old steps a new step.

    The outer edge of the first new voxel lies `start` old steps behind that of the first old one.
    """

    old: int
    new: int
    step: float
    filtered: bool = True
    start: float = 0.0

    @property
    def inside(self) -> range:
        """The new samples whose centres lie among the old ones; all, where the first edges are one and no more fit."""
        first, beyond = (math.ceil((edge - self.start) / self.step - 0.5 - _ROUNDING) for edge in (0, self.old))
        return range(min(max(0, first), self.new), max(0, min(self.new, beyond)))

    def weights(self, sample: int) -> tuple[int, np.ndarray]:
        """The first old sample that a new one depends on, and the weights of it and its followers, float32, of sum 1."""
        centre = self.start + (sample + 0.5) * self.step
        reach = max(self.step, 1.0) if self.filtered else 1.0
        if not self.filtered:
            centre = max(centre, 0.5)  # what lies before the first centre is the first value
        first = max(int(centre - reach + 0.5), 0)
        last = min(int(centre + reach + 0.5), self.old)
        weights = np.maximum(1 - np.abs((np.arange(first, last) + 0.5 - centre) / reach), 0)
        return first, (weights / weights.sum()).astype(np.float32)


def axis(old: int, spacing: float, target: float) -> Axis:
    """An axis with new voxels of exactly `target` millimetres, as many whole ones as fit."""
    return Axis(old, max(1, int(old * spacing / target + _ROUNDING)), target / spacing)


def published_axis(old: int, spacing: float, target: float) -> Axis:
    """The axis as CT-RATE's published preprocessing has it: int(n·s/t) voxels over the whole length, and no filter."""
    new = max(1, int(old * spacing / target))
    return Axis(old, new, old / new, filtered=False)


def resampled(
    planes: Iterator[np.ndarray], depth: Axis, rows: Axis, columns: Axis, *, backwards: bool = False
) -> Iterator[tuple[int, np.ndarray]]:
    """New planes with their numbers, float32 (rows.new, columns.new), as soon as the old ones that they depend on are there.

    Parameters
    ----------
    planes : iterator of ndarray
        `depth.old` planes, (rows.old, columns.old); few are in memory at once.
    backwards : bool
        Whether the last plane comes first.  The values are the same, to the last bit.
    """
    return along(planes, depth, lambda plane: in_plane(plane, rows, columns), backwards=backwards)


def along(
    planes: Iterator[np.ndarray], depth: Axis, across: Callable[[np.ndarray], np.ndarray], *, backwards: bool = False
) -> Iterator[tuple[int, np.ndarray]]:
    """As `resampled`, with a function that brings one plane to the new rows and columns.

    New planes that lie beyond the old ones are left out.
    """
    # rows and columns take most of the time: they are done where there are fewer planes, before or after the step along z
    samples = depth.inside
    few = depth.old <= len(samples)
    window: dict[int, np.ndarray] = {}
    numbered = zip(range(depth.old)[:: -1 if backwards else 1], planes, strict=True)
    for sample in samples[:: -1 if backwards else 1]:
        first, weights = depth.weights(sample)
        needed = range(first, first + len(weights))
        window = {number: window[number] for number in needed if number in window}
        while len(window) < len(needed):
            number, plane = next(numbered)
            if number in needed:
                window[number] = across(plane) if few else plane.astype(np.float32, copy=False)
        made = weighted([window[number] for number in needed], weights)
        yield sample, made if few else across(made)
    for _ in numbered:  # planes beyond the last voxel that is whole are looked at too
        pass


def weighted(planes: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The weighted sum of planes, float32, added in their order; some rows at a time, which stay in the processor's cache."""
    total = np.empty(planes[0].shape, np.float32)
    part = np.empty_like(total[:_ROWS])
    for at in range(0, len(total), _ROWS):
        rows = slice(at, at + _ROWS)
        sums = np.multiply(planes[0][rows], weights[0], out=total[rows])
        for plane, weight in zip(planes[1:], weights[1:], strict=True):
            sums += np.multiply(plane[rows], weight, out=part[: len(sums)])
    return total


def in_plane(plane: np.ndarray, rows: Axis, columns: Axis) -> np.ndarray:
    """One plane on the new rows and columns, float32."""
    import torch  # two seconds, and only volumes need it

    if (rows.old, rows.step, columns.old, columns.step) == (rows.new, 1, columns.new, 1):
        return plane.astype(np.float32)
    values = torch.from_numpy(np.ascontiguousarray(plane, np.float32))[None, None]
    size, scales = [rows.new, columns.new], [1 / rows.step, 1 / columns.step]
    if rows.filtered:
        scaled = torch.ops.aten._upsample_bilinear2d_aa(values, size, False, *scales)
    else:
        scaled = torch.ops.aten.upsample_bilinear2d(values, size, False, *scales)
    return scaled[0, 0].numpy()
