"""What the phantom's CT findings are called in truth and in CT-RATE's label set, and how a patient is scanned."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from docphim.phantom.body import rng_of
from docphim.phantom.patient import Patient, profile_of
from docphim.study import Finding

#: Finding → its label in CT-RATE's set; None where the set has none.
CT_RATE: dict[str, str | None] = {
    "sternal_wires": "Medical material",
    "lobectomy": "Medical material",
    "chest_drain": "Medical material",
    "central_line": "Medical material",
    "aortic_calcification": "Arterial wall calcification",
    "cardiomegaly": "Cardiomegaly",
    "pericardial_effusion": "Pericardial effusion",
    "coronary_calcification": "Coronary artery wall calcification",
    "hiatal_hernia": "Hiatal hernia",
    "lymphadenopathy": "Lymphadenopathy",
    "hilar_prominence": "Lymphadenopathy",
    "emphysema": "Emphysema",
    "atelectasis": "Atelectasis",
    "nodule": "Lung nodule",
    "mass": "Lung nodule",
    "ground_glass": "Lung opacity",
    "fibrosis": "Pulmonary fibrotic sequela",
    "interstitial": "Pulmonary fibrotic sequela",
    "effusion": "Pleural effusion",
    "mosaic": "Mosaic attenuation pattern",
    "peribronchial_thickening": "Peribronchial thickening",
    "consolidation": "Consolidation",
    "bronchiectasis": "Bronchiectasis",
    "septal_thickening": "Interlobular septal thickening",
    "pneumothorax": None,
    "rib_fracture": None,
    "aortic_unfolding": None,
}
#: Findings that lie on one side or both; truth has a name for each side.
SIDED = (
    "effusion",
    "consolidation",
    "ground_glass",
    "nodule",
    "mass",
    "atelectasis",
    "bronchiectasis",
    "fibrosis",
    "pneumothorax",
    "rib_fracture",
)
#: Findings that mean an operation.
POST_OPERATIVE = {"sternal_wires", "lobectomy", "chest_drain"}


def truth_names() -> tuple[str, ...]:
    """Every name of a CT's truth: a finding, or a finding with its side."""
    return tuple(n for name in CT_RATE for n in ((f"{name}_right", f"{name}_left") if name in SIDED else (name,)))


def truth_labels(findings: Iterable[Finding]) -> dict[str, int]:
    """Every name of `truth_names` with 1 where a visible finding bears it, else 0."""
    here = set()
    for f in (f for f in findings if f.visible):
        sides = ("right", "left") if f.side == "both" else (f.side,)
        here |= {f"{f.name}_{side}" for side in sides} if f.name in SIDED else {f.name}
    return {name: int(name in here) for name in truth_names()}


def ct_rate_labels(shown: Iterable[str], labels: Iterable[str]) -> dict[str, int | None]:
    """CT-RATE's labels, in the order of `labels`: 1 where a finding that is shown (by name) bears it, else 0."""
    here = {CT_RATE[name] for name in shown}
    return {label: int(label in here) for label in labels}


def scanned(patient: Patient, profile: str) -> tuple[str, str]:
    """The contrast phase and the kernel with which a patient of a profile is scanned."""
    drawn = profile_of(profile).get("ct", {})
    rng = rng_of(patient, "ct scanner")
    return _pick(drawn.get("phase", {"native": 1.0}), rng), _pick(drawn.get("kernel", {"smooth": 1.0}), rng)


def _pick(weights: dict[str, float], rng: np.random.Generator) -> str:
    return list(weights)[int(rng.choice(len(weights), p=np.array(list(weights.values())) / sum(weights.values())))]
