"""Per lesion of a phantom's scan: whether drafts name it, its side, its lobe; by size, and by whether a slice shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docphim.imaging.frames import draw
from docphim.language.fact import Fact
from docphim.language.labels import labels_of
from docphim.metrics.intervals import interval, patient_index, resampled_sums, rounded
from docphim.metrics.pairs import Floats
from docphim.scores import LesionRates
from docphim.study import Media, Row

#: Sizes in mm: from, to below, and what the group is called.
SIZES = ((0.0, 3.0, "< 3"), (3.0, 6.0, "3-6"), (6.0, 10.0, "6-10"), (10.0, np.inf, "> 10"))
#: Every group, as tables list them.
ORDER = ("all", *(name for *_, name in SIZES), "inside", "outside")
AFFIRMED = ("positive", "uncertain")


@dataclass(frozen=True)
class Lesion:
    """One lesion: its name with its side, side, lobe and size where they are known; whether a slice that is shown has it."""

    name: str
    side: str | None
    lobe: str | None
    size_mm: float | None
    shown: bool | None


def size(lesion: Lesion) -> str | None:
    """Its range of `SIZES`."""
    mm = lesion.size_mm
    return None if mm is None else next(name for low, high, name in SIZES if low <= mm < high or name == "> 10")


#: By what lesions are told apart: a name, and the group of a lesion (None: of no group).
GROUPS: dict[str, Callable[[Lesion], str | None]] = {
    "all": lambda lesion: "all",
    "size": size,
    "shown": lambda lesion: None if lesion.shown is None else "inside" if lesion.shown else "outside",
}


def lesions_of(truth: Row, media: Sequence[Media], series: Sequence[Row], dataset: Path) -> list[Lesion]:
    """The lesions of a scan's truth, and whether one of the slices that the model is shown goes through each.

    A lesion reaches over the slices of the file on which it lies (`slices`), about its middle (`center_mm`, LPS); what is shown
    are slices of the prepared volume, placed by its `affine`.
    """
    by_path = {row["path"]: row for row in series}
    heights: list[tuple[float, float]] = []
    step: float | None = None
    for entry in media:
        row: Row = by_path.get(next(iter(entry.volumes.values())), {})
        if affine := row.get("affine"):
            up, first = affine[2][2:]
            half = (entry.frames.get("slab_mm") or 0.0) / 2
            heights += [(up * number + first, half) for number in draw(entry, dataset, (1, 1), "blank").slices]
            steps: list[float] = (row.get("how") or {}).get("spacing") or row["spacing"]
            step = steps[0]
    return [_lesion(row, heights, step) for row in truth.get("lesions") or []]


def _lesion(row: Row, heights: Sequence[tuple[float, float]], step: float | None) -> Lesion:
    shown = None
    if heights and step and row.get("center_mm"):
        reach = (row["slices"][1] - row["slices"][0] + 1) * step / 2
        shown = any(abs(height - row["center_mm"][2]) <= reach + half for height, half in heights)
    return Lesion(row["name"], row.get("side"), row.get("lobe"), row.get("size_mm"), shown)


def named(lesion: Lesion, facts: Sequence[Fact], label_set: str) -> tuple[bool, bool, bool]:
    """Whether a report names such a lesion at all, on its side, and in its lobe (on its side)."""
    base = lesion.name.removesuffix(f"_{lesion.side}") if lesion.side else lesion.name
    sides = {base, f"{base}_right", f"{base}_left"}
    present = on_side = in_lobe = False
    for fact in facts:
        labels = {name for name, state in labels_of([fact], label_set).items() if state in AFFIRMED}
        present |= bool(labels & sides)
        on_side |= lesion.name in labels
        in_lobe |= lesion.name in labels and f"{lesion.lobe}_lobe" in fact.location
    return present, on_side, in_lobe


#: The facts of a draft, the lesions of its own scan, the patient.
Case = tuple[Sequence[Fact], Sequence[Lesion], str]


def by_lesion(cases: Sequence[Case], label_set: str, *, resamples: int, seed: int) -> dict[str, dict[str, LesionRates]]:
    """The share of lesions that drafts name, by grouping and group; no group of lesions, no entry."""
    rows: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for place, (facts, lesions, _) in enumerate(cases):
        for lesion in lesions:
            present, on_side, in_lobe = named(lesion, facts, label_set)
            counts = [1, present, lesion.side is not None, on_side and lesion.side is not None]
            counts += [lesion.lobe is not None, in_lobe and lesion.lobe is not None]
            for grouping, group_of in GROUPS.items():
                if (group := group_of(lesion)) is not None:
                    rows.setdefault((grouping, group), []).append((place, counts))
    patient = patient_index([patient for _, _, patient in cases])
    rates: dict[str, dict[str, LesionRates]] = {}
    for grouping, group in [(grouping, group) for grouping in GROUPS for group in ORDER if (grouping, group) in rows]:
        table = np.zeros((len(cases), 6))
        for place, counts in rows[grouping, group]:
            table[place] += counts
        rates.setdefault(grouping, {})[group] = _rates(table, patient, resamples, seed)
    return rates


def _rates(table: Floats, patient: Any, resamples: int, seed: int) -> LesionRates:
    n, present, sided, on_side, lobed, in_lobe = (int(value) for value in table.sum(axis=0))
    sums = resampled_sums(table, patient, resamples, seed)
    low, high = interval(None if sums is None else sums[:, 1] / np.where(sums[:, 0] > 0, sums[:, 0], np.nan))
    side, lobe = (rounded(part / whole) if whole else None for part, whole in ((on_side, sided), (in_lobe, lobed)))
    return LesionRates(n, rounded(present / n), low, high, side, lobe)
