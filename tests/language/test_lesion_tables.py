"""Expert tables of lesions: every spelling of their keys and every form of their cells; records of version 1."""

from dataclasses import replace

import pytest

from docphim.language.lesion_tables import lesions_of_table, table_row
from docphim.language.lesions import lesions_of
from docphim.study import Lesion, LesionSuv, Nature, to_row

SIZE, TYPE, PLACE = (f"{what} khối u, tổn thương, bất thường" for what in ("Kích thước", "Hình dạng của", "Vị trí của"))


def row(**cells):
    """A row of the experts, in the form of the published test set."""
    fdg = {"SUVmax": cells.get("suv", "Không có"), cells.get("key", "Tăng chuyển hoá FDG"): cells.get("uptake", "Không có")}
    return {
        SIZE: cells.get("size", "Không có"),
        TYPE: cells.get("type", "Hình ảnh khối mờ bờ tua gai"),
        PLACE: cells.get("place", "hạ phân thùy I thùy trên phổi phải"),
        "Mức độ FDG": fdg,
        "Xâm lấn": cells.get("invasion", "Không có"),
        cells.get("stage_key", "Giai đoạn chuyển hoá"): cells.get("stage", "Không có"),
    }


def test_a_whole_row_is_a_record():
    (lesion,) = lesions_of_table(
        [row(size="74 x 56 mm", suv="14.9", uptake="Có tăng", invasion="màng phổi trung thất", stage="U nguyên phát")]
    )
    assert lesion == Lesion(
        "mass", "lung", "right", ["segment_1", "upper_lobe"], size_mm=[74.0, 56.0], size_of="one", shape=["spiculated"],
        suv=[LesionSuv("max", "=", 14.9, 14.9)], uptake="high", invasion=["pleura"], nature=[Nature("primary")],
    )  # fmt: skip


def test_an_empty_row_of_a_known_place_says_no_more_than_that():
    (lesion,) = lesions_of_table([row()])
    assert to_row(replace(lesion, type="", organ=None, side=None, location=[], shape=[])) == to_row(Lesion(""))


@pytest.mark.parametrize(
    "key", ["Tăng chuyển hoá FDG", "Tăng chuyển hóa FDG", "tăng chuyển hoá fdg", "Tăng chuyển ho\u0301a FDG"]
)
def test_every_spelling_of_a_key_is_one(key):
    assert lesions_of_table([row(key=key, uptake="Có tăng")])[0].uptake == "high"
    assert lesions_of_table([row(key=key, stage_key="Giai đoạn chuyển hóa", stage="Di căn hạch")])[0].nature == [
        Nature("metastasis")
    ]


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(13.9, 13.9, 13.9), (14, 14.0, 14.0), ("14,9", 14.9, 14.9), ("SUVmax: 3.3", 3.3, 3.3), ("3,1 - 5,2", 3.1, 5.2)],
)
def test_suvmax_comes_as_number_or_text(value, low, high):
    (lesion,) = lesions_of_table([row(suv=value)])
    assert lesion.suv == [LesionSuv("max", "=", low, high)]
    assert lesion.uptake == "high"


@pytest.mark.parametrize(
    ("value", "relation", "number", "uptake"),
    [
        ("< 2,5", "<", 2.5, None),
        ("≤2.5", "≤", 2.5, None),
        (">= 10", "≥", 10.0, "high"),
        ("SUVmax > 10", ">", 10.0, "high"),
        ("khoảng 7,2", "~", 7.2, "high"),
        ("7,2 g/mL", "=", 7.2, "high"),
        ("7.2 (SUVbw)", "=", 7.2, "high"),
        ("7,2 SUVmax", "=", 7.2, "high"),
    ],
)
def test_suvmax_in_a_text_may_have_a_bound_and_a_unit(value, relation, number, uptake):
    (lesion,) = lesions_of_table([row(suv=value)])
    assert lesion.suv == [LesionSuv("max", relation, number, number)]
    assert lesion.uptake == uptake  # below a bound it need not be raised


@pytest.mark.parametrize(
    ("value", "suv", "uptake"),
    [("7,2", [7.2], "high"), (7.2, [7.2], "high"), ("Tăng ít", [], "mild"), ("Không có", [], None), (None, [], None)],
)
def test_what_stands_under_the_key_of_fdg_itself_is_a_number_or_a_level(value, suv, uptake):
    (lesion,) = lesions_of_table([row() | {"Mức độ FDG": value}])
    assert ([one.high for one in lesion.suv], lesion.uptake) == (suv, uptake)


@pytest.mark.parametrize(("cells", "what"), [
    ({"Mức độ FDG": "khác"}, "no level"), ({"Mức độ FDG": ["7,2", "8,1"]}, "SUVmax"), ({SIZE: "12"}, "no size with a unit"),
    ({SIZE: 12}, "no size"), ({SIZE: "12 x 8"}, "no size"), ({SIZE: [12, 8]}, "no size"),
])  # fmt: skip
def test_a_cell_that_is_no_number_of_its_kind_is_named(cells, what):
    with pytest.raises(ValueError, match=what):
        lesions_of_table([row() | cells])


