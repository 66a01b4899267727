"""Texts cut at their blanks once answer what each text would be asked by itself."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docphim.language.declined import declined, may_decline
from docphim.language.facts import is_plain, sentence_texts
from docphim.language.suspect import may_be_suspect, suspicions
from docphim.language.tokens import tokens
from docphim.language.typed import ragged, typed

WORDS = st.lists(st.sampled_from(["a", "b", "c-d", "-", "ê"]), max_size=6).map(" ".join)
TEXTS = st.lists(WORDS, max_size=6)
#: What reports are made of, and what may make one odd: accents that lack, numbers, headings, another encoding, signs, lines.
PIECES = """Bóng tim không to. | khong thay | TRÀN DỊCH | 1.5 cm; | a vs. b | KẾT LUẬN: | FINDINGS: | MÔ TẢ | phổi; | kh«ng
    phá»•i | Tôi không thể đọc phim này. | I cannot interpret images | 胸部未见异常胸部 | <br/> | x ray. | [x]
    The heart is not enlarged and clear | a\u200bb | e\u0302 | màng\u2000phổi | ! | Ð | \\pard\\b | nốt 6.5mm | nốt 3.
    lung nodule of 8 mm""".replace("\n", "|")
REPORTS = st.lists(
    st.lists(st.sampled_from([piece.strip() for piece in PIECES.split("|")]), max_size=5).map(" ".join)
    | st.lists(st.sampled_from(["Bóng tim to.", "Phổi phải:\nnốt", "\x01", "\x85"]), max_size=2).map("\n".join),
    min_size=1,
    max_size=5,
)


@given(texts=TEXTS)
def test_words_of_a_corpus_are_those_of_each_text(texts):
    cut = typed(texts)
    words = [cut.parts[number] for number in cut.numbers]
    assert words == [word for text in texts for word in text.split()]
    assert cut.lengths.tolist() == [len(text.split()) for text in texts]
    assert cut.how_many(lambda word: word == "a").tolist() == [text.split().count("a") for text in texts]
    assert cut.which(lambda word: "-" in word).tolist() == ["-" in text for text in texts]


@given(texts=TEXTS)
@example(["-", "", "c-d"])
def test_finer_parts_are_those_of_each_text(texts):
    cut = typed(texts).finer(lambda word: tokens(word, "vi"))
    assert [cut.parts[number] for number in cut.numbers] == [token for text in texts for token in tokens(text, "vi")]
    assert cut.lengths.tolist() == [len(tokens(text, "vi")) for text in texts]


@given(texts=TEXTS, phrase=st.lists(st.sampled_from(["a", "b", "z"]), min_size=1, max_size=3))
def test_a_text_that_holds_a_phrase_is_met(texts, phrase):
    holds = [f" {' '.join(phrase)} " in f" {text} " for text in texts]
    met = typed(texts).holds([phrase]).tolist()
    assert all(flag for flag, true in zip(met, holds, strict=True) if true)
    assert len(texts) > 1 or met == holds  # of several texts a phrase may run on from one into the next


def test_rows_of_different_lengths_are_put_one_behind_another():
    flat, sizes = np.array([1, 2, 3, 4, 5, 6], np.int32), np.array([2, 0, 3, 1])
    assert ragged(flat, sizes, np.array([2, 1, 0, 2], np.int32)).tolist() == [3, 4, 5, 1, 2, 3, 4, 5]
    assert ragged(flat, sizes, np.array([1], np.int32)).tolist() == []


@settings(max_examples=200, deadline=None)
@given(texts=REPORTS, language=st.sampled_from(["vi", "en", "zh"]))
def test_what_is_suspect_alone_is_not_passed_over_among_others(texts, language):
    maybe = may_be_suspect(texts, typed(texts), language)
    assert [text for text, flag in zip(texts, maybe, strict=True) if not flag and suspicions(text, language)] == []


@settings(max_examples=200, deadline=None)
@given(texts=REPORTS, language=st.sampled_from(["vi", "en"]))
@example(["màng\u2000phổi to. Phổi sáng"], "vi")
def test_plain_words_are_read_as_any_text_is(texts, language):
    odd = typed(texts).which(lambda word: not is_plain(word, language))
    for text, some in zip(texts, odd.tolist(), strict=True):
        assert sentence_texts(text, language, plain=not some) == sentence_texts(text, language)


@pytest.mark.parametrize("word", ["khong", "KẾT", "1.5", "vs.", "a:b", "[x]", "a\u200bb", "e\u0302"])
def test_words_that_are_not_read_as_they_stand_are_not_plain(word):
    assert not is_plain(word, "vi")
    assert is_plain("phổi.", "vi")


def test_no_text_that_declines_is_passed_over():
    with (Path(__file__).parent / "declines.tsv").open(encoding="utf-8", newline="") as handle:
        texts = [cell for row in csv.reader(handle, delimiter="\t") for cell in row if " " in cell]
    flags = may_decline(typed(texts)).tolist()
    passed = [text for text, flag in zip(texts, flags, strict=True) if not flag and declined(text) != "no"]
    assert (passed, any(flags)) == ([], True)
    assert not may_decline(typed(["Bóng tim không to.", "Phổi phải có nốt mờ."])).any()
