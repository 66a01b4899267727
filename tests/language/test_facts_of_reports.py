"""Facts of whole reports: the ViX-Ray paper's worked examples, layout, what is inherited, one thing in two wordings."""

import pytest

from docphim.errors import UsageError
from docphim.language.facts import LANGUAGES, coverage, facts
from docphim.language.normalize import clean
from docphim.language.same import core
from docphim.metrics import facts as fact_scores
from docphim.metrics.pairs import Pairs

SHORT = {"present": "+", "absent": "-", "normal": "normal", "abnormal": "abnormal"}


def said(text: str) -> list[str]:
    """Anatomy, finding or state, polarity and side of each fact."""
    rows = [(f.anatomy, f.finding or f.state, SHORT[f.polarity], f.side) for f in facts(text, "vi")]
    return [" ".join(word for word in row if word) for row in rows]


FINDINGS_1 = (
    "Lồng ngực cân đối, không thấy bất thường xương. Phổi hai bên kém sáng, mờ kính rải rác, rốn phổi tăng đậm nhẹ. "
    "Bờ vòm hoành hai bên đều, hai góc sườn hoành nhọn. Bóng mờ tim không to. Quai động mạch chủ vồng."
)
FINDINGS_1_DRAFT = (
    "Phổi hai bên kém sáng, mờ kính rải rác, rốn phổi tăng đậm nhẹ. Bờ vòm hoành hai bên đều, hai góc sườn hoành nhọn. "
    "Bóng mờ tim không to. Vôi hóa thành quai động mạch chủ."
)
IMPRESSION = "Hình ảnh nghĩ nhiều đến tổn thương phổi kẽ. Bóng mờ tim to. Vôi hóa thành quai động mạch chủ."
IMPRESSION_DRAFT = "Hình ảnh nghĩ nhiều đến tổn thương phổi kẽ. Bóng mờ tim to. Quai động mạch chủ vồng."
FINDINGS_2 = (
    "Phổi hai bên kém sáng, mờ kính rải rác, rốn phổi tăng đậm nhẹ. Bờ vòm hoành hai bên đều, hai góc sườn hoành nhọn. "
    "Bóng mờ tim không to, các cung tim trong giới hạn sinh lý."
)
FINDINGS_2_DRAFT = f"Lồng ngực cân đối, không thấy bất thường xương. {FINDINGS_2}"
IMPRESSION_2 = "Hình ảnh nghĩ nhiều đến tổn thương phổi kẽ."

#: Reference, draft, and the counts of facts that the ViX-Ray paper prints: of the reference, of the draft, of both.
WORKED = [
    (FINDINGS_1, FINDINGS_1_DRAFT, (9, 7, 6)),
    (IMPRESSION, IMPRESSION_DRAFT, (3, 3, 2)),
    (FINDINGS_2, FINDINGS_2_DRAFT, (7, 9, 7)),
    (IMPRESSION_2, IMPRESSION_2, (1, 1, 1)),
]


def without_commas(text: str) -> str:
    return text.replace(",", "")


@pytest.mark.parametrize(("reference", "draft", "counts"), WORKED)
@pytest.mark.parametrize("commas", ["kept", "dropped in both", "dropped in the draft"])
def test_worked_example_of_the_paper_has_its_counts(reference, draft, counts, commas):
    if commas != "kept":
        draft = without_commas(draft)
    if commas == "dropped in both":
        reference = without_commas(reference)
    assert tuple(fact_scores.statistics(Pairs([reference], [draft], "vi"))[0, :3]) == counts


@pytest.mark.parametrize("text", [FINDINGS_1, without_commas(FINDINGS_1)])
def test_first_worked_example_says_these_nine_things(text):
    assert [(f.anatomy, f.finding or f.state, f.polarity, f.severity) for f in facts(text, "vi")] == [
        ("chest", "symmetric", "normal", None),
        ("bone", "abnormality", "absent", None),
        ("lung", "hazy", "abnormal", None),
        ("lung", "ground_glass", "present", None),
        ("hilum", "prominent", "abnormal", "mild"),
        ("diaphragm", "smooth", "normal", None),
        ("costophrenic_angle", "sharp", "normal", None),
        ("heart", "enlarged", "normal", None),
        ("aorta", "bulging", "abnormal", None),
    ]


@pytest.mark.parametrize(
    "text", [without_commas(t) for pair in WORKED for t in pair[:2]] + [t for pair in WORKED for t in pair[:2]]
)
def test_worked_examples_hold_no_unknown_word(text):
    assert coverage([text], "vi").unknown == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["", " \n\t", ".", ",,;", "\ufeff"])
