"""Answers on one study that cannot both be true are told from those that can."""

import numpy as np
import pytest

from docphim.metrics import answers
from docphim.metrics.consistency import links
from docphim.metrics.pairs import Pairs
from docphim.study import Answer

WHOLE, RIGHT, SIDE = "presence:effusion/pleura", "presence:effusion/pleura/right", "side:effusion/pleura"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((WHOLE, False), (RIGHT, True), False),
        ((WHOLE, True), (RIGHT, True), True),
        ((WHOLE, True), (RIGHT, False), None),  # it may be on the left
        ((WHOLE, False), (RIGHT, False), True),
        ((WHOLE, False), (SIDE, "right"), False),
        ((WHOLE, True), (SIDE, "right"), True),
        ((SIDE, "left"), (RIGHT, True), False),
        ((SIDE, "both"), (RIGHT, False), False),
        ((SIDE, "both"), (RIGHT, True), True),
        ((WHOLE, False), ("size:effusion/pleura/left", "number"), False),
        ((RIGHT, False), ("size:effusion/pleura/left", "number"), None),
        ((WHOLE, False), ("side:nodule/lung", "right"), None),
        ((WHOLE, None), (SIDE, "right"), None),  # cannot be read
    ],
)
def test_two_answers(first, second, verdict):
    (asks, value), (asks_too, value_too) = first, second
    rows = links([asks, asks_too], ["a", "a"], [value, value_too])
    assert rows[0].tolist() == [0, 0]
    assert rows[1].tolist() == ([0, 0] if verdict is None else [1, verdict])
    assert not links([asks, asks_too], ["a", "b"], [value, value_too]).any()


def test_the_score_counts_contradictions_whatever_is_right():
    typed = [Answer("yes_no", True, None, WHOLE), Answer("choice", "bên phải", None, SIDE)] * 2
    replies = ["Không.", "Bên trái.", "Có.", "Bên trái."]
    pairs = Pairs(["Có.", "Bên phải."] * 2, replies, "vi", answers=typed, studies=["a", "a", "b", "b"])
    statistics = answers.statistics(pairs)
    values = dict(zip(answers.KEYS, answers.aggregate(statistics.sum(axis=0)), strict=True))
    assert values["answer_consistent"] == 50 and values["answer_accuracy"] == 25
    alone = Pairs(["Có.", "Bên phải."] * 2, replies, "vi", answers=typed)
    assert np.isnan(answers.aggregate(answers.statistics(alone).sum(axis=0))[-1])


@pytest.mark.parametrize("reply", ["Không có.", "Không rõ.", "Không phải bên trái."])
def test_an_answer_on_the_side_that_names_none_contradicts_nothing(reply):
    typed = [Answer("yes_no", False, None, WHOLE), Answer("choice", "bên phải", None, SIDE)]
    pairs = Pairs(["Không.", "Bên phải."], ["Không.", reply], "vi", answers=typed, studies=["a", "a"])
    assert not answers.statistics(pairs)[:, 11:].any()
