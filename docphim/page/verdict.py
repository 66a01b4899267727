"""One plain answer per task: does the model read the film, or would it write the same without it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from docphim.page import words
from docphim.page.words import Both

Row = dict[str, Any]
Answer = Literal["reads", "not_reading", "below_floor", "untested", "is_blind", "few"]
#: Floors and wrong films, in the order in which the page shows them.
FLOORS = ("constant", "random", "nearest", "metadata")
WRONG = ("other", "blank", "noise")
#: Metrics in the order in which the page shows them; the first that a task has is its headline.
METRICS = (
    *(f"fact_{part}" for part in ("f1", "precision", "recall", "f1_core", "precision_core", "recall_core", "f1_macro")),
    *("rougeL", "rouge1", "rouge2", "bleu4", "bleu3", "bleu2", "bleu1"),
)


@dataclass(frozen=True)
class Verdict:
    """The answer, its sentence, and the reason with numbers."""

    answer: Answer
    sentence: Both
    why: Both


def metrics_of(task: Row) -> list[str]:
    """The metrics of a task, the best known first."""
    return [m for m in METRICS if m in task["scores"]] + [m for m in task["scores"] if m not in METRICS]


def highest_floor(task: Row, metric: str) -> str | None:
    """The floor that scores highest in a metric; None where there are no floors."""
    return _highest(task, metric, names(task.get("floors"), FLOORS))


def telling_floor(task: Row, metric: str) -> str | None:
    """The floor to name beside a conclusion: the highest of those that are not beaten, else the highest."""
    leads = task.get("lead") or {}
    every = names(task.get("floors"), FLOORS)
    beaten = reading(task, metric)["beats_floors"]
    unbeaten = [] if beaten else [name for name in every if not _above_zero((leads.get(name) or {}).get(metric))]
    return _highest(task, metric, unbeaten) or _highest(task, metric, every)


def _highest(task: Row, metric: str, floors: list[str]) -> str | None:
    values = {name: _value(task.get("floors"), name, metric) for name in floors}
    known = {name: value for name, value in values.items() if value is not None}
    return max(known, key=lambda name: known[name]) if known else None


def margin(task: Row, image: str, metric: str) -> Row | None:
    """Own film minus another image in a metric, with its paired interval; None where that image was not shown."""
    score: Row = ((task.get("reliance") or {}).get(image) or {}).get(metric) or {}
    return score.get("drop")


def judge(task: Row, *, blind: bool = False) -> Verdict:
    """Say in plain words what the floors and the wrong films mean for this model.

    Where evaluation gave no interval (fewer than 30 patients) nothing is concluded.  It reads the film when it scores
    higher on the patient's own film than on another patient's *and* higher than every floor, both by the lower end of the
    paired interval.
    """
    metric = metrics_of(task)[0]
    own = task["scores"][metric]
    values: Row = {"metric": words.metric(metric), "own": own["value"], "n": own.get("n", 0)}
    floor = telling_floor(task, metric)
    if floor:
        values |= {"floor": _value(task["floors"], floor, metric), "floor_name": words.name(floor)}
    other = _value(task.get("reliance"), "other", metric)
    if other is not None:
        values["other"] = other
    found = answer(task, metric, blind=blind)
    return Verdict(found, words.text(found), words.text(f"{found}_why", **values))


def answer(task: Row, metric: str, *, blind: bool = False) -> Answer:
    """What one metric's paired intervals over another patient's film and over the floors allow to say."""
    if blind:
        return "is_blind"
    if task["scores"][metric].get("low") is None:
        return "few"
    found = reading(task, metric)
    if found["needs_image"] is False:
        return "not_reading"
    if found["needs_image"] is None or found["beats_floors"] is None:
        return "untested"
    return "reads" if found["beats_floors"] else "below_floor"


def reading(task: Row, metric: str) -> dict[str, bool | None]:
    """`needs_image` and `beats_floors` as evaluation wrote them; of a run scored before it did, from leads and drop."""
    written: dict[str, bool | None] | None = (task.get("reading") or {}).get(metric)
    if written:
        return written
    lost = margin(task, "other", metric)
    leads = [lead.get(metric) for lead in (task.get("lead") or {}).values() if lead]
    return {
        "needs_image": None if lost is None else _above_zero(lost),
        "beats_floors": all(map(_above_zero, leads)) if leads else None,
    }


def _above_zero(difference: Row | None) -> bool:
    return difference is not None and difference["low"] is not None and difference["low"] > 0


def names(group: Row | None, order: tuple[str, ...]) -> list[str]:
    """Names of a group of systems: known ones in the page's order, then the others."""
    group = group or {}
    return [n for n in order if n in group] + [n for n in group if n not in order]


def _value(group: Row | None, name: str, metric: str) -> float | None:
    score = ((group or {}).get(name) or {}).get(metric)
    return None if not score else score["value"]
