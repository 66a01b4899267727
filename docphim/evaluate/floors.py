"""What reports score that were written without looking at the film: constant, random, nearest, metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from docphim.evaluate.answers import answer_text
from docphim.files import read_jsonl, seed_of
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
    """Thumbnails of prepared films by path, their mean removed."""

    rows: dict[str, int]
    pixels: Floats

    @classmethod
    def read(cls, dataset: Path) -> Thumbs:
        """Read prepared/thumbs.npy and index.jsonl, whose rows belong together."""
        index, path = list(read_jsonl(dataset / "prepared" / "index.jsonl")), dataset / "prepared" / "thumbs.npy"
        if not index or not path.exists():
            return cls({}, np.zeros((0, 1)))
        pixels = np.load(path).reshape(len(index), -1).astype(float)
        return cls({row["path"]: i for i, row in enumerate(index)}, pixels - pixels.mean(axis=1, keepdims=True))

    def of(self, example: Example) -> int | None:
        """The row of an example's first film."""
        paths = [path for media in example.media for path in media.volumes.values()]
        return self.rows.get(paths[0]) if paths else None


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
        """The report of the training film whose thumbnail is nearest by L2; the constant report for an unknown film."""
        rows = [self.thumbs.of(e) for e in self.train]
        reports = [report for report, row in zip(self.reports, rows, strict=True) if row is not None]
        if not reports:
            return [self.constant] * len(examples)
        pixels = self.thumbs.pixels[[row for row in rows if row is not None]]
        asked = [self.thumbs.of(e) for e in examples]
        known = [row for row in asked if row is not None]
        # |a - b|² less |b|², which is the same for every training film
        distance = (pixels**2).sum(axis=1) - 2 * (self.thumbs.pixels[known] @ pixels.T)
        nearest = iter(np.argmin(distance, axis=1).tolist())
        return [self.constant if row is None else reports[next(nearest)] for row in asked]

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
