"""Which study trains, validates or tests: by patient, or as the source says."""

from __future__ import annotations

import numpy as np

from docphim.errors import UsageError
from docphim.study import SPLITS, Split, Study


def by_patient(studies: list[Study], fractions: tuple[float, float, float], seed: int) -> dict[str, Split]:
    """Draw splits so that no patient stands in two.

    Patients (not studies) are shuffled and cut at the fractions; a split with a fraction above 0 gets at least one
    patient where there are enough.

    Returns
    -------
    dict
        Study id → split.
    """
    patients = sorted({study.patient for study in studies})
    order = np.random.default_rng(seed).permutation(len(patients))
    counts = [max(round(f * len(patients)), 1 if f > 0 else 0) for f in fractions[1:]]
    if sum(counts) >= len(patients) and fractions[0] > 0:
        raise UsageError(f"split.fractions: {len(patients)} patients are too few for three splits")
    bounds = [len(patients) - sum(counts), len(patients) - counts[1]]
    split_of = {patients[p]: SPLITS[int(np.searchsorted(bounds, rank, side="right"))] for rank, p in enumerate(order)}
    return {study.id: split_of[study.patient] for study in studies}


def by_source(studies: list[Study]) -> dict[str, Split]:
    """Keep the dataset's own splits.

    Raises
    ------
    UsageError
        No study says its split.
    """
    given = {study.id: study.split for study in studies if study.split is not None}
    if not given:
        raise UsageError("split.by: source needs a dataset with splits of its own; this one has none, use by: patient")
    return given
