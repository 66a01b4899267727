"""The files of a DICOM series: their headers, where each slice lies, and whether they are of one patient and one scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.tag import Tag

from docphim.errors import Refused
from docphim.imaging.io import dicom, enhanced
from docphim.imaging.io.sniff import ENOUGH, kind_of

#: What must be the same in every file of a patient, and how a person calls it.  UIDs do not settle it: there are anonymisers
#: that give all files of an archive the same ones.
_PATIENT = {
    "PatientID": "numbers of a patient",
    "PatientName": "names of a patient",
    "PatientBirthDate": "dates of birth",
    "PatientSex": "sexes",
}
#: What must be the same in every file of a series, and how a person calls it.
_SHARED = {
    "SOPClassUID": "kinds of object",
    "Modality": "modalities",
    "StudyInstanceUID": "studies",
    "StudyDate": "dates of a study",
    "SeriesInstanceUID": "series",
    "SeriesNumber": "numbers of a series",
    "FrameOfReferenceUID": "frames of reference",
    "Manufacturer": "makers of scanners",
    "ManufacturerModelName": "models of scanners",
    "ImageType": "types of image",
    "PatientPosition": "positions of the patient",
    "ContrastBolusAgent": "contrast agents",
    "TemporalPositionIdentifier": "moments",
    "NominalPercentageOfCardiacPhase": "phases of the heart",
    "EchoNumbers": "echoes",
    "KVP": "tube voltages",
    "ConvolutionKernel": "kernels",
    "SliceThickness": "slice thicknesses",
    "Rows": "numbers of rows",
    "Columns": "numbers of columns",
    "SamplesPerPixel": "numbers of channels",
    "RescaleType": "kinds of value",
    "Units": "units",
}
#: What of a header describes the words of a slice, and their scale.
LAYOUT = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored", "PixelRepresentation")
SCALE = ("RescaleSlope", "RescaleIntercept", "RescaleType", "Modality", "SOPClassUID")
#: What says which stored values stand for nothing.
PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit", "PixelRepresentation")
#: What makes SUV of the values of a PET slice; private ones of GE, Siemens and Philips with the names of their blocks.
_OF_SUV: tuple[str | tuple[int, int], ...] = (
    *("Units", "SUVType", "DecayCorrection", "CorrectedImage", "PatientWeight", "PatientSize", "SeriesDate", "SeriesTime"),
    *("AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "FrameReferenceTime", "ActualFrameDuration"),
    "TimezoneOffsetFromUTC",
    "RadiopharmaceuticalInformationSequence",
    *((0x0009, 0x0010), (0x0009, 0x100D), (0x0071, 0x0010), (0x0071, 0x1022)),
    *((0x7053, 0x0010), (0x7053, 0x1000), (0x7053, 0x1009)),
)
_HEADER: tuple[str | tuple[int, int], ...] = (
    *_PATIENT,
    *_SHARED,
    "SOPInstanceUID",
    "SeriesDescription",
    "BodyPartExamined",
    "ProtocolName",
    *PADDING,
    "AcquisitionNumber",
    "ImagesInAcquisition",
    "NumberOfFrames",
    "NumberOfSlices",
    "NumberOfTimeSlices",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "RescaleSlope",
    "RescaleIntercept",
    *LAYOUT,
    *_OF_SUV,
    *enhanced.TAGS,
)
#: Bytes read of a file for its header, at first.
_HEAD = 8192
_NO_PLACE = "a slice does not say where it lies (ImagePositionPatient, ImageOrientationPatient)"
_TAGS = [Tag(name) for name in dict.fromkeys(_HEADER)]


@dataclass(frozen=True)
class Slice:
    """One file of a series, or one frame of an enhanced file, as its header describes it."""

    path: Path
    header: pydicom.Dataset
    position: np.ndarray
    orientation: np.ndarray
    frame: int = 0
    frames: int = 1


def header_of(path: Path) -> pydicom.Dataset:
    """What of a file's header describes a slice; the pixels are not touched.

    Raises
    ------
    Refused
        `file_missing` or `file_unreadable`.
    """
    try:
        with dicom.quiet(), open(path, "rb") as handle:
            head = handle.read(_HEAD)
            kind_of(head[:ENOUGH])
            return _short_header(head) or _long_header(handle)
    except FileNotFoundError as error:
        raise Refused("file_missing") from error
    except Refused:
        raise
    except Exception as error:  # pydicom raises by what it stumbled over
        raise Refused("file_unreadable", "", "the DICOM header of a slice cannot be read") from error


def _short_header(head: bytes) -> pydicom.Dataset | None:
    """The header, if it ends within the first bytes, as that of most slices does; None where it goes on."""
    buffer = BytesIO(head)
    try:
        header = pydicom.dcmread(buffer, stop_before_pixels=True, force=True)
    except Exception:  # pydicom raises by what it stumbled over, here the end of what was read
        return None
    return header if len(header) and buffer.tell() < len(head) - ENOUGH else None


def _long_header(handle: BinaryIO) -> pydicom.Dataset:
    """The same by the file; what is not asked for is passed over."""
    handle.seek(0)
    dicom.check_deflated(handle)
    handle.seek(0)
    return pydicom.dcmread(handle, stop_before_pixels=True, force=True, specific_tags=_TAGS)


def slices_of(files: Sequence[tuple[Path, pydicom.Dataset]]) -> list[Slice]:
    """Slices, if their headers say where they lie.

    Raises
    ------
    Refused
        `no_geometry`; `multiframe` and what else `enhanced.frames` refuses.
    """
    places: list[tuple[Path, pydicom.Dataset, int, int]] = []
    counts = dicom.by_value([header for _, header in files], ("NumberOfFrames", "SOPClassUID"), enhanced.count)
    for (path, header), count in zip(files, counts, strict=True):
        singles = [header] if count <= 1 else enhanced.frames(header)
        places += [(path, single, number, len(singles)) for number, single in enumerate(singles)]
    headers = [header for _, header, *_ in places]
    orientations = dicom.by_value(headers, ("ImageOrientationPatient",), _orientation)
    positions = [np.array(dicom.numbers(header, "ImagePositionPatient")) for header in headers]
    if any(position.size != 3 for position in positions):
        raise Refused("no_geometry", "", _NO_PLACE)
    return [
        Slice(path, header, position, orientation, number, count)
        for (path, header, number, count), position, orientation in zip(places, positions, orientations, strict=True)
    ]


def _orientation(header: pydicom.Dataset) -> np.ndarray:
    orientation = np.array(dicom.numbers(header, "ImageOrientationPatient"))
    if orientation.size != 6:
        raise Refused("no_geometry", "", _NO_PLACE)
    row, column = orientation[:3], orientation[3:]
    if abs(np.linalg.norm(row) - 1) > 1e-3 or abs(np.linalg.norm(column) - 1) > 1e-3 or abs(row @ column) > 1e-3:
        raise Refused("no_geometry", "", "the orientation of a slice is not two directions at right angles")
    return orientation


def check_shared(slices: Sequence[Slice]) -> None:
    """Refuse files that are not slices of one volume; what some files say and others do not, differs.

    Raises
    ------
    Refused
        `study_mixed_patients`, `series_mixed`, `slices_missing` (a single file) or `no_geometry` (PixelSpacing).
    """
    if len(slices) < 2:
        raise Refused("slices_missing", "", "one slice is no volume")
    _check_origins(slices)
    reference = slices[0]
    if np.abs(np.array([item.orientation for item in slices]) - reference.orientation).max() > 1e-3:
        raise Refused("series_mixed", "", "the files are of several orientations, as where a localizer is among them")
    headers = [item.header for item in slices]
    spacings = dicom.by_value(headers, ("PixelSpacing",), lambda header: dicom.numbers(header, "PixelSpacing"))
    if any(len(s) != 2 or min(s) <= 0 for s in spacings):
        raise Refused("no_geometry", "", "a slice does not say the size of its pixels (PixelSpacing)")
    if np.ptp(np.array(spacings), axis=0).max() > 1e-4:
        raise Refused("series_mixed", "", "the files are of several pixel sizes")


def _check_origins(slices: Sequence[Slice]) -> None:
    """Refuse files of several patients or scans."""
    headers = [item.header for item in slices]
    for reason, shared in (("study_mixed_patients", _PATIENT), ("series_mixed", _SHARED)):
        for keyword, name in shared.items():
            values = _values(headers, keyword)
            if len(values) > 1:
                raise Refused(reason, "", f"the files are of {len(values)} {name}")
    instances = _values(headers, "SOPInstanceUID")
    count = len({item.path for item in slices})
    if 1 < len(instances) < count:  # where all are one, an anonymiser has made them so
        raise Refused("duplicate_uid", "", f"{count} files share {len(instances)} instance UIDs")
    acquisitions = _values(headers, "AcquisitionNumber")
    if 1 < len(acquisitions) < len(headers):  # where a scanner steps and shoots, every slice is one
        raise Refused("series_mixed", "", f"the files are of {len(acquisitions)} acquisitions")


def _values(headers: Sequence[pydicom.Dataset], keyword: str) -> set[str]:
    """The different texts under a keyword; a name may end in empty parts, and be written in capitals without accents."""
    texts = {text.rstrip("^\\") for text in dicom.by_value(headers, (keyword,), lambda header: dicom.text(header, keyword))}
    return {dicom.same_name(text) for text in texts} if keyword == "PatientName" else texts
