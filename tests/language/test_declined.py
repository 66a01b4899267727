"""Drafts that decline to answer, and reports that only cannot see or exclude one thing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.declined import declined

HERE = Path(__file__).parent
ROWS = [line.split("\t") for line in (HERE / "declines.tsv").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(("state", "text"), ROWS, ids=[text[:40] for _, text in ROWS])
def test_what_declines_is_told_from_what_cannot_exclude_one_thing(state, text):
    assert declined(text) == state


def test_both_languages_and_both_kinds_are_there():
    assert len(ROWS) >= 40
    states = [state for state, _ in ROWS]
    assert min(states.count(state) for state in ("wholly", "first", "no")) >= 6


@pytest.mark.parametrize("path", sorted((HERE.parent / "data").glob("*.[jt]*")), ids=lambda path: path.name)
def test_no_report_of_the_test_data_declines(path):
    assert [line for line in path.read_text("utf-8").splitlines() if declined(line) != "no"] == []


@pytest.mark.parametrize("curly", ["’", "‘", "´", "`"])
def test_an_apostrophe_may_be_written_in_several_ways(curly):
    assert declined("I'm sorry, I can't provide a medical interpretation.".replace("'", curly)) == "wholly"


def test_spelling_with_marks_apart_and_capitals_changes_nothing():
    import unicodedata

    assert declined(unicodedata.normalize("NFD", "TÔI KHÔNG THỂ ĐỌC PHIM NÀY.")) == "wholly"


def test_a_disclaimer_after_a_description_declines_nothing():
    assert declined("Bóng tim to. Xẹp phổi phải. As an AI, I cannot give a final diagnosis.") == "no"
    assert declined("As an AI, I cannot give a final diagnosis. Bóng tim to.") == "first"


@given(st.text(max_size=200))
def test_any_text_has_an_answer(text):
    assert declined(text) in ("no", "first", "wholly")


def test_a_draft_that_says_what_its_reference_says_of_the_film_does_not_decline():
    film = "Phim quá mờ để đọc, đề nghị chụp lại."
    assert declined(film) == "wholly"
    assert declined(film, "Phim chụp mờ, không đọc được.") == "no"
    assert declined(film, "Bóng tim to.") == "wholly"
