"""Reports of phantom PET/CT in the words of `templates_vi.yaml` and `_en.yaml`, region by region, with SUVmax and sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from docphim.files import seed_of
from docphim.package_data import packaged
from docphim.phantom.patient import Patient, profile_of
from docphim.phantom.pet.lesions import Placed, sites
from docphim.phantom.pet.truth import kinds
from docphim.phantom.reports import Pen, decimal, fill, sentence

#: The regions under which a report lists what was found, in their order.
REGIONS = ("head_neck", "chest", "abdomen_pelvis", "musculoskeletal")


def template(language: str) -> dict[str, Any]:
    """The wordings of a language."""
    return cast(dict[str, Any], packaged(Path(__file__).parent / f"templates_{language}.yaml"))


def compose(
    patient: Patient, lesions: Sequence[Placed], language: str, seed: int, profile: str, signs: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Write a report of what the scan shows.

    Parameters
    ----------
    lesions : sequence of Placed
        As they came out of the scan; those that it does not show go unsaid.
    language : str
        `vi` or `en`.
    seed : int
        Another seed words the same truth otherwise.
    signs : set of str
        What else is there: `brown_fat`.

    Returns
    -------
    dict
        `findings`, a line for each region behind its heading, and `impression`.
    """
    rng = np.random.default_rng(seed_of("report", profile, language, patient.id, patient.seed, seed, "pet"))
    pen = Pen(rng, template(language), profile_of(profile)["report"])
    groups = kinds(lesions)
    lines = []
    for region in REGIONS:
        mine = [group for group in groups if sites()[group[0].site]["region"] == region]
        words = [_finding(pen, group) for group in mine] + _normal(pen, region, groups, patient, signs)
        heading = pen.template["headings"][region]
        if words:
            lines.append(f"{pen.choose(heading)}: " + " ".join(sentence(statement) for statement in words))
    return {"findings": "\n".join(lines), "impression": "\n".join(f"- {sentence(line)}" for line in _impression(pen, groups))}


def _finding(pen: Pen, group: Sequence[Placed]) -> str:
    first = group[0]
    form = "cold" if first.target is None else "one" if len(group) == 1 else "several"
    return fill(pen.choose(pen.template["lesions"][form]), _values(pen, group))


def _values(pen: Pen, group: Sequence[Placed]) -> dict[str, str]:
    """What a wording may name: `size` and `suv` are those that a reader measures, empty where the profile's reader does not."""
    words, first = pen.template["words"], group[0]
    site = pen.template["sites"][first.site]
    measured = pen.happens("measured")
    a, b = (f"{v:.0f}" for v in first.size_mm)
    numbers = {"side": words["side"].get(first.finding.side, ""), "number": _number(first)}
    return {
        "noun": pen.choose(site["noun"]),
        "place": fill(site["place"][first.zone or "any"], numbers),
        "size": f"{a}{pen.choose(words['times'])}{b} {words['mm']}" if measured else "",
        "suv": decimal(pen, f"{first.suv_max:.1f}") if measured else "",
        "count": words["count"].get(len(group), ""),
        "uptake": pen.choose(words["uptake"][first.finding.severity or "high"]),
    }


def _number(lesion: Placed) -> str:
    """The number of a vertebra, lumbar ones counted from 1, or of a rib."""
    if lesion.level is None:
        return ""
    return str(lesion.level - 12 if lesion.finding.zone == "lumbar" else lesion.level)


def _normal(pen: Pen, region: str, groups: Sequence[Sequence[Placed]], patient: Patient, signs: frozenset[str]) -> list[str]:
    """Statements of what is as it should be."""
    here = {group[0].site for group in groups}
    out = []
    for row in pen.template["normal"][region]:
        fits = not here & set(row.get("unless", ())) and set(row.get("when", ())) <= signs
        if fits and row.get("sex", patient.sex) == patient.sex and ("said" not in row or pen.happens(row["said"])):
            out.append(pen.choose(row["wordings"]))
    return out


def _impression(pen: Pen, groups: Sequence[Sequence[Placed]]) -> list[str]:
    """What matters first."""
    part: Mapping[str, Any] = pen.template["impression"]
    if not groups:
        return [pen.choose(part["normal"])]
    ranked = sorted(groups, key=lambda group: part["order"].index(group[0].site))
    return [fill(pen.choose(part["named"][named(group[0])]), _values(pen, group)) for group in ranked]


def named(lesion: Placed) -> str:
    """What the impression calls a lesion: `primary` or `metastasis` where its site says so and it takes up FDG, else `none`."""
    nature = sites()[lesion.site].get("nature")
    return nature["is"] if nature and lesion.target is not None else "none"
