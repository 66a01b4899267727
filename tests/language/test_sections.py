"""Reports divided at their headings, and sentences about earlier films found."""

import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.report import split_sections
from docphim.language.sections import SECTIONS, is_comparison, leave_out_comparisons, sentences

REPORTS = [
    ("Phổi sáng. kết luận: bình thường", {"findings": "Phổi sáng.", "impression": "bình thường"}),
    ("Phổi có hình ảnh: nốt mờ", {"findings": "Phổi có hình ảnh: nốt mờ"}),
    ("Mô tả: Phổi sáng.\nKết luận: Bình thường.", {"findings": "Phổi sáng.", "impression": "Bình thường."}),
    (
        "MÔ TẢ HÌNH ẢNH\n- Tim không to\n- Phổi sáng\nKẾT LUẬN\nBình thường",
        {"findings": "- Tim không to\n- Phổi sáng", "impression": "Bình thường"},
    ),
    (
        "Kết quả: Tim to. Kết luận: Tim to. Đề nghị: siêu âm tim",
        {"findings": "Tim to.", "impression": "Tim to.", "recommendation": "siêu âm tim"},
    ),
    (
        "Tim to, phổi sáng. Kết luận: Tim to. Lời dặn: tái khám",
        {"findings": "Tim to, phổi sáng.", "impression": "Tim to.", "recommendation": "tái khám"},
    ),
    ("I. Mô tả:\nPhổi sáng\nII. Kết luận:\nBình thường", {"findings": "Phổi sáng", "impression": "Bình thường"}),
    ("**Findings:** Clear lungs.\n**Impression:** Normal.", {"findings": "Clear lungs.", "impression": "Normal."}),
    (
        "INDICATION: cough\nCOMPARISON: none\nFINDINGS: Clear.\nIMPRESSION: Normal.",
        {"indication": "cough", "comparison": "none", "findings": "Clear.", "impression": "Normal."},
    ),
    ("Tim không to, phổi hai bên sáng.", {"findings": "Tim không to, phổi hai bên sáng."}),
    ("BỆNH VIỆN X\nMô tả: Phổi sáng", {"letterhead": "BỆNH VIỆN X", "findings": "Phổi sáng"}),
    ("Kết luận: Bình thường", {"impression": "Bình thường"}),
    ("MO TA:\nTim to.\nKET LUAN:\nTim to.", {"findings": "Tim to.", "impression": "Tim to."}),
    (
        "Ket qua chup: Tim to. Ket luan: Tim to. De nghi: sieu am",
        {"findings": "Tim to.", "impression": "Tim to.", "recommendation": "sieu am"},
    ),
    ("Hinh anh tim to, khong thay mo ta gi them", {"findings": "Hinh anh tim to, khong thay mo ta gi them"}),
    ("Mô tả:\nKết luận:", {}),
    ("  \n", {}),
    ("Tim to." + "\n" * 9000 + "Kết luận: Lao.", {"findings": "Tim to.", "impression": "Lao."}),
    ("Mô tả: đám mờ. kết luận sơ bộ: lao", {"findings": "đám mờ.", "impression": "lao"}),
    ("NHẬN XÉT: Gãy sườn.\nKẾT LUẬN VÀ ĐỀ NGHỊ: Gãy sườn.", {"findings": "Gãy sườn.", "impression": "Gãy sườn."}),
    ("KET LUAN/DE NGHI: SUY TIM\nĐN: SIÊU ÂM", {"impression": "SUY TIM", "recommendation": "SIÊU ÂM"}),
    ("Kết quả XQ ngực thẳng: Mờ. Kết luận (1): Lao. Kết luận của BS CĐHA: U.", {"findings": "Mờ.", "impression": "Lao.\nU."}),
    ("Tiền sử bệnh: lao.\nMô tả: Tim to.", {"history": "lao.", "findings": "Tim to."}),
    ("Tim to.\n* KẾT LUẬN *\nLao.\n[Đề xuất]\nAFB.", {"findings": "Tim to.", "impression": "Lao.", "recommendation": "AFB."}),
    ("Kết luận cũ: lao. Hình ảnh là đám mờ: đáy", {"findings": "Kết luận cũ: lao. Hình ảnh là đám mờ: đáy"}),
    ("Hình ảnh nghĩ nhiều đến lao phổi", {"findings": "Hình ảnh nghĩ nhiều đến lao phổi"}),
]


