"""The skeleton of a CT: vertebrae with their canal, ribs along the film's centre lines, sternum, girdle of the shoulders."""

from __future__ import annotations

import numpy as np

from docphim.phantom import bones
from docphim.phantom.anatomy import meet
from docphim.phantom.body import Array, Body
from docphim.phantom.bones import Break, vertebra_height
from docphim.phantom.ct.space import Hu, Slab, Space, sights
from docphim.phantom.ct.strands import Samples, Strands, along, strands
from docphim.phantom.ct.tissue import CARTILAGE, CORTEX, DISC, FAT, FLUID, MARROW, MUSCLE, front_y, level, spine_y
from docphim.phantom.ct.torso import cage, trunk
from docphim.phantom.grid import Window

#: Each rib's cross-section: half its height and half its thickness, in mm.
TALL, THICK = 6.0, 3.6
#: With the arms above the head the shoulder blades lie further inward than on a standing film, as on a supine one.
INWARD = 20.0


def paint_spine(slab: Slab, body: Body) -> None:
    """Bodies and discs, the canal with its cord, pedicles, laminae, transverse and spinous processes, slice by slice."""
    box = slab.box((-46, 46), (-118, 2))
    if box is None:
        return
    k = np.interp(box.z, [vertebra_height(i) for i in range(-3, 19)], np.arange(-3, 19)).astype(np.float32)
    phase = k - np.floor(k + 0.5)
    wide = np.float32(14.2) + 0.5 * np.clip(k, -1, 17) - 1.6 * np.cos(2 * np.pi * phase)
    y = box.y - spine_y(box.z)
    x = np.abs(box.x)
    bone, rim = np.float32(MARROW * body.bone), np.float32(CORTEX * 0.8 * body.bone)
    mm = slab.space.step[2]

    def put(depth: Array, hu: Hu) -> None:
        slab.fill(box, slab.soft_edge(depth, mm), hu)

    body_depth = wide - np.sqrt(x * x + (y * (wide / 13.5)) ** 2)
    between = np.clip((np.abs(phase) - 0.40) * 30 + 0.5, 0, 1)
    put(body_depth + 1.0, rim * (1 - between) + DISC * between)
    plate = np.exp(-(((np.abs(phase) - 0.39) / 0.035) ** 2))
    put(body_depth - 0.8, (bone + 260 * plate) * (1 - between) + DISC * between)
    back = y + 22.0  # the canal's middle
    ring = np.sqrt(x * x + back * back)
    lamina = np.clip((0.36 - np.abs(phase - 0.08)) * 16, 0, 1)
    pedicle = np.clip((0.20 - np.abs(phase + 0.12)) * 16, 0, 1)
    put(np.minimum(14.0 - ring, np.where(back < 2, lamina * 40, pedicle * 40) - 20.0 + 0 * ring), bone + 150)
    across = np.clip((0.17 - np.abs(phase + 0.05)) * 16, 0, 1)
    arm = 4.2 - np.abs(back - 1.0 + 0.28 * x)
    put(np.minimum(arm, np.minimum(x - 9, 36 - x)) - 30 * (1 - across), bone + 90)
    spinous = np.clip((0.40 - np.abs(phase - 0.22)) * 14, 0, 1)
    put(np.minimum(2.6 - x, np.minimum(-back - 9, back + 24)) - 30 * (1 - spinous), bone + 120)
    put(9.6 - ring, FAT + 60)
    put(8.8 - ring, FLUID + 8)
    put(5.2 - np.sqrt(x * x + (1.25 * back) ** 2), MUSCLE - 14)


def rib_line(k: int, body: Body) -> tuple[Array, Array, Array, Array]:
    """Angle, distance from the midline, depth and height of a rib's middle line, laid on the cage the CT has."""
    angle, out, _, z = bones.rib_path(k, 160)
    widest = int(out.argmax())
    middle = level("medial", z) + 0.35 * (out[widest] - level("medial", z))
    share = np.clip((out - middle) / np.maximum(out[widest] + 0.2 - middle, 1), 0, 1)
    half = (level("depth", z) + 5.5) * np.sqrt(1 - share * share)
    y = np.where(np.arange(len(z)) <= widest, -half, half)
    if k == 1:
        y = np.linspace(float(spine_y(z[0])) - 4, 40, len(z)) + 0 * z
    head = spine_y(z[0]) - 9.0
    near = np.exp(-(((angle - angle[0]) / 9) ** 2))
    return angle, out, (y * (1 - near) + head * near).astype(np.float32), z


