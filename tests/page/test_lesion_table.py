"""The table of lesions on the page: pairs as the lesion scores make them, what contradicts, what one text alone says."""

from __future__ import annotations

import pytest

from docphim.page.lesions import table

MASS = "Khối thùy trên phổi phải kích thước 46 x 40 mm, SUVmax 12,4."


def cells(draft: str, reference: str = MASS, language: str = "vi") -> list[tuple[str, list[str]]]:
    """Of each line its kind and the columns in which the draft is marked as wrong."""
    return [
        (line.kind, [name for name, cell in (line.draft or {}).items() if cell.wrong])
        for line in table(reference, draft, language)
    ]


@pytest.mark.parametrize(
    ("draft", "lines"),
    [
        (MASS, [("right", [])]),
        ("Thùy trên phổi phải có khối 4,5 x 4 cm, tăng chuyển hóa FDG, SUVmax 12,0.", [("right", [])]),
        ("Khối thùy trên phổi trái kích thước 46 x 40 mm, SUVmax 12,4.", [("right", ["side"])]),
        ("Khối thùy trên phổi phải kích thước 20 x 18 mm, SUVmax 5,1.", [("right", ["size", "suv"])]),
        ("Khối thùy trên phổi phải.", [("right", [])]),
        ("Khối thùy trên phổi.", [("right", [])]),
        ("Không thấy bất thường.", [("missing", [])]),
        (f"{MASS} Hạch trung thất nhóm 4R kích thước 20 mm, SUVmax 8.", [("right", []), ("hallucinated", [])]),
    ],
)
def test_a_draft_stands_beside_the_reference_lesion_by_lesion(draft: str, lines: list[tuple[str, list[str]]]) -> None:
    assert cells(draft) == lines


def test_numbers_and_places_stand_in_both_languages() -> None:
    (line,) = table(MASS, MASS, "vi")
    assert line.reference is not None
    assert [tuple(line.reference[name].value) for name in ("side", "size", "suv", "uptake")] == [
        ("bên phải", "right"),
        ("46 × 40 mm", "46 × 40 mm"),
        ("12,4", "12.4"),
        ("tăng", "high"),
    ]
    assert "phổi" in line.what.vi and "lung" in line.what.en


@pytest.mark.parametrize(
    ("text", "size", "suv"),
    [
        ("Nốt phổi phải < 10 mm, SUVmax < 2,5.", "≤ 10 mm", "≤ 2,5"),
        ("Nốt phổi phải 5-8 mm, SUVmax 3,1-5,2.", "5\u20138 mm", "3,1\u20135,2"),
        ("Nốt phổi phải > 30 mm, SUVmax > 10.", "≥ 30 mm", "≥ 10"),
    ],
)
def test_a_bound_or_a_range_is_shown_as_one(text: str, size: str, suv: str) -> None:
    (line,) = table(text, text, "vi")
    assert line.reference is not None
    assert (line.reference["size"].value.vi, line.reference["suv"].value.vi) == (size, suv)
    assert not any(cell.wrong for cell in (line.draft or {}).values())


def test_a_report_without_lesions_has_no_table() -> None:
    assert table("Không thấy tổn thương tăng hấp thu FDG.", "", "vi") == []
