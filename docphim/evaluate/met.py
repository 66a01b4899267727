"""Images and reports as a model has put them into one space, from likelihoods.jsonl: how well one finds the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from docphim.files import read_jsonl
from docphim.language.normalize import normalize
from docphim.metrics.grams import Floats
from docphim.metrics.retrieval import chance, hits
from docphim.study import Prediction, item_of


@dataclass(frozen=True)
class Vectors:
    """Unit vectors by (id of the draft, context): of each report, and, with the image that was shown, of each image."""

    images: dict[tuple[str, str, str], Floats] = field(default_factory=dict)
    reports: dict[tuple[str, str], Floats] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Vectors:
        """Those that a run's rows of likelihoods hold; none where its model has no report encoder."""
        images, reports = {}, {}
        for row in read_jsonl(path):
            if "image_vector" in row:
                place = (item_of(row["id"], row["turn"]), row["context"])
                images[*place, row["image"]] = np.array(row["image_vector"])
                reports[place] = np.array(row["report_vector"])
        return cls(images, reports)

    def retrieved(self, of: Sequence[Prediction], shown: Sequence[Prediction] | None) -> Floats | tuple[()]:
        """How well the images `shown` find the reports of some drafts, and the reports them (`metrics.retrieval.hits`).

        None shown: what chance gets.  Empty where a vector is missing.
        """
        places = [(p.id, p.context) for p in of]
        if not places or any(place not in self.reports for place in places):
            return ()
        alike = [normalize(p.reference) for p in of]
        if shown is None:
            return chance(alike)
        asked = [(p.id, p.context, p.image) for p in shown]
        if any(place not in self.images for place in asked):
            return ()
        return hits(np.stack([self.images[p] for p in asked]), np.stack([self.reports[p] for p in places]), alike)
