"""A run's predictions, put together by task, split and context, with what is missing, left over, double or empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.files import read_jsonl
from docphim.study import Example, Prediction, from_row

#: So many ids are named beside a count; more would bury the scores.
NAMED = 20
#: Images that are shown in place of a patient's own.
WRONG = ("noise", "blank", "other")


def name(faults: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The first ids of each fault that there is."""
    return {fault: ids[:NAMED] for fault, ids in faults.items() if ids}


@dataclass
class Answers:
    """The answers to one task on one split in one context; dicts go by example id, in the order of the examples."""

    task: str
    split: str
    context: str
    turn: int
    examples: dict[str, Example] = field(default_factory=dict)
    by_image: dict[str, dict[str, Prediction]] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=lambda: {"missing": [], "extra": [], "duplicates": []})

    @property
    def key(self) -> str:
        """The key in scores.json: TASK/SPLIT, and the context where there is one."""
        return f"{self.task}/{self.split}" + (f"/{self.context}" if self.context != "none" else "")

    @property
    def own(self) -> dict[str, Prediction]:
        """What was answered to the study's own image."""
        return self.by_image.get("own", {})

    def counts(self) -> dict[str, int]:
        """Predictions on the own image: how many, and how many of them empty, cut at the length limit, refused or failed.

        Missing, extra and duplicate ones are counted over all images.
        """
        own = self.own.values()
        return {
            "predictions": len(own),
            "empty": sum(not p.prediction.strip() for p in own),
            "cut": sum(p.finish == "length" for p in own),
            "failed": sum(p.finish in ("refused", "failed") for p in own),
            **{fault: len(ids) for fault, ids in self.faults.items()},
        }


def read_answers(path: Path, examples: Iterable[Example]) -> list[Answers]:
    """Read predictions.jsonl and set each prediction beside its example.

    Raises
    ------
    Refused
        `file_missing`; `empty_dataset`, where nothing was answered to an own image.
    """
    if not path.exists():
        raise Refused("file_missing", path.name)
    known = {example.id: example for example in examples}
    found: dict[tuple[Any, ...], Answers] = {}
    unknown: list[Prediction] = []
    for row in read_jsonl(path):
        prediction = from_row(Prediction, row)
        example = known.get(prediction.id)
        if example is None or example.task != prediction.task:
            unknown.append(prediction)
            continue
        place = (example.task, example.split, prediction.turn, prediction.context)
        answers = found.setdefault(place, Answers(example.task, example.split, prediction.context, prediction.turn))
        said = answers.by_image.setdefault(prediction.image, {})
        if prediction.id in said:
            answers.faults["duplicates"].append(prediction.id)
        else:
            said[prediction.id] = prediction
    whole = [a for a in found.values() if a.own]
    # Of studies without a report there are drafts, and nothing to score.
    if not whole and next(read_jsonl(path.with_name("drafts.jsonl")), None) is None:
        raise Refused("empty_dataset", path.name, "no example of this dataset was answered on its own image")
    for answers in whole:
        _complete(answers, known, unknown)
    return sorted(whole, key=lambda a: a.key)


def _complete(answers: Answers, known: dict[str, Example], unknown: list[Prediction]) -> None:
    """Bring answers into the examples' order and name what is missing and what is over."""
    expected = {i: e for i, e in known.items() if e.task == answers.task and e.split == answers.split}
    answers.examples = {i: e for i, e in expected.items() if i in answers.own}
    for image, said in answers.by_image.items():
        answers.by_image[image] = {i: said[i] for i in expected if i in said}
    answers.faults["missing"] = [i for i in expected if i not in answers.own]
    same = (answers.task, answers.turn, answers.context)
    answers.faults["extra"] = [p.id for p in unknown if (p.task, p.turn, p.context) == same]


def answer_text(example: Example, turn: int) -> str:
    """What the assistant says in its `turn`-th turn (0 is the first)."""
    return [m.content for m in example.messages if m.role == "assistant"][turn]


def answer_section(example: Example, turn: int) -> str:
    """The report section that turn's answer comes from: `findings`, `impression`."""
    origins = [m.origin or "" for m in example.messages if m.role == "assistant"]
    return origins[turn].removeprefix("report:")
