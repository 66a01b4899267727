"""CIDEr-D (Vedantam et al. 2015) as coco computes it, on text that was tokenised before, with one reference.

For n-grams of order 1 … 4, each weighted tf · (log reports − log references that hold it): the cosine of prediction and
reference, clipped where the prediction says it more often, times exp(−d²/2σ²) with d the difference in tokens.  CIDEr-D is
ten times the mean of the orders.
"""

from __future__ import annotations

import numpy as np

from docphim.metrics.pairs import ORDERS, Floats, Ints, Pairs

SIGMA = 6.0


def cider(pairs: Pairs) -> Floats:
    """Each report's CIDEr, 0 … 10, (n,), by the document frequencies of all references.

    Where no reference holds a token (where coco stops with an error) every value is 0.
    """
    n = len(pairs)
    ids, document = pairs.ids
    scores, gram, start = np.zeros(n), ids, np.arange(len(ids))
    size = int(ids.max()) + 1 if len(ids) else 1
    for order in range(1, ORDERS + 1):
        kinds, gram = np.unique(gram, return_inverse=True)
        scores += _cosine(document[start], gram, len(kinds), n)
        inside = start + order < len(ids)
        inside[inside] = document[start[inside]] == document[start[inside] + order]
        start = start[inside]
        gram = gram[inside] * size + ids[start + order]
    reference, predicted = pairs.lengths
    return 10 * scores / ORDERS * np.exp(-((predicted - reference) ** 2) / (2 * SIGMA**2))


def _cosine(document: Ints, gram: Ints, kinds: int, n: int) -> Floats:
    """Clipped cosine of each pair's n-grams of one order, (n,); documents 0 … n−1 are the references."""
    key, times = np.unique(document * kinds + gram, return_counts=True)
    document, gram = key // max(kinds, 1), key % max(kinds, 1)
    held = np.bincount(gram[document < n], minlength=kinds)
    weight = times * (np.log(max(n, 1)) - np.log(np.maximum(held, 1)))[gram]
    norm = np.sqrt(np.bincount(document, weight**2, minlength=2 * n))
    first = int(np.searchsorted(document, n))
    ours, theirs = key[first:] - n * kinds, key[:first]
    at = np.minimum(np.searchsorted(theirs, ours), max(first - 1, 0))
    same = theirs[at] == ours if first else np.zeros(len(ours), bool)
    reference = weight[:first][at[same]]
    product = np.minimum(weight[first:][same], reference) * reference
    length = norm[:n] * norm[n:]
    return np.bincount(document[first:][same] - n, product, minlength=n) / np.where(length > 0, length, 1)
