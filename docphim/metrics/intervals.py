"""Bootstrap over patients from cached per-report statistics (Efron & Tibshirani 1993, ch. 13): no text is scored twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from docphim.metrics.grams import Floats, Ints

#: Below so many patients an interval says more than the data can, and none is given.
FEWEST = 30
LEVEL = 95.0
#: An interval is given if at most this share of the resampled values is undefined.
_UNDEFINED = 0.05
_CELLS = 500_000


def patient_index(patients: Sequence[str]) -> Ints:
    """Number patients 0 … in the order of their ids, so that two systems on the same patients draw the same samples."""
    return np.unique(np.array(patients, dtype=str), return_inverse=True)[1].astype(np.int64)


def resampled_sums(statistics: Floats, patient: Ints, resamples: int, seed: int) -> Floats | None:
    """Sums of per-report statistics over bootstrap samples of patients.

    The draws depend on the number of patients and the seed alone: systems scored on the same patients are paired.

    Parameters
    ----------
    statistics : (n, k)
        What each report contributes to a score.
    patient : (n,)
        `patient_index` of each report; a patient is drawn with all of their reports.

    Returns
    -------
    (resamples, k), or None where there are fewer than `FEWEST` patients.
    """
    n = int(patient.max()) + 1 if len(patient) else 0
    if n < FEWEST:
        return None
    totals = np.stack([np.bincount(patient, column, minlength=n) for column in statistics.T], axis=1)
    rng = np.random.default_rng(seed)
    parts, step = [], max(1, _CELLS // n)
    for first in range(0, resamples, step):
        rows = min(step, resamples - first)
        drawn = rng.integers(0, n, (rows, n), dtype=np.int32) + np.arange(rows, dtype=np.int32)[:, None] * n
        parts.append(np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n) @ totals)
    return np.concatenate(parts)


def interval(values: Floats | None) -> tuple[float | None, float | None]:
    """The 95 % percentile interval of resampled values; (None, None) where there are none, or too many are undefined."""
    if values is None:
        return None, None
    drawn, values = len(values), values[np.isfinite(values)]
    if len(values) < (1 - _UNDEFINED) * drawn:
        return None, None
    low, high = np.percentile(values, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return rounded(low), rounded(high)


def finite(value: float) -> float | None:
    """A score as JSON has it, rounded; None where there is nothing to tell it from (NaN)."""
    return rounded(value) if np.isfinite(value) else None


def rounded(value: float) -> float:
    """Ten decimals: finer than any score is good for, coarse enough to be the same on every machine."""
    return round(float(value), 10) + 0.0
