"""Scores in families, the most telling first: facts, labels, wording; each with its own answer to "does it read the film?"."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal

from docphim.page import verdict, words
from docphim.page.verdict import Answer
from docphim.page.words import Both

Row = dict[str, Any]
Name = Literal["facts", "labels", "wording", "other"]
#: What a family's verdict is judged by and its figures draw, where it is there; the first that is there leads.
DRAWN: dict[Name, tuple[str, ...]] = {
    "facts": ("fact_f1",),
    "labels": ("macro_f1",),
    "wording": ("rougeL", "bleu4"),
    "other": (),
}
#: Label sets, that of the films' own kind first.
SETS = ("phantom", "vindr", "chexpert", "ct_rate")
#: A label set's metrics in the order in which its table shows them.
OF_LABELS = (
    "macro_f1",
    "micro_f1",
    "macro_precision",
    "macro_recall",
    "micro_precision",
    "micro_recall",
    "accuracy",
    "exact_match",
)
WORDING = ("rouge", "bleu", "chrf", "cider", "meteor")
#: Answers that conclude something.
CONCLUDED: tuple[Answer, ...] = ("reads", "below_floor", "not_reading")


@dataclass(frozen=True)
class Family:
    """One family of a task's metrics; `drawn` are those with a figure, the first of them leads."""

    name: Name
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
        return [(s, sorted((m for m in self.metrics if m.startswith(f"{s}/")), key=_label_order)) for s in sets]


def _label_order(metric: str) -> int:
    part = metric.partition("/")[2]
    return OF_LABELS.index(part) if part in OF_LABELS else len(OF_LABELS)


def family_of(metric: str) -> Name:
    """Which family a key of scores.json belongs to."""
    if "/" in metric:
        return "labels"
    return "facts" if metric.startswith("fact_") else "wording" if metric.startswith(WORDING) else "other"


def families(task: Row, *, blind: bool = False) -> list[Family]:
    """The families that a task was scored by."""
    order = list(DRAWN)
    metrics = sorted(verdict.metrics_of(task), key=lambda m: order.index(family_of(m)))
    found = []
    for name, group in itertools.groupby(metrics, key=family_of):
        keys = list(group)
        drawn = _drawn(name, keys)
        answer = verdict.answer(task, drawn[0], blind=blind)
        found.append(Family(name, keys, drawn, answer, sentence(task, drawn[0], answer)))
    return found


def _drawn(name: Name, keys: list[str]) -> list[str]:
    """What is drawn: the listed metrics, of labels those of one set."""
    wanted = [f"{s}/{metric}" for s in SETS for metric in DRAWN[name]] if name == "labels" else list(DRAWN[name])
    present = [metric for metric in wanted if metric in keys] or keys[:1]
    return present[:1] if name == "labels" else present


def sentence(task: Row, metric: str, answer: Answer) -> Both:
    """In plain words, what the wrong film and the floors mean for one metric."""
    name = words.metric(metric)
    if answer in ("few", "untested", "is_blind"):
        return words.text(f"family_{answer}", metric=name)
    lost = verdict.margin(task, "other", metric) or {}
    said = [words.text("family_not_reading" if answer == "not_reading" else "family_loses", metric=name, lost=_points(lost))]
    floor = verdict.telling_floor(task, metric)
    if floor:
        beaten = verdict.reading(task, metric)["beats_floors"]
        lead = ((task.get("lead") or {}).get(floor) or {}).get(metric) or {}
        said.append(words.text("family_above" if beaten else "family_below", floor=words.name(floor), lead=_points(lead)))
    return Both(" ".join(part.vi for part in said), " ".join(part.en for part in said))


def _points(difference: Row) -> Both:
    value = difference.get("value")
    return words.number(abs(value)) if value is not None else Both("–", "–")


def disagreement(found: list[Family]) -> Both | None:
    """What to make of it where the score of wording and the score of facts conclude differently."""
    told = {family.name: family for family in found if family.answer in CONCLUDED}
    facts, wording = told.get("facts"), told.get("wording")
    if not facts or not wording or facts.answer == wording.answer:
        return None
    return words.text(
        "disagree",
        metric=words.metric(wording.drawn[0]),
        wording=words.text(f"short_{wording.answer}"),
        facts=words.text(f"short_{facts.answer}"),
    )
