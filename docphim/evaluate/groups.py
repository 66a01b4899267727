"""Scores of parts of the studies, after an operation or not, with few findings or many; and of kinds of questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docphim.evaluate.by_study import System
from docphim.language.fact import Fact
from docphim.language.labels import labels_of
from docphim.language.technique import phase_of
from docphim.metrics import label_sets
from docphim.metrics.catalogue import heads
from docphim.metrics.intervals import finite, interval
from docphim.metrics.pairs import Floats
from docphim.package_data import packaged
from docphim.scores import Score, Table
from docphim.study import Answer, Row, Study

#: A group of fewer studies is not shown.
FEWEST = 5
PHASES = ("contrast", "native")
#: How a phantom's truth calls them.
_PHASES = {"native": "native", "arterial": "contrast", "venous": "contrast"}
AFFIRMED = ("positive", "uncertain")
#: Statistics by family and whose each report is, to values by key and the same on samples of patients.
Scoring = Callable[[Mapping[str, Floats], Sequence[str]], tuple[dict[str, float], dict[str, Floats | None]]]


@dataclass(frozen=True)
class Case:
    """One study as groups see it: its row of studies.jsonl, of its prepared series, the facts of its reference, its answer."""

    study: Study | None
    series: Sequence[Row]
    reference: Sequence[Fact]
    label_set: str | None
    answer: Answer | None = None


def _words() -> dict[str, Any]:
    words: dict[str, Any] = packaged(Path(__file__).with_suffix(".yaml"))
    return words


def operated(case: Case) -> str:
    """`yes` where the phantom's truth says so, or else the reference names what an operation leaves."""
    truth = (case.study and case.study.truth) or {}
    if "post_operative" in truth:
        return "yes" if truth["post_operative"] else "no"
    left = {fact.finding for fact in case.reference if fact.polarity == "present"}
    return "yes" if left & set(_words()["operated"]) else "no"


def phase(case: Case) -> str | None:
    """`contrast` or `native`, as the truth, the chosen series or the technique of the report says; None where none does."""
    truth = (case.study and case.study.truth) or {}
    chosen = ((row.get("how") or {}).get("series", {}).get("phase") for row in case.series)
    known = [_PHASES.get(truth.get("phase", "")), *chosen]
    sections = case.study.report.sections if case.study and case.study.report else {}
    return next((name for name in known if name in PHASES), phase_of(sections.get("technique", "")))


def findings(case: Case) -> str | None:
    """How many labels of the set that suits the images the reference affirms, in the ranges of groups.yaml."""
    if case.label_set is None:
        return None
    number = sum(state in AFFIRMED for state in labels_of(list(case.reference), case.label_set).values())
    return next(name for name, (low, high) in _words()["findings"].items() if low <= number <= high)


def question(case: Case) -> str | None:
    """What kind of question was asked (`presence`, `side`, `size`, …); None of a report."""
    asks = case.answer.asks if case.answer else None
    return asks.partition(":")[0] if asks else None


#: By what scores are told apart: a name, and the group of a case (None: it is of no group).
GROUPS: dict[str, Callable[[Case], str | None]] = {
    "operated": operated,
    "phase": phase,
    "findings": findings,
    "question": question,
}


def by_group(cases: Mapping[str, Case], system: System, other: System | None, score: Scoring) -> dict[str, dict[str, Table]]:
    """The leading scores and coverage of each group of studies, with what is lost on another patient's image (`drop`).

    Parameters
    ----------
    cases : mapping of str to Case
        By example id.
    system, other : System
        What was drafted on each patient's own image, and on another's.
    score : callable
        `metrics.measure.scored` with the samples chosen.

    Returns
    -------
    dict
        Grouping → group → scores; groupings that make no two groups of `FEWEST` are left out.
    """
    groups: dict[str, dict[str, Table]] = {}
    for name, group_of in GROUPS.items():
        members: dict[str, list[str]] = {}
        for id_, case in cases.items():
            if (group := group_of(case)) is not None:
                members.setdefault(group, []).append(id_)
        large = {group: ids for group, ids in sorted(members.items()) if len(ids) >= FEWEST}
        if len(large) > 1:
            groups[name] = {group: _scores(ids, system, other, score) for group, ids in large.items()}
    return groups


def _scores(ids: list[str], system: System, other: System | None, score: Scoring) -> Table:
    keys = [
        *heads(system.measured.values),
        *(f"{name}/coverage" for name in label_sets() if name in system.measured.statistics),
    ]
    values, samples = _part(system, ids, score)
    there = {p.id for p in other.drafts} if other else set()
    both = [id_ for id_ in ids if id_ in there]
    drops: Table = {}
    if other and both:
        (mine, drawn), (theirs, drawn_too) = _part(system, both, score), _part(other, both, score)
        for key in keys:
            a, b = drawn[key], drawn_too[key]
            drops[key] = Score(finite(mine[key] - theirs[key]), *interval(None if a is None or b is None else a - b))
    return {key: Score(finite(values[key]), *interval(samples[key]), n=len(ids), drop=drops.get(key)) for key in keys}


def _part(system: System, ids: Sequence[str], score: Scoring) -> tuple[dict[str, float], dict[str, Floats | None]]:
    """Values by key, and on samples of patients, of some of a system's reports."""
    place = {p.id: place for place, p in enumerate(system.drafts)}
    places = [place[id_] for id_ in ids]
    statistics = {family: rows[places] for family, rows in system.measured.statistics.items()}
    return score(statistics, [system.drafts[at].patient for at in places])
