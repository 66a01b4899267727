"""The soft body: every organ is a solid with one front and one back on each line of sight, so that it can be projected exactly.

`project` gives the attenuation along each ray of a film; `voxels` paints the same solids into a volume of tissues, as a CT sees
them (bones and vessels are the tubes of bones.py and vessels.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docphim.phantom.body import FAT, LUNG, SOFT, Array, Body, table
from docphim.phantom.grid import Grid, Window

#: A solid on the lines of sight of a raster: (back, front) in standard millimetres; empty where front <= back.
Solid = tuple[Array, Array]
EMPTY = np.float32(1e-3)
#: What a voxel of `voxels` holds.
TISSUES = ("air", "soft tissue", "lung", "heart and mediastinum", "aorta", "diaphragm and abdomen")


@dataclass(frozen=True)
class Soft:
    """The soft body on the lines of sight: `line` is the attenuation integral, the others are path lengths in mm."""

    line: Array
    air: Array
    right: Array
    left: Array
    core: Array

    def lung(self, side: str) -> Array:
        """Path through the air of one lung."""
        return self.right if side == "right" else self.left


def bulge(u: Array) -> Array:
    """Profile of a round solid: sqrt(1 - u^2) inside, 0 outside."""
    return np.sqrt(np.maximum(1 - u * u, 0))


def trunk(body: Body, grid: Grid | Window) -> Solid:
    """Skin to skin, with a flat chest and round flanks."""
    u = np.abs(grid.x) / table("trunk", grid.z)
    u *= u
    half = table("trunk_depth", grid.z) * bulge(u)
    return -half, half


def core(body: Body, grid: Grid | Window) -> Solid:
    """Heart, great vessels and mediastinum: one elliptic section at every height between the two borders."""
    right, left = body.border("right", grid.z), body.border("left", grid.z)
    return _section(grid, body.shift, right, left, table("core_depth", grid.z), table("core_y", grid.z))


def _section(grid: Grid | Window, shift: float, right: Array, left: Array, depth: Array, y: Array) -> Solid:
    middle, half = (left - right) / 2 + np.float32(shift), (left + right) / 2
    chord = depth * bulge((grid.x - middle) / half)
    return y - chord, y + chord


def knob_place(body: Body) -> tuple[float, float, float]:
    """Middle (x, z) and radius of the arch's end-on outline, the aortic knob."""
    return 24 + 15 * body.unfold + body.shift, 66 - 13 * body.unfold, body.knob * (1 + 0.55 * body.unfold)


def aorta(body: Body, grid: Grid | Window) -> Solid:
    """Arch and descending aorta: left of the spine, behind; unfolding makes the arch wide, high and lateral."""
    z, grow = grid.z, np.float32(body.unfold)
    centre_x, centre_z, knob = knob_place(body)
    down = np.clip((z - centre_z) / 170, 0, 1)
    tube = 12 + 7 * grow
    x = centre_x + (knob - tube) - down * (16 + 6 * grow) + 10 * grow * np.sin(np.pi * down)
    above = np.clip((centre_z - z) / knob, 0, 1)
    half = np.where(z < centre_z, knob * bulge(above), knob + (tube - knob) * np.clip((z - centre_z) / 26, 0, 1))
    chord = (24 + 14 * grow) * np.where(z < centre_z, bulge(above), 1) * bulge((grid.x - x) / np.maximum(half, EMPTY))
    y = -18 - 24 * np.clip((z - centre_z) / 30, 0, 1)
    return y - chord, y + chord


def ascending(body: Body, grid: Grid | Window) -> Solid:
    """The ascending aorta, which bulges to the right when the aorta unfolds."""
    half = np.float32(10 + 6 * body.unfold)
    u = (grid.z - 92) / 48
    x = -(np.float32(14 + 17 * body.unfold)) * bulge(u) + np.float32(body.shift)
    chord = 18 * bulge((grid.x - x) / half) * np.sqrt(bulge(u))
    return 22 - chord, 22 + chord


def dome(body: Body, side: str, grid: Grid | Window) -> Solid:
    """What the diaphragm lifts into the lung's hull on one side."""
    outward = grid.x if side == "left" else -grid.x
    far = np.maximum(outward - 66, 0) / np.maximum(table("lateral", grid.z) - 66, 1)
    near = np.minimum(outward - 66, 0) / 72
    drop = 50 * far * far * np.sqrt(far) + 16 * near * near
    half = np.sqrt(np.maximum(grid.z - np.float32(body.dome(side)) - drop, 0) * np.float32(96 * 96 / 52))
    return 14 - half, 14 + np.float32(1.25) * half


