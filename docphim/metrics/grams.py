"""N-grams that two documents share, counted by sorting: each n-gram is one whole number that also names its pair."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_BITS = 63
#: Tokens that are counted at once: few enough to stay in the processor's cache and in little memory.
_AT_ONCE = 1 << 17


def shared_grams(ids: Ints | NDArray[np.int32], lengths: Ints, orders: int) -> Ints:
    """N-grams that document i and document n + i share, each counted as often as both hold it.

    Parameters
    ----------
    ids : (tokens,)
        Token ids from 0 of all documents one after another: the n references, then the n predictions.
    lengths : (2n,)
        Tokens in each document.

    Returns
    -------
    (n, orders), for n-grams 1 … orders.
    """
    n = len(lengths) // 2
    starts = np.concatenate([[0], np.cumsum(lengths)])
    shared = np.zeros((n, orders), np.int64)
    for a, b in _parts(lengths[:n] + lengths[n:]):
        part = np.concatenate([ids[starts[a] : starts[b]], ids[starts[n + a] : starts[n + b]]]).astype(np.int64)
        sizes = np.concatenate([lengths[a:b], lengths[n + a : n + b]])
        shared[a:b] = _count(part, sizes, orders)
    return shared


def _parts(sizes: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of pairs of about `_AT_ONCE` tokens; a longer pair is a range of its own."""
    group = np.cumsum(sizes) // _AT_ONCE
    edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(sizes)]
    yield from pairwise(edges)


def _count(ids: Ints, sizes: Ints, orders: int) -> Ints:
    n = len(sizes) // 2
    document = np.repeat(np.arange(2 * n), sizes)
    side = (document >= n).astype(np.int64)
    after = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(ids))  # tokens of the document from this one on
    token_bits = _bits(int(ids.max()) if len(ids) else 0)
    whole = orders * token_bits + _bits(n) + 1 <= _BITS
    shift = 1 + (orders * token_bits if whole else token_bits + _bits(len(ids)))
    head, gram, start, columns = ((document - n * side) << shift) | side, ids, np.arange(len(ids)), []
    for order in range(1, orders + 1):
        columns.append(_meet(np.sort(head | (gram << 1)), n, shift))
        inside = after > order
        head, gram, start, after = head[inside], gram[inside], start[inside], after[inside]
        if not whole:  # n tokens are too long for one number: the n-gram's rank stands for it
            gram = np.unique(gram, return_inverse=True)[1]
        gram = (gram << token_bits) | ids[start + order]
    return np.stack(columns, axis=1)


def _meet(keys: Ints, n: int, shift: int) -> Ints:
    """Sorted keys (pair, n-gram, side in the last bit) to the smaller of both sides' counts, summed over a pair's n-grams."""
    if not len(keys):
        return np.zeros(n, np.int64)
    gram = keys >> 1
    first = np.flatnonzero(np.concatenate([[True], gram[1:] != gram[:-1]]))
    predicted = np.add.reduceat(keys & 1, first)
    counts = np.minimum(predicted, np.diff(first, append=len(keys)) - predicted)
    return np.bincount(gram[first] >> (shift - 1), counts, minlength=n).astype(np.int64)


def _bits(largest: int) -> int:
    return max(largest.bit_length(), 1)
