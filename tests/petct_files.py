"""A PET/CT as a hospital's archive has it, of the made-up body of `bodies`: two DICOM series in one frame of reference."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bodies
import numpy as np
from ct_series import PET, Change, slice_at
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from docphim.imaging.io.locations import SeriesFiles

#: Of a chest: heights of the PET's slices and of the CT's, mm from the vertex; the CT's are others, and reach a little further.
PET_HEIGHTS, CT_HEIGHTS = np.arange(260.0, 545, 6), np.arange(258.0, 549, 4)
WHOLE_PET, WHOLE_CT = np.arange(-20.0, bodies.FEET, 6), np.arange(-20.0, bodies.FEET, 5)
#: What of the body the CT's picture shows: it is smaller, and begins elsewhere.
ROWS, COLUMNS = slice(2, 70), slice(5, 80)
#: SUV = Bq/ml times this: 70 kg, 370 MBq an hour before.
FACTOR = 70_000 / (370e6 * 2 ** (-3600 / 6586.2))


def _placed(ds: Dataset, plane: np.ndarray, corner: tuple[float, float], height: float) -> Dataset:
    ds.PixelSpacing, ds.ImagePositionPatient = [6.0, 6.0], [*corner, -height]
    ds.Rows, ds.Columns = plane.shape
    ds.SpecificCharacterSet, ds.PatientID = "ISO_IR 192", "0042"
    del ds.SpacingBetweenSlices
    return ds


def pet_slice(number: int, height: float, **how: Any) -> Dataset:
    """A slice whose slope is its own."""
    ds, suv = slice_at(0), bodies.pet(height, **how)
    slope = 3.0 + number % 4
    ds = _placed(ds, suv, (-bodies.X, -bodies.Y), height)
    ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.Modality = PET, f"1.2.9.{number + 1}", "1.2.9", "PT"
    ds.ImageType, ds.SeriesNumber, ds.BitsStored, ds.HighBit = ["ORIGINAL", "PRIMARY"], 4, 16, 15
    ds.RescaleSlope, ds.RescaleIntercept, ds.SliceThickness = slope, 0, 6.0
    ds.Units, ds.DecayCorrection, ds.CorrectedImage, ds.PatientWeight = "BQML", "START", ["DECY", "ATTN", "SCAT"], 70
    ds.SeriesDate = ds.AcquisitionDate = "20260105"
    ds.SeriesTime = ds.AcquisitionTime = "100000"
    item = Dataset()
    item.RadionuclideTotalDose, item.RadionuclideHalfLife, item.RadiopharmaceuticalStartTime = 370e6, 6586.2, "090000"
    ds.RadiopharmaceuticalInformationSequence = Sequence([item])
    ds.PixelData = np.rint(suv / FACTOR / slope).astype(np.uint16).tobytes()
    return ds


def ct_slice(number: int, height: float, **how: Any) -> Dataset:
    """A slice of the CT: its picture begins elsewhere than the PET's."""
    values = np.maximum(np.rint(bodies.ct(height, **how)[ROWS, COLUMNS]), -1024)
    corner = (COLUMNS.start * 6 - bodies.X, ROWS.start * 6 - bodies.Y)
    ds = _placed(slice_at(0), values, corner, height)
    ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.ImageType, ds.SeriesNumber = f"1.2.8.{number + 1}", "1.2.8", ["ORIGINAL"], 3
    ds.SliceThickness = 4.0
    ds.PixelData = (values + 1024).astype(np.uint16).tobytes()
    return ds


def _write(folder: Path, slices: Iterable[Dataset], change: Change | None) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for number, item in enumerate(slices):
        ds: Any = item if change is None else change(item, number)
        if ds is not None:
            ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
            ds.save_as(folder / f"{ds.SeriesInstanceUID}-{number * 11 % 1009:04}", enforce_file_format=True)
    return series_in(folder)


def series_in(*folders: Path) -> str:
    """The location of all files of some folders, one below the other."""
    root = folders[0] if len(folders) == 1 else folders[0].parent
    names = sorted(str(path.relative_to(root)) for folder in folders for path in folder.rglob("*") if path.is_file())
    return str(SeriesFiles(str(root), tuple(names)))


def write_pet(folder: Path, change: Change | None = None, heights: Iterable[float] = PET_HEIGHTS, **how: Any) -> str:
    """Write a PET; its location."""
    return _write(folder, (pet_slice(n, h, **how) for n, h in enumerate(heights)), change)


def write_ct(folder: Path, change: Change | None = None, heights: Iterable[float] = CT_HEIGHTS, **how: Any) -> str:
    """Write a CT; its location."""
    return _write(folder, (ct_slice(n, h, **how) for n, h in enumerate(heights)), change)
