"""BLEU against hand-counted rows, and against sacrebleu on the same tokens."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from docphim.metrics import bleu, corpus
from docphim.metrics.pairs import Pairs

WORDS = st.lists(st.sampled_from(["phổi", "tim", "to", "không"]), max_size=14).map(" ".join)


def sacrebleu(references, predictions, order, effective=False):
    metric = BLEU(tokenize="none", smooth_method="none", max_ngram_order=order, effective_order=effective, force=True)
    if effective:
        return metric.sentence_score(predictions[0], references).score
    return metric.corpus_score(predictions, [references]).score


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_values_equal_sacrebleu_on_the_same_tokens(pairs):
    references, predictions = [r for r, _ in pairs], [p for _, p in pairs]
    ours = corpus(references, predictions, "vi")
    for order in range(1, 5):
        assert math.isclose(ours[f"bleu{order}"], sacrebleu(references, predictions, order), abs_tol=1e-9)


@settings(max_examples=50, deadline=None)
@given(WORDS, WORDS)
def test_one_report_has_sacrebleus_sentence_score_with_effective_order(reference, prediction):
    ours = bleu.per_study(bleu.statistics(Pairs([reference], [prediction], "vi")))[0, 0]
    assert math.isclose(ours, sacrebleu([reference], [prediction], 4, effective=True), abs_tol=1e-9)


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),
    [
        ("a b c d e", "a b c d e", [100, 100, 100, 100]),
        ("a b c", "a b c", [100, 100, 100, 0]),
        ("a b c d e f g h", "a b c d", [100 / math.e] * 4),
        ("a b", "a c", [50, 0, 0, 0]),
        ("a", "", [0, 0, 0, 0]),
        ("", "a", [0, 0, 0, 0]),
    ],
)
def test_one_pair_scores_as_counted_by_hand(reference, prediction, expected):
    scores = corpus([reference], [prediction], "en")
    assert [scores[k] for k in bleu.KEYS] == pytest.approx(expected, abs=1e-9)


def test_sums_of_statistics_are_enough_to_score_a_part_of_the_corpus():
    references, predictions = ["a b c d e", "a c b d", "e d c b a a"], ["a b c d f", "a c b d", "e d c b"]
    statistics = bleu.statistics(Pairs(references, predictions, "vi"))
    part = corpus(references[:2], predictions[:2], "vi")
    assert bleu.aggregate(statistics[:2].sum(axis=0)) == pytest.approx([part[k] for k in bleu.KEYS])


def test_many_rows_of_sums_give_as_many_values_and_no_nan():
    sums = np.vstack([bleu.statistics(Pairs(["a b", "", "x"], ["a b", "c", ""], "vi")), np.zeros((1, 10))])
    values = bleu.aggregate(sums)
    assert values.shape == (4, 4)
    assert np.isfinite(values).all()


def test_no_report_at_all_scores_nothing():
    assert set(corpus([], [], "vi").values()) == {0.0}
