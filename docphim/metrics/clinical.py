"""The clinical score: what a radiologist would have to mend in a draft, each finding weighed by what it calls for.

A report's score is 100 · (1 − cost / twice the weight of its reference), and 0 where that is less.  Weights and costs are the
rows of weights.yaml; facts are taken as one where they mean one thing (docphim.language.same).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from docphim.metrics.family import Kind, Title
from docphim.metrics.pairing import Pairing
from docphim.metrics.pairs import Floats, Pairs
from docphim.metrics.signature import read_by
from docphim.metrics.weights import ACTED_ON, fingerprint, weights
from docphim.scores import UrgentRow

if TYPE_CHECKING:
    from docphim.metrics.atoms import Reading

#: Kinds of errors in what is urgent or actionable, and the kinds of differences (`costs` of weights.yaml) that they are.
ERRORS: dict[str, tuple[str, ...]] = {
    "missed": (),
    "invented": (),
    "denied": (),
    "side": ("side",),
    "place": ("place", "misplaced"),
    "grade": ("grade", "grades", "size", "suv", "contrary", "kin_level"),
    "change": ("change",),
}
KEYS = (
    *("clinical_f1", "clinical_f1_pooled", "actionable_errors", *(f"actionable_{kind}" for kind in ERRORS)),
    *("safety_recall", "safety_precision", "fact_f1_abnormal"),
)
AVERAGE = "mean"
SETTINGS = {"tok": "fact", "punct": "clause", "match": "least-cost", "empty": "0"}
PER_STUDY = ("clinical_f1", "actionable_errors")
KIND: Kind = "facts"
SERVES, LEXICON = "reports", True
HEAD = ("clinical_f1",)
#: Of these less is better.
LOWER = ("actionable_errors", *(f"actionable_{kind}" for kind in ERRORS))
AT_LENGTH = tuple(f"actionable_{kind}" for kind in ERRORS)
TITLES = {
    "clinical_f1": Title("Điểm lâm sàng", "clinical score", "Clinical"),
    "actionable_errors": Title("Lỗi cần sửa mỗi báo cáo", "errors to act on, a report", "Errors"),
    "safety_recall": Title("Ý cấp cứu mà máy nói đúng", "urgent findings reported", "Safety R"),
    "safety_precision": Title("Ý cấp cứu máy viết mà đúng", "urgent findings right", "Safety P"),
    "fact_f1_abnormal": Title("F1 theo ý bất thường", "fact F1, abnormal facts", "Fact F1 (abn.)"),
    "clinical_f1_pooled": Title("Điểm lâm sàng, gộp mọi ca", "clinical score, pooled", "Clinical (pooled)"),
    "actionable_missed": Title("Bỏ sót mỗi báo cáo", "missed, a report"),
    "actionable_invented": Title("Dương tính giả mỗi báo cáo", "invented, a report"),
    "actionable_denied": Title("Có nói thành không, hoặc ngược lại, mỗi báo cáo", "wrong in yes or no, a report"),
    "actionable_side": Title("Sai bên mỗi báo cáo", "wrong side, a report"),
    "actionable_place": Title("Sai vị trí mỗi báo cáo", "wrong place, a report"),
    "actionable_grade": Title("Sai mức độ hoặc kích thước mỗi báo cáo", "wrong grade or size, a report"),
    "actionable_change": Title("Sai diễn tiến mỗi báo cáo", "wrong change, a report"),
}
_KIND_OF = {difference: kind for kind, differences in ERRORS.items() for difference in differences}
_KINDS = list(ERRORS)
#: Differences by which an urgent thing is missed, and another invented.
WRONG = ("side", "misplaced")


def settings(language: str) -> dict[str, str]:
    """The signature's fields, with fingerprints of lexicon, reader and weights."""
    return SETTINGS | read_by(language) | {"weights": fingerprint()}


def statistics(pairs: Pairs) -> Floats:
    """Per report: score, cost, weight, errors by kind, four counts of urgent things, four of abnormal ones, a one, (n, k)."""
    rows, least, benign = [], weights()["least"], weights()["weights"]["benign"]
    things = zip(pairs.readings, pairs.pairings, pairs.shared_ills, pairs.predictions, strict=True)
    for (reference, draft), pairing, shared, text in things:
        cost = pairing.cost(reference, draft)
        both = 2 * max(least, sum([reference.weights[i] for i in reference.ills]) + benign * len(reference.wells))
        score = _score(cost, both) if text.strip() else 0.0
        errors = [0] * len(_KINDS)
        for kind, _, _ in error_kinds(pairing, reference, draft):
            errors[_KINDS.index(kind)] += 1
        abnormal = (len(reference.ills), len(draft.ills), *shared)
        rows.append((score, cost, both, *errors, *_urgent(reference, draft, pairing), *abnormal, 1.0))
    return np.array(rows, dtype=float).reshape(len(rows), len(ERRORS) + 12)


