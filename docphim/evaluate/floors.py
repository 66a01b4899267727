"""What reports score that were written without looking at the film: constant, random, nearest, metadata."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from docphim.evaluate.drafts import answer_text
from docphim.files import read_jsonl, seed_of
from docphim.imaging.thumbs import read as read_thumbs
from docphim.metrics.answers import close
from docphim.metrics.pairs import Floats, rouge_l_table
from docphim.study import Answer, Example, Study

#: The medoid is looked for among so many training reports.
SAMPLE = 500

Traits = tuple[str, int]


def medoid(texts: Sequence[str], language: str) -> str:
    """The text that has the highest mean ROUGE-L F1 with all of them; of equals the first."""
    counts = Counter(texts)
    table = rouge_l_table(list(counts), language)
    # Rounded, so that the same text wins whatever order the machine adds in.
    return list(counts)[int(np.argmax(np.round(table @ np.array(list(counts.values()), float), 9)))]


def most_often_right(answers: Sequence[Answer]) -> int:
    """Which of these answers is right for most of them, a number within its tolerance; of equals the first."""
    counts: Counter[tuple[str, Any, str | None]] = Counter((a.kind, a.value, a.unit) for a in answers)
    listed = [(Answer(kind, value, unit), n) for (kind, value, unit), n in counts.items()]  # type: ignore[arg-type]

    def hits(answer: Answer) -> int:
        same = [(other, n) for other, n in listed if (other.kind, other.unit) == (answer.kind, answer.unit)]
        if answer.kind == "number":
            return sum(n for other, n in same if close(float(answer.value), float(other.value), other.unit))
        return sum(n for other, n in same if other.value == answer.value)

    best, _ = max(listed, key=lambda row: hits(row[0]))
    return next(i for i, a in enumerate(answers) if (a.kind, a.value, a.unit) == (best.kind, best.value, best.unit))


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
    """The four floors of one task, drawn from the training reports of the same task and turn (0, or 1 for any later one).

    Of questions that are named (`Answer.asks`) from the answers to the same one: what is most often right, the answer of any
    study, of the nearest, of those of the same sex and age.  Where none was asked in training, to those of its kind.
    """

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
        if any(e.answer and e.answer.asks for e in self.train):
            return self._by_question(examples)
        return self._texts(examples)

    def _texts(self, examples: Sequence[Example]) -> dict[str, list[str]]:
        return {
            "constant": [self.constant] * len(examples),
            "random": [self.reports[seed_of("random", e.id, self.turn, self.seed) % len(self.reports)] for e in examples],
            "nearest": self._nearest(examples),
            "metadata": [self._same_traits(e) for e in examples],
        }

    def _by_question(self, examples: Sequence[Example]) -> dict[str, list[str]]:
        """The floors of each question among the training examples that ask the same, in the order of the examples."""
        named: dict[str, list[Example]] = {}
        for example in self.train:
            for name in _questions_of(example):
                named.setdefault(name, []).append(example)
        groups: dict[str, list[int]] = {}
        for number, example in enumerate(examples):
            groups.setdefault(next(name for name in _questions_of(example) if name in named), []).append(number)
        out: dict[str, list[str]] = {}
        for name, numbers in groups.items():
            texts = replace(self, train=named[name])._texts([examples[number] for number in numbers])
            for floor, of in texts.items():
                listed = out.setdefault(floor, [""] * len(examples))
                for number, text in zip(numbers, of, strict=True):
                    listed[number] = text
        return out

    @cached_property
    def reports(self) -> list[str]:
        """The training reports."""
        return [answer_text(e) for e in self.train]

    @cached_property
    def constant(self) -> str:
        """The medoid of a seeded sample of the training reports; of answers the one that is most often right."""
        return self._typical(self.train, "constant")

    def _typical(self, among: Sequence[Example], name: str) -> str:
        texts = [answer_text(e) for e in among]
        answers = [e.answer for e in among if e.answer and e.answer.kind != "text"]
        if len(answers) == len(texts):
            return texts[most_often_right(answers)]
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
        groups: dict[Traits, list[Example]] = {}
        for example in self.train:
            traits = _traits(self.studies.get(example.study))
            if traits:
                groups.setdefault(traits, []).append(example)
        return {traits: self._typical(among, f"metadata {traits}") for traits, among in groups.items()}


def _traits(study: Study | None) -> Traits | None:
    """Sex and age decade, where both are known."""
    if study is None or study.sex is None or study.age is None:
        return None
    return study.sex, study.age // 10


def _questions_of(example: Example) -> list[str]:
    """What an example asks, the kind of that, and "" for any question: `side:effusion/pleura`, `side`, ""."""
    asks = (example.answer.asks if example.answer else None) or ""
    return [*dict.fromkeys((asks, asks.partition(":")[0], ""))]
