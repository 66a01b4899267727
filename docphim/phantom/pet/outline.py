"""The outline of a whole body: the chest's trunk going on into belly, pelvis and legs, with the cavity of the belly inside.

Above the neck and beside the trunk the body is the shapes of `anatomy.yaml`.  Lying down, the arms are up or down.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
from scipy.interpolate import PchipInterpolator

from docphim.phantom import anatomy
from docphim.phantom.anatomy import Solid, bulge, meet
from docphim.phantom.body import Array, Body
from docphim.phantom.ct.space import Slab
from docphim.phantom.ct.tissue import level
from docphim.phantom.ct.torso import cage
from docphim.phantom.grid import Window
from docphim.phantom.pet.shapes import Kind, piece
from docphim.phantom.pet.space import CROTCH

#: Where the chest's own painters end, standard mm: above it is neck, below it belly.
NECK, WAIST = -88.0, 380.0
#: Half width and half depth of the trunk below the waist, how far it lies forward; the same of the cavity: (heights, values),
#: standard mm.
_TABLES = {
    "width": ((380, 400, 440, 490, 530, 570, 610), (167, 168, 174, 184, 190, 190, 184)),
    "depth": ((380, 420, 470, 530, 580, 610), (114, 111, 111, 112, 104, 94)),
    "back": ((380, 405, 440, 490, 530, 570, 610), (0, 4, 2, -9, -14, -9, -3)),
    "cavity_width": ((330, 370, 410, 450, 490, 530, 565), (138, 135, 122, 104, 84, 66, 44)),
    "cavity_depth": ((330, 380, 430, 490, 540, 565), (92, 87, 78, 64, 50, 32)),
    "cavity_y": ((330, 400, 480, 565), (0, 6, 10, 12)),
}
#: Heights at which the tables are held ready, standard mm.
_HEIGHTS = np.arange(320, 620, 0.5)
#: The thighs: x, y, z and radius, standard mm.
_THIGH = ((98, -8, 560, 86), (98, -4, 640, 86), (92, 10, 840, 70))
#: Here the lungs' hulls end, and with them the diaphragm beneath.
_RECESS = 346.0
#: The lower border of the liver: at the flank, at the midline.
_LIVER = (352.0, 296.0)


@functools.cache
def _dense(name: str) -> Array:
    heights, values = _TABLES[name]
    return np.asarray(PchipInterpolator(heights, values)(np.clip(_HEIGHTS, heights[0], heights[-1])), np.float64)


def below(name: str, z: Array) -> Array:
    """Value of a table of this file at heights `z`."""
    return np.interp(z.ravel(), _HEIGHTS, _dense(name)).reshape(z.shape).astype(np.float32)


def trunk(at: Window, deep: float | Array) -> Solid:
    """The trunk below the waist without its outermost `deep` mm."""
    wide = below("width", at.z) - np.float32(deep)
    u = np.abs(at.x / wide)
    depth = below("depth", at.z) - np.float32(deep)
    furrow = np.float32(4.5) * np.exp(-np.square(at.x / 11))
    middle = below("back", at.z)
    return middle + furrow - depth * bulge(u * u * np.sqrt(u)), middle + depth * bulge(u ** np.float32(1.9))


def part(slab: Slab, top: float, bottom: float) -> Slab | None:
    """The slices of a slab between two heights, standard mm; a view of it.  None where it has none."""
    heights = slab.space.z[slab.rows]
    first, last = (int(v) for v in np.searchsorted(heights, (top, bottom)))
    if last <= first:
        return None
    rows = slice(slab.rows.start + first, slab.rows.start + last)
    return Slab(slab.space, rows, slab.hu[first:last], slab.lung[first:last])


def paint_trunk(slab: Slab, body: Body, values: dict[str, float]) -> None:
    """Skin, fat and muscle of the trunk below the waist, and the fat inside its cavity."""
    lower = part(slab, WAIST, CROTCH)
    box = None if lower is None else lower.box((-200, 200), (-130, 130))
    if lower is None or box is None:
        return
    at = box.columns
    fat = np.float32(body.fat + 3.0) + np.float32(10) * np.square(at.x / 170) + np.float32(1.5) * np.sin(at.x / 17 + at.z / 29)
    for deep, tissue in ((0.0, "skin"), (1.8, "fat"), (fat, "muscle")):
        lower.fill(box, lower.inside(box, trunk(at, deep)), values[tissue])


def paint_legs(slab: Slab, body: Body, values: dict[str, float]) -> None:
    """The thighs' skin, fat and muscle; the fat between the muscles."""
    for sign in (-1, 1):
        points = np.array(_THIGH, np.float32) * np.array([sign, 1, 1, 1], np.float32)
        for deep, tissue in ((0.0, "skin"), (1.8, "fat"), (body.fat * 0.8 + 2, "muscle")):
            for start, end in itertools.pairwise(points):
                off = np.array([0, 0, 0, deep], np.float32)
                shaped = piece(slab, start - off, end - off, 1.08, 0.0)
                if shaped is not None:
                    slab.fill(*shaped, values[tissue])


