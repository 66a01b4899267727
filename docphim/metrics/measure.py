"""Measure a system: every metric on its reports, resampled over patients, as the tables that scores.json holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from docphim.metrics import EXTERNAL, Metric, families, metric
from docphim.metrics.catalogue import less_is_better
from docphim.metrics.external import given
from docphim.metrics.intervals import finite, interval, patient_index, resampled_sums, rounded
from docphim.metrics.pairs import Floats, Pairs
from docphim.metrics.signature import check_comparable, signature
from docphim.scores import Reading, Score, Table


@dataclass(frozen=True)
class Measured:
    """One system's values by key, the same values on bootstrap samples, and each report's own values by name.

    `statistics` holds by family what each report contributes: all that a paired test needs.
    """

    values: dict[str, float]
    resampled: dict[str, Floats | None]
    signatures: dict[str, str]
    studies: dict[str, Floats]
    n: int
    statistics: dict[str, Floats] = field(default_factory=dict)


def measure(
    pairs: Pairs,
    patients: Sequence[str],
    *,
    resamples: int,
    seed: int,
    names: Sequence[str] | None = None,
    external: Mapping[str, Sequence[float | None]] | None = None,
) -> Measured:
    """Score predictions against references; every family is resampled with the same draws of patients.

    Parameters
    ----------
    pairs : Pairs
        References and predictions.
    patients : sequence of str
        Whose each report is; bootstrap samples are drawn over patients.
    names : sequence of str, optional
        Families of `METRICS`; none: all that serve the language, with the published label sets.
    external : mapping, optional
        Scores that were computed elsewhere, by key one number a report.

    Raises
    ------
    UsageError
        A family needs a lexicon that the language does not have.
    """
    chosen = families(pairs.language) if names is None else names
    statistics = {name: metric(name).statistics(pairs) for name in chosen}
    statistics |= {EXTERNAL + key: given(numbers) for key, numbers in (external or {}).items()}
    values, resampled = scored(statistics, patients, resamples=resamples, seed=seed)
    signatures: dict[str, str] = {}
    studies: dict[str, Floats] = {}
    for name in statistics:
        kind = metric(name)
        settings = kind.settings(pairs.language) if hasattr(kind, "settings") else kind.SETTINGS
        for key in kind.KEYS:
            drawn = None if resampled[key] is None else resamples
            fields = settings if name.startswith(EXTERNAL) else {**pairs.rule.signed, **settings, **_of_pairs(kind, pairs)}
            signatures[key] = signature(key, kind.AVERAGE, fields, n=len(pairs), resamples=drawn, seed=seed)
        rows = kind.per_study(statistics[name])
        studies.update({key: rows[:, i] for i, key in enumerate(kind.PER_STUDY)})
    return Measured(values, resampled, signatures, studies, len(pairs), statistics)


def _of_pairs(kind: Metric, pairs: Pairs) -> dict[str, str]:
    """What a signature says of the reports: their modality, for facts of films are taken as one where those of scans are not;
    whether tables stand in for references, where a family reads them; and what a family says of them itself.
    """
    tables = {"truth": "table"} if pairs.records and getattr(kind, "TABLES", False) else {}
    tables |= kind.of_pairs(pairs) if hasattr(kind, "of_pairs") else {}
    return {"modality": pairs.modality or "unknown", **tables} if kind.KIND == "facts" else {}


def scored(
    statistics: Mapping[str, Floats], patients: Sequence[str], *, resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, Floats | None]]:
    """Every score of the families of `statistics` by key, and the same on bootstrap samples of patients.

    One draw and one product serve all families.  A sample is None where there are too few patients, a value NaN where
    there is nothing to tell it from.
    """
    values: dict[str, float] = {}
    samples: dict[str, Floats | None] = {}
    sums = (
        resampled_sums(np.hstack(list(statistics.values())), patient_index(patients), resamples, seed) if statistics else None
    )
    first = 0
    for name, rows in statistics.items():
        kind, width = metric(name), rows.shape[1]
        drawn = None if sums is None else kind.aggregate(sums[:, first : first + width])
        for i, (key, value) in enumerate(zip(kind.KEYS, kind.aggregate(rows.sum(axis=0)), strict=True)):
            values[key], samples[key] = rounded(value), None if drawn is None else drawn[:, i]
        first += width
    return values, samples


def table(system: Measured) -> Table:
    """Values with interval, number of reports and signature, by key."""
    rows = {}
    for key, value in system.values.items():
        rows[key] = Score(finite(value), *interval(system.resampled[key]), n=system.n, signature=system.signatures[key])
    return rows


def lead(system: Measured, over: Measured) -> Table:
    """Value and paired interval of `system` minus `over`, both measured on the same reports with the same seed.

    Raises
    ------
    Refused
        `signature_differs`.
    """
    rows = {}
    for key, value in system.values.items():
        check_comparable([system.signatures[key], over.signatures[key]])
        ours, theirs = system.resampled[key], over.resampled[key]
        low, high = interval(None if ours is None or theirs is None else ours - theirs)
        rows[key] = Score(finite(value - over.values[key]), low, high)
    return rows


def _ahead(key: str, difference: Score) -> bool | None:
    """Whether the whole interval of a difference says that the system is the better one; None where there is none."""
    if not less_is_better(key):
        return difference.above_zero
    return None if difference.high is None else difference.high < 0


def mean_score(values: Floats, patients: Sequence[str], *, resamples: int, seed: int) -> Score:
    """Mean of one number per report, with its interval over patients; all null where there is no report."""
    if not len(values):
        return Score(None, n=0)
    statistics = np.stack([values, np.ones(len(values))], axis=1)
    sums = resampled_sums(statistics, patient_index(patients), resamples, seed)
    low, high = interval(None if sums is None else sums[:, 0] / sums[:, 1])
    return Score(rounded(values.mean()), low, high, n=len(values))


def reading(leads: Mapping[str, Table], drops: Table) -> dict[str, Reading]:
    """What the intervals say of each key, in yes and no.

    Parameters
    ----------
    leads : mapping of str to Table
        `lead` of the system over each floor.
    drops : Table
        What the system loses on another patient's image.

    Returns
    -------
    dict
        By key, whether the lead over every floor, and the drop, lie above 0 with their whole interval; None where there is
        no interval, no floor or no other image.
    """
    keys = dict.fromkeys(key for rows in (*leads.values(), drops) for key in rows)
    readings: dict[str, Reading] = {}
    for key in keys:
        above = [_ahead(key, rows[key]) if key in rows else None for rows in leads.values()]
        beats = None if not above or None in above else all(above)
        readings[key] = Reading(beats, _ahead(key, drops[key]) if key in drops else None)
    return readings
