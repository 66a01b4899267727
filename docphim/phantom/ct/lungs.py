"""Inside the lungs: vessels and bronchi that branch, fissures, and which lobe a place belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docphim.phantom import vessels
from docphim.phantom.body import Array, Body, rng_of
from docphim.phantom.ct.lesion import HORIZONTAL, oblique_y
from docphim.phantom.ct.space import Box, Slab, Space
from docphim.phantom.ct.strands import Samples, Strands, along, strands
from docphim.phantom.ct.tissue import spine_y
from docphim.phantom.patient import Patient

#: Bronchi follow arteries that feed this many end points or more.
FOLLOWED = 4
#: Twigs at each end of a tree.
TWIGS = 3


def paint_fissures(slab: Slab, sides: Sequence[str]) -> None:
    """Thin sheets of pleura between the lobes, as far as the lungs go; where a lobe was taken out there is none."""
    for side in sides:
        box = slab.box((-142.0, -8.0) if side == "right" else (8.0, 142.0), z=(40, 300))
        if box is not None:
            at = box.columns
            curve = 10 * np.square((np.abs(at.x) - 70) / 70)
            _sheet(slab, box, (oblique_y(side, at.z) - curve).astype(np.float32))
    box = slab.box((-142, -30), z=(HORIZONTAL - 8, HORIZONTAL + 8))
    if box is None or "right" not in sides:
        return
    bend = HORIZONTAL - 5 + 8 * np.square((box.x + 70) / 70) + 4 * np.square((box.y - 20) / 60)
    cover = 1 - np.abs(box.z - bend) / max(slab.space.step[0], 2.0)
    cover = np.clip(cover, 0, 1) * np.float32(0.35) * (box.y > oblique_y("right", box.z) + 2)
    slab.fill(box, cover * slab.lung[box.at], np.float32(-450))


def _sheet(slab: Slab, box: Box, middle: Array) -> None:
    dy = slab.space.step[1]
    cover = np.abs(box.y - middle[:, None])
    np.subtract(1, cover / np.float32(dy), out=cover)
    np.clip(cover, 0, 1, out=cover)
    cover *= np.float32(min(1.1 / dy, 1))
    cover *= slab.lung[box.at]
    slab.fill(box, cover, np.float32(-120))


@dataclass(frozen=True)
class Tree:
    """Curves of one lung's arteries or veins or both: pieces with the radius and how many ends they feed."""

    centre: Array
    run: Array
    radius: Array
    fed: Array
    artery: NDArray[np.bool_]
    piece: NDArray[np.int64]


