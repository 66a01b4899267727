"""Tokens: what counts as one, in each language."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.errors import UsageError
from docphim.language.tokens import syllables, token_name, tokens
from docphim.language.typed import typed


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Bóng mờ tim không to.", "vi", ["bóng", "mờ", "tim", "không", "to"]),
        ("chỉ số tim/ngực > 0,55", "vi", ["chỉ", "số", "tim", "ngực", "0", "55"]),
        ("Left-sided effusion.", "en", ["left", "sided", "effusion"]),
        ("双肺 清晰,T4。", "zh", ["双", "肺", "清", "晰", "t", "4"]),
        (" \n", "vi", []),
    ],
)
def test_tokens_of_a_report(text, language, expected):
    assert tokens(text, language) == expected


def test_an_unknown_language_names_the_known_ones():
    with pytest.raises(UsageError, match="'fr' is not one of vi, en, zh"):
        tokens("cœur", "fr")
    with pytest.raises(UsageError):
        token_name("fr")


@settings(max_examples=50, deadline=None)
@given(st.text(), st.sampled_from(["vi", "en", "zh"]))
def test_cutting_word_by_word_gives_the_tokens_of_the_whole_text(text, language):
    rule = syllables(language)
    cut = typed([text], rule.units).finer(rule.cut)
    assert [cut.parts[i] for i in cut.numbers] == tokens(text, language)
