"""Scan a synthetic patient: paint body, lesions and what surgeons left, blur and grain them as a kernel does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from docphim.phantom.body import Body, make_body, rng_of
from docphim.phantom.ct import belly, heart, lungs, skeleton, torso
from docphim.phantom.ct.develop import develop
from docphim.phantom.ct.hard import hard
from docphim.phantom.ct.lesion import Lesion
from docphim.phantom.ct.lesions import PAINTERS
from docphim.phantom.ct.places import places
from docphim.phantom.ct.space import Slab, Space
from docphim.phantom.ct.strands import Strands, strands
from docphim.phantom.ct.tissue import AIR, MUSCLE, PHASES
from docphim.phantom.ct.trace import HALF, SIXTEENTH, Trace
from docphim.phantom.patient import Patient
from docphim.study import Finding

#: Heights between which a chest is scanned, and the field of view of an average body, in standard mm.
TOP, BOTTOM, FIELD = -34.0, 304.0, 392.0
#: Findings that are the shape of the body itself.
SHAPES = {"cardiomegaly", "aortic_unfolding", "rib_fracture"}


@dataclass(frozen=True)
class Scan:
    """A chest CT: `volume` int16 HU (z, y, x) from the top down, front row first, the patient's right in column 0.

    `spacing` is mm (z, y, x); `affine` takes voxel (x, y, z) to mm towards left, back and head (LPS).
    """

    volume: NDArray[np.int16]
    spacing: tuple[float, float, float]
    affine: NDArray[np.float64]
    findings: tuple[Finding, ...]
    phase: str
    kernel: str
    lesions: list[dict[str, Any]] = field(default_factory=list)
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


def make_space(body: Body, size: int, step_mm: float, rng: np.random.Generator) -> Space:
    """Lay the voxels: a square of `size` pixels around the body, slices `step_mm` apart from the neck to below the lungs."""
    jitter = rng.uniform(-1, 1, 4)
    mm = float(FIELD * body.scale[0] * (1 + 0.03 * jitter[0]) / size)
    x = (np.arange(size) - (size - 1) / 2) * mm / body.scale[0] + 4 * jitter[1]
    y = -(np.arange(size) - (size - 1) / 2) * mm / body.scale[1] - 14 + 5 * jitter[2]
    count = int((BOTTOM - TOP) * body.scale[2] / step_mm)
    z = TOP + 3 * jitter[3] + (np.arange(count) + 0.5) * step_mm / body.scale[2]
    step = (step_mm / body.scale[2], mm / body.scale[1], mm / body.scale[0])
    return Space(x.astype(np.float32), y.astype(np.float32), z.astype(np.float32), step, (step_mm, mm, mm), body.scale)


def scan(
    patient: Patient,
    size: int = 512,
    step_mm: float = 4.0,
    *,
    kernel: str = "smooth",
    phase: str = "native",
    masks: bool = False,
) -> Scan:
    """Scan a patient.

    Parameters
    ----------
    patient : Patient
        Who, with what; `seed` fixes everything left to chance.
    size : int
        Rows and columns.
    step_mm : float
        Distance of the slices in mm.
    kernel, phase : str
        A name of `develop.KERNELS` and of `tissue.PHASES`.
    masks : bool
        Whether to keep a mask of every lesion, (z, y, x) bool, under its name with its side.

    Returns
    -------
    Scan
        The volume, and the findings with `visible` decided on this grid (see `visible`).
    """
    body = make_body(patient)
    space = make_space(body, size, step_mm, rng_of(patient, "ct"))
    ward = Ward(space, body, PHASES[phase], [Trace(lesion) for lesion in places(patient, body)], masks)
    layers = _tubes(ward, patient)
    volume = np.empty(space.shape, np.int16)
    noise = rng_of(patient, "ct noise")
    for rows in space.slabs():
        slab = Slab.blank(space, rows)
        _paint(slab, ward, layers)
        volume[rows] = develop(slab, kernel, noise)
    findings = tuple(stated for f in patient.findings for stated in ward.stated(f))
    lesions = [trace.row(space) for trace in ward.traces if trace.voxels]
    return Scan(volume, space.spacing, space.affine, findings, phase, kernel, lesions, ward.masks())


@dataclass
class Ward:
    """What one scan is made of."""

    space: Space
    body: Body
    hu: dict[str, float]
    traces: list[Trace]
    keep: bool

    @property
    def whole(self) -> list[str]:
        """The sides of which no lobe was taken out."""
        gone = {t.lesion.side for t in self.traces if t.lesion.name == "lobectomy"}
        return [side for side in ("right", "left") if side not in gone]

    def stated(self, finding: Finding) -> list[Finding]:
        """A finding with the lobe in which it lies as its zone: two findings where the sides differ in that or in being seen.

        It is visible where it fills half of a voxel or more; what changes the body's shape always is.
        """
        sides = [
            replace(
                finding,
                side=cast(Any, t.lesion.side),
                zone=t.lesion.lobe or finding.zone,
                visible=finding.name in SHAPES or t.voxels > 0,
            )
            for t in self.traces
            if t.lesion.finding is finding
        ]
        alike = len({(f.zone, f.visible) for f in sides}) == 1
        return [replace(sides[0], side=finding.side)] if alike else sides

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """The lesions' masks, where they were asked for."""
        out: dict[str, NDArray[np.bool_]] = {}
        for trace in self.traces if self.keep else []:
            mask = out.setdefault(trace.lesion.key, np.zeros(self.space.shape, bool))
            for (z, y, x), half in trace.parts:
                mask[z : z + half.shape[0], y : y + half.shape[1], x : x + half.shape[2]] |= half
        return out


