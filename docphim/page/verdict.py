"""One plain answer per task: does the model read the film, or would it write the same without it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from docphim.metrics.catalogue import HEADLINE, ordered
from docphim.page import words
from docphim.page.words import Both
from docphim.scores import FLOORS, WRONG, Reading, Score, Table, TaskScores

Answer = Literal["reads", "not_reading", "below_floor", "untested", "is_blind", "few"]
#: Wrong films, in the order in which the page shows them.
SHOWN = WRONG[::-1]


@dataclass(frozen=True)
class Verdict:
    """The answer, its sentence, and the reason with numbers."""

    answer: Answer
    sentence: Both
    why: Both


def metrics_of(task: TaskScores) -> list[str]:
    """The metrics of a task that have a value, the most telling first."""
    return ordered((key for key, score in task.scores.items() if score.value is not None), HEADLINE)


def highest_floor(task: TaskScores, metric: str) -> str | None:
    """The floor that scores highest in a metric; None where there are no floors."""
    return _highest(task, metric, names(task.floors, FLOORS))


def telling_floor(task: TaskScores, metric: str) -> str | None:
    """The floor to name beside a conclusion: the highest of those that are not beaten, else the highest."""
    every = names(task.floors, FLOORS)
    beaten = reading(task, metric).beats_floors
    unbeaten = [] if beaten else [name for name in every if not _above_zero(task.lead.get(name, {}).get(metric))]
    return _highest(task, metric, unbeaten) or _highest(task, metric, every)


def _highest(task: TaskScores, metric: str, floors: list[str]) -> str | None:
    values = {name: _value(task.floors, name, metric) for name in floors}
    known = {name: value for name, value in values.items() if value is not None}
    return max(known, key=lambda name: known[name]) if known else None


def margin(task: TaskScores, image: str, metric: str) -> Score | None:
    """Own film minus another image in a metric, with its paired interval; None where that image was not shown."""
    score = task.reliance.get(image, {}).get(metric)
    return score.drop if score else None


def judge(task: TaskScores, *, blind: bool = False) -> Verdict:
    """Say in plain words what the floors and the wrong films mean for this model.

    Where evaluation gave no interval (fewer than 30 patients) nothing is concluded.  It reads the film when it scores
    higher on the patient's own film than on another patient's *and* higher than every floor, both by the lower end of the
    paired interval.
    """
    metric = metrics_of(task)[0]
    main = task.scores[metric]
    values = {"metric": words.metric(metric), "own": main.value, "n": main.n or 0}
    floor = telling_floor(task, metric)
    if floor:
        values |= {"floor": _value(task.floors, floor, metric), "floor_name": words.name(floor)}
    other = _value(task.reliance, "other", metric)
    if other is not None:
        values["other"] = other
    verdict = answer(task, metric, blind=blind)
    return Verdict(verdict, words.text(verdict), words.text(f"{verdict}_why", **values))


def answer(task: TaskScores, metric: str, *, blind: bool = False) -> Answer:
    """What one metric's paired intervals over another patient's film and over the floors allow to say."""
    if blind:
        return "is_blind"
    if task.scores[metric].low is None:
        return "few"
    conclusion = reading(task, metric)
    if conclusion.needs_image is False:
        return "not_reading"
    if conclusion.needs_image is None or conclusion.beats_floors is None:
        return "untested"
    return "reads" if conclusion.beats_floors else "below_floor"


def reading(task: TaskScores, metric: str) -> Reading:
    """`needs_image` and `beats_floors` as evaluation wrote them; of a run scored before it did, from leads and drop."""
    if metric in task.reading:
        return task.reading[metric]
    lost = margin(task, "other", metric)
    leads = [lead.get(metric) for lead in task.lead.values() if lead]
    return Reading(all(map(_above_zero, leads)) if leads else None, None if lost is None else _above_zero(lost))


def _above_zero(difference: Score | None) -> bool:
    return difference is not None and bool(difference.above_zero)


def names(group: dict[str, Table], order: tuple[str, ...]) -> list[str]:
    """Names of a group of systems: known ones in the page's order, then the others."""
    return [n for n in order if n in group] + [n for n in group if n not in order]


def _value(group: dict[str, Table], name: str, metric: str) -> float | None:
    score = group.get(name, {}).get(metric)
    return None if score is None else score.value
