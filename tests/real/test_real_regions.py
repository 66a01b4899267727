"""Regions of real scans: a whole-body PET whose tumour lies in the thigh, and a CT that shows a chest alone."""

import os
from pathlib import Path

import numpy as np
import pytest

from docphim.errors import Refused
from docphim.imaging.io import read_volume, series
from docphim.imaging.io.planes import across
from docphim.imaging.io.slices import header_of, slices_of
from docphim.imaging.space.regions import Outline
from docphim.imaging.units import measured
from docphim.study import REGIONS

SHARED = Path(os.environ.get("DOCPHIM_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
STS, CHEST = SHARED / "pet_fdg_sts001", SHARED / "ct_chest_lidc_0314"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real input is not here")]


def outline(planes, volume, *, back=False, feet=False):
    upright, turn = across(planes)
    answer, last = Outline(upright.shape, turn.spacing, volume), upright.shape[0] - 1
    for number, plane in enumerate(upright.read()):
        place = last - number if turn.backwards[0] != feet else number
        answer.take(place, plane[::-1] if back else plane)
    return answer.regions(), turn


@pytest.fixture(scope="module")
def chest():
    return series.planes_of(slices_of([(path, header_of(path)) for path in CHEST.rglob("*.dcm")]))


@pytest.fixture(scope="module")
def pet():
    return measured.planes(sorted((STS / "pet_dicom").rglob("*.dcm")))[0]


def test_a_tumour_of_the_thigh_lies_in_the_limbs_of_a_pet_without_ct(pet):
    row, turn = outline(pet, "pet")
    mask = read_volume(str(STS / "ibsi_STS_001_PET_mask.nii.gz"))
    places = np.argwhere(np.asarray(mask.array) > 0)[:, ::-1]
    heights = (places @ mask.affine[:3, :3].T + mask.affine[:3, 3])[:, 2]
    slices = (heights - turn.affine[2, 3]) / turn.affine[2, 2]
    assert slices.min() * turn.spacing[0] > 330 and slices.max() * turn.spacing[0] < 873  # the crop lies in the scan
    assert row["limbs"][0] <= slices.min() and slices.max() <= row["limbs"][1]
    assert row["flags"] == ["arms_up", "head_cut", "no_diaphragm"] and row["chest"] == row["abdomen_pelvis"]
    assert 198 <= row["landmarks"]["bladder"][0] <= 204 and 205 <= row["landmarks"]["bladder"][1] <= 210  # 66.52 in slice 204
    assert {n for name in REGIONS for n in range(row[name][0], row[name][1] + 1)} == set(range(267))


def test_a_chest_alone_is_one_region_with_flags(chest):
    row, _ = outline(chest, "ct")
    assert [name for name in REGIONS if name in row] == ["chest"] and row["chest"] == [0, 54]
    assert {"head_missing", "legs_missing"} <= set(row["flags"])


def test_a_chest_with_front_and_back_changed_is_refused(chest):
    with pytest.raises(Refused) as refusal:
        outline(chest, "ct", back=True)
    assert refusal.value.reason == "ct_flipped"


def test_a_pet_with_the_feet_on_top_is_refused(pet):
    with pytest.raises(Refused) as refusal:
        outline(pet, "pet", feet=True)
    assert refusal.value.reason == "volume_upside_down"
