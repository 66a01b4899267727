"""Where the voxels of a phantom's CT lie, and how shapes are laid into a few of its slices at a time.

Places are millimetres of the standard body (body.py): x to the patient's left, y forward, z down.  A volume is
(z, y, x): slice 0 is the top, row 0 the front, column 0 the patient's right.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from docphim.phantom.body import Array
from docphim.phantom.grid import Window

if TYPE_CHECKING:
    from docphim.phantom.anatomy import Solid

Range = tuple[float, float]
Hu = float | np.floating[Any] | Array
#: Voxels painted at once: few enough to stay in the processor's cache.
SLAB = 200_000
EVERYWHERE: Range = (-1e6, 1e6)
#: Cells of a texture's edge, and the millimetres of a cell.
_CELLS, _CELL = 96, 1.6


@dataclass(frozen=True)
class Space:
    """Centres of the voxels along x, y and z in standard mm; `step` and `spacing` (z, y, x) in standard and in real mm."""

    x: Array
    y: Array
    z: Array
    step: tuple[float, float, float]
    spacing: tuple[float, float, float]
    scale: tuple[float, float, float]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return self.z.size, self.y.size, self.x.size

    def lps(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """A place of the standard body as real millimetres to the patient's left, back and head."""
        return x * self.scale[0], -y * self.scale[1], -z * self.scale[2]

    @property
    def affine(self) -> NDArray[np.float64]:
        """Voxel (x, y, z) to real millimetres to the left, back and head, (4, 4)."""
        out = np.diag([self.spacing[2], self.spacing[1], -self.spacing[0], 1.0])
        out[:3, 3] = self.lps(float(self.x[0]), float(self.y[0]), float(self.z[0]))
        return out

    def slabs(self, voxels: int = SLAB) -> list[slice]:
        """The slices of the volume in groups of so many voxels that are painted together."""
        count = max(voxels // (self.y.size * self.x.size), 1)
        return [slice(i, min(i + count, self.z.size)) for i in range(0, self.z.size, count)]


def sights(x: Array, z: Array) -> Window:
    """Lines of sight from front to back, as the solids of anatomy.py want them: `x` (1, w), `z` (h, 1), or both (1, n)."""
    return Window(slice(None), slice(None), x, z)


@dataclass(frozen=True)
class Box:
    """A part of a slab: its index there, and the coordinates of its voxels as (1, 1, w), (1, h, 1) and (d, 1, 1)."""

    at: tuple[slice, slice, slice]
    x: Array
    y: Array
    z: Array

    @property
    def columns(self) -> Window:
        """Its lines of sight."""
        return sights(self.x[0], self.z[:, :, 0])


@dataclass
class Slab:
    """Some slices: `hu`, and `lung`, the share of each voxel that is aerated lung (known once the soft body is painted)."""

    space: Space
    rows: slice
    hu: Array
    lung: Array

    @staticmethod
    def blank(space: Space, rows: slice) -> Slab:
        """Slices of nothing but air."""
        shape = (rows.stop - rows.start, space.y.size, space.x.size)
        return Slab(space, rows, np.full(shape, -1000, np.float32), np.zeros(shape, np.float32))

    def box(self, x: Range, y: Range = EVERYWHERE, z: Range = EVERYWHERE) -> Box | None:
        """The part between two x, two y and two z; None where the slab has nothing of it."""
        space, heights = self.space, self.space.z[self.rows]
        at = (_cut(heights, z), _cut(-space.y, (-y[1], -y[0])), _cut(space.x, x))
        if any(part.stop <= part.start for part in at):
            return None
        return Box(at, space.x[at[2]][None, None], space.y[at[1]][None, :, None], heights[at[0]][:, None, None])

    def fill(self, box: Box, cover: Array, hu: Hu) -> None:
        """Put a tissue into a share of each voxel."""
        view = self.hu[box.at]
        change = hu - view
        change *= cover
        view += change

    def inside(self, box: Box, solid: Solid) -> Array:
        """The share of each voxel between a back and a front."""
        back, front = solid
        back = np.where(front - back > 1e-3, back, np.float32(1e6))
        cover = np.minimum(box.y - back[:, None], front[:, None] - box.y)
        return self.soft_edge(cover, self.space.step[1])

    @staticmethod
    def soft_edge(depth: Array, width: float) -> Array:
        """Depth below a surface (mm) as the share of a voxel of `width` inside it, in place."""
        depth *= np.float32(1 / width)
        depth += np.float32(0.5)
        return np.clip(depth, 0, 1, out=depth)

    def ball(
        self, centre: tuple[float, ...], radii: tuple[float, ...], hu: float, *, rough: float = 0, within: bool = False
    ) -> None:
        """An ellipsoid; `rough` makes its surface uneven by that share, `within` keeps it inside aerated lung."""
        shaped = self.ball_cover(centre, radii, rough)
        if shaped is not None:
            box, cover = shaped
            self.fill(box, cover * self.lung[box.at] if within else cover, hu)

    def ball_cover(self, centre: tuple[float, ...], radii: tuple[float, ...], rough: float = 0) -> tuple[Box, Array] | None:
        """The share of each voxel inside an ellipsoid, and where."""
        grow = 1.0 + 2.5 * rough
        margin = self.space.step[2]
        (x, y, z), (a, b, c) = centre, radii
        reach = [(m - r * grow - margin, m + r * grow + margin) for m, r in zip(centre, radii, strict=True)]
        box = self.box(*reach)
        if box is None:
            return None
        flat = ((box.y - y) / b) ** 2 + ((box.z - z) / c) ** 2
        cover = ((box.x - x) / a) ** 2 + flat
        if rough:
            cover *= 1 + np.float32(2 * rough) * texture(2, box)
        np.subtract(1, cover, out=cover)
        small = min(radii)
        if small < 1.5 * margin:  # a ball below the voxel's size fills its share of it and no more
            return box, self.soft_edge(cover * np.float32(small / 2), margin) * np.float32(min(1, 2 * small / margin))
        return box, self.soft_edge(cover * np.float32(small / 2), margin)


def _cut(values: Array, between: Range) -> slice:
    return slice(int(np.searchsorted(values, between[0])), int(np.searchsorted(values, between[1], side="right")))


@functools.cache
def cloud(scale: int) -> Array:
    """Smooth periodic noise of unit variance in space, with detail of about `scale` cells of 1.6 mm, (96, 96, 96)."""
    white = np.random.default_rng(100 + scale).standard_normal((_CELLS,) * 3, np.float32)
    tile = ndimage.gaussian_filter(white, scale, mode="wrap")
    return np.asarray(tile / tile.std(), np.float32)


@functools.cache
def net(scale: int) -> Array:
    """Thin walls between cells in space, 0 to 1: where two smooth noises change sign."""
    return np.asarray(np.exp(-((cloud(scale) / 0.20) ** 2)), np.float32)


def texture(scale: int, box: Box, kind: str = "cloud") -> Array:
    """The `cloud` or the `net` at the voxels of a box; it stands still in the body whatever the grid."""
    tile = cloud(scale) if kind == "cloud" else net(scale)
    at = [(axis.ravel() / _CELL).astype(np.int64) % _CELLS for axis in (box.z, box.y, box.x)]
    return tile[np.ix_(*at)]
