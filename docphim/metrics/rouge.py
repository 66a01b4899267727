"""ROUGE-1, ROUGE-2 and ROUGE-L: mean over reports of the F1 of shared n-grams, or of the longest common subsequence.

Lin 2004.  P = shared/predicted, R = shared/reference, F1 = 2PR/(P+R) = 2·shared/(predicted + reference); no stemmer.
"""

from __future__ import annotations

import numpy as np

from docphim.metrics.family import Kind, Title
from docphim.metrics.pairs import Floats, Ints, Pairs

KEYS = ("rouge1", "rouge2", "rougeL")
AVERAGE = "mean"
SETTINGS = {"f": "1", "stem": "no", "empty": "0"}
PER_STUDY = KEYS
KIND: Kind = "wording"
SERVES, LEXICON, AT_LENGTH = "reports", False, ()
HEAD = ("rougeL",)
TITLES = {
    "rougeL": Title("ROUGE-L", "ROUGE-L", "R-L"),
    "rouge1": Title("ROUGE-1", "ROUGE-1", "R-1"),
    "rouge2": Title("ROUGE-2", "ROUGE-2", "R-2"),
}


def statistics(pairs: Pairs) -> Floats:
    """Per report: F1 of ROUGE-1, -2 and -L (0 … 1), and a one to count it, (n, 4)."""
    reference, predicted = pairs.lengths
    shared = [pairs.matches[:, 0], pairs.matches[:, 1], pairs.subsequences]
    grams = [(np.maximum(reference - lost, 0), np.maximum(predicted - lost, 0)) for lost in (0, 1, 0)]
    scores = [_f1(s, r, p) for s, (r, p) in zip(shared, grams, strict=True)]
    return np.stack([*scores, np.ones(len(pairs))], axis=1)


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports, (…, 4), to the three values in percent, (…, 3)."""
    return 100 * sums[..., :3] / np.maximum(sums[..., 3:], 1)


def per_study(statistics: Floats) -> Floats:
    """One report's values in percent, (n, 3)."""
    return 100 * statistics[:, :3]


def _f1(shared: Ints, reference: Ints, predicted: Ints) -> Floats:
    return 2.0 * shared / np.maximum(reference + predicted, 1)
