"""Scores rank drafts as they are graded: the floors that the ordering set reaches."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from blindness import changed, reports
from ordering import HEAD, ranked, references, table, tau, verbatim

#: Kendall's tau of the clinical score that is reached: of all drafts, and of those that are the reference with one edit.
FLOORS = {"first": (0.88, 0.95), "second": (0.6, 0.85)}


@pytest.mark.parametrize("half", FLOORS)
def test_the_clinical_score_ranks_drafts_as_they_are_graded(half):
    rows = references(half)
    every, edited = table(rows), table(list(map(verbatim, rows)))
    assert every[HEAD].value >= FLOORS[half][0] and edited[HEAD].value >= FLOORS[half][1]
    assert all(every[HEAD].value > bounds.value for key, bounds in every.items() if key != HEAD)


def test_taking_facts_of_one_meaning_as_one_blinds_nothing():
    scores = changed(reports()[:40])
    assert scores.pop("nothing") == {"strict": 100, "abnormal": 100, "clinical": 100}
    for name, most in {"side": 5, "denied": 1, "lobe": 10, "another patient": 15}.items():
        assert scores[name]["abnormal"] <= most
    # core leaves amounts out; the clinical score does not
    for name, most in {"side": 65, "denied": 5, "lobe": 85, "grade": 80, "another patient": 25}.items():
        assert scores[name]["clinical"] <= most


def test_tau_counts_pairs_of_unequal_severity_within_a_reference():
    row = {"drafts": [{"severity": severity} for severity in (0, 1, 1, 4)]}
    assert ranked(row, [90, 80, 70, 10]) == (5, 5)
    assert ranked(row, [90, 95, 90, 10]) == (3 - 1, 5)  # one pair is wrong, one tied
    assert tau([(5, 5), (2, 5)]).value == 0.7
