"""The low-dose CT beside a PET: the chest as the CT phantom paints it, with head, arms, belly, pelvis and legs around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docphim.phantom.body import Body, rng_of
from docphim.phantom.ct import heart, lungs, skeleton, torso
from docphim.phantom.ct.develop import develop
from docphim.phantom.ct.space import Slab, Space
from docphim.phantom.ct.strands import Strands, strands
from docphim.phantom.ct.tissue import AIR, MUSCLE, PHASES
from docphim.phantom.patient import Patient
from docphim.phantom.pet import outline
from docphim.phantom.pet.lesions import Placed, paint_ct
from docphim.phantom.pet.shapes import SLAB, Shape, paint, shapes_of
from docphim.phantom.pet.tissues import hounsfield

#: Pixels wider than this, mm, show neither the lungs' vessels nor their bronchi.
COARSE = 3.0
#: The spine is painted between these heights, standard mm: from the skull to the sacrum.
_SPINE = (-118.0, 425.0)
#: Of a pelvis' shapes these lie inside its cavity.
_ORGANS = {"uterus", "prostate", "bladder"}


#: Shapes by group of `anatomy.yaml`.
Groups = dict[str, tuple[Shape, ...]]


@dataclass(frozen=True)
class Transmission:
    """A CT: `volume` int16 HU (z, y, x), top slice first, front row first, the patient's right in column 0."""

    space: Space
    volume: NDArray[np.int16]


def scan(patient: Patient, body: Body, space: Space, lesions: list[Placed], arms: str) -> Transmission:
    """Scan a patient whose lesions lie where the PET has them; the arguments are those of `emission.scan`."""
    values = hounsfield()
    groups = {name: shapes_of(patient, body, name) for name in ("collar", "head", "neck", f"arms_{arms}", "abdomen", "pelvis")}
    layers = _tubes(space, body, patient)
    volume = np.empty(space.shape, np.int16)
    noise = rng_of(patient, "pet ct noise")
    for rows in space.slabs(SLAB):
        slab = Slab.blank(space, rows)
        _paint_soft(slab, body, values, groups, arms)
        _paint_chest(slab, body, layers)
        paint(slab, groups["abdomen"], values, "ct")
        paint(
            slab,
            [s for s in groups["pelvis"] if s.tissue in _ORGANS or (s.tissue == "muscle" and s.only == "ct")],
            values,
            "ct",
        )
        paint_ct(slab, [lesion for lesion in lesions if lesion.target is not None or not _in_bone(lesion)])
        _paint_hard(slab, body, values, groups, arms, layers)
        paint_ct(slab, [lesion for lesion in lesions if _in_bone(lesion)])
        volume[rows] = develop(slab, "smooth", noise)
    return Transmission(space, volume)


def _in_bone(lesion: Placed) -> bool:
    return lesion.finding.name in ("vertebra_lesion", "pelvic_bone_lesion", "rib_lesion", "femur_lesion", "humerus_lesion")


def _paint_soft(slab: Slab, body: Body, values: dict[str, float], groups: Groups, arms: str) -> None:
    """Outline, head, neck, arms and legs, the fat of the belly."""
    torso.paint_table(slab, body)
    outline.paint_shell(slab, body, values, "ct")
    soft = {name: [s for s in shapes if s.tissue not in ("cortex", "marrow")] for name, shapes in groups.items()}
    for name in ("collar", "head", "neck"):
        paint(slab, soft[name], values, "ct")
    paint(slab, soft[f"arms_{arms}"], values, "ct")
    chest = outline.part(slab, outline.NECK, outline.WAIST)
    if chest is not None:
        torso.paint_wall(chest, body)
    paint(slab, [s for s in soft["pelvis"] if s.tissue not in _ORGANS], values, "ct")
    outline.paint_cavity(slab, body, values)


def _paint_chest(slab: Slab, body: Body, layers: dict[str, list[tuple[Strands, bool]]]) -> None:
    """Lungs, domes, mediastinum, heart and vessels, as `ct.scan` paints them."""
    hu, values = PHASES["native"], hounsfield()
    chest = outline.part(slab, outline.NECK, outline.WAIST)
    if chest is not None:
        torso.paint_mediastinum(chest, body)
        torso.paint_lungs(chest, body)
        outline.paint_domes(chest, body, values)
        torso.paint_core(chest, body)
        heart.paint_heart(chest, body, hu)
        heart.paint_arch(chest, body, hu)
    _lay(slab, layers["vessels"])
    if chest is not None:
        torso.take_from_lungs(chest)
        lungs.paint_fissures(chest, ["right", "left"])
    _lay(slab, layers["lungs"])


def _paint_hard(
    slab: Slab,
    body: Body,
    values: dict[str, float],
    groups: Groups,
    arms: str,
    layers: dict[str, list[tuple[Strands, bool]]],
) -> None:
    """All bones."""
    spine = outline.part(slab, *_SPINE)
    if spine is not None:
        skeleton.paint_spine(spine, body)
    chest = outline.part(slab, outline.NECK, outline.WAIST)
    if chest is not None:
        skeleton.paint_plates(chest, body)
    _lay(slab, layers["bones"])
    for name in (f"arms_{arms}", "pelvis"):
        paint(slab, [s for s in groups[name] if s.tissue in ("cortex", "marrow", "gristle")], values, "ct")


def _lay(slab: Slab, layers: list[tuple[Strands, bool]]) -> None:
    for tubes, within in layers:
        tubes.lay(slab, within=within)


def _tubes(space: Space, body: Body, patient: Patient) -> dict[str, list[tuple[Strands, bool]]]:
    """Great vessels; airways, and on a fine grid what branches in the lungs; ribs, cartilages and the girdle."""
    walls, lumina = lungs.airway_strands(space, body)
    airways = [(strands(space, walls, MUSCLE - 20), False), (strands(space, lumina, AIR + 10, whole=True), False)]
    if space.spacing[2] < COARSE:
        tree = lungs.vessel_tree(space, body, patient)
        small_walls, small_lumina = lungs.bronchi(tree)
        airways = [
            (lungs.vessel_strands(space, tree, PHASES["native"]["lung_vessel"]), True),
            (strands(space, [small_walls], MUSCLE - 20), True),
            (strands(space, [small_lumina], AIR + 10, whole=True), True),
            *airways,
        ]
    return {
        "vessels": [(tubes, False) for tubes in heart.great_vessels(space, body, PHASES["native"])],
        "lungs": airways,
        "bones": [(tubes, False) for tubes in skeleton.bone_strands(space, body, {})],
    }
