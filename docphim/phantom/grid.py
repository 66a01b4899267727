"""Where the film's pixels lie in the standard body, cheap resampling, and textures made once for all patients."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Grid:
    """A raster over the film: `x` (1, w) and `z` (h, 1) are pixel centres in standard millimetres, `px`, `pz` their steps."""

    x: Array
    z: Array
    px: float
    pz: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.z.shape[0], self.x.shape[1]

    def rows(self, top: float, bottom: float) -> slice:
        """Rows between two heights, clipped to the raster."""
        return _cut(top, bottom, float(self.z[0, 0]), self.pz, self.z.shape[0])

    def columns(self, right: float, left: float) -> slice:
        """Columns between two x, clipped to the raster."""
        return _cut(right, left, float(self.x[0, 0]), self.px, self.x.shape[1])

    def window(self, right: float, left: float, top: float, bottom: float) -> Window:
        """The part of the raster inside a rectangle."""
        rows, columns = self.rows(top, bottom), self.columns(right, left)
        return Window(rows, columns, self.x[:, columns], self.z[rows])

    def beside(self, side: str, near: float, far: float, top: float, bottom: float) -> Window:
        """The rectangle from `near` to `far` of the midline on one side."""
        return self.window(-far, -near, top, bottom) if side == "right" else self.window(near, far, top, bottom)


@dataclass(frozen=True)
class Window:
    """A rectangle of a raster: its slices and its pixel centres."""

    rows: slice
    columns: slice
    x: Array
    z: Array

    @property
    def at(self) -> tuple[slice, slice]:
        """The index of the rectangle in the raster."""
        return self.rows, self.columns


def _cut(low: float, high: float, first: float, step: float, count: int) -> slice:
    start = min(max(int(np.floor((low - first) / step)), 0), count)
    return slice(start, max(start, min(int(np.ceil((high - first) / step)) + 1, count)))


def make_grid(shape: tuple[int, int], mm: float, corner: tuple[float, float], scale: tuple[float, float, float]) -> Grid:
    """Lay a raster of `shape` with pixels of `mm` on the film; `corner` is its upper edge (z) and its first column's (x)."""
    z = (corner[0] + (np.arange(shape[0]) + 0.5) * mm) / scale[2]
    x = (corner[1] + (np.arange(shape[1]) + 0.5) * mm) / scale[0]
    return Grid(x[None].astype(np.float32), z[:, None].astype(np.float32), float(mm / scale[0]), float(mm / scale[2]))


def double(a: Array) -> Array:
    """Twice the rows and columns, linear between pixel centres."""
    rows = np.empty((2 * a.shape[0], a.shape[1]), np.float32)
    _between(a, rows[::2], rows[1::2])
    out = np.empty((rows.shape[0], 2 * a.shape[1]), np.float32)
    _between(rows.T, out.T[::2], out.T[1::2])
    return out


def _between(a: Array, even: Array, odd: Array) -> None:
    quarter, rest = a * np.float32(0.25), a * np.float32(0.75)
    np.add(rest[1:], quarter[:-1], out=even[1:])
    np.add(rest[:-1], quarter[1:], out=odd[:-1])
    even[0], odd[-1] = a[0], a[-1]


def shrink(a: Array, factor: int) -> Array:
    """Block means; edges that do not fill a block are padded with their last value."""
    h, w = a.shape
    padded = np.pad(a, ((0, -h % factor), (0, -w % factor)), mode="edge") if h % factor or w % factor else a
    return padded.reshape(padded.shape[0] // factor, factor, -1, factor).mean(axis=(1, 3), dtype=np.float32)


def soften(a: Array) -> Array:
    """Binomial blur (1 2 1) along both axes: the detector's smallest detail."""
    rows = a[:-2] + a[2:]
    rows *= np.float32(0.25)
    out = a * np.float32(0.5)
    out[1:-1] += rows
    out[0], out[-1] = a[0], a[-1]
    columns = out[:, :-2] + out[:, 2:]
    columns *= np.float32(0.25)
    out[:, 1:-1] *= np.float32(0.5)
    out[:, 1:-1] += columns
    return out


TILE = 1536


@functools.cache
def grain() -> Array:
    """Unit-variance noise of the detector, slightly correlated between neighbours."""
    white = np.random.default_rng(7).standard_normal((TILE, TILE), np.float32)
    tile = ndimage.gaussian_filter(white, 0.55, mode="wrap")
    return tile / tile.std()


@functools.cache
def cloud(scale: float) -> Array:
    """Smooth periodic noise of unit variance whose detail is about `scale` pixels, 1024 x 1024."""
    white = np.random.default_rng(int(scale * 10)).standard_normal((1024, 1024), np.float32)
    tile = ndimage.gaussian_filter(white, scale, mode="wrap")
    return (tile / tile.std()).astype(np.float32)


@functools.cache
def mesh(scale: float) -> Array:
    """A net of fine lines with meshes of about `scale` pixels: where smooth noise changes sign; 0 to 1."""
    band = cloud(scale) - 0.5 * cloud(scale * 2)
    band = band / band.std()
    return np.exp(-((band / 0.22) ** 2)).astype(np.float32) * np.clip(0.6 + 0.5 * cloud(scale * 3), 0, 1.3)


def lay(tile: Array, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """A piece of a tile, from a random place, of the given shape; a periodic tile is repeated where it is too small."""
    h, w = shape
    if h > tile.shape[0] or w > tile.shape[1]:
        tile = np.tile(tile, (-(-h // tile.shape[0]), -(-w // tile.shape[1])))
    top, left = rng.integers(0, tile.shape[0] - h + 1), rng.integers(0, tile.shape[1] - w + 1)
    return tile[top : top + h, left : left + w]
