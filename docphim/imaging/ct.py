"""The modality `ct`: chest CT, a series or a NIfTI file each, in Hounsfield units on one grid, slice by slice from the head."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from docphim.errors import UsageError
from docphim.imaging.io import read_planes
from docphim.imaging.io.planes import across
from docphim.imaging.io.volume import Turn
from docphim.imaging.space import resample
from docphim.imaging.space.resample import Axis
from docphim.recipe import Section
from docphim.study import Media, Row

#: Counts up when the same input would give other pixels.
VERSION = 1
#: Volumes a worker takes at once.
GROUP = 1
#: Two 16 x 16 x 16 thumbnails that correlate above this are almost surely of the same scan.
SAME = 0.9995
#: What a reader calls it.
WORDS = {"tag": "chest-ct", "images": "chest CT scans"}
#: What is stored lies between these, HU: air, and bone denser than which nothing is told apart.
LOWEST, HIGHEST = -1000, 1000
_THUMB = 16

Millimetres = Annotated[float, Field(gt=0.1, le=20)]


class SeriesRule(Section):
    """Which series of a study is prepared where there are several: words that its kernel, thickness or phase must have."""

    kernel: str | None = None
    thickness: Millimetres | None = None
    phase: str | None = None


class Settings(Section):
    """The grid on disk, mm along z, y and x; `published` gives the values of CT-RATE's published steps instead."""

    spacing: tuple[Millimetres, Millimetres, Millimetres] = (1.5, 0.75, 0.75)
    published: bool = False
    series: SeriesRule = SeriesRule()
    show: dict[str, Any] = Field(default_factory=lambda: {"count": 10})


def check_installed(settings: Settings) -> None:
    """Raise UsageError where the library that resamples is not installed."""
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise UsageError("prepare.ct: volumes are resampled by torch; pip install 'docphim[train]'") from error


def prepare(location: str, settings: Settings, view: str) -> tuple[np.ndarray, Row]:
    """A volume in HU, int16 (z, y, x), and what index.jsonl says of it.

    The top slice is first, the front and the patient's right are first in each.

    Raises
    ------
    Refused
        The volume cannot be used; the reason says why.
    """
    planes, turn = across(read_planes(location))
    grid = _grid(planes.shape, turn, settings)
    volume = np.empty([axis.new for axis in grid], np.int16)
    for number, plane in _on_grid(planes.read(), grid, turn, settings.published):
        volume[number] = plane
    return volume, {
        "spacing": [round(axis.step * old, 6) for axis, old in zip(grid, turn.spacing, strict=True)],
        "unit": "HU",
        "view": "unknown",
        "frame_of_reference": planes.frame_of_reference,
        "affine": (np.round(_placed(turn, grid), 6) + 0.0).tolist(),
        "how": dict(sorted(planes.how.items())),
    }


def _grid(shape: tuple[int, int, int], turn: Turn, settings: Settings) -> tuple[Axis, Axis, Axis]:
    make = resample.published_axis if settings.published else resample.axis
    depth, rows, columns = (make(*row) for row in zip(shape, turn.spacing, settings.spacing, strict=True))
    return depth, rows, columns


def _on_grid(
    planes: Iterator[np.ndarray], grid: tuple[Axis, Axis, Axis], turn: Turn, published: bool
) -> Iterator[tuple[int, np.ndarray]]:
    """New planes with their numbers, int16."""
    if published:  # its steps clip before they resample
        planes = (np.clip(plane, LOWEST, HIGHEST) for plane in planes)
    for number, plane in resample.resampled(planes, *grid, backwards=turn.backwards[0]):
        yield number, np.rint(np.clip(plane, LOWEST, HIGHEST)).astype(np.int16)


def _placed(turn: Turn, grid: tuple[Axis, Axis, Axis]) -> np.ndarray:
    """From voxel (x, y, z) of the grid to mm: the outer edges of the first voxels are those of the file's."""
    steps = np.array([axis.step for axis in reversed(grid)])
    affine = turn.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ (steps / 2 - 0.5)
    affine[:3, :3] *= steps
    return affine


def media(study: str, rows: list[Row], settings: Settings) -> list[Media]:
    """One video a volume: frames in a window from lung to soft tissue."""
    mine = [row["path"] for row in rows if row["modality"] == "ct"]
    return [Media(study, "video", {"ct": path}, "axial", None, dict(settings.show), [["ct", -1000, 400]]) for path in mine]


def megabytes(settings: Settings) -> float:
    """A body of 360 x 360 x 320 mm, int16, compressed to about 40 %."""
    voxels = np.prod([extent / step for extent, step in zip((320, 360, 360), settings.spacing, strict=True)])
    return float(voxels) * 2 * 0.4 / 1e6


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """The volume averaged to 16 x 16 x 16, float32 0..1: for neighbours and duplicates, so the volume's shape is let go."""
    small = pixels.astype(np.float32)
    for axis in range(3):
        small = _sixteenths(small, axis)
    return (small - LOWEST) / np.float32(HIGHEST - LOWEST)


def _sixteenths(values: np.ndarray, axis: int) -> np.ndarray:
    edges = np.linspace(0, values.shape[axis], _THUMB + 1)
    parts = [
        values.take(range(int(low), max(int(low) + 1, int(high))), axis).mean(axis) for low, high in itertools.pairwise(edges)
    ]
    return np.stack(parts, axis)