@pytest.mark.parametrize(("text", "expected"), REPORTS)
def test_a_report_is_divided_at_its_headings(text, expected):
    assert split_sections(text) == expected


#: (column, text, what of it is kept) where a technique, an indication or a comparison stands before or among the findings.
SET_ASIDE = [
    ("findings", "Kỹ thuật: Chụp phim thẳng.\nTim to.\nTràn dịch phải.", {"findings": "Tim to.\nTràn dịch phải."}),
    ("findings", "Kỹ thuật: Chụp phim thẳng. Tim to.", {"findings": "Tim to."}),
    ("findings", "Chỉ định: ho. Tim to. Phổi sáng.", {"findings": "Tim to. Phổi sáng."}),
    ("findings", "Chẩn đoán: viêm phổi\nĐám mờ đáy phải.", {"findings": "Đám mờ đáy phải."}),
    ("findings", "Tim to.\nKỹ thuật: thẳng.\nPhổi sáng.", {"findings": "Tim to.\nPhổi sáng."}),
    (
        "text",
        "Kỹ thuật: XQ thẳng.\nPhổi sáng. Tràn dịch.\nKết luận: Tràn dịch.",
        {"findings": "Phổi sáng. Tràn dịch.", "impression": "Tràn dịch."},
    ),
    ("text", "Kỹ thuật: XQ thẳng. Phổi sáng. Kết luận: Bình thường.", {"findings": "Phổi sáng.", "impression": "Bình thường."}),
    ("text", "TECHNIQUE: PA.\nLungs clear.\nIMPRESSION: Normal.", {"findings": "Lungs clear.", "impression": "Normal."}),
    ("text", "COMPARISON: None.\nHeart large.", {"findings": "Heart large."}),
    ("text", "Lâm sàng: ho.\nKỹ thuật: thẳng.\nTim to.", {"findings": "Tim to."}),
    ("text", "Chỉ định: ho. Sốt.\nKỹ thuật: thẳng.\nđứng\nMô tả: Tim to.", {"findings": "Tim to."}),
    (
        "text",
        "Mô tả: Tim to.\nSo sánh: không có.\nTràn dịch.\nKết luận: Tim to.",
        {"findings": "Tim to.\nTràn dịch.", "impression": "Tim to."},
    ),
    ("text", "Chỉ định: ho\nKết luận: Bình thường", {"impression": "Bình thường"}),
    ("text", "Chỉ định: ho. Sốt.\nKết luận: Bình thường", {"impression": "Bình thường"}),
    ("impression", "Kỹ thuật: thẳng.\nTim to.", {"findings": "Tim to."}),
]


@pytest.mark.parametrize(("column", "text", "expected"), SET_ASIDE)
def test_findings_behind_a_section_that_is_set_aside_stay(column, text, expected):
    assert {name: part for name, part in split_sections(text, column).items() if name in SECTIONS} == expected


