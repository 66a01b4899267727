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


def test_a_sentence_in_another_place_agrees_but_is_marked_as_moved():
    found = compare(
        "Tim to, cung dưới trái phồng. Phổi sáng đều hai bên.", "Phổi sáng đều hai bên. Tim to, cung dưới trái phồng.", "vi"
    )
    assert kinds(found.reference, "differ") == kinds(found.draft, "differ") == []
    assert kinds(found.reference, "moved") == kinds(found.draft, "moved") == ["Phổi sáng đều hai bên"]


def test_a_sentence_said_twice_is_moved_once():
    found = compare("A b c d e. Phổi sáng đều hai bên x y z.", "Phổi sáng đều hai bên x y z. A b c d e. A b c d e.", "vi")
    assert len(kinds(found.draft, "moved")) == 1
    assert kinds(found.draft, "differ") == ["A b c d e"]


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
