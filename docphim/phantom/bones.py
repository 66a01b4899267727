"""The skeleton of the chest: ribs, clavicles, scapulae, upper arms and spine."""

from __future__ import annotations

import functools

import numpy as np
from scipy.interpolate import PchipInterpolator

from docphim.phantom.body import BONE, CORTEX, SOFT, Array, Body, table
from docphim.phantom.grid import Grid
from docphim.phantom.tubes import Tubes, swept

#: Where each rib ends, as degrees from the spine around the cage, and how far it falls on its way, in mm.
RIB_END = {1: 150, 2: 140, 3: 143, 4: 143, 5: 142, 6: 140, 7: 136, 8: 128, 9: 122, 10: 112, 11: 78, 12: 52}
RIB_FALL = {1: 44, 2: 58, 3: 78, 4: 92, 5: 102, 6: 108, 7: 112, 8: 112, 9: 106, 10: 96, 11: 62, 12: 34}
#: Angles of the three arcs a fracture may lie on.
ARCS = {"posterior": 42.0, "lateral": 66.0, "anterior": 118.0}
#: Broken ends move apart by this many mm.
DISPLACED = {"mild": 2.5, "moderate": 5.0, "severe": 8.0}

Break = tuple[float, float]


def vertebra_height(k: float) -> float:
    """Height of the middle of thoracic vertebra `k` (1 to 12; below, the lumbar ones go on)."""
    return -17 + 19.5 * k + 0.34 * k * k


def rib_path(k: int, count: int = 300) -> tuple[Array, Array, Array, Array]:
    """Angle from the spine (degrees), distance from the midline, y and z of a rib's middle line."""
    angle = np.linspace(4, RIB_END[k], count).astype(np.float32)
    turn = np.radians(angle)
    head = vertebra_height(k)
    fall = RIB_FALL[k] * (1 - np.cos(turn * 0.94)) / 2 * 1.12 + 4 * np.sin(turn * 2) * (k > 1)
    z = np.float32(head) + fall.astype(np.float32)
    if k == 1:
        across, deep = np.full_like(z, 58), np.full_like(z, 40)
    else:
        across = np.minimum(table("lateral", z + 8) + 4, table("lateral", np.full_like(z, head + 58)) + 4)
        deep = np.minimum(table("depth", z) + 5, table("depth", np.full_like(z, head + 60)) + 5)
    out = 15 * np.exp(-angle / 14) + across * np.sin(turn) ** np.float32(0.86)
    return angle, out, -deep * np.cos(turn) - 8, z


@functools.cache
def _whole_rib(k: int, side: str) -> tuple[Array, Array]:
    """Angles and tube samples of an unbroken rib of unit density; the standard body's ribs are every patient's."""
    return _rib(k, side, None)


def _rib(k: int, side: str, broken: Break | None) -> tuple[Array, Array]:
    angle, out, y, z = rib_path(k)
    turned = np.abs(np.sin(np.radians(angle)))
    tall = (6.2 if 2 <= k <= 10 else 4.8) * (0.86 + 0.16 * turned) * (1 + 0.12 * np.clip((angle - 95) / 10, 0, 1))
    density = 0.62 * (1 - 0.45 * np.clip((angle - 95) / 50, 0, 1)) * (1.25 - 0.75 * turned**5)
    if broken is not None:
        at, apart = broken
        beyond = np.clip((angle - at) / 0.5, 0, 1) * np.exp(-np.clip(angle - at, 0, None) / 45)
        z = z + (apart * beyond).astype(np.float32)
        density = density * (1 + 0.35 * np.exp(-(((angle - at) / 4) ** 2)))
    tube = swept(out if side == "left" else -out, y, z, tall, BONE * density, 2.8 * turned**2).rows.copy()
    tube[2] *= 1 - 0.75 * turned**4
    if broken is not None:
        tube[5] *= np.abs(angle - broken[0] - 0.4) >= 0.7 + 0.12 * broken[1]
    return angle, tube


def one_rib(body: Body, side: str, k: int, broken: Break | None) -> Tubes:
    """One rib, whole or broken at an angle with ends so many mm apart."""
    rows = (_rib(k, side, broken) if broken else _whole_rib(k, side))[1].copy()
    rows[5] *= body.bone
    return Tubes(rows)


def ribs(body: Body, breaks: dict[tuple[str, int], Break]) -> list[Tubes]:
    """Both sides' ribs; `breaks` maps (side, rib) to the angle of a fracture and how far its ends moved apart."""
    return [one_rib(body, side, k, breaks.get((side, k))) for side in ("right", "left") for k in range(1, 13)]


