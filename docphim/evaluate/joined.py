"""Drafts of the parts of studies put together, so that a model asked part by part is scored on the report of the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from docphim.evaluate.drafts import Drafts, scored_texts
from docphim.scores import TaskKey
from docphim.study import Example, Image, Message, Prediction, Row, Study, part_of

#: How a draft ended, the worst first: that of a whole is the worst of its parts'.
_ENDS = ("failed", "refused", "length", "stop")


@dataclass(frozen=True)
class Whole:
    """What the examples on all parts of a study make together, as an example on the whole of it."""

    example: Example
    parts: tuple[Example, ...]


def wholes(examples: Sequence[Example], tasks: Mapping[str, Row], studies: Mapping[str, Study]) -> list[Whole]:
    """One a study for each task that parts make together (`joined` of tasks.json) and that the dataset itself lacks.

    Its id and its answer are those that the task of the whole has in another dataset of the same studies, its media all that
    the parts show: so runs of either are compared on the same references.
    """
    asked = {example.task for example in examples}
    parts: dict[tuple[str, str], list[Example]] = {}
    for example in examples:
        task = tasks.get(example.task, {}).get("joined")
        if task is not None and task not in asked:
            parts.setdefault((task, example.study), []).append(example)
    return [Whole(_example(task, of, studies[study]), tuple(of)) for (task, study), of in parts.items()]


def _example(task: str, parts: Sequence[Example], study: Study) -> Example:
    sections = study.report.sections if study.report else {}
    return dataclasses.replace(
        parts[0],
        id=f"{study.id}-{task}",
        task=task,
        messages=[Message("assistant", sections.get(task, ""), f"report:{task}")],
        media=[media for part in parts for media in part.media],
        wrong_image=None,
        pair=None,
    )


def whole_drafts(groups: Sequence[Drafts], of: Sequence[Whole]) -> list[Drafts]:
    """The drafts of wholes, by task and split; one that lacks the draft of a part is missing."""
    answered = {
        (image, prediction.id): prediction
        for drafts in groups
        for image, shown in drafts.by_image.items()
        for prediction in shown.values()
    }
    together: dict[TaskKey, Drafts] = {}
    for whole in of:
        key = TaskKey(whole.example.task, whole.example.split)
        drafts = together.setdefault(key, Drafts(key, 0))
        for image in ("own", "noise", "blank", "other"):
            parts = [answered.get((image, part.id)) for part in whole.parts]
            present = [part for part in parts if part is not None]
            if len(present) == len(parts):
                drafts.by_image.setdefault(image, {})[whole.example.id] = _prediction(whole.example, image, present)
        if whole.example.id in drafts.main:
            drafts.examples[whole.example.id] = whole.example
        else:
            drafts.faults["missing"].append(whole.example.id)
    return [drafts for drafts in together.values() if drafts.main]


def _prediction(example: Example, image: Image, parts: Sequence[Prediction]) -> Prediction:
    """One draft from those of the parts, listed under headings where the reference is."""
    from docphim.language.places import has_headings, joined

    reference = example.messages[-1].content
    texts = {part_of(part.task): text for part, text in zip(parts, scored_texts(parts), strict=True)}
    return dataclasses.replace(
        parts[0],
        id=example.id,
        image=image,
        task=example.task,
        prediction=joined(texts, example.language, headings=has_headings(reference)),
        reference=reference,
        finish=min((part.finish for part in parts), key=_ENDS.index),
        declined=all(part.declined for part in parts),
    )