def bone_strands(space: Space, body: Body, breaks: dict[tuple[str, int], Break]) -> list[Strands]:
    """Sheaths of muscle, cartilages to the sternum, then the ribs (whole or broken as on the film) and the girdle."""
    sheaths, ribs, gristle = [], [], []
    for k in range(1, 13):
        angle, out, y, z = rib_line(k, body)
        line = np.stack([out, y, z], axis=1)
        whole = along(space, line, THICK, TALL * 0.95)
        for side, piece in (("left", whole), ("right", whole.mirrored())):
            sheaths.append(piece.grown(3.2, 1.5))
            if (side, k) in breaks:
                turned = line * np.array([1 if side == "left" else -1, 1, 1], np.float32)
                ribs += _broken(space, turned, angle, breaks[side, k])
            else:
                ribs.append(piece)
        if k <= 7:
            piece = along(space, _cartilage(body, k, line[-1]), 4.2, 6.0)
            gristle += [piece, piece.mirrored()]
    return [
        strands(space, sheaths, MUSCLE - 6, whole=True),
        strands(space, gristle, CARTILAGE, whole=True),
        strands(space, [*ribs, *_girdle(space, body)], MARROW * 0.95, rim=CORTEX * body.bone, rim_at=0.67, whole=True),
    ]


def _cartilage(body: Body, k: int, end: Array) -> Array:
    """From the end of the left rib `k` to the border of the sternum."""
    bend = (0.45 * end[0] + 10, float(front_y(body, end[2])) - 4, end[2] + (6 if k > 3 else 0))
    return np.array([end, bend, (15, float(front_y(body, 40 + 18 * k)), min(22 + 20 * k, 168))], np.float32)


def _broken(space: Space, line: Array, angle: Array, broken: Break) -> list[Samples]:
    """A rib whose far part has moved down, with a gap at the break."""
    at, apart = broken
    cut = int(np.searchsorted(angle, at))
    far = line[cut + 1 :].copy()
    far[:, 2] += apart * np.exp(-np.arange(len(far)) / 40)
    far[:, 1] += 0.4 * apart * np.exp(-np.arange(len(far)) / 20)
    return [along(space, part, THICK, TALL * 0.95) for part in (line[:cut], far) if len(part) > 2]


def _girdle(space: Space, body: Body) -> list[Samples]:
    """Collar bones and the borders of the shoulder blades."""
    round_ = []
    for sign in (-1, 1):
        line = np.array(bones.GIRDLE["clavicle"][1], float)[:5]
        line[:, 1] = np.minimum(line[:, 1], 0.8 * level("trunk_depth", line[:, 2]) - body.fat)
        round_.append(along(space, line[:, :3] * [sign, 1, 1], line[:, 3]))
        border = np.array(bones.GIRDLE["lateral border"][1], float)
        border[:, 0] -= INWARD
        border[:, 1] = blade_y(body, _through(border))
        round_.append(along(space, border[:, :3] * [sign, 1, 1], np.minimum(border[:, 3], 6.5)))
        ridge = np.array(bones.GIRDLE["scapular spine"][1], float)
        ridge[:, 0] -= INWARD
        ridge[:, 1] = blade_y(body, _through(ridge)) - 9
        round_.append(along(space, ridge[:, :3] * [sign, 1, 1], ridge[:, 3]))
    return round_


def _through(line: Array) -> Window:
    """The lines of sight through the points of a line, (n, 3) or more columns."""
    return sights(line[None, :, 0].astype(np.float32), line[None, :, 2].astype(np.float32))


def blade_y(body: Body, at: Window) -> Array:
    """Depth of the shoulder blades on lines of sight: between the cage and the muscle's surface."""
    inner = cage(at, 17.0)[0]
    outer = trunk(body, at, body.fat + 2)[0]
    return np.asarray(np.maximum(np.minimum(0.55 * inner + 0.45 * outer, -20), outer + 9) - np.float32(2))


def paint_plates(slab: Slab, body: Body) -> None:
    """Shoulder blades as thin plates, the sternum, between skin and cage."""
    corners = [(118 - INWARD, 62.0), (171 - INWARD, 26.0), (135 - INWARD, 150.0)]
    for sign in (-1, 1):
        box = slab.box((-152, -88) if sign < 0 else (88, 152), (-110, 10), (20, 156))
        if box is None:
            continue
        at = box.columns
        inside = np.full(np.broadcast_shapes(at.x.shape, at.z.shape), 1e3, np.float32)
        for (x0, z0), (x1, z1) in zip(corners, corners[1:] + corners[:1], strict=True):
            run = np.hypot(x1 - x0, z1 - z0)
            inside = np.minimum(inside, ((x1 - x0) * (at.z - z0) - (z1 - z0) * (np.abs(at.x) - x0)) / run)
        middle = blade_y(body, at)
        half = np.float32(2.2) * np.clip(inside / 2, 0, 1)
        slab.fill(box, slab.inside(box, (middle - half, middle + half)), np.float32(CORTEX * 0.72 * body.bone))
    _sternum(slab, body)


def _sternum(slab: Slab, body: Body) -> None:
    box = slab.box((-30, 30), (20, 125), (18, 196))
    if box is None:
        return
    at = box.columns
    wide = np.interp(at.z, (18, 30, 62, 70, 150, 166, 196), (24, 26, 13, 15, 19, 9, 4)).astype(np.float32)
    y = front_y(body, at.z)
    for shrink, hu in ((0.0, CORTEX * 0.6 * body.bone), (1.7, MARROW * 0.75)):
        half = np.where(np.abs(at.x) < wide - shrink, np.float32(5.2 - shrink), -1)
        slab.fill(box, slab.inside(box, meet((y - half, y + half), (y - half, y + half))), np.float32(hu))
