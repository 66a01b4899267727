"""What a wrong image is, said once: noise, blank, or another patient's study by a seeded derangement of the split."""

from __future__ import annotations

import numpy as np

from docphim.files import seed_of


def partners(patient_of: dict[str, str], seed: int) -> dict[str, str | None]:
    """Give every study another patient's study, each used exactly once.

    Studies are ordered so that a patient's own stand together (patients shuffled by `seed`) and shifted by the size of
    the largest such group: a permutation in which nobody meets a study of their own.

    Parameters
    ----------
    patient_of : dict
        Study id → patient id, of one split.

    Returns
    -------
    dict
        Study id → the other study's id; None for all where one patient owns more than half of the studies.
    """
    groups: dict[str, list[str]] = {}
    for study in sorted(patient_of):
        groups.setdefault(patient_of[study], []).append(study)
    names = sorted(groups)
    order = np.random.default_rng(seed_of("wrong_image", seed)).permutation(len(names))
    ordered = [study for i in order for study in groups[names[i]]]
    shift = max(map(len, groups.values()), default=0)
    if not ordered or 2 * shift > len(ordered):
        return dict.fromkeys(sorted(patient_of))
    return {study: ordered[(i + shift) % len(ordered)] for i, study in enumerate(ordered)}
