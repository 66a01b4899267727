"""Lesions are put together from a report's facts: what makes one, what is one again, whose number is whose."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from lesions import FIELDS, counted

from docphim.errors import UsageError
from docphim.language.lesions import lesions_of
from docphim.language.normalize import clean
from docphim.study import Lesion, LesionSuv, Nature, from_row, to_row


def read(text, language="vi"):
    return [replace(lesion, text=None) for lesion in lesions_of(text, language)]


def fields(lesion):
    """What is not at its default, as a row."""
    plain = to_row(Lesion("", None))
    return {key: value for key, value in to_row(lesion).items() if value != plain[key] and key != "text"}


@pytest.mark.parametrize(("seen", "sentences", "least"), [(True, 60, 59), (False, 20, 13)])
def test_sentences_written_before_are_read_as_often_as_was_counted(seen, sentences, least):
    counts, wrong = counted(seen)
    assert counts["sentences"] == sentences
    assert counts["sentences right"] >= least, "\n".join(wrong if seen else ())
    assert counts["missing"] == counts["extra"] == 0
    assert all(counts[field] >= 0.85 * counts["records"] for field in FIELDS)


SPICULATED = "Nốt bờ tua gai thùy trên phổi phải 18 x 15 mm, SUVmax 6,2, nghi u nguyên phát."


def test_a_record_is_the_issue_s_row():
    (lesion,) = lesions_of(SPICULATED, "vi")
    row = to_row(lesion)
    assert list(row)[:8] == ["v", "type", "organ", "side", "location", "station", "extent", "count"]
    assert row == {
        "v": 1, "type": "nodule", "organ": "lung", "side": "right", "location": ["upper_lobe"], "station": [], "extent": None,
        "count": None, "size_mm": [18.0, 15.0], "size_of": "one", "size_relation": "=", "shape": ["spiculated"],
        "suv": [{"kind": "max", "relation": "=", "low": 6.2, "high": 6.2, "phase": None, "reference": None}],
        "uptake": "high", "invasion": [], "nature": [{"is": "primary", "certainty": "possible"}], "change": None,
        "text": [0, len(SPICULATED) - 1],
    }  # fmt: skip
    assert from_row(Lesion, row) == lesion


@pytest.mark.parametrize(
    "text",
    [
        "Không thấy nốt mờ ở hai phổi.",
        "Hạch trung thất không còn thấy.",
        "Không rõ khối trên CT.",
        "Gan hấp thu FDG bình thường.",
        "Dải xơ đỉnh phổi phải không tăng chuyển hóa FDG.",
        "Tràn dịch màng phổi trái.",
        "Bệnh nhân ung thư phổi phải đã phẫu thuật.",
        "Ung thư vú trái sau mổ, theo dõi tái phát.",
        "",
    ],
)
def test_what_is_denied_resolved_obscured_or_no_lesion_makes_no_record(text):
    assert read(text) == []


def test_what_is_a_lesion_only_with_uptake_is_one_with_it():
    (lesion,) = read("Dải xơ đỉnh phổi phải tăng chuyển hóa FDG, SUVmax 3,1.")
    assert (lesion.type, lesion.side, lesion.location, lesion.uptake) == ("fibrosis", "right", ["apex"], "high")


def test_clauses_and_sentences_on_one_lesion_make_one_record():
    expected = read("Hạch rốn phổi phải 16 mm, tăng chuyển hóa FDG, SUVmax 9,0.")
    assert len(expected) == 1
    assert read("Hạch rốn phổi phải kích thước 16 mm. Hạch này tăng chuyển hóa FDG, SUVmax 9,0.") == expected
    assert read("Hạch rốn phổi phải. Kích thước 16 mm. Tăng chuyển hóa FDG. SUVmax: 9,0.") == expected


@pytest.mark.parametrize(
    ("text", "language", "size"),
    [
        ("Nốt thùy trên phổi phải.\nKích thước: 12 mm.", "vi", [12.0]),
        ("Nốt thùy trên phổi phải\n- Kích thước: khoảng 12 x 9 mm\n- SUVmax: 4,2", "vi", [12.0, 9.0]),
        ("Nốt thùy trên phổi phải. Kích thước lớn nhất: 12 mm. SUVmax: 4,2.", "vi", [12.0]),
        ("Nodule in the right upper lobe.\nSize: 12 mm.", "en", [12.0]),
        ("Nodule in the right upper lobe.\n- Diameter: about 12 mm\n- SUVmax: 4.2", "en", [12.0]),
    ],
)
def test_a_line_that_labels_a_size_is_of_the_lesion_before_it(text, language, size):
    (lesion,) = read(text, language)
    assert (lesion.type, lesion.size_mm, [suv.low for suv in lesion.suv]) == ("nodule", size, [4.2] if "SUV" in text else [])


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("Left forearm subcutaneous nodule 12 mm.", "en", ("soft_tissue", "left", ["forearm"])),
        ("Subcutaneous nodule of the left forearm.", "en", ("soft_tissue", "left", ["forearm"])),
        ("Right groin subcutaneous nodule.", "en", ("soft_tissue", "right", ["groin"])),
        ("Right thigh soft tissue mass 40 mm.", "en", ("soft_tissue", "right", ["thigh"])),
        ("Right calf muscle mass 40 mm.", "en", ("muscle", "right", [])),
        ("Chest wall subcutaneous nodule 9 mm.", "en", ("soft_tissue", None, [])),
        ("Nốt dưới da cẳng tay trái 12 mm.", "vi", ("soft_tissue", "left", ["forearm"])),
    ],
)
def test_a_tissue_and_the_part_of_the_body_whose_it_is_are_one_place(text, language, place):
    assert [(one.organ, one.side, one.location) for one in read(text, language)] == [place]


def test_a_tissue_in_a_list_with_a_part_of_the_body_is_another_place():
    assert [one.organ for one in read("Right chest wall and subcutaneous nodules.", "en")] == ["chest_wall", "soft_tissue"]


def test_another_thing_of_the_next_sentence_is_another_lesion():
    listed = read("Nốt thùy trên phổi phải 8 mm. Nốt thùy dưới phổi trái 9 mm, SUVmax 3,0.")
    assert [(one.side, one.size_mm, len(one.suv)) for one in listed] == [("right", [8.0], 0), ("left", [9.0], 1)]


def test_a_demonstrative_is_no_place():
    """ "Thùy trên" holds the word by which a thing is taken up again elsewhere."""
    assert len(read("Nốt thùy trên phổi phải 8 mm. Nốt thùy trên phổi trái 8 mm.")) == 2


@pytest.mark.parametrize(
    ("text", "suv"),
    [
        ("Hạch cổ phải SUVmax 3,1 - 5,2.", [LesionSuv("max", "=", 3.1, 5.2)]),
        ("Hạch cổ phải SUVmax < 2,5.", [LesionSuv("max", "<", 2.5, 2.5)]),
        ("Hạch cổ phải SUVmax thì sớm 4,1, thì muộn 5,6.",
         [LesionSuv("max", "=", 4.1, 4.1, "early"), LesionSuv("max", "=", 5.6, 5.6, "delayed")]),
        ("Hạch cổ phải SUVpeak 3,9.", [LesionSuv("peak", "=", 3.9, 3.9)]),
        ("Hạch cổ phải SUVmax 5,1 so với gan 2,4.",
         [LesionSuv("max", "=", 5.1, 5.1), LesionSuv("max", "=", 2.4, 2.4, None, "liver")]),
        ("Hạch cổ phải tăng chuyển hóa FDG cao hơn gan.", [LesionSuv("suv", ">", None, None, None, "liver")]),
    ],
)  # fmt: skip
def test_uptakes_are_told_apart(text, suv):
    (lesion,) = read(text)
    assert lesion.suv == suv
    assert lesion.uptake == (None if suv[0].relation == "<" else "high")  # of a bound nothing is known


def test_an_uptake_of_nothing_is_not_raised():
    assert read("Nốt phổi phải SUVmax 0.")[0].uptake is None


@pytest.mark.parametrize(
    ("text", "language", "kinds"),
    [
        ("Di căn hạch thượng đòn trái.", "vi", [("lymph_node", ["supraclavicular"])]),
        ("Di căn hạch rốn phổi và gan.", "vi", [("lymph_node", ["hilar"]), ("lesion", [])]),
        ("Di căn trung thất.", "vi", [("lesion", [])]),
        ("Nodal metastases in the mediastinum.", "en", [("lymph_node", ["mediastinal"])]),
    ],
)
def test_a_metastasis_to_nodes_is_a_node(text, language, kinds):
    assert [(one.type, one.station) for one in read(text, language)] == kinds
    assert all(one.nature == [Nature("metastasis")] for one in read(text, language))


def test_respectively_gives_each_place_its_own_number():
    listed = read("Tiêu xương thân đốt sống L2 và T8, SUVmax lần lượt là 8,4 và 6,1.")
    assert [(one.location, [suv.low for suv in one.suv]) for one in listed] == [
        (["vertebra_l2"], [8.4]),
        (["vertebra_t8"], [6.1]),
    ]
    listed = read("Hai nốt phổi trái kích thước lần lượt là 9 mm và 14 mm, SUVmax lần lượt là 2,4 và 5,8.")
    assert [(one.count, one.size_mm, one.suv[0].low) for one in listed] == [(1, [9.0], 2.4), (1, [14.0], 5.8)]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("Vài nốt gan, nốt lớn nhất 21 mm, SUVmax 11,6.", ([21.0], "largest", "=")),
        ("Nhiều nốt hai phổi kích thước từ 5 đến 16 mm.", ([5.0, 16.0], "range", "=")),
        ("Di căn gan đa ổ, ổ lớn nhất 32 mm.", ([32.0], "largest", "=")),
        ("Nốt phổi phải khoảng 15 mm.", ([15.0], "one", "~")),
        ("Hạch nách trái dưới 10 mm.", ([10.0], "one", "<")),
        ("Nốt phổi phải giảm từ 28 mm xuống 12 mm.", ([12.0], "one", "=")),
    ],
)
def test_sizes_are_told_apart(text, size):
    (lesion,) = read(text)
    assert (lesion.size_mm, lesion.size_of, lesion.size_relation) == size


def test_the_largest_of_several_has_their_uptake():
    assert [one.suv[0].low for one in read("Vài nốt gan, nốt lớn nhất 21 mm, SUVmax 11,6.")] == [11.6]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hạch nhóm 4R 12 mm", {"station": ["station_4r"], "side": "right"}),
        ("Hạch trung thất 12 mm", {"station": ["mediastinal"]}),
        ("Hạch rốn phổi phải 12 mm", {"station": ["hilar"], "side": "right"}),
        ("Hạch cổ nhóm IIA trái 12 mm", {"station": ["level_2a"], "side": "left"}),
    ],
)
def test_nodes_lie_in_stations(text, expected):
    assert fields(read(text)[0]) == {
        "type": "lymph_node",
        "organ": "lymph_node",
        "size_mm": [12.0],
        "size_of": "one",
        **expected,
    }


@pytest.mark.parametrize(
    ("text", "nature"),
    [
        ("Khối gan phải, nghĩ đến di căn", [Nature("metastasis", "possible")]),
        ("Nhiều nốt di căn gan", [Nature("metastasis")]),
        ("Di căn gan đa ổ", [Nature("metastasis")]),
        ("Nốt phổi trái dạng lành tính", [Nature("benign")]),
        ("Tổn thương tồn dư ở gan phải", [Nature("residual")]),
        ("Tăng chuyển hóa FDG ở amidan hai bên, khả năng do viêm", [Nature("inflammation", "possible")]),
        ("Viêm amidan hai bên tăng chuyển hóa FDG", [Nature("inflammation")]),
        ("Tăng chuyển hóa FDG sinh lý ở não", [Nature("physiologic")]),
    ],
)
def test_what_a_lesion_is_held_to_be(text, nature):
    (lesion,) = read(text)
    assert lesion.nature == nature


def test_what_is_invaded_is_no_lesion():
    (lesion,) = read("Khối thùy trên phổi phải xâm lấn màng phổi và trung thất, SUVmax 12,5.")
    assert (lesion.invasion, lesion.suv[0].low) == (["mediastinum", "pleura"], 12.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A spiculated right upper lobe mass measures 38 x 31 mm with SUVmax 14.2.",
            {"type": "mass", "organ": "lung", "side": "right", "location": ["upper_lobe"], "size_mm": [38.0, 31.0],
             "size_of": "one", "shape": ["spiculated"], "suv": [to_row(LesionSuv("max", "=", 14.2, 14.2))], "uptake": "high"},
        ),
        (
            "Mildly FDG-avid left axillary lymph node, SUVmax 2.1, likely reactive.",
            {"type": "lymph_node", "organ": "lymph_node", "side": "left", "station": ["axillary"], "uptake": "mild",
             "suv": [to_row(LesionSuv("max", "=", 2.1, 2.1))], "nature": [{"is": "inflammation", "certainty": "probable"}]},
        ),
        (
            "A 12 mm hepatic lesion is seen. This lesion shows no FDG uptake.",
            {"type": "lesion", "organ": "liver", "size_mm": [12.0], "size_of": "one", "uptake": "none"},
        ),
    ],
)  # fmt: skip
def test_english_reports_have_lesions_too(text, expected):
    (lesion,) = read(text, "en")
    assert fields(lesion) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        # what both sides share is that of each
        (
            "Thượng thận hai bên dày, tăng chuyển hóa FDG, bên phải SUVmax 7,1, bên trái SUVmax 5,4.",
            "vi",
            [("thickening", "right", [], "high", 7.1), ("thickening", "left", [], "high", 5.4)],
        ),
        # a kind behind "tổn thương" is the lesion's
        ("Tổn thương phá hủy xương sườn V trái, SUVmax 6,0.", "vi", [("bone_destruction", "left", [], "high", 6.0)]),
        # numbers of an earlier scan are not the lesion's
        ("Nốt phổi trái 14 mm (trước đây 20 mm), SUVmax 3,2.", "vi", [("nodule", "left", [14.0], "high", 3.2)]),
        ("Nốt phổi trái trước đây 22 mm nay giảm còn 13 mm.", "vi", [("nodule", "left", [13.0], None, None)]),
        (
            "The right lower lobe mass, 3.1 cm (previously 4.5 cm), SUVmax 5.6, previously 12.3.",
            "en",
            [("mass", "right", [31.0], "high", 5.6)],
        ),
        # an uptake named first is that of the thing behind it
        ("Hypermetabolic 2.3 cm right hilar node, SUVmax 7.1.", "en", [("lymph_node", "right", [23.0], "high", 7.1)]),
        ("A spiculated hypermetabolic nodule in the left lung, SUVmax 8.7.", "en", [("nodule", "left", [], "high", 8.7)]),
        # below what it is compared with is no high uptake
        ("Nốt phổi phải 9 mm, SUVmax 1,1 so với bể máu trung thất 1,8.", "vi", [("nodule", "right", [9.0], "mild", 1.1)]),
        # of a heading's own numbers behind a semicolon
        ("Gan: nốt 24 mm; SUVmax 8,9.", "vi", [("nodule", None, [24.0], "high", 8.9)]),
    ],
)
def test_whose_number_and_uptake_it_is(text, language, expected):
    listed = [
        (one.type, one.side, one.size_mm, one.uptake, one.suv[0].low if one.suv else None) for one in read(text, language)
    ]
    assert listed == expected


def test_nodes_that_two_regions_list_are_one():
    (nodes,) = read("Multiple FDG-avid mediastinal and right hilar lymph nodes, SUVmax 9.2.", "en")
    assert (nodes.station, nodes.count, nodes.uptake) == (["hilar", "mediastinal"], "multiple", "high")


def test_a_lesion_says_where_its_words_stand():
    text = "GAN: nốt hạ phân thùy VII 24 mm; SUVmax 8,9.\nPHỔI: nốt thùy trên phổi phải 9 mm."
    listed = [clean(text)[slice(*lesion.text)] for lesion in lesions_of(text, "vi")]
    assert listed == ["nốt hạ phân thùy VII 24 mm; SUVmax 8,9", "nốt thùy trên phổi phải 9 mm"]


def test_reading_twice_gives_the_same_records():
    text = "Hạch rốn phổi phải 16 mm. Hạch này tăng chuyển hóa FDG, SUVmax 9,0."
    assert lesions_of(text, "vi") == lesions_of(text, "vi")
    assert read(text.partition(". ")[0]) != read(text)


def test_a_language_without_a_lexicon_is_named():
    with pytest.raises(UsageError, match="zh"):
        lesions_of("肺结节", "zh")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("vi", "Nốt thùy trên phổi phải và nốt thùy dưới phổi trái 8 mm và 11 mm tương ứng, SUVmax lần lượt là 2,1 và 4,5.",
         [("right", [8], [2.1]), ("left", [11], [4.5])]),
        ("vi", "Nốt thùy giữa phổi phải và nốt thùy lưỡi phổi trái, đường kính lần lượt 6 mm và 9 mm.",
         [("right", [6], []), ("left", [9], [])]),
        ("vi", "Hạch nhóm 4R và nhóm 7, kích thước lần lượt 12 mm và 9 mm, SUVmax lần lượt 5,1 và 3,8.",
         [("right", [12], [5.1]), (None, [9], [3.8])]),
        ("vi", "Hạch cổ nhóm II trái và hạch cổ nhóm III phải, SUVmax lần lượt 4,1 và 3,9.",
         [("left", [], [4.1]), ("right", [], [3.9])]),
        ("vi", "Ba nốt phổi phải, kích thước lần lượt 5, 7 và 9 mm.",
         [("right", [5], []), ("right", [7], []), ("right", [9], [])]),
        ("en", "Left hilar node and right axillary node measuring 15 mm and 22 mm, SUVmax 6.8 and 9.1, respectively.",
         [("left", [15], [6.8]), ("right", [22], [9.1])]),
        ("en", "Nodes at stations 4R and 7 measure 12 mm and 9 mm with SUVmax of 5.1 and 3.8, respectively.",
         [("right", [12], [5.1]), (None, [9], [3.8])]),
    ],
)  # fmt: skip
def test_numbers_that_are_counted_off_go_each_to_its_own(language, text, expected):
    lesions = lesions_of(text, language)
    assert [(one.side, one.size_mm, [suv.high for suv in one.suv]) for one in lesions] == expected
    assert all(len(one.station) <= 1 and one.count in (None, 1) for one in lesions)
