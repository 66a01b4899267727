"""How far two tables of lesions agree: F1, κ of each field over what both have, shares of sizes and SUVs, differences."""

import dataclasses

import pytest

from docphim.metrics.agreement import CONSTANT
from docphim.metrics.reader_agreement import FIELDS, Both, agree, difference
from docphim.study import Lesion, LesionSuv, Nature

NODULE = Lesion("nodule", "lung", "right", ["upper_lobe"], size_mm=[10.0], size_of="one", uptake="high")
MASS = Lesion("mass", "liver", None, size_mm=[40.0], size_of="one", suv=[LesionSuv("max", "=", 6.0, 6.0)], uptake="high")
NODE = Lesion("lymph_node", "lymph_node", "left", station=["hilar"], uptake="mild", nature=[Nature("metastasis")])


def changed(lesion, **values):
    return dataclasses.replace(lesion, **values)


def both(*cases):
    return [Both(f"p{n}", one, two) for n, (one, two) in enumerate(cases)]


@pytest.mark.parametrize(
    ("one", "two", "tp", "tpf"),
    [
        ([NODULE, MASS], [MASS, NODULE], 100, 100),
        ([NODULE, MASS], [NODULE], 66.6666666667, 66.6666666667),
        ([NODULE], [changed(NODULE, type="cyst")], 0, 0),
        ([NODULE], [changed(NODULE, uptake="none")], 100, 0),
        ([NODULE], [], 0, 0),
        ([], [], None, None),
    ],
)
def test_f1_is_that_of_the_lesion_scores_and_the_same_both_ways(one, two, tp, tpf):
    for cases in (both((one, two)), both((two, one))):
        f1 = agree(cases, 50, 1)["f1"]
        assert (f1["lesion_tp"]["value"], f1["lesion_tpf"]["value"]) == (tp, tpf)
        assert (f1["lesion_tp"]["low"], f1["lesion_tp"]["high"]) == (None, None), "one patient has no interval"


def test_fields_are_compared_over_lesions_in_one_place_and_organs_over_lesions_of_one_type():
    moved = changed(NODULE, organ="pleura")
    cases = both(
        ([NODULE, MASS], [changed(NODULE, type="mass", side="left"), MASS]),
        ([NODULE, MASS], [NODULE, MASS]),
        ([NODE], [changed(NODE, nature=[Nature("inflammation")])]),
        ([NODULE], [moved]),
    )
    answer = agree(cases, 50, 1)
    fields = answer["fields"]
    assert list(fields) == list(FIELDS) and answer["cases"] == 4
    assert {name: field["n"] for name, field in fields.items()} == dict.fromkeys(FIELDS, 5) | {"organ": 5}
    assert fields["type"]["observed"] == fields["side"]["observed"] == fields["nature"]["observed"] == 0.8
    assert fields["organ"]["observed"] == 0.8, "the nodule that one has in the pleura"
    assert fields["uptake"]["observed"] == 1 and fields["uptake"]["kappa"]["value"] == 1
    # type: both say mass, mass, nodule, node; one says nodule where the other says mass; expected (2*3 + 2*1 + 1*1) / 25
    assert fields["type"]["kappa"]["value"] == pytest.approx((0.8 - 9 / 25) / (1 - 9 / 25))


def test_a_field_of_which_one_value_is_used_has_no_kappa():
    kappa = agree(both(([NODULE], [NODULE])), 50, 1)["fields"]["uptake"]["kappa"]
    assert (kappa["value"], kappa["why"]) == (None, CONSTANT)


@pytest.mark.parametrize(
    ("mm", "suv", "shares"), [(44, 6.5, (100, 100)), (55, 6.5, (0, 100)), (40, 9, (100, 0)), (None, None, None)]
)
def test_sizes_are_one_within_a_fifth_and_suvs_within_a_tenth(mm, suv, shares):
    suvs = [LesionSuv("max", "=", suv, suv)] if suv else []
    other = changed(MASS, size_mm=[float(mm)] if mm else [], suv=suvs)
    amounts = agree(both(([MASS], [other])), 50, 1)["amounts"]
    got = (amounts["size"]["value"], amounts["suv"]["value"])
    assert got == (shares or (None, None)) and amounts["size"]["n"] == (1 if mm else 0)


def test_intervals_are_over_patients_and_hold_the_value():
    cases = both(*[([NODULE, MASS], [NODULE, MASS] if n % 3 else [changed(NODULE, side="left")]) for n in range(60)])
    answer = agree(cases, 200, 1)
    for score in (answer["f1"]["lesion_tp"], answer["fields"]["side"]["kappa"]):
        assert score["low"] < score["value"] < score["high"]
    assert answer == agree(cases, 200, 1)


def test_a_difference_is_that_of_two_f1_and_drawn_with_its_patients():
    alike, apart = [([NODULE], [NODULE])] * 40, [([NODULE], [NODULE] if n % 2 else [MASS]) for n in range(40)]
    first, second = both(*alike), [dataclasses.replace(case, patient=f"q{case.patient}") for case in both(*apart)]
    minus = difference(first, second, 200, 1)["lesion_tp"]
    assert minus["value"] == 50 and 30 < minus["low"] < 50 < minus["high"] < 70
    assert difference(first, first, 200, 1)["lesion_tp"] == {"value": 0, "low": 0, "high": 0}
    assert difference(first, [], 200, 1)["lesion_tp"]["value"] is None
