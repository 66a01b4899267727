"""Labels that two reports agree on: coverage, accuracy, precision, recall, F1 and CRG over a published label set.

A label counts as positive where the report affirms it or suspects it; denied and unmentioned are both "not positive".
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from docphim.metrics.family import Kind, Title
from docphim.metrics.pairs import Floats, Ints, Pairs
from docphim.metrics.signature import read_by
from docphim.scores import LabelRow

Flags = NDArray[np.bool_]
SCORES = (
    "coverage",
    "coverage_study",
    "accuracy",
    "accuracy_all_negative",
    "exact_match",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "micro_precision",
    "micro_recall",
    "micro_f1",
    "crg",
)
#: Names of the scores with the set's, in the order of tables.
TITLES = {
    "macro_f1": Title("F1 trung bình các nhãn ({set})", "macro F1 ({set})", "F1, {set}"),
    "micro_f1": Title("F1 gộp mọi nhãn ({set})", "micro F1 ({set})"),
    "macro_precision": Title("Độ chính xác trung bình ({set})", "macro precision ({set})"),
    "macro_recall": Title("Độ nhạy trung bình ({set})", "macro recall ({set})"),
    "micro_precision": Title("Độ chính xác gộp ({set})", "micro precision ({set})"),
    "micro_recall": Title("Độ nhạy gộp ({set})", "micro recall ({set})"),
    "accuracy": Title("Tỉ lệ nhãn đúng ({set})", "accuracy ({set})"),
    "accuracy_all_negative": Title("Tỉ lệ nhãn đúng nếu luôn nói không có gì ({set})", "accuracy of all-negative ({set})"),
    "exact_match": Title("Ca đúng mọi nhãn ({set})", "exact match ({set})"),
    "coverage": Title("Độ phủ ({set})", "coverage ({set})"),
    "coverage_study": Title("Độ phủ, trung bình từng ca ({set})", "coverage, mean over reports ({set})"),
    "crg": Title("CRG ({set})", "CRG ({set})"),
}
#: What a short list shows of a set.
_BRIEF = ("macro_f1", "micro_f1")
#: After three columns a label: labels right, all right, share of the positives found, whether there are any, and a one.
_REST = 5


class Labels:
    """The metric family of one label set; `metric("vindr")` is `labels("vindr")`."""

    AVERAGE = "corpus"
    SETTINGS: ClassVar = {"tok": "label", "punct": "clause", "unc": "positive", "macro": "supported", "empty": "0"}
    KIND: Kind = "labels"
    SERVES, LEXICON = "reports", True

    def __init__(self, set_: str) -> None:
        self.set = set_
        self.KEYS = tuple(f"{set_}/{score}" for score in SCORES)
        self.PER_STUDY = (f"{set_}/micro_f1", f"{set_}/accuracy")
        self.HEAD = (f"{set_}/macro_f1",)
        self.AT_LENGTH = tuple(f"{set_}/{score}" for score in SCORES if score not in _BRIEF)

    @functools.cached_property
    def TITLES(self) -> dict[str, Title]:
        """Names of the scores with the set's own, which its table says."""
        from docphim.language.labels import set_title

        name = set_title(self.set)
        return {f"{self.set}/{score}": Title(*(part.format(set=name) for part in title)) for score, title in TITLES.items()}

    def settings(self, language: str) -> dict[str, str]:
        """The signature's fields, with fingerprints of the lexicon and the set's table, and of the reader."""
        return self.SETTINGS | read_by(language, self.set)

    def statistics(self, pairs: Pairs) -> Floats:
        """Per report and label true positives, false positives, misses; then what `_REST` says, (n, 3L + 5).

        An empty prediction is right about nothing, not even about what is not there.
        """
        from docphim.language.labels import spoken

        reports = pairs.numbers
        bits = np.array([(0,) * 5, *[spoken(fact, self.set) for fact in pairs.atoms.stated]], np.int64)
        truth, drafted = (self._positive(side, bits) for side in reports)
        answered = np.fromiter((bool(text.strip()) for text in pairs.predictions), bool, len(pairs))
        right = (truth == drafted) & answered[:, None]
        positives = truth.sum(axis=1)
        rest = [
            right.sum(axis=1),
            right.all(axis=1),
            (truth & drafted).sum(axis=1) / np.maximum(positives, 1),
            positives > 0,
            np.ones(len(pairs)),
        ]
        return np.column_stack([truth & drafted, ~truth & drafted, truth & ~drafted, *rest]).astype(float)

    def aggregate(self, sums: Floats) -> Floats:
        """Sums of `statistics` over reports, (…, 3L + 5), to the values of `SCORES` in percent, (…, 12).

        `accuracy_all_negative` is what a report without any finding would get: no accuracy says anything without it.
        """
        hits, alarms, misses = self._counts(sums)
        correct, exact, share, ill, n = np.moveaxis(sums[..., -_REST:], -1, 0)
        tp, fp, fn = (counts.sum(axis=-1) for counts in (hits, alarms, misses))
        # Where neither side has a positive all reports are right but the empty ones.
        silent = np.where(tp + fp + fn == 0, _ratio(exact, n, False), 0)
        supported = hits + misses > 0
        macro = [_mean(ratio, supported, silent) for ratio in _prf(hits, alarms, misses, False)]
        micro = _prf(tp, fp, fn, silent)
        cells = n * hits.shape[-1]
        accuracies = [_ratio(correct, cells, False), _ratio(cells - tp - fn, cells, False), _ratio(exact, n, False)]
        columns = [micro[1], _ratio(share, ill, silent), *accuracies, *macro, *micro, _crg(tp, fp, fn, cells)]
        return 100 * np.stack(columns, axis=-1)

    def per_study(self, statistics: Floats) -> Floats:
        """One report's F1 over labels and share of labels that are right, in percent, (n, 2)."""
        hits, alarms, misses = self._counts(statistics)
        f1 = _prf(hits.sum(axis=1), alarms.sum(axis=1), misses.sum(axis=1), statistics[:, -_REST] > 0)[2]
        return 100 * np.stack([f1, statistics[:, -_REST] / hits.shape[1]], axis=1)

    def per_label(self, statistics: Floats) -> dict[str, LabelRow]:
        """Precision, recall and F1 of each label in percent; in how many references (`support`) and predictions it is.

        Null where there is nothing to divide by.
        """
        from docphim.language.labels import label_names

        table = {}
        for name, tp, fp, fn in zip(label_names(self.set), *self._counts(statistics.sum(axis=0)), strict=True):
            parts = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}
            shares = {key: round(100 * part / whole, 10) if whole else None for key, (part, whole) in parts.items()}
            table[name] = LabelRow(**shares, support=int(tp + fn), predicted=int(tp + fp))
        return table

    def _counts(self, sums: Floats) -> tuple[Floats, Floats, Floats]:
        """True positives, false positives and misses of each label, (…, L) each."""
        labels = (sums.shape[-1] - _REST) // 3
        return sums[..., :labels], sums[..., labels : 2 * labels], sums[..., 2 * labels : 3 * labels]

    def _positive(self, reports: Sequence[tuple[int, ...]], bits: Ints) -> Flags:
        """Which labels each report affirms or suspects, (n, L), given what each of its facts says of them.

        The first row of `bits` says nothing, and stands before the facts of each report.
        """
        from docphim.language.labels import label_names, named

        starts = np.cumsum([0, *[len(facts) + 1 for facts in reports]])[:-1]
        facts = np.fromiter(itertools.chain.from_iterable([(-1, *facts) for facts in reports]), np.int64)
        together = np.bitwise_or.reduceat(bits[facts + 1], starts) if reports else bits[:0]
        labels = named(tuple(together.T), self.set)
        return (labels[:, None] >> np.arange(len(label_names(self.set))) & 1).astype(bool)