Layer = tuple[Strands, bool, Trace | None]


def _paint(slab: Slab, ward: Ward, layers: dict[str, list[Layer]]) -> None:
    """Everything in one slab, from the outside in and from soft to hard."""
    body, hu = ward.body, ward.hu
    torso.paint_wall(slab, body)
    belly.paint_cavity(slab, body)
    torso.paint_mediastinum(slab, body)
    torso.paint_lungs(slab, body)
    belly.paint_domes(slab, body, hu)
    torso.paint_core(slab, body)
    _lesions(slab, ward, "heart")
    heart.paint_heart(slab, body, hu)
    heart.paint_arch(slab, body, hu)
    _lay(slab, ward, layers["vessels"])
    _lesions(slab, ward, "soft")
    torso.take_from_lungs(slab)
    _lesions(slab, ward, "pleura")
    lungs.paint_fissures(slab, ward.whole)
    _lay(slab, ward, layers["within"])
    _lesions(slab, ward, "lung")
    _lay(slab, ward, layers["airways"])
    skeleton.paint_spine(slab, body)
    skeleton.paint_plates(slab, body)
    _lay(slab, ward, layers["hard"])


def _lesions(slab: Slab, ward: Ward, stage: str) -> None:
    for name, painter in PAINTERS[stage].items():
        for trace in ward.traces:
            if trace.lesion.name == name:
                taken = painter(slab, trace.lesion, ward.body, ward.hu)
                if taken is not None:
                    box, cover = taken
                    trace.add(slab, cover > HALF, tuple(part.start or 0 for part in box.at), ward.keep)


def _lay(slab: Slab, ward: Ward, layers: list[Layer]) -> None:
    for tubes, within, trace in layers:
        taken = tubes.lay(slab, within=within)
        if trace is not None and taken is not None:
            where, cover = taken
            half = np.zeros(slab.hu.size, bool)
            half[where[cover > SIXTEENTH]] = True
            trace.add(slab, half.reshape(slab.hu.shape), (0, 0, 0), ward.keep)


def _tubes(ward: Ward, patient: Patient) -> dict[str, list[Layer]]:
    """All tubes, by when they are painted: great vessels, what branches in the lungs, airways, bones with all that is hard."""
    space, body = ward.space, ward.body
    walls, lumina = lungs.airway_strands(space, body)
    tree = lungs.vessel_tree(space, body, patient)
    small_walls, small_lumina = lungs.bronchi(tree)
    of_lesions = [(tubes, within, trace) for trace in ward.traces for tubes, within in _of(space, trace.lesion, body, tree)]
    breaks = {place: broken for trace in ward.traces for place, broken in trace.lesion.breaks.items()}
    return {
        "vessels": [(t, False, None) for t in heart.great_vessels(space, body, ward.hu)],
        "within": [(lungs.vessel_strands(space, tree, ward.hu["lung_vessel"]), True, None)],
        "airways": [
            (strands(space, [small_walls], MUSCLE - 20), True, None),
            (strands(space, walls, MUSCLE - 20), False, None),
            *(layer for layer in of_lesions if layer[1]),
            (strands(space, [small_lumina], AIR + 10, whole=True), True, None),
            (strands(space, lumina, AIR + 10, whole=True), False, None),
        ],
        "hard": [
            *((t, False, None) for t in skeleton.bone_strands(space, body, breaks)),
            *(layer for layer in of_lesions if not layer[1]),
        ],
    }


def _of(space: Space, lesion: Lesion, body: Body, tree: lungs.Tree) -> list[tuple[Strands, bool]]:
    made, within = hard(space, lesion, body, tree)
    return [(tubes, within) for tubes in made]