def vessel_tree(space: Space, body: Body, patient: Patient) -> Tree:
    """The film's trees of vessels, in space: the same branches, each a curve from its start to its end."""
    (start, end, into, out, fed, owner), leaf, sign = vessels.trees(body, rng_of(patient, "vessels"))
    size = np.array(space.step[::-1], np.float32)
    count = np.maximum((np.linalg.norm((end - start) / size, axis=1) * 1.5).astype(np.int64), 2)
    index = np.repeat(np.arange(count.size), count)
    t = ((np.arange(index.size) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[index]).astype(np.float32)[:, None]
    turn = np.ones((len(owner), 3), np.float32)
    turn[:, 0] = sign[owner]
    a, b, c, d = ((v * turn)[index] for v in (start, end - start, into, out))
    rest, way = 1 - t, t * t * (3 - 2 * t)
    centre = a + way * b + t * rest * (rest * c - t * d)
    run = (6 * t * rest * b + rest * (1 - 3 * t) * c + t * (3 * t - 2) * d) / count[index][:, None]
    centre[:, 0] += np.float32(body.shift * 0.8) * np.clip(1 - (centre[:, 2] - 60) / 260, 0.3, 1.2)
    radius = (leaf[owner] * fed ** np.float32(vessels.EXPONENT))[index] * (1 - np.float32(0.22) * t[:, 0])
    return Tree(
        centre.astype(np.float32), run.astype(np.float32), radius.astype(np.float32), fed[index], owner[index] % 2 == 0, index
    )


def vessel_strands(space: Space, tree: Tree, hu: float) -> Strands:
    """Arteries and veins of both lungs, with twigs that fan out from every end."""
    wide = tree.radius * np.float32(1.15)
    return strands(space, [Samples(tree.centre, tree.run, wide, wide), _twigs(space, tree)], hu)


def _twigs(space: Space, tree: Tree) -> Samples:
    """Thin vessels beyond the film's trees: a film does not show them, a CT does."""
    last = np.flatnonzero((tree.fed == 1) & (np.roll(tree.piece, -1) != tree.piece))
    rng = np.random.default_rng(len(last))
    heading = tree.run[last] / np.maximum(np.linalg.norm(tree.run[last], axis=1, keepdims=True), 1e-6)
    parts = []
    for _ in range(TWIGS):
        way = heading + rng.normal(0, 0.75, heading.shape)
        way *= (rng.uniform(9, 17, (len(way), 1)) / np.linalg.norm(way, axis=1, keepdims=True)).astype(np.float32)
        steps = max(int(13 / space.step[2]), 1)
        for step in range(steps):
            bend = np.float32(2.2) * np.sin(np.float32(2.4) * (step + 0.5) / steps) * heading
            wide = np.full(len(way), 0.78 * (1 - 0.5 * step / steps), np.float32)
            parts.append(Samples(tree.centre[last] + way * ((step + 0.5) / steps) + bend, way / steps, wide, wide))
    return Samples.join([Samples(*(np.asarray(v, np.float32) for v in vars(p).values())) for p in parts])


def bronchi(
    tree: Tree, *, wall: float = 1.0, wide: float = 1.0, near: NDArray[np.bool_] | None = None, fed: int = FOLLOWED
) -> tuple[Samples, Samples]:
    """Walls and lumina of the bronchi that run beside the larger arteries; `near` chooses pieces, `wide` dilates them."""
    chosen = tree.artery & (tree.fed >= fed)
    if near is not None:
        chosen &= near
    centre, run, r = tree.centre[chosen], tree.run[chosen], tree.radius[chosen]
    lumen = np.maximum(r * np.float32(0.78), 0.8) * np.float32(wide)
    unit = run / np.maximum(np.linalg.norm(run, axis=1, keepdims=True), 1e-6)
    aside = np.cross(unit, np.array([0, 0.6, 0.8], np.float32))
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-6)
    place = centre + aside * (r + lumen + 0.6)[:, None]
    thick = np.float32(wall) * (0.35 + 0.22 * lumen / np.float32(wide))
    return Samples(place, run, lumen + thick, lumen + thick), Samples(place, run, lumen, lumen)


def airway_strands(space: Space, body: Body) -> tuple[list[Samples], list[Samples]]:
    """Walls and lumina of the trachea and the large bronchi down to the lobes."""
    walls, lumina = [], []
    lines, radii = vessels.airway_lines(body), vessels.airway_radii(body)
    for name, line in lines.items():
        points = np.array(line, np.float32)
        points[:, 1] = spine_y(points[:, 2]) + (30 if name == "trachea" else 32)
        if name != "trachea":
            points[:, 1] += np.linspace(0, 16, len(points)) - 4
        grown = np.broadcast_to(np.asarray(radii[name], float), (len(points),))
        walls.append(along(space, points, grown + 1.3))
        lumina.append(along(space, points, grown))
        if name != "trachea":
            for branch, r in _lobar(points[-1], name):
                walls.append(along(space, branch, r + 1.1))
                lumina.append(along(space, branch, r))
    return walls, lumina


def _lobar(end: Array, side: str) -> list[tuple[Array, float]]:
    """Bronchi to upper, middle and lower lobe from the end of a main bronchus."""
    sign = -1 if side == "right" else 1
    ways = [((10, 6, -16), 3.6), ((10, -12, 22), 4.0), ((12, 16, 20), 2.9)]
    out = []
    for (x, y, z), radius in ways:
        goal = end + np.array([sign * x, y, z])
        out.append((np.stack([end, (end + goal) / 2, goal, goal + (goal - end) * 0.6]), radius))
    return out
