"""The skeleton of the chest: ribs, clavicles, scapulae, upper arms and spine."""

from __future__ import annotations

import numpy as np

from docphim.phantom.body import BONE, CORTEX, SOFT, Array, Body, table
from docphim.phantom.grid import Grid
from docphim.phantom.tubes import Tubes, along

#: Where each rib ends, as degrees from the spine around the cage, and how far it falls on its way, in mm.
RIB_END = {1: 150, 2: 140, 3: 143, 4: 143, 5: 142, 6: 140, 7: 136, 8: 128, 9: 122, 10: 112, 11: 78, 12: 52}
RIB_FALL = {1: 44, 2: 58, 3: 78, 4: 92, 5: 102, 6: 108, 7: 112, 8: 112, 9: 106, 10: 96, 11: 62, 12: 34}
#: Angles of the three arcs a fracture may lie on.
ARCS = {"posterior": 42.0, "lateral": 78.0, "anterior": 118.0}
#: Broken ends move apart by this many mm.
DISPLACED = {"mild": 2.5, "moderate": 5.0, "severe": 8.0}

Break = tuple[float, float]


def vertebra_height(k: float) -> float:
    """Height of the middle of thoracic vertebra `k` (1 to 12; below, the lumbar ones go on)."""
    return -17 + 19.5 * k + 0.34 * k * k


def rib_path(body: Body, k: int, side: str) -> tuple[Array, Array, Array, Array]:
    """Angle from the spine (degrees), x, y and z of a rib's middle line."""
    angle = np.linspace(4, RIB_END[k], 120).astype(np.float32)
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
    x = out if side == "left" else -out
    return angle, x, -deep * np.cos(turn) - 8, z


def ribs(body: Body, grid: Grid, breaks: dict[tuple[str, int], Break]) -> list[Tubes]:
    """Both sides' ribs; `breaks` maps (side, rib) to the angle of a fracture and how far its ends moved apart."""
    return [one_rib(body, grid, side, k, breaks.get((side, k))) for side in ("right", "left") for k in range(1, 13)]


def one_rib(body: Body, grid: Grid, side: str, k: int, broken: Break | None) -> Tubes:
    """One rib, whole or broken."""
    angle, x, y, z = rib_path(body, k, side)
    tube = along(np.stack([x, y, z], axis=1), 1.0, BONE * body.bone, grid)
    at = np.interp(np.linspace(0, 1, tube.x.size), _run(x, z), angle)
    return _rib(tube, at, k, broken)


def _run(x: Array, z: Array) -> Array:
    run = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
    return run / run[-1]


def _rib(tube: Tubes, angle: Array, k: int, broken: Break | None) -> Tubes:
    """Give a rib its height and thickness, thin it towards the cartilage, and break it where asked."""
    tall = np.float32(6.2 if 2 <= k <= 10 else 4.8) * (0.86 + 0.16 * np.sin(np.radians(angle))) * (1 + 0.12 * (angle > 100))
    turned = np.abs(np.sin(np.radians(angle)))
    density = tube.density * ((1 - 0.45 * np.clip((angle - 95) / 50, 0, 1)) * (1.25 - 0.75 * turned**5)).astype(np.float32)
    z, across_x, across_z = tube.z, tube.across_x * (1 - 0.75 * turned**4), tube.across_z
    if broken is not None:
        at, apart = broken
        beyond = np.clip((angle - at) / 0.5, 0, 1) * np.exp(-np.clip(angle - at, 0, None) / 45)
        z = z + (apart * beyond).astype(np.float32)
        gap = np.abs(angle - at - 0.4) < (0.7 + 0.12 * apart)
        density = np.where(gap, 0, density * (1 + 0.35 * np.exp(-(((angle - at) / 4) ** 2)))).astype(np.float32)
    return Tubes(
        tube.x, z.astype(np.float32), across_x.astype(np.float32), across_z, tall.astype(np.float32), tube.piece, density,
        hollow=0.80, marrow=0.18, spread_x=(4.0 * turned**2).astype(np.float32), flat=0.62,
    )  # fmt: skip


