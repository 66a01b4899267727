"""chrF++ against hand-counted rows, and against sacrebleu on the same tokens."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF

from docphim.language.tokens import tokens
from docphim.metrics import chrf, corpus
from docphim.metrics.pairs import Pairs

TEXT = st.lists(st.sampled_from(["phổi", "tim", "TO", "không.", "hoà", "2,5", "(P)", "x"]), max_size=12).map(" ".join)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_values_equal_sacrebleu_on_the_same_tokens(pairs):
    references, predictions = [[" ".join(tokens(text, "vi")) for text in side] for side in zip(*pairs, strict=True)]
    ours = chrf.statistics(Pairs([r for r, _ in pairs], [p for _, p in pairs], "vi"))
    theirs = CHRF(word_order=2)
    assert math.isclose(chrf.aggregate(ours.sum(axis=0))[0], theirs.corpus_score(predictions, [references]).score, abs_tol=1e-9)
    rows = [theirs.sentence_score(p, [r]).score for r, p in zip(references, predictions, strict=True)]
    assert chrf.per_study(ours)[:, 0] == pytest.approx(rows, abs=1e-9)


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),
    [
        ("Tim to.", "tim TO", 100),
        ("a", "a", 100),
        # characters: P = 2/3, 1/2, 0 and R = 1, 1 (no third order in the reference); words: none of one
        ("ab", "abc", 100 * 5 * (7 / 18) * (2 / 3) / (4 * 7 / 18 + 2 / 3)),
        ("ab", "cd", 0),
        ("ab", "", 0),
        ("", "ab", 0),
        ("", "", 0),
        ("...", "?", 0),
    ],
)
def test_one_pair_scores_as_counted_by_hand(reference, prediction, expected):
    assert corpus([reference], [prediction], "vi")["chrfpp"] == pytest.approx(expected, abs=1e-9)


def test_sums_of_statistics_are_enough_to_score_a_part_of_the_corpus():
    statistics = chrf.statistics(Pairs(["tim to", "phổi sáng", ""], ["tim", "phổi mờ", "x"], "vi"))
    sums = np.stack([statistics[:2].sum(axis=0), statistics.sum(axis=0), np.zeros(24)])
    values = chrf.aggregate(sums)[:, 0]
    assert values[0] == pytest.approx(corpus(["tim to", "phổi sáng"], ["tim", "phổi mờ"], "vi")["chrfpp"])
    assert values[2] == 0
