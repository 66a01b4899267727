"""Every sentence of the findings goes to the regions where its anatomy is; regions together make the report again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.lesion_text import text_of
from docphim.language.lesion_words import PATH as LESIONS
from docphim.language.lesions import lesions_of
from docphim.language.lexicon import load_lexicon
from docphim.language.normalize import clean
from docphim.language.places import _table, by_place, has_headings, joined
from docphim.language.regions import parts
from docphim.package_data import packaged
from docphim.study import REGIONS, Lesion

LISTED = (
    "Đầu - cổ: Không thấy hạch cổ to. Tuyến giáp bình thường.\n"
    "Lồng ngực: Nốt thùy trên phổi phải kích thước 18x15 mm, SUVmax 6,2.\n"
    "Ổ bụng - khung chậu: Gan bình thường.\n"
    "Hệ cơ - xương: Không thấy tiêu xương. Ổ đặc xương đốt sống D8. SUVmax 7,2. Xương đùi trái có ổ tăng chuyển hóa."
)
SENTENCES = {
    "vi": (
        "Không thấy hạch cổ to.",
        "Nốt phổi phải 12 mm, SUVmax 6,2.",
        "SUVmax 3,1.",
        "Gan bình thường.",
        "Gãy xương sườn 5 phải.",
        "Đốt sống C5 xẹp.",
        "Xương đùi trái có ổ tiêu xương.",
        "Không thấy tổn thương xương.",
        "Xương cánh tay phải đặc xương.",
        "Một câu không nói gì.",
    ),
    "en": (
        "No enlarged cervical nodes.",
        "Nodule of the right lung, 12 mm.",
        "SUVmax 3.1.",
        "The liver is normal.",
        "Fracture of the left femur.",
        "No bone lesion.",
    ),
}


@pytest.mark.parametrize(
    "sentence, language, flags, expected",
    [
        ("Gãy cung sau xương sườn 5 phải.", "vi", (), {"chest"}),
        ("Ổ tiêu xương đốt sống D8.", "vi", (), {"chest"}),
        ("Xẹp đốt sống C5.", "vi", (), {"head_neck"}),
        ("Thoái hóa đốt sống L4, L5.", "vi", (), {"abdomen_pelvis"}),
        ("Thoái hóa cột sống thắt lưng.", "vi", (), {"abdomen_pelvis"}),
        ("Xương chậu trái đặc xương.", "vi", (), {"abdomen_pelvis"}),
        ("Xương sọ có ổ tiêu xương.", "vi", (), {"head_neck"}),
        ("Xương đùi trái có ổ tăng chuyển hóa FDG.", "vi", (), {"limbs"}),
        ("Tiêu xương đốt sống C5, D7 và L2.", "vi", (), {"head_neck", "chest", "abdomen_pelvis"}),
        ("Hạch nhóm 4R, SUVmax 5.", "vi", (), {"chest"}),
        ("Hạch nhóm IIA cổ phải.", "vi", (), {"head_neck"}),
        ("Hạch bẹn hai bên.", "vi", (), {"abdomen_pelvis"}),
        ("Hạch thượng đòn trái.", "vi", (), {"head_neck", "chest"}),
        ("Nốt phổi phải và tổn thương gan.", "vi", (), {"chest", "abdomen_pelvis"}),
        ("Xương quay phải đặc xương.", "vi", ("arms_up",), {"head_neck"}),
        ("Xương quay phải đặc xương.", "vi", ("arms_down",), {"chest", "abdomen_pelvis"}),
        ("Không thấy tổn thương tiêu xương.", "vi", (), set(REGIONS)),
        ("Lytic lesion of T8.", "en", (), {"chest"}),
        ("Uptake in the left femur.", "en", (), {"limbs"}),
        ("No suspicious bone lesion.", "en", (), set(REGIONS)),
    ],
)
def test_a_sentence_goes_where_its_anatomy_is(sentence, language, flags, expected):
    assert set(by_place(sentence, language, REGIONS, flags)) == expected


def test_what_stands_under_a_regions_heading_stays_there_and_bones_go_where_they_are():
    assert by_place(LISTED, "vi", REGIONS) == {
        "head_neck": "Không thấy hạch cổ to. Tuyến giáp bình thường. Không thấy tiêu xương.",
        "chest": "Nốt thùy trên phổi phải kích thước 18x15 mm, SUVmax 6,2. Không thấy tiêu xương. "
        "Ổ đặc xương đốt sống D8. SUVmax 7,2.",
        "abdomen_pelvis": "Gan bình thường. Không thấy tiêu xương.",
        "limbs": "Không thấy tiêu xương. Xương đùi trái có ổ tăng chuyển hóa.",
    }


def test_what_is_denied_without_a_place_is_denied_everywhere_and_a_number_follows_what_it_measures():
    spoken = by_place("Nốt phổi phải 12 mm. SUVmax 6,2. Không thấy bất thường khác.", "vi", REGIONS)
    assert {name for name, text in spoken.items() if "Không thấy bất thường khác." in text} == set(REGIONS)
    assert {name for name, text in spoken.items() if "SUVmax" in text} == {"chest"}


def test_a_region_that_the_image_lacks_gives_its_sentences_to_a_neighbour():
    spoken = by_place(LISTED, "vi", ("chest", "abdomen_pelvis"))
    assert set(spoken) == {"chest", "abdomen_pelvis"}
    assert "Tuyến giáp bình thường." in spoken["chest"] and "Xương đùi trái" in spoken["abdomen_pelvis"]


def test_regions_make_the_report_again_with_its_headings():
    assert joined(by_place(LISTED, "vi", REGIONS), "vi", headings=has_headings(LISTED)) == LISTED


def test_a_report_without_headings_is_joined_without():
    text = "Không thấy hạch cổ to. Nốt phổi phải 12 mm."
    assert not has_headings(text)
    assert joined(by_place(text, "vi", REGIONS), "vi", headings=False) == text.replace(". N", ".\nN")


@given(
    language=st.sampled_from(["vi", "en"]),
    chosen=st.lists(st.integers(0, 9), min_size=1, max_size=8, unique=True),
    shown=st.lists(st.sampled_from(REGIONS), min_size=1, unique=True).map(lambda names: [n for n in REGIONS if n in names]),
    cuts=st.lists(st.integers(0, 8), max_size=3),
    flag=st.sampled_from(["arms_up", "arms_down", "arms_unknown", "head_missing"]),
)
def test_no_sentence_is_lost(language, chosen, shown, cuts, flag):
    said = [SENTENCES[language][n % len(SENTENCES[language])] for n in chosen]
    heads = [*_table()["headings"][language].values()]
    lines = [f"{heads[cuts.index(n)]}: {text}" if n in cuts else text for n, text in enumerate(said)]
    text = "\n".join(lines)
    spoken = by_place(text, language, shown, (flag,))
    kept = clean(text)
    wanted = [kept[p.begin : p.end].strip() for p in parts(kept)]
    assert all(any(line.strip() in part for part in spoken.values()) for piece in wanted for line in piece.split("\n"))
    again = joined(spoken, language, headings=False)
    assert all(line.strip() in again for piece in wanted for line in piece.split("\n"))
    assert set(spoken) <= set(shown)


def test_the_table_names_what_there_is():
    table, lexicon = _table(), load_lexicon("vi")
    places = set(REGIONS) | {"arms"}
    assert set(table["anatomy"]) | set(table["bones"]) <= set(lexicon.anatomy)
    assert {name for names in (*table["anatomy"].values(), *table["locations"].values()) for name in names} <= places
    assert set(table["instead"]) == set(REGIONS)


def test_every_anatomy_that_lies_somewhere_has_a_region():
    lexicon, table = load_lexicon("vi"), _table()
    nowhere = {name for name in lexicon.anatomy if not any(lexicon.within(name, listed) for listed in table["anatomy"])}
    assert nowhere == {
        "bone", "bone_marrow", "body", "cartilage", "joint", "ligament", "lymph_node", "muscle", "nerve", "skin", "soft_tissue",
        "spinal_cord", "spine", "tendon", "vertebra", "vessel",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text", "organ", "side", "place", "regions"),
    [
        ("vi", "Khối phần mềm đùi phải 52 mm, tăng chuyển hóa FDG, SUVmax 8,1.", "soft_tissue", "right", ["thigh"], ["limbs"]),
        ("vi", "Khối ở phần mềm vùng đùi trái 30 mm.", "soft_tissue", "left", ["thigh"], ["limbs"]),
        (
            "vi", "Nốt phần mềm cánh tay phải 12 mm, tăng chuyển hóa FDG.",
            "soft_tissue", "right", ["upper_arm"], ["head_neck", "chest", "abdomen_pelvis"],
        ),
        ("vi", "Khối mô mềm cẳng chân trái kích thước 40 x 30 mm.", "soft_tissue", "left", ["lower_leg"], ["limbs"]),
        ("vi", "Khối phần mềm mông phải 25 mm, SUVmax 4,2.", "soft_tissue", "right", ["buttock"], ["abdomen_pelvis"]),
        ("vi", "Khối phần mềm thành ngực trái 33 mm.", "chest_wall", "left", [], ["chest"]),
        ("vi", "Nốt tổ chức dưới da vùng vai phải 9 mm.", "soft_tissue", "right", ["shoulder"], ["chest"]),
        ("vi", "Khối phần mềm cổ trái 28 mm, tăng chuyển hóa FDG.", "soft_tissue", "left", ["neck"], ["head_neck"]),
        (
            "vi", "Tổn thương phần mềm cẳng tay phải tăng chuyển hóa FDG, SUVmax 3,9.",
            "soft_tissue", "right", ["forearm"], ["head_neck", "chest", "abdomen_pelvis"],
        ),
        ("vi", "Nốt dưới da đùi phải 10 mm.", "soft_tissue", "right", ["thigh"], ["limbs"]),
        ("vi", "Khối phần mềm khoeo chân phải 18 mm.", "soft_tissue", "right", ["popliteal"], ["limbs"]),
        ("vi", "Khối phần mềm bàn chân trái 20 mm.", "soft_tissue", "left", ["foot"], ["limbs"]),
        ("vi", "Khối phần mềm thành bụng phải 22 mm.", "abdominal_wall", "right", [], ["abdomen_pelvis"]),
        ("en", "Soft tissue mass of the right thigh, 52 mm, SUVmax 8.1.", "soft_tissue", "right", ["thigh"], ["limbs"]),
        (
            "en", "A 30 mm soft-tissue mass in the left upper arm with FDG uptake.",
            "soft_tissue", "left", ["upper_arm"], ["head_neck", "chest", "abdomen_pelvis"],
        ),
        (
            "en", "FDG-avid soft tissue nodule in the right buttock, 14 mm.",
            "soft_tissue", "right", ["buttock"], ["abdomen_pelvis"],
        ),
        ("en", "Subcutaneous nodule of the left calf measuring 11 mm.", "soft_tissue", "left", ["lower_leg"], ["limbs"]),
        ("en", "Soft tissue mass in the left chest wall, 33 mm.", "chest_wall", "left", [], ["chest"]),
        (
            "en", "Hypermetabolic soft tissue lesion of the right shoulder, SUVmax 5.0.",
            "soft_tissue", "right", ["shoulder"], ["chest"],
        ),
        ("en", "Soft tissue mass of the left neck measuring 28 mm.", "soft_tissue", "left", ["neck"], ["head_neck"]),
        ("en", "Right thigh soft tissue mass, 45 mm.", "soft_tissue", "right", ["thigh"], ["limbs"]),
    ],
)  # fmt: skip
def test_what_lies_in_soft_tissue_is_one_lesion_there_and_goes_to_that_part_of_the_image(
    language, text, organ, side, place, regions
):
    (lesion,) = lesions_of(text, language)
    assert (lesion.organ, lesion.side, lesion.location) == (organ, side, place)
    assert list(by_place(text, language, REGIONS)) == regions


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("place", sorted(packaged(LESIONS)["places"]["soft_tissue"]))
def test_every_soft_tissue_is_written_so_that_it_reads_back(language, place):
    lesion = Lesion("mass", "soft_tissue", "right", [place], size_mm=[30.0], size_of="one", uptake="high")
    assert [replace(one, text=None) for one in lesions_of(text_of(lesion, language), language)] == [lesion]
    assert _table()["soft_tissue"][place]
