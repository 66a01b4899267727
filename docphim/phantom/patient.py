"""The synthetic patient: who it is and what is to be seen on the film, drawn by the numbers of `prevalence.yaml`."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from docphim.errors import UsageError
from docphim.files import seed_of
from docphim.package_data import packaged
from docphim.study import Finding

#: The labels of the phantom's truth; a name with a side stands for that side of the patient.
LABELS: tuple[str, ...] = (
    "cardiomegaly",
    "effusion_right",
    "effusion_left",
    "consolidation_right",
    "consolidation_left",
    "nodule_right",
    "nodule_left",
    "mass_right",
    "mass_left",
    "pneumothorax_right",
    "pneumothorax_left",
    "interstitial",
    "aortic_calcification",
    "aortic_unfolding",
    "rib_fracture_right",
    "rib_fracture_left",
    "hilar_prominence_right",
    "hilar_prominence_left",
)

Draw = dict[str, Any]


@dataclass(frozen=True)
class Patient:
    """One synthetic patient; `age` in years, `seed` fixes body, film and noise."""

    id: str
    sex: Literal["F", "M"]
    age: int
    view: Literal["PA", "AP"]
    seed: int
    findings: tuple[Finding, ...]


@functools.cache
def profiles() -> dict[str, Any]:
    """The populations of `prevalence.yaml`, of films, CT and PET/CT, by name."""
    folder = Path(__file__).parent
    return {name: how for part in ("", "ct", "pet") for name, how in packaged(folder / part / "prevalence.yaml").items()}


def profile_of(name: str) -> dict[str, Any]:
    """One population.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    if name not in profiles():
        raise UsageError(f"profile: {name!r} is not one of {', '.join(profiles())}")
    return cast(dict[str, Any], profiles()[name])


def sample_patient(index: int, seed: int, profile: str) -> Patient:
    """Draw the patient of study `index`; equal arguments give the same patient, and no study depends on how many are drawn.

    A few studies (`second_study` of the profile) are the second one of the patient before: same id, sex and chronic
    findings, up to two years older, everything acute drawn anew.
    """
    drawn = profile_of(profile)
    if _is_second(index, seed, profile):
        return _second(sample_patient(index - 1, seed, profile), index, seed, profile)
    rng = _rng("patient", profile, seed, index)
    ages = drawn["age"]
    age = round(float(np.clip(rng.normal(ages["mean"], ages["sd"]), ages["low"], ages["high"])))
    sex, view = _pick(drawn["sex"], rng), _pick(drawn["view"], rng)
    findings = _findings(drawn, age, rng, ())
    return Patient(f"PT{index:06d}", sex, age, view, seed_of("body", profile, seed, index), findings)


def labels_of(findings: Iterable[Finding]) -> dict[str, int]:
    """Every name of `LABELS` with 1 where a visible finding bears it, else 0."""
    here = {name for f in findings if f.visible for name in _names(f)}
    return {name: int(name in here) for name in LABELS}


def _names(finding: Finding) -> set[str]:
    return {finding.name} | {f"{finding.name}_{side}" for side in _sides(finding.side)}


def _sides(side: str | None) -> set[str]:
    return {"left", "right"} if side == "both" else {side} if side else set()


def _rng(*parts: object) -> np.random.Generator:
    return np.random.default_rng(seed_of(*parts))


def _is_second(index: int, seed: int, profile: str) -> bool:
    share = profile_of(profile)["second_study"]
    if index < 1 or _rng("second", profile, seed, index).random() >= share:
        return False
    return not _is_second(index - 1, seed, profile)


def _second(first: Patient, index: int, seed: int, profile: str) -> Patient:
    drawn = profile_of(profile)
    rng = _rng("patient", profile, seed, index)
    chronic = tuple(f for f in first.findings if drawn["findings"][f.name].get("chronic"))
    age = first.age + int(rng.integers(0, 3))
    findings = _findings(drawn, age, rng, chronic)
    return Patient(first.id, first.sex, age, _pick(drawn["view"], rng), seed_of("body", profile, seed, index), findings)


def _findings(drawn: Draw, age: int, rng: np.random.Generator, chronic: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Draw findings in the order of the profile, each given those before it; `chronic` ones stay and are not drawn again."""
    drawn_findings: list[Finding] = []
    for name, how in drawn["findings"].items():
        if old := [f for f in chronic if f.name == name]:
            drawn_findings += old
            continue
        logit = math.log(how["prevalence"] / (1 - how["prevalence"])) + how.get("age", 0) * (age - drawn["age"]["mean"]) / 10
        logit += sum(more for other, more in how.get("with", {}).items() if any(f.name == other for f in drawn_findings))
        if rng.random() < 1 / (1 + math.exp(-logit)):
            drawn_findings += _rows(name, how, drawn_findings, rng)
    return tuple(drawn_findings)


def _rows(name: str, how: Draw, earlier: list[Finding], rng: np.random.Generator) -> list[Finding]:
    """The rows of one finding: none where no side is free, several for neighbouring broken ribs."""
    side = _side(how, earlier, rng)
    if "side" in how and side is None:
        return []
    severity = _pick(how["severity"], rng) if "severity" in how else None
    size = round(float(rng.uniform(*how["size_mm"]))) if "size_mm" in how else None
    if "ribs" in how:
        return [Finding(name, side, zone, severity, size) for zone in _ribs(how, rng)]
    zone = _pick(how["zone"], rng) if "zone" in how else None
    return [Finding(name, side, zone, severity, size)]


def _ribs(how: Draw, rng: np.random.Generator) -> list[str]:
    low, high = how["ribs"]
    count = int(_pick(how["count"], rng))
    first = int(rng.integers(low, high - count + 2))
    arc = _pick(how["arc"], rng)
    return [f"rib{rib}/{arc}" for rib in range(first, first + count)]


def _side(how: Draw, earlier: list[Finding], rng: np.random.Generator) -> Any:
    """A side by its weights, or the side of a companion; never one where a finding of `not_beside` lies."""
    if "side" not in how:
        return None
    taken = {s for f in earlier if f.name in how.get("not_beside", ()) for s in _sides(f.side)}
    weights = {side: w for side, w in how["side"].items() if not _sides(side) & taken}
    for other, share in how.get("with_side", {}).items():
        beside = next((f.side for f in earlier if f.name == other), None)
        if beside in weights and rng.random() < share:
            return beside
    return _pick(weights, rng) if weights else None


def _pick(weights: dict[Any, float], rng: np.random.Generator) -> Any:
    p = np.array(list(weights.values()), float)
    return list(weights)[int(rng.choice(len(p), p=p / p.sum()))]
