"""Text in another language, another encoding, or with control characters is told from a sound report."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.suspect import IN_WORDS, doubt, suspicions, wrongly_decoded

VI = "Bóng tim không to. Góc sườn hoành hai bên nhọn. Nhu mô phổi sáng đều, quai động mạch chủ vồng."
EN = "The heart is not enlarged. No pleural effusion or pneumothorax. The lungs are clear."
ZH = "双肺纹理清晰,心影不大,两侧肋膈角锐利。"
TCVN3 = "Bãng tim kh«ng to. Gãc s­ên hoµnh hai bªn nhän. Nhu m« phæi s¸ng ®Òu."
VNI = "Boùng tim khoâng to. Goùc söôøn hoaønh hai beân nhoïn. Nhu moâ phoåi saùng ñeàu."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (VI, "vi"),
        (VI.upper(), "vi"),
        (unicodedata.normalize("NFD", VI), "vi"),
        ("Hạch 4R 12 x 14 mm, SUVmax 5,2, tăng chuyển hóa FDG trên PET/CT; stent graft động mạch chủ.", "vi"),
        ("Nốt 5 µm, thể tích 3 cm³, 37 °C ± 2, mật độ −650 HU tại phổi phải.", "vi"),
        ("X-quang ngực thẳng tư thế PA", "vi"),
        ("COPD. TDMP (P).", "vi"),
        ("Hoà, khoẻ, quý, thuỷ; đều, ỉu xìu, oà, oá, uể, uỷ, ưỡn", "vi"),
        (EN, "en"),
        ("Señor Müller's naïve façade: a 5 µm nodule was seen in the right upper lobe of the lung", "en"),
        (ZH, "zh"),
        ("右肺上叶见结节,大小约 12 x 14 mm,SUVmax 5.2,FDG 代谢增高", "zh"),
        ("", "vi"),
        ("...", "en"),
        ("\tBóng tim không to.\r\nPhổi sáng.\n", "vi"),
    ],
)
def test_a_sound_report_raises_no_suspicion(text, language):
    assert suspicions(text, language) == []


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (EN, "vi", "language"),
        ("Bong tim khong to, goc suon hoanh nhon", "vi", "language"),
        (ZH, "vi", "language"),
        (VI, "en", "language"),
        (ZH, "en", "language"),
        (EN, "zh", "language"),
        (VI, "zh", "language"),
        (TCVN3, "vi", "encoding"),
        (VNI, "vi", "encoding"),
        (VNI.upper(), "vi", "encoding"),
        (VI.encode().decode("latin-1"), "vi", "encoding"),
        (VI.encode().decode("cp1252", "replace"), "vi", "encoding"),
        (VI.encode("ascii", "replace").decode().replace("?", "\ufffd"), "vi", "encoding"),
        ("Bóng tim\x00 không to", "vi", "control"),
        ("Bóng tim không to\x1b[31m", "vi", "control"),
    ],
)
def test_a_text_that_is_not_what_it_is_taken_for_is_suspect(text, language, expected):
    assert expected in suspicions(text, language)


#: Documents and tables, by what they are; and reports that only look like one.
FORMS = {
    "html": [
        "<p>Bóng tim to.</p><p>Phổi sáng.</p>",
        "Bóng tim to.<BR/>Phổi sáng.",
        "B&oacute;ng tim to, ph&#7893;i s&aacute;ng.",
        "&lt;p&gt;Tim to.&lt;/p&gt;",
        "<Findings>Phổi sáng.</Findings>",
        "<span style='x'>Tim to</span>",
        "<![CDATA[Tim to.]]>",
    ],
    "picture": ["Tim to. " + "iVBORw0KGgo" * 100, "Tim to.\n" + ("iVBORw0KGg" * 7 + "\n") * 5],
    "rtf": [r"{\rtf1\ansi B\u243?ng tim to.\par}", r"\pard\fs24 Tim to.\par\b Gan to\b0", r"{\*\generator X}Tim to"],
    "table": [
        "ID\tMô tả\tKết luận\n1\tTim to\tBóng tim to\n2\tPhổi sáng\tBình thường",
        "| Cơ quan | Mô tả |\n|---|---|\n| Tim | to |",
        "id;findings;impression\n1;Tim to;Tim to",
        'id,findings,impression\n1,"Tim to",Tim to',
        "┌──┬──┐\n│Tim│to│\n│Gan│to│",
    ],
    None: [
        "Nốt <10 mm, hạch < 1 cm và > 5 mm; a<b>c.",
        "AT&T; R&D; Nốt 5 mm -> 7 mm.",
        "Phổi:\tsáng\nTim:\tkhông to\nGan:\tbình thường",
        "T3 | T4 | N1",
        "Tim to; phổi sáng; gan to.\nTim to; phổi sáng; gan to.",
        "Tim to, phổi to, gan to, lách to\nThận to, tụy to, phổi to, xương to",
        "C:\\par\\data",
        "[ ] Tràn khí\n[x] Tim to",
    ],
}


@pytest.mark.parametrize(("form", "text"), [(form, text) for form, texts in FORMS.items() for text in texts])
def test_markup_and_tables_are_doubted_and_reports_that_hold_their_signs_are_not(form, text):
    assert [why for why in suspicions(text, "vi") if why != "language"] == ([form] if form else [])
    if form:
        assert "language" not in suspicions(text, "vi")  # its words are not all its writer's


def test_one_line_says_how_many_texts_are_suspect_why_and_the_first_of_them():
    assert doubt({"html": [""]}, 1) == "suspect: HTML, whose tags are read as words: 1 of 1 text"
    assert doubt({"rtf": ["b"], "control": list("abcdef")}, 9) == (
        "suspect: control characters: 6 of 9 texts (a, b, c, d, e, …); "
        "RTF, whose control words are read as words: 1 of 9 texts (b)"
    )


@given(st.text(max_size=200), st.sampled_from(["vi", "en", "zh"]))
def test_any_text_is_judged_and_the_same_in_either_normal_form(text, language):
    found = suspicions(text, language)
    assert set(found) <= IN_WORDS.keys()
    if wrongly_decoded(text):
        assert "encoding" in found and "language" not in found


def test_a_megabyte_of_anything_is_judged():
    for text in (
        "(" * 1_000_000,
        "á»" * 500_000,
        "kh«ng " * 170_000,
        "\x00" * 1_000_000,
        "a" * 1_000_000,
        "<p " * 300_000,
        "|\n" * 500_000,
    ):
        suspicions(text, "vi")