#: (column, text, all that comes back) where a heading, its column and what stands around it decide what a text is.
ALL = [
    ("text", "Chỉ định: ho. Tim to.\nKết luận: BT", {"indication": "ho.", "findings": "Tim to.", "impression": "BT"}),
    ("text", "Chỉ định: ho. Sốt. Kết luận: BT", {"indication": "ho.\nSốt.", "impression": "BT"}),
    ("text", "Chỉ định: ho. TD lao phổi.\nKL: Lao", {"indication": "ho.", "unclear": "TD lao phổi.", "impression": "Lao"}),
    ("text", "Chỉ định: ho. Viêm phổi.\nKL: BT", {"indication": "ho.", "unclear": "Viêm phổi.", "impression": "BT"}),
    ("text", "Chỉ định: ho. Tim to.\nMô tả: BT", {"indication": "ho.", "unclear": "Tim to.", "findings": "BT"}),
    ("text", "Kỹ thuật: nằm. Đủ. Mờ đáy phải.\nKết quả: BT", {"technique": "nằm.\nĐủ.", "findings": "Mờ đáy phải.\nBT"}),
    ("text", "Chỉ định: ho. Sốt.\nMô tả: BT", {"indication": "ho.\nSốt.", "findings": "BT"}),
    ("text", "Kỹ thuật: nằm, tim to. Mờ.\nKL: BT", {"technique": "nằm,", "findings": "tim to. Mờ.", "impression": "BT"}),
    ("findings", "Kỹ thuật: nằm, đủ, tim to, mờ. Rõ.", {"technique": "nằm, đủ,", "findings": "tim to, mờ. Rõ."}),
    ("text", "Kỹ thuật: nằm.\nMờ đáy phải.\nKết quả: BT", {"technique": "nằm.", "findings": "Mờ đáy phải.\nBT"}),
    (
        "text",
        "Kỹ thuật: nằm.\nđứng\nMờ đáy phải.\nKết quả: BT",
        {"technique": "nằm.\nđứng", "findings": "Mờ đáy phải.\nBT"},
    ),
    ("text", "Chỉ định: tim to.\nChẩn đoán: suy tim.", {"indication": "tim to.\nsuy tim."}),
    ("text", "Tim to. Kết quả: phổi sáng.", {"findings": "Tim to.\nphổi sáng."}),
    ("text", "Nam, 60 tuổi. Tim to.\nKết quả: BT", {"letterhead": "Nam, 60 tuổi.", "findings": "Tim to.\nBT"}),
    ("text", "BỆNH VIỆN PHỔI TW\nKết quả: BT", {"letterhead": "BỆNH VIỆN PHỔI TW", "findings": "BT"}),
    ("text", "NGỰC: tràn dịch. NHẬN ĐỊNH KẾT QUẢ: BT", {"findings": "NGỰC: tràn dịch.", "impression": "BT"}),
    ("text", "Mô tả: Tim to.\nChẩn đoán: Suy tim.", {"findings": "Tim to.", "impression": "Suy tim."}),
    ("text", "Tim to.\nChẩn đoán: Suy tim.", {"findings": "Tim to.", "impression": "Suy tim."}),
    ("text", "Tim to.\nChẩn đoán: lao.\nKL: BT", {"findings": "Tim to.", "impression": "lao.\nBT"}),
    ("text", "Mô tả: Rõ.\nChẩn đoán: Suy tim.", {"findings": "Rõ.", "impression": "Suy tim."}),
    ("text", "Đám mờ kiểu lạ ở đáy phải.\nKết quả: BT", {"findings": "Đám mờ kiểu lạ ở đáy phải.\nBT"}),
    ("text", "Chỉ định: ho. Theo dõi gãy xương sườn.", {"indication": "ho.", "unclear": "Theo dõi gãy xương sườn."}),
    ("text", "Chỉ định: ho. Gãy sườn ngày thứ 3.", {"indication": "ho.", "unclear": "Gãy sườn ngày thứ 3."}),
    ("text", "Kỹ thuật: chụp sau mổ tim.", {"technique": "chụp sau mổ tim."}),
    ("text", "KL: Tim to.\nKỹ thuật: nằm.\nSuy tim.", {"impression": "Tim to.\nSuy tim.", "technique": "nằm."}),
    ("findings", "Tim to. Kết quả: phổi sáng.", {"findings": "Tim to.\nphổi sáng."}),
    ("findings", "Ghi nhận rõ.\nKết quả: BT", {"findings": "Ghi nhận rõ.\nBT"}),
    ("findings", "Phòng khám A\nĐT: 024 3999\nMô tả: BT", {"letterhead": "Phòng khám A\nĐT: 024 3999", "findings": "BT"}),
    ("findings", "Lan, 45 tuổi\nMô tả: BT", {"letterhead": "Lan, 45 tuổi", "findings": "BT"}),
    ("findings", "Nam 60 tuổi, tràn dịch.\nMô tả: BT", {"findings": "Nam 60 tuổi, tràn dịch.\nBT"}),
    ("findings", "Trung tâm phổi mờ.\nMô tả: BT", {"findings": "Trung tâm phổi mờ.\nBT"}),
    ("findings", "Tim to. Kỹ thuật: nằm. Rõ. Kết quả: BT", {"findings": "Tim to.\nRõ.\nBT", "technique": "nằm."}),
    ("findings", "Tim to. Chẩn đoán: ho.", {"findings": "Tim to.", "indication": "ho."}),
    ("impression", "Tim to. Chẩn đoán: Suy tim. Ho.", {"findings": "Tim to.", "impression": "Suy tim. Ho."}),
    ("impression", "Chỉ định: ho. Suy tim.", {"indication": "ho.", "findings": "Suy tim."}),
    (
        "text",
        "Chỉ định: xem ống. Catheter đúng chỗ. KL: BT",
        {"indication": "xem ống.", "unclear": "Catheter đúng chỗ.", "impression": "BT"},
    ),
    (
        "text",
        "HISTORY: ho\nET tube above carina.\nFINDINGS: BT",
        {"history": "ho", "unclear": "ET tube above carina.", "findings": "BT"},
    ),
    (
        "text",
        "Kỹ thuật: nằm. Dây truyền đúng chỗ. KL: BT",
        {"technique": "nằm.", "findings": "Dây truyền đúng chỗ.", "impression": "BT"},
    ),
    ("text", "Kỹ thuật: nằm. Thuốc qua catheter. KL: BT", {"technique": "nằm.\nThuốc qua catheter.", "impression": "BT"}),
    ("text", "Sonde dạ dày, NKQ đúng vị trí.\nKết quả: BT", {"findings": "Sonde dạ dày, NKQ đúng vị trí.\nBT"}),
    ("text", "Không thấy tổn thương.\nKết quả: BT", {"unclear": "Không thấy tổn thương.", "findings": "BT"}),
    (
        "text",
        "Phim chụp ngày 12/3/2020 cho thấy tim to.\nKết quả: BT",
        {"unclear": "Phim chụp ngày 12/3/2020 cho thấy tim to.", "findings": "BT"},
    ),
    ("text", "Lò Thị U, 1956, nữ\nMáy: Rõ\nKết quả: BT", {"letterhead": "Lò Thị U, 1956, nữ\nMáy: Rõ", "findings": "BT"}),
    ("findings", "Sau mổ cắt thùy 2019.\nMô tả: BT", {"findings": "Sau mổ cắt thùy 2019.\nBT"}),
    ("findings", "So với phim 2021 nhiều hơn.\nMô tả: BT", {"findings": "So với phim 2021 nhiều hơn.\nBT"}),
    ("findings", "Nốt mờ ổn định từ 2019.\nMô tả: BT", {"findings": "Nốt mờ ổn định từ 2019.\nBT"}),
    ("findings", "Máy: tạo nhịp ngực trái\nMô tả: BT", {"findings": "Máy: tạo nhịp ngực trái\nBT"}),
    ("findings", "Lò Nụ 1956\nNgày 2/3/2020\nMô tả: BT", {"letterhead": "Lò Nụ 1956\nNgày 2/3/2020", "findings": "BT"}),
    (
        "findings",
        "3, Lò Thị Nụ, 1956, F, phim thẳng\nMô tả: BT",
        {"letterhead": "3, Lò Thị Nụ, 1956, F, phim thẳng", "findings": "BT"},
    ),
    ("text", "Mô tả: Tim to\nKL: suy tim. Chẩn đoán: phù phổi", {"findings": "Tim to", "impression": "suy tim.\nphù phổi"}),
    ("text", "Mô tả: Tim to\nChẩn đoán: Suy tim\nKL: BT", {"findings": "Tim to", "impression": "Suy tim\nBT"}),
    ("text", "Chẩn đoán: lao\nMô tả: Tim to\nKL: BT", {"indication": "lao", "findings": "Tim to", "impression": "BT"}),
    ("text", "Chẩn đoán: lao\n" * 500, {"indication": "\n".join(["lao"] * 500)}),  # each line is read once
    (
        "findings",
        "Chỉ định: ho\nHọ tên: Lò Thị U\nRõ.\nMô tả: BT",  # a letterhead may go on below an indication
        {"indication": "ho", "letterhead": "Họ tên: Lò Thị U", "findings": "Rõ.\nBT"},
    ),
    ("recommendation", "Chỉ định: chụp CLVT. Tái khám.", {"recommendation": "chụp CLVT. Tái khám."}),
]


