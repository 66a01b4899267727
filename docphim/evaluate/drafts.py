"""A run's predictions, put together by task, split and context, with what is missing, left over, double, empty or declined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from docphim.errors import Refused
from docphim.files import read_jsonl
from docphim.language.declined import declined
from docphim.scores import NAMED, TaskKey
from docphim.study import Answer, Example, Prediction, from_row, item_of


def first_ids(faults: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The first ids of each fault that there is."""
    return {fault: ids[:NAMED] for fault, ids in faults.items() if ids}


@dataclass
class Drafts:
    """The drafts of one task on one split in one context, of the first turn (`turn` 0) or of all later ones (1).

    Dicts go by id, in the order of the examples.  Of conversations each turn is a draft and an example by itself: its id is its
    `Prediction.item`, and the example ends with its answer.  Where every turn answers a question, the first, which has no
    context, stands among the later ones too, so that an answer can contradict it.
    """

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
        """The typed answers to the questions that some drafts answer."""
        return [self.examples[p.id].answer for p in predictions]


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
    groups: dict[TaskKey, Drafts] = {}
    unknown: list[Prediction] = []
    for row in read_jsonl(path):
        prediction = from_row(Prediction, row)
        example = known.get(prediction.id)
        if example is None or example.task != prediction.task:
            unknown.append(prediction)
            continue
        key = TaskKey(example.task, example.split, prediction.context)
        drafts = groups.setdefault(key, Drafts(key, min(prediction.turn, 1)))
        shown = drafts.by_image.setdefault(prediction.image, {})
        item = prediction.item
        if item in shown:
            drafts.faults["duplicates"].append(item)
        else:
            shown[item] = replace(prediction, id=item)
    _add_first(groups, known)
    whole = [drafts for drafts in groups.values() if drafts.main]
    # Of studies without a report there are drafts, and nothing to score.
    if not whole and next(read_jsonl(path.with_name("drafts.jsonl")), None) is None:
        raise Refused("empty_dataset", path.name, "no example of this dataset was answered on its own image")
    for drafts in whole:
        _complete(drafts, known, unknown)
    return sorted(whole, key=lambda drafts: str(drafts.key))


def _add_first(groups: Mapping[TaskKey, Drafts], known: Mapping[str, Example]) -> None:
    """Put the first turns of conversations of questions among their later turns."""
    for key, drafts in groups.items():
        first = groups.get(replace(key, context="none")) if drafts.turn else None
        for image, shown in first.by_image.items() if first else ():
            added = [p for p in shown.values() if _asks_throughout(known[p.id])]
            drafts.by_image.setdefault(image, {}).update({_first(p.id): replace(p, id=_first(p.id)) for p in added})


def _first(id_: str) -> str:
    """What the answer of a first turn is called among later ones."""
    return f"{id_}.1"


def _asks_throughout(example: Example) -> bool:
    return all(message.answer for message in example.messages if message.role == "assistant")


def _complete(drafts: Drafts, known: Mapping[str, Example], unknown: Sequence[Prediction]) -> None:
    """Bring drafts into the examples' order and name what is missing and what is over."""
    key = drafts.key
    expected = items_of((e for e in known.values() if e.task == key.task and e.split == key.split), drafts.turn)
    drafts.examples = {i: e for i, e in expected.items() if i in drafts.main}
    for image, shown in drafts.by_image.items():
        drafts.by_image[image] = {i: shown[i] for i in expected if i in shown}
    drafts.faults["missing"] = [i for i in expected if i not in drafts.main]
    drafts.faults["extra"] = [p.item for p in unknown if (p.task, p.context) == (key.task, key.context)]


def items_of(examples: Iterable[Example], turn: int) -> dict[str, Example]:
    """What examples ask first (0), or in later turns (1), by id as in `Drafts`: examples that end with that answer."""
    parts: dict[str, Example] = {}
    for example in examples:
        ends = [place for place, message in enumerate(example.messages, 1) if message.role == "assistant"]
        if turn and _asks_throughout(example):
            parts[_first(example.id)] = replace(example, id=_first(example.id), messages=example.messages[: ends[0]])
        for number in range(1, len(ends)) if turn else range(1):
            item = item_of(example.id, number)
            parts[item] = replace(example, id=item, messages=example.messages[: ends[number]])
    return parts


def answer_text(example: Example) -> str:
    """What the assistant says last."""
    return example.messages[-1].content


def answer_section(example: Example) -> str:
    """The report section that the last answer comes from: `findings`, `impression`."""
    return (example.messages[-1].origin or "").removeprefix("report:")
