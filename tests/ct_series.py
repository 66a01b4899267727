"""A CT series made for tests: slices of known values in known places, and the faults that scanners and archives leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

CT, PET = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.128"
#: Rows, columns and slices; millimetres between rows, columns and slices.
SHAPE, SPACING = (70, 64, 12), (0.75, 0.5, 2.5)

#: Changes a slice's header, or returns None to leave the slice out; it is given the slice's number from the feet.
Change = Callable[[Dataset, int], Dataset | None]


def hu(number: int) -> np.ndarray:
    """The values of a slice, HU: air, but for a block on the patient's left at the back, and the slice's number in a corner."""
    plane = np.full(SHAPE[:2], -1000, np.int16)
    plane[50:60, 40:55] = 40 + number
    plane[0, 0] = number
    return plane


def slice_at(number: int) -> Dataset:
    """One axial slice, feet first."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = CT, f"1.2.3.{number + 1}", "CT"
    ds.SeriesInstanceUID, ds.FrameOfReferenceUID, ds.StudyInstanceUID = "1.2.4", "1.2.5", "1.2.6"
    ds.PatientName, ds.InstanceNumber = "Nguyễn^Văn Thử", number * 7 % 12
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SliceThickness, ds.SpacingBetweenSlices = 1.0, -20.0  # both lie
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = *SHAPE[:2], 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelSpacing, ds.ImageOrientationPatient = list(SPACING[:2]), [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [-16.0, -26.0, 100.0 + SPACING[2] * number]
    ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    ds.PixelData = (hu(number) + 1024).astype(np.uint16).tobytes()
    return ds


def write(folder: Path, change: Change | None = None, count: int = SHAPE[2]) -> Path:
    """Write a series under names that say nothing of its order."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        ds: Any = slice_at(number)
        if change is not None:
            ds = change(ds, number)
        if ds is not None:
            ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
            ds.save_as(folder / f"IM{number * 5 % 12:02}", enforce_file_format=True)
    return folder


def setting(**tags: Any) -> Change:
    """Set tags on every slice; a value that is callable is given the slice's number, None removes the tag."""

    def change(ds: Dataset, number: int) -> Dataset:
        for keyword, value in tags.items():
            chosen = value(number) if callable(value) else value
            if chosen is None:
                if keyword in ds:
                    delattr(ds, keyword)
            else:
                setattr(ds, keyword, chosen)
        return ds

    return change


def without(*numbers: int) -> Change:
    """Leave slices out."""
    return lambda ds, number: None if number in numbers else ds


def moved(places: list[float]) -> Change:
    """Put the slices elsewhere along the body."""
    return setting(ImagePositionPatient=lambda number: [-16.0, -26.0, places[number]])
