"""Airways and the vessels of the lung: trees that grow from the hilum towards points spread through the lung."""

from __future__ import annotations

import numpy as np

from docphim.phantom.body import LUNG, SOFT, Array, Body, table
from docphim.phantom.grid import Grid
from docphim.phantom.tubes import Tubes, along

#: Hila in standard mm (outward from the midline, y, z); the left one lies higher.
HILUM = {"right": (37.0, -5.0, 118.0), "left": (41.0, -10.0, 107.0)}
#: A vessel that feeds n end points has n^EXPONENT times their radius (Murray's law has 1/3).
EXPONENT = 0.40


def targets(body: Body, side: str, count: int, rng: np.random.Generator) -> Array:
    """End points spread evenly through one lung, (count, 3) as outward, y, z."""
    points = np.empty((0, 3))
    while len(points) < count:
        draw = rng.uniform((15, -88, 6), (140, 88, body.dome(side) + 38), (count * 4, 3))
        out, y, z = draw.T
        wall, inner, deep = table("lateral", z) - 5, table("medial", z), table("depth", z) - 6
        u = np.clip((out - inner) / (wall - inner), 0, 1)
        inside = (out < wall) & (out > inner + 6) & (np.abs(y) < deep * np.sqrt(1 - np.clip(u * 1.5 - 0.5, 0, 1) ** 2))
        lift = np.abs((out - 66) / np.where(out > 66, wall - 66, 72)) ** 2.3 * np.where(out > 66, 48, 16)
        floor = body.dome(side) + lift + 52 * ((y - 14) / 100) ** 2 - 3
        core = (z > 115) & (out < body.border(side, z) + 4) & (y > -30)
        points = np.concatenate([points, draw[inside & (z < floor) & ~core]])
    return points[:count]


def tree(root: Array, ends: Array, leaf: float) -> tuple[Array, ...]:
    """Branches of a tree from `root` to the 2^k points `ends`: start, end, start tangent, end tangent, radii.

    The points are halved level by level along their widest direction, and every half's branch runs part of the way
    from its parent's end towards the half's centre.
    """
    groups, places = ends[None], root[None]
    heading = np.zeros_like(places)
    starts, stops, into, out, sizes = [], [], [], [], []
    while groups.shape[1] > 1:
        groups = _halve(groups)
        parent, came = np.repeat(places, 2, axis=0), np.repeat(heading, 2, axis=0)
        last = groups.shape[1] == 1
        goal = groups.mean(axis=1)
        places = goal if last else parent + 0.42 * (goal - parent)
        step = places - parent
        heading = step + 0.25 * came
        starts.append(parent), stops.append(places), into.append(0.55 * came + 0.45 * step), out.append(heading)
        sizes.append(np.full(len(places), groups.shape[1]))
    radius = leaf * np.concatenate(sizes).astype(np.float32) ** np.float32(EXPONENT)
    return np.concatenate(starts), np.concatenate(stops), np.concatenate(into), np.concatenate(out), radius


def _halve(groups: Array) -> Array:
    """Split every group (g, n, 3) into two halves along its widest axis: (2 g, n / 2, 3)."""
    axis = np.ptp(groups, axis=1).argmax(axis=1)
    key = np.take_along_axis(groups, axis[:, None, None], axis=2)[..., 0]
    order = np.argsort(key, axis=1, kind="stable")
    ordered = np.take_along_axis(groups, order[..., None], axis=1)
    return ordered.reshape(2 * groups.shape[0], -1, 3)


