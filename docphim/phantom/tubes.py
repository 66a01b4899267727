"""Thin and bony things as tubes: samples along a centre line, each spread across it onto the film."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from docphim.phantom.body import Array
from docphim.phantom.grid import Grid

#: Steps of the most even additive sequences of the plane (M. Roberts, 2018) and of the line: they spread samples evenly.
PLANE, GOLDEN = (0.7548776662, 0.5698402910), 0.6180339887
#: Deposits across a tube come in these numbers, so that one array operation serves all tubes of a width.
CLASSES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64)
#: From this many deposits across, a deposit is shared by four pixels.
WIDE = 12
#: A long bone: marrow fills this share of the radius and lets this share of the rays' attenuation stay.
MARROW, TRABECULAE = 0.81, 0.24


@dataclass(frozen=True)
class Tubes:
    """Samples along centre lines, one row of eight numbers each.

    Rows: x, z (standard mm), across x, across z (unit vector across the line in the film's plane), radius (mm), mass
    (attenuation per mm times length in mm times how many times deeper than wide), spread x (mm, of the other axis), zero.
    """

    rows: Array

    @staticmethod
    def of(*columns: ArrayLike) -> Tubes:
        """Stack the columns of the table, broadcasting scalars."""
        size = max(np.size(c) for c in columns)
        rows = np.zeros((7, size), np.float32)
        for row, column in zip(rows, columns, strict=False):
            row[:] = np.ravel(column)
        return Tubes(rows)


def lay_tubes(grid: Grid, tubes: list[Tubes], *, hollow: bool = False, step: float = 1.0) -> Array:
    """Attenuation integral of tubes on the raster; mass is kept however thin a tube is.

    Every sample is spread across its tube with the chord of a round (or hollow) section, a deposit every `step` pixels.
    """
    h, w = grid.shape
    rows = np.concatenate([t.rows for t in tubes], axis=1) if tubes else np.zeros((7, 0), np.float32)
    x, z, radius = rows[0], rows[1], rows[4]
    reach = radius + rows[6]
    near = (x > grid.x[0, 0] - reach) & (x < grid.x[0, -1] + reach) & (z > grid.z[0, 0] - reach) & (z < grid.z[-1, 0] + reach)
    rows = rows[:, near]
    wanted = np.searchsorted(CLASSES, rows[4] * np.float32(2 / (step * grid.px)))
    places, masses = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    for i in np.unique(np.minimum(wanted, len(CLASSES) - 1)):
        place, mass = _deposits(grid, rows[:, np.minimum(wanted, len(CLASSES) - 1) == i], CLASSES[i], hollow)
        places.append(place)
        masses.append(mass)
    image = np.bincount(np.concatenate(places), np.concatenate(masses), minlength=h * w + 1)
    return image[: h * w].astype(np.float32).reshape(h, w)


def _deposits(grid: Grid, rows: Array, count: int, hollow: bool) -> tuple[NDArray[np.int32], Array]:
    """Places (flat index; one past the end is off the film) and masses of samples spread over `count` deposits each."""
    h, w = grid.shape
    u = ((np.arange(count, dtype=np.float32) + np.float32(0.5)) / count * 2 - 1)[:, None]
    chord = np.sqrt(1 - u * u)
    if hollow:
        chord = chord - np.float32(1 - TRABECULAE) * np.sqrt(np.maximum(MARROW**2 - u * u, 0))
    x, z, across_x, across_z, radius, mass, spread = rows
    weight = chord * (mass * radius * radius * np.float32(4 / (count * grid.px * grid.pz)))
    column = u * (across_x * radius / grid.px) + ((x - grid.x[0, 0]) / grid.px)
    row = u * (across_z * radius / grid.pz) + ((z - grid.z[0, 0]) / grid.pz)
    if hollow or count >= WIDE:
        aside = np.arange(count, dtype=np.float32)[:, None] * np.float32(GOLDEN) % 1 * 2 - 1
        return _shared(row, column + aside * (spread / grid.px), weight, h, w)
    jitter = _jitter(count * x.size).reshape(2, count, x.size)
    column += jitter[0]
    row += jitter[1]
    place = np.where((column >= 0) & (column < w) & (row >= 0) & (row < h), _flat(row, column, w), np.int32(h * w))
    return place.ravel(), weight.ravel()


def _flat(row: Array, column: Array, width: int) -> NDArray[np.int32]:
    return row.astype(np.int32) * np.int32(width) + column.astype(np.int32)


def _shared(row: Array, column: Array, weight: Array, h: int, w: int) -> tuple[NDArray[np.int32], Array]:
    """Deposits shared by the four nearest pixels, so that wide bones come out smooth."""
    weight = weight * ((column >= 0) & (column < w - 1) & (row >= 0) & (row < h - 1))
    place = _flat(np.clip(row, 0, h - 2), np.clip(column, 0, w - 2), w).ravel()
    right, down = (column - np.floor(column)).ravel(), (row - np.floor(row)).ravel()
    below = weight.ravel() * down
    above = weight.ravel() - below
    below_right, above_right = below * right, above * right
    masses = (above - above_right, above_right, below - below_right, below_right)
    return np.concatenate([place, place + 1, place + w, place + w + 1]), np.concatenate(masses)


def _jitter(count: int) -> Array:
    """The first `count` points of the additive sequence, (2, count) in [0, 1)."""
    size = 1 << 16
    while size < count:
        size *= 2
    return _sequence(size)[:, :count]


@functools.cache
def _sequence(size: int) -> Array:
    return np.stack([np.arange(size) * step % 1.0 for step in PLANE]).astype(np.float32)


def along(points: Array, radius: ArrayLike, density: float, grid: Grid, *, flat: float = 1.0) -> Tubes:
    """A tube along a polyline (n, 3) in standard mm, resampled to 0.8 pixels; `flat`: how many times deeper than wide."""
    gaps = np.hypot(np.diff(points[:, 0]), np.diff(points[:, 2]))
    run = np.concatenate([[0], np.cumsum(gaps)])
    at = np.linspace(0, run[-1], max(int(run[-1] / (0.8 * grid.px)), 3))
    x, y, z = (np.interp(at, run, points[:, i]) for i in range(3))
    wide = np.interp(at, run, np.broadcast_to(np.asarray(radius, float), run.shape))
    return swept(x, y, z, wide, density * flat)


def swept(x: Array, y: Array, z: Array, radius: ArrayLike, density: ArrayLike, spread: ArrayLike = 0.0) -> Tubes:
    """A tube through consecutive samples of its last axis."""
    dx, dy, dz = (np.gradient(v, axis=-1) for v in (x, y, z))
    flat = np.maximum(np.hypot(dx, dz), 1e-6)
    mass = np.asarray(density) * np.sqrt(dx * dx + dy * dy + dz * dz)
    return Tubes.of(x, z, -dz / flat, dx / flat, radius, mass, spread)
