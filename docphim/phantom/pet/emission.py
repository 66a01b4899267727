"""The PET of a synthetic patient: uptake tissue by tissue, blurred as a scanner blurs, with lesions of set SUVmax and noise."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from docphim.phantom import anatomy
from docphim.phantom.body import Array, Body, rng_of
from docphim.phantom.bones import vertebra_height
from docphim.phantom.ct import torso
from docphim.phantom.ct.heart import aorta_line
from docphim.phantom.ct.space import Slab, Space, texture
from docphim.phantom.ct.tissue import front_y, level, spine_y
from docphim.phantom.patient import Patient
from docphim.phantom.pet import outline
from docphim.phantom.pet.lesions import Placed, bloom
from docphim.phantom.pet.shapes import SLAB, paint, piece, shapes_of
from docphim.phantom.pet.tissues import uptake

#: Width at half height of the point spread, mm: of scanners of a ring of 4 to 6 mm crystals after their usual filter.
FWHM = (5.0, 7.0)
#: Noise: the standard deviation of a voxel of 43 mm³ (3.27 by 3.65 by 3.65) is this times the square root of its SUV; a
#: public scan of the Discovery ST has 0.3.
_NOISE, _VOXEL = 0.26, 43.0
_TILE = 512
#: Noise of a slice is made of that of its neighbours, which share it (correlation of neighbours there: 0.5 to 0.7).
_ALONG = (0.5, 0.7, 0.5)
#: No tissue takes up evenly: by what share it varies over some centimetres.
_UNEVEN = 0.05


@dataclass(frozen=True)
class Emission:
    """A PET in SUV: `volume` float32 (z, y, x) as it is written, `clean` before the noise; its lesions as they came out."""

    space: Space
    volume: Array
    clean: Array
    lesions: list[Placed]
    fwhm: float


def scan(patient: Patient, body: Body, space: Space, lesions: list[Placed], arms: str, warm: bool) -> Emission:
    """Scan a patient.

    Parameters
    ----------
    patient, body
        Who.
    space : Space
        The grid, from `pet.space.pet_space`.
    lesions : list of Placed
        Where lesions lie and what SUVmax they are to have.
    arms : str
        `up` or `down`.
    warm : bool
        False where brown fat takes up FDG.
    """
    values = uptake(patient)
    volume = np.zeros(space.shape, np.float32)
    groups = {name: shapes_of(patient, body, name) for name in ("collar", "head", "neck", f"arms_{arms}", "abdomen", "pelvis")}
    fat = () if warm else shapes_of(patient, body, "brown_fat")
    for rows in space.slabs(SLAB):
        slab = Slab(space, rows, volume[rows], np.zeros((rows.stop - rows.start, 1, 1), np.float32))
        outline.paint_shell(slab, body, values, "pet")
        paint(slab, groups[f"arms_{arms}"], values, "pet")
        paint(slab, groups["collar"], values, "pet")
        paint(slab, groups["head"], values, "pet")
        paint(slab, groups["neck"], values, "pet")
        _paint_chest(slab, body, values)
        paint(slab, groups["pelvis"], values, "pet")
        outline.paint_cavity(slab, body, values)
        outline.paint_domes(slab, body, values)
        paint(slab, [s for s in groups["pelvis"] if s.tissue in _INSIDE], values, "pet")
        paint(slab, groups["abdomen"], values, "pet")
        _paint_spine(slab, values)
        paint(slab, [s for s in groups["pelvis"] if s.tissue == "bladder"], values, "pet")
        paint(slab, fat, values, "pet")
        _vary(slab)
    fwhm = float(rng_of(patient, "pet scanner").uniform(*FWHM))
    sigma = tuple(fwhm / 2.3548 / mm for mm in space.spacing)
    clean = ndimage.gaussian_filter(volume, sigma, truncate=3.0, mode="nearest")
    lesions_out = bloom(clean, space, lesions, sigma)
    noisy = _grained(clean, space, patient)
    _steady(noisy, clean, lesions_out)
    return Emission(space, noisy, clean, lesions_out, fwhm)


def _steady(noisy: Array, clean: Array, lesions: list[Placed]) -> None:
    """Let noise not move the maximum of a lesion: what a reader measures in its mask is then the SUVmax of the truth."""
    peaks = []
    for lesion in lesions:
        assert lesion.mask is not None  # as `bloom` returns them
        at = tuple(slice(f, f + n) for f, n in zip(lesion.first, lesion.mask.shape, strict=True))
        here, plain = noisy[at], clean[at]
        here[lesion.mask] = np.minimum(here[lesion.mask], np.float32(lesion.suv_max))
        peak = int(np.where(lesion.mask, plain, -1).argmax())
        peaks.append((here, np.unravel_index(peak, plain.shape), lesion.suv_max))
    for here, where, value in peaks:
        here[where] = value


def _vary(slab: Slab) -> None:
    """Make uptake uneven over some centimetres, as it is within every tissue."""
    box = slab.box((-1e3, 1e3))
    if box is not None:
        slab.hu *= 1 + np.float32(_UNEVEN) * texture(7, box)


#: What of the pelvis lies within its cavity, and is painted after the cavity's fat.
_INSIDE = {"uterus", "prostate"}


def _paint_chest(slab: Slab, body: Body, values: dict[str, float]) -> None:
    """The trunk above the waist with lungs, heart and great vessels."""
    upper = outline.part(slab, outline.NECK, outline.WAIST)
    box = None if upper is None else upper.box((-190, 190), (-124, 124))
    if upper is None or box is None:
        return
    at = box.columns
    fat = np.float32(body.fat + 1.0) + np.float32(6) * np.square(at.x / 170)
    for deep, tissue in ((0.0, "fat"), (fat, "muscle")):
        upper.fill(box, upper.inside(box, torso.trunk(body, at, deep)), values[tissue])
    _breasts(upper, body, values)
    for sign in (-1, 1):
        upper.ball((sign * 128, -14, 34), (22, 34, 44), values["fat"])
    _sternum(upper, body, values["marrow"])
    _middle(upper, body, values)
    for side, span in (("right", (-146.0, -2.0)), ("left", (2.0, 146.0))):
        room = upper.box(span, (-110, 112), (-4, 345))
        if room is not None:
            upper.fill(room, upper.inside(room, anatomy.hull(body, side, room.columns)), values["lung"])
    room = upper.box((-130, 130), (-90, 100), (-60, 262))
    if room is not None:
        core = torso.core(body, room.columns, 0.0)
        upper.fill(room, upper.inside(room, core), 0.55 * values["blood"] + 0.45 * values["mediastinum"])
    _heart(upper, body, values)


def _breasts(slab: Slab, body: Body, values: dict[str, float]) -> None:
    for sign in (-1, 1) if body.breast else ():
        box = slab.box((sign * 92 - 72, sign * 92 + 72), (20, 190), (90, 262))
        if box is None:
            continue
        u, v = (np.abs(box.columns.x) - 92) / 70, box.columns.z - 178
        round_ = np.maximum(1 - u * u - np.where(v > 0, v / 52, v / 84) ** 2, 0)
        front = torso.trunk(body, box.columns, 0.0)[1]
        thick = np.float32(body.breast * 1.15) * np.sqrt(round_)
        slab.fill(box, slab.inside(box, (front - 20, np.where(thick > 0.5, front + thick, -1e3))), values["fat"])
        slab.fill(box, slab.inside(box, (front + 1, front + thick * np.float32(0.7) - 2)), values["skin"])


def _sternum(slab: Slab, body: Body, marrow: float) -> None:
    for top, bottom in ((24.0, 60.0), (66.0, 156.0)):
        for x in (-7.0, 7.0):
            _rod(slab, [x, float(front_y(body, top)), top, 6.0], [x, float(front_y(body, bottom)), bottom, 6.0], 0.8 * marrow)


def _rod(slab: Slab, start: Sequence[float], end: Sequence[float], suv: float) -> None:
    """A rounded cone between two points (x, y, z, radius)."""
    shaped = piece(slab, np.array(start, np.float32), np.array(end, np.float32), 1.0, 0.0)
    if shaped is not None:
        slab.fill(*shaped, suv)


def _middle(slab: Slab, body: Body, values: dict[str, float]) -> None:
    """What lies between the lungs above the heart: vessels and fat together."""
    box = slab.box((-40, 40), z=(-60, 300))
    if box is None:
        return
    at = box.columns
    wide = np.float32(2.5) + np.minimum(level("medial", at.z), 24)
    back, front = spine_y(at.z) + 10, front_y(body, at.z) - 5 - 22 * np.clip((16 - at.z) / 30, 0, 1)
    middle, half = (front + back) / 2, (front - back) / 2 * anatomy.bulge(np.square(at.x / wide))
    slab.fill(box, slab.inside(box, (middle - half, middle + half)), values["mediastinum"])


def _heart(slab: Slab, body: Body, values: dict[str, float]) -> None:
    """Blood in the right heart and the atria, the left ventricle's muscle with its cavity, the aorta."""
    left, right = float(body.border("left", 186)), float(body.border("right", 186))
    s = body.shift
    slab.ball((0.10 * left + s, 34, 180), (0.62 * left, 26, 42), values["blood"])
    slab.ball((-0.45 * right + s, 10, 172), (0.55 * right, 26, 34), values["blood"])
    slab.ball((2 + s, -20, 150), (34, 16, 21), values["blood"])
    line, radius = aorta_line(body)
    step = max(len(line) // 16, 1)
    points = np.concatenate([line, radius[:, None]], axis=1)[::step].astype(np.float32)
    for a, b in itertools.pairwise(points):
        _rod(slab, a, b, values["blood"])
    # the long axis runs to the left, forward and down; the cavity opens towards the base
    reach = 0.62 * left
    base, apex = [reach * 0.55 + s, 0.0, 170.0], [reach + 4 + s, 24.0, 196.0]
    for wide, tissue, back in ((31.0, "myocardium", 0.0), (19.0, "blood", -9.0)):
        start = [base[0] + back, base[1] + back / 2, base[2] + back / 2, wide]
        _rod(slab, start, [*apex, wide - 4], values[tissue])


def _paint_spine(slab: Slab, values: dict[str, float]) -> None:
    """Bodies with marrow, discs between them that take up less, the arches behind, the cord in its canal."""
    rows = outline.part(slab, -118, 425)
    box = None if rows is None else rows.box((-46, 46), (-118, 10))
    if rows is None or box is None:
        return
    k = np.interp(box.z, [vertebra_height(i) for i in range(-6, 19)], np.arange(-6, 19)).astype(np.float32)
    phase = np.abs(k - np.floor(k + 0.5))
    disc = np.clip((phase - 0.36) * 20 + 0.5, 0, 1)
    wide = np.float32(14.5) + 0.5 * np.clip(k, -6, 17)
    y = box.y - spine_y(box.z)
    depth = wide - np.sqrt(box.x * box.x + (y * (wide / 14.5)) ** 2)
    rows.fill(box, rows.soft_edge(depth, rows.space.step[2]), values["marrow"] * (1 - disc) + values["disc"] * disc)
    arch = np.minimum(15 - np.sqrt(box.x * box.x + (y + 24) ** 2), 20 - np.abs(y + 26))
    rows.fill(box, rows.soft_edge(arch, rows.space.step[2]), 0.75 * values["marrow"])
    rows.fill(box, rows.soft_edge(6.0 - np.sqrt(box.x * box.x + (y + 22) ** 2), rows.space.step[2]), values["cord"])


def _grained(clean: Array, space: Space, patient: Patient) -> Array:
    """With the noise of an iterative reconstruction: it grows with the square root of the signal, and nothing is below 0."""
    rng = rng_of(patient, "pet noise")
    strength = np.float32(_NOISE * float(np.sqrt(_VOXEL / np.prod(space.spacing))) * rng.uniform(0.85, 1.2))
    out = np.empty_like(clean)
    tile = _grain()
    count, rows, columns = clean.shape
    corners = rng.integers(0, _TILE, (count + len(_ALONG) - 1, 2))
    for i, plane in enumerate(clean):
        grain = np.zeros_like(plane)
        for weight, (top, left) in zip(_ALONG, corners[i : i + len(_ALONG)], strict=True):
            grain += np.float32(weight) * tile[top : top + rows, left : left + columns]
        out[i] = np.maximum(plane + strength * np.sqrt(plane + np.float32(0.004)) * grain, 0)
    return out


@functools.cache
def _grain() -> Array:
    """Noise of unit variance, correlated over about a voxel and a half, twice as large as the largest shift."""
    white = np.random.default_rng(23).standard_normal((_TILE, _TILE), np.float32)
    tile = ndimage.gaussian_filter(white, 0.8, mode="wrap")
    return np.tile(tile / tile.std(), (3, 3))
