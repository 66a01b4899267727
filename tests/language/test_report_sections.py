"""Whole reports: divided without a gap at headings of any form, and read only where they say what was found."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import docphim.language.headings
from docphim.language.divide import ASIDE, divide
from docphim.language.facts import facts, passage_reader, reported
from docphim.language.headings import REGIONS, heading_names, headings, may_have_headings
from docphim.language.labels import read_labels
from docphim.language.normalize import clean
from docphim.language.report import report_text, split_sections
from docphim.language.sections import SECTIONS
from docphim.package_data import packaged

TABLES = packaged(Path(divide.__code__.co_filename).with_name("sections.yaml"))


def marked_reports():
    """(title, text, words by section and region) of each report of report_sections.txt.

    Its title ends with its language's name or holds it; `‹findings›MÔ TẢ:¦ Tim to.` is a section, its heading and its text.
    """
    file = Path(__file__).parents[1] / "data" / "report_sections.txt"
    for block in file.read_text(encoding="utf-8").strip("\n").split("\n----\n"):
        title, _, body = block.partition("\n")
        before, *rest = re.split(r"‹([\w/]+)›", body)
        text, words = before, {}
        for name, part in zip(rest[::2], rest[1::2], strict=True):
            heading, mark, content = part.partition("¦")
            heading, content = (heading, content) if mark else ("", heading)
            text += heading + content
            section, _, region = name.rpartition("/")
            key = (section or "findings", region) if region in REGIONS else (name, "")
            words.setdefault(key, []).extend(re.findall(r"\w+", content))
        yield pytest.param(text, {key: value for key, value in words.items() if value}, id=title[2:])


def divided(text, language="vi", column="text"):
    return divide(text, passage_reader(language), column)


@pytest.mark.parametrize(("text", "expected"), list(marked_reports()))
def test_a_report_is_divided_whatever_form_its_headings_have(text, expected, request):
    language = "en" if " en " in request.node.name.replace("[", " ") else "vi"
    words = {}
    for section in divided(text, language):
        part = clean(text)[section.begin : section.end]
        words.setdefault((section.name, section.region), []).extend(re.findall(r"\w+", part))
    assert {key: value for key, value in words.items() if value} == expected


def every_heading(*tables):
    """(heading, the name under which it is listed) of tables of sections.yaml."""
    rows = [(name, heading) for table in tables for name, listed in TABLES[table].items() for heading in listed]
    return [(heading.replace(" +", ""), name) for name, heading in rows]


ALL = every_heading("headings", "regions", "regions_beside_two")
FORMS = ("{}: x", "2) {}:x", "x. {}: x", "**{}**\nx", "- {}\nx", "[{}] x", '{{"{}": "x"}}', "x\nIV/ {} : x", "x： {}：x")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spell", [str, str.upper, str.title, lambda h: unicodedata.normalize("NFD", h)])
def test_every_heading_of_the_table_is_one_in_any_spelling_and_form(form, spell):
    for heading, name in ALL:
        text = clean(form.format(spell(heading)))
        assert [mark.name for mark in headings(text)] == [name], text


def test_headings_of_several_words_need_no_accents():
    for heading, name in ALL:
        bare = "".join(c for c in unicodedata.normalize("NFD", heading) if not unicodedata.combining(c)).replace("đ", "d")
        if " " in heading:
            assert [mark.name for mark in headings(f"{bare.upper()}: x")] == [name], heading


@pytest.mark.parametrize(
    ("table", "form"),
    [
        ("anywhere", "tim to {}: x"),
        ("anywhere", "TIM TO {}: x"),
        ("without_colon", "{} Tim to\n"),
        ("without_colon", "{} - tim\n"),
    ],
)
def test_some_headings_are_known_by_less(table, form):
    shouted = [heading.upper() if table == "without_colon" else heading for heading in TABLES[table]]
    assert [heading for heading in shouted if len(headings(form.format(heading))) != 1] == []
    others = [heading for heading, name in ALL if heading not in TABLES[table] and name in TABLES["headings"]]
    assert [heading for heading in others if headings(form.format(heading))] == []


@pytest.mark.parametrize("sign", TABLES["signs"])
def test_a_sign_tells_a_text_in_one_line_that_may_have_headings(sign):
    text = {"[": "[kết luận] tim to", "：": "kết luận：tim to"}.get(sign, f"{sign.replace('ĐỊNH', 'ĐỊNH KẾT QUẢ')} Tim to.")
    assert len(headings(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Bác sĩ đã xác nhận kết quả: không đổi.",  # inside other words
        "Mờ đáy phổi, hình ảnh: nốt.",  # after a comma, in small letters
        "XÁC NHẬN KẾT QUẢ: không đổi.",
        "Kết luận cũ: lao.",  # an earlier film's
        "Phổi có hình ảnh: nốt mờ.",
        "Kết quả sinh thiết trước đây là lao.",  # no colon
        "Đau cổ: ba ngày.",  # another word than ĐẦU CỔ
        "Có: một nốt.",  # not CỔ
        "IMPRESSIONS of the liver on the lung.",
        "KHOA CHẨN ĐOÁN HÌNH ẢNH Bệnh viện Sao Mai",
        "KẾT QUẢ Chụp X-quang",  # a letterhead's title
        "KẾT QUẢ CHỤP CLVT NGỰC\nTrần Văn Thử",
        "Biên Bản Kết Quả: rõ",
        "CHẨN ĐOÁN HÌNH ẢNH - Bệnh viện Sao Mai",
        "Compared with the report: none.",
        "Kết luận Lao phổi\n",  # neither a colon nor capitals
        "Phim rõ - Opinion - rõ\n",
    ],
)
def test_words_of_headings_inside_a_sentence_are_none(text):
    assert headings(clean(text)) == []


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("Họ tên: Trần Văn Thử Kết quả: rõ.", " Kết quả:"),  # a name before it has capitals too
        ("Ngày 12/3/2021 BS. Thử Findings: clear.", " Findings:"),
        ("PHIM SỐ 12 - LÊ MẪU BỤNG CHẨN ĐOÁN: ho", " CHẨN ĐOÁN:"),  # more words than a label has
        ("Tim to 60% Kết luận: tim to", " Kết luận:"),
        ("Nốt 8 mm. 2. Kết luận: nốt", " 2. Kết luận:"),
        ("Nốt SUVmax 6,2. Kết luận: nốt", " Kết luận:"),  # the decimals belong to the number
        ("Nodule, SUVmax 6.2. Impression: nodule", " Impression:"),
        ("Hạch SUVmax 3,1-5,26. Kết luận: hạch", " Kết luận:"),
        ("Chỉ số tim 0,5; 2) Kết luận: tim to", " 2) Kết luận:"),
        ("Nốt SUVmax 6,2. 2. Kết luận: nốt", " 2. Kết luận:"),
        ("Nốt SUVmax 6,2: 2/ Kết luận: nốt", " 2/ Kết luận:"),
        ("Phim rõ. KẾT LUẬN\nTim to.", " KẾT LUẬN"),
        ("Kết quả PET/CT toàn thân: rõ", "Kết quả PET/CT toàn thân:"),
        ("Findings (chest PA): clear", "Findings (chest PA):"),
        ("Tiền sử, bệnh sử - lâm sàng: ho", "Tiền sử, bệnh sử - lâm sàng:"),
        ("Vì có, kết luận: ho", " kết luận:"),  # CỔ is no part of it
        ("Kết luận sơ bộ: ho", "Kết luận sơ bộ:"),
        ("Tiền sử bệnh: ho", "Tiền sử bệnh:"),
        ("Kết quả XQ ngực thẳng: ho", "Kết quả XQ ngực thẳng:"),
        ("Kết luận của BS khoa Nội: ho", "Kết luận của BS khoa Nội:"),
        ("Kết luận kèm theo hướng điều trị: ho", "Kết luận kèm theo hướng điều trị:"),
        ("Reason for this scan: cough", "Reason for this scan:"),
        ("Kết quả CLVT: rõ", "Kết quả CLVT:"),
    ],
)
def test_a_heading_reaches_from_its_number_to_its_colon(text, heading):
    (mark,) = headings(clean(text))
    assert text[mark.start : mark.end].strip() == heading.strip()


@pytest.mark.parametrize(
    "written",
    ["SUVmax 5,6.", "SUVmax 5.6.", "12 mm.", "SUVmax 0,5.", "SUVmax 12,4;", "SUVmax 3,1 - 5,2.", "(SUVmax 4,1).", "60%."],
)
@pytest.mark.parametrize("number", ["", "2. ", "b) ", "II. "])
def test_a_report_in_one_line_keeps_every_number_before_a_heading(written, number):
    text = clean(f"Đầu - cổ: Hạch cổ {written} {number}Lồng ngực: Nốt phổi {written} {number}Ổ bụng: Gan rõ.")
    texts = [text[section.start : section.end].strip() for section in divided(text)]
    assert [body.rpartition(": ")[2] for body in texts] == [f"Hạch cổ {written}", f"Nốt phổi {written}", "Gan rõ."]


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("Lồng ngực: cân đối. Tim: không to. Xương: không gãy.", []),  # organs of a film
        ("Liver: normal. Bones: normal.", []),
        ("Ngực: sáng. Bụng: mềm. Xương: vững.", ["chest", "abdomen_pelvis", "musculoskeletal"]),
        ("Ngực: sáng. Bụng: mềm. Mô tả: tim to.", []),  # above the findings
        ("Mô tả: tim to. Ngực: sáng. Bụng: mềm.", ["chest", "abdomen_pelvis"]),
        ("Vùng ngực: sáng. Hệ xương: vững. Khu vực bụng: mềm.", ["chest", "musculoskeletal", "abdomen_pelvis"]),
        ("Ngực: sáng. Cổ: mềm.", []),  # one region, and a part that another report lists as an organ
        ("Đề nghị: Ngực: chụp lại. Bụng: siêu âm.", ["chest", "abdomen_pelvis"]),
    ],
)
def test_regions_count_where_a_report_is_divided_by_them(text, regions):
    assert [section.region for section in divided(text) if section.region] == regions


#: (text, language, what its facts are about): never what was known, done, compared or advised.
READ = [
    ("HISTORY: recent pancreatitis, exclude pneumonia. FINDINGS: Clear lungs.", "en", ["clear"]),
    ("INDICATION: pneumothorax?\nFINDINGS: No pleural effusion.\nIMPRESSION: Cardiomegaly.", "en", ["effusion", "enlarged"]),
    ("Tiền sử: lao phổi. Mô tả: Tràn dịch màng phổi phải. Đề nghị: loại trừ u phổi.", "vi", ["effusion"]),
    ("Kỹ thuật: chụp sau tràn khí màng phổi. Kết quả: Tràn dịch màng phổi trái.", "vi", ["effusion"]),
    ("KỸ THUẬT: chụp sau dẫn lưu tràn khí màng phổi.\nKẾT QUẢ: Tràn dịch màng phổi phải.", "vi", ["effusion"]),
    ("Kỹ thuật: phim thẳng. Tràn khí màng phổi trái. Kết luận: Tràn dịch màng phổi phải.", "vi", ["pneumothorax", "effusion"]),
    ("COMPARISON: pneumothorax last week. FINDINGS: Pleural effusion.", "en", ["effusion"]),
    ("HISTORY: pneumonia.", "en", []),
    ("Chẩn đoán: Tràn dịch màng phổi phải.", "vi", ["effusion"]),  # of what, nobody says: all there is is read
    ("BỆNH VIỆN PHỔI\nNgười bệnh: Tràn Thị Khí\nMô tả: Tràn dịch màng phổi.", "vi", ["effusion"]),
    ("Không thấy tràn khí màng phổi.\nKết quả: Tràn dịch màng phổi.", "vi", ["pneumothorax", "effusion"]),
    ('{"history": "pneumothorax", "findings": "Pleural effusion.", "impression": ""}', "en", ["effusion"]),
    ("Tràn dịch màng phổi phải. Tràn khí màng phổi trái.", "vi", ["effusion", "pneumothorax"]),
]


def test_the_heading_of_a_region_says_what_its_facts_are_about():
    text = "Kỹ thuật: sau dẫn lưu tràn khí màng phổi. TIM PHỔI: bình thường. BỤNG: bình thường. CƠ XƯƠNG KHỚP: bình thường."
    read = facts(text.replace("TIM PHỔI", "NGỰC"), "vi")
    assert [fact.anatomy for fact in read] == ["chest", "abdomen", "bone"]


@pytest.mark.parametrize(("text", "language", "expected"), READ)
def test_facts_are_read_where_a_report_says_what_was_found(text, language, expected):
    read = facts(text, language)
    assert [fact.finding or fact.state for fact in read] == expected
    assert all(clean(text)[fact.start : fact.end] == fact.text for fact in read)


def test_a_disease_to_exclude_is_no_label():
    text = "HISTORY: recent pancreatitis, exclude pneumonia. FINDINGS: Clear lungs."
    assert read_labels(text, "en", "chexpert")["Pneumonia"] == "unmentioned"


def forget_headings():
    for function in vars(docphim.language.headings).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


def test_a_heading_that_is_added_to_the_table_opens_its_section(monkeypatch):
    """As docs/lexicon.md shows it."""
    text = "Hoàn cảnh phát hiện: nghi viêm phổi. Kết quả: phổi sáng."
    before = [fact.finding or fact.state for fact in facts(text, "vi")]
    sections = TABLES["headings"]
    tables = {**TABLES, "headings": {**sections, "history": [*sections["history"], "hoàn cảnh phát hiện"]}}
    forget_headings()
    with monkeypatch.context() as patch:
        patch.setattr(docphim.language.headings, "packaged", lambda path: tables)
        after = [fact.finding or fact.state for fact in facts(text, "vi")]
    forget_headings()
    assert (before, after) == (["pneumonia", "clear"], ["clear"])


JSON = [
    ({"findings": "Tim to.", "impression": "Suy tim."}, {"findings": "Tim to.", "impression": "Suy tim."}),
    ({"ClinicalInformation_EN": "ho", "Findings_EN": "Tim to."}, {"history": "ho", "findings": "Tim to."}),
    ({"kết_luận": ["Tim to.", "Suy tim."], "tuổi": 60, "mô tả": "Rõ."}, {"letterhead": "tuổi: 60", "findings": "Rõ."}),
    ({"Mô tả": {"Ngực": "Tim to.", "Bụng": "Gan to."}}, {"findings": "Ngực: Tim to.\nBụng: Gan to."}),
    ({"Tim": "to", "Kết luận": None}, {"findings": "Tim: to"}),
]


@pytest.mark.parametrize(("report", "expected"), JSON)
def test_a_report_of_json_is_its_keys_as_headings(report, expected):
    impression = {"impression": "Tim to.\nSuy tim."} if "kết_luận" in report else {}
    assert split_sections(report_text(report)) == expected | impression
    assert report_text(json.dumps(report)) == report_text(json.dumps(report, ensure_ascii=False)) == report_text(report)


@pytest.mark.parametrize("text", ["{Tim to}", "[1]", "Tim to.", '{"findings": "Tim t', "{" * 100_000])
def test_what_is_no_object_of_json_stays_as_it_is(text):
    assert report_text(text) == text


SENTENCES = (
    "Tim to.",
    "ho",
    "viêm phổi?",
    "No effusion.",
    "Nguyễn Văn Thử, 1956",
    "NKQ đúng vị trí;",
    "tim to",
    "1.5 cm",
    "BS. T.",
)
MARKS = (":", ": ", ". ", " ", "\n", "\r\n", "\r", "- ", "2) ", "I/ ", "**", "[", "]", ",", "“", '"', "{", "\u0301", "\u200b")
HEADINGS = st.sampled_from([heading for heading, _ in ALL]).flatmap(lambda h: st.sampled_from([h, h.upper(), h.title()]))
PIECES = st.one_of(HEADINGS, st.sampled_from(SENTENCES), st.sampled_from(MARKS))


@example("Kỹ thuật: nằm. Đủ. KL: lao.\nRõ.", "text")
@example("Chỉ định: ho\rKết quả: BT\r\nRõ.", "findings")
@given(st.one_of(st.text(), st.lists(PIECES, max_size=16).map("".join)), st.sampled_from(["text", *SECTIONS]))
def test_sections_rebuild_the_report(text, column):
    sections = divided(text, column=column)
    assert "".join(clean(text)[section.start : section.end] for section in sections) == clean(text)
    assert {section.name for section in sections} <= {*SECTIONS, *ASIDE}
    assert all(section.start <= section.begin <= section.end for section in sections)


@given(st.lists(PIECES, max_size=16).map("".join))
def test_what_is_read_lies_in_order_and_a_text_without_headings_is_read_whole(text):
    text = clean(text)
    places = [place for span in reported(text, "vi") for place in span]
    assert places == sorted(places)
    if not may_have_headings(text):
        assert places == [0, len(text)]


LONG = ("-" * 300_000 + ":", " " * 300_000 + ":", "1. " * 100_000 + ":", "Kết luận: lao. " * 10_000, "Chỉ định: ho. " * 10_000)


@pytest.mark.parametrize("text", LONG, ids=["dashes", "blanks", "numbers", "impressions", "indications"])
def test_a_long_text_is_divided_too(text):
    """No pattern looks back or ahead without an end: each of these would take minutes."""
    assert "".join(text[section.start : section.end] for section in divided(text)) == text


HEADED = [
    (
        "text",
        "Phổi mờ.\nKỹ thuật: nằm.\nMờ đáy phải.\nRõ.\nKết quả: BT\nChỉ định: ho\nPhổi sáng.",
        "findings/ technique/technique findings/technique technique/technique findings/findings "
        "indication/indication findings/indication",
    ),
    (
        "findings",
        "Kỹ thuật: nằm.\nRõ.\nĐT: 024 1\nKết quả: BT\nChỉ định: ho\nPhổi sáng.",
        "technique/technique findings/technique letterhead/technique findings/findings "
        "indication/indication findings/indication",
    ),
    ("text", "Ngực: rõ.\nBụng: rõ.\nChẩn đoán: lao.", "findings/chest findings/abdomen_pelvis impression/diagnosis"),
]


@pytest.mark.parametrize(("column", "text", "expected"), HEADED)
def test_a_section_knows_the_heading_above_it(column, text, expected):
    read = [section for section in divided(text, column=column) if text[section.begin : section.end].strip()]
    assert [f"{section.name}/{section.heading}" for section in read] == expected.split()


def test_the_names_of_headings_are_normal():
    assert "k/l" in heading_names() and "pet ct findings" in heading_names()
