"""A chest film of a synthetic patient: project the body, lay the thin structures on it, expose and develop the film."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from docphim.phantom import anatomy, bones, vessels
from docphim.phantom.body import Array, Body, make_body, rng_of
from docphim.phantom.grid import Grid, double, grain, lay, make_grid, shrink, soften
from docphim.phantom.lesions import Effect, Scene, effects
from docphim.phantom.patient import Patient
from docphim.phantom.tubes import Tubes, lay_tubes
from docphim.phantom.visible import CENTRE, GAMMA, judge
from docphim.study import Finding

#: The film's height in mm for a standard adult, and how far above the lungs' apices it starts.
FIELD, ABOVE = 388.0, 52.0

#: Scatter behind a grid as a share of the primary; noise of the log signal at full transmission; share of the wide-area
#: signal that the reader takes away; steps of the curve's table.
SCATTER, NOISE, EQUALISE, _STEPS = 0.30, 0.004, 0.42, 4096


@dataclass(frozen=True)
class Rendered:
    """A film: `pixels` uint16 (h, w), 0..4095, white attenuates; `spacing` mm (row, column); `ctr` None on an AP film."""

    pixels: NDArray[np.uint16]
    spacing: tuple[float, float]
    ctr: float | None
    findings: tuple[Finding, ...]
    masks: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    view: str = "PA"


def render(patient: Patient, size: int = 1024) -> Rendered:
    """Take the film of a patient.

    Parameters
    ----------
    patient : Patient
        Who, with what; `seed` fixes everything left to chance.
    size : int
        Long side of the film in pixels; the body is the same at every size.

    Returns
    -------
    Rendered
        The film as a CR reader shows it, the measured cardiothoracic ratio (None on an AP film), the findings with
        `visible` decided at this size (see `visible.py`), and for each finding that has a place its bounding box as
        (top, left, bottom, right) in pixels under "name", "name_side".
    """
    body = make_body(patient)
    rng = rng_of(patient, "film")
    coarse, fine, spacing, doublings = grids(body, size, rng)
    soft = anatomy.project(body, coarse)
    scene = Scene(body, coarse, fine, soft, np.ones(coarse.shape, np.float32), rng_of(patient, "lesions"))
    changes = effects(scene, patient.findings)
    line = compose(scene, changes, doublings, rng_of(patient, "vessels"))
    ctr = measure_ctr(body, soft, coarse)
    findings, masks = judge(scene, changes, line, 1 << doublings, ctr)
    return Rendered(develop(line, rng), spacing, None if patient.view == "AP" else round(ctr, 3), findings, masks, patient.view)


def compose(scene: Scene, changes: list[Effect], doublings: int, rng: np.random.Generator) -> Array:
    """Add up the attenuation of the soft body, the findings and everything thin, on the film's raster."""
    body, fine = scene.body, scene.fine
    line = scene.soft.line + bones.spine(body, scene.coarse) + bones.blades(body, scene.coarse)
    keep = np.ones(scene.coarse.shape, np.float32)
    thin: list[Tubes] = []
    breaks: dict[tuple[str, int], bones.Break] = {}
    for effect in changes:
        breaks |= effect.breaks
        thin += [] if effect.breaks else effect.tubes
        if effect.at is not None and effect.delta is not None:
            line[effect.at] += effect.delta
            if effect.fade is not None:
                keep[effect.at] *= 1 - effect.fade
    tree = lay_tubes(fine, vessels.lung_vessels(body, fine, rng), step=1.2)
    if any(effect.fade is not None for effect in changes):
        tree *= _enlarge(keep, doublings, fine.shape)
    if thin:
        tree += lay_tubes(fine, thin)
    skeleton = bones.girdle(body.view == "AP") + bones.ribs(body, breaks)
    skeleton_line = lay_tubes(scene.coarse, skeleton, hollow=True, step=1.2)
    skeleton_line += lay_tubes(scene.coarse, vessels.airways(body, scene.coarse), step=1.2)
    line += soften(skeleton_line)
    tree = soften(tree)
    tree += _enlarge(line, doublings, fine.shape)
    return tree


def measure_ctr(body: Body, soft: anatomy.Soft, grid: Grid) -> float:
    """Cardiothoracic ratio on the projection: widest heart shadow over widest inner chest, both in pixels."""
    rows = grid.rows(115, body.dome_left + 6)
    heart = np.flatnonzero((soft.core[rows] > 1).any(axis=0))
    chest = np.flatnonzero((soft.air[grid.rows(115, body.dome_right + 40)] > 1).any(axis=0))
    return float(np.ptp(heart) + 1) / float(np.ptp(chest) + 1)


def grids(body: Body, size: int, rng: np.random.Generator) -> tuple[Grid, Grid, tuple[float, float], int]:
    """The coarse grid of the soft body, the fine grid of the film, the pixel spacing, and how often to double."""
    wide = 1.0 if rng.random() < 0.65 else 0.88
    doublings = 0
    while size > 512 << doublings:
        doublings += 1
    step = 1 << doublings
    rows, columns = -(-size // step), round(size * wide / step)
    mm = FIELD * body.scale[2] * rng.uniform(0.98, 1.03) / size
    corner = (-ABOVE * body.scale[2] + rng.uniform(-4, 6), -columns * step * mm / 2 + rng.uniform(-7, 7))
    coarse = make_grid((rows, columns), mm * step, corner, body.scale)
    fine = make_grid((size, min(columns * step, size)), mm, corner, body.scale)
    return coarse, fine, (mm, mm), doublings


def develop(line: Array, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Expose and develop: transmission with scatter, quantum noise, the wide-area equalisation and curve of a CR reader."""
    factor = 1 << max(int(np.log2(line.shape[0] / 64)), 0)
    through = np.negative(line)
    np.exp(through, out=through)
    low = shrink(through, factor)
    for _ in range(4):
        low = soften(low)
    through += _spread(SCATTER * low, factor, line.shape)
    noise = np.sqrt(through)
    np.divide(lay(grain(), line.shape, rng), noise, out=noise)
    noise *= np.float32(NOISE)
    signal = np.log(through, out=through)
    np.subtract(noise, signal, out=signal)
    wide = shrink(signal, factor)
    for _ in range(8):
        wide = soften(wide)
    signal -= _spread(EQUALISE * (wide - CENTRE), factor, line.shape)
    signal *= np.float32(_STEPS)
    return _shoulder()[np.clip(signal, 0, _shoulder().size - 1, out=signal).astype(np.int32)]


@functools.cache
def _shoulder() -> NDArray[np.uint16]:
    """The characteristic curve, a logistic, as a table over signals of 0 to 8."""
    signal = np.arange(8 * _STEPS) / _STEPS
    return (4095 / (1 + np.exp(-GAMMA * (signal - CENTRE)))).astype(np.uint16)


def _spread(low: Array, factor: int, shape: tuple[int, int]) -> Array:
    """Bring block means back to the raster, smoothly."""
    return _enlarge(low, factor.bit_length() - 1, shape)


def _enlarge(a: Array, doublings: int, shape: tuple[int, int]) -> Array:
    for _ in range(doublings):
        a = double(a)
    return a[: shape[0], : shape[1]]
