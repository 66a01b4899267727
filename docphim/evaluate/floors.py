"""What reports score that were written without looking at the film: constant, random, nearest, metadata."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from docphim.evaluate.drafts import answer_text
from docphim.files import read_jsonl, seed_of
from docphim.imaging.thumbs import read as read_thumbs
from docphim.metrics.pairs import Floats, rouge_l_table
from docphim.study import Example, Study

#: The medoid is looked for among so many training reports.
SAMPLE = 500

Traits = tuple[str, int]


def medoid(texts: Sequence[str], language: str) -> str:
    """The text that has the highest mean ROUGE-L F1 with all of them; of equals the first."""
    counts = Counter(texts)
    table = rouge_l_table(list(counts), language)
    # Rounded, so that the same text wins whatever order the machine adds in.
    return list(counts)[int(np.argmax(np.round(table @ np.array(list(counts.values()), float), 9)))]


@dataclass(frozen=True)
class Thumbs:
    """Thumbnails of prepared series, flat, their mean removed.

    Attributes
    ----------
    place : dict
        Path of a prepared series → its modality and its row there: pictures are compared within a modality alone.
    pixels : dict
        Modality → (n, pixels).
    """

    place: dict[str, tuple[str, int]]
    pixels: dict[str, Floats]

    @classmethod
    def read(cls, dataset: Path) -> Thumbs:
        """Read prepared/thumbs-MODALITY.npy; no thumbnails where nothing is prepared."""
        place: dict[str, tuple[str, int]] = {}
        pixels: dict[str, Floats] = {}
        for name, (rows, thumbs) in read_thumbs(dataset / "prepared", read_jsonl(dataset / "prepared" / "index.jsonl")).items():
            flat = thumbs.reshape(len(rows), math.prod(thumbs.shape[1:])).astype(float)
            pixels[name] = flat - flat.mean(axis=1, keepdims=True)
            place |= {row["path"]: (name, number) for number, row in enumerate(rows)}
        return cls(place, pixels)

    def of(self, example: Example) -> tuple[str, int] | None:
        """The place of what an example shows first of its own study."""
        paths = [path for media in example.media if media.study == example.study for path in media.volumes.values()]
        return self.place.get(paths[0]) if paths else None

    def nearest(self, asked: Sequence[tuple[str, int] | None], among: Sequence[tuple[str, int] | None]) -> list[int | None]:
        """For each picture asked the number of the nearest (L2) among others of its modality; None where there is none."""
        best: list[int | None] = [None] * len(asked)
        for name, pixels in self.pixels.items():
            here = [(number, place[1]) for number, place in enumerate(asked) if place and place[0] == name]
            there = [(number, place[1]) for number, place in enumerate(among) if place and place[0] == name]
            if not here or not there:
                continue
            near = pixels[[row for _, row in there]]
            # |a - b|² less |b|², which is the same for every picture among them
            distance = (near**2).sum(axis=1) - 2 * (pixels[[row for _, row in here]] @ near.T)
            for (number, _), winner in zip(here, np.argmin(distance, axis=1).tolist(), strict=True):
                best[number] = there[winner][0]
        return best


@dataclass(frozen=True)
class Floors:
    """The four floors of one task, drawn from the training reports of the same task and turn."""

    train: Sequence[Example]
    turn: int
    studies: Mapping[str, Study]
    thumbs: Thumbs
    language: str
    seed: int

    def texts(self, examples: Sequence[Example]) -> dict[str, list[str]]:
        """For each floor one report per example; empty where there is no training report."""
        if not self.train:
            return {}
        return {
            "constant": [self.constant] * len(examples),
            "random": [self.reports[seed_of("random", e.id, self.turn, self.seed) % len(self.reports)] for e in examples],
            "nearest": self._nearest(examples),
            "metadata": [self._same_traits(e) for e in examples],
        }

    @cached_property
    def reports(self) -> list[str]:
        """The training reports."""
        return [answer_text(e, self.turn) for e in self.train]

    @cached_property
    def constant(self) -> str:
        """The medoid of a seeded sample of the training reports."""
        return self._medoid(self.reports, "constant")

    def _medoid(self, texts: Sequence[str], name: str) -> str:
        if len(texts) > SAMPLE:
            rng = np.random.default_rng(seed_of(name, self.turn, self.seed))
            texts = [texts[i] for i in np.sort(rng.choice(len(texts), SAMPLE, replace=False))]
        return medoid(texts, self.language)

    def _nearest(self, examples: Sequence[Example]) -> list[str]:
        """The report of the training picture whose thumbnail is nearest; the constant report for one without."""
        nearest = self.thumbs.nearest([self.thumbs.of(e) for e in examples], [self.thumbs.of(e) for e in self.train])
        return [self.constant if number is None else self.reports[number] for number in nearest]

    def _same_traits(self, example: Example) -> str:
        """The medoid of the training reports of the same sex and age decade; the constant report where there are none."""
        traits = _traits(self.studies.get(example.study))
        return self._by_traits.get(traits, self.constant) if traits else self.constant

    @cached_property
    def _by_traits(self) -> dict[Traits, str]:
        groups: dict[Traits, list[str]] = {}
        for example, report in zip(self.train, self.reports, strict=True):
            traits = _traits(self.studies.get(example.study))
            if traits:
                groups.setdefault(traits, []).append(report)
        return {traits: self._medoid(texts, f"metadata {traits}") for traits, texts in groups.items()}


def _traits(study: Study | None) -> Traits | None:
    """Sex and age decade, where both are known."""
    if study is None or study.sex is None or study.age is None:
        return None
    return study.sex, study.age // 10
