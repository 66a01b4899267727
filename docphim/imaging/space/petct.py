"""Whether the CT and the PET of a study belong together, and the CT on the grid of the PET."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from docphim.errors import Refused
from docphim.imaging.io import dicom
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.slices import Slice
from docphim.imaging.io.volume import Turn
from docphim.imaging.space import resample
from docphim.imaging.space.resample import Axis

#: HU where the PET shows something and the CT does not.
PADDING = -1024
#: The CT covers at least this share of the PET's slices, and of the width and the height of its own picture at least so much
#: lies in the PET's.
OVERLAP, IN_PLANE = 0.9, 0.5
#: CT and PET may be turned against each other so that no voxel of the PET moves further than this share of itself.
_TURNED = 0.5
#: What CT and PET must share, the reason where they do not, and what a person calls it.
_SHARED = {
    "PatientID": ("study_mixed_patients", "numbers of a patient"),
    "PatientName": ("study_mixed_patients", "names of a patient"),
    "PatientBirthDate": ("study_mixed_patients", "dates of birth"),
    "StudyInstanceUID": ("series_mixed", "studies"),
    "FrameOfReferenceUID": ("frame_of_reference_differs", "frames of reference"),
}


def check_one(ct: Dataset, pet: Dataset) -> None:
    """Refuse a CT and a PET of several patients, studies or frames of reference, by a header of each.

    Raises
    ------
    Refused
        `study_mixed_patients`, `series_mixed`, `frame_of_reference_differs` (also where a header names none).
    """
    for keyword, (reason, name) in _SHARED.items():
        values = [dicom.text(header, keyword).rstrip("^") for header in (ct, pet)]
        if keyword == "PatientName":
            values = [dicom.same_name(value) for value in values]
        if values[0] != values[1]:
            raise Refused(reason, "", f"the CT and the PET have different {name}")
    if not dicom.text(pet, "FrameOfReferenceUID"):
        raise Refused("frame_of_reference_differs", "", "nothing says that the CT and the PET lie in one frame of reference")


def covered(ct: Sequence[Slice], pet: Sequence[Slice]) -> float:
    """The share of the PET's slices that lie between the first and the last slice of a CT, half a step beyond them included."""
    normal = np.cross(pet[0].orientation[:3], pet[0].orientation[3:])
    of_ct, of_pet = (np.sort([float(item.position @ normal) for item in slices]) for slices in (ct, pet))
    half = float(np.median(np.diff(of_ct))) / 2 if len(of_ct) > 1 else 0.0
    return float(((of_pet >= of_ct[0] - half) & (of_pet <= of_ct[-1] + half)).mean())


@dataclass(frozen=True)
class Laid:
    """How a CT comes to lie on the grid of a PET: an axis each along z, y and x, from the CT's voxels to the PET's."""

    depth: Axis
    rows: Axis
    columns: Axis

    @property
    def overlap(self) -> float:
        """The share of the PET's slices that the CT shows."""
        return len(self.depth.inside) / self.depth.new

    def slices(self, planes: Iterator[np.ndarray], *, backwards: bool) -> Iterator[tuple[int, np.ndarray]]:
        """The PET's slices with their numbers, float32 HU, `PADDING` where the CT shows nothing; those beyond it come first.

        Parameters
        ----------
        planes : iterator of ndarray
            The CT's, upright; few are in memory at once.
        backwards : bool
            Whether they come from the feet.
        """
        inside = self.depth.inside
        for number in (n for n in range(self.depth.new) if n not in inside):
            yield number, np.full((self.rows.new, self.columns.new), PADDING, np.float32)
        yield from resample.along(planes, self.depth, _across(self.rows, self.columns), backwards=backwards)


def laid(ct: Planes, ct_turn: Turn, pet: Planes, pet_turn: Turn, *, filtered: bool = True) -> Laid:
    """The axes that lay a CT on the grid of a PET, both upright (`planes.across`), by where their voxels are in the patient.

    Parameters
    ----------
    filtered : bool
        Whether a voxel of the PET that is larger than one of the CT is the mean of the CT under a triangle; else it is the CT
        interpolated linearly in its middle.

    Raises
    ------
    Refused
        `shape_differs`: the two are turned against each other; `overlap_missing`: the CT shows less than `OVERLAP` of the PET's
        slices, or lies beside it.
    """
    between = np.linalg.solve(ct_turn.affine, pet_turn.affine)  # from a PET's voxel (x, y, z) to the CT's
    shape = np.array(pet.shape[::-1])
    steps = np.diag(between[:3, :3])
    astray = np.abs(between[:3, :3] - np.diag(steps)) @ (shape - 1) / 2  # of the corners, from the middle
    if (steps <= 0).any() or (astray > _TURNED * steps).any():
        degrees = np.degrees(np.arctan(np.abs(between[:3, :3] - np.diag(steps)).max() / np.abs(steps).min()))
        raise Refused("shape_differs", "", f"the CT and the PET are turned against each other by {degrees:.1f} degrees")
    middle = (shape - 1) / 2
    centres = between[:3, :3] @ middle + between[:3, 3]
    starts = centres - steps * middle + 0.5 - steps / 2
    columns, rows, depth = (
        Axis(int(old), int(new), float(step), filtered, float(start))
        for old, new, step, start in zip(ct.shape[::-1], shape, steps, starts, strict=True)
    )
    _check_overlap(depth, rows, columns)
    return Laid(depth, rows, columns)


def _check_overlap(depth: Axis, rows: Axis, columns: Axis) -> None:
    share = len(depth.inside) / depth.new
    if share < OVERLAP:
        raise Refused("overlap_missing", "", f"the CT shows {share:.0%} of the PET's slices")
    for axis in (rows, columns):
        shown = len(axis.inside) * axis.step / axis.old
        if shown < IN_PLANE and len(axis.inside) < IN_PLANE * axis.new:
            raise Refused("overlap_missing", "", f"{shown:.0%} of the CT's picture lies in the PET's")


def _across(rows: Axis, columns: Axis) -> Callable[[np.ndarray], np.ndarray]:
    """A function that brings one plane of the CT to the PET's rows and columns."""
    down, right = _matrix(rows), _matrix(columns)
    outside = np.ones((rows.new, columns.new), bool)
    outside[np.ix_(rows.inside, columns.inside)] = False

    def across(plane: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.ascontiguousarray((right @ (down @ plane.astype(np.float32, copy=False)).T).T)
        values[outside] = PADDING
        return values

    return across


def _matrix(axis: Axis):  # type: ignore[no-untyped-def]  # scipy says no types
    """The weights of an axis, (new, old): a few in each row, none for samples beyond the old ones."""
    from scipy import sparse

    rows = [axis.weights(sample) for sample in axis.inside]
    columns = [first + np.arange(len(weights)) for first, weights in rows]
    lengths = np.zeros(axis.new + 1, int)
    lengths[np.array(axis.inside, int) + 1] = [len(weights) for _, weights in rows]
    values = np.concatenate([weights for _, weights in rows])
    return sparse.csr_matrix((values, np.concatenate(columns), np.cumsum(lengths)), shape=(axis.new, axis.old))
