"""CT-RATE's labels of invented English reports, marked before the rules were run on them (tests/data/HELDOUT.md)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from heldout import SETS, cases, f1, measure


@pytest.mark.parametrize("set_", SETS["en"])
@pytest.mark.parametrize(("score", "least"), [("states", 94.5), ("positive_macro", 95.5)])
def test_labels_of_reports_are_as_marked(set_: str, score: str, least: float) -> None:
    """What was reached, less a point."""
    assert measure("en", set_)[score] >= least


@pytest.mark.parametrize("set_", SETS["en"])
def test_every_label_is_marked_positive_somewhere(set_: str) -> None:
    found = measure("en", set_)
    assert len(cases("en")) == 120
    assert len(found["support"]) == 18
    assert min(found["support"].values()) >= 5
    assert min(found["by_label"].values()) >= 80.0


def test_f1_of_counts_by_hand() -> None:
    assert f1({"hit": 3, "said": 4, "true": 5}) == pytest.approx(200 * 3 / 9)
    assert f1({"hit": 0, "said": 1, "true": 0}) == 0.0
    assert f1({"hit": 0, "said": 0, "true": 0}) == 100.0
