"""Per finding of a phantom: how often a drafted report names what its film shows, and what it does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from docphim.language.fact import Fact
from docphim.language.labels import labels_of, read_labels
from docphim.metrics.intervals import interval, patient_index, resampled_sums, rounded
from docphim.metrics.pairs import Floats
from docphim.scores import Rates

#: A rate over fewer studies than this is not shown.
FEWEST = 5

#: A drafted report, what the study's own film shows (label → 0 or 1), and the patient.
Case = tuple[str, Mapping[str, int], str]


def by_finding(
    cases: Sequence[Case],
    language: str,
    *,
    resamples: int,
    seed: int,
    label_set: str = "phantom",
    facts_read: Mapping[str, list[Fact]] | None = None,
) -> dict[str, Rates]:
    """Sensitivity, false-positive rate and Youden's J of each finding, as fractions.

    A sided finding also counts over both sides together, as `NAME (side)`: then a finding on the wrong side is one miss and
    one false alarm.  A finding that the draft hedges counts as named.  Texts of `facts_read` are not read again;
    `label_set` is the set whose names the truths bear.

    Returns
    -------
    dict
        By finding; `low` and `high` are of J.  Findings with fewer than `FEWEST` positives or negatives are left out.
    """
    named = [_named(text, language, label_set, facts_read or {}) for text, _, _ in cases]
    truths, rates = [truth for _, truth, _ in cases], {}
    patient = patient_index([patient for _, _, patient in cases])
    for name, labels in _groups(truths).items():
        table = _table(named, truths, labels)
        hits, misses, alarms, rejections = table.sum(axis=0)
        positives, negatives = int(hits + misses), int(alarms + rejections)
        if min(positives, negatives) >= FEWEST:
            rates[name] = _rates(table, patient, resamples, seed)
    return rates


def _named(text: str, language: str, label_set: str, facts_read: Mapping[str, list[Fact]]) -> set[str]:
    known = facts_read.get(text)
    states = read_labels(text, language, label_set) if known is None else labels_of(known, label_set)
    return {label for label, state in states.items() if state in ("positive", "uncertain")}


def _groups(truths: Sequence[Mapping[str, int]]) -> dict[str, list[str]]:
    """Each label alone, and both sides of a sided one together."""
    names = list(dict.fromkeys(name for truth in truths for name in truth))
    groups = {name: [name] for name in names}
    for name in names:
        base = name.removesuffix("_right")
        if base != name and f"{base}_left" in groups:
            groups[f"{base} (side)"] = [name, f"{base}_left"]
    return groups


def _table(named: Sequence[set[str]], truths: Sequence[Mapping[str, int]], labels: Sequence[str]) -> Floats:
    """True positives, misses, false positives and true negatives of each study, (n, 4)."""
    table = np.zeros((len(truths), 4))
    for row, names, truth in zip(table, named, truths, strict=True):
        for label in labels:
            row[(0 if truth.get(label) else 2) + (0 if label in names else 1)] += 1
    return table


def _rates(table: Floats, patient: Any, resamples: int, seed: int) -> Rates:
    totals = table.sum(axis=0)
    tpr, fpr = _tpr_fpr(totals)
    sums = resampled_sums(table, patient, resamples, seed)
    low, high = None, None
    if sums is not None:
        # A sample without a positive or a negative has no J and says nothing about it.
        counted = (sums[:, :2].sum(axis=1) > 0) & (sums[:, 2:].sum(axis=1) > 0)
        drawn = _tpr_fpr(sums[counted])
        low, high = interval(drawn[0] - drawn[1])
    positives, negatives = int(totals[:2].sum()), int(totals[2:].sum())
    return Rates(rounded(tpr), rounded(fpr), rounded(tpr - fpr), low, high, positives, negatives)


def _tpr_fpr(sums: Floats) -> tuple[Any, Any]:
    positives, negatives = sums[..., 0] + sums[..., 1], sums[..., 2] + sums[..., 3]
    return sums[..., 0] / np.maximum(positives, 1), sums[..., 2] / np.maximum(negatives, 1)
