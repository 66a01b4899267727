"""The noun of every reader: pixels of a volume, with where they lie in the patient and what their numbers mean."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from docphim.errors import Refused

#: Two axes of a volume stand at right angles when the cosine between them is below this (0.57 degrees).
_RIGHT_ANGLE = 0.01


@dataclass(frozen=True)
class Volume:
    """Pixels of one series.

    Attributes
    ----------
    array : ndarray
        (z, y, x).  With an `affine`: the first slice is the top one, the first row anterior, the first column the patient's
        right.  Without: as the file has it.
    spacing : (float, float, float) or None
        Millimetres along z, y and x; None where the file does not say.
    affine : ndarray or None
        4 x 4, from voxel (x, y, z) to millimetres in the patient as DICOM counts them (to the left, the back, the head).
    frame_of_reference : str or None
        Volumes that share it can be laid over each other.
    unit : str or None
        `HU`, or None where nothing vouches for a unit.
    modality : str
        The DICOM code, `CT` or `PT`; '' where the file does not say.
    how : dict
        What was found and done, JSON-ready.
    """

    array: np.ndarray
    spacing: tuple[float, float, float] | None = None
    affine: np.ndarray | None = None
    frame_of_reference: str | None = None
    unit: str | None = None
    modality: str = ""
    how: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """How the axes of a file's array become those of a `Volume`.

    Attributes
    ----------
    axes : (int, int, int)
        The file's axis that becomes z, y and x.
    backwards : (bool, bool, bool)
        Whether that axis is reversed.
    affine : ndarray
        4 x 4, from voxel (x, y, z) of the turned array to millimetres.
    spacing : (float, float, float)
        Millimetres along z, y and x.
    """

    axes: tuple[int, int, int]
    backwards: tuple[bool, bool, bool]
    affine: np.ndarray
    spacing: tuple[float, float, float]

    def of(self, array: np.ndarray) -> np.ndarray:
        """The array turned: a view, (z, y, x)."""
        return array.transpose(self.axes)[tuple(slice(None, None, -1 if back else 1) for back in self.backwards)]


def turn_of(shape: tuple[int, ...], affine: np.ndarray) -> Turn:
    """How an array of this shape is turned upright.

    Parameters
    ----------
    affine : ndarray
        4 x 4, from indices, in the order of the array's axes, to millimetres (to the left, the back, the head).

    Raises
    ------
    Refused
        `no_geometry`: the matrix is no geometry; `gantry_tilt`: its axes are not at right angles.
    """
    steps = affine[:3, :3].astype(float)
    sizes = np.linalg.norm(steps, axis=0)
    if not np.isfinite(affine).all() or sizes.min() < 1e-6:
        raise Refused("no_geometry", "", "the matrix that places the voxels is singular")
    directions = steps / sizes
    if np.abs(directions.T @ directions - np.eye(3)).max() > _RIGHT_ANGLE:
        raise Refused("gantry_tilt", "", "the axes of the volume are not at right angles")
    # which array axis runs most nearly along left, back and head
    left, back, head = max(itertools.permutations(range(3)), key=lambda p: sum(abs(directions[i, p[i]]) for i in range(3)))
    backwards = directions[2, head] > 0, directions[1, back] < 0, directions[0, left] < 0
    placed = affine.astype(float)
    for axis, reverse in zip((head, back, left), backwards, strict=True):
        if reverse:
            placed[:3, 3] += placed[:3, axis] * (shape[axis] - 1)
            placed[:3, axis] *= -1
    spacing = tuple(round(float(sizes[axis]), 6) for axis in (head, back, left))
    turned = tuple(bool(reverse) for reverse in backwards)
    return Turn(
        (head, back, left),
        (turned[0], turned[1], turned[2]),
        placed[:, [left, back, head, 3]],
        (spacing[0], spacing[1], spacing[2]),
    )


def upright(array: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Bring a volume into the one orientation, by exchanging and reversing axes; no value changes.

    Parameters
    ----------
    array : ndarray
        Three axes in the order of the columns of `affine`.
    affine : ndarray
        4 x 4, from indices to millimetres (to the left, the back, the head).

    Returns
    -------
    array : ndarray
        (z, y, x) as `Volume` has it; a view.
    affine : ndarray
        From (x, y, z).
    spacing : (float, float, float)
        Along z, y, x.

    Raises
    ------
    Refused
        As `turn_of`.
    """
    turn = turn_of(array.shape, affine)
    return turn.of(array), turn.affine, turn.spacing
