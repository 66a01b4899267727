"""Lesions that are tubes and specks: calcium in vessels, scars, thick and wide bronchi, and what surgeons leave."""

from __future__ import annotations

import numpy as np

from docphim.phantom.body import Array, Body
from docphim.phantom.ct.heart import aorta_line, coronaries
from docphim.phantom.ct.lesion import Lesion
from docphim.phantom.ct.lungs import Tree, bronchi
from docphim.phantom.ct.space import Space
from docphim.phantom.ct.strands import Samples, Strands, along, strands
from docphim.phantom.ct.tissue import AIR, CALCIUM, METAL, MUSCLE, front_y, level

#: A thin wire or clip fills little of a voxel: its HU stand for metal that saturates.
_METAL = 3 * METAL


def hard(space: Space, lesion: Lesion, body: Body, tree: Tree) -> tuple[list[Strands], bool]:
    """The tubes of a lesion, and whether they stay inside aerated lung; none for a lesion that is no tube."""
    maker = MAKERS.get(lesion.name)
    return ([], False) if maker is None else (maker(space, lesion, body, tree), lesion.name in WITHIN)


def coronary_calcification(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """Plaques along the three coronary arteries, more and longer with the degree."""
    pieces = []
    for nth, line in enumerate(coronaries(body)[: 1 + lesion.degree if lesion.degree else 1]):
        whole = along(space, line, 1.0)
        for spot in range((1, 2, 4)[lesion.degree]):
            at = abs(lesion.draws[(nth * 4 + spot) % 24])
            length = (0.10, 0.16, 0.22)[lesion.degree]
            first = int((0.15 + 0.7 * at) * len(whole.centre))
            part = slice(first, max(first + int(length * len(whole.centre)), first + 2))
            pieces.append(_cut(whole, part).grown((0.5, 0.9, 1.3)[lesion.degree]))
    return [strands(space, pieces, CALCIUM + 150)]


def _cut(piece: Samples, part: slice) -> Samples:
    return Samples(piece.centre[part], piece.run[part], piece.wide[part], piece.tall[part])


def aortic_calcification(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """Plates in the wall of the arch, as the film's crescent, and down the descending aorta."""
    line, radius = aorta_line(body)
    pieces = []
    for nth in range((3, 5, 9)[lesion.degree]):
        start = 24 + int(3.2 * nth) if nth < 4 else 40 + int(2.6 * (nth - 4))
        turn = 2.4 * lesion.draws[nth]
        part = line[start : start + 4]
        r = radius[start : start + 4, None] - 0.8
        out = np.stack([np.cos(turn) + 0 * part[:, 0], np.sin(turn) + 0 * part[:, 0], 0 * part[:, 0] - (start < 36)], axis=1)
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        pieces.append(along(space, part + out * r, (1.2, 1.6, 2.1)[lesion.degree]))
    return [strands(space, pieces, CALCIUM)]


def fibrosis(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """Scars: uneven bands from the pleura of an apex towards the hilum."""
    sign = -1 if lesion.side == "right" else 1
    bands, d = [], lesion.draws
    for nth in range((4, 7, 11)[lesion.degree]):
        z = 22 + 13 * abs(d[nth]) * (1 + 0.4 * lesion.degree)
        angle = 1.5 * d[nth + 4] + (1.2 if nth % 2 else -0.6)
        wall, deep = float(level("lateral", z)), float(level("depth", z))
        start = np.array([sign * (22 + (wall - 24) * abs(np.cos(angle * 0.8))), deep * 0.86 * np.sin(angle), z])
        end = np.array([sign * 40, -6, z + 24 + 12 * d[nth + 8]])
        middle = start + 0.35 * (end - start) + 6 * np.array([d[nth + 2], d[nth + 3], 0.5 * d[nth + 5]])
        far = start + (0.5 + 0.3 * abs(d[nth + 6])) * (end - start)
        bands.append(along(space, [start, middle, far], [2.8, 1.6, 0.9], [5.0, 3.0, 1.5]))
    return [strands(space, bands, MUSCLE)]


def bronchiectasis(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """Bronchi of a lobe wider than the arteries beside them, with thick walls: signet rings."""
    x, y, z = lesion.centre
    near = ((tree.centre[:, 0] - x) ** 2 + (tree.centre[:, 1] - y) ** 2 + (tree.centre[:, 2] - z) ** 2) < (
        1.35 * lesion.radius
    ) ** 2
    walls, lumina = bronchi(tree, wall=2.2, wide=2.6 + 0.5 * lesion.degree, near=near, fed=1)
    return [strands(space, [walls], MUSCLE - 20), strands(space, [lumina], AIR + 30)]


def peribronchial_thickening(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """Thick walls of the bronchi of both lungs."""
    walls, lumina = bronchi(tree, wall=(2.4, 3.2, 4.2)[lesion.degree], wide=1.0, near=None)
    return [strands(space, [walls], MUSCLE - 20), strands(space, [lumina], AIR + 30)]


def sternal_wires(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """Loops of wire around the sternum, and clips along the artery taken from the chest wall."""
    loops, turn = [], np.linspace(0, 2 * np.pi, 24)
    for nth in range(6):
        z = 36 + 21 * nth + 3 * lesion.draws[nth]
        y = float(front_y(body, z))
        loops.append(along(space, np.stack([15 * np.cos(turn), y + 8.0 * np.sin(turn), z + 3 * np.cos(turn)], axis=1), 0.65))
    return [
        strands(space, [*loops, *_clips(space, [(20 + body.shift * 0.5, 52, 76 + 13 * k) for k in range(6)], lesion)], _METAL)
    ]


def lobectomy(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """Clips and a staple line at the hilum of the lung that lost a lobe."""
    sign = -1 if lesion.side == "right" else 1
    row = [(sign * (30 + 3.2 * k) + body.shift, -4 - 1.5 * k, 104 + 1.6 * k) for k in range(9)]
    return [strands(space, _clips(space, row, lesion), _METAL)]


def _clips(space: Space, middles: list[tuple[float, float, float]], lesion: Lesion) -> list[Samples]:
    return [
        along(space, [(x - 2, y + 2 * lesion.draws[n % 24], z - 1), (x + 2, y - 2 * lesion.draws[n % 24], z + 1)], 0.8)
        for n, (x, y, z) in enumerate(middles)
    ]


def drain_line(lesion: Lesion, body: Body) -> Array:
    """A chest drain: in from the side, up behind the lung."""
    sign = -1 if lesion.side == "right" else 1
    rise = 200 + 8 * lesion.draws[0]
    wall = [float(level("trunk_width", rise)) + 14, float(level("lateral", rise)) + 2, float(level("lateral", rise)) - 16]
    points = [
        (wall[0], -2, rise + 8),
        (wall[1], -14, rise),
        (wall[2], -34, rise - 6),
        (88, -70, 180),
        (66, -74, 140),
        (56, -66, 96),
    ]
    return np.array([(sign * x, y, z) for x, y, z in points], np.float32)


def chest_drain(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """A tube with a radio-opaque wall and a lumen."""
    line = drain_line(lesion, body)
    return [strands(space, [along(space, line, 4.2)], 420.0), strands(space, [along(space, line, 2.3)], -400.0)]


def central_line(space: Space, lesion: Lesion, body: Body, tree: Tree) -> list[Strands]:
    """A catheter from the right neck into the upper caval vein."""
    s = body.shift
    line = [(-26, 14, -70), (-30, 12, -30), (-28, 15, 12), (-20 + s, 13, 42), (-21 + s, 12, 90), (-22 + s, 8, 132)]
    return [strands(space, [along(space, line, 1.3)], 2200.0)]


MAKERS = {
    "coronary_calcification": coronary_calcification,
    "aortic_calcification": aortic_calcification,
    "fibrosis": fibrosis,
    "bronchiectasis": bronchiectasis,
    "peribronchial_thickening": peribronchial_thickening,
    "sternal_wires": sternal_wires,
    "lobectomy": lobectomy,
    "chest_drain": chest_drain,
    "central_line": central_line,
}
#: Those that stay inside aerated lung.
WITHIN = {"fibrosis", "bronchiectasis", "peribronchial_thickening"}
