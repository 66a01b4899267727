"""Makes studies of CT-RATE's scans: one reconstruction of each, its report, labels, sex and age, and its masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from docphim.errors import REASONS, Refused
from docphim.files import seed_of
from docphim.imaging.io.locations import Masks, Stated
from docphim.imaging.kernels import is_of_thickness, kernel_kind, kernel_rank
from docphim.ingest import ct_rate_tables as tables
from docphim.ingest.ct_rate_tables import Cells, Tables
from docphim.ingest.names import Removal, announced, without_people
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.ingest.reports import cell_text
from docphim.ingest.values import age_of, sex_of
from docphim.language.sections import leave_out_comparisons, tidy
from docphim.recipe import Section
from docphim.study import Labels, Report, Series, Split, Study

#: Section → its column.
SECTIONS = {
    "findings": "Findings_EN",
    "impression": "Impressions_EN",
    "history": "ClinicalInformation_EN",
    "technique": "Technique_EN",
}

Facts = dict[str, float | list[float]]


class Options(Section):
    """What may stand under `source:` beside `kind: ct_rate`.

    Attributes
    ----------
    path : str
        The folder of the dataset, or its `dataset/` folder.
    layout : str
        `v2` (folders `…_fixed`, in HU as published now), `v1` (whose scale and spacing are taken from the metadata), or the
        paper's layouts of volumes that somebody has preprocessed, under the same names (`layouts`).
    spacing : three numbers, optional
        Millimetres along z, y and x of `preprocessed_numpy`, whose files do not say.
    kernel : str, optional
        Which of a scan's reconstructions is read: `soft`, `sharp`, or a kernel's name; by default soft ones come first.
    thickness : float, optional
        The distance of its slices, mm, within a fifth; by default the thinnest come first.
    val : float
        The share of the training patients that become `val` where the splits are the source's; `valid` becomes `test`.
    masks : str, optional
        A folder of ReXGroundingCT: `dataset.json` and `segmentations/`; its masks follow their volumes as series `ct_masks`.
    comparisons : str
        `leave_out` sentences about earlier scans, or `keep` them.
    deidentify, recogniser, doubtful
        As of the source `vix_ray`: people are taken out only if asked for.
    """

    path: str
    layout: Literal["v2", "v1", "preprocessed", "preprocessed_numpy"] = "v2"
    spacing: tuple[float, float, float] | None = None
    kernel: str | None = None
    thickness: float | None = Field(None, gt=0, le=20)
    val: float = Field(0.02, ge=0, lt=1)
    seed: int = 0
    masks: str | None = None
    comparisons: Literal["leave_out", "keep"] = "leave_out"
    deidentify: bool = False
    recogniser: str | None = None
    doubtful: Literal["refuse", "keep"] = "refuse"

    @property
    def needs(self) -> dict[str, str]:
        """Keys that are set and the modality whose preparing each needs, beside that of the volumes."""
        return {"masks": "ct_masks"} if self.masks else {}


@dataclass(frozen=True)
class Scan:
    """One scan and its reconstructions' files, by volume name."""

    name: str
    patient: str
    split: str
    volumes: dict[str, Path]


