"""A run's predictions, put together by task, split and context, with what is missing, left over, double, empty or declined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docphim.errors import Refused
from docphim.files import read_jsonl
from docphim.language.declined import declined
from docphim.scores import NAMED, TaskKey
from docphim.study import Answer, Example, Prediction, from_row


def first_ids(faults: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The first ids of each fault that there is."""
    return {fault: ids[:NAMED] for fault, ids in faults.items() if ids}


@dataclass
class Drafts:
    """The drafts of one task on one split in one context; dicts go by example id, in the order of the examples."""

    key: TaskKey
    turn: int
    examples: dict[str, Example] = field(default_factory=dict)
    by_image: dict[str, dict[str, Prediction]] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=lambda: {"missing": [], "extra": [], "duplicates": []})

    @property
    def main(self) -> dict[str, Prediction]:
        """What was drafted on the studies' own images."""
        return self.by_image.get("own", {})

    def counts(self) -> dict[str, int]:
        """Drafts on the own image: how many, and how many of them empty, cut at the length limit, refused or failed, declined.

        Missing, extra and duplicate ones are counted over all images.
        """
        drafts = self.main.values()
        return {
            "predictions": len(drafts),
            "empty": sum(not p.prediction.strip() for p in drafts),
            "cut": sum(p.finish == "length" for p in drafts),
            "failed": sum(p.finish in ("refused", "failed") for p in drafts),
            "declined": sum(declined(p.prediction, p.reference) != "no" for p in drafts),
            **{fault: len(ids) for fault, ids in self.faults.items()},
        }

    def answers(self, predictions: Iterable[Prediction]) -> list[Answer | None]:
        """The typed answers to the questions that some drafts answer; they belong to an example's last turn."""
        return [self._answer(self.examples[p.id]) for p in predictions]

    def _answer(self, example: Example) -> Answer | None:
        last = sum(m.role == "assistant" for m in example.messages) - 1
        return example.answer if self.turn == last else None


def scored_texts(predictions: Iterable[Prediction]) -> list[str]:
    """What is scored of drafts: their text, and nothing of those that only decline."""
    return ["" if declined(p.prediction, p.reference) == "wholly" else p.prediction for p in predictions]


def read_drafts(path: Path, examples: Iterable[Example]) -> list[Drafts]:
    """Read predictions.jsonl and set each prediction beside its example.

    Raises
    ------
    Refused
        `file_missing`; `empty_dataset`, where nothing was answered to an own image.
    """
    if not path.exists():
        raise Refused("file_missing", path.name)
    known = {example.id: example for example in examples}
    groups: dict[tuple[TaskKey, int], Drafts] = {}
    unknown: list[Prediction] = []
    for row in read_jsonl(path):
        prediction = from_row(Prediction, row)
        example = known.get(prediction.id)
        if example is None or example.task != prediction.task:
            unknown.append(prediction)
            continue
        key = TaskKey(example.task, example.split, prediction.context)
        drafts = groups.setdefault((key, prediction.turn), Drafts(key, prediction.turn))
        shown = drafts.by_image.setdefault(prediction.image, {})
        if prediction.id in shown:
            drafts.faults["duplicates"].append(prediction.id)
        else:
            shown[prediction.id] = prediction
    whole = [drafts for drafts in groups.values() if drafts.main]
    # Of studies without a report there are drafts, and nothing to score.
    if not whole and next(read_jsonl(path.with_name("drafts.jsonl")), None) is None:
        raise Refused("empty_dataset", path.name, "no example of this dataset was answered on its own image")
    for drafts in whole:
        _complete(drafts, known, unknown)
    return sorted(whole, key=lambda drafts: str(drafts.key))


def _complete(drafts: Drafts, known: Mapping[str, Example], unknown: Sequence[Prediction]) -> None:
    """Bring drafts into the examples' order and name what is missing and what is over."""
    key = drafts.key
    expected = {i: e for i, e in known.items() if e.task == key.task and e.split == key.split}
    drafts.examples = {i: e for i, e in expected.items() if i in drafts.main}
    for image, shown in drafts.by_image.items():
        drafts.by_image[image] = {i: shown[i] for i in expected if i in shown}
    drafts.faults["missing"] = [i for i in expected if i not in drafts.main]
    place = (key.task, drafts.turn, key.context)
    drafts.faults["extra"] = [p.id for p in unknown if (p.task, p.turn, p.context) == place]


def answer_text(example: Example, turn: int) -> str:
    """What the assistant says in its `turn`-th turn (0 is the first)."""
    return [m.content for m in example.messages if m.role == "assistant"][turn]


def answer_section(example: Example, turn: int) -> str:
    """The report section that turn's answer comes from: `findings`, `impression`."""
    origins = [m.origin or "" for m in example.messages if m.role == "assistant"]
    return origins[turn].removeprefix("report:")
