"""Whether what is said of a report follows from it: less of it does, more or other than it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.follows import fault

FILM = (
    "Bóng tim to, chỉ số tim/lồng ngực 0,62. Đám mờ thùy trên phổi phải, kích thước 24 mm. Tràn dịch màng phổi trái lượng ít. "
    "Không thấy tràn khí màng phổi. Theo dõi lao phổi. Khung xương lồng ngực bình thường."
)
SCAN = (
    "Đầu - cổ: Không thấy hạch cổ.\nLồng ngực: Khối thùy dưới phổi phải, kích thước 32x28 mm, SUVmax 12,4. Hai hạch rốn "
    "phổi phải, SUVmax 5,1.\nỔ bụng - khung chậu: Gan không thấy tổn thương tăng hấp thu FDG. Hai thận bài tiết FDG sinh lý."
)
ENGLISH = "The heart is enlarged. A 12 mm nodule in the left upper lobe. No pleural effusion. Possible pneumonia."
#: Report, answer, why it is not taken.
ANSWERS = [
    (FILM, "Bóng tim to.", "", "vi"),
    (FILM, "Có đám mờ ở thùy trên phổi phải.", "", "vi"),
    (FILM, "Đám mờ phổi phải.", "", "vi"),
    (FILM, "Đám mờ ở phổi.", "", "vi"),
    (FILM, "Tràn dịch màng phổi trái lượng ít.", "", "vi"),
    (FILM, "Có tràn dịch màng phổi trái.", "", "vi"),
    (FILM, "Không thấy tràn khí màng phổi.", "", "vi"),
    (FILM, "Không có tràn khí màng phổi phải.", "", "vi"),
    (FILM, "Khung xương lồng ngực bình thường. Bóng tim to.", "", "vi"),
    (FILM, "Đám mờ thùy trên phổi phải, kích thước 24 mm.", "", "vi"),
    (FILM, "Đám mờ thùy trên phổi trái.", "not_in_report", "vi"),
    (FILM, "Đám mờ thùy dưới phổi phải.", "not_in_report", "vi"),
    (FILM, "Đám mờ phổi phải kích thước 42 mm.", "invented_number", "vi"),
    (FILM, "Tràn dịch màng phổi trái lượng nhiều.", "not_in_report", "vi"),
    (FILM, "Tràn dịch màng phổi hai bên.", "not_in_report", "vi"),
    (FILM, "Tràn khí màng phổi phải.", "not_in_report", "vi"),
    (FILM, "Không thấy tràn dịch màng phổi.", "not_in_report", "vi"),
    (FILM, "Không thấy tràn dịch màng phổi phải.", "not_in_report", "vi"),
    (FILM, "Lao phổi.", "not_in_report", "vi"),
    (FILM, "Có.", "unread", "vi"),
    (FILM, "Bóng tim to. Nên chụp lại sau một tháng.", "unread", "vi"),
    (SCAN, "Khối thùy dưới phổi phải, SUVmax 12,4.", "", "vi"),
    (SCAN, "Khối phổi phải kích thước 32x28 mm.", "", "vi"),
    (SCAN, "Hai hạch rốn phổi phải.", "", "vi"),
    (SCAN, "Không thấy hạch cổ bên trái.", "", "vi"),
    (SCAN, "Khối thùy dưới phổi phải, SUVmax 5,1.", "not_in_report", "vi"),
    (SCAN, "Ba hạch rốn phổi phải.", "not_in_report", "vi"),
    (SCAN, "Tổn thương gan tăng hấp thu FDG.", "not_in_report", "vi"),
    (ENGLISH, "There is a nodule in the left lung.", "", "en"),
    (ENGLISH, "The heart is enlarged.", "", "en"),
    (ENGLISH, "There is no effusion on the right.", "", "en"),
    (ENGLISH, "There is a nodule in the right upper lobe.", "not_in_report", "en"),
    (ENGLISH, "There is pneumonia.", "not_in_report", "en"),
    (ENGLISH, "The nodule in the left upper lobe measures 21 mm.", "invented_number", "en"),
]


@pytest.mark.parametrize(("report", "answer", "reason", "language"), ANSWERS, ids=[row[1] for row in ANSWERS])
def test_an_answer_follows_or_the_reason_says_why_not(report, answer, reason, language):
    assert fault(answer, report, language) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("Không thấy tràn dịch màng phổi lượng nhiều.", ""), ("Không thấy tràn dịch màng phổi.", "not_in_report")],
)
def test_a_denial_of_something_large_is_one_of_that_alone(answer, reason):
    assert fault(answer, "Bóng tim to. Không thấy tràn dịch màng phổi lượng nhiều.", "vi") == reason


def test_a_sentence_of_unknown_words_alone_is_not_read():
    assert fault("Anh đừng lo.", FILM, "vi") == "unread"


@given(st.lists(st.sampled_from(FILM.split(". ")[:4]), min_size=1, max_size=4, unique=True))
def test_whatever_sentences_of_a_report_follow_from_it(listed):
    assert fault(". ".join(listed) + ".", FILM, "vi") == ""
