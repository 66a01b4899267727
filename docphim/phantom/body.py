"""The parametric patient: measures drawn from sex, age and seed, and the tables that give every organ its shape.

Coordinates are millimetres of a standard adult: x to the patient's left (the viewer's right), y forward, z down, with
the lung's apex at z = 0.  A patient is the standard body scaled by `scale` = (x, y, z).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from docphim.files import seed_of

if TYPE_CHECKING:
    from docphim.phantom.patient import Patient

Array = NDArray[np.floating[Any]]

#: Linear attenuation per millimetre near 65 keV: water and bone after NIST XCOM, inflated lung at a quarter of water.
SOFT, FAT, LUNG, BONE, CORTEX = 0.0195, 0.0178, 0.0050, 0.030, 0.055

#: Cardiothoracic ratio drawn for each severity; None is a normal heart.
CTR = {None: (0.405, 0.475), "mild": (0.508, 0.542), "moderate": (0.565, 0.625), "severe": (0.645, 0.715)}

#: Shape tables: (z, value) in standard millimetres.
TABLES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # lung: lateral wall, medial wall, half depth
    "lateral": (
        (-3, -2, 0, 5, 14, 28, 50, 80, 120, 160, 200, 240, 280, 330),
        (50, 57, 63, 73, 84, 96, 107, 119, 129, 135, 139, 141, 141, 138),
    ),
    "medial": ((-3, -2, 0, 5, 14, 28, 50, 330), (50, 44, 39, 31, 24, 18, 14, 10)),
    "depth": ((-3, 0, 5, 14, 28, 50, 80, 120, 160, 220, 330), (0, 9, 22, 35, 49, 64, 77, 87, 92, 95, 92)),
    # heart and mediastinum: right and left border from the midline, half depth, centre of depth
    "right": (
        (-80, -20, 0, 20, 40, 60, 80, 95, 110, 125, 140, 160, 180, 200, 220, 240, 262),
        (24, 22, 21, 22, 24, 25, 26, 28, 30, 35, 40, 43.5, 45, 44, 40, 32, 15),
    ),
    "left": (
        (-80, -20, 0, 20, 40, 60, 80, 95, 110, 125, 140, 160, 180, 200, 220, 240, 262),
        (24, 22, 21, 22, 24, 25, 26, 31, 36, 38, 45, 59, 71, 80, 86, 85, 60),
    ),
    "core_depth": ((-80, 0, 40, 80, 120, 150, 200, 240, 262), (48, 40, 55, 62, 60, 58, 56, 48, 30)),
    "core_y": ((-80, 0, 60, 110, 160, 240, 262), (-5, -5, 0, 6, 16, 20, 20)),
    # trunk with neck and shoulders: half width and half depth
    "trunk": (
        (-90, -60, -42, -30, -15, 5, 40, 75, 110, 150, 220, 380),
        (58, 60, 74, 110, 175, 215, 222, 196, 172, 166, 164, 166),
    ),
    "trunk_depth": ((-90, -50, -20, 10, 50, 100, 160, 380), (62, 62, 68, 80, 94, 106, 112, 114)),
}


@functools.cache
def _spline(name: str) -> PchipInterpolator:
    return PchipInterpolator(*TABLES[name], extrapolate=False)


def table(name: str, z: Any) -> Array:
    """Value of a shape table at heights `z` (standard mm); beyond its ends, the end value."""
    knots = TABLES[name][0]
    return _spline(name)(np.clip(z, knots[0], knots[-1])).astype(np.float32)


@dataclass(frozen=True)
class Body:
    """Measures of one patient, in standard millimetres; `heart` widens the heart, `shift` moves the mediastinum."""

    scale: tuple[float, float, float]
    sex: str
    view: str
    target_ctr: float
    dome_right: float
    dome_left: float
    heart: float = 1.0
    shift: float = 0.0
    knob: float = 13.0
    unfold: float = 0.0
    fat: float = 10.0
    breast: float = 0.0
    bone: float = 1.0

    def border(self, name: str, z: Any) -> Array:
        """Right or left border of heart and mediastinum from the midline at heights `z`, always positive."""
        grown = np.clip((np.asarray(z, np.float32) - 112) / 45, 0, 1)
        return table(name, z) * (1 + (self.heart - 1) * grown * grown * (3 - 2 * grown))

    def dome(self, side: str) -> float:
        """Height of the top of a hemidiaphragm."""
        return self.dome_right if side == "right" else self.dome_left


def rng_of(patient: Patient, part: str) -> np.random.Generator:
    """The random numbers of one part of one patient, independent of every other part."""
    return np.random.default_rng(seed_of("phantom", patient.seed, part))


def make_body(patient: Patient) -> Body:
    """Draw the measures of a patient; the heart is solved so that the cardiothoracic ratio falls in its severity's range."""
    rng = rng_of(patient, "body")
    draws = rng.uniform(-1, 1, 12).tolist()  # Python floats: a NumPy scalar would turn every float32 array into float64
    man, supine = patient.sex == "M", patient.view == "AP"
    size = (1.0 if man else 0.91) * (1 + 0.035 * draws[0])
    depth = size * (1.0 + 0.06 * draws[1] + 0.0015 * (patient.age - 60))
    height = size * (1 + 0.03 * draws[2]) * (0.93 if supine else 1.0)
    severity = {f.name: f.severity for f in patient.findings}
    low, high = CTR[severity.get("cardiomegaly", "moderate") if "cardiomegaly" in severity else None]
    dome = 224 + 7 * draws[4] - (10 if supine else 0)
    lost = {f.side: 16.0 for f in patient.findings if f.name == "lobectomy"}  # the dome rises where a lobe is gone
    body = Body(
        scale=(size, depth, height),
        sex=patient.sex,
        view=patient.view,
        target_ctr=low + (high - low) * (draws[3] + 1) / 2,
        dome_right=dome - lost.get("right", 0.0),
        dome_left=dome + 13 + 4 * draws[5] - lost.get("left", 0.0),
        knob=12.5 + 1.0 * draws[6] + max(0, patient.age - 50) * 0.05,
        unfold=_unfold(severity, patient.age, draws[7]),
        fat=10 + 4 * draws[8] + (2 if not man else 0),
        breast=0.0 if man else 23 + 7 * draws[9],
        bone=1.06 - max(0, patient.age - 55) * (0.006 if not man else 0.003),
        shift=_shift(patient),
    )
    return _solve_heart(body)


