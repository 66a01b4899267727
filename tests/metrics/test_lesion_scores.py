"""Lesion scores of small cases that were counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.metrics import METRICS, corpus, families, lesions, metric
from docphim.metrics.amounts import Amount, agrees
from docphim.metrics.lesion_pairs import Compared, compared, pair, region_of, same_place, same_type, same_uptake
from docphim.metrics.pairs import Pairs
from docphim.study import Lesion, LesionSuv, Nature

LUNG = "Khối thùy trên phổi phải 40 mm, tăng chuyển hóa FDG, SUVmax 12,0."
NODE = "Hạch nhóm 4R 15 mm, tăng chuyển hóa FDG, SUVmax 6,0."
LIVER = "Nốt gan trái 20 mm, không tăng chuyển hóa FDG."


def scores(reference, draft, **more):
    pairs = Pairs([reference], [draft], "vi", **more)
    values = lesions.aggregate(lesions.statistics(pairs).sum(axis=0))
    return dict(zip(lesions.KEYS, values.tolist(), strict=True))


def test_a_report_against_itself_is_right_in_all_that_it_says():
    text = f"{LUNG} {NODE} {LIVER}"
    values = scores(text, text)
    assert [values[key] for key in lesions.SCORES] == [100] * 4
    assert [values[key] for key in lesions.PARTS] == [100] * 5
    assert [values[key] for key in lesions.LOWER] == [0] * 3


@pytest.mark.parametrize(("draft", "invented"), [("Hạch 15 mm, SUVmax 6,0.", 0), ("Hạch 15 mm, SUVmax 9,0.", 50)])
def test_a_lesion_without_a_place_is_neither_omitted_nor_invented_and_its_numbers_are_looked_up(draft, invented):
    values = scores("Hạch 15 mm, SUVmax 6,0.", draft)
    assert np.isnan([values["lesion_omitted"], values["lesion_invented"]]).all()
    assert values["lesion_invented_numbers"] == invented


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        # one of two lesions, nothing made up: P 1/1, R 1/2, F1 2/3
        (
            LUNG,
            {"lesion_t": 200 / 3, "lesion_t_precision": 100, "lesion_t_recall": 50, "lesion_omitted": 50, "lesion_invented": 0},
        ),
        # the mass in the liver: its type is right, its place is not
        (
            "Khối gan phải 40 mm, tăng chuyển hóa FDG, SUVmax 12,0. " + NODE,
            {"lesion_t": 100, "lesion_tp": 50, "lesion_tf": 100, "lesion_tpf": 50, "lesion_omitted": 50, "lesion_invented": 50},
        ),
        # uptake denied of the mass: right in T and TP (100), one of two in TF
        (
            "Khối thùy trên phổi phải 40 mm, không tăng chuyển hóa FDG. " + NODE,
            {"lesion_t": 100, "lesion_tp": 100, "lesion_tf": 50, "lesion_tpf": 50, "lesion_uptake": 50, "lesion_suv": 50},
        ),
        # the other side: TP stands, one of two sides is right
        (LUNG.replace("phải", "trái") + NODE, {"lesion_tp": 100, "lesion_side": 50, "lesion_part": 100}),
        # 40 against 48 mm is within a fifth, 12.0 against 13.3 not within a tenth; 4 numbers, one of them nowhere
        (
            LUNG.replace("40 mm", "48 mm").replace("12,0", "13,3") + NODE,
            {"lesion_size": 100, "lesion_suv": 50, "lesion_invented_numbers": 25},
        ),
        ("", {"lesion_t": 0, "lesion_t_recall": 0, "lesion_omitted": 100}),
    ],
)  # fmt: skip
def test_drafts_are_scored_as_counted_by_hand(draft, expected):
    values = scores(f"{LUNG} {NODE}", draft)
    assert {key: values[key] for key in expected} == pytest.approx(expected)


def test_what_there_is_nothing_of_has_no_value():
    values = scores("Phổi sáng.", "Phổi sáng.")
    assert all(np.isnan(value) for value in values.values())
    values = scores(LUNG, "")
    assert np.isnan(values["lesion_t_precision"])
    assert np.isnan(values["lesion_invented_numbers"])


def test_an_unknown_uptake_matches_none_and_is_not_held_against_the_draft():
    """The reference says nothing of the nodule's uptake: it is not counted in TF, and a draft cannot be right in it."""
    reference = "Nốt thùy trên phổi phải 8 mm."
    assert np.isnan(scores(reference, reference)["lesion_tf"])
    values = scores(f"{reference} {NODE}", f"{reference} {NODE}")
    assert values["lesion_tf"] == 100
    assert scores(f"{reference} {NODE}", reference)["lesion_tf"] == 0


def test_matching_is_one_to_one():
    """Two drafted masses answer to one: P 1/2, R 1/1."""
    values = scores(LUNG, f"{LUNG} Khối thùy dưới phổi trái 20 mm, tăng chuyển hóa FDG, SUVmax 8,0.")
    assert (values["lesion_tp_precision"], values["lesion_tp_recall"]) == (50, 100)
    assert values["lesion_side"] == 100  # it is paired with the one that is most alike


