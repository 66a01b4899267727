"""Measure a system: every metric on its reports, resampled over patients, as the tables that scores.json holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from docphim.metrics import METRICS, metric
from docphim.metrics.intervals import interval, patient_index, resampled_sums, rounded
from docphim.metrics.pairs import Floats, Pairs
from docphim.metrics.signature import check_comparable, signature

Table = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Measured:
    """One system's values by key, the same values on bootstrap samples, and each report's own values by name."""

    values: dict[str, float]
    resampled: dict[str, Floats | None]
    signatures: dict[str, str]
    studies: dict[str, Floats]
    n: int


def measure(pairs: Pairs, patients: Sequence[str], *, resamples: int, seed: int) -> Measured:
    """Score predictions against references with every metric of `METRICS`.

    Parameters
    ----------
    pairs : Pairs
        References and predictions.
    patients : sequence of str
        Whose each report is; bootstrap samples are drawn over patients.
    """
    found, n = Measured({}, {}, {}, {}, len(pairs)), len(pairs)
    patient = patient_index(patients)
    for name in METRICS:
        kind = metric(name)
        statistics = kind.statistics(pairs)
        values = kind.aggregate(statistics.sum(axis=0))
        sums = resampled_sums(statistics, patient, resamples, seed)
        drawn = None if sums is None else kind.aggregate(sums)
        for i, key in enumerate(kind.KEYS):
            found.values[key] = rounded(values[i])
            found.resampled[key] = None if drawn is None else drawn[:, i]
            bootstraps = None if drawn is None else resamples
            found.signatures[key] = signature(
                key, kind.AVERAGE, kind.SETTINGS, pairs.language, n=n, resamples=bootstraps, seed=seed
            )
        own = kind.per_study(statistics)
        found.studies.update({key: own[:, i] for i, key in enumerate(kind.PER_STUDY)})
    return found


def table(system: Measured) -> Table:
    """Values with interval, number of reports and signature, by key."""
    rows = {}
    for key, value in system.values.items():
        low, high = interval(system.resampled[key])
        rows[key] = {"value": value, "low": low, "high": high, "n": system.n, "signature": system.signatures[key]}
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
        rows[key] = {"value": rounded(value - over.values[key]), "low": low, "high": high}
    return rows


def mean_table(values: Floats, patients: Sequence[str], *, resamples: int, seed: int) -> dict[str, Any]:
    """Mean of one number per report, with its interval over patients; all null where there is no report."""
    if not len(values):
        return {"value": None, "low": None, "high": None, "n": 0}
    statistics = np.stack([values, np.ones(len(values))], axis=1)
    sums = resampled_sums(statistics, patient_index(patients), resamples, seed)
    low, high = interval(None if sums is None else sums[:, 0] / sums[:, 1])
    return {"value": rounded(values.mean()), "low": low, "high": high, "n": len(values)}
