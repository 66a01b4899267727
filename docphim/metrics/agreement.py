"""How far two raters agree beyond chance: Cohen's κ and Gwet's AC1, with intervals over patients."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from docphim.metrics.intervals import interval, patient_index, resampled_sums, rounded
from docphim.metrics.pairs import Floats
from docphim.scores import Agreement

#: Why κ has no value.
CONSTANT = "a rater used one category only"
NOTHING = "nothing was rated by both"


def kappa(confusion: Floats) -> Floats:
    """Cohen's κ (1960) of counts: (p_o − p_e) / (1 − p_e), p_e the product of both raters' shares summed over categories.

    Parameters
    ----------
    confusion : (…, q, q)
        How often the first rater said the row and the second the column.

    Returns
    -------
    (…,)
        −1 … 1; NaN where nothing was counted or both raters used the same single category.
    """
    shares = _shares(confusion)
    observed = np.trace(shares, axis1=-2, axis2=-1)
    expected = (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)
    return _beyond(observed, expected)


def ac1(confusion: Floats) -> Floats:
    """Gwet's AC1 (2008) of counts: as κ, with p_e = Σ π(1 − π) / (q − 1), π the mean of both raters' shares of a category.

    It keeps its value where nearly all is of one category, where κ falls towards 0.  Shapes are those of `kappa`.
    """
    shares = _shares(confusion)
    observed = np.trace(shares, axis1=-2, axis2=-1)
    mean = (shares.sum(axis=-1) + shares.sum(axis=-2)) / 2
    return _beyond(observed, (mean * (1 - mean)).sum(axis=-1) / max(1, mean.shape[-1] - 1))


def _shares(confusion: Floats) -> Floats:
    counts = np.asarray(confusion, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts / counts.sum(axis=(-2, -1), keepdims=True)


def _beyond(observed: Floats, expected: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected < 1 - 1e-12, (observed - expected) / (1 - expected), np.nan)


def confusion_of(a: Sequence[Hashable], b: Sequence[Hashable]) -> Floats:
    """One-hot confusion of each rated thing, (n, q, q); the categories are those that either rater used."""
    known = {value: i for i, value in enumerate(sorted({*a, *b}, key=str))}
    counts = np.zeros((len(a), len(known), len(known)))
    for row, (first, second) in enumerate(zip(a, b, strict=True)):
        counts[row, known[first], known[second]] = 1
    return counts


def agreement(
    a: Sequence[Hashable], b: Sequence[Hashable], patients: Sequence[str], resamples: int = 1000, seed: int = 12345
) -> Agreement:
    """Agreement of two raters on the same things, with 95 % bootstrap intervals over patients.

    κ is not given where a rater used one category only: it is then 0 or undefined, whatever the other said.

    Returns
    -------
    Agreement
        `kappa` and `ac1`, each {"value", "low", "high"} and where there is no value also "why"; `observed`, the share on
        which they agree (0 … 1); `n`.

    Raises
    ------
    ValueError
        The lists differ in length.
    """
    n, one_hot = len(a), confusion_of(a, b)
    if not n:
        return Agreement(_no_value(NOTHING), _no_value(NOTHING), None, 0)
    q = one_hot.shape[1]
    total = one_hot.sum(axis=0)
    drawn = resampled_sums(one_hot.reshape(n, q * q), patient_index(patients), resamples, seed)
    samples = None if drawn is None else drawn.reshape(-1, q, q)
    constant = len(set(a)) == 1 or len(set(b)) == 1
    return Agreement(
        kappa=_no_value(CONSTANT) if constant else _with_interval(kappa(total), None if samples is None else kappa(samples)),
        ac1=_with_interval(ac1(total), None if samples is None else ac1(samples)),
        observed=rounded(np.trace(total) / n),
        n=n,
    )


def _no_value(why: str) -> dict[str, Any]:
    return {"value": None, "low": None, "high": None, "why": why}


def _with_interval(value: Floats, samples: Floats | None) -> dict[str, Any]:
    low, high = interval(samples)
    return {"value": rounded(float(value)), "low": low, "high": high}
