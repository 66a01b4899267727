"""Where each lesion of a patient lies, in space and once: the film's lesions at the film's places, the others drawn here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from docphim.phantom import anatomy
from docphim.phantom.body import Array, Body, rng_of
from docphim.phantom.ct.lesion import Lesion, lobe_of
from docphim.phantom.ct.space import sights
from docphim.phantom.ct.tissue import level
from docphim.phantom.ct.torso import core
from docphim.phantom.lesions import DEGREE, ZONES, Effect, Scene, effects, sides
from docphim.phantom.patient import Patient
from docphim.study import Finding

#: Findings whose place the film's painter chose.
ON_FILM = {"nodule", "mass", "consolidation", "effusion", "rib_fracture"}
#: Findings of the lung that have one place in a lobe, and the radius in mm that each degree has.
IN_A_LOBE = {
    "nodule": (4, 8, 13),
    "mass": (18, 25, 33),
    "consolidation": (22, 31, 42),
    "ground_glass": (20, 30, 40),
    "atelectasis": (16, 24, 32),
    "bronchiectasis": (26, 34, 44),
}
_TRIES = 160


def places(patient: Patient, body: Body) -> list[Lesion]:
    """Every lesion of a patient; a finding on both sides is two."""
    film = _film_places(patient, body)
    gone = {(f.side, f.zone) for f in patient.findings if f.name == "lobectomy"}
    out = []
    for nth, finding in enumerate(patient.findings):
        for side in sides(finding) if finding.side else (None,):
            rng = rng_of(patient, f"ct/{finding.name}/{side}/{nth}")
            lesion = _placed(finding, side, body, film.get((id(finding), side)), rng)
            if (side, lesion.lobe) in gone:  # another lobe has taken its room
                lesion = replace(lesion, lobe="lower" if lesion.lobe == "upper" else "upper")
            out.append(lesion)
    return out


def _film_places(patient: Patient, body: Body) -> dict[tuple[int, str | None], Effect]:
    """What the film's painter made of the findings that it places, on a raster so small that it costs next to nothing."""
    from docphim.phantom.film import grids

    if not any(f.name in ON_FILM for f in patient.findings):
        return {}
    coarse, fine, _, _ = grids(body, 64, rng_of(patient, "film"))
    soft = anatomy.project(body, coarse)
    scene = Scene(body, coarse, fine, soft, np.ones(coarse.shape, np.float32), rng_of(patient, "lesions"))
    made = effects(scene, patient.findings)
    return {(id(e.finding), e.side): e for e in made if e.place or e.breaks}


def _placed(finding: Finding, side: str | None, body: Body, film: Effect | None, rng: np.random.Generator) -> Lesion:
    degree = DEGREE[finding.severity]
    draws = tuple(float(v) for v in rng.uniform(-1, 1, 24))
    if film is not None and film.breaks:
        return Lesion(finding, side, (0.0, 0.0, 0.0), 0.0, None, draws, dict(film.breaks))
    if finding.name in IN_A_LOBE and side:
        radius = (finding.size_mm or 2 * IN_A_LOBE[finding.name][degree] * (1 + 0.1 * draws[0])) / 2
        if film is not None and film.place and not finding.size_mm:
            radius = film.place[2]
        across = film.place[:2] if film is not None and film.place else None
        where, lobe = in_lung(body, side, finding.zone, min(radius, 22) * 0.8, across, rng)
        return Lesion(finding, side, where, radius, lobe, draws)
    height = film.place[1] if film is not None and film.place else 0.0
    return Lesion(finding, side, (0.0, 0.0, height), (finding.size_mm or 0) / 2, None, draws)


def in_lung(
    body: Body, side: str, zone: str | None, margin: float, across: tuple[float, float] | None, rng: np.random.Generator
) -> tuple[tuple[float, float, float], str]:
    """A place inside a lung, in the lobe that the zone means where there is room; `across` fixes outward and height."""
    zone = zone or ("upper", "middle", "lower")[int(rng.integers(3))]
    top, bottom, _ = ZONES[zone]
    wanted = zone if side == "right" or zone != "middle" else "upper"
    x, y, z = rng.uniform((18, -88, top), (136, 88, bottom), (_TRIES, 3)).T
    if across is not None:
        x, z = np.full(_TRIES, across[0]), np.full(_TRIES, across[1])
    room = _room(body, side, x, y, z)
    lobes = np.array([lobe_of(side, float(b), float(c)) for b, c in zip(y, z, strict=True)])
    fits = room - margin + 200.0 * (lobes == wanted) * (room > min(margin, 6)) - 400.0 * (room < 1)
    good = np.flatnonzero((lobes == wanted) & (room > margin))
    best = int(good[0]) if good.size else int(fits.argmax())
    return ((x[best] if side == "left" else -x[best]), float(y[best]), float(z[best])), str(lobes[best])


def _room(body: Body, side: str, x: Array, y: Array, z: Array) -> Array:
    """How far places (outward, y, z) lie from wall, mediastinum and diaphragm, roughly, in mm; negative outside the lung."""
    sign = 1 if side == "left" else -1
    at = sights((sign * x)[None].astype(np.float32), z[None].astype(np.float32))
    back, front = (v[0] for v in anatomy.hull(body, side, at))
    room = np.minimum(np.minimum(front - y, y - back), level("lateral", z) - x)
    for solid in (core(body, at, -6.0), anatomy.dome(body, side, at)):
        low, high = (v[0] for v in solid)
        room = np.minimum(room, np.where(high > low, np.maximum(low - y, y - high), 99))
    return np.minimum(room, body.dome(side) + 30 - z)
