"""The label tables on facts made by hand: polarity, hedges, hierarchy, No Finding, what is left over; and their form."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import docphim.language
from docphim.errors import UsageError
from docphim.language import labels
from docphim.language.fact import Fact
from docphim.language.labels import READINGS, SETS, label_names, labels_of, read_labels, table_paths

FOLDER = Path(docphim.language.__file__).parent
CONCEPTS = yaml.safe_load((FOLDER / "lexicon" / "concepts.yaml").read_text(encoding="utf-8"))
RANK = {"unmentioned": 0, "negative": 1, "uncertain": 2, "positive": 3}


def fact(what: str, **fields) -> Fact:
    """`pleura effusion`, `heart enlarged`: an anatomy (or -) with a finding or a state."""
    anatomy, name = what.split()
    kind = {"finding": name, "polarity": "present"} if name in CONCEPTS["findings"] else {"state": name, "polarity": "abnormal"}
    return Fact(text="", start=0, end=0, **({"anatomy": None if anatomy == "-" else anatomy} | kind | fields))


def said(facts, set_) -> dict[str, str]:
    return {name: state for name, state in labels_of(facts, set_).items() if state != "unmentioned"}


HEART = fact("heart enlarged")
EFFUSION = fact("pleura effusion")
CLEAR = fact("lung clear", polarity="normal")


def test_names_are_those_published():
    assert [len(label_names(set_)) for set_ in SETS] == [18, 28, 14, 18, 37, 37, 18, 14]
    assert label_names("ct_rate")[0] == "Medical material"
    assert label_names("vindr")[-1] == "No finding"
    assert label_names("chexpert")[:3] == ("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly")
    assert label_names("phantom")[1:3] == ("effusion_right", "effusion_left")


def test_an_unknown_set_names_those_there_are():
    with pytest.raises(UsageError, match="'padchest' is not one of ct_rate, vindr, chexpert, phantom"):
        labels_of([], "padchest")


@pytest.mark.parametrize("set_", SETS)
def test_of_nothing_nothing_is_said(set_):
    assert list(labels_of([], set_)) == list(label_names(set_))
    blank = {name: state for name, state in labels_of([], set_).items() if state != "unmentioned"}
    assert blank == ({"No Finding": "positive"} if set_ == "chexpert_published" else {})


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "positive"),
        ({"polarity": "absent"}, "negative"),
        ({"certainty": "probable"}, "positive"),
        ({"certainty": "possible"}, "uncertain"),
        ({"certainty": "not_excluded"}, "uncertain"),
        ({"certainty": "obscured"}, "uncertain"),
        ({"certainty": "obscured", "polarity": "absent"}, "uncertain"),
        ({"certainty": "possible", "polarity": "absent"}, "negative"),
        ({"change": "resolved"}, "negative"),
        ({"change": "resolved", "polarity": "absent"}, "negative"),
        ({"change": "decreased"}, "positive"),
        ({"severity": "mild"}, "positive"),
    ],
)
def test_state_of_an_effusion(change, state):
    assert said([replace(EFFUSION, **change)], "ct_rate") == {"Pleural effusion": state}


def test_a_state_denied_denies_and_a_normal_heart_too():
    assert said([replace(HEART, polarity="normal")], "ct_rate") == {"Cardiomegaly": "negative"}
    assert said([fact("heart normal", polarity="normal")], "ct_rate") == {"Cardiomegaly": "negative"}
    assert said([fact("heart normal", polarity="abnormal")], "ct_rate") == {}  # "not normal" is not "enlarged"


def test_the_most_affirmative_mention_counts_in_any_order():
    mentions = [replace(EFFUSION, polarity="absent"), replace(EFFUSION, certainty="possible"), EFFUSION]
    for order in (mentions, mentions[::-1]):
        assert said(order, "vindr")["Pleural effusion"] == "positive"
    assert said(mentions[:2], "vindr")["Pleural effusion"] == "uncertain"


def test_the_same_word_is_another_label_in_another_place():
    calcification = {
        place: said([fact(f"{place} calcification")], "ct_rate") for place in ("aorta", "coronary_artery", "pleura")
    }
    assert calcification == {
        "aorta": {"Arterial wall calcification": "positive"},
        "coronary_artery": {"Coronary artery wall calcification": "positive"},
        "pleura": {},
    }
    assert said([fact("pericardium effusion")], "ct_rate") == {"Pericardial effusion": "positive"}
    assert said([fact("thyroid nodule")], "ct_rate") == {}


@pytest.mark.parametrize(
    ("size", "state"),
    [((9.0,), "negative"), ((10.0,), "positive"), ((18.0, 8.0), "negative"), ((18.0, 11.0), "positive"), ((), None)],
)
def test_a_node_is_enlarged_from_ten_millimetres_of_short_axis(size, state):
    node = fact("mediastinum lymph_node", size_mm=size)
    assert said([node], "ct_rate_clinical") == ({"Lymphadenopathy": state} if state else {})
    assert said([node], "ct_rate") == {"Lymphadenopathy": "positive"}


NODES, OPACITY, NODULE = "Lymphadenopathy", "Lung opacity", "Lung nodule"


@pytest.mark.parametrize(
    ("what", "fields", "states"),
    [
        ("lymph_node enlarged", {}, {NODES: "positive"}),
        ("lymph_node normal", {"polarity": "normal"}, {NODES: "negative"}),
        ("axilla fdg_uptake", {}, {NODES: "positive"}),
        ("lymph_node calcification", {}, {NODES: "positive"}),
        ("axilla lymph_node", {}, {NODES: "positive"}),
        ("axilla lymph_node", {"polarity": "absent"}, {NODES: "negative"}),
        ("axilla lymph_node", {"state": "normal"}, {NODES: "negative"}),
        ("axilla lymph_node", {"state": "normal", "count": "few"}, {NODES: "positive"}),
        ("axilla lymph_node", {"certainty": "obscured"}, {}),
        ("neck lymph_node", {}, {}),
        ("lymph_node lymph_node", {}, {}),
        ("lymph_node lymph_node", {"location": ("mesenteric",), "count": "few"}, {}),
        ("lung hyperdensity", {}, {OPACITY: "positive"}),
        ("lung hazy", {}, {OPACITY: "positive"}),
        ("lung opacity", {}, {OPACITY: "positive"}),
        ("lung opacity", {"location": ("mesenteric",)}, {}),
        ("lung opacity", {"leftover": ("fat",)}, {}),
        ("lung density", {}, {}),
        ("lung lesion", {"polarity": "absent"}, {NODULE: "negative", OPACITY: "negative"}),
    ],
)
def test_what_ct_rate_counts_as_a_node_or_an_opacity(what, fields, states):
    assert said([fact(what, **fields)], "ct_rate") == states


@pytest.mark.parametrize(
    ("what", "fields", "state"),
    [
        ("lymph_node enlarged", {}, "positive"),
        ("axilla lymph_node", {"state": "enlarged"}, "positive"),
        ("axilla lymph_node", {"leftover": ("pathological",)}, "positive"),
        ("axilla lymph_node", {"leftover": ("millimetric",)}, "negative"),
        ("axilla fdg_uptake", {}, "positive"),
        ("axilla lymph_node", {}, None),
    ],
)
def test_what_a_clinician_counts_as_a_node(what, fields, state):
    assert said([fact(what, **fields)], "ct_rate_clinical").get(NODES) == state


def test_another_reading_of_a_set_shares_all_rows_that_it_does_not_name():
    for reading, set_ in READINGS.items():
        assert label_names(reading) == label_names(set_)
        assert said([HEART, EFFUSION], reading) == said([HEART, EFFUSION], set_)
        assert [path.stem for path in table_paths(reading)] == [set_, reading]
    assert table_paths("vindr") == [FOLDER / "labels" / "vindr.yaml"]


def test_the_published_labeller_finds_nothing_wherever_nothing_is_affirmed_or_suspected():
    assert said([CLEAR], "chexpert_published") == {"No Finding": "positive", "Lung Opacity": "negative"}
    assert said([fact("heart pacemaker")], "chexpert_published")["No Finding"] == "positive"
    assert said([replace(EFFUSION, certainty="probable")], "chexpert_published") == {"Pleural Effusion": "uncertain"}


def test_a_child_affirms_its_parents_and_never_the_other_way():
    states = said([fact("lung pneumonia", certainty="possible")], "chexpert")
    assert states == dict.fromkeys(("Pneumonia", "Consolidation", "Lung Opacity"), "uncertain")
    assert said([fact("lung opacity")], "chexpert") == {"Lung Opacity": "positive"}
    assert "Pneumonia" not in said([fact("lung opacity", polarity="absent")], "chexpert")
    states = said([HEART, fact("mediastinum widened", polarity="normal")], "chexpert")
    assert states["Enlarged Cardiomediastinum"] == "positive"


def test_nothing_is_found_where_nothing_is_affirmed_or_suspected():
    whole = [CLEAR, replace(HEART, polarity="normal"), replace(EFFUSION, polarity="absent")]
    assert said(whole, "chexpert")["No Finding"] == said(whole, "vindr")["No finding"] == "positive"
    assert said([*whole, fact("heart pacemaker")], "chexpert")["No Finding"] == "positive"
    assert "No Finding" not in said([*whole, replace(EFFUSION, certainty="possible")], "chexpert")
    assert "No Finding" not in said([*whole, fact("rib fracture")], "chexpert")
    assert "No finding" not in said([*whole, fact("rib bone_sclerosis")], "vindr")  # by Other lesion


@pytest.mark.parametrize("missing", range(3))
def test_a_report_that_leaves_out_heart_lungs_or_pleura_does_not_call_the_film_normal(missing):
    whole = [CLEAR, replace(HEART, polarity="normal"), replace(EFFUSION, polarity="absent")]
    del whole[missing]
    assert "No Finding" not in said(whole, "chexpert")
    assert "No finding" not in said(whole, "vindr")


def test_a_scar_is_an_opacity_but_its_denial_is_no_clear_lung():
    scar = fact("lung fibrosis")
    assert said([scar], "chexpert") == {"Lung Opacity": "positive"}
    assert said([replace(scar, certainty="possible")], "chexpert") == {"Lung Opacity": "uncertain"}
    assert said([replace(scar, polarity="absent")], "chexpert") == {}
    assert said([scar], "vindr") == {"Pulmonary fibrosis": "positive", "Lung opacity": "positive"}
    assert said([replace(scar, polarity="absent")], "vindr") == {"Pulmonary fibrosis": "negative"}


def test_what_looks_inflamed_is_a_suspicion_of_pneumonia():
    inflamed = fact("lung opacity", leftover=("inflammatory",))
    assert said([inflamed], "chexpert") == {"Lung Opacity": "positive", "Consolidation": "uncertain", "Pneumonia": "uncertain"}
    assert "Pneumonia" not in said([replace(inflamed, polarity="absent")], "vindr")
    assert "Pneumonia" not in said([fact("bronchus thickening", leftover=("inflammatory",))], "vindr")


def test_the_interstitium_around_bronchi_is_peribronchial():
    thick = fact("interstitium thickening")
    assert said([thick], "ct_rate") == {"Interlobular septal thickening": "positive"}
    around = replace(thick, location=("peribronchial",))
    assert said([around], "ct_rate") == {"Peribronchial thickening": "positive"}
    assert said([around], "vindr")["ILD"] == "positive"


def test_a_clear_lung_denies_opacity_and_no_nodule():
    for set_, name in (("ct_rate", "Lung opacity"), ("vindr", "Lung opacity"), ("chexpert", "Lung Opacity")):
        assert said([CLEAR], set_) == {name: "negative"}


def test_nothing_abnormal_in_the_chest_denies_all_that_is_not_affirmed():
    nothing = fact("chest abnormality", polarity="absent")
    assert set(labels_of([nothing], "vindr").values()) == {"negative", "positive"}
    assert labels_of([nothing], "vindr")["No finding"] == "positive"
    assert labels_of([nothing, EFFUSION], "vindr")["Pleural effusion"] == "positive"


#: Whole films that are called normal (+), and what is normal in a film, or abnormal (-).
IMPRESSIONS = {
    "vi": """
        + Hiện tại chưa thấy bất thường trên phim X-quang ngực thẳng.
        + X-quang ngực bình thường.
        + X-quang tim phổi thẳng: bình thường.
        + Hình ảnh tim phổi bình thường.
        + Hai phổi và bóng tim bình thường.
        + Tim, phổi hiện tại chưa thấy tổn thương.
        + Không phát hiện bất thường tim phổi trên phim.
        + Phim chụp tim phổi thẳng trong giới hạn bình thường.
        + Không thấy tổn thương trên phim.
        + Bình thường.
        - Nốt phổi phải. Còn lại không thấy bất thường.
        - Tim phổi bình thường, gãy xương sườn V bên phải.
        - Phổi bình thường.
        - Phổi phải bình thường, bóng tim bình thường.
        - Không thấy tổn thương nhu mô phổi.
        - Gan không thấy bất thường.
    """,
    "en": """
        + Normal chest radiograph.
        + The heart and lungs are normal.
        + No abnormality is seen on this film.
        - No acute cardiopulmonary abnormality.
        - The heart is normal.
        - The heart and the right lung are normal.
    """,
}


@pytest.mark.parametrize(("set_", "label"), [("vindr", "No finding"), ("chexpert", "No Finding")])
@pytest.mark.parametrize("language", IMPRESSIONS)
def test_a_film_that_is_called_normal_has_no_finding(language, set_, label):
    for row in IMPRESSIONS[language].strip().splitlines():
        sign, text = row.strip().split(" ", 1)
        positive = [name for name, state in read_labels(text, language, set_).items() if state == "positive"]
        assert (positive == [label]) == (sign == "+"), text
        assert (label in positive) == (sign == "+"), text


def test_other_lesion_takes_what_no_other_label_does():
    assert said([fact("spine osteophyte")], "vindr")["Other lesion"] == "positive"
    assert "Other lesion" not in said([EFFUSION], "vindr")
    assert "Other lesion" not in said([fact("liver cyst")], "vindr")
    assert "Other lesion" not in said([fact("spine osteophyte", polarity="absent")], "vindr")


def test_words_that_nobody_knows_are_neither_a_lesion_nor_its_absence():
    assert said([Fact("", 0, 0, anatomy="mediastinum", leftover=("xyz",))], "vindr") == {}


@pytest.mark.parametrize(
    ("set_", "name"), [("ct_rate", "Pleural effusion"), ("vindr", "Pleural effusion"), ("chexpert", "Pleural Effusion")]
)
def test_a_blunted_angle_is_a_hint_of_fluid(set_, name):
    angle = fact("costophrenic_angle blunted")
    assert said([angle], set_) == {name: "uncertain"}
    assert said([replace(angle, polarity="normal")], set_) == {name: "negative"}
    assert said([angle, EFFUSION], set_)[name] == "positive"


SIDES = [
    ([("right", "present")], ("positive", "unmentioned")),
    ([("both", "present")], ("positive", "positive")),
    ([(None, "present")], ("uncertain", "uncertain")),
    ([(None, "absent")], ("negative", "negative")),
    ([("left", "absent"), ("right", "present")], ("positive", "negative")),
    ([(None, "present"), ("left", "present")], ("unmentioned", "positive")),
    ([(None, "present"), ("left", "absent")], ("uncertain", "uncertain")),
]


@pytest.mark.parametrize(("mentions", "states"), SIDES)
def test_sides_of_a_sided_label(mentions, states):
    read = labels_of([replace(EFFUSION, side=side, polarity=polarity) for side, polarity in mentions], "phantom")
    assert (read["effusion_right"], read["effusion_left"]) == states


FACTS = st.builds(
    lambda what, polarity, certainty, side, change, size: Fact(
        text="", start=0, end=0, **what, polarity=polarity, certainty=certainty, side=side, change=change, size_mm=size
    ),
    st.one_of(
        st.builds(
            lambda a, f: {"anatomy": a, "finding": f}, *(st.sampled_from([*CONCEPTS[k]]) for k in ("anatomy", "findings"))
        ),
        st.builds(lambda a, s: {"anatomy": a, "state": s}, *(st.sampled_from([*CONCEPTS[k]]) for k in ("anatomy", "states"))),
    ),
    st.sampled_from(["present", "absent", "normal", "abnormal"]),
    st.sampled_from(["certain", "probable", "possible", "not_excluded", "obscured"]),
    st.sampled_from(["right", "left", "both", None]),
    st.sampled_from(["new", "unchanged", "resolved", None]),
    st.sampled_from([(), (4.0,), (12.0, 30.0)]),
)


@given(st.lists(FACTS, max_size=6), FACTS, st.sampled_from(["ct_rate", "vindr", "chexpert"]))
def test_one_more_fact_never_weakens_a_label_and_order_is_nothing(facts, more, set_):
    before, after = labels_of(facts, set_), labels_of([*facts, more], set_)
    none = {"No Finding", "No finding"}
    assert all(RANK[after[name]] >= RANK[before[name]] for name in before if name not in none)
    assert labels_of([*facts, more][::-1], set_) == after


@pytest.mark.parametrize("set_", SETS)
def test_every_label_can_be_affirmed_and_denied_by_some_fact(set_):
    everything = [
        Fact("", 0, 0, anatomy=anatomy, finding=finding, state=state, polarity=polarity)
        for anatomy in [None, *CONCEPTS["anatomy"]]
        for finding, state, polarities in [
            *((f, None, ("present", "absent")) for f in CONCEPTS["findings"]),
            *((None, s, ("abnormal", "normal")) for s in CONCEPTS["states"]),
        ]
        for polarity in polarities
    ]
    sided = [replace(f, side="both") for f in everything]
    states = {name: set() for name in label_names(set_)}
    for f in sided:
        for name, state in labels_of([f], set_).items():
            states[name].add(state)
    lacking = {name: {"positive", "negative"} - found for name, found in states.items()}
    for whole in {"No Finding", "No finding"} & {*lacking}:  # never denied: left open
        lacking[whole] -= {"negative"}
    assert {name: lacks for name, lacks in lacking.items() if lacks} == {}


@pytest.mark.parametrize("condition", [{"finding": "effusions"}, {"anatomy": ["heart", "hart"]}, {"organ": "heart"}])
def test_a_table_with_a_name_that_is_none_is_refused(condition):
    with pytest.raises(ValueError, match="a condition asks for"):
        labels._rule(condition)


def test_a_report_in_both_languages_has_the_same_labels():
    english = read_labels("Small left pleural effusion. The heart is not enlarged. No pneumothorax.", "en", "vindr")
    vietnamese = read_labels(
        "Tràn dịch màng phổi trái lượng ít. Bóng tim không to. Không thấy tràn khí màng phổi.", "vi", "vindr"
    )
    assert english == vietnamese
    assert english["Pleural effusion"] == "positive"