def test_an_empty_report_says_nothing(text, language):
    assert facts(text, language) == []


def test_a_language_without_lexicon_is_refused_by_name():
    with pytest.raises(UsageError, match="zh"):
        facts("双肺", "zh")


def test_unknown_words_are_kept_with_what_they_were_said_of():
    (plain,), (odd,) = facts("Nốt phổi phải", "vi"), facts("Nốt xyzzy phổi phải", "vi")
    assert odd.leftover == ("xyzzy",)
    assert plain.strict != odd.strict


def test_offsets_point_into_the_cleaned_report():
    report = "Bo\u0301ng tim to.\nTra\u0300n di\u0323ch ma\u0300ng phổi pha\u0309i."
    heart, pleura = facts(report, "vi")
    assert clean(report)[heart.start : heart.end] == heart.text == "Bóng tim to"
    assert clean(report)[pleura.start : pleura.end] == pleura.text == "Tràn dịch màng phổi phải"


LAYOUTS = [
    "Bóng tim to. Hai phổi sáng. TDMP phải.",
    "- Bóng tim to\n- Hai phổi sáng\n- TDMP phải",
    "1. Bóng tim to.\n2. Hai phổi sáng.\n3. TDMP phải.",
    "1/ Bóng tim to\n2/ Hai phổi sáng\n3/ TDMP phải",
    "• Bóng tim to\r\n• Hai phổi sáng;\r\n• TDMP phải",
    "KẾT LUẬN:\nBÓNG TIM TO.\nHAI PHỔI SÁNG.\nTDMP PHẢI.",
]


@pytest.mark.parametrize("report", LAYOUTS)
def test_layout_of_a_report_says_nothing(report):
    assert said(report) == [
        "heart enlarged abnormal",
        "lung clear normal both",
        "pleura effusion + right",
    ]


@pytest.mark.parametrize("stop", [". ", ";", "\n"])
def test_nothing_is_inherited_across_a_stop(stop):
    first, second = facts(f"Phổi phải có nốt mờ{stop}Đông đặc thùy dưới", "vi")
    assert (first.side, second.side) == ("right", None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TDMP (P)", "Tràn dịch màng phổi bên phải"),
        ("Vôi hóa quai ĐMC", "Vôi hóa thành quai động mạch chủ"),
        ("Mờ kính rải rác hai phổi", "Kính mờ rải rác phổi hai bên"),
        ("Gãy xương sườn số 6 bên phải", "Gãy xương sườn VI phải"),
        ("Nốt phổi phải đường kính 12 mm", "Nốt phổi phải kích thước 1,2cm"),
        ("Xẹp đốt sống D12", "Xẹp đốt sống T12"),
        ("Màng phổi phải dày", "Dày màng phổi phải"),
        ("Quai động mạch chủ vôi hóa", "Vôi hóa quai động mạch chủ"),
        ("Vòm hòanh phải cao", "Vòm hoành phải cao"),
    ],
)
def test_two_wordings_of_one_thing_are_one_fact(one, other):
    assert [f.strict for f in facts(one, "vi")] == [f.strict for f in facts(other, "vi")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Tràn khí dưới da", "Khí phế thũng"),
        ("Tràn dịch màng phổi", "Tràn dịch màng tim"),
        ("Bóng tim to", "Bóng tim không to"),
        ("Nốt phổi phải", "Nốt phổi trái"),
        ("Hang phổi phải", "Nốt phổi phải"),
        ("Xơ phổi", "Xơ vữa động mạch chủ"),
        ("Xẹp phổi", "Xẹp đốt sống"),
    ],
)
def test_two_things_are_two_facts(one, other):
    assert {core(f) for f in facts(one, "vi")}.isdisjoint(core(f) for f in facts(other, "vi"))