def branch_tubes(branches: tuple[Array, ...], sign: int, shift: float, grid: Grid, density: float) -> Tubes:
    """Lay Hermite curves along branches as tapering tubes."""
    start, stop, into, out, radius = branches
    span = np.hypot(stop[:, 0] - start[:, 0], stop[:, 2] - start[:, 2]) * 1.05
    count = np.maximum((span / (0.8 * grid.px)).astype(np.int64), 2)
    index = np.repeat(np.arange(count.size), count)
    t = (np.arange(index.size) - np.repeat(np.cumsum(count) - count, count)) / count[index]
    t = t[:, None]
    a, b, c, d = start[index], stop[index], into[index], out[index]
    point = (1 + 2 * t) * (1 - t) ** 2 * a + t * (1 - t) ** 2 * c + t * t * (3 - 2 * t) * b + t * t * (t - 1) * d
    slope = 6 * t * (1 - t) * (b - a) + (1 - t) * (1 - 3 * t) * c + t * (3 * t - 2) * d
    flat = np.maximum(np.hypot(slope[:, 0], slope[:, 2]), 1e-3)
    piece = np.sqrt((slope**2).sum(axis=1)) / count[index]
    taper = radius[index] * (1.0 - 0.22 * t[:, 0])
    near = np.clip(1 - (point[:, 2] - 60) / 260, 0.3, 1.2)
    x = sign * point[:, 0] + shift * near * 0.8
    cast = [v.astype(np.float32) for v in (x, point[:, 2], -slope[:, 2] / flat, sign * slope[:, 0] / flat, taper, piece)]
    return Tubes(*cast, density=np.full(x.size, density, np.float32))


def lung_vessels(body: Body, grid: Grid, rng: np.random.Generator, crowd: float = 1.0) -> list[Tubes]:
    """Arteries, veins and the large vessels at both hila."""
    tubes = []
    density = SOFT * 1.05 - LUNG
    for side, sign in (("right", -1), ("left", 1)):
        root = np.array(HILUM[side])
        arteries = tree(root, targets(body, side, 256, rng), 0.66)
        veins = tree(root + (-6, 6, 22), targets(body, side, 64, rng), 0.85)
        tubes += [branch_tubes(b, sign, body.shift, grid, density * crowd) for b in (arteries, veins)]
        tubes += [_trunk(side, sign, body, grid, density * 0.75)]
    return tubes


def _trunk(side: str, sign: int, body: Body, grid: Grid, density: float) -> Tubes:
    """The artery that runs down from the hilum between the lobes."""
    if side == "right":
        line, radius = np.array([[30, 0, 106], [40, 0, 114], [46, 0, 128], [50, 0, 145], [54, 0, 164], [57, 0, 180.0]]), [5, 8, 7.5, 6.5, 5, 3]
    else:
        line, radius = np.array([[30, 0, 99], [41, 0, 98], [48, 0, 108], [53, 0, 124], [56, 0, 142], [59, 0, 158.0]]), [6, 9, 8, 6.5, 5, 3]
    return along(line * [sign, 1, 1] + [body.shift * 0.7, 0, 0], np.array(radius, float), density, grid)


def airways(body: Body, grid: Grid) -> list[Tubes]:
    """Trachea, a little to the right at the arch, and the main bronchi, the right one steeper."""
    push = body.shift * 0.6
    bend = -4 - 5 * body.unfold
    trachea = np.array([[0, 0, -90], [0, 0, -20], [bend * 0.4, 0, 30], [bend, 0, 62], [bend * 0.7, 0, 84.0]])
    trachea[:, 0] += push * np.clip((trachea[:, 2] + 60) / 140, 0, 1)
    carina = trachea[-1]
    right = carina + np.array([[-3, 0, 0], [-14, 0, 14], [-27, 0, 29], [-36, 0, 44.0]])
    left = carina + np.array([[3, 0, 0], [15, 0, 11], [31, 0, 20], [44, 0, 28.0]])
    air = -(SOFT - 0.0005)
    return [
        along(trachea, 8.2 if body.sex == "F" else 9.2, air * 0.9, grid),
        along(right, np.array([7.2, 7.0, 6.2, 5.0]), air * 0.8, grid),
        along(left, np.array([6.6, 6.2, 5.4, 4.4]), air * 0.8, grid),
    ]
