"""Systems as statistics.parquet keeps them: what each report adds to each score, so that no text is read again."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from docphim.errors import Refused
from docphim.metrics import EXTERNAL, METRICS, label_sets, metric
from docphim.metrics.intervals import finite, interval, patient_index
from docphim.metrics.measure import scored
from docphim.metrics.pairs import Floats
from docphim.metrics.significance import paired_p
from docphim.study import Row


@dataclass(frozen=True)
class System:
    """One system's reports on a task, sorted by id: whose they are, and by metric family what each adds to its scores."""

    ids: tuple[str, ...]
    patients: tuple[str, ...]
    statistics: dict[str, Floats]

    def only(self, ids: Iterable[str]) -> System:
        """The same system on some of its reports."""
        wanted = set(ids)
        rows = [i for i, id_ in enumerate(self.ids) if id_ in wanted]
        statistics = {family: values[rows] for family, values in self.statistics.items()}
        return System(tuple(self.ids[i] for i in rows), tuple(self.patients[i] for i in rows), statistics)

    def same(self, other: System) -> bool:
        """Whether the two are one in all that is counted."""
        mine, theirs = self.statistics, other.statistics
        equal = self.ids == other.ids and mine.keys() == theirs.keys()
        return equal and all(np.array_equal(mine[family], theirs[family]) for family in mine)


@dataclass(frozen=True)
class Measured:
    """A system's scores by key, on its reports and on bootstrap samples of patients; NaN where undefined."""

    system: System
    values: dict[str, float]
    samples: dict[str, Floats | None]

    def score(self, key: str) -> Row:
        """Value and interval."""
        low, high = interval(self.samples[key])
        return {"value": finite(self.values[key]), "low": low, "high": high}

    def minus(self, other: Measured, key: str) -> Row:
        """Difference and its paired interval; both systems must have the same reports."""
        ours, theirs = self.samples[key], other.samples[key]
        low, high = interval(None if ours is None or theirs is None else ours - theirs)
        return {"value": finite(self.values[key] - other.values[key]), "low": low, "high": high}


def measured(system: System, families: Iterable[str], *, resamples: int, seed: int) -> Measured:
    """Every score of those families that the system has statistics of."""
    statistics = {family: system.statistics[family] for family in families if family in system.statistics}
    return Measured(system, *scored(statistics, system.patients, resamples=resamples, seed=seed))


def p_by_key(ours: System, theirs: System, families: Iterable[str], *, permutations: int, seed: int) -> dict[str, float | None]:
    """p of the difference between two systems on the same reports, for every score of the families that both have."""
    patient, by_key = patient_index(ours.patients), {}
    for family in families:
        if family in ours.statistics and family in theirs.statistics:
            kind = metric(family)
            pair = ours.statistics[family], theirs.statistics[family]
            p = paired_p(*pair, patient, kind.aggregate, permutations=permutations, seed=seed)
            by_key.update({key: finite(value) for key, value in zip(kind.KEYS, p.tolist(), strict=True)})
    return by_key


def read_statistics(path: Path) -> dict[str, dict[str, System]]:
    """Read statistics.parquet: task key → system → its reports.

    Raises
    ------
    Refused
        `file_unreadable`, where it is no such table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path).sort_by([(column, "ascending") for column in ("task", "system", "id")])
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise Refused("file_unreadable", path.name, "it is not a table of statistics by task, system and id") from error
    tasks, systems, ids, patients = (table.column(c).to_pylist() for c in ("task", "system", "id", "patient"))
    families = [name for name in table.column_names if name in (*METRICS, *label_sets()) or name.startswith(EXTERNAL)]
    by_task: dict[str, dict[str, System]] = {}
    first = 0
    for (task, system), group in itertools.groupby(zip(tasks, systems, strict=True)):
        n = sum(1 for _ in group)
        statistics = {}
        for family in families:
            column = table.column(family).slice(first, n).combine_chunks()
            if not column.null_count:
                statistics[family] = np.asarray(column.flatten(), dtype=float).reshape(n, -1)
        by_task.setdefault(task, {})[system] = System(
            tuple(ids[first : first + n]), tuple(patients[first : first + n]), statistics
        )
        first += n
    return by_task
