"""Drafts filled from measurements (`numbers: measured`): each number of a lesion is traced to a voxel, or marked."""

from __future__ import annotations

from pathlib import Path

from docphim.files import read_jsonl
from docphim.language.measured import fill
from docphim.study import Row

#: What build has measured of each study.
NAME = "candidates.jsonl"


class Filler:
    """The measurements of a dataset; a dataset without any leaves drafts as they are."""

    def __init__(self, dataset: Path) -> None:
        path = dataset / NAME
        self._of = {row["study"]: row for row in read_jsonl(path)} if path.exists() else {}

    def row(self, row: Row) -> Row:
        """A row of predictions.jsonl with its draft filled, and `numbers` (`docphim.language.measured.fill`).

        The measurements are those of the study whose image was shown: of noise and of a blank image there are none.
        """
        if not self._of:
            return row
        language = next(iter(self._of.values()))["language"]
        seen = self._of.get(row["image_study"] or "", {})
        text, numbers = fill(row["prediction"], language, seen.get("candidates", []))
        return row | {"prediction": text, "numbers": numbers}