def thing(type="nodule", places=("lung",), side=None, size=None, uptake=None):
    sizes = () if size is None else (Amount(size, size),)
    return Compared(type, frozenset(places), "chest", side, frozenset(), uptake, sizes[0] if sizes else None, sizes, ())


def test_pairs_are_the_most_there_can_be_and_not_the_first():
    """A greedy walk gives the first node of both areas to the hilum and leaves the other unpaired."""
    reference = [thing("lymph_node", ("hilar",)), thing("lymph_node", ("mediastinal",))]
    draft = [thing("lymph_node", ("hilar", "mediastinal")), thing("lymph_node", ("hilar",))]
    assert pair(reference, draft, (same_type, same_place)) == [(0, 1), (1, 0)]


def test_two_pairs_count_more_than_one_that_is_more_alike():
    reference = [
        thing(places=("lung", "liver"), side="left", size=5.0, uptake="high"),
        thing(side="right", size=9.0, uptake="none"),
    ]
    draft = [thing(side="left", size=5.0, uptake="high"), thing(places=("liver",), size=20.0, uptake="mild")]
    assert pair(reference, draft, (same_type, same_place)) == [(0, 1), (1, 0)]


def test_an_unknown_uptake_is_none_that_another_equals():
    assert not same_uptake(thing(), thing(uptake="high"))
    assert not same_uptake(thing(), thing())
    assert same_uptake(thing(uptake="mild"), thing(uptake="high"))


@given(st.data())
def test_more_alike_never_costs_a_pair(data):
    thing_ = st.builds(
        thing,
        st.sampled_from(["nodule", "mass"]),
        st.sets(st.sampled_from(["lung", "liver"]), max_size=2).map(tuple),
        st.sampled_from([None, "left", "right"]),
        st.sampled_from([None, 5.0, 10.0]),
    )
    reference, draft = data.draw(st.lists(thing_, max_size=4)), data.draw(st.lists(thing_, max_size=4))
    pairs = pair(reference, draft, (same_type, same_place))
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert len(pairs) == len(pair(draft, reference, (same_type, same_place)))
    assert all(same_type(reference[i], draft[j]) and same_place(reference[i], draft[j]) for i, j in pairs)
    rest = [(i, j) for i in range(len(reference)) for j in range(len(draft)) if same_type(reference[i], draft[j])]
    used = {i for i, _ in pairs}, {j for _, j in pairs}
    assert not [p for p in rest if p[0] not in used[0] and p[1] not in used[1] and same_place(reference[p[0]], draft[p[1]])]


@pytest.mark.parametrize(
    ("reference", "draft", "right"),
    [
        # numbers, as before
        ("SUVmax 12,0", "SUVmax 13,1", True),
        ("SUVmax 12,0", "SUVmax 13,3", False),
        # the reference's bound: what lies on its side, the bound included
        ("SUVmax < 2,5", "SUVmax 2,4", True),
        ("SUVmax < 2,5", "SUVmax 1,1", True),
        ("SUVmax < 2,5", "SUVmax 2,6", False),
        ("SUVmax ≤ 2,5", "SUVmax 2,5", True),
        ("SUVmax > 10", "SUVmax 12,0", True),
        ("SUVmax > 10", "SUVmax 9,5", False),
        ("SUVmax > 10", "SUVmax 11-14", True),
        ("SUVmax > 10", "SUVmax 9-14", False),
        # the draft's bound: true, and near
        ("SUVmax 2,4", "SUVmax < 2,5", True),
        ("SUVmax 2,6", "SUVmax < 2,5", False),
        ("SUVmax 2,4", "SUVmax < 25", False),
        ("SUVmax 12,0", "SUVmax > 1", False),
        ("SUVmax 10,4", "SUVmax > 10", True),
        # two bounds
        ("SUVmax < 2,5", "SUVmax < 2,4", True),
        ("SUVmax < 2,5", "SUVmax < 1,0", False),
        ("SUVmax < 2,5", "SUVmax > 2,5", False),
        # ranges
        ("SUVmax 3,1-5,2", "SUVmax 4,0", True),
        ("SUVmax 3,1-5,2", "SUVmax 5,6", True),
        ("SUVmax 3,1-5,2", "SUVmax 6,0", False),
        ("SUVmax 3,1-5,2", "SUVmax 3,0-5,0", True),
        ("SUVmax 3,1-5,2", "SUVmax 1,0-5,2", False),
        ("SUVmax 5,0", "SUVmax 1-100", False),
        ("SUVmax 5,0", "SUVmax 4,8-5,3", True),
        ("SUVmax 3,1-5,2", "SUVmax < 5,3", True),
        ("SUVmax 3,1-5,2", "SUVmax < 5,0", False),
        # sizes alike, within a fifth
        ("kích thước < 10 mm", "kích thước 6 mm", True),
        ("kích thước < 10 mm", "kích thước 11 mm", False),
        ("kích thước > 30 mm", "kích thước 42 mm", True),
        ("kích thước 8 mm", "kích thước < 9 mm", True),
        ("kích thước 8 mm", "kích thước < 90 mm", False),
        ("kích thước 5-8 mm", "kích thước 6 mm", True),
        ("kích thước 5-8 mm", "kích thước 12 mm", False),
        ("kích thước khoảng 20 mm", "kích thước 22 mm", True),
    ],
)  # fmt: skip
def test_a_bound_or_a_range_is_compared_as_what_it_says(reference, draft, right):
    values = scores(f"Nốt thùy trên phổi phải, {reference}.", f"Nốt thùy trên phổi phải, {draft}.")
    key = "lesion_suv" if "SUV" in reference else "lesion_size"
    assert (values[key], values["lesion_invented_numbers"]) == ((100, 0) if right else (0, 100))


