"""Paired randomisation against full enumeration, its calibration under the null, and Holm against a worked example."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.metrics import families, metric
from docphim.metrics.intervals import patient_index
from docphim.metrics.pairs import Pairs
from docphim.metrics.significance import holm, paired_p


def mean(sums):
    """Percent of a count: statistics are (value, 1)."""
    return 100 * sums[..., :1] / np.maximum(sums[..., 1:2], 1)


def counted(values):
    return np.stack([np.asarray(values, float), np.ones(len(values))], axis=1)


def f1(sums):
    """A metric that is no mean: F1 of pooled counts (right, said, true)."""
    return 200 * sums[..., :1] / np.maximum(sums[..., 1:2] + sums[..., 2:3], 1)


def enumerated(ours, theirs, patient, aggregate):
    """The share of all 2^n ways to swap whole patients that differ at least as much as the systems do."""
    observed = abs(aggregate(ours.sum(0)) - aggregate(theirs.sum(0)))
    ways = list(product([False, True], repeat=patient.max() + 1))
    extreme = 0
    for way in ways:
        swapped = np.array(way)[patient][:, None]
        a, b = np.where(swapped, theirs, ours), np.where(swapped, ours, theirs)
        extreme += abs(aggregate(a.sum(0)) - aggregate(b.sum(0))) >= observed - 1e-9
    return extreme[0] / len(ways)


@pytest.mark.parametrize(
    ("ours", "theirs", "exact"),
    [
        ([1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0], 2 / 64),  # only all or none swapped differ as much
        ([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1], 14 / 64),  # |4| of 6 signs: 2 · (1 + 6) of 64
        ([1, 0], [0, 1], 1.0),
        ([3, 1], [0, 0], 0.5),
    ],
)
def test_small_cases_agree_with_the_count_by_hand(ours, theirs, exact):
    patient = np.arange(len(ours))
    assert enumerated(counted(ours), counted(theirs), patient, mean) == exact
    p = paired_p(counted(ours), counted(theirs), patient, mean, permutations=40_000, seed=1)
    assert p == pytest.approx([exact], abs=0.01)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_metric_that_is_no_mean_and_patients_with_several_reports_agree_with_full_enumeration(seed):
    rng = np.random.default_rng(seed)
    patient = np.sort(np.concatenate([np.arange(7), rng.integers(0, 7, 5)]))
    true = rng.integers(1, 6, 12)
    systems = []
    for _ in range(2):
        said = rng.integers(0, 6, 12)
        systems.append(np.stack([rng.integers(0, np.minimum(said, true) + 1), said, true], axis=1).astype(float))
    p = paired_p(*systems, patient, f1, permutations=20_000, seed=3)
    assert p == pytest.approx([enumerated(*systems, patient, f1)], abs=0.02)


def test_equal_systems_have_p_one():
    same = counted(np.random.default_rng(0).normal(size=50))
    assert paired_p(same, same, np.arange(50), mean, permutations=100, seed=1).tolist() == [1.0]


def test_which_system_comes_first_does_not_matter():
    rng = np.random.default_rng(4)
    a, b = counted(rng.normal(size=40)), counted(rng.normal(0.3, 1, 40))
    one, two = (paired_p(x, y, np.arange(40), mean, permutations=5000, seed=1) for x, y in ((a, b), (b, a)))
    assert one == two


def test_p_is_never_zero():
    p = paired_p(counted([1] * 60), counted([0] * 60), np.arange(60), mean, permutations=999, seed=1)
    assert p == pytest.approx([1 / 1000])


def test_under_the_null_p_is_uniform():
    rng, values = np.random.default_rng(7), []
    for seed in range(400):
        a, b = rng.normal(size=(2, 40))
        values.append(paired_p(counted(a), counted(b), np.arange(40), mean, permutations=199, seed=seed)[0])
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        spread = 3.5 * (level * (1 - level) / len(values)) ** 0.5
        assert abs(np.mean(np.array(values) <= level) - level) < spread


def test_reports_of_one_patient_are_no_new_evidence():
    rng = np.random.default_rng(2)
    a, b = counted(rng.normal(0.4, 1, 30)), counted(rng.normal(size=30))
    once = paired_p(a, b, np.arange(30), mean, permutations=2000, seed=1)
    copied = paired_p(np.tile(a, (5, 1)), np.tile(b, (5, 1)), np.tile(np.arange(30), 5), mean, permutations=2000, seed=1)
    alone = paired_p(np.tile(a, (5, 1)), np.tile(b, (5, 1)), np.arange(150), mean, permutations=2000, seed=1)
    assert copied == once
    assert alone < once


def test_blocks_and_seed_decide_nothing_and_everything(monkeypatch):
    rng = np.random.default_rng(2)
    a, b = counted(rng.normal(0.2, 1, 70)), counted(rng.normal(size=70))
    whole = paired_p(a, b, np.arange(70), mean, permutations=500, seed=1)
    assert paired_p(a, b, np.arange(70), mean, permutations=500, seed=2) != whole
    monkeypatch.setattr("docphim.metrics.significance._CELLS", 777)
    assert paired_p(a, b, np.arange(70), mean, permutations=500, seed=1) == whole


def test_an_undefined_value_has_no_p():
    def undefined(sums):
        return np.stack([sums[..., 0], np.full(sums.shape[:-1], np.nan)], axis=-1)

    p = paired_p(counted([1, 2]), counted([1, 0]), np.arange(2), undefined, permutations=50, seed=1)
    assert np.isnan(p[1])
    assert 0 < p[0] <= 1


def test_systems_on_different_reports_are_not_paired():
    with pytest.raises(ValueError, match="not paired"):
        paired_p(counted([1, 2]), counted([1]), np.arange(2), mean, permutations=10, seed=1)


@pytest.mark.parametrize("name", families("vi"))
def test_every_metric_of_the_house_can_be_tested(name):
    kind, words = metric(name), ["bóng tim to", "tràn dịch màng phổi phải", "xẹp phổi trái"]
    rng = np.random.default_rng(5)
    references = [". ".join(rng.choice(words, 2)) for _ in range(40)]
    wrong = [r if i % 3 else "góc sườn hoành tù" for i, r in enumerate(references)]
    ours, theirs = (kind.statistics(Pairs(references, said, "vi")) for said in (references, wrong))
    p = paired_p(ours, theirs, patient_index([str(i) for i in range(40)]), kind.aggregate, permutations=300, seed=1)
    assert p.shape == (len(kind.KEYS),)
    assert (p[np.isfinite(p)] <= 1).all()
    assert np.nanmin(p) < 0.05


@pytest.mark.parametrize(
    ("p", "corrected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # ordered 0.005·4, 0.01·3, 0.03·2, then not below 0.06
        ([0.04, None, 0.02], [0.04, None, 0.04]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([None], [None]),
        ([], []),
        ([0.03], [0.03]),
    ],
)
def test_holm_agrees_with_the_example_by_hand(p, corrected):
    assert holm(p) == [value if value is None else pytest.approx(value) for value in corrected]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=20))
def test_holm_keeps_the_order_and_never_helps(p):
    corrected = holm(p)
    pairs = sorted((a, b) for a, b in zip(p, corrected, strict=True) if a is not None)
    assert all(a <= b <= 1 for a, b in pairs)
    assert [b for _, b in pairs] == sorted(b for _, b in pairs)
    assert [i for i, v in enumerate(p) if v is None] == [i for i, v in enumerate(corrected) if v is None]


def test_the_same_reports_and_seed_give_the_same_p_to_the_last_digit():
    values = np.random.default_rng(4).random((2, 128))  # of 64 patients: their draws fill one word
    p = paired_p(counted(values[0]), counted(values[1]), np.arange(128) // 2, mean, permutations=999, seed=7)
    assert p.tolist() == [0.345]