def _unfold(severity: dict[str, str | None], age: int, draw: float) -> float:
    """How far the aorta unfolds, 0 to 1: a little with age, clearly as a finding."""
    if "aortic_unfolding" in severity:
        return {"mild": 0.45, "moderate": 0.75, "severe": 1.0}[severity["aortic_unfolding"] or "moderate"] + 0.06 * draw
    return max(0.0, (age - 60) * 0.003 + 0.04 * draw)


def _shift(patient: Patient) -> float:
    """Shift of the mediastinum to the left in mm: away from a large effusion or pneumothorax, to where a lobe is gone."""
    away = 0.0
    for finding in patient.findings:
        push = {"effusion": 17.0, "pneumothorax": 12.0}.get(finding.name, 0.0) * (finding.severity == "severe")
        push -= 11.0 * (finding.name == "lobectomy")
        away += {"right": push, "left": -push}.get(finding.side or "", 0.0)
    return away


def thoracic_width(body: Body) -> float:
    """Greatest inner width of the chest above the costophrenic angles."""
    z = np.arange(150, body.dome_right + 30)
    return float(2 * table("lateral", z).max())


def heart_width(body: Body) -> float:
    """Greatest transverse width of the heart: furthest right plus furthest left of the midline."""
    z = np.arange(115.0, body.dome_left + 6)
    return float(body.border("right", z).max() + body.border("left", z).max())


def _solve_heart(body: Body) -> Body:
    width = heart_width(replace(body, heart=1.0))
    return replace(body, heart=body.target_ctr * thoracic_width(body) / width)
