"""Text that no report holds is read to its end, and what is said in it is still read."""

import random
import string
import tracemalloc

import pytest

from docphim.language.facts import LANGUAGES, coverage, facts

EFFUSION = {"vi": "tràn dịch màng phổi phải", "en": "right pleural effusion"}

NONSENSE = {
    "no stops": "abc xyz " * 30_000,
    "nested brackets": "(" * 10_000 + ")" * 10_000,
    "open brackets with words": "(xyz " * 10_000,
    "commas": "," * 200_000,
    "commas and blanks": ", " * 100_000,
    "digits with commas": "12,34," * 30_000,
    "one long number": "7" * 200_000,
    "numbers with stops": "1.1" * 60_000,
    "hyphens": "a-" * 100_000 + "a",
    "blanks": " " * 500_000,
    "line ends": "\r\n" * 200_000,
    "marks without letters": "\u0301" * 100_000,
    "letters without blanks": "a" * 500_000,
    "two syllables over and over": "đặcgócphổi" * 20_000,
    "a picture in base64": "".join(random.Random(3).choices(string.ascii_letters + string.digits + "+/", k=60_000)),
    "ribs": "xương sườn I, II, III, IV, " * 5_000,
    "questions": "nốt? " * 20_000,
    "colons": "phổi: " * 20_000,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_finding_on_the_line_after_nonsense_is_read(language, nonsense):
    """The nonsense has an end, has no facts with offsets outside of it, and does not reach into the next line."""
    before = NONSENSE[nonsense] + "\n"
    read = facts(before + EFFUSION[language], language)
    (effusion,) = [fact for fact in read if fact.start >= len(before)]
    assert (effusion.finding, effusion.polarity, effusion.side) == ("effusion", "present", "right")
    assert effusion.text == EFFUSION[language]
    assert all(0 <= fact.start < fact.end < len(before) for fact in read[:-1])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_said_ten_thousand_times_without_a_stop_is_read_each_time(language):
    read = facts(f"{EFFUSION[language]}, " * 10_000, language)
    # a stretch of 400 words may end within a phrase
    assert sum((fact.finding, fact.side, fact.text) == ("effusion", "right", EFFUSION[language]) for fact in read) > 9_700
    assert len(read) < 10_300


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_of_letters_is_read_in_little_memory(language):
    """It is not halved at each of its letters: a picture in a report took the square of its length."""
    letters = "".join(random.Random(3).choices(string.ascii_letters + "đê", k=10_000))
    facts("", language)
    tracemalloc.start()
    facts(letters, language)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000 * len(letters)


PICTURE = "".join(random.Random(4).choices(string.ascii_letters + string.digits + "+/", k=2_000))
IN_LINES = "\n".join(PICTURE[n : n + 76] for n in range(0, len(PICTURE), 76))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("picture", [PICTURE, IN_LINES], ids=["a run", "lines"])
def test_a_picture_written_as_letters_says_nothing_and_what_stands_behind_it_keeps_its_place(language, picture):
    text = f"{EFFUSION[language]}. {picture}== {EFFUSION[language]}."
    assert [(fact.start, fact.text) for fact in facts(text, language)] == [
        (place, EFFUSION[language]) for place in (0, text.rindex(EFFUSION[language]))
    ]
    assert coverage([text], language).words == coverage([f"{EFFUSION[language]}. {EFFUSION[language]}."], language).words


def test_words_that_are_joined_by_another_sign_are_no_picture():
    assert facts("_".join(["small", "pleural", "effusion"] * 100), "en")
    assert facts("/".join(["nodule"] * 100), "en")