class Reader:
    """Makes the studies of one split."""

    def __init__(
        self,
        options: Options,
        notes: Notes,
        listed: Tables,
        people: Removal,
        masks: Mapping[str, Path],
        split_by_source: bool,
    ) -> None:
        self._options, self._notes, self._listed, self._people = options, notes, listed, people
        self._masks, self._split_by_source = masks, split_by_source

    def scan(self, scan: Scan) -> Iterator[SourceStudy | Rejection]:
        """The study of a scan, or why there is none."""
        places = tuple(map(str, scan.volumes.values()))
        try:
            volume = self._chosen(scan)
            report = self._report(self._reported(volume))
            location = self._location(scan.volumes[volume], volume)
            labels = self._labels(volume)
        except Refused as refusal:
            yield Rejection(scan.name, refusal.reason, refusal.why or REASONS[refusal.reason], places, scan.name)
            return
        metadata = self._listed.metadata.get(volume, {})
        series = [Series(volume, "ct", f"prepared/{volume}.b2nd", "HU")]
        locations = {volume: location}
        if masks := self._masks.get(volume):
            name = f"{volume}-masks"
            series.append(Series(name, "ct_masks", f"prepared/{name}.b2nd", "bits"))
            locations[name] = str(Masks(str(masks), location))
        study = Study(
            id=scan.name,
            patient=scan.patient,
            sex=sex_of(metadata.get("PatientSex", "")),
            age=age_of(metadata.get("PatientAge", "")),
            date=None,
            series=series,
            report=report,
            labels=labels,
            split=self._split(scan) if self._split_by_source else None,
            source="ct_rate",
        )
        yield SourceStudy(study, locations, scan.name)

    def _chosen(self, scan: Scan) -> str:
        """The volume that is read of a scan: by the recipe's rule, then the thinnest, a soft kernel, the first."""
        chests = [name for name in scan.volumes if name not in self._listed.no_chest]
        if not chests:
            raise Refused("body_part_out_of_scope", "", "the dataset lists it among those that show no chest")
        fits = [name for name in chests if self._fits(self._listed.metadata.get(name, {}))]
        if not fits:
            raise Refused("volume_missing", "", f"none of its {len(chests)} reconstructions is as the recipe asks")
        self._notes.counts["reconstructions_passed_over"] += len(scan.volumes) - 1
        return min(fits, key=self._order)

    def _fits(self, metadata: Cells) -> bool:
        kernel = _first(metadata.get("ConvolutionKernel", ""))
        if self._options.kernel and self._options.kernel.lower() not in (kernel_kind(kernel), kernel.lower()):
            return False
        asked, step = self._options.thickness, _step(metadata)
        return asked is None or (step is not None and is_of_thickness(step, asked))

    def _order(self, name: str) -> tuple[float, int, str]:
        metadata = self._listed.metadata.get(name, {})
        step = _step(metadata)
        kernel = kernel_rank(_first(metadata.get("ConvolutionKernel", "")))
        return float("inf") if step is None else step, kernel, name

    def _location(self, path: Path, volume: str) -> str:
        """Where a volume lies, with what the tables or the recipe say of it."""
        layout, spacing = self._options.layout, self._options.spacing
        if layout == "v2":
            return str(path)
        if layout == "v1":
            return str(Stated(str(path), "ct_rate_v1", self._facts(volume)))
        return str(Stated(str(path), layout, {"spacing": list(spacing)} if spacing else {}))

    def _facts(self, volume: str) -> Facts:
        """Slope, intercept and spacing by the metadata: files of the first version are wrong about them."""
        metadata = self._listed.metadata.get(volume, {})
        cells = [tables.lengths(metadata.get(name, "")) for name in ("RescaleSlope", "RescaleIntercept", "ZSpacing")]
        across = tables.lengths(metadata.get("XYSpacing", ""))
        if any(len(cell) != 1 for cell in cells) or len(across) != 2:
            raise Refused("no_geometry", "", "the metadata lack its scale or its spacing")
        (slope,), (intercept,), (step,) = cells
        return {"slope": slope, "intercept": intercept, "spacing": [step, across[0], across[1]]}

    def _reported(self, volume: str) -> Cells:
        cells = self._listed.reports.get(volume)
        if cells is None:
            raise Refused("report_missing")
        if volume in self._listed.twice:
            raise Refused("report_duplicate")
        return cells

    def _report(self, cells: Cells) -> Report:
        sections = {name: _text(cells.get(column, "")) for name, column in SECTIONS.items()}
        names, numbers = announced("\n".join(sections.values()))
        texts, doubtful = without_people(list(sections.values()), self._people, names, numbers, "en", self._notes)
        if doubtful and not self._people.keep_doubtful:
            raise Refused("identity_doubtful")
        left_out: list[str] = []
        for section, text in zip(sections, texts, strict=True):
            if section in ("findings", "impression"):
                rest, out = leave_out_comparisons(text, "en")
                left_out += out
                text = rest if self._options.comparisons == "leave_out" else text
            sections[section] = text
        self._notes.counts["comparing_sentences"] += len(left_out)
        self._notes.counts["reports_with_comparisons"] += bool(left_out)
        if not (sections["findings"] or sections["impression"]):
            raise Refused("report_empty")
        dropped = {"comparison": left_out} if left_out and self._options.comparisons == "leave_out" else {}
        return Report("en", {name: text for name, text in sections.items() if text}, dropped)

    def _labels(self, volume: str) -> Labels | None:
        cells = self._listed.labels.get(volume)
        if cells is None:
            self._notes.counts["labels_missing"] += 1
            return None
        return Labels("ct_rate", "model", tables.labels_of(cells))

    def _split(self, scan: Scan) -> Split:
        """`test` for the dataset's validation patients; of the training ones a share by the patient is `val`."""
        if scan.split == "valid":
            return "test"
        draw = np.random.default_rng(seed_of("ct_rate", self._options.seed, scan.patient)).random()
        return "val" if draw < self._options.val else "train"


def _text(cell: str) -> str:
    text = tidy(cell_text(cell))
    return "" if text.strip(" .").lower() == tables.NOT_GIVEN else text


def _first(kernel: str) -> str:
    """`Br40d` of `['Br40d', '3']`, as the metadata spells kernels of several values."""
    return kernel.strip("[]").split(",")[0].strip(" '\"")


def _step(metadata: Cells) -> float | None:
    lengths = tables.lengths(metadata.get("ZSpacing", ""))
    return lengths[0] if len(lengths) == 1 and lengths[0] > 0 else None