@pytest.mark.parametrize("value", [0, 0.0, "0", "Không có", "không có", "", None, "Không rõ"])
def test_suvmax_0_or_nothing_is_none(value):
    (lesion,) = lesions_of_table([row(suv=value)])
    assert (lesion.suv, lesion.uptake) == ([], None)


@pytest.mark.parametrize("value", [
    True, float("nan"), "cao", "1 2 3", -3.0, "-3", "1e-07", "1.234,5", "3,,2", "8,5 -> 12,1", "< 2,5-3", "7,2 kg",
    "2,5 <", [6.2], {"max": 6.2},
])  # fmt: skip
def test_what_is_no_suvmax_is_named(value):
    with pytest.raises(ValueError, match="SUVmax"):
        lesions_of_table([row(suv=value)])


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("Có tăng", "high"),
        ("Cao", "high"),
        ("tăng cao", "high"),
        ("Tăng ít", "mild"),
        ("thấp", "mild"),
        ("Không tăng", "none"),
        ("Không có", None),
    ],
)
def test_uptake_has_three_levels(words, level):
    assert lesions_of_table([row(uptake=words)])[0].uptake == level


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("12 x 10 mm", ([12.0, 10.0], "one", "=")),
        ("khoảng 2,5 cm", ([25.0], "one", "~")),
        ("đường kính 10mm", ([10.0], "one", "=")),
        ("lớn nhất 21 mm", ([21.0], "largest", "=")),
        ("từ 5 đến 16 mm", ([5.0, 16.0], "range", "=")),
    ],
)
def test_a_size_is_a_phrase(size, expected):
    (lesion,) = lesions_of_table([row(size=size)])
    assert (lesion.size_mm, lesion.size_of, lesion.size_relation) == expected


def test_one_row_may_name_several_places():
    (nodes,) = lesions_of_table([row(type="Hình ảnh hạch", place="Trước khí quản, dưới carina", suv=3.3)])
    assert (nodes.type, nodes.station) == ("lymph_node", ["paratracheal", "subcarinal"])
    lungs = lesions_of_table([row(type="nốt mờ", place="thùy trên phổi phải và thùy dưới phổi trái", suv=2.0)])
    assert [(one.side, one.location, one.suv[0].low) for one in lungs] == [
        ("right", ["upper_lobe"], 2.0),
        ("left", ["lower_lobe"], 2.0),
    ]


def test_a_place_without_a_type_is_a_lesion_there():
    (lesion,) = lesions_of_table([row(type="Không có", place="gan phải")])
    assert (lesion.type, lesion.organ, lesion.side) == ("lesion", "liver", "right")
    assert lesions_of_table([row(type="Không có", place="Không có")]) == []


def test_records_of_version_1_are_read_as_they_are():
    lesion = lesions_of("Nốt gan trái 20 mm, SUVmax 3,0", "vi")[0]
    assert lesions_of_table([to_row(lesion)]) == [replace(lesion, text=None)]
    assert lesions_of_table(to_row(lesion)) == [replace(lesion, text=None)]


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("khối", "is a list of objects"),
        ([["khối"]], "is a list of objects"),
        ([{"Mức độ": 3}], "'Mức độ' is no key"),
        ([{"Mức độ FDG": {"SUV": 3}}], "'SUV' is no key"),
        ([{"Xâm lấn": "", "xâm lấn": ""}], "stands twice"),
        ([{"Mức độ FDG": {"Tăng chuyển hóa FDG": "", "Tăng chuyển hoá FDG": ""}}], "stands twice"),
        ([{"v": 2, "type": "mass"}], "version 2"),
        ([{"v": 1, "type": "mass", "colour": "red"}], "colour"),
        ([{"v": 1, "type": None}], "no type"),
        ([{"v": 1, "type": "mass", "side": "up"}], "side"),
        ([{"v": 1, "type": "mass", "location": "upper_lobe"}], "location"),
        ([{"v": 1, "type": "mass", "size_mm": ["8"]}], "no number"),
        ([{"v": 1, "type": "mass", "size_mm": [-8]}], "no number"),
        ([{"v": 1, "type": "mass", "suv": [{"low": float("nan"), "high": 1}]}], "no number"),
        ([{"v": 1, "type": "mass", "suv": [{"low": 3}]}], "no number"),
        ([{"v": 1, "type": "mass", "suv": [{"low": 9, "high": 1}]}], "below"),
    ],
)
def test_what_is_no_table_is_named(table, what):
    with pytest.raises(ValueError, match=what):
        lesions_of_table(table)


def test_a_record_as_a_row_reads_back():
    text = "Khối bờ tua gai thùy trên phổi phải 38 x 31 mm, tăng chuyển hóa FDG, SUVmax 14,2, xâm lấn màng phổi."
    (lesion,) = lesions_of(text, "vi")
    written = table_row(lesion)
    assert written["Mức độ FDG"] == {"SUVmax": 14.2, "Tăng chuyển hoá FDG": "Có tăng"}
    assert lesions_of_table([written]) == [replace(lesion, text=None)]
