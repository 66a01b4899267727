"""A DICOM series of many files to one volume: ordered by position, measured by position, and refused where a slice is wrong.

SliceThickness, SpacingBetweenSlices, InstanceNumber and names of files place no slice: each lies in somebody's files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io import dicom, slice_values
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.slices import LAYOUT, PADDING, SCALE, Slice, check_shared, header_of, slices_of
from docphim.imaging.io.volume import Volume
from docphim.imaging.kernels import phase_of

#: Steps between slices may differ from their median by this share, and a slice from the even grid by this share of a step.
#: A bed seam of a PET scanner moves a slice by 0.02 of a step; a missing slice by 1.
STEP_TOLERANCE = 0.1
#: Slices nearer than this share of a step lie in the same place.
_SAME_PLACE = 0.05
#: Slices may drift sideways by this much for each millimetre between them (0.6 degrees).
_SHEAR = 0.01
#: A kernel's name as it may be repeated: one short word, with a number in it or known to everybody.
_KERNEL = re.compile(r"[A-Za-z]{0,3}_?\d{1,3}[a-z]{0,2}|[A-Z]{1,2}|STANDARD|SOFT|LUNG|BONE|BONEPLUS|DETAIL|EDGE|CHST")


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
    with dicom.quiet():
        paths = place.paths if isinstance(place, SeriesFiles) else place
        return _planes_of(slices_of([(path, header_of(path)) for path in paths]))


def planes_of(slices: Sequence[Slice]) -> Planes:
    """As `planes`, of headers that were read before."""
    with dicom.quiet():
        return _planes_of(slices)


def _planes_of(slices: Sequence[Slice]) -> Planes:
    check_shared(slices)
    slices, step, how = ordered(slices)
    first = slices[0].header
    shape = (len(slices), dicom.integer(first, "Rows", 0), dicom.integer(first, "Columns", 0))
    limits.check_voxels(shape)
    headers = [item.header for item in slices]
    scales = dicom.by_value(headers, SCALE, slice_values.scale_of)
    layouts = dicom.by_value(headers, LAYOUT, slice_values.layout_of)
    paddings = dicom.by_value(headers, PADDING, slice_values.padding_of)
    slopes = sorted({slope for slope, _ in scales})
    how |= _reconstruction(first)
    how["rescale"] = [slopes[0], scales[0][1]] if len(slopes) == 1 else f"{len(slopes)} slopes"
    stated = dicom.text(first, "RescaleType").upper()
    unit = "HU" if dicom.modality_of(first) == "CT" and stated != slice_values.UNSPECIFIED else None
    if unit is None and (units := dicom.text(first, "Units") or stated):
        how["stored_unit"] = units[:16]

    decoders: set[str] = set()
    types: set[str] = set()

    def some(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        for item, scale, layout, padding in ((slices[n], scales[n], layouts[n], paddings[n]) for n in numbers):
            stored, decoder = slice_values.stored(item.path, layout, item.frame, item.frames)
            if stored.shape != shape[1:]:
                raise Refused("series_mixed", "", "a slice holds another picture than its header says")
            if padding and unit == "HU":
                named, stored = stored, slice_values.without_padding(stored, padding, *scale)
                if stored is not named:
                    how["padding_stored"] = list(padding)
            plane = slice_values.scaled(stored, *scale)
            decoders.add(decoder)
            types.add(plane.dtype.name)
            yield plane

    def read_slices() -> Iterator[np.ndarray]:
        yield from some(range(len(slices)))
        how["decoder"], how["stored"] = "+".join(sorted(decoders)), min(types)  # float32 before int16

    whole = all(slope.is_integer() and intercept.is_integer() for slope, intercept in scales)
    dtype = np.dtype(np.int16 if whole else np.float32)
    frame = dicom.text(first, "FrameOfReferenceUID") or None
    affine = _affine(slices, step)[:, [2, 1, 0, 3]]
    return Planes(shape, dtype, affine, read_slices, frame, unit, dicom.modality_of(first), how, some)


def _reconstruction(header: pydicom.Dataset) -> dict[str, Any]:
    """How the scanner made the slices, as far as a header says it in words that are no name."""
    kernel = dicom.text(header, "ConvolutionKernel").partition("\\")[0]
    thickness = dicom.numbers(header, "SliceThickness")
    known = {"kernel": kernel if _KERNEL.fullmatch(kernel) else "", "thickness_mm": thickness[0] if thickness else None}
    phase = phase_of(dicom.text(header, "ContrastBolusAgent"), dicom.text(header, "SeriesDescription"))
    known["contrast"] = phase == "contrast" or None
    return {name: value for name, value in known.items() if value}


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
