"""How far two tables of lesions of the same studies agree: lesion F1, and κ of what is said of lesions that both have."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from docphim.metrics import lesion_pairs as by
from docphim.metrics import lesions as scores
from docphim.metrics.agreement import agreement
from docphim.metrics.intervals import finite, interval, patient_index, resampled_sums
from docphim.metrics.lesion_pairs import Compared, compared, near_size, near_suv, pair
from docphim.metrics.pairs import Floats
from docphim.study import Lesion, Row, to_row

#: What is compared of two lesions in one place; the organ itself of two of one type.
FIELDS: dict[str, Callable[[Lesion, Compared], Hashable]] = {
    "type": lambda lesion, one: one.type,
    "organ": lambda lesion, one: "+".join(sorted(one.places)) or None,
    "side": lambda lesion, one: one.side,
    "place": lambda lesion, one: "+".join(sorted(one.part)) or None,
    "uptake": lambda lesion, one: one.uptake,
    "nature": lambda lesion, one: "+".join(sorted(nature.name for nature in lesion.nature)) or None,
}
#: Numbers, and when two are one.
AMOUNTS: dict[str, Callable[[Compared, Compared], tuple[bool, bool]]] = {
    "size": lambda one, two: (None not in (one.size, two.size), near_size(one.size, two.size)),
    "suv": lambda one, two: (None not in (one.suv, two.suv), near_suv(one.suv, two.suv)),
}
#: Columns of `lesions.statistics` behind its F1 scores, three a score.
_F1 = 3 * len(scores.SCORES)


@dataclass(frozen=True)
class Both:
    """One study as two people, or one person twice, say what lies in it."""

    patient: str
    one: Sequence[Lesion]
    two: Sequence[Lesion]


def agree(cases: Sequence[Both], resamples: int, seed: int) -> Row:
    """Agreement over studies, intervals over patients.

    Returns
    -------
    dict
        `cases`; `f1`: of each of `lesions.SCORES` {"value", "low", "high"}, in percent, symmetric in the two; `fields`: of
        each of `FIELDS` κ and AC1 (`agreement`) over the lesions that both have in one place (`organ`: of one type);
        `amounts`: of size and SUV the share of the pairs of which both say it that are within 20 and 10 %.
    """
    patients = [case.patient for case in cases]
    sums = _statistics(cases)
    samples = resampled_sums(sums, patient_index(patients), resamples, seed) if cases else None
    f1 = _values(list(scores.SCORES), _f1(sums.sum(axis=0)), None if samples is None else _f1(samples))
    pairs = {tests: _pairs(cases, tests) for tests in (by.same_place, by.same_type)}
    fields = {}
    for name, value in FIELDS.items():
        met = pairs[by.same_type if name == "organ" else by.same_place]
        one, two = ([value(*side) for side in sides] for sides in ([m[1] for m in met], [m[2] for m in met]))
        fields[name] = to_row(agreement(one, two, [m[0] for m in met], resamples, seed))
    amounts = {name: _share(pairs[by.same_place], known, resamples, seed) for name, known in AMOUNTS.items()}
    return {"cases": len(cases), "f1": f1, "fields": fields, "amounts": amounts}


def difference(first: Sequence[Both], second: Sequence[Both], resamples: int, seed: int) -> Row:
    """F1 over the first studies minus that over the second, by score; drawn together where a patient has studies in both."""
    cases = [*first, *second]
    sums = _statistics(cases)
    parts = np.hstack([np.where(np.arange(len(cases))[:, None] < len(first), sums, 0), np.zeros_like(sums)])
    parts[len(first) :, _F1:] = sums[len(first) :]
    samples = resampled_sums(parts, patient_index([case.patient for case in cases]), resamples, seed) if cases else None
    names = list(scores.SCORES)
    return _values(names, _minus(parts.sum(axis=0)), None if samples is None else _minus(samples))


def _minus(sums: Floats) -> Floats:
    return _f1(sums[..., :_F1]) - _f1(sums[..., _F1:])


def _statistics(cases: Sequence[Both]) -> Floats:
    rows = [scores.counts(compared(case.one), compared(case.two))[:_F1] for case in cases]
    return np.array(rows, dtype=float).reshape(len(rows), _F1)


def _f1(sums: Floats) -> Floats:
    right, one, two = (sums[..., n::3] for n in range(3))
    whole = one + two
    return np.where(whole > 0, 200 * right / np.where(whole > 0, whole, 1), np.nan)


def _values(names: Sequence[str], values: Floats, samples: Floats | None) -> Row:
    table = {}
    for number, name in enumerate(names):
        low, high = interval(None if samples is None else samples[:, number])
        table[name] = {"value": finite(float(values[number])), "low": low, "high": high}
    return table


Met = tuple[str, tuple[Lesion, Compared], tuple[Lesion, Compared]]


def _pairs(cases: Sequence[Both], test: by.Same) -> list[Met]:
    """The lesions that both have, one to one, with their patient."""
    met: list[Met] = []
    for case in cases:
        one, two = ([(lesion, made) for lesion in side for made in compared([lesion])] for side in (case.one, case.two))
        for i, j in pair([made for _, made in one], [made for _, made in two], (test,)):
            met.append((case.patient, one[i], two[j]))
    return met


def _share(met: Sequence[Met], known: Callable[[Compared, Compared], tuple[bool, bool]], resamples: int, seed: int) -> Row:
    rows = [(patient, known(one[1], two[1])) for patient, one, two in met]
    table = np.array([[is_known, is_known and alike] for _, (is_known, alike) in rows], dtype=float).reshape(len(rows), 2)
    samples = resampled_sums(table, patient_index([patient for patient, _ in rows]), resamples, seed) if rows else None
    value = _values(["share"], _percent(table.sum(axis=0)), None if samples is None else _percent(samples))["share"]
    return {**value, "n": int(table[:, 0].sum())}


def _percent(sums: Any) -> Floats:
    whole, right = sums[..., :1], sums[..., 1:]
    return np.where(whole > 0, 100 * right / np.where(whole > 0, whole, 1), np.nan)
