"""One whole study: who lies in the scanner and how, both scans, what is true of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from docphim.phantom.body import make_body, rng_of
from docphim.phantom.patient import Patient, profile_of, sample_patient
from docphim.phantom.pet import truth
from docphim.phantom.pet.space import BLADDER, CHIN, CROTCH, ct_space, pet_space
from docphim.phantom.pet.write import Visit, visit_of
from docphim.study import to_row

if TYPE_CHECKING:
    from docphim.phantom.pet.emission import Emission
    from docphim.phantom.pet.transmission import Transmission

#: SUV above which a voxel is of the body: half of what fat takes up.
_BODY = 0.12


@dataclass(frozen=True)
class Taken:
    """A PET/CT of a patient, before it is worded and written."""

    patient: Patient
    visit: Visit
    arms: str
    signs: frozenset[str]
    emission: Emission
    transmission: Transmission | None


def take(
    index: int,
    seed: int,
    profile: str,
    *,
    size: int = 200,
    step_mm: float = 3.27,
    ct_size: int | None = None,
    field_mm: float | None = None,
    seams: bool = True,
    ct: bool = True,
) -> Taken:
    """Scan the patient of a study.

    Parameters
    ----------
    index, seed, profile
        Which study of which population.
    size, ct_size : int
        Rows and columns of the PET and of the CT; the CT's are the PET's where it is None.
    step_mm : float
        Distance of the slices of both, mm.
    field_mm : float, optional
        Field of view, mm: 700 of the PET and 500 of the CT where it is not given.
    seams : bool
        Whether the PET's steps are uneven where two beds meet.
    ct : bool
        False for a PET alone.
    """
    from docphim.phantom.pet import emission, transmission
    from docphim.phantom.pet.places import places

    patient = sample_patient(index, seed, profile)
    body = make_body(patient)
    how = profile_of(profile)["pet"]
    rng = rng_of(patient, "pet position")
    scanner, arms = _pick(how["scanner"], rng), _pick(how["arms"], rng)
    brown = bool(rng.random() < how["brown_fat"])
    lesions = places(patient, body, profile)
    grid = pet_space(patient, body, size, step_mm, field_mm, seams)
    made = emission.scan(patient, body, grid, lesions, arms, not brown)
    other = None
    if ct:
        other = transmission.scan(patient, body, ct_space(patient, body, ct_size or size, step_mm, field_mm), lesions, arms)
    signs = frozenset({"brown_fat"} if brown else ())
    litres = float((made.clean > _BODY).sum() * np.prod(grid.spacing) / 1e6)
    return Taken(patient, visit_of(patient, body, scanner, litres), arms, signs, made, other)


def truth_of(taken: Taken) -> dict[str, Any]:
    """What truth.json says, without the wordings."""
    patient, lesions = taken.patient, taken.emission.lesions
    labels = truth.labels_of(lesions)
    visit = taken.visit
    return {
        "patient": {"id": patient.id, "sex": patient.sex, "age": patient.age, "day": visit.day},
        "findings": [to_row(f) for f in truth.findings_of(patient.findings, lesions)],
        "labels": labels,
        "label_set": "phantom_pet",
        "regions": truth.by_region(labels),
        "records": [truth.record(group) for group in truth.kinds(lesions)],
        "lesions": [truth.row(lesion, taken.emission.space) for lesion in lesions],
        "landmarks": landmarks(taken),
        "arms": taken.arms,
        "signs": sorted(taken.signs),
        "scanner": visit.scanner,
        "factor": visit.factor,
        "fwhm_mm": round(taken.emission.fwhm, 2),
        "suv_mean": round(float(taken.emission.volume.mean()), 4),
    }


def landmarks(taken: Taken) -> dict[str, int]:
    """The slices of the PET, counted from the top, of the chin, the lungs' apex, the domes, the bladder, the crotch."""
    body, z = make_body(taken.patient), taken.emission.space.z
    dome = (body.dome_right + body.dome_left) / 2
    places = {"chin": CHIN, "apex": 0.0, "dome": dome, "bladder": BLADDER, "crotch": CROTCH}
    return {name: int(np.abs(z - height).argmin()) for name, height in places.items()}


def _pick(weights: dict[str, float], rng: np.random.Generator) -> str:
    names = list(weights)
    p = np.array(list(weights.values()), float)
    return names[int(rng.choice(len(names), p=p / p.sum()))]
