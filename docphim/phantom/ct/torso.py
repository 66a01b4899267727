"""The soft body of a CT: skin, fat, muscle, the cage, the lungs' hulls, the mediastinum's fat, and the table below."""

from __future__ import annotations

import numpy as np

from docphim.phantom import anatomy
from docphim.phantom.anatomy import Solid, bulge, meet
from docphim.phantom.body import Array, Body
from docphim.phantom.ct.space import Slab, texture
from docphim.phantom.ct.tissue import FAT, LUNG, MUSCLE, SKIN, front_y, level, spine_y
from docphim.phantom.grid import Window

SIDES = ("right", "left")
#: Voxels wider than this show neither the skin nor the thin fat outside the ribs.
COARSE = 2.4


def trunk(body: Body, at: Window, deep: float | Array) -> Solid:
    """The trunk without its outermost `deep` mm: round in front, flatter behind, with a furrow along the spine."""
    wide = level("trunk_width", at.z) - np.float32(deep)
    u = np.abs(at.x / wide)
    depth = level("trunk_depth", at.z) - np.float32(deep)
    furrow = np.float32(4.5) * np.exp(-np.square(at.x / 11))
    return furrow - depth * bulge(u * u * np.sqrt(u)), depth * bulge(u ** np.float32(1.85))


def cage(at: Window, out: float | Array) -> Solid:
    """The lungs' hulls of both sides and what lies between, grown by `out` mm: where ribs and muscles between them lie."""
    wall = level("lateral", at.z) + np.float32(out)
    middle = level("medial", at.z) + np.float32(0.35) * (wall - level("medial", at.z))
    far = np.maximum(np.abs(at.x) - middle, 0) / np.maximum(wall - middle, 1)
    half = (level("depth", at.z) + np.float32(out)) * np.sqrt(np.maximum(1 - far * far, 0))
    return -half, half


def paint_wall(slab: Slab, body: Body) -> None:
    """Skin, fat, muscle and the cage, from outside in."""
    paint_table(slab, body)
    _breasts(slab, body)
    box = slab.box((-190, 190), (-124, 124))
    if box is None:
        return
    at = box.columns
    # fat is thicker over the flanks, and no layer of muscle lies as even as the next
    fat = np.float32(body.fat + 1.0) + np.float32(6) * np.square(at.x / 170) + np.float32(1.2) * np.sin(at.x / 17 + at.z / 29)
    uneven = np.float32(2.6) * np.sin(at.x / 15 + at.z / 27) + np.float32(1.5) * np.sin(at.x / 7 - at.z / 19)
    fine = slab.space.step[2] < COARSE
    if fine:
        slab.fill(box, slab.inside(box, trunk(body, at, 0.0)), SKIN)
    slab.fill(box, slab.inside(box, trunk(body, at, 1.8 if fine else 0.8)), FAT)
    muscle = trunk(body, at, fat)
    slab.fill(box, slab.inside(box, muscle), MUSCLE)
    inner = slab.box((-168, 168), (-124, 124)) or box
    narrow = slice(inner.at[2].start - box.at[2].start, inner.at[2].stop - box.at[2].start)
    within, uneven = (muscle[0][:, narrow], muscle[1][:, narrow]), uneven[:, narrow]
    # fat between the layers of muscle, then the muscles of the cage itself
    layers = ((19.0 + uneven, FAT + 15), (16.0 + 0.7 * uneven, MUSCLE), (9.8, FAT + 25), (8.6, MUSCLE - 4))
    for out, hu in layers if fine else layers[:2]:
        slab.fill(inner, slab.inside(inner, meet(cage(inner.columns, out), within)), hu)
    for sign in (-1, 1):
        slab.ball((sign * 128, -14, 34), (22, 34, 44), FAT, rough=0.03)  # the armpits
        slab.ball((sign * 60, 6, -22), (30, 26, 16), FAT, rough=0.04)  # above the collar bones
    _gaps(slab)


def _gaps(slab: Slab) -> None:
    """Fat around the deep muscles of the back."""
    box = slab.box((-54, 54), (-118, -20))
    if box is None:
        return
    from_middle = np.hypot((np.abs(box.x) - 27) / 24, (box.y + level("trunk_depth", box.z) - 20) / 14)
    for size, hu in ((1.0, FAT), (0.92, MUSCLE)):
        slab.fill(box, slab.soft_edge((size - from_middle) * np.float32(14), slab.space.step[1]), hu)


