"""A CT-RATE as it lies on disk, of made-up chests: folders, tables, masks, and every fault that a download can have."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import chest_volumes
import nibabel as nib
import numpy as np

from docphim.language.labels import label_names

#: As the dataset stores them: x to the left, y to the back, z to the head.
PLACED = np.array([[10.0, 0, 0, -155], [0, 10, 0, -155], [0, 0, 20, -110], [0, 0, 0, 1]])
METADATA = (
    "VolumeName",
    "ConvolutionKernel",
    "XYSpacing",
    "ZSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "PatientSex",
    "PatientAge",
)
REPORT = ("VolumeName", "ClinicalInformation_EN", "Technique_EN", "Findings_EN", "Impressions_EN")


def stored() -> np.ndarray:
    """The chest as a file of the dataset has it, feet first."""
    return np.rint(chest_volumes.chest())[::-1]


class Tree:
    """The dataset under `root`; what `add` is not told is as it usually is."""

    def __init__(self, root: Path, version: str = "v2") -> None:
        self.root, self.version = root, version
        self.rows: dict[tuple[str, str], list[list[Any]]] = {}

    def add(self, name: str, values: np.ndarray | None = None, **cells: Any) -> Path | None:
        """A volume `train_1_a_1`, its rows, and its file; an empty array leaves the file out."""
        split, patient, scan, _ = name.split("_")
        folder = f"{split}_fixed" if self.version == "v2" else split
        volume = f"{name}.nii.gz"
        metadata = {
            "ConvolutionKernel": "Br40d",
            "XYSpacing": "[10.0, 10.0]",
            "ZSpacing": "20.0",
            "RescaleIntercept": "-1024",
            "RescaleSlope": "1",
            "PatientSex": "M",
            "PatientAge": "042Y",
        }
        report = {
            "ClinicalInformation_EN": "Cough.",
            "Technique_EN": "Non-contrast images were taken.",
            "Findings_EN": f"The heart is normal. A nodule of {len(self.rows) + 4} mm in the left upper lobe.",
            "Impressions_EN": "Nodule in the left lung.",
        }
        self._row("metadata", split, METADATA, [volume, *({**metadata, **cells}[key] for key in METADATA[1:])])
        if cells.get("report", True):
            self._row("reports", split, REPORT, [volume, *({**report, **cells}[key] for key in REPORT[1:])])
        labels = [cells.get(label, 1 if label == "Lung nodule" else 0) for label in label_names("ct_rate")]
        if cells.get("labels", True):
            self._row("labels", split, ("VolumeName", *label_names("ct_rate")), [volume, *labels])
        values = stored() if values is None else values
        if not values.size:
            return None
        path = self.root / "dataset" / folder / f"{split}_{patient}" / f"{split}_{patient}_{scan}" / volume
        path.parent.mkdir(parents=True, exist_ok=True)
        placed = PLACED if self.version == "v2" else np.eye(4)
        raw = values if self.version == "v2" else values + 1024
        path.write_bytes(gzip.compress(chest_volumes.nifti(raw, placed, np.int16), 1))
        return path

    def _row(self, table: str, split: str, header: tuple[str, ...], cells: list[Any]) -> None:
        self.rows.setdefault((table, split), [list(header)]).append(cells)

    def write(self) -> Path:
        """The tables."""
        places = {
            "metadata": ("metadata", {"train": "train_metadata.csv", "valid": "validation_metadata.csv"}),
            "reports": ("radiology_text_reports", {"train": "train_reports.csv", "valid": "validation_reports.csv"}),
            "labels": (
                "multi_abnormality_labels",
                {"train": "train_predicted_labels.csv", "valid": "valid_predicted_labels.csv"},
            ),
        }
        for (table, split), rows in self.rows.items():
            folder, names = places[table]
            path = self.root / "dataset" / folder / names[split]
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "w", newline="", encoding="utf-8") as handle:
                csv.writer(handle).writerows(rows)
        return self.root

    def no_chest(self, split: str, *names: str) -> None:
        """The dataset's list of volumes that show no chest."""
        folder = self.root / "dataset" / "metadata"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"no_chest_{split}.txt").write_text("".join(f"{name}.nii.gz\n" for name in names))


def masks(root: Path, name: str, findings: np.ndarray) -> None:
    """Masks (findings, z, y, x) of one volume, as ReXGroundingCT publishes them."""
    (root / "segmentations").mkdir(parents=True, exist_ok=True)
    array = findings.astype(np.uint8).transpose(0, 3, 2, 1)
    nib.Nifti1Image(array, np.eye(4)).to_filename(root / "segmentations" / f"{name}.nii.gz")
    listed = root / "dataset.json"
    entries = json.loads(listed.read_text())["train"] if listed.exists() else []
    entries.append(
        {"name": f"{name}.nii.gz", "findings": {str(i): "A nodule." for i in range(len(array))}, "shape": list(array.shape[1:])}
    )
    listed.write_text(json.dumps({"train": entries, "val": []}))
