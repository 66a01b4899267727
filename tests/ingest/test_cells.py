"""One cell as programs write it, and the text that it means; right text comes back as it was."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.errors import Refused
from docphim.ingest.reports.cells import cell_text
from docphim.ingest.reports.encodings import from_legacy

TEXT = "Bóng tim không to. Phổi hai bên sáng đều.\nKết luận: Bình thường"


def misread(text: str, codec: str, times: int = 1) -> str:
    """UTF-8 as a program shows it that takes it for another encoding."""
    for _ in range(times):
        text = "".join(bytes([b]).decode(codec, "ignore") or chr(b) for b in text.encode())
    return text


BASE64 = "iVBORw0KGgo" * 5000
RTF = r"{\rtf1\ansi\ansicpg1258{\fonttbl{\f0 Times;}}\f0 "

MARKED = {
    "paragraphs": ("<p>Tim to.</p><p>Phổi sáng.</p>", "Tim to.\nPhổi sáng."),
    "breaks": ("Tim to.<br>Phổi sáng.<BR/>Góc sườn hoành nhọn.<br />", "Tim to.\nPhổi sáng.\nGóc sườn hoành nhọn."),
    "entities": ("B&oacute;ng tim kh&ocirc;ng to &gt; 50%", "Bóng tim không to > 50%"),
    "numbered entities": ("Ph&#7893;i s&#xE1;ng", "Phổi sáng"),
    "escaped HTML": ("&lt;p&gt;Tim to.&lt;/p&gt;&lt;p&gt;Phổi sáng.&lt;/p&gt;", "Tim to.\nPhổi sáng."),
    "escaped twice": ("&amp;lt;b&amp;gt;Tim to&amp;lt;/b&amp;gt;", "Tim to"),
    "nbsp": ("<div>Tim&nbsp;to.</div><div>&nbsp;</div>", "Tim to."),
    "style": ("<style>p {color: red}</style><p style='margin:0'>Tim to.</p>", "Tim to."),
    "word's HTML": (
        '<html xmlns:o="urn:x"><head><meta charset=utf-8><title>x</title><!--[if gte mso 9]><xml><o:p>9</o:p></xml><![endif]-->'
        "</head><body lang=VI><p class=MsoNormal><span>Tim to.<o:p></o:p></span></p></body></html>",
        "Tim to.",
    ),
    "a table": (
        "<table><tr><td>Tim</td><td>to</td></tr><tr><td>Phổi</td><td>sáng</td></tr></table>",
        "Tim\tto\nPhổi\tsáng",
    ),
    "a list": ("<ul><li>Tim to</li><li>Phổi sáng</li></ul>", "Tim to\nPhổi sáng"),
    "a size inside": ("<p>Nốt <5 mm thùy trên, >3 mm.</p>", "Nốt <5 mm thùy trên, >3 mm."),
    "a vertebra in brackets": ("<p>Xẹp thân đốt <D5>, <T12></p>", "Xẹp thân đốt <D5>, <T12>"),
    "other tags": ("<article>Tim to.</article><o:p></o:p><st1:place>Phổi</st1:place>", "Tim to.\nPhổi"),
    "lines of the source": ("<p>Tim\n to.</p>\n<p>Phổi sáng.</p>", "Tim to.\nPhổi sáng."),
    "lines alone": ("<b>Tim to.\nPhổi sáng.</b>", "Tim to.\nPhổi sáng."),
    "superscript": ("Diện tích 3 cm<sup>2</sup>", "Diện tích 3 cm2"),
    "a picture": ('<p>Tim to.</p><img src="data:image/png;base64,' + BASE64 + '"><p>Phổi sáng.</p>', "Tim to.\nPhổi sáng."),
    "excel's escape": ("Tim to._x000D_\nPhổi sáng.", "Tim to.\nPhổi sáng."),
    "excel's escape alone": ("Tim to._x000D_Phổi sáng.", "Tim to.\nPhổi sáng."),
    "word's soft break": ("Tim to.\x0bPhổi sáng.", "Tim to.\nPhổi sáng."),
    "returns": ("Tim to.\r\nPhổi sáng.\rKết luận: tim to", "Tim to.\nPhổi sáng.\nKết luận: tim to"),
    "unicode's lines": ("Tim to.\u2028Phổi sáng.\u2029Hết", "Tim to.\nPhổi sáng.\nHết"),
    "controls": ("Tim\x00 to.\x1f", "Tim to."),
    "rtf": (RTF + r"B\u243?ng tim to.\par Ph\u7893?i s\u225?ng.}", "Bóng tim to.\nPhổi sáng."),
    "rtf with a picture": (RTF + r"Tim to.{\pict\pngblip " + "89504e47" * 3000 + r"}\par Tim.}", "Tim to.\nTim."),
    "rtf of cp1258": (r"{\rtf1\ansi\ansicpg1258 Tim kh\'f4ng to.}", "Tim không to."),
    "paragraphs left open": ("<p>Tim to<p>Phổi sáng", "Tim to\nPhổi sáng"),
    "numbered returns": ("Tim to&#13;&#10;Phổi sáng", "Tim to\nPhổi sáng"),
    "a size escaped inside": ("Nốt &lt;5mm ở <b>đỉnh</b>", "Nốt <5mm ở đỉnh"),
    "a script": ("<script>alert(1)</script>Tim to", "Tim to"),
    "a remark": ("<!-- ẩn --><p>Tim to</p>", "Tim to"),
    "other escapes": ("_x0009_Tim_x0020_to_x000A_Phổi", "Tim to\nPhổi"),
    "rtf lines": (RTF + r"Tim to\line Ph\u7893?i\par}", "Tim to\nPhổi"),
    "misread in part": ("Phổi sáng. BÃ³ng tim to", "Phổi sáng. Bóng tim to"),
    "misread in entities": ("B&Atilde;&sup3;ng tim kh&Atilde;&acute;ng to", "Bóng tim không to"),
    "decomposed": (unicodedata.normalize("NFD", "Phổi sáng"), "Phổi sáng"),
    "zero width": ("Phổi\u200b sáng\ufeff", "Phổi sáng"),
    "icelandic eth": ("Ðám mờ", "Đám mờ"),
}


@pytest.mark.parametrize("name", MARKED)
def test_markup_becomes_the_text_it_means_with_its_lines(name):
    cell, text = MARKED[name]
    assert cell_text(cell) == text
    assert cell_text(text) == text


AS_IT_IS = [
    TEXT,
    "Chỉ số tim/ngực < 0,5; nốt >3 mm & vôi hóa",
    "T&N, A&B; tim to",
    "ống 12\" và 'dày'",
    "Phim chụp 1/2 liều, 5°, 10 µm, ½, ± 2 mm",
    "a < b và c > d",
    "Phế quản đồ (air bronchogram) “dương tính” – thùy dưới…",
    "Cardiomégalie modérée, épanchement pleural à gauche",
    "Herzgröße normal, keine Ergüsse",
    "TIM KHÔNG TO, PHỔI SÁNG",
    "bóng tim khong to",
    "x_y_0 và _x12_",
    "· Heart size normal\n· Lungs clear",
    "Nodule 10 µm, 5 µm, 3 µg",
    "U phổi? lao? viêm?",
    "TD ?lao ?viêm phổi.",
    "?u phổi phải, ?lao",
    "Theo dõi (?lao) (?nấm) đỉnh phổi phải",
    "KL: ?tràn dịch\n?viêm phổi",
    "TD lao?viêm phổi",
    "khá”, “tốt”",
    "Dr Hån: heart normal",
    "0",
    "?",
    "Có tràn khí? Theo dõi",
    "không",
    "Phổi sáng: épanchement pleural à gauche, Herzgröße normal",
    "Bác sĩ Hån đọc: tim không to, phổi sáng",
    "Góc sườn hoành maàng phổi",
    "Kết luận: où",
    "Bóng mờ: 5cm×6cm, T½ 3 giờ, «phổi», hoà, hoá",
]


@pytest.mark.parametrize("text", AS_IT_IS)
def test_right_text_is_left_alone(text):
    assert cell_text(text) == text


NOTHING = [
    "nan",
    "NaN",
    "None",
    "NULL",
    "null",
    "N/A",
    "n/a",
    "NA",
    "#NAME?",
    "#N/A",
    "#VALUE!",
    "#REF!",
    "-",
    "--",
    "—",
    ".",
    "…",
]
NOTHING += [
    "",
    " ",
    "\ufeff",
    "\xa0",
    "<NA>",
    "NaT",
    "nil",
    "\\N",
    "<p>&nbsp;</p>",
    "&nbsp;",
    "_x000D_",
    "<p>null</p>",
    "#DIV/0!",
]


@pytest.mark.parametrize("cell", NOTHING)
def test_what_programs_write_for_nothing_is_nothing(cell):
    assert cell_text(cell) == ""


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("codec", ["latin-1", "cp1252", "cp1258"])
@pytest.mark.parametrize("text", [TEXT, "Đám mờ thùy trên phổi phải", "tràn dịch", "TIM KHÔNG TO", "phổi sáng – bình thường"])
def test_utf_8_that_was_read_as_something_else_is_put_right(text, codec, times):
    assert cell_text(misread(text, codec, times)) == text


REFUSED = {
    "lost letters": "B\ufffdng tim kh\ufffdng to",
    "question marks": "B?ng tim kh?ng to, ph?i s?ng",
    "question marks, first letters too": "?áy ph?i ph?i m?",
    "TCVN3": "Bãng tim kh«ng to. Phæi hai bªn s¸ng ®Òu.",
    "VNI": "Boùng tim khoâng to. Phoåi hai beân saùng ñeàu.",
    "mojibake cut": misread("Bóng tim không to. Phổi sáng", "cp1252").replace("Â", "").replace("»", "") + "á»",
    "bytes dropped before a blank": "Phổi trái chưa thấy nốt mờ , có dày nhẹ".encode().decode("cp1252", "ignore"),
    "bytes dropped": "Phổi trái chưa thấy nốt mờ, có dày nhẹ".encode().decode("cp1252", "ignore"),
    "bytes dropped in a word": "hạch nhỏ ở trước".encode().decode("cp1252", "ignore"),
    "old font in capitals": "PHOÅI SAÙNG, TIM KHOÂNG TO",
    "VNI below a heading in Unicode": "Mô tả:\nPhoåi hai beân saùng.\nKết luận:\nBình thöôøng",
    "VNI behind one": "Mô tả: Boùng tim khoâng to. Phoåi saùng.",
    "one word of VNI behind one": "Kết luận: Boùng tim to.",
    "TCVN3 behind a heading in Unicode": "Kết luận: Trµn dÞch mµng phæi ph¶i",
    "VNI below a right sentence": "Bóng tim không to, phổi sáng. Goùc söôøn hoaønh nhoïn.",
    "VNI within a right sentence": "Phổi saùng goùc söôøn",
    "a remark left open": "<p>Tim to.</p><!-- Phổi sáng.",
    "a style left open": "<p>Tim to.</p><style>Phổi sáng.",
    "tags nested too deep": "<b>" * 3000 + "Tim to.",
    "base64": "Tim to. " + "iVBORw0KGgo" * 500,
    "too long": "Tim to. " * 20_000,
    "mojibake with holes": "Bóng tim to. " + "Đám mờ".encode().decode("cp1252", "replace") + ".",
}


@pytest.mark.parametrize("name", REFUSED)
def test_damaged_text_is_refused_and_never_a_report(name):
    with pytest.raises(Refused) as refusal:
        cell_text(REFUSED[name])
    assert refusal.value.reason in ("report_encoding", "row_unreadable")


LEGACY = [
    ("tcvn3", "Bãng tim kh«ng to. Phæi hai bªn s¸ng ®Òu.", "Bóng tim không to. Phổi hai bên sáng đều."),
    ("tcvn3", "Trµn dÞch mµng phæi ph¶i l­îng Ýt", "Tràn dịch màng phổi phải lượng ít"),
    ("vni", "Boùng tim khoâng to. Phoåi hai beân saùng ñeàu.", "Bóng tim không to. Phổi hai bên sáng đều."),
    ("vni", "Traøn dòch maøng phoåi phaûi löôïng ít", "Tràn dịch màng phổi phải lượng ít"),
    ("vni", "KEÁT LUAÄN: BÌNH THÖÔØNG", "KẾT LUẬN: BÌNH THƯỜNG"),
    ("vni", "Mô tả: Boùng tim khoâng to. Phoåi saùng.", "Mô tả: Bóng tim không to. Phổi sáng."),
    ("tcvn3", "Lâm sàng: ho\nKết luận: Trµn dÞch mµng phæi", "Lâm sàng: ho\nKết luận: Tràn dịch màng phổi"),
    ("tcvn3", "Mô tả;Tên;Tuổi\nphæi s¸ng;Hµ;40", "Mô tả;Tên;Tuổi\nphổi sáng;Hà;40"),
    ("vni", "Phổi không to: khoâng", "Phổi không to: không"),
    ("tcvn3", "Mô tả: viêm", "Mô tả: viêm"),
]


@pytest.mark.parametrize(("encoding", "shown", "text"), LEGACY)
def test_the_letters_of_old_fonts_are_read_when_told(encoding, shown, text):
    assert from_legacy(shown, encoding) == text


MARKUP = ["<p>", "</p>", "<br>", "&nbsp;", "&lt;", "<D5>", "<", ">", "&", "\n", " ", "Tim to.", "phổi", "_x000D_", "<5 mm"]


@given(st.lists(st.sampled_from([*MARKUP, "<div>", "</div>", "<td>", "<b>", "</b>", "\x0b", "\xa0"]), max_size=12))
def test_no_word_is_lost_between_tags(pieces):
    text = cell_text("".join(pieces))
    for word in ("Tim to.", "phổi", "5 mm", "D5"):
        assert text.count(word) == "".join(pieces).count(word)


@given(st.text(alphabet="aáạâấậăắặeéẹêếệoóọôốộơớợuúụưứựiíịyýỵđĐ \n.,;:<>&0123456789()-bcghklmnpqrstvx", max_size=80))
def test_cleaning_twice_is_cleaning_once(text):
    try:
        once = cell_text(text)
    except Refused:
        return
    assert cell_text(once) == once
