"""A sentence that is put together of its parts says what it says as a whole, where what holds for one may hold for the next."""

from __future__ import annotations

import pytest

from docphim.language.lexicon import load_lexicon
from docphim.language.read.sentence import by_parts, facts_by, spelled, statements
from docphim.language.read.tables import load_grammar

SENTENCES = {
    "a denied list goes on to its or": "Không thấy khối, tràn dịch màng phổi lượng vừa, gãy xương sườn phải hoặc trái",
    "and past what would end it": "Không thấy khối, tràn dịch màng phổi lượng vừa, nốt ở phổi phải hoặc phổi trái",
    "a denial ends at a place": "Không thấy tràn dịch màng phổi phải, đám mờ thùy dưới phổi trái",
    "a denial holds on": "Không thấy nốt, khối, đông đặc",
    "a hedge ends": "Nghĩ nhiều đến viêm phổi thùy trên phải, dày màng phổi trái",
    "a state's denial ends": "Bóng tim không to, nốt mờ đáy phổi phải 5 mm, trung thất cân đối",
    "one thing twice": "Nốt thùy trên phổi phải, nốt có kích thước 9 mm",
    "a place is lent": "Không thấy nốt, hang ở phổi phải",
}


@pytest.mark.parametrize("text", SENTENCES.values(), ids=SENTENCES)
def test_parts_say_together_what_the_whole_says(text):
    lexicon = load_lexicon("vi")
    spans = by_parts(text, lexicon)
    assert spans is not None
    facts = [(start + first, start + last, values) for start, read in spans for first, last, values in read]
    assert facts == facts_by(text, lexicon, load_grammar("vi"))
    stated = [values for part in statements(text, lexicon) for _, _, values in part.facts]
    assert stated == [values for *_, values in facts]


def test_equal_parts_say_one_object_wherever_nothing_reaches_into_them():
    lexicon = load_lexicon("vi")
    first, last = statements("Bóng tim không to, trung thất cân đối", lexicon)
    assert statements("Bóng tim không to, vòm hoành phải đều", lexicon)[0] is first
    assert statements("Không thấy tràn khí màng phổi phải, trung thất cân đối", lexicon)[1] is last


@pytest.mark.parametrize("text", ["nốt mờ đáy phổi phải xyz 5 mm", "(nốt) xyz", "bên trái dày 9 mm"])
def test_words_and_items_of_a_part_are_those_of_a_sentence(text):
    words, items = spelled(text, load_lexicon("vi"))
    assert ("xyz" in words) == ("xyz" in [item.name for item in items if item.kind == "word"])
    assert max(item.end for item in items) <= len(words)