def _breasts(slab: Slab, body: Body) -> None:
    """Fat and glands in front of the chest; lying down they are broad and flat."""
    for sign in (-1, 1) if body.breast else ():
        x = (sign * 92 - 72, sign * 92 + 72)
        box = slab.box(x, (20, 190), (90, 262))
        if box is None:
            continue
        u, v = (np.abs(box.columns.x) - 92) / 70, box.columns.z - 178
        round_ = np.maximum(1 - u * u - np.where(v > 0, v / 52, v / 84) ** 2, 0)
        front = trunk(body, box.columns, 0.0)[1]
        thick = np.float32(body.breast * 1.15) * np.sqrt(round_)
        skin = np.where(thick > 0.5, front + thick, -1e3)
        slab.fill(box, slab.inside(box, (front - 20, skin)), SKIN)
        slab.fill(box, slab.inside(box, (front - 20, skin - 2)), FAT)
        glands = slab.inside(box, (front + 1, front + thick * np.float32(0.72) - 2))
        glands *= np.clip(texture(3, box) * 0.8 + 0.25, 0, 1)
        slab.fill(box, glands, 25.0)


def paint_table(slab: Slab, body: Body) -> None:
    """The scanner's couch: two thin shells with foam between, a shallow trough below the back."""
    box = slab.box((-200, 200), (-190, -60))
    if box is None:
        return
    back = np.float32(-float(level("trunk_depth", 300)) - 5)
    x = box.columns.x + 0 * box.columns.z
    top = back - 14 + 18 * (x / 200) ** 2
    for high, low, hu in ((0.0, 24.0, -640.0), (2.0, 22.0, -960.0)):
        slab.fill(box, slab.inside(box, (back - 14 - low + 4 * (x / 200) ** 2, top - high)), hu)


def paint_lungs(slab: Slab, body: Body) -> None:
    """Both lungs' hulls as aerated lung, a little denser where it lies below; `slab.lung` remembers where."""
    for side in SIDES:
        box = slab.box((-146, -2) if side == "right" else (2, 146), (-110, 112), (-4, 345))
        if box is None:
            continue
        cover = slab.inside(box, anatomy.hull(body, side, box.columns))
        slab.fill(box, cover, np.float32(LUNG) - np.float32(0.33) * box.y)
        slab.lung[box.at] = cover


def take_from_lungs(slab: Slab) -> None:
    """Called when all that displaces lung is painted: only what still holds air is lung."""
    box = slab.box((-146, 146), (-110, 112), (-4, 345))
    if box is not None:
        view = slab.lung[box.at]
        view *= np.clip((-150 - slab.hu[box.at]) * np.float32(1 / 450), 0, 1)


def paint_mediastinum(slab: Slab, body: Body) -> None:
    """Fat between the lungs: around heart and vessels, behind the sternum, in front of the spine."""
    box = slab.box((-40, 40), z=(-60, 345))
    if box is not None:
        at = box.columns
        wide = np.float32(2.5) + np.minimum(level("medial", at.z), 24)
        back, front = spine_y(at.z) + 10, front_y(body, at.z) - 5 - 22 * np.clip((16 - at.z) / 30, 0, 1)
        round_ = bulge(np.square((at.x - np.float32(body.shift * 0.3)) / wide))
        middle, half = (front + back) / 2, (front - back) / 2 * round_
        slab.fill(box, slab.inside(box, (middle - half, middle + half)), FAT + 5)


def paint_core(slab: Slab, body: Body) -> None:
    """The fat in which heart and great vessels lie; it takes its place from the lungs."""
    box = slab.box((-130, 130), (-90, 100), (-60, 262))
    if box is not None:
        slab.fill(box, slab.inside(box, core(body, box.columns, 0.0)), FAT + 8)


def core(body: Body, at: Window, deep: float | Array) -> Solid:
    """Heart and mediastinum without their outermost `deep` mm; the apex lies further forward than the right border."""
    right, left = body.border("right", at.z), body.border("left", at.z)
    shift = np.float32(body.shift) * np.clip((at.z + 25) / 70, 0, 1)  # the neck stays where it is
    middle, half = (left - right) / 2 + shift, (left + right) / 2
    tilt = np.float32(0.34) * np.clip((at.z - 118) / 45, 0, 1)
    depth = np.maximum(level("core_depth", at.z) * np.float32(0.9) - np.float32(deep), 1)
    y = level("core_y", at.z) + tilt * (at.x - middle) * np.float32(0.75)
    chord = depth * bulge((at.x - middle) / np.maximum(half - np.float32(deep), 1))
    return _above(y - chord, at.z, 255), y + chord


def _above(back: Array, z: Array, bottom: float) -> Array:
    return np.where(z < bottom, back, np.float32(1e6))
