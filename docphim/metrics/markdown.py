"""Scores as Markdown tables, for the card of a model: own images, floors, wrong images, each with its interval."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from docphim.metrics.catalogue import heads, title_of
from docphim.scores import Score, Table, TaskKey, TaskScores

#: In a signature, how many reports were scored.
_COUNT = re.compile(r"\|n:\d+")


def scores_text(by_task: Mapping[TaskKey, TaskScores]) -> str:
    """The leading scores of every entry of scores.json, and their signatures, each once for all numbers of reports."""
    if not by_task:
        return "None: no study has a report."
    signed = (task.scores[name].signature for task in by_task.values() for name in _columns(task))
    signatures = dict.fromkeys(_COUNT.sub("", signature) for signature in signed if signature)
    listed = "\n".join(["Signatures:", "", *(f"- `{signature}`" for signature in signatures)])
    return "\n\n".join([*(_task(key, task) for key, task in by_task.items()), listed])


def _columns(task: TaskScores) -> list[str]:
    return heads(name for name, score in task.scores.items() if score.value is not None)


def _task(key: TaskKey, task: TaskScores) -> str:
    """A task's scores as a table: own images, floors, wrong images; below it the image gain."""
    columns = _columns(task)
    lines = [f"### {key}: {task.n} reports", "", f"| | {' | '.join(title_of(name).en for name in columns)} |"]
    lines.append(f"|---|{'---|' * len(columns)}")
    lines += [f"| {name} | {' | '.join(_cell(scores.get(column)) for column in columns)} |" for name, scores in _systems(task)]
    beside = [f"Image gain: {_cell(task.image_gain, 2)} nats a report."] if task.image_gain else []
    if all(task.scores[name].low is None for name in columns):
        beside.append("No intervals: there are too few patients.")
    return "\n".join([*lines, *(["", " ".join(beside)] if beside else [])])


def _systems(task: TaskScores) -> Iterator[tuple[str, Table]]:
    yield "this model", task.scores
    yield from ((f"floor: {name}", scores) for name, scores in task.floors.items())
    yield from ((f"this model, shown {image}", scores) for image, scores in task.reliance.items())


def _cell(score: Score | None, digits: int = 1) -> str:
    """`59.8 [57.1, 62.5]`."""
    if score is None or score.value is None:
        return "–"
    ends = "" if score.low is None or score.high is None else f" [{score.low:.{digits}f}, {score.high:.{digits}f}]"
    return f"{round(score.value, digits) + 0.0:.{digits}f}{ends}"  # no minus before a zero
