"""Airways and the vessels of the lung: trees that grow from the hilum towards points spread through the lung."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from docphim.phantom.body import LUNG, SOFT, Array, Body, table
from docphim.phantom.grid import Grid
from docphim.phantom.tubes import Tubes, along

#: Hila in standard mm (outward from the midline, y, z); the left one lies higher.
HILUM = {"right": (37.0, -5.0, 118.0), "left": (41.0, -10.0, 107.0)}
#: A vessel that feeds n end points has n^EXPONENT times their radius (Murray's law has 1/3).
EXPONENT = 0.36
#: The artery between the lobes: outward, y, z, radius.
TRUNK = {
    "right": ((30, 0, 106, 5), (40, 0, 114, 8), (46, 0, 128, 7.5), (50, 0, 145, 6.5), (54, 0, 164, 5), (57, 0, 180, 3)),
    "left": ((30, 0, 99, 6), (41, 0, 98, 9), (48, 0, 108, 8), (53, 0, 124, 6.5), (56, 0, 142, 5), (59, 0, 158, 3)),
}
#: End points of each of the four trees.
LEAVES = 128


def targets(body: Body, side: str, count: int, rng: np.random.Generator) -> Array:
    """End points spread evenly through one lung, (count, 3) as outward, y, z."""
    points = np.empty((0, 3))
    while len(points) < count:
        draw = rng.uniform((15, -88, 6), (140, 88, body.dome(side) + 38), (count * 4, 3)).astype(np.float32)
        out, y, z = draw.T
        wall, inner, deep = table("lateral", z) - 5, table("medial", z), table("depth", z) - 6
        u = np.clip((out - inner) / (wall - inner), 0, 1)
        inside = (out < wall) & (out > inner + 6) & (np.abs(y) < deep * np.sqrt(1 - np.clip(u * 1.5 - 0.5, 0, 1) ** 2))
        lift = np.abs((out - 66) / np.where(out > 66, wall - 66, 72)) ** 2.3 * np.where(out > 66, 48, 16)
        floor = body.dome(side) + lift + 52 * ((y - 14) / 100) ** 2 - 3
        core = (z > 115) & (out < body.border(side, z) + 4) & (y > -30)
        points = np.concatenate([points, draw[inside & (z < floor) & ~core]])
    return points[:count]


def tree(roots: Array, ends: Array) -> tuple[NDArray[Any], ...]:
    """Branches from each root (g, 3) to its 2^k end points (g, 2^k, 3): start, end, start and end tangent, leaves fed, root.

    The points are halved level by level along their widest direction, and every half's branch runs part of the way
    from its parent's end towards the half's centre.
    """
    groups, places = ends, roots
    heading = np.zeros_like(places)
    owner = np.arange(len(roots))
    levels = []
    while groups.shape[1] > 1:
        groups = _halve(groups)
        parent, came, owner = np.repeat(places, 2, axis=0), np.repeat(heading, 2, axis=0), np.repeat(owner, 2)
        goal = groups.mean(axis=1)
        places = goal if groups.shape[1] == 1 else parent + np.float32(0.42) * (goal - parent)
        step = places - parent
        heading = step + np.float32(0.25) * came
        fed = np.full(len(places), groups.shape[1], np.float32)
        levels.append((parent, places, np.float32(0.55) * came + np.float32(0.45) * step, heading, fed, owner))
    start, end, into, out, fed, owner = (np.concatenate(parts) for parts in zip(*levels, strict=True))
    return start, end, into, out, fed, owner


def _halve(groups: Array) -> Array:
    """Split every group (g, n, 3) into two halves along its widest axis: (2 g, n / 2, 3)."""
    axis = (groups.max(axis=1) - groups.min(axis=1)).argmax(axis=1)
    key = groups[np.arange(len(groups))[:, None], np.arange(groups.shape[1])[None], axis[:, None]]
    order = np.argsort(key, axis=1, kind="stable")
    ordered = groups[np.arange(len(groups))[:, None], order]
    return ordered.reshape(2 * groups.shape[0], -1, 3)


def branch_tubes(
    branches: tuple[NDArray[Any], ...], leaf: Array, sign: Array, shift: float, grid: Grid, density: float
) -> Tubes:
    """Lay Hermite curves along branches as tapering tubes; `leaf` is an end branch's radius, `sign` -1 on the right."""
    start, end, into, out, fed, owner = branches
    span = np.hypot(end[:, 0] - start[:, 0], end[:, 2] - start[:, 2]) * 1.05
    count = np.maximum((span / (1.15 * grid.px)).astype(np.int64), 2)
    index = np.repeat(np.arange(count.size), count)
    t = ((np.arange(index.size) - np.repeat(np.cumsum(count) - count, count)) / count[index]).astype(np.float32)
    side = sign[owner].astype(np.float32)
    turn = np.stack([side, np.ones_like(side), np.ones_like(side)], axis=1)
    a, b, c, d = ((v * turn).T[:, index] for v in (start, end - start, into, out))
    # Hermite basis, written for the end's distance from the start, and its derivative
    rest, way = 1 - t, t * t * (3 - 2 * t)
    x, z = (a[i] + way * b[i] + t * rest * (rest * c[i] - t * d[i]) for i in (0, 2))
    speed, early, late = 6 * t * rest, rest * (1 - 3 * t), t * (3 * t - 2)
    dx, dy, dz = (speed * b[i] + early * c[i] + late * d[i] for i in range(3))
    flat = np.maximum(np.sqrt(dx * dx + dz * dz), np.float32(1e-3))
    radius = (leaf[owner] * fed ** np.float32(EXPONENT)).astype(np.float32)[index] * (1 - np.float32(0.22) * t)
    x = x + np.float32(shift * 0.8) * np.clip(1 - (z - 60) / 260, 0.3, 1.2)
    # a vessel seen end on is no longer than a few of its widths before it turns
    run = np.minimum(np.minimum(np.sqrt(dx * dx + dy * dy + dz * dz), 1.3 * flat), 1.3 * span[index].astype(np.float32))
    return Tubes.of(x, z, -dz / flat, dx / flat, radius, density * run / count[index])