def hull(body: Body, side: str, grid: Grid | Window) -> Solid:
    """The lung's room inside the rib cage, before mediastinum and diaphragm take their part."""
    outward = grid.x if side == "left" else -grid.x
    wall, inner = table("lateral", grid.z), table("medial", grid.z)
    middle = inner + np.float32(0.35) * (wall - inner)
    off = outward - middle
    far = np.maximum(off, 0) / np.maximum(wall - middle, 1)
    near = np.minimum(off, 0) / np.maximum(middle - inner, 1)
    near *= near
    half = table("depth", grid.z) * np.sqrt(np.maximum(1 - far * far - near * near * near, 0))
    return -half, half


def length(solid: Solid) -> Array:
    """Path through a solid."""
    return np.maximum(solid[1] - solid[0], 0)


def meet(a: Solid, b: Solid) -> Solid:
    """What two solids share."""
    return np.maximum(a[0], b[0]), np.minimum(a[1], b[1])


def outside(solid: Solid, takers: list[Solid]) -> Array:
    """Path through `solid` that none of `takers` fills; where three meet, the little they share is counted as full."""
    parts = [meet(solid, taker) for taker in takers]
    path = length(solid)
    for i, part in enumerate(parts):
        path -= length(part)
        for other in parts[:i]:
            path += length(meet(part, other))
    return np.maximum(path, 0)


def project(body: Body, grid: Grid) -> Soft:
    """Attenuation integral of the soft body, and the lungs' paths, on every line of sight."""
    depth = np.float32(body.scale[1])
    skin = length(trunk(body, grid))
    heart = np.zeros(grid.shape, np.float32)
    lungs = {}
    for side, vessel in (("right", ascending), ("left", aorta)):
        lungs[side] = np.zeros(grid.shape, np.float32)
        # two bands, for above the dome there is no diaphragm to take its part
        for top, bottom in ((-3.0, body.dome(side) - 2), (body.dome(side) - 2, 330.0)):
            window = grid.beside(side, -4, 142, top, bottom)
            middle = core(body, window)
            takers = [middle, vessel(body, window)] + ([dome(body, side, window)] if bottom == 330.0 else [])
            heart[window.at] = np.maximum(heart[window.at], length(middle))
            lungs[side][window.at] = outside(hull(body, side, window), takers)
    air = lungs["right"] + lungs["left"]
    line = SOFT * (skin - air) + LUNG * air - (SOFT - FAT) * np.minimum(skin, 2 * np.float32(body.fat))
    line += _breasts(body, grid) - _stomach(body, grid)
    return Soft(line * depth, air * depth, lungs["right"] * depth, lungs["left"] * depth, heart * depth)


def voxels(body: Body, grid: Grid, y: Array) -> NDArray[np.uint8]:
    """The soft body as a volume (z, y, x) of indices into `TISSUES`, at depths `y` in standard mm (backward to forward)."""
    deep = np.asarray(y, np.float32)[None, :, None]

    def within(solid: Solid) -> NDArray[np.bool_]:
        return np.asarray((deep > solid[0][:, None]) & (deep < solid[1][:, None]))

    volume = within(trunk(body, grid)).astype(np.uint8)
    for side in ("right", "left"):
        half = (grid.x > 0) == (side == "left")
        hollow = within(hull(body, side, grid)) & half
        volume[hollow] = 2
        volume[hollow & within(dome(body, side, grid))] = 5
    volume[within(aorta(body, grid)) | within(ascending(body, grid))] = 4
    volume[within(core(body, grid))] = 3
    return volume


def _breasts(body: Body, grid: Grid) -> Array:
    """Attenuation added by the breasts: round below, fading upward."""
    added = np.zeros(grid.shape, np.float32)
    for side in ("right", "left") if body.breast else ():
        window = grid.beside(side, 20, 150, 96, 260)
        u, v = (np.abs(window.x) - 84) / 62, (window.z - 178)
        round_ = np.maximum(1 - u * u - np.where(v > 0, v / 46, v / 80) ** 2, 0)
        added[window.at] += (
            FAT * 1.06 * np.float32(body.breast) * np.where(v > 0, np.sqrt(round_), np.sqrt(round_) * np.exp(v / 45))
        )
    return added


def _stomach(body: Body, grid: Grid) -> Array:
    """Attenuation taken away by the gas in the stomach, under the left dome, with a flat level below."""
    taken = np.zeros(grid.shape, np.float32)
    top = body.dome_left + 9
    window = grid.window(20, 120, top - 2, top + 40)
    u, v = (window.x - 66) / 32, (window.z - (top + 20)) / 20
    level = np.clip((top + 26 - window.z) / 1.2, 0, 1)
    taken[window.at] = SOFT * 46 * bulge(np.sqrt(u * u + v * v)) * level
    return taken