@pytest.mark.parametrize(("column", "text", "expected"), ALL)
def test_all_of_a_cell_comes_back_in_its_section_or_set_aside_by_name(column, text, expected):
    assert split_sections(text, column) == expected


@pytest.mark.parametrize("language", ["en", "vi"])
def test_findings_are_known_in_english_too_in_a_vietnamese_dataset(language):
    text = "INDICATION: cough. Rule out pneumonia. Lungs are clear.\nIMPRESSION: Normal."
    parts = split_sections(text, language=language)
    assert (parts["unclear"], parts["findings"]) == ("Rule out pneumonia.", "Lungs are clear.")


@pytest.mark.parametrize(
    "change", [lambda t: unicodedata.normalize("NFD", t), lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")]
)
def test_headings_are_found_in_any_encoding_of_the_same_text(change):
    text = "Mô tả: Phổi sáng.\nKết luận: Bình thường."
    assert split_sections(change(text)) == split_sections(text)


COMPARE = """
Tiến triển nặng hơn.
So với phim cũ tổn thương không thay đổi.
Tổn thương giảm so với phim chụp ngày 12/03/2023
tràn dịch màng phổi phải ít hơn lần trước
So sánh với phim cũ: không thay đổi
Hình ảnh không thay đổi
giảm kích thước so với trong phim chụp 29 tháng 9 năm 2018
Không còn tràn khí màng phổi
Đám mờ mới xuất hiện ở đáy phổi trái
Tổn thương phổi tiến triển hơn
Nốt đáy phổi (trên phim chụp ngày 27/7 năm 2017 là 8 mm)
Compared with the prior study, the effusion is smaller.
The heart size is unchanged.
No significant interval change.
Stable cardiomegaly.
New right lower lobe opacity.
The effusion has resolved.
Compared to previous chest x-ray
""".strip().splitlines()

DO_NOT_COMPARE = """
Không thấy thay đổi bất thường cấu trúc xương
Tim to so với lồng ngực
Phổi phải kém sáng so với bên trái
Di chứng lao phổi cũ
Cung trước xương sườn V bên phải gãy cũ
Lao phổi tiến triển
Có thay đổi thoái hóa cột sống
Phim chụp tư thế thẳng
Increased interstitial markings
Prior granulomatous disease
Degenerative changes of the spine
No acute osseous change
Old healed rib fracture
""".strip().splitlines()


@pytest.mark.parametrize("sentence", COMPARE)
def test_a_sentence_about_an_earlier_film_is_known(sentence):
    assert is_comparison(sentence, "vi")


@pytest.mark.parametrize("sentence", DO_NOT_COMPARE)
def test_a_sentence_about_this_film_stays(sentence):
    assert not is_comparison(sentence, "vi")


def test_comparing_sentences_are_taken_out_and_given_back():
    text = "Tim không to. So với phim cũ không thay đổi. Phổi sáng;\nổn; không thay đổi so với lần trước"
    kept, out = leave_out_comparisons(text, "vi")
    assert kept == "Tim không to. Phổi sáng;\nổn;"
    assert out == ["So với phim cũ không thay đổi.", "không thay đổi so với lần trước"]


def test_a_text_without_comparison_is_left_as_it_is():
    text = "Nốt mờ 1.5 cm. 1. Tim không to"
    assert leave_out_comparisons(text, "vi") == (text, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nốt mờ 1.5 cm. Tim to.", ["Nốt mờ 1.5 cm.", "Tim to."]),
        ("1. Tim to\n2. Phổi sáng; gan to", ["1. Tim to", "2. Phổi sáng;", "gan to"]),
        ("BS. Q. đọc phim", ["BS. Q. đọc phim"]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text, expected):
    assert sentences(text) == expected


PIECES = [
    "Tim to",
    ".",
    " ",
    "\n",
    "; ",
    "Kết luận:",
    "Mô tả: ",
    "Kỹ thuật: ",
    "Chỉ định:",
    "Chẩn đoán: ",
    "ho",
    "Khoa A",
    "1. ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.sampled_from(["text", *SECTIONS]))
def test_dividing_loses_and_invents_no_word_and_never_fails(text, column):
    words = Counter(word for part in split_sections(text, column).values() for word in re.findall(r"\w+", part))
    headings = re.findall(r"\w+", "Kết luận Mô tả Kỹ thuật Chỉ định Chẩn đoán 1")  # a number may bullet a heading
    assert words <= (whole := Counter(re.findall(r"\w+", text))) and set(whole - words) <= set(headings)


def test_blanks_without_end_divide_no_sentence():
    """They are passed over once: from each of a million blanks on, all behind it were looked through."""
    assert sentences(f"Tim{' ' * 1_000_000}to.\n \n Phổi sáng.") == [f"Tim{' ' * 1_000_000}to.", "Phổi sáng."]
