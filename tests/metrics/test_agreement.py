"""Cohen's κ and Gwet's AC1: worked cases, where they are undefined, and intervals."""

import dataclasses

import numpy as np
import pytest

from docphim.metrics.agreement import ac1, agreement, confusion_of, kappa


@pytest.mark.parametrize(
    ("confusion", "expected_kappa", "expected_ac1"),
    [
        # p_o 0.7; κ: p_e 0.5·0.6 + 0.5·0.4 = 0.5; AC1: π 0.55, p_e 2·0.55·0.45 = 0.495
        ([[20, 5], [10, 15]], 0.4, (0.7 - 0.495) / 0.505),
        # rare category: p_o 0.9; κ: p_e 0.95² + 0.05² = 0.905; AC1: p_e 2·0.95·0.05 = 0.095
        ([[90, 5], [5, 0]], -0.005 / 0.095, (0.9 - 0.095) / 0.905),
        # three categories: p_o 0.7; shares .5/.3/.2 and .4/.3/.3, so κ: p_e 0.20 + 0.09 + 0.06
        ([[3, 1, 1], [1, 2, 0], [0, 0, 2]], (0.7 - 0.35) / 0.65, (0.7 - (0.45 * 0.55 + 0.3 * 0.7 + 0.25 * 0.75) / 2)
         / (1 - (0.45 * 0.55 + 0.3 * 0.7 + 0.25 * 0.75) / 2)),
        ([[5, 0], [0, 5]], 1, 1),
        ([[0, 5], [5, 0]], -1, -1),
    ],
)  # fmt: skip
def test_values_agree_with_the_count_by_hand(confusion, expected_kappa, expected_ac1):
    assert kappa(np.array(confusion)) == pytest.approx(expected_kappa)
    assert ac1(np.array(confusion)) == pytest.approx(expected_ac1)


def test_many_tables_at_once_are_each_by_itself():
    tables = np.random.default_rng(1).integers(1, 20, (6, 3, 3))
    assert kappa(tables).tolist() == [float(kappa(t)) for t in tables]
    assert ac1(tables).tolist() == [float(ac1(t)) for t in tables]


def test_kappa_is_undefined_where_both_say_only_one_thing_and_where_nothing_is_counted():
    assert np.isnan(kappa(np.array([[9, 0], [0, 0]])))
    assert np.isnan(kappa(np.zeros((2, 2))))
    assert ac1(np.array([[9, 0], [0, 0]])) == 1


@pytest.mark.parametrize(("a", "b"), [("yyyy", "ynyn"), ("ynyn", "yyyy"), ("yyyy", "yyyy")])
def test_a_rater_of_one_category_leaves_no_kappa_and_is_told(a, b):
    found = agreement(a, b, list("1234"))
    assert (found.kappa["value"], found.kappa["why"]) == (None, "a rater used one category only")
    assert found.ac1["value"] is not None


def test_nothing_rated_is_told():
    found = agreement([], [], [])
    assert found.kappa["why"] == found.ac1["why"] == "nothing was rated by both"
    assert (found.n, found.observed) == (0, None)


def raters(n, agree):
    rng = np.random.default_rng(3)
    a = rng.integers(0, 2, n)
    return a.tolist(), np.where(rng.random(n) < agree, a, 1 - a).tolist()


def test_the_interval_holds_the_value_and_narrows_with_more_patients():
    widths = []
    for n in (60, 960):
        found = agreement(*raters(n, 0.8), [str(i) for i in range(n)], resamples=500, seed=1)
        assert found.n == n
        for key in ("kappa", "ac1"):
            assert getattr(found, key)["low"] < getattr(found, key)["value"] < getattr(found, key)["high"]
        widths.append(found.kappa["high"] - found.kappa["low"])
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.3)


def test_sentences_of_one_patient_are_drawn_together():
    a, b = raters(40, 0.8)
    once = agreement(a, b, [str(i) for i in range(40)], seed=1)
    copied = agreement(a * 3, b * 3, [str(i) for i in range(40)] * 3, seed=1)
    assert dataclasses.replace(copied, n=40) == once


def test_below_thirty_patients_there_is_no_interval():
    a, b = raters(90, 0.8)
    found = agreement(a, b, [str(i % 29) for i in range(90)])
    assert (found.kappa["low"], found.ac1["high"]) == (None, None)
    assert found.kappa["value"] is not None


def test_categories_that_one_rater_lacks_are_kept():
    assert confusion_of(["a", "c"], ["b", "c"]).sum(axis=0).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_the_raters_must_have_rated_the_same_things():
    with pytest.raises(ValueError, match="zip"):
        agreement("ab", "a", "12")
