"""What is true of a phantom's PET/CT: labels by region, records of its lesions as a report would have them, where each lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from docphim.phantom.ct.space import Space
from docphim.phantom.pet.lesions import Placed, sites
from docphim.study import Finding

Row = dict[str, Any]
#: Sites that lie on one side: truth has a name for each.
_MIDDLE = ("mediastinal_node", "liver_lesion", "retroperitoneal_node", "colon_mass", "vertebra_lesion")


def kinds(lesions: Sequence[Placed]) -> list[list[Placed]]:
    """Lesions that the scan shows, those of one finding together, the largest first."""
    groups: dict[int, list[Placed]] = {}
    for lesion in lesions:
        if lesion.seen:
            groups.setdefault(id(lesion.finding), []).append(lesion)
    return [sorted(group, key=lambda one: one.number) for group in groups.values()]


def findings_of(all_of: Iterable[Finding], lesions: Sequence[Placed]) -> list[Finding]:
    """A patient's findings, each with whether the scan shows it and the lobe in which it lies."""
    shown = {id(group[0].finding): group[0] for group in kinds(lesions)}
    return [replace(f, visible=id(f) in shown, zone=shown[id(f)].zone if id(f) in shown else f.zone) for f in all_of]


def names() -> dict[str, str]:
    """Every name of a PET/CT's truth, a finding or a finding with its side, and the region of the report it belongs to."""
    out = {}
    for site, row in sites().items():
        for name in (site,) if site in _MIDDLE else (f"{site}_right", f"{site}_left"):
            out[name] = row["region"]
    return out


def labels_of(lesions: Sequence[Placed]) -> dict[str, int]:
    """Every name of `names` with 1 where the scan shows it, else 0."""
    here = {group[0].key for group in kinds(lesions)}
    return {name: int(name in here) for name in names()}


def by_region(labels: dict[str, int]) -> dict[str, dict[str, int]]:
    """The labels of each region."""
    out: dict[str, dict[str, int]] = {}
    for name, region in names().items():
        out.setdefault(region, {})[name] = labels[name]
    return out


def record(group: Sequence[Placed]) -> Row:
    """What a report that states all of it says of lesions of one kind, as a lesion record of version 1.

    Sizes are whole mm and SUVmax has one decimal, as reports round them.
    """
    first = group[0]
    site = sites()[first.site]
    more = {**site["record"], **site.get("zones", {}).get(first.zone or "", {})}
    place = list(more.get("location", []))
    if site.get("lung"):
        place = [f"{first.zone}_lobe"]
    if "vertebra" in site and first.level:
        place = [f"vertebra_{'l' if first.level > 12 else 't'}{first.level - 12 if first.level > 12 else first.level}"]
    if "rib" in site:
        place = [f"rib_{first.level}"]
    value = round(first.suv_max, 1)
    suv = {"kind": "max", "relation": "=", "low": value, "high": value, "phase": None, "reference": None}
    nature = [site["nature"]] if "nature" in site and first.target is not None else []
    return {
        "v": 1,
        "type": more["type"],
        "organ": more["organ"],
        "side": more.get("side", first.finding.side),
        "location": place,
        "station": list(more.get("station", [])),
        "extent": None,
        "count": len(group) if len(group) > 1 else None,
        "size_mm": [round(v) for v in first.size_mm],
        "size_of": "largest" if len(group) > 1 else "one",
        "size_relation": "=",
        "shape": [],
        "suv": [] if first.target is None else [suv],
        "uptake": first.finding.severity or "high",
        "invasion": [],
        "nature": nature,
        "change": None,
    }


def row(lesion: Placed, space: Space) -> Row:
    """One lesion as truth.json states it, measured on the PET's grid: slices are counted from the top."""
    assert lesion.mask is not None  # of a lesion that came out of the scan
    at = np.argwhere(lesion.mask) + np.array(lesion.first)
    low, high = at.min(axis=0), at.max(axis=0)
    return {
        "name": lesion.key,
        "number": lesion.number,
        "side": lesion.finding.side,
        "zone": lesion.zone,
        "region": sites()[lesion.site]["region"],
        "mask": f"{lesion.key}_{lesion.number}",
        "lobe": lesion.lobe,
        "size_mm": round(lesion.size_mm[0], 1),
        "axes_mm": [round(2 * v, 1) for v in lesion.radii],
        "suv_max": round(lesion.suv_max, 3),
        "suv_around": round(lesion.around, 3),
        "uptake": lesion.finding.severity or "high",
        "visible": lesion.seen,
        "voxels": int(lesion.mask.sum()),
        "center_mm": [round(v, 1) for v in space.lps(*lesion.centre)],
        "slices": [int(low[0]), int(high[0])],
        "z_mm": [round(float(space.lps(0, 0, float(space.z[i]))[2]), 2) for i in (low[0], high[0])],
    }
