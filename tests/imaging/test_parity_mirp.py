"""SUV voxel by voxel as mirp makes it, of a made-up series and of a real whole-body scan."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ct_series import setting
from petct_files import write_pet
from pydicom.dataset import Dataset

from docphim.imaging.units import measured

mirp = pytest.importorskip("mirp", reason="mirp is not installed: pip install --group peers")

SHARED = Path(os.environ.get("DOCPHIM_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
STS = SHARED / "pet_fdg_sts001" / "pet_dicom"


def of_mirp(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """SUV (z, y, x) by body weight, and the spacing and origin of that grid, mm, in the same order."""
    images, _ = mirp.extract_images(image=str(folder), image_export_format="dict")[0]
    image = images[0]
    return np.asarray(image["image"]), np.array(image["image_spacing"]), np.array(image["image_origin"])


def check_equal(folder: Path) -> None:
    """Each voxel within 1e-4 of its value, at the same place in the patient."""
    theirs, spacing, origin = of_mirp(folder)
    ours = measured.planes(sorted(path for path in folder.rglob("*") if path.is_file()))[0].whole()
    steps = np.diag(np.abs(ours.affine[:3, :3]))
    np.testing.assert_allclose(steps, spacing[::-1], atol=1e-3)
    corner = ours.affine @ [0, 0, len(ours.array) - 1, 1]  # theirs begins at the feet
    np.testing.assert_allclose(corner[:3], origin[::-1], atol=0.05)
    assert theirs.max() > 0.9
    np.testing.assert_allclose(ours.array[::-1], theirs, rtol=1e-4, atol=0)


def test_a_series_with_a_slope_of_each_slice_is_that_of_mirp(tmp_path: Path) -> None:
    def ones(ds: Dataset, number: int) -> Dataset | None:
        return setting(
            SOPInstanceUID=f"1.2.9.{number + 1}",
            StudyInstanceUID="1.2.5",
            Manufacturer="GE MEDICAL SYSTEMS",
            ImageType=["ORIGINAL", "PRIMARY"],
            InstanceNumber=number + 1,
        )(ds, number)

    write_pet(tmp_path / "pet", ones)
    for path in sorted((tmp_path / "pet").iterdir()):
        path.rename(f"{path}.dcm")  # mirp goes by the suffix
    check_equal(tmp_path / "pet")


@pytest.mark.real
@pytest.mark.skipif(not STS.is_dir(), reason="the folder of real input is not here")
def test_a_real_whole_body_scan_is_that_of_mirp() -> None:
    check_equal(STS)
