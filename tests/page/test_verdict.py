"""The sentence that says whether a model reads the film."""

import pytest

from docphim.page.verdict import highest_floor, judge, margin
from docphim.scores import Score, TaskScores
from docphim.study import from_row


def difference(low):
    return {"value": 5.0, "low": low, "high": 9.0}


def scored(entry):
    return from_row(TaskScores, entry)


def task(drop=4.0, leads=(3.0, 1.0), low=50.0):
    floors = {f"{name}": {"rougeL": {"value": 40.0 + i}} for i, name in enumerate(("constant", "nearest"))}
    return {
        "scores": {"rougeL": {"value": 55.0, "low": low, "high": 60.0, "n": 40}},
        "floors": floors,
        "lead": {name: {"rougeL": difference(lead)} for name, lead in zip(floors, leads, strict=True)},
        "reliance": {"other": {"rougeL": {"value": 45.0, "drop": difference(drop)}}},
        "image_gain": None,
    }


CASES = [
    ("reads", task()),
    ("not_reading", task(drop=-1.0)),
    ("not_reading", task(drop=0.0)),
    ("not_reading", task(drop=None)),
    ("below_floor", task(leads=(3.0, -0.5))),
    ("below_floor", task(leads=(3.0, None))),
    ("few", task(low=None)),
    ("untested", {**task(), "reliance": {}}),
    ("untested", {**task(), "floors": {}, "lead": {}}),
]


@pytest.mark.parametrize(("answer", "scores"), CASES)
def test_the_answer_follows_from_paired_intervals(answer, scores):
    assert judge(scored(scores)).answer == answer


def test_a_blind_model_is_called_blind_whatever_it_scores():
    assert judge(scored(task()), blind=True).answer == "is_blind"


def test_the_sentence_names_the_highest_floor_and_the_numbers():
    why = judge(scored(task())).why
    assert "55,0" in why.vi
    assert "45,0" in why.vi
    assert "“Theo phim giống nhất”, 41,0" in why.vi
    assert "55.0" in why.en


def test_not_reading_is_said_in_plain_words():
    told = judge(scored(task(drop=-1.0)))
    assert "not score clearly lower" in told.why.en
    assert "Nothing shows" in told.sentence.en


def test_the_floor_that_is_not_beaten_is_named_though_another_is_higher():
    two = task()
    two["floors"] = {"nearest": two["floors"]["nearest"], "constant": {"rougeL": {"value": 20.0}}}
    two["lead"] = {"nearest": {"rougeL": difference(4.0)}, "constant": {"rougeL": {"value": 2.0, "low": -1.0, "high": 5.0}}}
    told = judge(scored(two))
    assert told.answer == "below_floor"
    assert "“One fixed report” (20.0)" in told.why.en
    assert highest_floor(scored(two), "rougeL") == "nearest"


def test_margins_come_from_evaluation_alone():
    assert margin(scored(task()), "other", "rougeL") == Score(**difference(4.0))
    assert margin(scored(task()), "noise", "rougeL") is None
    assert highest_floor(TaskScores({}), "rougeL") is None
