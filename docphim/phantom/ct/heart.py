"""Heart with its chambers, the great vessels, the gullet: the middle of the chest."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.interpolate import PchipInterpolator

from docphim.phantom import anatomy, vessels
from docphim.phantom.body import Array, Body
from docphim.phantom.ct.space import Slab, Space
from docphim.phantom.ct.strands import Strands, along, strands
from docphim.phantom.ct.tissue import FAT, MUSCLE, spine_y
from docphim.phantom.ct.torso import core

Line = list[tuple[float, float, float]]
#: Heart: chambers as (tissue, middle as a share of the heart's width from the midline to its border, y, z, radii).
CHAMBERS: tuple[tuple[str, float, float, float, tuple[float, float, float]], ...] = (
    ("artery", 0.44, 12, 186, (0.27, 24, 36)),  # left ventricle
    ("right_heart", 0.08, 42, 186, (0.28, 20, 32)),  # right ventricle
    ("right_heart", -0.62, 8, 172, (0.34, 22, 30)),  # right atrium
    ("artery", 0.02, -20, 150, (0.40, 15, 20)),  # left atrium
)

#: Below this height the aorta's arch has ended.
ARCH = 130.0


def paint_heart(slab: Slab, body: Body, hu: dict[str, float]) -> None:
    """Pericardium, its fat, muscle and cavities; without contrast the cavities hardly differ from the muscle."""
    box = slab.box((-130, 130), (-90, 100), (118, 255))
    if box is None:
        return
    at = box.columns
    root = np.float32(30) * np.square(np.clip((142 - at.z) / 24, 0, 1))  # above, the heart narrows to the root of its vessels
    uneven = root + np.float32(2.4) * np.sin(at.x / 13 + at.z / 21) + np.float32(1.3) * np.sin(at.x / 5.5 - at.z / 9)
    for inset, tissue in ((1.6 + 0.6 * root, MUSCLE - 25), (2.9 + 0.6 * root, FAT + 5), (np.float32(6.6) + uneven, hu["wall"])):
        slab.fill(box, slab.inside(box, core(body, at, inset)), tissue)
    for name, across, y, z, (wide, deep, tall) in CHAMBERS:
        border = float(body.border("left" if across > 0 else "right", 186))
        x = border * across + body.shift
        slab.ball((x, y + 0.2 * x, z), (wide * (border + 20), deep, tall), hu[name])
    for x, y, z in grooves(body):
        slab.ball((x, y, z), (7, 6, 22), FAT + 5, rough=0.1)


def grooves(body: Body) -> list[tuple[float, float, float]]:
    """Middles of the grooves where the coronary arteries run in fat: left anterior descending, right, circumflex."""
    left, right = float(body.border("left", 180)), float(body.border("right", 180))
    s = body.shift
    return [(0.34 * left + s, 58 + 0.08 * left, 172), (-0.45 * right + s, 42, 176), (0.62 * left + s, -12 + 0.12 * left, 162)]


def coronaries(body: Body) -> list[Line]:
    """Centre lines of the three coronary arteries, from the root of the aorta."""
    (ax, ay, _), (rx, ry, _), (cx, cy, _) = grooves(body)
    root = (2 + body.shift, 16, 136)
    return [
        [root, (ax * 0.6, ay * 0.72, 142), (ax, ay, 158), (ax * 1.15, ay, 180), (ax * 1.35, ay - 4, 204)],
        [(-4 + body.shift, 24, 138), (rx * 0.7, ry + 4, 150), (rx, ry, 170), (rx * 1.05, ry - 8, 192)],
        [root, (cx * 0.5, 8, 144), (cx, cy, 156), (cx * 1.05, cy - 6, 176)],
    ]


def aorta_line(body: Body) -> tuple[Array, Array]:
    """Centre line and radius of the aorta from its root over the arch to the diaphragm, where the film has it."""
    grow = body.unfold
    knob_x, knob_z, knob = anatomy.knob_place(body)
    s = body.shift
    up = [(0.0 + s, 14.0, 146.0), (-12 - 12 * grow + s, 20.0, 118.0), (-15 - 16 * grow + s, 16.0, 92.0)]
    arch = [(-8 - 8 * grow + s, 8.0, knob_z + 2), (knob_x - knob - 2, -8.0, knob_z - 5), (knob_x - 3, -26.0, knob_z + 2)]
    z = np.array([knob_z + 26, knob_z + 60, knob_z + 100, knob_z + 140, knob_z + 180, 345.0])
    down = np.clip((z - knob_z) / 170, 0, 1)
    tube = 12 + 7 * grow
    x = knob_x + (knob - tube) - down * (16 + 6 * grow) + 10 * grow * np.sin(np.pi * down)
    y = np.maximum(spine_y(z) + 15.5 + 0.86 * tube, -46.0)
    line = np.array([*up, *arch, *zip(x, y, z, strict=True)], np.float32)
    radius = np.array([14.0, 15, 15, 13.5, 13, 12.5, *[11.8] * 6]) * (1 + 0.42 * grow)
    return _smooth(line, 60), np.interp(np.linspace(0, 1, 60), np.linspace(0, 1, len(radius)), radius).astype(np.float32)


def _smooth(line: Array, count: int) -> Array:
    """More points, on a rounded curve along a line."""
    at = np.linspace(0, len(line) - 1, count)
    curve = PchipInterpolator(np.arange(len(line)), line)(at)
    return np.asarray(ndimage.gaussian_filter1d(curve, 1.8, axis=0, mode="nearest"), np.float32)


def paint_arch(slab: Slab, body: Body, hu: dict[str, float]) -> None:
    """The arch once more as balls: where it turns, the cross-sections of a tube would leave gaps on the outer side."""
    if slab.space.z[slab.rows.start] > ARCH:
        return
    line, radius = aorta_line(body)
    for (x, y, z), r in zip(line[14:42:2].tolist(), radius[14:42:2].tolist(), strict=True):
        if z + 1.2 * r < ARCH:
            slab.ball((x, y, z), (r, r, r), hu["artery"])


def vessel_lines(body: Body) -> dict[str, list[tuple[Line, float | list[float]]]]:
    """Centre lines and radii of the great vessels by tissue."""
    s, (_, knob_z, _) = body.shift, anatomy.knob_place(body)
    top = knob_z - 8
    veins: list[tuple[Line, float | list[float]]] = [
        ([(-19 + s, 12, 40), (-21 + s, 12, 90), (-22 + s, 6, 140), (-20 + s, 8, 158)], [8, 9, 9.5, 10]),
        ([(46, 16, 4), (30, 26, 18), (4 + s, 28, 34), (-18 + s, 14, 44)], [6, 6.5, 6.5, 7]),
        ([(-44, 14, 2), (-30, 16, 14), (-20 + s, 13, 42)], [6.5, 7, 8]),
        ([(-24, 14, -70), (-30, 12, -30), (-30, 16, 12)], 6.5),
        ([(26, 14, -70), (32, 12, -30), (32, 22, 14)], 5.5),
        ([(-44, 14, 2), (-75, 10, 6), (-112, -2, 22)], 5.0),
        ([(46, 16, 4), (75, 10, 6), (112, -2, 22)], 5.0),
        (
            [
                (-6 + s, float(spine_y(80)) + 19, 300),
                (-7 + s, float(spine_y(80)) + 21, 90),
                (-14 + s, -16, 76),
                (-20 + s, 6, 80),
            ],
            3.6,
        ),
        ([(-20 + s, 4, 215), (-18 + s, -6, 240), (-18, -14, 345)], 11.0),
    ]
    arteries: list[tuple[Line, float | list[float]]] = [
        ([(-7 + s, 8, top), (-14 + s, 4, 20), (-20, 0, -4), (-18, 2, -70)], [6, 6, 5, 3.8]),
        ([(5 + s, -2, top), (10, -4, 16), (20, -2, -20), (20, 0, -70)], [4.2, 4, 3.8, 3.8]),
        ([(16, -14, top), (22, -18, 20), (40, -14, 0), (80, -6, 10), (112, -12, 26)], [4.8, 4.6, 4.4, 4.2, 4]),
        ([(-18, 0, -2), (-42, -8, 0), (-80, -6, 10), (-112, -12, 26)], [5, 4.4, 4.2, 4]),
    ]
    lung: list[tuple[Line, float | list[float]]] = [
        ([(10 + s, 42, 146), (16 + s, 36, 128), (18 + s, 18, 112)], [13, 13.5, 13]),
        ([(16 + s, 12, 112), (-4 + s, 0, 115), (-22 + s, -5, 116), (-36 + s, -6, 117)], [11, 10, 9.5, 8]),
        ([(18 + s, 16, 110), (28 + s, -2, 104), (38 + s, -14, 104)], [11.5, 11, 9.5]),
    ]
    for side, sign in (("right", -1), ("left", 1)):
        trunk = vessels.TRUNK[side]
        lung.append(([(sign * x + 0.7 * s, y - 8, z) for x, y, z, _ in trunk], [r * 0.92 for *_, r in trunk]))
        for z, end in ((132, (40, 8, 122)), (156, (44, -22, 158))):
            lung.append(
                ([(sign * 16 + s, -18, z + 8), (sign * 30 + s, -12, z), (sign * end[0] + s, end[1], end[2])], [6.5, 6, 5])
            )
    return {"vein": veins, "artery": arteries, "lung_vessel": lung}


def great_vessels(space: Space, body: Body, hu: dict[str, float]) -> list[Strands]:
    """Gullet, caval veins, branches of the arch, arteries and veins at the hila; then the aorta, and the gullet's air."""
    lines = [(tissue, line, radius) for tissue, some in vessel_lines(body).items() for line, radius in some]
    gullet = _gullet(body)
    pieces = [along(space, gullet, 7.5), *(along(space, line, radius) for _, line, radius in lines)]
    line, radius = aorta_line(body)
    wall = hu["wall"] if hu["artery"] > 100 else hu["artery"] + 8
    return [
        strands(space, pieces, [MUSCLE - 12, *(hu[tissue] for tissue, *_ in lines)], whole=True),
        strands(space, [along(space, line, radius)], hu["artery"], rim=wall, rim_at=0.94, whole=True),
        strands(space, [along(space, gullet[3:9] + np.array([0.8, 0.6, 0]), 2.2)], -700),
    ]


def _gullet(body: Body) -> Array:
    """The oesophagus' middle line, in front of the spine."""
    z = np.linspace(-70, 262, 24)
    bend = 5 * np.sin((z + 70) / 332 * np.pi) + body.shift * 0.3
    return np.stack([2 + bend * 0.5, np.minimum(spine_y(z) + 24, -14 + 0 * z), z], axis=1)
