"""One spelling: tone places by table, properties by hypothesis."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.normalize import clean, normalize, normalize_with_case

MOVED = [
    ("hoà", "hòa"),
    ("hoá", "hóa"),
    ("khoẻ", "khỏe"),
    ("loã", "lõa"),
    ("hoạ", "họa"),
    ("xoè", "xòe"),
    ("thuỷ", "thủy"),
    ("huỷ", "hủy"),
    ("uỷ", "ủy"),
    ("tuỵ", "tụy"),
    ("luỹ", "lũy"),
    ("vôi hoá, xơ hoá.", "vôi hóa, xơ hóa."),
]
STAY = "hoàn ngoài xoáy khuỷu quý quỳ quỷ hoành khoảng loét thuyên huyết hòa hủy già giá tuyến qué tuần khuyết tật"


@pytest.mark.parametrize(("written", "expected"), MOVED)
def test_tone_moves_to_the_first_vowel_where_the_pair_ends_the_syllable(written, expected):
    assert normalize(written) == expected


@pytest.mark.parametrize("word", STAY.split())
def test_tone_stays_inside_a_longer_syllable_and_after_q(word):
    assert normalize(word) == word


@pytest.mark.parametrize(
    ("written", "expected"), [("HOÀ", "HÒA"), ("Hoà", "Hòa"), ("Thuỷ", "Thủy"), ("QUÝ", "QUÝ"), ("Ðám mờ", "Đám mờ")]
)
def test_case_can_be_kept(written, expected):
    assert normalize_with_case(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Ðám mờ ðáy phổi", "đám mờ đáy phổi"),
        ("\ufeffBóng mờ\u200b  TIM\r\n không\tto ", "bóng mờ tim không to"),
        ("", ""),
        ("Heart size is NORMAL", "heart size is normal"),
    ],
)
def test_eth_case_spaces_and_invisible_characters(written, expected):
    assert normalize(written) == expected


def test_cleaning_keeps_lines_case_and_spelling():
    assert clean(unicodedata.normalize("NFD", "Vôi hoá\nÐáy")) == "Vôi hoá\nĐáy"


VIETNAMESE = "aăâbcdđeêghiklmnoôơpqrstuưvxyàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵðÐ \n.,"
texts = st.one_of(
    st.text(), st.text(VIETNAMESE + VIETNAMESE.upper()), st.text("oaeuyq\u0300\u0301\u0323\u0309\u0303\u200bOAUYQ ")
)


@given(texts)
def test_normalizing_twice_changes_nothing(text):
    assert normalize(normalize(text)) == normalize(text)
    assert normalize_with_case(normalize_with_case(text)) == normalize_with_case(text)


@given(texts)
def test_composed_and_decomposed_text_give_the_same(text):
    assert normalize(unicodedata.normalize("NFD", text)) == normalize(unicodedata.normalize("NFC", text))


@given(texts)
def test_the_result_is_composed_and_has_single_spaces(text):
    result = normalize(text)
    assert unicodedata.is_normalized("NFC", result)
    assert result == " ".join(result.split())
