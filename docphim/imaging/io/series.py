"""A DICOM series of many files to one volume: ordered by position, measured by position, and refused where a slice is wrong.

SliceThickness, SpacingBetweenSlices, InstanceNumber and names of files place no slice: each lies in somebody's files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io import dicom, pixels
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.volume import Volume

#: Steps between slices may differ from their median by this share, and a slice from the even grid by this share of a step.
#: A bed seam of a PET scanner moves a slice by 0.02 of a step; a missing slice by 1.
STEP_TOLERANCE = 0.1
#: Slices nearer than this share of a step lie in the same place.
_SAME_PLACE = 0.05
#: Slices may drift sideways by this much for each millimetre between them (0.6 degrees).
_SHEAR = 0.01
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
#: The RescaleType of a CT that some tools write where they know of none: whether it is HU is for its values to say.
_UNSPECIFIED = "US"
#: A kernel's name as it may be repeated: one short word, with a number in it or known to everybody.
_KERNEL = re.compile(r"[A-Za-z]{0,3}_?\d{1,3}[a-z]{0,2}|[A-Z]{1,2}|STANDARD|SOFT|LUNG|BONE|BONEPLUS|DETAIL|EDGE|CHST")
_HEADER = (
    *_PATIENT,
    *_SHARED,
    "SOPInstanceUID",
    "SeriesDescription",
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
)


@dataclass(frozen=True)
class Slice:
    """One file of a series, as its header describes it."""

    path: Path
    header: pydicom.Dataset
    position: np.ndarray
    orientation: np.ndarray


def read(place: SeriesFiles | Sequence[Path]) -> Volume:
    """A series as one volume.

    CT comes in HU, int16 where every value is a whole number that fits, else float32; of other modalities the stored values
    are scaled slice by slice, and the unit is None.

    Raises
    ------
    Refused
        As `planes` and its planes.
    """
    return planes(place).whole()


def planes(place: SeriesFiles | Sequence[Path]) -> Planes:
    """A series to be read slice by slice, from its first position along the normal to its last.

    Raises
    ------
    Refused
        `slices_missing`, `duplicate_position`, `gantry_tilt`, `study_mixed_patients`, `series_mixed`, `no_geometry`,
        `multiframe`, `unit_unknown` (a CT without rescale); while slices are read `pixels_not_finite`, `series_mixed`, and what
        one file may be refused for.
    """
    return planes_of([_slice(path) for path in (place.paths if isinstance(place, SeriesFiles) else place)])


def planes_of(slices: Sequence[Slice]) -> Planes:
    """As `planes`, of headers that were read before."""
    check_shared(slices)
    slices, step, how = ordered(slices)
    first = slices[0].header
    shape = (len(slices), dicom.integer(first, "Rows", 0), dicom.integer(first, "Columns", 0))
    limits.check_voxels(shape)
    scales = [_scale(item.header) for item in slices]
    slopes = sorted({slope for slope, _ in scales})
    how |= _reconstruction(first)
    how["rescale"] = [slopes[0], scales[0][1]] if len(slopes) == 1 else f"{len(slopes)} slopes"
    unit = "HU" if dicom.modality_of(first) == "CT" and dicom.text(first, "RescaleType").upper() != _UNSPECIFIED else None
    if unit is None and (units := dicom.text(first, "Units") or dicom.text(first, "RescaleType")):
        how["stored_unit"] = units[:16]

    def read_slices() -> Iterator[np.ndarray]:
        decoders, types = set(), set()
        for item, scale in zip(slices, scales, strict=True):
            stored, decoder = pixels.decode(dicom.read(_data(item.path)), least=1)
            if stored.shape != shape[1:]:
                raise Refused("series_mixed", "", "a slice holds another picture than its header says")
            plane = _scaled(stored, *scale)
            decoders.add(decoder)
            types.add(plane.dtype.name)
            yield plane
        how["decoder"], how["stored"] = "+".join(sorted(decoders)), min(types)  # float32 before int16

    whole = all(slope.is_integer() and intercept.is_integer() for slope, intercept in scales)
    dtype = np.dtype(np.int16 if whole else np.float32)
    frame = dicom.text(first, "FrameOfReferenceUID") or None
    return Planes(shape, dtype, _affine(slices, step)[:, [2, 1, 0, 3]], read_slices, frame, unit, dicom.modality_of(first), how)


def _reconstruction(header: pydicom.Dataset) -> dict[str, Any]:
    """How the scanner made the slices, as far as a header says it in words that are no name."""
    kernel = dicom.text(header, "ConvolutionKernel").partition("\\")[0]
    thickness = dicom.numbers(header, "SliceThickness")
    known = {"kernel": kernel if _KERNEL.fullmatch(kernel) else "", "thickness_mm": thickness[0] if thickness else None}
    known["contrast"] = bool(dicom.text(header, "ContrastBolusAgent")) or None
    return {name: value for name, value in known.items() if value}


def header_of(path: Path) -> pydicom.Dataset:
    """What of a file's header describes a slice; the pixels are not touched.

    Raises
    ------
    Refused
        `file_missing` or `file_unreadable`.
    """
    try:
        with dicom.quiet(), open(path, "rb") as handle:
            dicom.check_deflated(handle)
            handle.seek(0)
            return pydicom.dcmread(handle, stop_before_pixels=True, force=True, specific_tags=list(_HEADER))
    except FileNotFoundError as error:
        raise Refused("file_missing") from error
    except Refused:
        raise
    except Exception as error:  # pydicom raises by what it stumbled over
        raise Refused("file_unreadable", "", "the DICOM header of a slice cannot be read") from error


def slice_of(path: Path, header: pydicom.Dataset) -> Slice:
    """A slice, if its header says where it lies.

    Raises
    ------
    Refused
        `multiframe` or `no_geometry`.
    """
    if dicom.integer(header, "NumberOfFrames", 1) > 1:
        raise Refused("multiframe", "", "a file of the series holds several frames; this version reads one slice a file")
    position = np.array(dicom.numbers(header, "ImagePositionPatient"))
    orientation = np.array(dicom.numbers(header, "ImageOrientationPatient"))
    if position.size != 3 or orientation.size != 6:
        raise Refused("no_geometry", "", "a slice does not say where it lies (ImagePositionPatient, ImageOrientationPatient)")
    row, column = orientation[:3], orientation[3:]
    if abs(np.linalg.norm(row) - 1) > 1e-3 or abs(np.linalg.norm(column) - 1) > 1e-3 or abs(row @ column) > 1e-3:
        raise Refused("no_geometry", "", "the orientation of a slice is not two directions at right angles")
    return Slice(path, header, position, orientation)


def _slice(path: Path) -> Slice:
    return slice_of(path, header_of(path))


def check_shared(slices: Sequence[Slice]) -> None:
    """Refuse files that are not slices of one volume; what some files say and others do not, differs.

    Raises
    ------
    Refused
        `study_mixed_patients`, `series_mixed`, `slices_missing` (a single file) or `no_geometry` (PixelSpacing).
    """
    if len(slices) < 2:
        raise Refused("slices_missing", "", "one slice is no volume")
    _check_origins([item.header for item in slices])
    reference = slices[0]
    if max(np.abs(item.orientation - reference.orientation).max() for item in slices) > 1e-3:
        raise Refused("series_mixed", "", "the files are of several orientations, as where a localizer is among them")
    spacings = [dicom.numbers(item.header, "PixelSpacing") for item in slices]
    if any(len(s) != 2 or min(s) <= 0 for s in spacings):
        raise Refused("no_geometry", "", "a slice does not say the size of its pixels (PixelSpacing)")
    if np.ptp(np.array(spacings), axis=0).max() > 1e-4:
        raise Refused("series_mixed", "", "the files are of several pixel sizes")


def _check_origins(headers: Sequence[pydicom.Dataset]) -> None:
    """Refuse files of several patients or scans."""
    for reason, shared in (("study_mixed_patients", _PATIENT), ("series_mixed", _SHARED)):
        for keyword, name in shared.items():
            values = {dicom.text(header, keyword).rstrip("^\\") for header in headers}  # a name may end in empty parts
            if len(values) > 1:
                raise Refused(reason, "", f"the files are of {len(values)} {name}")
    instances = {dicom.text(header, "SOPInstanceUID") for header in headers}
    if 1 < len(instances) < len(headers):  # where all are one, an anonymiser has made them so
        raise Refused("duplicate_uid", "", f"{len(headers)} files share {len(instances)} instance UIDs")
    acquisitions = {dicom.text(header, "AcquisitionNumber") for header in headers}
    if 1 < len(acquisitions) < len(headers):  # where a scanner steps and shoots, every slice is one
        raise Refused("series_mixed", "", f"the files are of {len(acquisitions)} acquisitions")


def ordered(slices: Sequence[Slice]) -> tuple[list[Slice], np.ndarray, dict[str, Any]]:
    """Slices along their normal, the step from one to the next (mm in the patient), and what was found.

    Raises
    ------
    Refused
        `duplicate_position`, `slices_missing` or `gantry_tilt`.
    """
    normal = np.cross(slices[0].orientation[:3], slices[0].orientation[3:])
    along = np.array([item.position @ normal for item in slices])
    order = np.argsort(along, kind="stable")
    slices, along = [slices[i] for i in order], along[order]
    steps = np.diff(along)
    mean = float(along[-1] - along[0]) / len(steps)
    _check_steps(steps, along, mean)
    _check_count(slices)
    positions = np.array([item.position for item in slices])
    sideways = positions - positions[0] - np.outer(along - along[0], normal)
    if np.abs(sideways).max() > _SHEAR * (along[-1] - along[0]):
        shear = np.degrees(np.arctan(np.linalg.norm(sideways, axis=1).max() / (along[-1] - along[0])))
        raise Refused("gantry_tilt", "", f"the slices are sheared by {shear:.1f} degrees, as by a tilted gantry")
    how = {"slices": len(slices), "steps_mm": [round(float(s), 4) for s in (steps.min(), steps.max())]}
    return slices, normal * mean, how


def _check_steps(steps: np.ndarray, along: np.ndarray, mean: float) -> None:
    usual = float(np.median(steps))
    if steps.min() <= max(_SAME_PLACE * usual, 1e-3):
        count = int((steps <= max(_SAME_PLACE * usual, 1e-3)).sum())
        raise Refused("duplicate_position", "", f"{count} slices lie where another one lies")
    if steps.max() > (1 + STEP_TOLERANCE) * usual or steps.min() < (1 - STEP_TOLERANCE) * usual:
        raise Refused("slices_missing", "", f"the slices are {steps.min():.3f} to {steps.max():.3f} mm apart")
    even = along[0] + mean * np.arange(len(along))
    if np.abs(along - even).max() > STEP_TOLERANCE * usual:
        raise Refused("slices_missing", "", f"a slice lies {np.abs(along - even).max():.3f} mm off an even grid")


def _check_count(slices: Sequence[Slice]) -> None:
    """Hold the number of files against NumberOfSlices (0054,0081) or ImagesInAcquisition (0020,1002): ends leave no gap."""
    stated = dicom.integer(slices[0].header, "NumberOfSlices", 0)
    acquired = dicom.integer(slices[0].header, "ImagesInAcquisition", 0)
    if acquired < 2 * len(slices):  # as many again are those of a second reconstruction
        stated = max(stated, acquired)
    if stated > len(slices):
        raise Refused("slices_missing", "", f"the header says {stated} slices, there are {len(slices)}")


def _affine(slices: Sequence[Slice], step: np.ndarray) -> np.ndarray:
    """From (column, row, slice) to millimetres (PS3.3 C.7.6.2.1.1)."""
    down, across = dicom.numbers(slices[0].header, "PixelSpacing")  # between rows, between columns
    affine = np.eye(4)
    affine[:3, 0] = slices[0].orientation[:3] * across
    affine[:3, 1] = slices[0].orientation[3:] * down
    affine[:3, 2] = step
    affine[:3, 3] = slices[0].position
    return affine


def _scaled(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """A slice's values: int16 where they are whole numbers that fit, else float32."""
    if stored.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        whole = stored.astype(np.int32) * int(slope) + int(intercept)
        if whole.min() >= -32768 and whole.max() <= 32767:
            return whole.astype(np.int16)
    scaled = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    if not np.isfinite(scaled).all():
        raise Refused("pixels_not_finite")
    return scaled


def _scale(header: pydicom.Dataset) -> tuple[float, float]:
    """Slope and intercept of a slice; a CT without them has no HU."""
    slope, intercept = dicom.numbers(header, "RescaleSlope"), dicom.numbers(header, "RescaleIntercept")
    if dicom.modality_of(header) == "CT":
        if not slope or not intercept or slope[0] == 0:
            raise Refused("unit_unknown", "", "a slice of the CT does not say how its values become HU (RescaleSlope)")
        if dicom.text(header, "RescaleType").upper() not in ("", "HU", _UNSPECIFIED):
            raise Refused("unit_unknown", "", "RescaleType says that the values are not HU")
    return (slope or [1.0])[0], (intercept or [0.0])[0]


def _data(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused("file_missing" if not path.exists() else "file_unreadable", "", "a slice cannot be opened") from error