def paint_cavity(slab: Slab, body: Body, values: dict[str, float]) -> None:
    """The fat within the belly, from beneath the domes to the floor of the pelvis."""
    upper = part(slab, min(body.dome_right, body.dome_left) + 14, WAIST)
    box = None if upper is None else upper.box((-150, 150))
    if upper is not None and box is not None:
        at = box.columns
        wide, deep = below("cavity_width", at.z) - 132, below("cavity_depth", at.z) - 86
        room = meet(
            cage(at, np.minimum(wide, deep)),
            (-level("trunk_depth", at.z) + body.fat + 26, level("trunk_depth", at.z) - body.fat - 12),
        )
        upper.fill(box, upper.inside(box, room), values["mediastinum"])
    lower = part(slab, WAIST, 566)
    box = None if lower is None else lower.box((-150, 150))
    if lower is not None and box is not None:
        at = box.columns
        half = below("cavity_depth", at.z) * bulge(np.abs(at.x / below("cavity_width", at.z)) ** np.float32(1.3))
        middle = below("cavity_y", at.z)
        lower.fill(box, lower.inside(box, (middle - half, middle + half)), values["mediastinum"])


def paint_domes(slab: Slab, body: Body, values: dict[str, float]) -> None:
    """The diaphragm with what it lifts into the lungs: liver on the right, fat on the left."""
    for side, span in (("right", (-146.0, -2.0)), ("left", (2.0, 146.0))):
        box = slab.box(span, (-112, 122), (body.dome(side) - 2, WAIST))
        if box is None:
            continue
        hull, dome = anatomy.hull(body, side, box.columns), anatomy.dome(body, side, box.columns)
        above = (box.z < _RECESS).astype(np.float32)
        slab.fill(box, slab.inside(box, meet(hull, dome)) * above, values["muscle"])
        inside = slab.inside(box, meet(hull, (dome[0] + 2.5, dome[1] - 2.5)))
        slab.fill(box, inside * above, values["mediastinum"])
        if side == "right":
            _liver(slab, body, box.columns, values["liver"], inside)
    bottom = body.dome_right
    slab.ball((-6, 36, bottom + 50), (74, 52, 38), values["liver"], rough=0.02)
    for sign in (-1, 1):
        slab.ball((sign * 13, float(-level("trunk_depth", 290)) + 62, bottom + 90), (6, 12, 62), values["muscle"])


def _liver(slab: Slab, body: Body, at: Window, value: float, inside: Array) -> None:
    """The right lobe: all that lies beneath the right dome, down to an edge that falls towards the flank."""
    box = slab.box((-146.0, -2.0), (-112, 122), (body.dome_right - 2, WAIST))
    assert box is not None  # as in the caller
    flank, middle = _LIVER
    edge = middle + (flank - middle) * np.clip(-box.x / 120, 0, 1) + (body.dome_right - 224) * np.float32(0.6)
    edge = edge - 0.10 * np.abs(box.y - 10)
    slab.fill(box, inside * slab.soft_edge(edge - box.z, slab.space.step[0]), value)


def paint_shell(slab: Slab, body: Body, values: dict[str, float], kind: Kind) -> None:
    """Everything of the outline below the waist, for either scan."""
    paint_legs(slab, body, values)
    paint_trunk(slab, body, values)