def girdle(body: Body, grid: Grid) -> list[Tubes]:
    """Clavicles, scapulae and the heads of the upper arms; on a supine film the scapulae lie over the lungs."""
    supine = body.view == "AP"
    lift = -14.0 if supine else 0.0
    inward = -22.0 if supine else 0.0
    tubes = []
    for sign in (-1, 1):
        line = np.array([[13, 60, 30], [30, 62, 22], [60, 55, 11], [95, 30, 3], [130, 5, -6], [158, 0, -9]], np.float64)
        thick = np.array([9.5, 7.0, 6.0, 5.6, 5.8, 7.5])
        tubes.append(_bone(line, sign, 0, lift, thick, grid, 0.95))
        blade = np.array([[118, -80, 62], [128, -80, 40], [150, -60, 20], [172, -40, 14]], np.float64)
        tubes.append(_bone(blade, sign, inward, 0, np.array([2.5, 4.0, 6.0, 9.0]), grid, 0.7))
        lateral = np.array([[170, -40, 28], [162, -60, 60], [150, -75, 105], [138, -80, 142], [133, -80, 150]], np.float64)
        tubes.append(_bone(lateral, sign, inward, 0, np.array([8.0, 5.0, 4.2, 4.5, 3.5]), grid, 0.8))
        medial = np.array([[118, -80, 62], [122, -82, 95], [130, -80, 138], [134, -80, 150]], np.float64)
        tubes.append(_bone(medial, sign, inward, 0, np.array([2.6, 2.2, 2.4, 3.5]), grid, 0.6))
        arm = np.array([[190, 0, 2], [192, 0, 12], [195, 0, 30], [203, 0, 60], [212, 0, 130], [216, 0, 200]], np.float64)
        tubes.append(_bone(arm, sign, 0, 0, np.array([13.0, 22.0, 20.0, 13.0, 11.5, 11.0]), grid, 0.6))
    return tubes


def _bone(line: Array, sign: int, inward: float, lift: float, thick: Array, grid: Grid, strength: float) -> Tubes:
    at, fine = np.arange(len(line)), np.linspace(0, len(line) - 1, 60)
    points = np.stack([_round(fine, at, line[:, i]) for i in range(3)], axis=1)
    points = (points + [inward, 0, lift]) * [sign, 1, 1]
    return along(points, np.interp(fine, at, thick), BONE * strength, grid, hollow=0.84, marrow=0.35, flat=0.75)


def _round(fine: Array, at: Array, values: Array) -> Array:
    """Values between knots, with the corners rounded off."""
    line = np.interp(fine, at, values)
    padded = np.concatenate([2 * line[0] - line[5:0:-1], line, 2 * line[-1] - line[-2:-7:-1]])
    return np.convolve(padded, np.hanning(13)[1:-1] / np.hanning(13)[1:-1].sum(), "valid")


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
    line = np.sqrt(flank) * (0.30 + 0.55 * body_part + 0.35 * end_plate) + 0.22 * np.exp(-(((np.abs(u) - 0.93) / 0.06) ** 2)) * body_part
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
    for sign in (-1, 1):
        window = grid.window(*sorted((sign * (112 - inward), sign * (176 - inward))), 20, 156)
        inside = np.full((window.z.shape[0], window.x.shape[1]), 1, np.float32)
        for (x0, z0), (x1, z1) in zip(corners, corners[1:] + corners[:1], strict=True):
            run = np.hypot(x1 - x0, z1 - z0)
            depth = ((x1 - x0) * (window.z - z0) - (z1 - z0) * (sign * window.x - x0)) / run
            inside *= np.clip(depth / 3, 0, 1)
        out[window.at] += np.float32(0.16 * body.bone) * inside
    return out
