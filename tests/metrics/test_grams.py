"""Shared n-grams against counting them one by one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.metrics import grams
from docphim.metrics.grams import shared_grams

#: Ids of few and of many bits: where a whole n-gram fits into one number, and where its rank stands for it.
IDS = st.lists(st.integers(0, 3) | st.sampled_from([2**20, 2**20 + 1]), max_size=9)


def one_by_one(references, predictions, orders):
    def count(document, n):
        return Counter(tuple(document[i : i + n]) for i in range(len(document) - n + 1))

    return [
        [(count(r, n) & count(p, n)).total() for n in range(1, orders + 1)]
        for r, p in zip(references, predictions, strict=True)
    ]


def shared(references, predictions, orders):
    documents = [*references, *predictions]
    ids = np.array([i for document in documents for i in document], np.int64)
    return shared_grams(ids, np.array([len(d) for d in documents], np.int64), orders).tolist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(IDS, IDS), max_size=6), st.integers(1, 6), st.sampled_from([1, 5, 1 << 17]))
def test_shared_grams_are_those_counted_one_by_one(pairs, orders, at_once):
    references, predictions = [r for r, _ in pairs], [p for _, p in pairs]
    before, grams._AT_ONCE = grams._AT_ONCE, at_once
    try:
        assert shared(references, predictions, orders) == one_by_one(references, predictions, orders)
    finally:
        grams._AT_ONCE = before


@pytest.mark.parametrize("vocabulary", [60, 3_000_000])
def test_more_pairs_than_are_counted_at_once(vocabulary):
    rng = np.random.default_rng(4)
    documents = [rng.choice(rng.integers(0, vocabulary, 5), rng.integers(0, 400)).tolist() for _ in range(1200)]
    references, predictions = documents[:600], documents[300:900]
    assert shared(references, predictions, 6) == one_by_one(references, predictions, 6)
