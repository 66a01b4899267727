"""Numbers of a report are tied to the one candidate that fits; drafts are filled from it, and what fits none is marked."""

from __future__ import annotations

import pytest

from docphim.language.measured import as_places, fill, numbers
from docphim.language.normalize import clean

AT = {"slice": 40, "row": 50, "column": 60}


def candidate(number: int, suv: float, *, where: str = "chest", side: str = "right", lung: bool = False, size=(31.4, 22.2)):
    return {"number": number, "suv_max": suv, "size_mm": list(size), "regions": [where], "side": side, "lung": lung} | {
        "at": AT | {"slice": number},
        "mm": [1.0, 2.0, float(number)],
    }


MASS = candidate(1, 7.24, lung=True)
NODE = candidate(2, 5.12, side="middle", size=(14.0, 11.0))
NECK = candidate(3, 4.0, where="head_neck", side="left")
ALL = [MASS, NODE, NECK]
TEXT = (
    "Lồng ngực: Khối thùy trên phổi phải kích thước 30 x 22 mm, tăng chuyển hóa FDG, SUVmax 7,2. "
    "Hạch trung thất nhóm 4R 1,5 x 1,1 cm, tăng hấp thu FDG (SUVmax 5,1)."
)
PLACES = (
    "Lồng ngực: Khối thùy trên phổi phải kích thước [LONG] x [SHORT] mm, tăng chuyển hóa FDG, SUVmax [SUV]. "
    "Hạch trung thất nhóm 4R [LONG] x [SHORT] cm, tăng hấp thu FDG (SUVmax [SUV])."
)


def test_numbers_stand_where_the_text_has_them() -> None:
    listed = [(TEXT[one.start : one.end], one.kind, one.value) for one in numbers(TEXT, "vi")]
    assert listed == [
        ("30", "long", 30),
        ("22", "short", 22),
        ("7,2", "suv", 7.2),
        ("1,5", "long", 15),
        ("1,1", "short", 11),
        ("5,1", "suv", 5.1),
    ]


def test_a_report_s_numbers_become_places_and_a_draft_s_places_what_was_measured() -> None:
    text, counts = as_places(TEXT, "vi", ALL)
    assert (text, dict(counts)) == (PLACES, {"tied": 6})
    filled, rows = fill(PLACES, "vi", ALL)
    assert filled == TEXT.replace("30 x 22", "31 x 22").replace("1,5 x 1,1", "1,4 x 1,1")
    assert [(filled[slice(*row["text"])], row["candidate"], row["at"]["slice"]) for row in rows] == [
        ("31", 1, 1),
        ("22", 1, 1),
        ("7,2", 1, 1),
        ("1,4", 2, 2),
        ("1,1", 2, 2),
        ("5,1", 2, 2),
    ]
    assert all(row["mm"] == [1.0, 2.0, row["candidate"]] and "why" not in row for row in rows)


def test_the_longer_diameter_is_first_wherever_it_stands_and_english_has_points() -> None:
    text, _ = as_places("Mass in the right upper lobe, 22 x 30 mm, SUVmax 7.2.", "en", ALL)
    assert text == "Mass in the right upper lobe, [SHORT] x [LONG] mm, SUVmax [SUV]."
    assert fill(text, "en", ALL)[0] == "Mass in the right upper lobe, 22 x 31 mm, SUVmax 7.2."


@pytest.mark.parametrize(
    ("text", "candidates", "why"),
    [
        ("Khối thùy trên phổi phải, tăng chuyển hóa FDG, SUVmax 7,2.", [MASS | {"side": "left"}], "no_candidate"),
        ("Khối thùy trên phổi phải, tăng chuyển hóa FDG, SUVmax 7,2.", [MASS | {"lung": False}], "no_candidate"),
        ("Khối thùy trên phổi phải, tăng chuyển hóa FDG, SUVmax 7,2.", [MASS | {"suv_max": 9.0}], "no_candidate"),
        ("Khối thùy trên phổi phải, tăng chuyển hóa FDG, SUVmax 7,2.", [MASS, MASS | {"number": 9}], "several_candidates"),
        ("Nốt thùy trên phổi phải 8 mm, không tăng chuyển hóa FDG.", [MASS], "no_uptake"),
        ("Khối thùy trên phổi phải 52 mm, tăng chuyển hóa FDG.", [MASS], "differs"),
    ],
)
def test_what_no_one_candidate_has_stays_as_it_was_written(text: str, candidates: list, why: str) -> None:
    assert as_places(text, "vi", candidates) == (text, {why: 1})


@pytest.mark.parametrize(
    ("draft", "filled", "why"),
    [
        ("Khối thùy trên phổi trái, SUVmax [SUV].", "Khối thùy trên phổi trái, SUVmax [?].", ["no_candidate"]),
        ("Khối thùy trên phổi phải, SUVmax 9,9.", "Khối thùy trên phổi phải, SUVmax 9,9 [?].", ["differs"]),
        ("Khối thùy trên phổi phải, SUVmax 7,2.", "Khối thùy trên phổi phải, SUVmax 7,2.", [None]),
        ("Hạch cổ nhóm II bên phải 9 x 8 mm.", "Hạch cổ nhóm II bên phải 9 x 8 mm [?].", ["no_candidate"] * 2),
        ("Gan bình thường. [SUV]", "Gan bình thường. [?]", ["unread"]),
        (
            "Hạch trung thất nhóm 4R, SUVmax [SUV]. Hạch trung thất nhóm 7, SUVmax [SUV].",
            "Hạch trung thất nhóm 4R, SUVmax [?]. Hạch trung thất nhóm 7, SUVmax [?].",
            ["claimed_twice"] * 2,
        ),
        ("Nhu mô phổi không thấy nốt.", "Nhu mô phổi không thấy nốt.", []),
    ],
)
def test_what_was_not_measured_is_marked(draft: str, filled: str, why: list) -> None:
    text, rows = fill(draft, "vi", ALL)
    assert (text, [row.get("why") for row in rows]) == (filled, why)
    assert all(("candidate" in row) is ("why" not in row) for row in rows)


def test_of_as_many_lesions_as_there_are_candidates_the_highest_counts_and_of_more_none() -> None:
    nodes = [NODE, NODE | {"number": 4, "suv_max": 3.3}]
    assert fill("Hai hạch trung thất nhóm 4R, lớn nhất [LONG] mm, SUVmax [SUV].", "vi", nodes)[0] == (
        "Hai hạch trung thất nhóm 4R, lớn nhất 14 mm, SUVmax 5,1."
    )
    assert "[?]" in fill("Hạch trung thất nhóm 4R, SUVmax [SUV].", "vi", nodes)[0]


def test_places_in_the_text_are_those_of_the_clean_draft() -> None:
    draft = "Khối thùy trên phổi phải, SUVmax [SUV]."
    split = "".join(["\ufeff", draft])
    text, ((row,)) = fill(split, "vi", ALL)
    assert text == clean(text) and text[slice(*row["text"])] == "7,2"
