"""The grid on which volumes are prepared: its axes for a volume of any size, and where it lies in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from docphim.errors import Refused
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.volume import Turn
from docphim.imaging.space import resample
from docphim.imaging.space.resample import Axis
from docphim.study import Row

#: What a recipe may say of a voxel's side.
Millimetres = Annotated[float, Field(gt=0.1, le=20)]
#: Millimetres along z, y and x.
Spacing = tuple[Millimetres, Millimetres, Millimetres]
#: The grid of the paper on chest CT.
DEFAULT: Spacing = (1.5, 0.75, 0.75)

Grid = tuple[Axis, Axis, Axis]

#: The least and the greatest length of a volume along z, y and x, mm: of a crop, and of a scanner's table and bore.
_BODY_MM = ((20, 2200), (50, 1000), (50, 1000))
#: Slices may be turned so far from those across the body, degrees: people lie askew, and a reformat along a vessel is no scan.
_OBLIQUE = 25.0


def grid_of(shape: Sequence[int], turn: Turn, spacing: Spacing, published: bool) -> Grid:
    """The axes z, y and x of a volume's prepared grid.

    Parameters
    ----------
    shape : sequence of int
        Voxels of the file along z, y and x, once it is turned upright.
    published : bool
        The axes of CT-RATE's published preprocessing (`resample.published_axis`).
    """
    make = resample.published_axis if published else resample.axis
    depth, rows, columns = (make(*row) for row in zip(shape, turn.spacing, spacing, strict=True))
    return depth, rows, columns


def spacing_on(turn: Turn, grid: Grid) -> list[float]:
    """Millimetres of the grid's voxels along z, y and x."""
    return [round(axis.step * old, 6) for axis, old in zip(grid, turn.spacing, strict=True)]


def placed_on(turn: Turn, grid: Grid) -> list[list[float]]:
    """From voxel (x, y, z) of the grid to mm, 4 x 4: the outer edges of the first voxels are those of the file's."""
    steps = np.array([axis.step for axis in reversed(grid)])
    affine = turn.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ (steps / 2 - 0.5)
    affine[:3, :3] *= steps
    rounded: list[list[float]] = (np.round(affine, 6) + 0.0).tolist()
    return rounded


def placed(planes: Planes, turn: Turn) -> Row:
    """`spacing`, `affine` and `frame_of_reference` of index.jsonl for a volume on the grid of its file."""
    affine: list[list[float]] = (np.round(turn.affine, 6) + 0.0).tolist()
    return {"spacing": list(turn.spacing), "affine": affine, "frame_of_reference": planes.frame_of_reference}


def check_body(shape: tuple[int, ...], turn: Turn) -> None:
    """Refuse a volume whose size is that of no part of a body (its spacing may count in centimetres), and oblique slices.

    Raises
    ------
    Refused
        `no_geometry`, `view_out_of_scope`.
    """
    size = [n * step for n, step in zip(shape, turn.spacing, strict=True)]
    if any(not low <= length <= high for length, (low, high) in zip(size, _BODY_MM, strict=True)):
        raise Refused("no_geometry", "", f"the volume measures {size[0]:.0f} x {size[1]:.0f} x {size[2]:.0f} mm")
    off = np.degrees(np.arccos(min(1.0, abs(turn.affine[2, 2]) / turn.spacing[0])))
    if off > _OBLIQUE:
        raise Refused("view_out_of_scope", "", f"the slices lie {off:.0f} degrees off those across the body")
