"""A draft that was filled from measurements says of each number at which voxel it lies, or why it was not measured."""

from docphim.language.measured import fill
from docphim.page.drafts import Draft, Drafted, measured, text_of
from docphim.page.words import Both
from docphim.study import Study

AT = {"slice": 41, "row": 42, "column": 44}
MASS = {"number": 1, "suv_max": 7.24, "size_mm": [31.4, 22.2], "regions": ["chest"], "side": "right", "lung": True, "at": AT}


def test_every_number_has_its_line_on_page_and_text() -> None:
    text, numbers = fill(
        "Khối thùy trên phổi phải [LONG] mm, SUVmax [SUV]. Hạch cổ nhóm II bên trái, SUVmax [SUV].", "vi", [MASS]
    )
    lines = tuple(measured({"prediction": text, "numbers": numbers}))
    assert [line.en for line in lines] == [
        "mm 31: measured at slice 41, row 42, column 44 of the PET",
        "SUVmax 7,2: measured at slice 41, row 42, column 44 of the PET",
        "SUVmax [?]: not measured (no_candidate)",
    ]
    assert lines[1].vi == "SUVmax 7,2: đo ở lát 41, hàng 42, cột 44 của PET"
    study = Study("s", "p", "F", 60, None, [], None, None, None, "test")
    shown = text_of(Drafted(study, {}, [], [Draft(Both("Mô tả", "Findings"), text, [], lines)]), "vi", "run", "model")
    assert all(line.vi in shown for line in lines)


def test_a_draft_that_was_not_filled_has_none() -> None:
    assert list(measured({"prediction": "Phổi sáng."})) == []
