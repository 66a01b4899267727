"""Scores in families, the most telling first: facts, labels, wording; each with its own answer to "does it read the film?"."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from docphim.metrics import Kind
from docphim.metrics.catalogue import by_modality, family_of, heads, kind_of, ordered
from docphim.page import verdict, words
from docphim.page.verdict import Answer
from docphim.page.words import Both
from docphim.scores import Score, TaskScores

#: Kinds of scores in the order in which the page shows them.
KINDS: tuple[Kind, ...] = ("facts", "answers", "labels", "wording", "other")
#: Answers that conclude something.
CONCLUDED: tuple[Answer, ...] = ("reads", "below_floor", "not_reading")


@dataclass(frozen=True)
class Family:
    """One kind of a task's metrics; `drawn` are those with a figure, the first of them leads."""

    name: Kind
    metrics: list[str]
    drawn: list[str]
    answer: Answer
    sentence: Both

    @property
    def tables(self) -> list[tuple[str, list[str]]]:
        """(label set, its metrics), the set that is drawn first; of another family, one table under no name."""
        if self.name != "labels":
            return [("", self.metrics)]
        sets = dict.fromkeys(metric.partition("/")[0] for metric in (*self.drawn, *self.metrics))
        return [(s, [m for m in self.metrics if m.startswith(f"{s}/")]) for s in sets]


def families(task: TaskScores, *, blind: bool = False) -> list[Family]:
    """The kinds of metrics that a task was scored by."""
    blocks = []
    for name, group in itertools.groupby(ordered(verdict.metrics_of(task), KINDS), key=kind_of):
        keys = list(group)
        drawn = _drawn(name, keys)
        answer = verdict.answer(task, drawn[0], blind=blind)
        blocks.append(Family(name, keys, drawn, answer, sentence(task, drawn[0], answer)))
    return blocks


def _drawn(name: Kind, keys: list[str]) -> list[str]:
    """What is drawn: the metrics that lead; of labels those of one set, of scores that no family has the first."""
    leading = [key for key in heads(keys) if family_of(key)] or keys[:1]
    if name != "labels":
        return leading
    sets = {key.partition("/")[0]: key for key in leading}
    return [sets[by_modality(sets)[0]]]


def sentence(task: TaskScores, metric: str, answer: Answer) -> Both:
    """In plain words, what the wrong film and the floors mean for one metric."""
    name = words.metric(metric)
    if answer in ("few", "untested", "is_blind"):
        return words.text(f"family_{answer}", metric=name)
    lost = verdict.margin(task, "other", metric)
    parts = [words.text("family_not_reading" if answer == "not_reading" else "family_loses", metric=name, lost=_points(lost))]
    floor = verdict.telling_floor(task, metric)
    if floor:
        beaten = verdict.reading(task, metric).beats_floors
        lead = task.lead.get(floor, {}).get(metric)
        parts.append(words.text("family_above" if beaten else "family_below", floor=words.name(floor), lead=_points(lead)))
    return Both(" ".join(part.vi for part in parts), " ".join(part.en for part in parts))


def _points(difference: Score | None) -> Both:
    value = difference.value if difference else None
    return words.number(abs(value)) if value is not None else Both("–", "–")


def disagreement(blocks: list[Family]) -> Both | None:
    """What to make of it where the score of wording and the score of facts conclude differently."""
    concluded = {family.name: family for family in blocks if family.answer in CONCLUDED}
    facts, wording = concluded.get("facts"), concluded.get("wording")
    if not facts or not wording or facts.answer == wording.answer:
        return None
    return words.text(
        "disagree",
        metric=words.metric(wording.drawn[0]),
        wording=words.text(f"short_{wording.answer}"),
        facts=words.text(f"short_{facts.answer}"),
    )
