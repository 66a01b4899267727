"""Is one system better than another on the same studies: paired approximate randomisation, with Holm's correction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from docphim.metrics.pairs import Floats, Ints

#: Cells of one block of swaps: small enough to stay in cache, large enough for one product to be worth it.
_CELLS = 1_000_000
#: Two differences closer than this (in percent) are one: sums of the same numbers in another order differ by less.
_TIE = 1e-9


def paired_p(
    ours: Floats, theirs: Floats, patient: Ints, aggregate: Callable[[Floats], Floats], *, permutations: int, seed: int
) -> Floats:
    """Two-sided p of the difference between two systems, for every value of a metric.

    Under the null hypothesis it does not matter which of the two systems said what.  Each permutation swaps the two for a
    random half of the patients, with all of their reports; p = (c + 1) / (permutations + 1), where c permutations differ at
    least as much as the systems do (Noreen 1989; Riezler & Maxwell 2005).  What a report adds to a score is swapped, not the
    score, so that any metric that is a function of sums is tested as it is reported.

    Parameters
    ----------
    ours, theirs : (n, k)
        What each report contributes to the metric, by system, in the same order of reports.
    patient : (n,)
        `patient_index` of each report.
    aggregate : callable
        (…, k) sums to (…, m) values in percent.

    Returns
    -------
    (m,)
        NaN where the metric is undefined for either system.

    Raises
    ------
    ValueError
        The systems differ in their reports.
    """
    if ours.shape != theirs.shape or len(ours) != len(patient):
        raise ValueError(f"systems of {ours.shape} and {theirs.shape} statistics on {len(patient)} reports are not paired")
    sums = np.stack([ours.sum(axis=0), theirs.sum(axis=0)])
    values = aggregate(sums)
    observed = np.abs(values[0] - values[1])
    n = int(patient.max()) + 1 if len(patient) else 0
    gain = np.stack([np.bincount(patient, column, minlength=n) for column in (theirs - ours).T], axis=1)
    extreme = np.zeros(observed.shape)
    for swapped in _swaps(n, permutations, seed):
        moved = swapped @ gain
        difference = np.abs(aggregate(sums[0] + moved) - aggregate(sums[1] - moved))
        # An undefined value counts against the difference, which never makes p smaller.
        extreme += (~(difference < observed - _TIE)).sum(axis=0)
    return np.where(np.isnan(observed), np.nan, (extreme + 1) / (permutations + 1))


def _swaps(n: int, permutations: int, seed: int) -> Iterator[Floats]:
    """Blocks of 0/1 rows, one a permutation: which of `n` patients are swapped; they depend on `n` and the seed alone."""
    rng = np.random.default_rng(seed)
    words, step = max(1, -(-n // 64)), max(1, _CELLS // max(n, 1))
    for first in range(0, permutations, step):
        rows = min(step, permutations - first)
        bits = rng.integers(0, 2**64, (rows, words), dtype=np.uint64).astype("<u8").view(np.uint8)
        yield np.unpackbits(bits, axis=1, count=n).astype(np.float64)


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction: the chance of even one false claim in the whole table stays under the level.

    The k-th smallest of m values is multiplied by m − k + 1, and never less than the one before it (Holm 1979).  None passes
    through and is not counted.
    """
    known = sorted((value, i) for i, value in enumerate(p) if value is not None)
    corrected: list[float | None] = [None] * len(p)
    highest = 0.0
    for place, (value, i) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - place) * value))
        corrected[i] = highest
    return corrected
