"""Agreeing and disagreeing words of two reports."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.metrics.pairs import Pairs
from docphim.metrics.rouge import per_study, statistics
from docphim.page.diff import LONGEST, compare

TEXTS = st.text(st.sampled_from("Tim phổi không to, hoà hòa phải trái.\n<>&"), max_size=80)


def kinds(pieces, kind):
    return [piece.text for piece in pieces if piece.kind == kind]


CASES = [
    ("Tim không to.", "Tim to.", ["không"], []),
    ("Tràn dịch màng phổi phải.", "Tràn dịch màng phổi trái.", ["phải"], ["trái"]),
    ("Bóng tim TO", "bóng tim to", [], []),
    ("Vôi hoá", "Vôi hóa", [], []),
]


@pytest.mark.parametrize(("reference", "draft", "lost", "added"), CASES)
def test_words_that_turn_the_meaning_are_marked(reference, draft, lost, added):
    found = compare(reference, draft, "vi")
    assert kinds(found.reference, "turn") == lost
    assert kinds(found.draft, "turn") == added


def test_other_differences_are_marked_in_runs():
    found = compare("Phổi sáng. Quai động mạch chủ vồng.", "Phổi sáng. Có nốt mờ lớn.", "vi")
    assert kinds(found.reference, "same") == ["Phổi sáng"]
    assert kinds(found.reference, "differ") == ["Quai động mạch chủ vồng"]
    assert kinds(found.draft, "differ") == ["Có nốt mờ lớn"]


def test_a_passage_missing_whole_holds_no_turned_word():
    found = compare("Tim to. Không thấy tràn dịch màng phổi hai bên.", "Tim to.", "vi")
    assert kinds(found.reference, "turn") == []
    assert kinds(found.reference, "differ") == ["Không thấy tràn dịch màng phổi hai bên"]


def test_decomposed_text_agrees_with_composed():
    text = "Bóng mờ tim không to"
    assert compare(text, unicodedata.normalize("NFD", text), "vi").score == 100


@given(TEXTS, TEXTS)
def test_pieces_put_together_are_the_text(reference, draft):
    found = compare(reference, draft, "vi")
    assert "".join(piece.text for piece in found.reference) == unicodedata.normalize("NFC", reference).strip()
    assert "".join(piece.text for piece in found.draft) == unicodedata.normalize("NFC", draft).strip()


@given(TEXTS, TEXTS)
def test_the_score_is_the_metrics_rouge_l(reference, draft):
    expected = per_study(statistics(Pairs([reference], [draft], "vi")))[0, 2]
    assert compare(reference, draft, "vi").score == pytest.approx(expected)


def test_a_report_past_the_limit_is_clipped_and_counted():
    found = compare("a " * LONGEST, "a", "en")
    assert found.clipped == (LONGEST - 1, 0)


def test_an_empty_draft_scores_nothing():
    assert compare("Tim to", "", "vi").score == 0
    assert compare("", "", "vi").score == 0
