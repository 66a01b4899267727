"""Thin and bony things as tubes: a centre line in space, a radius and a density, laid onto the film sample by sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from docphim.phantom.body import Array
from docphim.phantom.grid import Grid

#: Steps of the plane's most even additive sequence (M. Roberts, 2018), and of the line's: they spread samples without a pattern.
PLANE, GOLDEN = (0.7548777, 0.5698403), 0.6180340


@dataclass(frozen=True)
class Tubes:
    """Samples along centre lines: place (standard mm), direction across the line in the film plane, radius, length of the
    piece, attenuation per mm, share of the radius that is marrow or lumen (0: solid), thickness across the other axis."""

    x: Array
    z: Array
    across_x: Array
    across_z: Array
    radius: Array
    piece: Array
    density: Array
    hollow: float = 0.0
    marrow: float = 0.0
    spread_x: Array | None = None
    flat: float = 1.0


def lay_tubes(grid: Grid, tubes: list[Tubes], step: float = 0.8) -> Array:
    """Attenuation integral of tubes on the raster; mass is kept however thin a tube is.

    Every sample is spread across its tube with the chord of a round (or hollow) section, one deposit per `step` pixels.
    """
    places, masses = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for tube in tubes:
        place, mass = _deposits(grid, tube, step)
        places.append(place)
        masses.append(mass)
    h, w = grid.shape
    image = np.bincount(np.concatenate(places), np.concatenate(masses), minlength=h * w + 1)[: h * w]
    return image.reshape(h, w).astype(np.float32)


def _deposits(grid: Grid, tube: Tubes, step: float) -> tuple[np.ndarray, Array]:
    count = np.maximum(np.ceil(2 * tube.radius / (step * grid.px)), 1).astype(np.int64)
    index = np.repeat(np.arange(count.size), count)
    nth = np.arange(index.size) - np.repeat(np.cumsum(count) - count, count)
    u = ((nth + 0.5) / count[index] * 2 - 1).astype(np.float32)
    chord = np.sqrt(1 - u * u)
    if tube.hollow:
        inner = np.sqrt(np.maximum(tube.hollow**2 - u * u, 0))
        chord = chord - np.float32(1 - tube.marrow) * inner
    radius = tube.radius
    weight = tube.density * tube.piece * radius * radius * np.float32(4 * tube.flat / (grid.px * grid.pz)) / count
    offset = u * radius[index]
    x = tube.x[index] + offset * tube.across_x[index]
    if tube.spread_x is not None:
        x += tube.spread_x[index] * (2 * _even(index.size, GOLDEN) - 1)
    z = tube.z[index] + offset * tube.across_z[index]
    column = np.floor((x - grid.x[0, 0]) / grid.px + _even(index.size, PLANE[0])).astype(np.int64)
    row = np.floor((z - grid.z[0, 0]) / grid.pz + _even(index.size, PLANE[1])).astype(np.int64)
    h, w = grid.shape
    inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    return np.where(inside, row * w + column, h * w), weight[index] * chord


def _even(count: int, step: float) -> Array:
    """An additive sequence in [0, 1)."""
    return (np.arange(count) * step % 1.0).astype(np.float32)


def along(points: Array, radius: Array | float, density: float, grid: Grid, **more: float) -> Tubes:
    """Tubes along one polyline of points (n, 3) in standard mm, resampled to 0.7 pixels."""
    gaps = np.hypot(np.diff(points[:, 0]), np.diff(points[:, 2]))
    run = np.concatenate([[0], np.cumsum(gaps)])
    at = np.linspace(0, run[-1], max(int(run[-1] / (0.7 * grid.px)), 2))
    x, y, z = (np.interp(at, run, points[:, i]).astype(np.float32) for i in range(3))
    wide = np.interp(at, run, radius).astype(np.float32) if isinstance(radius, np.ndarray) else np.full(at.size, radius, np.float32)
    dx, dy, dz = np.gradient(x), np.gradient(y), np.gradient(z)
    flat = np.maximum(np.hypot(dx, dz), 1e-6)
    piece = np.sqrt(dx * dx + dy * dy + dz * dz)
    return Tubes(x, z, -dz / flat, dx / flat, wide, piece, np.full(at.size, density, np.float32), **more)