def _prf(tp: Floats, fp: Floats, fn: Floats, silent: Floats | Flags | bool) -> tuple[Floats, Floats, Floats]:
    """Precision, recall, F1; without a denominator `silent`."""
    return _ratio(tp, tp + fp, silent), _ratio(tp, tp + fn, silent), _ratio(2 * tp, 2 * tp + fp + fn, silent)


def _mean(values: Floats, counted: Flags, silent: Floats) -> Floats:
    """The mean over the labels that are counted."""
    return _ratio((values * counted).sum(axis=-1), counted.sum(axis=-1), silent)


def _crg(tp: Floats, fp: Floats, fn: Floats, cells: Floats) -> Floats:
    """CRG: U/(2U − s), s = r·TP − r·FN − FP, r = (X − A)/2A, U = (X − A)/2, of X labels × studies with A positives.

    Hamamci et al. 2025.  All positive and all negative both give 1/3.  Without a positive, s = −FP.
    """
    positives = tp + fn
    unit = (cells - positives) / 2
    score = unit * _ratio(tp - fn, positives, False) - fp
    return np.where(2 * unit > score, unit / np.where(2 * unit > score, 2 * unit - score, 1.0), 0.0)


def _ratio(part: Floats, whole: Floats, otherwise: Floats | Flags | bool) -> Floats:
    """part/whole; `otherwise` where there is no whole."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.asarray(otherwise, dtype=float))


@functools.cache
def labels(set_: str) -> Labels:
    """The family of a label set."""
    return Labels(set_)
