"""findings: what counts as named, and from how many studies on a rate is shown."""

import numpy as np
import pytest

from docphim.evaluate.findings import FEWEST, by_finding
from docphim.language.facts import facts
from docphim.metrics.intervals import patient_index, resampled_sums

TRUE, FALSE = {"cardiomegaly": 1}, {"cardiomegaly": 0}


def rates(sick: list[str], well: list[str]) -> dict:
    cases = [(text, TRUE, f"a{i}") for i, text in enumerate(sick)] + [(text, FALSE, f"b{i}") for i, text in enumerate(well)]
    return by_finding(cases, "vi", resamples=100, seed=1)


@pytest.mark.parametrize(
    ("text", "named"),
    [("Bóng tim to.", 1), ("Nghĩ đến bóng tim to.", 1), ("Theo dõi bóng tim to.", 1), ("Bóng tim không to.", 0), ("", 0)],
)
def test_a_finding_that_the_draft_hedges_counts_as_named(text, named):
    """On a film without it a suspicion is a false alarm, on a film with it a hit."""
    sick, well = ["Bóng tim to."] * 6, ["Bóng tim không to."] * 6
    assert rates([text] * 6, well)["cardiomegaly"].tpr == named
    assert rates(sick, [text] * 6)["cardiomegaly"].fpr == named


def test_a_scan_is_read_for_the_findings_of_scans():
    sick, well = "Khí phế thũng hai phổi. Đám kính mờ thùy trên phổi trái.", "Nhu mô hai phổi không thấy tổn thương khu trú."
    truths = [{"emphysema": int(i < 6), "ground_glass_left": int(i < 6), "ground_glass_right": int(i % 2)} for i in range(12)]
    cases = [(sick if i < 6 else well, truth, f"p{i}") for i, truth in enumerate(truths)]
    read = by_finding(cases, "vi", resamples=100, seed=1, label_set="phantom_ct")
    before = {text: facts(text, "vi") for text in (sick, well)}
    assert by_finding(cases, "vi", resamples=100, seed=1, label_set="phantom_ct", facts_read=before) == read
    assert {name: rate.j for name, rate in read.items()} == {
        "emphysema": 1.0,
        "ground_glass_left": 1.0,
        "ground_glass_right": 0.0,
        "ground_glass (side)": 0.5,
    }


@pytest.mark.parametrize(("sick", "well", "shown"), [(5, 5, True), (4, 9, False), (9, 4, False)])
def test_no_rate_is_shown_of_fewer_studies_than_five(sick, well, shown):
    assert FEWEST == 5
    assert ("cardiomegaly" in rates(["Bóng tim to."] * sick, ["Bóng tim không to."] * well)) is shown


def test_the_interval_leaves_out_samples_without_a_sick_or_without_a_healthy_study_and_no_other():
    sick = ["Bóng tim to.", "Bóng tim to.", "Bóng tim to.", "Bóng tim không to.", "Bóng tim không to."]
    well = ["Bóng tim không to."] * 26 + ["Bóng tim to."] * 2
    hit, alarm = (np.array([text == "Bóng tim to." for text in texts]) for texts in (sick, well))
    people = [*(f"a{i}" for i in range(len(sick))), *(f"b{i}" for i in range(len(well)))]
    table = np.zeros((len(people), 4))
    table[: len(sick)] = np.stack([hit, ~hit, 0 * hit, 0 * hit], axis=1)
    table[len(sick) :] = np.stack([0 * alarm, 0 * alarm, alarm, ~alarm], axis=1)
    sums = resampled_sums(table, patient_index(people), 100, 1)
    both = sums[(sums[:, 0] + sums[:, 1] >= 1) & (sums[:, 2] + sums[:, 3] >= 1)]
    assert any(both[:, 0] + both[:, 1] == 1), "a sample that tells whether more than one is asked for"
    j = both[:, 0] / (both[:, 0] + both[:, 1]) - both[:, 2] / (both[:, 2] + both[:, 3])
    found = rates(sick, well)["cardiomegaly"]
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(j, [2.5, 97.5])), abs=1e-4)
