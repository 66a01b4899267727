"""Labels of 200 real Vietnamese sentences, marked before the rules were run on them (tests/data/HELDOUT.md)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from heldout import SENTENCES, cases, measure

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not SENTENCES.is_file(), reason="the real Vietnamese sentences are not here (DOCPHIM_SHARED)"),
]


def test_each_mark_has_its_sentence() -> None:
    assert len(cases("vi")) == 200


@pytest.mark.parametrize(
    ("set_", "least"), [("ct_rate", 97.6), ("ct_rate_clinical", 97.4), ("vindr", 96.4), ("chexpert", 96.2)]
)
def test_states_are_as_marked(set_: str, least: float) -> None:
    """What was reached, less one point."""
    assert measure("vi", set_)["states"] >= least
