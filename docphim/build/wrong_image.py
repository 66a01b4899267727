"""What a wrong image is, said once: noise, blank, or another patient's study by a seeded derangement of the split."""

from __future__ import annotations

import numpy as np

from docphim.files import seed_of


def partners(patients_of: dict[str, set[str]], seed: int) -> dict[str, str | None]:
    """Give every study a study of other patients, each used exactly once.

    Studies are ordered so that those that share a patient stand together (groups shuffled by `seed`) and shifted by the
    size of the largest such group: a permutation in which nobody meets a patient of their own.

    Parameters
    ----------
    patients_of : dict
        Study id → the patients whose pixels its examples show, of one split: its own, and those of priors beside it.

    Returns
    -------
    dict
        Study id → the other study's id; None for all where one group holds more than half of the studies.
    """
    groups: dict[str, list[str]] = {}
    first = linked(patients_of)
    for study in sorted(patients_of):
        groups.setdefault(first[min(patients_of[study])], []).append(study)
    names = sorted(groups)
    order = np.random.default_rng(seed_of("wrong_image", seed)).permutation(len(names))
    ordered = [study for i in order for study in groups[names[i]]]
    shift = max(map(len, groups.values()), default=0)
    if not ordered or 2 * shift > len(ordered):
        return dict.fromkeys(sorted(patients_of))
    return {study: ordered[(i + shift) % len(ordered)] for i, study in enumerate(ordered)}


def linked(patients_of: dict[str, set[str]]) -> dict[str, str]:
    """Patient → the first of all patients it is linked with by studies that show several."""
    group = {patient: {patient} for patients in patients_of.values() for patient in patients}
    for patients in patients_of.values():
        if len(patients) > 1:
            together = set().union(*(group[patient] for patient in patients))
            group.update(dict.fromkeys(together, together))
    return {patient: min(together) for patient, together in group.items()}
