"""Masks of findings on CT-RATE's volumes as ReXGroundingCT publishes them (arXiv:2507.22030), one file a volume.

`dataset.json` lists volumes by split: `{"train": [{"name": "train_1_a_2.nii.gz", "findings": {"0": "…"}, "shape": [512, 512,
238]}, …]}`; `segmentations/train_1_a_2.nii.gz` holds an array (findings, x, y, z), each value a piece of the finding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.files import read_json
from docphim.ingest.ct_rate_tables import bare


def files_of(root: Path) -> dict[str, Path]:
    """The masks that `dataset.json` lists and that lie beside it: a volume's name → its file.

    Raises
    ------
    Refused
        `file_missing` or `file_unreadable`: `dataset.json` is not there, or lists no volumes.
    """
    listed = root / "dataset.json"
    if not listed.is_file():
        raise Refused("file_missing", "source.masks", "no dataset.json lies there")
    try:
        entries = read_json(listed)
        names = [bare(str(entry["name"])) for entry in _entries(entries)]
    except (ValueError, KeyError, TypeError):
        raise Refused("file_unreadable", "source.masks", "dataset.json does not list volumes by name") from None
    return {name: path for name in names if (path := root / "segmentations" / f"{name}.nii.gz").is_file()}


def _entries(listed: Any) -> list[Any]:
    if isinstance(listed, list):
        return listed
    return [entry for entries in listed.values() if isinstance(entries, list) for entry in entries]