#: Longer sentences: anatomy, finding or state, polarity, side.
LONGER = [
    (
        "Xẹp phổi phải, tăng hấp thu FDG hạch cổ trái SUVmax 6,1",
        ["lung atelectasis + right", "neck fdg_uptake + left"],
    ),
    (
        "Lồng ngực: vài dải xơ ở đỉnh phổi hai bên, không tăng chuyển hóa FDG (tổn thương cũ)",
        ["lung fibrosis + both", "lung fdg_uptake - both", "lung lesion + both"],
    ),
    (
        "Đầu - cổ: nhiều hạch vùng thượng đòn bên trái, không tăng chuyển hóa FDG",
        ["supraclavicular_region lymph_node + left", "supraclavicular_region fdg_uptake - left"],
    ),
    (
        "Bụng: gan kích thước bình thường, nhu mô đều, không thấy khối khu trú, không tăng chuyển hóa FDG",
        ["liver normal normal", "liver smooth normal", "liver mass -", "liver fdg_uptake -"],
    ),
    (
        "Tràn dịch màng phổi hai bên, bên phải dày 20 mm, bên trái dày 15 mm",
        ["pleura effusion + both", "pleura effusion + right", "pleura effusion + left"],
    ),
    ("Phổi phải: nốt mờ tròn ngang mức xương sườn 6", ["lung nodule + right"]),
    (
        "Khối cạnh rốn phổi trái, kích thước 22 x 21 mm, bờ không đều, giới hạn rõ, ngấm thuốc mạnh sau tiêm",
        ["lung mass + left", "lung enhancement + left"],
    ),
    (
        "Phổi phải: dày nhẹ tổ chức kẽ vùng đáy phổi, không thấy tổn thương dạng nốt hay khối, không thấy giãn phế quản",
        ["interstitium thickening + right", "lung nodule - right", "lung mass - right", "bronchus bronchiectasis - right"],
    ),
    (
        "Dày tổ chức kẽ vùng đáy phổi hai bên hình tim không to, trung thất không rộng, không thấy khối trung thất",
        ["interstitium thickening + both", "heart enlarged normal", "mediastinum widened normal", "mediastinum mass -"],
    ),
    (
        "Tăng nhẹ chuyển hóa FDG (SUVmax: 4,1) ở tuyến thượng thận trái, nhưng không rõ khối (khả năng do viêm)",
        ["adrenal fdg_uptake + left", "adrenal mass + left", "adrenal inflammation + left"],
    ),
    # one remark on all organs before the colon, but no more than a remark
    ("Gan, lách: không thấy bất thường", ["liver abnormality -", "spleen abnormality -"]),
    ("Tim và trung thất: bình thường", ["heart normal normal", "mediastinum normal normal"]),
    ("Gan, lách: nang gan phải", ["liver cyst + right"]),
    # what is spread is there, whatever was denied before it
    ("Không thấy khối, dày tổ chức kẽ rải rác hai phổi", ["lung mass -", "interstitium thickening + both"]),
    ("Không thấy khối hay nốt rải rác hai phổi", ["lung mass -", "lung nodule - both"]),
    # two syllables written as one
    ("Không thấy đông đặcgóc sườn hoành hai bên nhọn", ["lung consolidation -", "costophrenic_angle sharp normal both"]),
    # an organ between two colons ends what was said of another film
    ("So sánh với phim ngày 3/5: phổi phải: nốt mờ nhỏ", ["lung nodule + right"]),
    ("Tiền sử: lao phổi", []),
    ("Đám mờ dạng phế nang đáy phổi phải", ["lung consolidation + right", "lung opacity + right"]),
    ("Nốt mờ tròn đỉnh phổi phải, bờ rõ, không tua gai", ["lung nodule + right"]),
    ("Khối thùy trên phổi trái kích thước dài x rộng x cao: 52 x 41 x 35 mm", ["lung mass + left"]),
    ("Vài nốt xơ đỉnh phổi trái", ["lung nodule + left", "lung fibrosis + left"]),
    ("Mờ nhẹ khoảng kẽ, dày khoảng kẽ đáy phổi", ["interstitium opacity +", "interstitium thickening +"]),
    (
        "Dày thành, giãn nhẹ phế quản thùy dưới phổi phải",
        ["bronchus peribronchial_thickening + right", "bronchus bronchiectasis + right"],
    ),
]


@pytest.mark.parametrize(
    ("text", "certainty"),
    [
        ("Đám mờ đáy phổi phải, dạng viêm phổi thùy", "possible"),
        ("Đám mờ đáy phổi phải, nghĩ đến viêm phổi", "possible"),
        ("Đám mờ đáy phổi phải, nghĩ nhiều đến viêm phổi", "probable"),
        ("Đám mờ đáy phổi phải do viêm phổi", "certain"),
    ],
)
def test_how_sure_a_disease_is(text, certainty):
    assert [f.certainty for f in facts(text, "vi") if f.finding == "pneumonia"] == [certainty]


def test_node_stations_may_be_roman():
    nodes = facts("Hạch trung thất nhóm V, nhóm VII đường kính 6-8 mm", "vi")
    assert {place for f in nodes for place in f.location} == {"station_5", "station_7"}
    assert {f.size_mm for f in nodes} == {(6.0, 8.0)}


@pytest.mark.parametrize(("text", "expected"), LONGER)
def test_longer_sentence_says_these_things(text, expected):
    assert said(text) == expected
