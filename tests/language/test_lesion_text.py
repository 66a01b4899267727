"""A record written as text is read back as the record, whatever it holds of what there are words for."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.errors import UsageError
from docphim.language.lesion_text import text_of
from docphim.language.lesion_words import lesion_words
from docphim.language.lesions import lesions_of
from docphim.language.lexicon import FOLDER
from docphim.package_data import packaged
from docphim.study import Lesion, LesionSuv, Nature

SAYS = packaged(FOLDER / "lesion_says.yaml")
#: Where things can be: organ, whether it has sides, places in it.
SOLID = {
    "lung": (True, ["upper_lobe", "lower_lobe", "apex", "base", "segment_6", "peripheral"]),
    "liver": (False, ["segment_7"]),
    "kidney": (True, []),
    "adrenal": (True, []),
    "breast": (True, []),
    "thyroid": (True, []),
    "spleen": (False, []),
    "prostate": (False, []),
    "rectum": (False, []),
    "stomach": (False, []),
    "uterus": (False, []),
    "nasopharynx": (False, []),
}
BONES = {"vertebra": ["vertebra_t8", "vertebra_l3"], "rib": ["rib_6"], "femur": [], "pelvic_bone": [], "sternum": []}
STATIONS = [
    ["station_4r"],
    ["station_7"],
    ["level_2a"],
    ["axillary"],
    ["hilar"],
    ["paratracheal", "subcarinal"],
    ["supraclavicular"],
    ["inguinal"],
]


def back(lesion, language):
    return [replace(one, text=None) for one in lesions_of(text_of(lesion, language), language)]


@st.composite
def places(draw, language):
    """Type, organ, side and place of a lesion."""
    kind = draw(st.sampled_from(["solid", "bone", "node"]))
    if kind == "node":
        station = draw(st.sampled_from(STATIONS))
        sided = station[0] in ("axillary", "hilar", "supraclavicular", "inguinal")
        side = draw(st.sampled_from(["right", "left", "both"])) if sided else "right" if station == ["station_4r"] else None
        return {"type": "lymph_node", "organ": "lymph_node", "side": side, "station": station}
    if kind == "bone":
        organ = draw(st.sampled_from(sorted(BONES)))
        side = draw(st.sampled_from(["right", "left"])) if organ in ("rib", "femur") else None
        location = draw(st.sampled_from([[name] for name in BONES[organ]])) if BONES[organ] else []
        return {
            "type": draw(st.sampled_from(["osteolysis", "bone_sclerosis"])),
            "organ": organ,
            "side": side,
            "location": location,
        }
    organ = draw(st.sampled_from(sorted(SOLID)))
    paired, inner = SOLID[organ]
    side = draw(st.sampled_from(["right", "left"])) if paired else None
    location = draw(st.sampled_from([[], *([name] for name in inner)]))
    return {"type": draw(st.sampled_from(["nodule", "mass", "lesion"])), "organ": organ, "side": side, "location": location}


numbers = st.integers(11, 399).map(lambda n: n / 10)


@st.composite
def sizes(draw):
    """Size, what it is of, relation."""
    of = draw(st.sampled_from([None, "one", "one", "range", "largest"]))
    if of is None:
        return {}
    if of == "range":
        low = draw(st.integers(3, 20))
        return {"size_mm": [float(low), float(low + draw(st.integers(1, 20)))], "size_of": of, "count": "multiple"}
    axes = draw(st.lists(st.integers(3, 90).map(float), min_size=1, max_size=3))
    if of == "largest":
        return {"size_mm": axes, "size_of": of, "count": draw(st.sampled_from(["few", "multiple"]))}
    relation = draw(st.sampled_from(["=", "=", "~", "<", ">"])) if len(axes) == 1 else "="
    return {"size_mm": axes, "size_of": of, "size_relation": relation}


@st.composite
def suvs(draw):
    """Uptakes as one sentence gives them."""
    kind = draw(st.sampled_from(["one", "range", "phases", "reference", "compared", "two", "below"]))
    low = draw(numbers)
    high = round(low + draw(numbers), 1)
    return {
        "one": [LesionSuv(draw(st.sampled_from(["max", "mean", "peak", "suv"])), "=", low, low)],
        "range": [LesionSuv("max", "=", low, high)],
        "phases": [LesionSuv("max", "=", low, low, "early"), LesionSuv("max", "=", high, high, "delayed")],
        "reference": [LesionSuv("max", "=", high, high), LesionSuv("max", "=", low, low, None, "liver")],
        "compared": [LesionSuv("suv", ">", None, None, None, "liver")],
        "two": [LesionSuv("max", "=", high, high), LesionSuv("mean", "=", low, low)],
        "below": [LesionSuv("max", "<", low, low)],
    }[kind]


@st.composite
def records(draw, language):
    """A record of a lesion that there are words for."""
    place, size = draw(places(language)), draw(sizes())
    avid = draw(st.booleans())
    more = (
        {"suv": draw(suvs()), "uptake": draw(st.sampled_from(["high", "mild"]))}
        if avid
        else {"uptake": draw(st.sampled_from(["none", None]))}
    )
    if place["type"] in ("nodule", "mass"):
        more["shape"] = draw(
            st.sampled_from([[], ["spiculated"], ["lobulated"], ["solid"], ["necrotic"], ["calcified"], ["lobulated", "solid"]])
        )
    if avid:
        names = (
            ["metastasis", "recurrence", "inflammation", "primary"] if place["type"] in ("nodule", "mass") else ["metastasis"]
        )
        certainty = draw(st.sampled_from(["probable", "possible"]))
        more["nature"] = draw(st.sampled_from([[], *([Nature(name, certainty)] for name in names)]))
    if place["type"] in ("nodule", "mass") and place["organ"] == "lung":
        more["invasion"] = draw(st.sampled_from([[], ["pleura"], ["aorta", "pleura"]]))
    if not size.get("count"):
        more["count"] = draw(st.sampled_from([None, 1, "few", "multiple"]))
    if place["type"] != "lesion":
        more["change"] = draw(st.sampled_from([None, None, "unchanged", "increased", "decreased"]))
    return Lesion(**{**place, **size, **more})


@pytest.mark.parametrize("language", ["vi", "en"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(language, data):
    lesion = data.draw(records(language))
    assert back(lesion, language) == [lesion], text_of(lesion, language)


PLAIN = Lesion(
    "nodule",
    "lung",
    "right",
    ["upper_lobe"],
    size_mm=[8.0],
    size_of="one",
    suv=[LesionSuv("max", "=", 6.2, 6.2)],
    uptake="high",
)
NODE = replace(PLAIN, type="lymph_node", organ="lymph_node", side=None, location=[])


def one_by_one(language):
    """Records that hold each thing once that lesion_says.yaml has a word for."""
    says = SAYS[language]
    yield from (replace(PLAIN, type=name) for name in says["types"] if name in USUAL)
    yield from (
        replace(PLAIN, organ=organ, side=None, location=[place]) for organ in says["finer"] for place in says["finer"][organ]
    )
    yield from (replace(PLAIN, location=[place]) for place in says["places"] if place in IN_LUNG)
    yield from (replace(NODE, station=[station]) for station in says["stations"])
    yield from (replace(NODE, station=[station], side="left") for station in says["stations"])
    yield from (replace(PLAIN, shape=[shape]) for shape in (*says["shapes"], *says["inside"]))
    yield from (replace(PLAIN, extent=extent, count="multiple") for extent in says["extents"])
    yield from (replace(PLAIN, type="fdg_uptake", size_mm=[], size_of=None, extent=extent) for extent in says["extents"])
    yield from (replace(PLAIN, count=count) for count in (1, 2, 3, "few", "several", "multiple"))
    yield from (replace(PLAIN, size_relation=relation) for relation in says["relations"])
    yield from (replace(PLAIN, suv=[LesionSuv("max", relation, 6.2, 6.2)]) for relation in says["relations"])
    yield from (replace(PLAIN, suv=[LesionSuv(kind, "=", 6.2, 6.2)]) for kind in says["suvs"])
    kinds = [name for name in says["natures"] if name not in ("physiologic", "hyperplasia")]
    yield from (replace(PLAIN, nature=[Nature(kind, sure)]) for kind in kinds for sure in says["certainties"])
    yield from (replace(PLAIN, change=change) for change in says["changes"])
    yield from (replace(PLAIN, invasion=[organ]) for organ in ("pleura", "mediastinum", "chest_wall", "aorta"))
    yield Lesion("fdg_uptake", "brain", uptake="high", nature=[Nature("physiologic")])
    yield Lesion("fdg_uptake", "prostate", uptake="high", nature=[Nature("hyperplasia", "possible")])
    yield Lesion("fdg_uptake", "spine", count="multiple", extent="focal", uptake="high")


USUAL = {
    "nodule",
    "mass",
    "tumor",
    "lesion",
    "opacity",
    "consolidation",
    "infiltrate",
    "ground_glass",
    "cavity",
    "cyst",
    "thickening",
    "abscess",
}
IN_LUNG = {"upper_lobe", "middle_lobe", "lower_lobe", "apex", "base", "central", "peripheral", "subpleural", "hilar"}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_word_for_a_lesion_is_read_back(language):
    wrong = [text_of(lesion, language) for lesion in one_by_one(language) if back(lesion, language) != [lesion]]
    assert wrong == []


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_is_written_of_names_what_is_read(language):
    """No line of lesion_says.yaml stands for a concept that lesions do not have."""
    words, says = lesion_words(language), SAYS[language]
    assert set(says["types"]) <= words.lesions | words.avid
    assert set(says["shapes"]) | set(says["inside"]) <= words.shape | set(words.inside.values())
    assert set(says["extents"]) <= set(words.extent.values())
    assert all(set(places) <= set(words.places[organ]) for organ, places in says["finer"].items())


def test_a_record_is_a_sentence_that_a_report_could_have():
    assert text_of(PLAIN, "vi") == "Nốt thùy trên phổi bên phải, kích thước 8 mm, tăng chuyển hóa FDG, SUVmax 6,2."
    assert text_of(PLAIN, "en") == "Nodule in the right lung upper lobe, measuring 8 mm, increased FDG uptake, SUVmax 6.2."


def test_a_language_without_words_is_named():
    with pytest.raises(UsageError, match="zh"):
        text_of(PLAIN, "zh")
