"""Vietnamese typed without accents, wholly or in part: what can be only one thing is read, anything else stays as it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.language.accents import accented
from docphim.language.facts import facts
from docphim.language.lexicon import load_lexicon
from docphim.language.restore import lacks_accents

VI = load_lexicon("vi")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Tran dich mang phoi phai luong it. Khong thay tran khi.", "Tràn dịch màng phổi phải lượng ít. Không thấy tràn khí."),
        ("TIM KHONG TO", "TIM KHÔNG TO"),
        ("Bong tim to, hai phổi sáng", "Bóng tim to, hai phổi sáng"),
        ("Bóng tim khong to", "Bóng tim không to"),
        ("Nốt mo thuy trên phổi trái", "Nốt mờ thùy trên phổi trái"),
        ("DMC bung phinh", "ĐMC bụng phình"),
        ("day to chuc ke hai day phoi", "dày tổ chức kẽ hai đáy phổi"),  # one word, read in two ways by what stands beside it
        ("mang phoi co dich, hach co phai", "màng phổi có dịch, hạch cổ phải"),
        ("chua thay gay xuong, khoang mang phoi chua dich", "chưa thấy gãy xương, khoang màng phổi chứa dịch"),
    ],
)
def test_accents_that_were_left_out_are_put_back(typed, read):
    assert accented(typed, VI) == read


@pytest.mark.parametrize(
    "typed",
    [
        "Nội soi dạ dày",  # no stone
        "Hạch nhóm VA hai bên, theo dõi LAM",  # names
        "co",  # có, cổ or cơ
        "day",
        "soi",
        "The lungs are clear and there is no effusion in it",
        "Not seen",
        "Multiplanar CT of the chest with contrast, LAD calcification",
        "Hai phổi sáng, bóng tim không to",
    ],
)
def test_what_is_a_word_as_it_stands_or_may_be_two_stays(typed):
    assert accented(typed, VI) == typed


@pytest.mark.parametrize("typed", ["Tran dich mang phoi", "Bóng tim khong to"])
def test_english_is_left_alone(typed):
    assert accented(typed, load_lexicon("en")) == typed


def test_a_word_that_may_be_two_is_doubted_aloud():
    assert [fact.leftover for fact in facts("Quai động mạch chủ vong.", "vi")] == [("vong",)]


def test_a_denial_is_never_made_of_a_word_that_may_be_another():
    assert accented("khoi chua", VI) == "khoi chua"  # chưa, or chứa


@pytest.mark.parametrize(
    ("word", "lacks"), [("khong", True), ("(Khong,", True), ("không", False), ("tim", False), ("pleural", False)]
)
def test_what_has_no_meaning_without_accents_is_known(word, lacks):
    assert lacks_accents(word, VI) is lacks


#: Words and signs, on both sides of the bar.
TYPED = "khong|thay|tran|dich|mang|phoi|phai|trai|co|day|to|tim|not|12|mm|,|.|(|)|D12|FDG|stent|phổi|không|nốt|bờ|\n"


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.sampled_from(TYPED.split("|")), max_size=40))
def test_each_character_stays_in_its_place(words):
    text = " ".join(words)
    read = accented(text, VI)
    assert len(read) == len(text)
    assert [i for i, c in enumerate(text) if not c.isalpha()] == [i for i, c in enumerate(read) if not c.isalpha()]
    assert accented(read, VI) == read
