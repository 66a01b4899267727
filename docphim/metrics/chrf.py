"""chrF++ (Popović 2017): F2 of shared character n-grams of order 1 … 6 and word n-grams of order 1 and 2, over the corpus.

Per order P = shared/predicted and R = shared/reference; P and R are averaged over the orders that both sides have, and
chrF = 5PR / (4P + R).  Blanks are no characters.  Without the word orders it is chrF (Popović 2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from docphim.language.typed import ragged
from docphim.metrics.family import Kind, Title
from docphim.metrics.grams import shared_grams
from docphim.metrics.pairs import Floats, Ints, Pairs

CHARACTERS, WORDS = 6, 2
_ORDERS = CHARACTERS + WORDS
KEYS = ("chrfpp",)
AVERAGE = "corpus"
SETTINGS = {"nc": str(CHARACTERS), "nw": str(WORDS), "f": "2", "eff": "yes", "empty": "0"}
PER_STUDY = ("sentence_chrfpp",)
KIND: Kind = "wording"
SERVES, LEXICON, AT_LENGTH = "reports", False, ()
HEAD = ()
TITLES = {"chrfpp": Title("chrF++", "chrF++", "chrF++")}


def statistics(pairs: Pairs) -> Floats:
    """Per report, for characters 1 … 6 and words 1 … 2: n-grams predicted, in the reference, and shared, (n, 24).

    As in sacrebleu, predicted n-grams of an order that the reference does not have are not counted.
    """
    characters, lengths = _characters(pairs)
    columns = [_counts(lengths, shared_grams(characters, lengths, CHARACTERS), CHARACTERS)]
    columns.append(_counts(np.concatenate(pairs.lengths), pairs.matches, WORDS))
    return np.concatenate(columns, axis=2).transpose(1, 0, 2).reshape(len(pairs), 3 * _ORDERS).astype(float)


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports, (…, 24), to chrF++ in percent, (…, 1)."""
    return f2(sums, _ORDERS)[..., None]


def per_study(statistics: Floats) -> Floats:
    """One report's own chrF++ in percent, (n, 1)."""
    return aggregate(statistics)


def f2(sums: Floats, orders: int) -> Floats:
    """Sums of `statistics`, (…, 24), to chrF over the first so many orders: 6 for chrF, 8 for chrF++."""
    predicted, reference, shared = np.moveaxis(sums.reshape(*sums.shape[:-1], 3, _ORDERS), -2, 0)[..., :orders]
    both = (predicted > 0) & (reference > 0)
    there = np.maximum(both.sum(axis=-1), 1)
    precision = (np.where(both, shared, 0) / np.maximum(predicted, 1)).sum(axis=-1) / there
    recall = (np.where(both, shared, 0) / np.maximum(reference, 1)).sum(axis=-1) / there
    return 100 * 5 * precision * recall / np.where(precision + recall > 0, 4 * precision + recall, 1)


def _counts(lengths: Ints, shared: Ints, orders: int) -> Ints:
    """Predicted, reference and shared n-grams of each report, (3, n, orders)."""
    grams = np.maximum(lengths[:, None] - np.arange(orders), 0)
    reference, predicted = grams[: len(shared)], grams[len(shared) :]
    return np.stack([np.where(reference > 0, predicted, 0), reference, shared[:, :orders]])


def _characters(pairs: Pairs) -> tuple[NDArray[np.int32], Ints]:
    """Characters of all tokens, one document after another, as ids from 0, and how many each document has."""
    tokens, ids, lengths = pairs.cut
    sizes = np.fromiter(map(len, tokens), np.int64, len(tokens))
    text = np.frombuffer("".join(tokens).encode("utf-32-le", "surrogatepass"), "<u4")
    coded = np.unique(text, return_inverse=True)[1].astype(np.int32)
    ends = np.concatenate([[0], np.cumsum(sizes[ids])])
    last = np.cumsum(lengths)
    return ragged(coded, sizes, ids), ends[last] - ends[last - lengths]
