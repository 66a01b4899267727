"""The outline of a body in blocks of a CT or of a PET, and its pieces slice by slice: trunk, head, arms, thighs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from docphim.imaging.space.lungs import Blocks, at_sides

#: Blocks of a CT are of the body above this, HU: half air and half skin; foam and blankets lie below.
_TISSUE = -350.0
#: A thing apart from the body that is smaller than this share of it is none of its limbs: a bit of the table, noise.
_LIMB = 0.01
#: Bins of the histogram whose best division separates body and air.
_BINS = 256
#: Four neighbours within a slice, none in the slices beside.
_IN_PLANE = np.zeros((3, 3, 3), bool)
_IN_PLANE[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
_SQUARE = np.ones((1, 3, 3), bool)


@dataclass(frozen=True)
class Piece:
    """A connected part of one slice: its area, cm², and its first and last column, from the patient's right."""

    cm2: float
    first: int
    last: int


@dataclass(frozen=True)
class Body:
    """Which blocks are of the body, (z, y, x), and how large a block is, mm."""

    mask: NDArray[np.bool_]
    spacing: tuple[float, float, float]

    def reversed(self) -> Body:
        """The same with its last slice first."""
        return Body(self.mask[::-1], self.spacing)

    @cached_property
    def middle(self) -> float:
        """The column in the middle of the body."""
        columns = self.mask.sum((0, 1))
        return float(np.average(np.arange(len(columns)), weights=columns)) if columns.any() else len(columns) / 2

    @cached_property
    def pieces(self) -> list[list[Piece]]:
        """Those of each slice, the largest first."""
        from scipy import ndimage

        labels, count = ndimage.label(self.mask, _IN_PLANE)
        areas = np.bincount(labels.ravel(), minlength=count + 1) * self.spacing[1] * self.spacing[2] / 100
        slices: list[list[Piece]] = [[] for _ in self.mask]
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            slices[place[0].start].append(Piece(float(areas[number]), place[2].start, place[2].stop - 1))
        return [sorted(row, key=lambda piece: -piece.cm2) for row in slices]

    def central(self, number: int) -> Piece | None:
        """The largest piece of a slice that lies across the middle."""
        return next((piece for piece in self.pieces[number] if piece.first <= self.middle <= piece.last), None)

    def sides(self, number: int) -> list[Piece]:
        """The pieces of a slice beside the middle."""
        return [piece for piece in self.pieces[number] if not piece.first <= self.middle <= piece.last]


def of_ct(blocks: Blocks) -> Body:
    """The body in a CT: denser than what it lies on, holes filled."""
    return Body(_whole(blocks.means > _TISSUE), _spacing(blocks))


def of_pet(blocks: Blocks) -> Body:
    """The body in a PET, whatever the unit of its values.

    Body and air are divided where the variance between both is largest (Otsu 1979), of cube roots, so that bladder and brain
    do not take all of the scale.
    """
    roots = np.cbrt(np.maximum(blocks.means, 0))
    if np.ptp(roots) == 0:
        return Body(np.zeros(roots.shape, bool), _spacing(blocks))
    return Body(_whole(roots > divide(roots)), _spacing(blocks))


def divide(values: NDArray[np.floating]) -> float:
    """Where values are best divided in two (Otsu 1979)."""
    counts, edges = np.histogram(values, _BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    below, moment = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment[-1] * below / below[-1] - moment) ** 2 / (below * above)
    return float(middles[np.nanargmax(np.where(above > 0, between, np.nan))])


def _whole(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The body with its limbs, holes filled: without the table, which is thin, and without what is small and apart."""
    from scipy import ndimage

    parts, count = ndimage.label(ndimage.binary_opening(mask, _SQUARE))
    if not count:
        return np.zeros(mask.shape, bool)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    large = (sizes >= _LIMB * sizes.max()) & (sizes > 0)
    return filled(large[parts])


def filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask with the holes of each slice filled: what does not reach a side of it."""
    from scipy import ndimage

    around, _ = ndimage.label(~mask, _IN_PLANE)
    whole: NDArray[np.bool_] = mask | ~at_sides(around)[around]
    return whole


def _spacing(blocks: Blocks) -> tuple[float, float, float]:
    depth, height, width = blocks.spacing
    return depth, height, width
