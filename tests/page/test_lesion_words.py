"""Whatever the lesion reader can say has a word in both languages: on the page's table, and in a record that is written."""

import typing

import pytest

from docphim.language.lesion_text import piece, text_of
from docphim.language.lesion_words import PATH
from docphim.language.lexicon import FOLDER
from docphim.package_data import packaged
from docphim.page.lesions import what
from docphim.study import Lesion

LISTS, CONCEPTS, SAYS = packaged(PATH), packaged(FOLDER / "concepts.yaml"), packaged(FOLDER / "lesion_says.yaml")
TYPES = sorted({*LISTS["lesions"], *LISTS["avid"], *LISTS["uptake"], *LISTS["same"].values()})
FINER = [(organ, name) for organ, listed in LISTS["places"].items() for name in listed]
NUMBERED = ["segment_7", "rib_6", "vertebra_t8", "station_4r", "level_2a"]
#: What nodes lie in, and where in an organ another anatomy is.
REGIONS = sorted({*LISTS["regions"].values(), *(place for _, place in LISTS["place_of"].values())})
#: Vietnamese writes these as English does.
SAME = {"polyp", "carina"}
LESIONS = [
    *[Lesion(name) for name in TYPES],
    *[Lesion("mass", organ) for organ in CONCEPTS["anatomy"]],
    *[Lesion("mass", "liver", location=[name]) for name in [*CONCEPTS["locations"], *NUMBERED]],
    *[Lesion("mass", organ, location=[name]) for organ, name in FINER],
    *[Lesion("mass", organ, location=[name]) for organ, listed in LISTS["called"].items() for name in listed.values()],
    *[Lesion("lymph_node", "lymph_node", station=[name]) for name in [*CONCEPTS["locations"], *REGIONS, *NUMBERED]],
]


def test_no_part_of_a_line_of_the_table_is_english_on_a_vietnamese_page():
    lines = [what(lesion) for lesion in LESIONS]
    pairs = [pair for line in lines for pair in zip(line.vi.split("; "), line.en.split("; "), strict=True)]
    assert {vi for vi, en in pairs if vi == en} <= SAME
    assert not [text for line in lines for text in line if "_" in text or not text]


def test_a_place_of_an_organ_has_its_own_word():
    """ "Head" is a part of the pancreas and of the femur; both are no "vùng đầu"."""
    lines = [what(Lesion("mass", organ, location=["head"])).vi for organ in ("pancreas", "femur")]
    assert lines == ["khối; tụy; đầu tụy", "khối; xương đùi; chỏm xương đùi"]
    assert what(Lesion("osteolysis", "pelvic_bone", location=["ilium"])).vi.endswith("; xương cánh chậu")
    assert what(Lesion("lymph_node", "lymph_node", station=["head"])).vi == "hạch; vùng đầu"


def test_no_part_of_a_written_record_is_english_in_vietnamese():
    names = {
        name.replace("_", " ")
        for name in [*TYPES, *CONCEPTS["anatomy"], *CONCEPTS["locations"], *REGIONS, *(place for _, place in FINER)]
    }
    written = {part for lesion in LESIONS for part in (piece(lesion, "type", "vi"), piece(lesion, "place", "vi"))}
    assert written & names <= SAME


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_is_beside_type_and_place_has_words(language):
    words = SAYS[language]
    natures = {*LISTS["nature"].values(), *LISTS["described_as"].values(), "residual"}
    assert {*LISTS["shape"], *LISTS["inside"].values()} <= {*words["shapes"], *words["inside"]}
    assert natures <= set(words["natures"])
    assert set(LISTS["extent"].values()) <= set(words["extents"])
    assert set(LISTS["certain"]) <= set(words["certainties"])
    hints = typing.get_type_hints(Lesion)
    for field, table in (("side", "sides"), ("change", "changes"), ("uptake", "uptakes"), ("extent", "extents")):
        assert set(typing.get_args(typing.get_args(hints[field])[0])) <= set(words[table])
    assert "_" not in " ".join(text_of(lesion, language) for lesion in LESIONS)
