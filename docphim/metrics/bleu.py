"""BLEU-1 … BLEU-4 over a corpus, unsmoothed, one reference (Papineni et al. 2002); the counts are kept per report.

BLEU-N = BP · exp(mean over n ≤ N of log(shared n-grams / predicted n-grams)), BP = exp(1 − reference/predicted length)
where the prediction is the shorter.  One order without a match makes it 0.
"""

from __future__ import annotations

import numpy as np

from docphim.metrics.family import Kind, Title
from docphim.metrics.pairs import ORDERS, Floats, Pairs

KEYS = ("bleu1", "bleu2", "bleu3", "bleu4")
AVERAGE = "corpus"
SETTINGS = {"smooth": "none", "eff": "no", "empty": "0"}
PER_STUDY = ("sentence_bleu4",)
KIND: Kind = "wording"
SERVES, LEXICON, AT_LENGTH = "reports", False, ()
HEAD = ("bleu4",)
#: Where among a report's statistics its lengths stand: of the prediction, of the reference, in tokens.
LENGTHS = (2 * ORDERS, 2 * ORDERS + 1)
TITLES = {f"bleu{n}": Title(f"BLEU-{n}", f"BLEU-{n}", f"B-{n}") for n in range(ORDERS, 0, -1)}


def statistics(pairs: Pairs) -> Floats:
    """Per report: shared n-grams of order 1 … 4, predicted n-grams of order 1 … 4, predicted and reference length, (n, 10)."""
    reference, predicted = pairs.lengths
    totals = [np.maximum(predicted - lost, 0) for lost in range(ORDERS)]
    return np.column_stack([pairs.matches, *totals, predicted, reference]).astype(float)


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports, (…, 10), to BLEU-1 … 4 in percent, (…, 4)."""
    logs = _log_precisions(sums)
    orders = np.arange(1, ORDERS + 1)
    return 100 * brevity(sums)[..., None] * np.exp(np.cumsum(logs, axis=-1) / orders)


def per_study(statistics: Floats) -> Floats:
    """Sentence BLEU-4 in percent with effective order (a report of two words is judged by orders 1 and 2), (n, 1)."""
    counted = statistics[:, ORDERS : 2 * ORDERS] > 0
    logs = np.where(counted, _log_precisions(statistics), 0.0).sum(axis=1)
    value = 100 * brevity(statistics) * np.exp(logs / np.maximum(counted.sum(axis=1), 1))
    return np.where(counted[:, 0], value, 0.0)[:, None]


def _log_precisions(sums: Floats) -> Floats:
    shared, total = sums[..., :ORDERS], sums[..., ORDERS : 2 * ORDERS]
    with np.errstate(divide="ignore"):
        return np.log(shared / np.maximum(total, 1))


def brevity(sums: Floats) -> Floats:
    """Sums of `statistics`, (…, 10), to the brevity penalty (0 … 1), (…)."""
    predicted, reference = sums[..., -2], sums[..., -1]
    return np.where(predicted > 0, np.exp(np.minimum(0.0, 1 - reference / np.maximum(predicted, 1))), 0.0)
