"""Answers to questions: what is read as yes, no, a choice, a number, and how they are scored."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.metrics import families, metric
from docphim.metrics.answers import choice, close, is_answer, number, read, right, yes_no
from docphim.metrics.measure import measure, table
from docphim.metrics.pairs import Pairs
from docphim.study import Answer

ANSWERS = metric("answers")


def scores(references, predictions, language="vi", answers=()):
    pairs = Pairs(references, predictions, language, answers=answers)
    return dict(zip(ANSWERS.KEYS, ANSWERS.aggregate(ANSWERS.statistics(pairs).sum(axis=0)).tolist(), strict=True))


YES_NO = [
    ("Có.", "vi", True),
    ("Có, thấy tràn dịch màng phổi phải.", "vi", True),
    ("Vâng, đúng vậy.", "vi", True),
    ("Dạ có ạ.", "vi", True),
    ("Trả lời: Có.", "vi", True),
    ("Phim có ghi nhận đám mờ.", "vi", True),
    ("Không.", "vi", False),
    ("KHÔNG", "vi", False),
    ("Đáp án là không.", "vi", False),
    ("Không, bóng tim không to.", "vi", False),
    ("Bóng tim không to.", "vi", False),
    ("Chưa thấy tràn khí.", "vi", False),
    ("Yes, there is an effusion.", "en", True),
    ("The answer is yes.", "en", True),
    ("There is cardiomegaly.", "en", True),
    ("No.", "en", False),
    ("There is no effusion.", "en", False),
    ("Yes.", "vi", True),
    ("", "vi", None),
    ("Tràn dịch màng phổi phải.", "vi", None),
    ("Có thể có.", "vi", None),
    ("Không thể xác định.", "vi", None),
    ("Không loại trừ.", "vi", None),
    ("Có tràn khí hay không.", "vi", None),
    ("Có. Không.", "vi", None),
    ("Cannot tell.", "en", None),
    ("Yes or no.", "en", None),
    ("Possibly.", "en", None),
]


@pytest.mark.parametrize(("text", "language", "expected"), YES_NO)
def test_yes_and_no_are_read_with_words_around_and_doubt_is_neither(text, language, expected):
    assert yes_no(text, language) is expected


@pytest.mark.parametrize(
    ("text", "language", "unit", "expected"),
    [
        ("Khoảng 8 mm.", "vi", "mm", 8),
        ("0,8 cm", "vi", "mm", 8),
        ("8", "vi", "mm", 8),
        ("SUVmax 5,2", "vi", None, 5.2),
        ("1,200 ml", "en", "ml", 1200),
        ("1,2 L", "vi", "ml", 1200),
        ("nodule in S3, 8 mm", "en", "mm", 8),
        ("12 x 14 mm", "vi", "mm", None),
        ("8-10 mm", "vi", "mm", None),
        ("8 mm hoặc 12 mm", "vi", "mm", None),
        ("50 %", "vi", "mm", None),
        ("không rõ", "vi", "mm", None),
    ],
)
def test_a_number_is_read_in_its_unit_and_two_are_none(text, language, unit, expected):
    assert number(text, language, unit) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("value", "truth", "expected"),
    [
        (8.0, 8.0, True),
        (8.4, 8.0, True),
        (8.6, 8.0, False),
        (5.24, 5.2, True),
        (5.5, 5.2, False),
        (3, 2, False),
        (104, 100, True),
    ],
)
def test_a_number_is_right_within_a_twentieth_or_half_its_last_digit(value, truth, expected):
    assert close(value, truth) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bên phải.", "phải"),
        ("Phải, vì góc sườn hoành tù.", "phải"),
        ("thùy dưới trái", "thùy dưới trái"),
        ("phải hoặc trái", None),
        ("không rõ", None),
        ("", None),
    ],
)
def test_a_choice_is_the_one_that_is_named(text, expected):
    assert choice(text, {"phải", "trái", "thùy dưới trái"}, "vi") == expected


def test_a_letter_is_chosen_at_the_opening_only():
    assert choice("Đáp án: B. Tràn dịch", {"a", "b"}, "vi") == "b"
    assert choice("There is a nodule", {"a", "b"}, "en") is None


def test_yes_against_no_is_wrong_whatever_its_facts():
    said = scores(["Có.", "Không."], ["Không.", "Có."])
    assert (said["answer_accuracy"], said["answer_yes_no"], said["answer_balanced"], said["answered"]) == (0, 0, 0, 100)
    assert scores(["Có.", "Không."], ["Có, có.", "Không có"])["answer_accuracy"] == 100


def test_whoever_always_says_no_is_half_right_in_the_balance():
    said = scores(["Không."] * 9 + ["Có."], ["Không."] * 10)
    assert (said["answer_accuracy"], said["answer_balanced"]) == (90, 50)


def test_what_was_not_asked_has_no_value():
    said = scores(["Không."], ["Không."])
    unasked = ["answer_balanced", "answer_choice", "answer_number", "answer_consistent"]
    assert [key for key, value in said.items() if math.isnan(value)] == unasked
    rows = table(measure(Pairs(["Không."], ["Không."], "vi"), ["p"], resamples=100, seed=0, names=["answers"]))
    assert rows["answer_choice"].value is None and rows["answer_accuracy"].value == 100


def test_typed_answers_come_before_what_the_reference_says():
    typed = [
        Answer("yes_no", True),
        Answer("choice", "Phải"),
        Answer("choice", "Trái"),
        Answer("number", 8, "mm"),
        Answer("text", "Tim to"),
    ]
    texts = ["Có.", "bên phải", "phải và trái", "0,8 cm", "tim  TO."]
    said = scores([""] * 5, texts, answers=typed)
    assert (said["answer_accuracy"], said["answer_choice"], said["answer_number"], said["answered"]) == (80, 50, 100, 80)


def test_a_reference_that_is_no_answer_is_compared_as_words():
    assert read("Có", "vi") == Answer("yes_no", True)
    assert read("12,5 mm", "vi") == Answer("number", 12.5, "mm")
    assert read("Bóng tim to", "vi").kind == "text"
    assert is_answer("Không.", "vi") and not is_answer("Không thấy tràn dịch", "vi")
    assert read("Không, tim không to.", "vi") == Answer("yes_no", False)
    assert not is_answer("Có. Không.", "vi")
    assert is_answer("No, a b c d e f g", "en") and not is_answer("No, a b c d e f g h", "en")


def test_answers_are_scored_where_they_are_asked_for_and_serve_a_language_without_a_lexicon():
    assert "answers" not in families("vi")
    assert families("zh", wanted=["answers", "facts", "labels"]) == ("answers",)


@given(st.text(max_size=60), st.sampled_from(["vi", "en", "zh"]), st.sampled_from(["yes_no", "choice", "number", "text"]))
def test_any_text_is_right_wrong_or_unread(text, language, kind):
    value = {"yes_no": True, "choice": "a", "number": 1.5, "text": "x"}[kind]
    assert right(Answer(kind, value), text, language) in (True, False, None)


@pytest.mark.parametrize(
    ("answer", "text", "verdict"),
    [
        (Answer("number", 20.0, "mm"), "24 mm", True),
        (Answer("number", 20.0, "mm"), "2,5 cm", False),
        (Answer("number", 10.0, "SUV"), "SUVmax 10,9.", True),
        (Answer("number", 10.0, "SUV"), "SUVmax 11,2.", False),
        (Answer("number", 3.0), "3.", True),
        (Answer("number", 3.0), "4.", False),
    ],
)
def test_a_size_is_right_within_a_fifth_and_an_uptake_within_a_tenth(answer, text, verdict):
    assert right(answer, text, "vi") is verdict
