"""Text in another language, another encoding, or with control characters is told from a sound report."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.suspect import suspicions, wrongly_decoded

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


@given(st.text(max_size=200), st.sampled_from(["vi", "en", "zh"]))
def test_any_text_is_judged_and_the_same_in_either_normal_form(text, language):
    found = suspicions(text, language)
    assert set(found) <= {"language", "encoding", "control"}
    if wrongly_decoded(text):
        assert "encoding" in found and "language" not in found


def test_a_megabyte_of_anything_is_judged():
    for text in ("(" * 1_000_000, "á»" * 500_000, "kh«ng " * 170_000, "\x00" * 1_000_000, "a" * 1_000_000):
        suspicions(text, "vi")
