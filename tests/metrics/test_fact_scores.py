"""Facts that two reports share: hand-counted scores, one-to-one matching, and the kind of each error."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.fact import Fact
from docphim.metrics import corpus, facts
from docphim.metrics.matching import ERRORS, KINDS, Matching, error_counts, matchings
from docphim.metrics.pairs import Pairs


def fact(finding=None, anatomy="lung", **fields):
    polarity = fields.pop("polarity", "present" if finding else "normal")
    return Fact(fields.pop("text", ""), 0, 0, anatomy, finding=finding, polarity=polarity, **fields)


EFFUSION = fact("effusion", "pleura", side="right")
NO_MASS = fact("mass", polarity="absent")
HEART = fact(None, "heart", state="enlarged", polarity="normal")
NODULE = fact("nodule", side="left", location=("upper_lobe",), severity="mild", size_mm=(12.0, 14.0))


def said(*reports):
    """Pairs of reports that hold these facts, (reference, prediction) each; None is an empty text."""
    texts, read = [], {"": []}
    for i, (reference, prediction) in enumerate(reports):
        texts.append((f"r{i}", "" if prediction is None else f"p{i}"))
        read |= {f"r{i}": list(reference), f"p{i}": list(prediction or [])}
    return Pairs([r for r, _ in texts], [p for _, p in texts], "vi", facts_read=read)


def match(reference, prediction) -> Matching:
    return matchings(said((reference, prediction)))[0]


def values(*reports):
    return dict(zip(facts.KEYS, facts.aggregate(facts.statistics(said(*reports)).sum(axis=0)), strict=True))


def change(base, **fields):
    kept = {name: getattr(base, name) for name in Fact.__slots__}
    return Fact(**(kept | fields))


@pytest.mark.parametrize(
    ("reference", "prediction", "precision", "recall", "f1"),
    [
        ([EFFUSION, HEART], [EFFUSION, HEART], 100, 100, 100),
        ([EFFUSION, HEART, NO_MASS], [HEART], 100, 100 / 3, 50),
        ([HEART], [HEART, HEART], 50, 100, 200 / 3),
        ([HEART, HEART], [HEART], 100, 50, 200 / 3),
        ([EFFUSION], [change(EFFUSION, side="left")], 0, 0, 0),
        ([EFFUSION], [], 0, 0, 0),
        ([], [EFFUSION], 0, 0, 0),
        ([], [], 100, 100, 100),
        ([EFFUSION], None, 0, 0, 0),
    ],
)
def test_one_pair_scores_as_counted_by_hand(reference, prediction, precision, recall, f1):
    scores = values((reference, prediction))
    assert [scores[f"fact_{k}"] for k in ("precision", "recall", "f1", "f1_macro")] == pytest.approx(
        [precision, recall, f1, f1]
    )


def test_an_empty_prediction_scores_nothing_even_beside_a_reference_without_facts():
    assert values(([], None))["fact_f1_macro"] == 0


def test_core_forgives_how_much_and_nothing_else():
    more = change(NODULE, severity="severe", size_mm=(9.0,), count="multiple", suv=5.2)
    scores = values(([NODULE], [more]))
    assert (scores["fact_f1"], scores["fact_f1_core"], scores["fact_f1_core_macro"]) == (0, 100, 100)
    for other in ({"side": "right"}, {"location": ()}, {"certainty": "possible"}, {"change": "new"}, {"leftover": ("gai",)}):
        assert values(([NODULE], [change(NODULE, **other)]))["fact_f1_core"] == 0


def test_numbers_compare_as_numbers():
    assert (
        values(([change(NODULE, size_mm=(12, 14), suv=5)], [change(NODULE, size_mm=(12.0, 14.0), suv=5.0)]))["fact_f1"] == 100
    )


def test_micro_pools_facts_and_macro_averages_reports():
    scores = values(([HEART, EFFUSION, NO_MASS], [HEART, EFFUSION, NO_MASS]), ([NODULE], [HEART]), ([], []))
    assert scores["fact_f1"] == scores["fact_precision"] == scores["fact_recall"] == 75
    assert scores["fact_f1_macro"] == pytest.approx(200 / 3)


def test_where_no_report_holds_a_fact_micro_is_macro():
    scores = values(([], []), ([], []))
    assert scores["fact_f1"] == scores["fact_recall"] == scores["fact_f1_macro"] == 100
    sums = facts.statistics(Pairs(["Xin.", "Xin.", ""], ["Xin.", "", ""], "vi", facts_read={"Xin.": [], "": []})).sum(axis=0)
    scores = dict(zip(facts.KEYS, facts.aggregate(sums), strict=True))
    assert scores["fact_f1"] == scores["fact_precision"] == scores["fact_f1_macro"] == pytest.approx(100 / 3)


def test_the_words_and_the_place_in_the_text_of_a_fact_do_not_matter():
    assert (
        values(([change(HEART, text="tim không to", start=3)], [change(HEART, text="Bóng tim không to", start=9)]))["fact_f1"]
        == 100
    )


POOL = [HEART, EFFUSION, NO_MASS, NODULE, change(NODULE, severity=None), change(EFFUSION, side="left"), fact(None, "heart")]
REPORTS = st.lists(st.sampled_from(POOL), max_size=7)


@given(REPORTS, REPORTS)
def test_matching_uses_every_fact_and_calls_nothing_equal_wrong(reference, prediction):
    matching = match(reference, prediction)
    paired = [pair[:2] for pair in matching.right + matching.wrong]
    for side, facts_, alone in ((0, reference, matching.missing), (1, prediction, matching.hallucinated)):
        assert sorted({*(pair[side] for pair in paired), *alone}) == list(range(len(facts_)))
        assert not {pair[side] for pair in paired} & {*alone}
    assert all(reference[i].strict != prediction[j].strict for i, j, _ in matching.wrong)
    assert facts.statistics(said((reference, prediction)))[0, 2] <= len(matching.right)


@given(REPORTS, REPORTS, st.randoms())
def test_the_order_of_facts_changes_no_score_and_no_error_count(reference, prediction, draw):
    mixed = draw.sample(reference, len(reference)), draw.sample(prediction, len(prediction))
    assert facts.statistics(said((reference, prediction))).tolist() == facts.statistics(said(mixed)).tolist()
    assert len(match(reference, prediction).wrong) == len(match(*mixed).wrong)


@given(REPORTS, REPORTS)
def test_reference_and_prediction_exchanged_exchange_missing_and_hallucinated(reference, prediction):
    there, back = match(reference, prediction), match(prediction, reference)
    assert (len(there.missing), len(there.hallucinated)) == (len(back.hallucinated), len(back.missing))
    assert sorted(kind for *_, kind in there.wrong) == sorted(kind for *_, kind in back.wrong)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("polarity", {"polarity": "absent"}),
        ("polarity", {"polarity": "absent", "side": None, "severity": None}),
        ("side", {"side": "right"}),
        ("detail", {"side": None}),
        ("side", {"side": "right", "severity": "severe"}),
        ("location", {"location": ("lower_lobe",)}),
        ("detail", {"part": "wall"}),
        ("severity", {"severity": "severe", "size_mm": (3.0,)}),
        ("number", {"size_mm": (20.0, 12.0)}),
        ("detail", {"size_mm": ()}),
        ("detail", {"suv": 5.2}),
        ("certainty", {"certainty": "possible"}),
        ("detail", {"change": "new"}),
        ("detail", {"leftover": ("spiculated",)}),
    ],
)
def test_a_fact_that_is_wrong_is_classed_by_its_gravest_difference(kind, fields):
    found = match([HEART, NODULE], [HEART, change(NODULE, **fields)])
    assert (found.wrong, found.missing, found.hallucinated) == ([(1, 1, kind)], [], [])


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (HEART, fact(None, "heart", state="enlarged", polarity="abnormal"), "polarity"),
        (fact(None, "aorta", state="bulging", polarity="abnormal"), fact(None, "aorta", state="normal"), "polarity"),
        (fact("mass", None), fact("mass", "lung"), "detail"),
    ],
)
def test_one_thing_said_in_two_ways_that_cannot_both_be_true_is_one_error(one, other, kind):
    for a, b in ((one, other), (other, one)):
        assert match([a], [b]).wrong == [(0, 0, kind)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (EFFUSION, change(EFFUSION, side="left", polarity="absent")),  # both can be true
        (change(NODULE, location=("apex",)), change(NODULE, location=("base",), polarity="absent")),
        (fact("mass", "liver"), fact("mass", "lung")),
        (NODULE, EFFUSION),
    ],
)
def test_facts_that_do_not_stand_for_each_other_are_missing_and_hallucinated(one, other):
    found = match([one], [other])
    assert (found.wrong, found.missing, found.hallucinated) == ([], [0], [0])


def test_all_that_denies_what_is_left_out_is_wrong_and_nothing_twice():
    reference = "Mờ toàn bộ phổi trái, tràn dịch màng phổi trái lượng nhiều. Tim không to."
    draft = "Hai phổi sáng. Không thấy tràn dịch màng phổi. Góc sườn hoành hai bên nhọn. Tim không to."
    (found,) = matchings(Pairs([reference], [draft], "vi"))
    assert found.wrong == [(0, 0, "polarity"), (1, 1, "polarity"), (1, 2, "polarity")] and found.right == [(2, 3)]


def test_of_several_candidates_those_that_differ_least_are_paired():
    right, left = (fact("nodule", side=side, size_mm=(size,)) for side, size in (("right", 5.0), ("left", 8.0)))
    found = match([right, left], [change(left, size_mm=(5.0,)), change(right, size_mm=(8.0,))])
    assert found.wrong == [(0, 1, "number"), (1, 0, "number")]


def test_error_counts_have_every_kind():
    found = match([EFFUSION, HEART, NODULE], [change(EFFUSION, side="left"), NO_MASS])
    assert error_counts([found, found]) == dict.fromkeys(ERRORS, 0) | {"side": 2, "missing": 4, "hallucinated": 2}
    assert set(ERRORS) == {*KINDS, "missing", "hallucinated"}


def test_a_report_that_repeats_itself_ten_thousand_times_is_matched():
    many = [change(NODULE, size_mm=(float(i),)) for i in range(10_000)]
    other = [change(fact, side="right") for fact in many]
    found = match(many, other)
    assert len(found.wrong) == 10_000 and not found.missing


def test_sums_of_statistics_are_enough_to_score_a_part_of_the_corpus():
    draw = random.Random(1)
    reports = [(draw.sample(POOL, 4), draw.sample(POOL, 3)) for _ in range(6)]
    whole = facts.statistics(said(*reports))
    part = values(*reports[:4])
    assert facts.aggregate(whole[:4].sum(axis=0)) == pytest.approx([part[k] for k in facts.KEYS])


def test_many_rows_of_sums_give_as_many_values_and_no_nan():
    sums = np.vstack([facts.statistics(said(([EFFUSION], [EFFUSION]), ([], [HEART]))), np.zeros((1, 10))])
    found = facts.aggregate(sums)
    assert found.shape == (3, len(facts.KEYS)) and np.isfinite(found).all()
    assert list(itertools.chain(*found[:2])) == [100.0] * 8 + [0.0] * 8


def test_no_report_at_all_has_no_fact_score_and_no_error():
    assert set(corpus([], [], "vi", ["facts"]).values()) == {0.0}