def _score(cost: float, both: float) -> float:
    """1 where nothing differs, never below 0; two texts without any fact agree.

    What the draft says does not count in the weight, so that an invention does not make its own cost smaller.
    """
    return max(0.0, 1 - cost / both) if both else float(not cost)


def error_kinds(pairing: Pairing, reference: Reading, draft: Reading) -> list[tuple[str, int, int]]:
    """Each error in what is urgent or actionable: its kind of `ERRORS`, the reference's thing and the draft's (−1: none).

    Of what is wrong alike on both sides one error is made.
    """
    ours, theirs = reference.levels, draft.levels
    errors = [
        (_KIND_OF[difference], i, j)
        for i, j, _, difference in pairing.pairs
        if difference in _KIND_OF and (ours[i] in ACTED_ON or theirs[j] in ACTED_ON)
    ]
    errors += [("missed" if well is None else "denied", i, -1) for i, well in pairing.missed if ours[i] in ACTED_ON]
    errors += [("invented" if well is None else "denied", -1, j) for j, well in pairing.invented if theirs[j] in ACTED_ON]
    return list(dict.fromkeys((kind, reference.once.get(i, i), draft.once.get(j, j)) for kind, i, j in errors))


def errors_by_report(statistics: Floats) -> list[dict[str, int]]:
    """How many errors of each kind of `ERRORS` each draft has; kinds without one are left out."""
    rows = statistics[:, 3 : 3 + len(ERRORS)].astype(int).tolist()
    return [{kind: n for kind, n in zip(ERRORS, row, strict=True) if n} for row in rows]


def urgent_findings(pairs: Pairs) -> dict[str, UrgentRow]:
    """By the name of each urgent finding, how often it is missed and invented, the most frequent first."""
    atoms, counts = pairs.atoms, Counter[tuple[str, str]]()
    for (reference, draft), pairing in zip(pairs.readings, pairs.pairings, strict=True):
        ours, theirs = _confirmed(pairing)
        for by, wrong, reading, right in (("reference", "missed", reference, ours), ("draft", "invented", draft, theirs)):
            for thing, whole in _urgent_things(reading, right).items():
                name = str(atoms.facts[thing].finding or atoms.facts[thing].state)
                counts[name, by] += 1
                counts[name, wrong] += not whole
    names = sorted({name for name, _ in counts}, key=lambda name: (-counts[name, "reference"] - counts[name, "draft"], name))
    fields = ("reference", "missed", "draft", "invented")
    return {name: UrgentRow(**{field: counts[name, field] for field in fields}) for name in names}


def _confirmed(pairing: Pairing) -> tuple[set[int], set[int]]:
    """Things of the reference, and of the draft, that the other text says on the right side."""
    right = [(i, j) for i, j, _, kind in pairing.pairs if kind not in WRONG]
    return {i for i, _ in right}, {j for _, j in right}


def _urgent_things(reading: Reading, right: set[int]) -> dict[int, bool]:
    """Each urgent thing, one of both sides once, and whether all of it is among some things."""
    things: dict[int, bool] = {}
    for thing in reading.ills:
        if reading.levels[thing] == "urgent":
            once = reading.once.get(thing, thing)
            things[once] = things.get(once, True) and thing in right
    return things


def _urgent(reference: Reading, draft: Reading, pairing: Pairing) -> tuple[int, int, int, int]:
    """Urgent things of the reference, those of them that the draft reports on the right side; and the same of the draft."""
    if not any(reading.levels[thing] == "urgent" for reading in (reference, draft) for thing in reading.ills):
        return 0, 0, 0, 0
    ours, theirs = map(_urgent_things, (reference, draft), _confirmed(pairing))
    return len(ours), sum(ours.values()), len(theirs), sum(theirs.values())


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports to the values of `KEYS`: percent, and errors a report; NaN where nothing is urgent."""
    score, cost, both, *errors = np.moveaxis(sums[..., : 3 + len(ERRORS)], -1, 0)
    urgent, reported, drafted, right, ills, drafted_ills, right_ills, right_drafted, n = np.moveaxis(sums[..., -9:], -1, 0)
    reports = np.maximum(n, 1)
    pooled = np.where(both > 0, np.maximum(0, 1 - cost / np.where(both > 0, both, 1)), score / reports)
    abnormal = _share(right_ills + right_drafted, ills + drafted_ills)
    shares = [_share(reported, urgent), _share(right, drafted), abnormal]
    every = sum(errors, np.zeros_like(score))
    counts = [every / reports, *(error / reports for error in errors)]
    return np.stack([100 * score / reports, 100 * pooled, *counts, *(100 * share for share in shares)], axis=-1)


def per_study(statistics: Floats) -> Floats:
    """One report's score in percent, and its errors to act on, (n, 2)."""
    return np.column_stack([100 * statistics[:, 0], statistics[:, 3 : 3 + len(ERRORS)].sum(axis=1)])


def _share(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
