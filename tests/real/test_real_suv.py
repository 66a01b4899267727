"""SUV of real PET: headers of eight series with their published factors, and a whole-body scan with an independent crop."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from docphim.imaging.io import read_volume
from docphim.imaging.units import measured
from docphim.imaging.units.suv import suv_of

SHARED = Path(os.environ.get("DOCPHIM_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
VENDORS, STS = SHARED / "suv_vendor_headers", SHARED / "pet_fdg_sts001"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real input is not here")]
NAMES = ["SIEMENS", "GE_MEDICAL_AND_BQML", "PHILIPS_BQML", "PHILIPS_CNTS_AND_SUV", "PHILIPS_CNTS_AND_BQML_SUV"]
NAMES += ["CPS_AND_BQML_AC_DT_-_S_DT", "BQML_AC_DT_lessThan_S_DT_SIEMENS", "RADIOPHARM_DATETIME_UNDEFINED"]


def header_of(row: dict) -> Dataset:
    ds, item = Dataset(), Dataset()
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    for keyword, value in row.items():
        if keyword == "PhilipsPETPrivateGroup":
            block = ds.private_block(0x7053, "Philips PET Private Group", create=True)
            for element, name in ((0x00, "SUVScaleFactor"), (0x09, "ActivityConcentrationScaleFactor")):
                if name in value:
                    block.add_new(element, "DS", value[name].strip())
            continue
        value = value.strip() if isinstance(value, str) else round(value, 9) if isinstance(value, float) else value
        setattr(item if keyword.startswith("Radi") else ds, keyword, value)
    ds.RadiopharmaceuticalInformationSequence = Sequence([item])
    return ds


@pytest.mark.parametrize("name", NAMES)
def test_factors_of_eight_scanners_are_the_published_ones(name):
    expected = json.loads((VENDORS / "expected_suvbw_factor.json").read_text())[name]
    rows = json.loads((VENDORS / f"{name}-instances.json").read_text())
    assert suv_of([header_of(row) for row in rows]).factor == pytest.approx(expected, rel=1e-3)


def test_a_whole_body_scan_equals_its_independent_crop():
    files = sorted((STS / "pet_dicom").rglob("*.dcm")) or [path for path in (STS / "pet_dicom").rglob("*") if path.is_file()]
    answer = measured.measure(files)
    assert answer["factor"] == pytest.approx(2.429029766e-4, rel=1e-9)
    assert answer["suv_max"] == pytest.approx(66.52, abs=0.005)
    assert answer["balance"] == "checked"
    assert answer["suv_mean"] == pytest.approx(0.84, abs=0.05)
    planes, _ = measured.planes(files)
    volume = planes.whole()
    crop, mask = (read_volume(str(STS / f"ibsi_STS_001_PET_{name}.nii.gz")) for name in ("image", "mask"))
    x, y, z, _ = np.rint(np.linalg.solve(volume.affine, crop.affine @ [0, 0, 0, 1])).astype(int)
    depth, height, width = crop.array.shape
    ours = volume.array[z : z + depth, y : y + height, x : x + width]
    assert np.abs(ours - crop.array).max() < 1e-3
    assert ours[mask.array > 0].max() == pytest.approx(7.9107, abs=1e-3)
    assert planes.how["steps_mm"] == [3.19, 3.29]
