"""A normal report out of many: usual words, each organ once, nothing that is abnormal, doubted or rare."""

import pytest

from docphim.language.facts import facts
from docphim.language.normal import LEAST, SAMPLE, normal_report

HEART, LUNGS, AORTA = "Bóng tim không to.", "Hai phổi sáng đều.", "Quai động mạch chủ không giãn."


@pytest.mark.parametrize(
    ("texts", "report"),
    [
        ([], ""),
        (["Tràn dịch màng phổi phải lượng vừa."], ""),
        (["Chụp lúc 8 giờ."], ""),
        # an abnormal sentence leaves, its neighbours stay
        ([f"{HEART} Đám mờ thùy trên phổi phải.", f"{LUNGS} Bóng tim to."], f"{HEART} {LUNGS}"),
        # the most frequent words for an organ, and those once
        ([HEART, HEART, "Bóng tim trong giới hạn bình thường."], HEART),
        # in the order in which they stand on average, not by frequency
        ([f"{AORTA} {HEART}", f"{AORTA} {HEART}", HEART], f"{AORTA} {HEART}"),
        # one clause of a sentence is abnormal: the sentence is not normal
        ([f"{LUNGS} Bóng tim không to, quai động mạch chủ vôi hóa."], LUNGS),
        # under headings, which stay
        (
            [
                "Đầu - cổ: Không thấy hạch cổ.\nLồng ngực: Hai phổi sáng đều.",
                "Đầu - cổ: Hạch cổ phải.\nLồng ngực: Hai phổi sáng đều.",
            ],
            "Đầu - cổ: Không thấy hạch cổ.\nLồng ngực: Hai phổi sáng đều.",
        ),
    ],
)
def test_the_usual_normal_sentences_make_the_report(texts, report):
    assert normal_report(texts, "vi") == report


def test_what_is_made_states_nothing_abnormal_and_leaves_out_what_is_rare():
    rare = "Không thấy tràn khí màng phổi."
    texts = [f"{HEART} {LUNGS}"] * int(1 / LEAST + 9) + [f"{rare} Gãy xương sườn 3 bên phải."]
    report = normal_report(texts, "vi")
    assert report == f"{HEART} {LUNGS}"
    assert {fact.polarity for fact in facts(report, "vi")} <= {"absent", "normal"}


def test_of_many_reports_a_sample_is_read_that_is_spread_over_them():
    assert normal_report([HEART] * SAMPLE + [LUNGS] * SAMPLE, "vi") in (f"{HEART} {LUNGS}", f"{LUNGS} {HEART}")