def trees(body: Body, rng: np.random.Generator) -> tuple[tuple[NDArray[Any], ...], Array, Array]:
    """Branches of the arteries and veins of both lungs, the radius of each root's end branches, and its side's sign.

    The roots are the right artery, the right vein, the left artery and the left vein; lengths are outward, y, z.
    """
    roots, ends = [], []
    for side in ("right", "left"):
        root = np.array(HILUM[side])
        points = targets(body, side, 2 * LEAVES, rng)
        roots += [root, root + np.array([-6, 6, 22])]
        ends += [points[:LEAVES], points[LEAVES:]]
    branches = tree(np.array(roots, np.float32), np.array(ends, np.float32))
    return branches, np.array([0.92, 0.84, 0.92, 0.84]), np.array([-1, -1, 1, 1])


def lung_vessels(body: Body, grid: Grid, rng: np.random.Generator) -> list[Tubes]:
    """Arteries, veins and the large arteries at both hila."""
    density = (SOFT - LUNG) * 1.35
    branches, leaf, sign = trees(body, rng)
    drawn = branch_tubes(branches, leaf, sign, body.shift, grid, density)
    return [drawn] + [_trunk(side, sign, body, grid, density * 0.6) for side, sign in (("right", -1), ("left", 1))]


def _trunk(side: str, sign: int, body: Body, grid: Grid, density: float) -> Tubes:
    """The artery that runs down from the hilum between the lobes."""
    line = np.array(TRUNK[side], float)
    points = line[:, :3] * [sign, 1, 1] + [body.shift * 0.7, 0, 0]
    return along(points, line[:, 3], density, grid)


def airway_lines(body: Body) -> dict[str, Array]:
    """Centre lines of the trachea, a little to the right at the arch, and of the main bronchi, the right one steeper."""
    push = body.shift * 0.6
    bend = -4 - 5 * body.unfold
    trachea = np.array([[0, 0, -90], [0, 0, -20], [bend * 0.4, 0, 30], [bend, 0, 62], [bend * 0.7, 0, 84.0]])
    trachea[:, 0] += push * np.clip((trachea[:, 2] + 60) / 140, 0, 1)
    carina = trachea[-1]
    right = carina + np.array([[-3, 0, 0], [-14, 0, 14], [-27, 0, 29], [-36, 0, 44.0]])
    left = carina + np.array([[3, 0, 0], [15, 0, 11], [31, 0, 20], [44, 0, 28.0]])
    return {"trachea": trachea, "right": right, "left": left}


def airway_radii(body: Body) -> dict[str, Array | float]:
    """Radius of each of the `airway_lines` along it, in mm."""
    trachea = 8.2 if body.sex == "F" else 9.2
    return {"trachea": trachea, "right": np.array([7.2, 7.0, 6.2, 5.0]), "left": np.array([6.6, 6.2, 5.4, 4.4])}


def airways(body: Body, grid: Grid) -> list[Tubes]:
    """Trachea and main bronchi as air."""
    air = -(SOFT - 0.0005)
    radii = airway_radii(body)
    return [
        along(line, radii[name], air * (0.9 if name == "trachea" else 0.8), grid) for name, line in airway_lines(body).items()
    ]