AMOUNTS = st.builds(
    Amount.of,
    st.floats(0.1, 50),
    st.floats(0.1, 50),
    st.sampled_from(["=", "<", "≤", ">", "≥", "~"]),
).map(lambda amount: Amount(*sorted(amount)))


@given(AMOUNTS, AMOUNTS, st.sampled_from([0.1, 0.2]))
def test_an_amount_is_its_own_and_every_number_of_a_right_draft_is_one_the_reference_allows(one, other, within):
    assert agrees(one, one, within)
    assert not agrees(one, None, within) and not agrees(None, one, within)
    if agrees(one, other, within) and one.bound is None:
        assert all(one.low * (1 - within) - 1e-6 <= end <= one.high * (1 + within) + 1e-6 for end in other.ends)


def test_physiologic_uptake_is_no_lesion_to_find():
    assert compared([Lesion("fdg_uptake", "brain", nature=[Nature("physiologic")])]) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["station_4r"], ["paratracheal"], True),
        (["station_7"], ["subcarinal"], True),
        (["station_10r"], ["hilar"], True),
        (["station_10r"], ["station_4r"], False),
        (["level_2a"], ["cervical"], True),
        (["iliac"], ["pelvic"], True),
        (["iliac"], ["inguinal"], False),
        ([], [], False),
    ],
)
def test_nodes_lie_in_areas(one, other, same):
    first, second = compared([Lesion("lymph_node", "lymph_node", station=list(names)) for names in (one, other)])
    assert same_place(first, second) is same


@pytest.mark.parametrize(
    ("place", "region"),
    [
        ("lung", "chest"),
        ("thyroid", "head_neck"),
        ("brain", "head_neck"),
        ("adrenal", "abdomen_pelvis"),
        ("prostate", "abdomen_pelvis"),
        ("vertebra", "musculoskeletal"),
        ("femur", "musculoskeletal"),
        ("cervical", "head_neck"),
        ("mediastinal", "chest"),
        ("blood", ""),
    ],
)
def test_every_place_lies_in_a_region(place, region):
    assert region_of(place) == region


def test_scores_by_region_count_the_lesions_of_each():
    values = scores(f"{LUNG} {LIVER}", LUNG)
    assert values["lesion_tp_chest"] == 100
    assert values["lesion_tp_abdomen_pelvis"] == 0
    assert np.isnan(values["lesion_tp_head_neck"])


def test_a_table_of_lesions_stands_in_for_the_reference_s_text():
    table = [Lesion("nodule", "liver", "left", size_mm=[20.0], uptake="none")]
    assert scores(LUNG, LIVER)["lesion_tp"] == 0
    assert scores(LUNG, LIVER, records=[table])["lesion_tpf"] == 100
    with pytest.raises(ValueError, match="tables of lesions"):
        Pairs([LUNG], [LIVER], "vi", records=[table, table])


def test_phases_and_references_are_no_number_of_the_lesion_itself():
    suv = [
        LesionSuv("max", "=", 5.1, 5.1),
        LesionSuv("max", "=", 5.6, 5.6, "delayed"),
        LesionSuv("max", "=", 2.4, 2.4, None, "liver"),
    ]
    (one,) = compared([Lesion("lymph_node", "lymph_node", station=["hilar"], suv=suv)])
    assert one.suvs == (("max", Amount(5.1, 5.1)), ("max@delayed", Amount(5.6, 5.6)))


def test_the_family_is_scored_where_it_is_named_or_reports_are_of_pet():
    assert "lesions" in METRICS
    assert "lesions" not in families("vi")
    assert "lesions" in families("vi", wanted=["lesions", "rouge"])
    assert corpus([LUNG], [LUNG], "vi", ["lesions"])["lesion_tpf"] == 100
    assert metric("lesions").LOWER == ("lesion_omitted", "lesion_invented", "lesion_invented_numbers")


def test_every_key_has_a_name_and_a_value():
    assert sorted(lesions.TITLES) == sorted(lesions.KEYS)
    rows = lesions.statistics(Pairs([LUNG, NODE], [LUNG, ""], "vi"))
    assert lesions.aggregate(rows.sum(axis=0)).shape == (len(lesions.KEYS),)
    assert lesions.per_study(rows).tolist() == [[100, 100], [0, 0]]
