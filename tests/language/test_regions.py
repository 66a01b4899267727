"""The regions of a whole-body report: whose text is whose, and that nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.normalize import clean
from docphim.language.regions import by_region, parts, region_texts, whole, with_regions

LISTED = "Đầu - cổ: Không thấy hạch.\nLồng ngực: Nốt thùy trên phổi phải 12 mm.\nỔ bụng - khung chậu: Gan không to."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            LISTED,
            {"head_neck": "Không thấy hạch.", "chest": "Nốt thùy trên phổi phải 12 mm.", "abdomen_pelvis": "Gan không to."},
        ),
        (
            "Chụp toàn thân. ĐẦU CỔ: Không thấy hạch. NGỰC: Phổi sáng. CƠ XƯƠNG KHỚP: Không thấy tổn thương.",
            {"head_neck": "Không thấy hạch.", "chest": "Phổi sáng.", "musculoskeletal": "Không thấy tổn thương."},
        ),
        (  # a region that is named twice has both texts
            "Head and neck: No node.\nChest: Clear lungs.\nHead and neck: Thyroid nodule.",
            {"head_neck": "No node.\nThyroid nodule.", "chest": "Clear lungs."},
        ),
        ("Đầu - cổ:\nLồng ngực: Phổi sáng.", {"chest": "Phổi sáng."}),  # nothing is said of the neck
        ("Lồng ngực: cân đối. Tim: không to.", {}),  # a list of organs
        ("Hai phổi sáng.", {}),
        ("", {}),
    ],
)
def test_each_region_has_the_text_under_its_heading(text, expected):
    assert by_region(text) == expected


HEADINGS = st.sampled_from(["Đầu - cổ: ", "LỒNG NGỰC: ", "\nỔ bụng - khung chậu:\n", "Hệ cơ - xương: ", "Chest: ", "Abdomen:"])
WORDS = st.one_of(HEADINGS, st.text(max_size=12), st.sampled_from(["Không thấy hạch. ", "SUVmax 3,1; ", "\n", "\r\n", "1. "]))


@given(st.lists(WORDS, max_size=12).map("".join))
def test_the_pieces_rebuild_the_findings(text):
    text = clean(text)
    pieces = parts(text)
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text
    assert all(piece.start <= piece.begin <= piece.end for piece in pieces)


@given(st.lists(WORDS, max_size=12).map("".join))
def test_a_report_with_regions_is_the_report_and_the_regions_beside_it(text):
    sections = {"findings": text, "impression": "Theo dõi u phổi phải."}
    complete = with_regions(sections)
    assert whole(complete) == sections and with_regions(complete) == complete
    assert region_texts(complete) == by_region(text)


def test_regions_follow_the_findings():
    complete = with_regions({"history": "Ho.", "findings": LISTED, "impression": "U phổi."})
    regions = ["findings.head_neck", "findings.chest", "findings.abdomen_pelvis"]
    assert list(complete) == ["history", "findings", *regions, "impression"]
