"""ROUGE against hand-counted rows, and against rouge-score on the same tokens."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from docphim.metrics import corpus, rouge
from docphim.metrics.pairs import Pairs, rouge_l_table

WORDS = st.lists(st.sampled_from(["phổi", "tim", "to", "không", "phải", "trái"]), max_size=12).map(" ".join)


class Blanks:
    def tokenize(self, text):
        return text.split()


@pytest.mark.parametrize(
    ("reference", "prediction", "rouge1", "rouge2", "rouge_l"),
    [
        ("bóng tim to", "bóng tim to", 100, 100, 100),
        ("bóng tim to", "Bóng  tim TO.", 100, 100, 100),
        ("bóng tim không to", "bóng tim to", 600 / 7, 40, 600 / 7),
        ("to tim bóng", "bóng tim to", 100, 0, 100 / 3),
        ("tim tim", "tim tim tim tim", 200 / 3, 50, 200 / 3),
        ("hoà", "hòa", 100, 0, 100),
        ("tràn dịch màng phổi phải", "trân dích mạng phồi phái", 0, 0, 0),
        ("tim to", "", 0, 0, 0),
        ("", "tim to", 0, 0, 0),
        ("", "", 0, 0, 0),
        ("...", "?", 0, 0, 0),
    ],
)
def test_one_pair_scores_as_counted_by_hand(reference, prediction, rouge1, rouge2, rouge_l):
    scores = corpus([reference], [prediction], "vi")
    assert [scores[k] for k in rouge.KEYS] == pytest.approx([rouge1, rouge2, rouge_l], abs=1e-9)


def test_the_convention_gives_the_golden_value_of_the_paper_pair():
    reference = (
        "Lồng ngực cân đối không thấy bất thường xương. Phổi hai bên kém sáng mờ kính rải rác rốn phổi tăng đậm nhẹ. "
        "Bờ vòm hoành hai bên đều hai góc sườn hoành nhọn. Bóng mờ tim không to. Quai động mạch chủ vồng."
    )
    prediction = (
        "Phổi hai bên kém sáng mờ kính rải rác rốn phổi tăng đậm nhẹ. Bờ vòm hoành hai bên đều hai góc sườn hoành nhọn. "
        "Bóng mờ tim không to. Vôi hóa thành quai động mạch chủ."
    )
    assert round(corpus([reference], [prediction], "vi")["rouge1"], 2) == 83.95


def test_chinese_is_scored_by_character():
    assert corpus(["双肺纹理清晰"], ["双肺纹理增粗"], "zh")["rouge1"] == pytest.approx(200 / 3)
    assert corpus(["双肺纹理清晰"], ["双肺纹理增粗"], "vi")["rouge1"] == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_values_equal_rouge_score_on_the_same_tokens(pairs):
    references, predictions = [r for r, _ in pairs], [p for _, p in pairs]
    scorer = RougeScorer(list(rouge.KEYS), tokenizer=Blanks())
    theirs = [scorer.score(r, p) for r, p in pairs]
    ours = corpus(references, predictions, "vi")
    for key in rouge.KEYS:
        assert math.isclose(ours[key], 100 * sum(t[key].fmeasure for t in theirs) / len(pairs), abs_tol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=6))
def test_the_table_of_all_pairs_equals_rouge_l_pair_by_pair(texts):
    table = rouge_l_table(texts, "vi")
    for i, a in enumerate(texts):
        for j, b in enumerate(texts):
            assert math.isclose(100 * table[i, j], corpus([a], [b], "vi")["rougeL"], abs_tol=1e-9)


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="1 references and 2 predictions"):
        Pairs(["a"], ["a", "b"], "vi")


def test_a_vocabulary_larger_than_unicode_is_still_compared():
    import numpy as np

    from docphim.metrics.pairs import _as_text

    ids = np.array([0, 0x110000, 5, 0x110000], dtype=np.int64)
    assert _as_text(ids, np.array([0, 0, 2, 2]), 3) == [[0, 0x110000], [], [5, 0x110000]]
