"""N-grams that two documents share, counted by sorting once: n tokens in a row are a whole number that also names their pair.

Sorted by their n tokens, windows are sorted by their first tokens too: where the k-th differs from the window before, another
k-gram begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_BITS = 63
#: Tokens that are counted at once: few enough to stay in the processor's cache and in little memory.
_AT_ONCE = 1 << 15


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
    if not len(ids):
        return np.zeros((n, orders), np.int64)
    numbers, places = _windows(ids, sizes, orders)
    numbers = [np.sort(numbers[0])] if len(numbers) == 1 else [column[np.lexsort(numbers[::-1])] for column in numbers]
    steps = [column[1:] ^ column[:-1] for column in numbers]  # the highest bit says which token is the first that differs
    predicted = np.concatenate([[0], np.cumsum(numbers[-1] & 1)])
    pair = numbers[0] >> places[0].below + places[0].bits
    columns = []
    for n_th, below, bits in places:
        differs = steps[n_th] >= 1 << below
        for step in steps[:n_th]:
            differs |= step > 0
        edges = np.concatenate([[0], np.flatnonzero(differs) + 1, [len(ids)]])
        first, both, right = edges[:-1], np.diff(edges), np.diff(predicted[edges])
        inside = numbers[n_th][first] >> below & (1 << bits) - 1 > 0
        shared = np.minimum(right, both - right) * inside
        columns.append(np.bincount(pair[first], shared, minlength=n).astype(np.int64))
    return np.stack(columns, axis=1)


class _Place(NamedTuple):
    """Where a window's n-th token stands: in which number, how many bits lie below it there, and its own."""

    number: int
    below: int
    bits: int


def _windows(ids: Ints, sizes: Ints, orders: int) -> tuple[list[Ints], list[_Place]]:
    """Each token with those behind it, as numbers: its pair, its token, the next …, its side; as many numbers as it takes.

    Behind the end of a document stands 0 for a token.
    """
    n, bits = len(sizes) // 2, _bits(int(ids.max()) + 1)
    document = np.repeat(np.arange(2 * n), sizes)
    side = document >= n
    left = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(ids))  # tokens of the document from this one on
    tokens = np.concatenate([ids + 1, np.zeros(orders, np.int64)])
    numbers, used, ends = [document - n * side], [_bits(n)], list[tuple[int, int]]()
    for order in range(orders):
        if used[-1] + bits >= _BITS:  # one bit is left for the side
            numbers.append(np.zeros(len(ids), np.int64))
            used.append(0)
        numbers[-1] = numbers[-1] << bits | np.where(left > order, tokens[order : order + len(ids)], 0)
        used[-1] += bits
        ends.append((len(numbers) - 1, used[-1]))
    numbers[-1] = numbers[-1] << 1 | side
    used[-1] += 1
    return numbers, [_Place(number, used[number] - end, bits) for number, end in ends]


def _bits(largest: int) -> int:
    return max(largest.bit_length(), 1)
