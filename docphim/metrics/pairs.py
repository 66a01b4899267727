"""Reference and prediction as token ids, and the two counts that ROUGE and BLEU are made of: n-grams and subsequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from docphim.language.tokens import tokens

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ORDERS = 4


@dataclass(frozen=True)
class Pairs:
    """Reports that belong together, `references[i]` with `predictions[i]`; what metrics need of both is counted once.

    Raises
    ------
    ValueError
        The two lists differ in length.
    """

    references: Sequence[str]
    predictions: Sequence[str]
    language: str

    def __post_init__(self) -> None:
        if len(self.references) != len(self.predictions):
            raise ValueError(f"{len(self.references)} references and {len(self.predictions)} predictions")

    def __len__(self) -> int:
        return len(self.references)

    @cached_property
    def ids(self) -> tuple[Ints, Ints]:
        """All references' tokens, then all predictions', as ids in one array; and the document each token stands in.

        Documents 0 … n−1 are the references, n … 2n−1 the predictions.
        """
        cut = _Vocabulary(self.language)
        documents = [cut(text) for text in chain(self.references, self.predictions)]
        lengths = np.fromiter(map(len, documents), np.int64, len(documents))
        ids = np.fromiter(chain.from_iterable(documents), np.int64, int(lengths.sum()))
        return ids, np.repeat(np.arange(len(documents)), lengths)

    @cached_property
    def lengths(self) -> tuple[Ints, Ints]:
        """Tokens in each reference and in each prediction, (n,) each."""
        n = len(self)
        counts = np.bincount(self.ids[1], minlength=2 * n)
        return counts[:n], counts[n:]

    @cached_property
    def matches(self) -> Ints:
        """N-grams that prediction and reference share, each counted as often as both hold it: (n, 4) for n-grams 1 … 4."""
        n = len(self)
        ids, document = self.ids
        size = int(ids.max()) + 1 if len(ids) else 1
        pair, predicted = document % max(n, 1), document >= n
        # A gram's key names its pair too; the next order's key is made of this order's rank and one more token.
        key, start, columns = pair * size + ids, np.arange(len(ids)), []
        for order in range(1, ORDERS + 1):
            _, first, rank = np.unique(key, return_index=True, return_inverse=True)
            of = predicted[start]
            shared = np.minimum(np.bincount(rank[of], minlength=len(first)), np.bincount(rank[~of], minlength=len(first)))
            columns.append(np.bincount(pair[start[first]], shared, minlength=n).astype(np.int64))
            inside = start + order < len(ids)
            inside[inside] = document[start[inside]] == document[start[inside] + order]
            start = start[inside]
            key = rank[inside] * size + ids[start + order]
        return np.stack(columns, axis=1) if n else np.zeros((0, ORDERS), np.int64)

    @cached_property
    def subsequences(self) -> Ints:
        """Length of the longest common subsequence of each pair, (n,)."""
        n, texts = len(self), _as_text(*self.ids, 2 * len(self))
        return np.fromiter((LCSseq.similarity(texts[i], texts[n + i]) for i in range(n)), np.int64, n)


def rouge_l_table(texts: Sequence[str], language: str) -> Floats:
    """ROUGE-L F1 (0 … 1) of every text against every other, (n, n)."""
    from rapidfuzz.process import cdist

    pairs = Pairs(texts, [""] * len(texts), language)
    coded, lengths = _as_text(*pairs.ids, len(texts)), pairs.lengths[0]
    common = cdist(coded, coded, scorer=LCSseq.similarity, dtype=np.int32)
    return 2.0 * common / np.maximum(lengths[:, None] + lengths[None, :], 1)


def _as_text(ids: Ints, document: Ints, n: int) -> Sequence[Sequence[object]]:
    """Documents as strings of one code point a token, which is what the subsequence search reads fastest."""
    ends = np.cumsum(np.bincount(document, minlength=n)[:n]).tolist()
    starts = [0, *ends][:n]
    # chr() ends at U+10FFFF; a larger vocabulary stays a list of numbers.
    flat: Sequence[object] = ids.tolist()
    if not len(ids) or ids.max() <= 0x10FFFF:
        flat = ids.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return [flat[a:b] for a, b in zip(starts, ends, strict=True)]


class _Vocabulary(dict[str, tuple[int, ...]]):
    """Blank-separated word → ids of its tokens.

    Normalising never looks past a blank, so each spelling of a word is normalised and cut once, not each time it occurs.
    """

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        self._ids: dict[str, int] = {}

    def __missing__(self, word: str) -> tuple[int, ...]:
        found = tuple(self._ids.setdefault(t, len(self._ids)) for t in tokens(word, self._language))
        self[word] = found
        return found

    def __call__(self, text: str) -> list[int]:
        """Ids of the tokens of a text."""
        return list(chain.from_iterable(map(self.__getitem__, text.split())))
