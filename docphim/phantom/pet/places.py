"""Where the lesions of a PET/CT lie, how large they are and what SUVmax they are to have, drawn once for both scans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from docphim.phantom.body import Body, rng_of
from docphim.phantom.bones import vertebra_height
from docphim.phantom.ct.places import in_lung
from docphim.phantom.ct.skeleton import rib_line
from docphim.phantom.ct.tissue import spine_y
from docphim.phantom.patient import Patient, profile_of
from docphim.phantom.pet.lesions import Placed, Point, sites
from docphim.phantom.pet.shapes import DOMES
from docphim.study import Finding


def places(patient: Patient, body: Body, profile: str) -> list[Placed]:
    """Every lesion of a patient; one finding may be several, the largest and most avid first."""
    out: list[Placed] = []
    for finding in patient.findings:
        how = profile_of(profile)["findings"][finding.name]
        rng = rng_of(patient, f"pet/{finding.name}/{finding.side}")
        counts = how.get("count", {1: 1.0})
        weights = np.array(list(counts.values()), float)
        count = int(list(counts)[int(rng.choice(len(counts), p=weights / weights.sum()))])
        first = _first(patient, body, finding, how, rng)
        out.append(first)
        out += [_beside(first, number, rng) for number in range(1, count)]
    return out


def _first(patient: Patient, body: Body, finding: Finding, how: dict[str, Any], rng: np.random.Generator) -> Placed:
    site = sites()[finding.name]
    longest = float(finding.size_mm or 20)
    low, high = site["axes"]
    short = rng.uniform(low, high, 2) * longest
    # the longest axis lies across the body or along its depth: the two that an axial slice shows
    across = bool(rng.random() < 0.5)
    radii = (longest / 2, short[0] / 2, short[1] / 2) if across else (short[0] / 2, longest / 2, short[1] / 2)
    target = None
    if finding.severity != "none":
        low, high = np.log(how["suv"][finding.severity or "high"])
        target = round(float(np.exp(rng.uniform(low, high))), 2)
    centre, lobe, level = _place(body, finding, site, longest, rng)
    return Placed(finding, 0, finding.name, centre, tuple(float(r) for r in radii), target, lobe, level)  # type: ignore[arg-type]


def _place(
    body: Body, finding: Finding, site: dict[str, Any], size: float, rng: np.random.Generator
) -> tuple[Point, str | None, int | None]:
    """Where a lesion lies; the lobe of a lung's, the number of a vertebra or rib."""
    sign = -1.0 if finding.side == "right" else 1.0
    if site.get("lung"):
        where, lobe = in_lung(body, finding.side or "right", finding.zone, min(size / 2, 24), None, rng)
        return where, lobe, None
    if "vertebra" in site:
        low, high = site["vertebra"][finding.zone]
        k = int(rng.integers(low, high + 1))
        z = vertebra_height(k)
        return (float(rng.uniform(-5, 5)), float(spine_y(z)) + 1, z), None, k
    if "rib" in site:
        k = int(rng.integers(site["rib"][0], site["rib"][1] + 1))
        angle, *line = rib_line(k, body)
        at = int(rng.integers(int(0.35 * len(angle)), int(0.7 * len(angle))))
        out, back, height = (float(v[at]) for v in line)
        return (sign * out, back, height), None, k
    zone = finding.zone or "any"
    x, y, z = (a + j * float(d) for a, j, d in zip(site["at"][zone], site["jitter"], rng.uniform(-1, 1, 3), strict=True))
    if "dome" in site:
        z += body.dome(site["dome"]) - DOMES[site["dome"]]
    return (sign * x if finding.side else x, y, z), None, None


def _beside(first: Placed, number: int, rng: np.random.Generator) -> Placed:
    """Another one like the first near it: smaller, less avid, above or below in a node's chain, around in an organ."""
    share = float(rng.uniform(0.5, 0.8))
    away = max(first.radii) * (1 + share) + 3 + float(rng.uniform(0, 6))
    turn = float(rng.uniform(0, 2 * np.pi))
    up = (-1 if number % 2 else 1) * away * (0.95 + 0.6 * (number // 2))
    x, y, z = first.centre
    place = (x + 0.15 * away * np.cos(turn), y + 0.15 * away * np.sin(turn), z + up)
    radii = tuple(r * share for r in first.radii)
    target = None if first.target is None else round(first.target * float(rng.uniform(0.6, 0.95)), 2)
    return replace(first, number=number, centre=place, radii=radii, target=target)  # type: ignore[arg-type]
