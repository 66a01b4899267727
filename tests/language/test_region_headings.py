"""A region's heading is the place of what names none, and multiplies nothing (tests/data/region_headings.tsv)."""

from pathlib import Path

import pytest

from docphim.language.facts import facts, is_plain, sentence_texts, sentences
from docphim.language.lesions import lesions_of
from docphim.language.normalize import clean

TABLE = Path(__file__).parents[1] / "data" / "region_headings.tsv"
LINES = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
SIGNS = {"present": "+", "absent": "-", "normal": "=", "abnormal": "~"}


def beside(side):
    return f"@{side}" if side else ""


def read(text, language):
    """Facts and lesions, as the table writes them."""
    listed = facts(text, language)
    whole = [f"{SIGNS[one.polarity]}{one.anatomy}.{one.finding or one.state or ''}{beside(one.side)}" for one in listed]
    lesions = lesions_of(text, language)
    return sorted(whole), sorted(f"{one.type}/{'+'.join(one.station) or one.organ}{beside(one.side)}" for one in lesions)


@pytest.mark.parametrize(("language", "text", "says", "lesions"), LINES)
def test_what_stands_under_a_heading_is_where_its_own_words_put_it(language, text, says, lesions):
    assert read(text.replace("\\n", "\n"), language) == (sorted(says.split()), sorted(lesions.split()))


@pytest.mark.parametrize(("language", "text", "says", "lesions"), LINES)
def test_scores_read_the_same_sentences(language, text, says, lesions):
    """Scores read texts word by word where they can (`plain`), which a heading forbids."""
    text = text.replace("\\n", "\n")
    plain = all(is_plain(word, language) for word in text.split(" "))
    assert sentence_texts(text, language, plain) == [one.text for one in sentences(text, language)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ổ bụng - khung chậu: Gan có ổ tổn thương 18 mm.", ["Gan có ổ tổn thương 18 mm"]),
        ("Ổ bụng - khung chậu: Có khối 40 mm.", ["Có khối 40 mm"]),
        ("Hệ cơ xương:\n- Không thấy tổn thương.", ["Không thấy tổn thương"]),
        ("Đầu cổ: bình thường; không thấy hạch.", ["bình thường", "không thấy hạch"]),
    ],
)
def test_a_fact_s_words_stand_where_it_says(text, words):
    listed = facts(text, "vi")
    assert [fact.text for fact in listed] == words
    assert [clean(text)[fact.start : fact.end] for fact in listed] == words


@pytest.mark.parametrize(
    ("text", "organs"),
    [
        ("Ổ bụng: không thấy dịch tự do; không thấy tổn thương; lách có nốt 9 mm.", ["abdomen", "abdomen", "spleen"]),
        ("Ổ bụng: không thấy dịch tự do. Không thấy tổn thương.", ["abdomen", None]),
        ("Bụng - chậu: Gan: không to; không thấy tổn thương.", ["liver", "liver"]),
        ("Gan:\nKhông thấy tổn thương.", ["liver"]),
        ("Phổi:\nGan hạ phân thùy VII có ổ tổn thương.", ["liver"]),
        ("Phổi phải:\nMàng phổi dày.", ["pleura"]),
        ("Ổ bụng:\nKhông thấy tổn thương.\nKhông thấy tổn thương.", ["abdomen", None]),
        ("Ổ bụng: không thấy dịch tự do; bình thường. Không thấy tổn thương.", ["abdomen", "abdomen", None]),
        ("Ổ bụng:\n- Gan không to.\n- Không thấy dịch tự do.\nKhông thấy tổn thương.", ["liver", "abdomen", None]),
        ("Ổ bụng:\n1. Gan không to.\n2. Không thấy dịch tự do.\n\nNgực: bình thường.", ["liver", "abdomen", "chest"]),
        (
            "Hạch tăng hấp thu FDG:\n- Cạnh khí quản phải 12 mm\n- Rốn phổi phải 10 mm",
            ["lymph_node", "lymph_node", "hilum", "hilum"],
        ),
        ("Ngực - Bụng không thấy tổn thương.", ["chest", "abdomen"]),
        ("Cổ và thân tử cung: có khối 45 mm.", ["uterus"]),
    ],
)
def test_a_heading_holds_to_the_end_of_its_line_s_sentence(text, organs):
    assert [fact.anatomy for fact in facts(text, "vi")] == organs


def test_a_heading_says_where_nodes_are_behind_an_organ():
    *_, node = facts("Head and neck: normal brain and tonsillar activity, no avid adenopathy.", "en")
    assert (node.finding, node.anatomy) == ("lymphadenopathy", "neck")
