"""Scores as Markdown tables, for the card of a model: own images, floors, wrong images, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from docphim.metrics.catalogue import heads, title_of
from docphim.scores import Score, Table, TaskKey, TaskScores


def scores_text(by_task: Mapping[TaskKey, TaskScores]) -> str:
    """The leading scores of every entry of scores.json."""
    return "\n\n".join(_task(key, entry) for key, entry in by_task.items()) or "None: no study has a report."


def _task(key: TaskKey, task: TaskScores) -> str:
    """A task's scores as a table: own images, floors, wrong images; below it image gain and signatures."""
    columns = heads(name for name, score in task.scores.items() if score.value is not None)
    lines = [f"### {key}: {task.n} reports", "", f"| | {' | '.join(title_of(name).en for name in columns)} |"]
    lines.append(f"|---|{'---|' * len(columns)}")
    lines += [f"| {name} | {' | '.join(_cell(scores.get(column)) for column in columns)} |" for name, scores in _systems(task)]
    gain = [f"Image gain: {_cell(task.image_gain, 2)} nats a report."] if task.image_gain else []
    signatures = dict.fromkeys(f"`{score.signature}`" for name in columns if (score := task.scores[name]).signature)
    return "\n".join([*lines, "", *gain, f"Signatures: {', '.join(signatures)}."])


def _systems(task: TaskScores) -> Iterator[tuple[str, Table]]:
    yield "this model", task.scores
    yield from ((f"floor: {name}", scores) for name, scores in task.floors.items())
    yield from ((f"this model, shown {image}", scores) for image, scores in task.reliance.items())


def _cell(score: Score | None, digits: int = 1) -> str:
    """`59.8 [57.1, 62.5]`."""
    if score is None or score.value is None:
        return "–"
    ends = "" if score.low is None or score.high is None else f" [{score.low:.{digits}f}, {score.high:.{digits}f}]"
    return f"{score.value:.{digits}f}{ends}"
