"""Answers to different tasks that have the same references: the findings of stage 1 and the first turn of a dialogue, by study.

The rows of a table may be variants that share no task.  Those of their answers which are judged against the same texts of the
same studies are set side by side, paired by study, as if they were answers to one task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from docphim.compare.runs import Run, Task, predictions
from docphim.compare.systems import System
from docphim.files import content_key
from docphim.scores import Keys, TaskKey
from docphim.study import SPLITS


@dataclass(frozen=True)
class Side:
    """A variant's answers to one of its tasks: its runs by seed, and by study the id of the answer and its reference."""

    variant: Any
    key: TaskKey
    runs: dict[int | None, Run]
    answers: dict[str, tuple[str, str]]

    @property
    def name(self) -> str:
        """What a row is called: the variant, and which of its tasks."""
        return f"{self.variant.name} {self.key}"

    def agrees(self, other: Side) -> bool:
        """Whether both are judged against one text of each study, on studies that both have."""
        common = self.answers.keys() & other.answers.keys()
        same = all(self.answers[study][1] == other.answers[study][1] for study in common)
        return bool(common) and same and self.key.split == other.key.split


def sides(variants: Sequence[Any], of_variant: Mapping[str, Mapping[int | None, Run]]) -> list[list[Side]]:
    """The answers of variants in groups with the same references, each of two variants or more; by split, then as they come.

    A task that asks several times about a study has no answer that is the study's: it is left out.
    """
    groups: list[list[Side]] = []
    for variant in variants:
        runs = dict(of_variant[variant.name])
        first = next(iter(runs.values()))
        for key in first.tasks:
            side = Side(variant, key, runs, _answers(first, key))
            group = next((group for group in groups if side.answers and all(side.agrees(other) for other in group)), None)
            if group is None:
                groups.append([side])
            else:
                group.append(side)
    several = [group for group in groups if len({side.variant.name for side in group}) > 1]
    return sorted(several, key=lambda group: SPLITS.index(group[0].key.split))


def _answers(run: Run, key: TaskKey) -> dict[str, tuple[str, str]]:
    ids = set(run.tasks[key].main.ids)
    rows = [row for row in predictions(run.folder, key) if row.id in ids]
    by_study = {row.study: (row.id, row.reference) for row in rows}
    return by_study if len(by_study) == len(rows) else {}


def as_one_task(group: Sequence[Side]) -> tuple[list[Any], dict[str, dict[int | None, Run]], TaskKey]:
    """The sides of a group as variants of one task whose ids are studies, those that all of them have.

    Returns
    -------
    tuple
        The variants, each named after its side; their runs by name and seed; the task's key, that of the first side.
    """
    studies = set.intersection(*(set(side.answers) for side in group))
    key = group[0].key
    names = {(side.variant.name, side.key): side.name for side in group}
    variants, runs = [], {}
    for side in group:
        twin = names.get((side.variant.same_as, side.key))
        variants.append(replace(side.variant, name=side.name, same_as=twin))
        runs[side.name] = {seed: _view(run, side, studies, key) for seed, run in side.runs.items()}
    return variants, runs, key


def _view(run: Run, side: Side, studies: set[str], key: TaskKey) -> Run:
    """A run that has the side's answers alone, by study."""
    task = run.tasks[side.key]
    study_of = {side.answers[study][0]: study for study in studies}
    systems = {name: _by_study(system, study_of) for name, system in task.systems.items()}
    references = content_key(sorted((study, side.answers[study][1]) for study in studies))
    main = systems["own"]
    split = content_key(sorted(zip(main.ids, main.patients, strict=True)))
    nats = {study_of[id_]: value for id_, value in task.gains.items() if id_ in study_of}
    entry = replace(task.entry, keys=Keys(references, split))
    return Run(f"{run.name} {side.key}", run.folder, run.model, {key: Task(entry, systems, nats)})


def _by_study(system: System, study_of: Mapping[str, str]) -> System:
    rows = sorted((study_of[id_], row) for row, id_ in enumerate(system.ids) if id_ in study_of)
    places = [row for _, row in rows]
    statistics = {family: values[places] for family, values in system.statistics.items()}
    return System(tuple(study for study, _ in rows), tuple(system.patients[row] for row in places), statistics)
