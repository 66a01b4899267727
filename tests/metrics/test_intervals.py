"""Bootstrap over patients: whom it draws, when it is silent, and that it is right about a known spread."""

import numpy as np
import pytest

from docphim.metrics.intervals import interval, patient_index, resampled_sums
from docphim.metrics.measure import lead, mean_score, measure, reading, table
from docphim.metrics.pairs import Pairs
from docphim.scores import Reading, Score

RNG = np.random.default_rng(0)


def mean_interval(values, patients, seed=1):
    statistics = np.stack([values, np.ones(len(values))], axis=1)
    sums = resampled_sums(statistics, patient_index(patients), 2000, seed)
    return None if sums is None else interval(sums[:, 0] / sums[:, 1])


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    values = RNG.normal(10, 2, 400)
    low, high = mean_interval(values, [str(i) for i in range(400)])
    assert low == pytest.approx(values.mean() - 1.96 * values.std() / 20, abs=0.03)
    assert high == pytest.approx(values.mean() + 1.96 * values.std() / 20, abs=0.03)


def test_reports_of_one_patient_are_drawn_together():
    values = RNG.normal(0, 1, 50)
    alone = mean_interval(values, [str(i) for i in range(50)])
    fourfold = mean_interval(np.tile(values, 4), [str(i) for i in range(50)] * 4)
    assert fourfold == pytest.approx(alone)


@pytest.mark.parametrize(("patients", "given"), [(29, False), (30, True)])
def test_below_thirty_patients_there_is_no_interval(patients, given):
    reports = [str(i % patients) for i in range(100)]
    assert (mean_interval(RNG.normal(size=100), reports) is not None) is given


def test_chunks_do_not_change_the_draws(monkeypatch):
    values, patients = RNG.normal(size=100), [str(i) for i in range(100)]
    whole = mean_interval(values, patients)
    monkeypatch.setattr("docphim.metrics.intervals._CELLS", 777)
    assert mean_interval(values, patients) == whole


def test_the_seed_decides_the_draws():
    values, patients = RNG.normal(size=60), [str(i) for i in range(60)]
    assert mean_interval(values, patients, 1) == mean_interval(values, patients, 1) != mean_interval(values, patients, 2)


def valued(rows):
    """All rows but those of urgent findings, of which these words hold none."""
    return {key: row for key, row in rows.items() if not key.startswith("safety_")}


def reports(n=40):
    words = ["tim", "phổi", "to", "mờ", "nốt", "bờ", "đều", "rõ"]
    return [" ".join(RNG.choice(words, 12)) for _ in range(n)]


def test_a_system_measured_against_itself_leads_by_nothing():
    texts = reports()
    system = measure(Pairs(texts, reports(), "vi"), [str(i) for i in range(40)], resamples=200, seed=3)
    assert all(row == Score(0.0, 0.0, 0.0) for row in valued(lead(system, system)).values())


def test_a_lead_is_paired_so_its_interval_is_narrower_than_the_two_together():
    references, patients = reports(), [str(i) for i in range(40)]
    noisy = [r if i % 2 else "" for i, r in enumerate(references)]
    worse = [" ".join(p.split()[:-1]) for p in noisy]
    better = measure(Pairs(references, noisy, "vi"), patients, resamples=500, seed=3)
    other = measure(Pairs(references, worse, "vi"), patients, resamples=500, seed=3)
    row, own = lead(better, other)["rouge1"], table(better)["rouge1"]
    assert 0 < row.low < row.value < row.high
    assert row.high - row.low < (own.high - own.low) / 4


def test_every_value_lies_in_its_interval_and_carries_number_and_signature():
    rows = table(measure(Pairs(reports(), reports(), "vi"), [str(i) for i in range(40)], resamples=200, seed=3))
    for key, row in valued(rows).items():
        assert 0 <= row.low <= row.value <= row.high <= 100
        assert row.n == 40
        assert row.signature.startswith(f"docphim:{key}|")


def test_few_reports_have_values_without_intervals():
    rows = table(measure(Pairs(reports(29), reports(29), "vi"), [str(i) for i in range(29)], resamples=200, seed=3))
    assert all(row.low is None and row.high is None and row.value >= 0 for row in valued(rows).values())
    assert all("|bs:none|seed:none|" in row.signature for row in rows.values())


def test_a_mean_of_nothing_is_null():
    assert mean_score(np.array([]), [], resamples=100, seed=0) == Score(None, n=0)


def difference(low, value=5.0):
    return {"fact_f1": Score(value, low, None if low is None else 9.0)}


@pytest.mark.parametrize(
    ("leads", "drop", "beats", "needs"),
    [
        ((1.0, 2.0), 0.5, True, True),
        ((1.0, -0.1), -0.5, False, False),
        ((0.0,), 0.0, False, False),
        ((1.0, None), None, None, None),
        ((), 1.0, None, True),
    ],
)
def test_a_lead_or_drop_counts_only_where_its_whole_interval_lies_above_0(leads, drop, beats, needs):
    floors = {str(i): difference(low) for i, low in enumerate(leads)}
    assert reading(floors, difference(drop)) == {"fact_f1": Reading(beats, needs)}
    assert all(row.needs_image is None for row in reading(floors, {}).values())