Knots = tuple[tuple[float, ...], ...]
#: Clavicle, borders of the scapula and upper arm: a rib's density times this, and knots (outward, y, z, radius) in mm.
GIRDLE: dict[str, tuple[float, Knots]] = {
    "clavicle": (
        0.95,
        (
            (12, 60, 31, 8),
            (30, 62, 23, 7.5),
            (60, 55, 11, 6.2),
            (95, 30, 2, 5.6),
            (130, 5, -6, 5.8),
            (160, 0, -7, 7.5),
            (176, 0, -2, 3),
        ),
    ),
    "scapular spine": (0.55, ((119, -80, 62, 2), (130, -80, 38, 3.6), (152, -60, 18, 5), (170, -40, 6, 7), (180, -20, 4, 5))),
    "lateral border": (
        0.75,
        ((174, -40, 22, 9), (164, -60, 56, 5), (151, -75, 99, 4), (139, -80, 142, 4), (133, -80, 152, 2)),
    ),
    "medial border": (0.55, ((118, -80, 60, 2), (121, -82, 92, 2), (129, -80, 134, 2.2), (134, -80, 152, 2.5))),
    "arm": (
        0.60,
        ((186, 0, -4, 10), (191, 0, 12, 22), (197, 0, 34, 19), (204, 0, 64, 13), (212, 0, 130, 12), (216, 0, 200, 11)),
    ),
}


@functools.cache
def girdle(supine: bool) -> list[Tubes]:
    """Clavicles, scapulae and upper arms; on a supine film the scapulae lie over the lungs and the clavicles high."""
    tubes = []
    for name, (strength, knots) in GIRDLE.items():
        line = np.array(knots, float)
        if supine and name == "clavicle":
            line[:, 2] -= 12
        if supine and name not in ("clavicle", "arm"):
            line[:, 0] -= 22
        at, fine = np.arange(len(line)), np.linspace(0, len(line) - 1, 240)
        out, y, z, radius = PchipInterpolator(at, line)(fine).T
        tubes += [swept(sign * out, y, z, radius, BONE * 0.75 * strength) for sign in (-1, 1)]
    return tubes


def spine(body: Body, grid: Grid) -> Array:
    """Attenuation the spine adds to soft tissue in a window around the midline: bodies, discs, pedicles, spinous processes."""
    window = grid.window(-34, 34, -90, 400)
    out = np.zeros(grid.shape, np.float32)
    k = np.interp(window.z, [vertebra_height(i) for i in range(-3, 19)], np.arange(-3, 19)).astype(np.float32)
    phase = k - np.floor(k + 0.5)
    wide = np.float32(15.5) + 0.55 * np.clip(k, -1, 17) - 2.2 * np.cos(2 * np.pi * phase)
    u = window.x / wide
    body_part = 1 / (1 + np.exp((np.abs(phase) - 0.40) * 60))
    end_plate = np.exp(-(((np.abs(phase) - 0.385) / 0.03) ** 2))
    flank = np.maximum(1 - u * u, 0)
    line = np.sqrt(flank) * (0.30 + 0.55 * body_part + 0.35 * end_plate)
    line += 0.22 * np.exp(-(((np.abs(u) - 0.93) / 0.06) ** 2)) * body_part
    pedicle = ((np.abs(window.x) - 0.72 * wide) / 3.6) ** 2 + ((phase + 0.12) * 26 / 5.0) ** 2
    process = (window.x / 3.0) ** 2 + ((phase - 0.28) * 26 / 7.0) ** 2
    line += 0.30 * np.exp(-((pedicle - 0.8) ** 2) * 3) + 0.34 * np.exp(-((process - 0.7) ** 2) * 2)
    across = ((np.abs(window.x) - 23) / 9) ** 2 + ((phase + 0.05) * 26 / 5) ** 2
    line += 0.16 * np.exp(-across)
    out[window.at] = line * np.float32((CORTEX - SOFT) * 0.24 * 26 * body.bone * body.scale[1])
    return out


def blades(body: Body, grid: Grid) -> Array:
    """Attenuation of the thin plates of the scapulae, two triangles."""
    out = np.zeros(grid.shape, np.float32)
    inward = 22.0 if body.view == "AP" else 0.0
    corners = [(118 - inward, 62.0), (171 - inward, 26.0), (135 - inward, 150.0)]
    for side in ("right", "left"):
        window = grid.beside(side, 112 - inward, 176 - inward, 20, 156)
        inside = np.full((window.z.shape[0], window.x.shape[1]), 1, np.float32)
        for (x0, z0), (x1, z1) in zip(corners, corners[1:] + corners[:1], strict=True):
            run = np.hypot(x1 - x0, z1 - z0)
            depth = ((x1 - x0) * (window.z - z0) - (z1 - z0) * (np.abs(window.x) - x0)) / run
            inside *= np.clip(depth / 3, 0, 1)
        out[window.at] += np.float32(0.16 * body.bone) * inside
    return out
