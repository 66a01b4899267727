"""The candidates of a real whole-body PET: its one tumour is among few, with the SUVmax that was measured independently."""

import os
from pathlib import Path

import pytest

from docphim.imaging.candidates import Rule
from docphim.imaging.candidates_look import look

SHARED = Path(os.environ.get("DOCPHIM_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real input is not here")]


def test_the_tumour_of_the_thigh_is_one_candidate_and_hardly_anything_else_is() -> None:
    (row,) = look(SHARED / "pet_fdg_sts001" / "pet_dicom", Rule())["series"]
    tumour, *others = row["candidates"]
    assert tumour["suv_max"] == pytest.approx(7.9107, abs=1e-3)
    assert (tumour["region"], tumour["side"], tumour["size_on"]) == ("limbs", "left", "pet")
    assert 100 < tumour["ml"] < 300 and tumour["size_mm"][0] > 60
    assert len(others) <= 1
    rules = {one["rule"] for one in row["left_out"]}
    assert {"brain", "heart", "kidneys", "bladder", "ureters", "vein"} <= rules
