"""Words and numbers in two languages."""

import re

import pytest
from markupsafe import Markup

from docphim.errors import REASONS
from docphim.language.labels import label_names
from docphim.page import fact_words, words

NUMBERS = [
    (1234.56, 1, False, "1.234,6", "1,234.6"),
    (-0.04, 1, True, "0,0", "0.0"),
    (0.04, 1, True, "0,0", "0.0"),
    (-2.5, 1, True, "−2,5", "−2.5"),
    (2.5, 1, True, "+2,5", "+2.5"),
    (7, 0, False, "7", "7"),
]


@pytest.mark.parametrize(("value", "digits", "signed", "vi", "en"), NUMBERS)
def test_numbers_are_written_as_each_language_does(value, digits, signed, vi, en):
    assert words.number(value, digits, signed=signed) == (vi, en)


@pytest.mark.parametrize(("value", "vi"), [(12.0, "12"), (0.001, "0,001"), (3e-5, "3e-05")])
def test_settings_keep_their_digits(value, vi):
    assert words.general(value) == (vi, vi.replace(",", "."))


def braces(text):
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("part", ["text", "task", "finding"])
def test_every_text_has_both_languages_with_the_same_braces(part):
    for key, entry in words._table()[part].items():
        assert set(entry) == {"vi", "en"}, key
        assert braces(entry["vi"]) == braces(entry["en"]), key
        assert entry["vi"].strip(), key


def test_every_reason_is_explained_in_vietnamese():
    assert sorted(set(REASONS) - set(words._table()["reason"])) == []
    assert sorted(set(words._table()["reason"]) - set(REASONS)) == []


@pytest.mark.parametrize("truths", ["phantom", "phantom_ct", "phantom_pet"])
def test_every_finding_of_a_phantoms_truth_has_a_name_in_vietnamese(truths):
    names = set(label_names(truths))
    sided = {name.removesuffix("_left") for name in names if name.endswith("_left")}
    known = set(words._table()["finding"])
    assert sorted(names - known) == [] and sorted({f"{name} (side)" for name in sided} - known) == []


def test_every_concept_has_a_name_in_vietnamese():
    names = {kind: [*fact_words._lexicon("concepts").get(listed, ())] for kind, listed in fact_words.KINDS.items()}
    names["descriptor"] = [*fact_words._lexicon("vi")["descriptors"]]
    nameless = {
        (kind, name)
        for kind, listed in names.items()
        for name in listed
        if not (words.concept(kind, name) or fact_words._vietnamese(fact_words.KINDS[kind], name))
    }
    assert nameless == set()


def test_unknown_names_are_shown_as_written():
    assert words.finding("new_thing").en == "new thing"
    assert words.task("new_task", "none").vi == "new_task"
    assert words.reason("new_reason").vi == "new_reason"


def test_values_are_escaped():
    shown = words.say("case", id="<b>")
    assert isinstance(shown, Markup)
    assert "<b>" not in shown


def test_an_absent_interval_is_a_dash():
    assert words.interval({"value": 1.0, "low": None, "high": None}) == "–"
    assert words.interval(None) == "–"
    assert "[1,0; 2,0]" in words.interval({"low": 1.0, "high": 2.0})
