"""The modality `ct_masks`: masks of findings on the grid of their chest CT; bit k of a voxel says that finding k is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from docphim.errors import Refused
from docphim.imaging.io import locations, nifti, read_planes
from docphim.imaging.io.planes import across
from docphim.imaging.space import grid as grids
from docphim.imaging.space.grid import Grid
from docphim.imaging.space.resample import Axis
from docphim.imaging.store import Stream
from docphim.recipe import Section
from docphim.study import Media, Row

#: Counts up when the same input would give other masks.
VERSION = 1
#: Volumes a worker takes at once.
GROUP = 1
#: Masks are never taken for the same picture: a correlation cannot exceed 1.
SAME = 2.0
#: Whose section of the recipe says what this one's leaves out.
ON_GRID_OF = "ct"
#: What a reader calls it.
WORDS = {"tag": "chest-ct-masks", "images": "masks of chest CT scans"}


class Settings(Section):
    """The grid on disk: that of the CT itself (`prepare.ct`) unless told."""

    spacing: grids.Spacing = grids.DEFAULT
    published: bool = False


def prepare(location: str, settings: Settings, view: str) -> tuple[Stream, Row]:
    """Masks as uint32 (z, y, x), each voxel that of the nearest one in the file.

    Raises
    ------
    Refused
        `shape_differs`: the masks are not on the grid of their volume; `multiframe`: more findings than 32; and as
        `ct.prepare` for the volume's place.
    """
    place = locations.parse(location)
    if not isinstance(place, locations.Masks):
        raise Refused("file_unreadable", "", "masks come with the volume on whose grid they lie")
    volume = read_planes(place.volume)
    masks = nifti.masks(Path(place.path), volume)
    planes, turn = across(masks)
    grid = grids.grid_of(planes.shape, turn, settings.spacing, settings.published)
    facts: Row = {
        "spacing": grids.spacing_on(turn, grid),
        "unit": "bits",
        "view": "unknown",
        "frame_of_reference": volume.frame_of_reference,
        "affine": grids.placed_on(turn, grid),
        "how": {"shape": list(planes.shape), "findings": masks.how["findings"]},
    }
    shape = (grid[0].new, grid[1].new, grid[2].new)
    return Stream(shape, np.dtype(np.uint32), _slices(planes.read(), grid, turn.backwards[0])), facts


def _slices(planes: Iterator[np.ndarray], grid: Grid, backwards: bool) -> Iterator[tuple[int, np.ndarray]]:
    depth, rows, columns = (_nearest(axis) for axis in grid)
    wanted: dict[int, list[int]] = {}
    for sample, old in enumerate(depth.tolist()):
        wanted.setdefault(old, []).append(sample)
    order = range(grid[0].old)[:: -1 if backwards else 1]
    for number, plane in zip(order, planes, strict=True):
        for sample in wanted.get(number, ()):
            yield sample, np.ascontiguousarray(plane[np.ix_(rows, columns)])


def _nearest(axis: Axis) -> np.ndarray:
    """The old voxel in which the centre of each new one lies."""
    return np.minimum(((np.arange(axis.new) + 0.5) * axis.step).astype(int), axis.old - 1)


def media(study: str, rows: list[Row], settings: Settings) -> list[Media]:
    """Nothing: a model is never shown the answer."""
    return []


def megabytes(settings: Settings) -> float:
    """Masks compress to next to nothing."""
    return 0.1


def thumbnail(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """A single zero: masks have no neighbours."""
    return np.zeros(1, np.float32)
