"""Why a fact was read: each decision with its words and the row that made it."""

import json

import pytest

from docphim import tools
from docphim.language.facts import facts
from docphim.language.read.tables import TABLES
from docphim.language.why import _VERBS, explain
from docphim.package_data import packaged

MASS = "Khối thùy dưới phổi trái"
#: A text, and what is said of its facts: (what, value, words, row).
CASES = [
    (
        "vi",
        "Không thấy nốt, đông đặc",
        [
            {("denied", "", "Không thấy", ""), ("anatomy", "lung", "", "a.usual")},
            {("denied", "", "Không thấy", "s.list")},
        ],
    ),
    ("vi", "Tim không to, rốn phổi đậm", [{("denied", "", "không", "")}, {("denied", "", "không", "s.else")}]),
    ("vi", "Tràn khí màng phổi: không", [{("denied", "", "không", "b.answers")}]),
    ("vi", "Mới xuất hiện đám mờ đáy phổi trái", [{("change", "", "Mới xuất hiện", ""), ("side", "left", "", "d.place")}]),
    ("vi", "Theo dõi viêm phổi, lao", [set(), {("hedge", "", "Theo dõi", "s.list")}]),
    ("vi", "Không thấy nốt, khối, đông đặc", [set(), set(), {("denied", "", "Không thấy", "s.list")}]),
    ("vi", "Khối phổi phải, khối kích thước 36 mm", [{("again", "", "khối kích thước 36 mm", "g.measured")}]),
    ("vi", "Phổi phải: gan to, đông đặc", [set(), {("side", "right", "Phổi phải", "d.heir")}]),
    ("vi", "Phổi phải: không thấy nốt, tràn dịch màng phổi", [set(), {("side", "right", "Phổi phải", "d.header")}]),
    ("vi", "Động mạch chủ, vôi hóa", [{("anatomy", "aorta", "Động mạch chủ", "a.topic")}]),
    ("vi", "Theo dõi viêm phổi", [{("hedge", "", "Theo dõi", ""), ("anatomy", "lung", "", "a.of")}]),
    (
        "vi",
        "Khối thùy dưới phổi trái, tăng chuyển hóa FDG",
        [
            {("place", "", "thùy dưới phổi trái", "p.after"), ("location", "lower_lobe", "", "o.place")},
            {
                ("side", "left", MASS, "d.heir"),
                ("anatomy", "lung", MASS, "a.topic"),
            },
        ],
    ),
    ("vi", "Phổi phải: đông đặc", [{("side", "right", "Phổi phải", "d.heir")}]),
    (
        "vi",
        "Tràn dịch màng phổi hai bên, bên phải dày 20 mm",
        [set(), {("segment", "", "bên phải dày 20 mm", "l.other.side")}],
    ),
    (
        "en",
        "Atelectasis and consolidation in the left lower lobe",
        [{("lent", "", "consolidation in the left lower lobe", "h.join")}, {("side", "left", "", "d.place")}],
    ),
    ("en", "Lungs: clear.", [{("anatomy", "lung", "Lungs", "")}]),
    ("en", "There is no effusion. Nodule unchanged.", [{("denied", "", "There is no", "")}, {("change", "", "unchanged", "")}]),
]


@pytest.mark.parametrize(("language", "text", "expected"), CASES)
def test_what_decided_is_told_with_its_words_and_row(language, text, expected):
    explained = explain(text, language)
    for (_, reasons), least in zip(explained, expected, strict=True):
        assert least <= {(r.what, r.value, r.words, r.rule) for r in reasons}


def test_facts_are_those_that_are_read_without_asking_why():
    text = "Hai phổi sáng. Không thấy tràn dịch; bóng tim to.\nTheo dõi viêm phổi (thùy dưới trái)" + " và nốt" * 500
    assert [fact for fact, _ in explain(text, "vi")] == facts(text, "vi")
    assert explain("", "vi") == []


def test_every_verb_of_every_table_is_put_into_words():
    verbs = packaged(_VERBS)
    assert {table: set(verbs) for table, (_, verbs) in TABLES.items()} == {
        table: set(words) for table, words in verbs.items() if table != "cue"
    }


def test_answer_is_lines_below_each_fact(capsys):
    tools.facts("Không thấy nốt, đông đặc", language="vi", why=True, json=False)
    printed = capsys.readouterr().out
    assert "  - denied: «Không thấy» denies it\n" in printed
    assert "  - denied: «Không thấy» still holds here (s.list" in printed
    assert "side" not in printed  # none is named: nothing is said of it
    tools.facts("Kỹ thuật", language="vi", why=True, json=False)
    assert capsys.readouterr().out == "no facts\n"


def test_json_carries_it_too(capsys):
    tools.facts("Tràn dịch màng phổi phải", language="vi", why=True, json=True)
    (row,) = json.loads(capsys.readouterr().out)
    reason = next(r for r in row["why"] if r["what"] == "side")
    assert (reason["value"], reason["rule"], reason["asked"]) == ("right", "d.place", ["It names its side."])
    tools.facts("Tràn dịch màng phổi phải", language="vi", why=False, json=True)
    assert "why" not in json.loads(capsys.readouterr().out)[0]


def test_a_sentence_whose_parts_are_read_alone_is_explained_as_a_whole():
    assert explain("Không thấy hạch to, trung thất không rộng.", "vi")
    assert [fact.text for fact, _ in explain("Phổi trái: nốt 5 mm; rốn phổi to.", "vi")] == ["nốt 5 mm", "rốn phổi to"]
