"""A volume that is not held in memory whole: its planes, one after the other, as the file has them or turned upright."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from docphim.imaging.io.volume import Turn, Volume, turn_of


@dataclass(frozen=True)
class Planes:
    """A volume to be read plane by plane, in the order of its file.

    Attributes
    ----------
    shape : (int, int, int)
        Planes, rows, columns.
    dtype : dtype
        Of most planes; one whose values do not fit comes as float32.
    affine : ndarray
        4 x 4, from (plane, row, column) to millimetres in the patient (to the left, the back, the head).
    read : function
        The planes from the first to the last, each (rows, columns).  It raises `Refused` for what is wrong with one of them.
    frame_of_reference, unit, modality
        As of `Volume`.
    how : dict
        What the reader did, JSON-ready; whole after the last plane.
    some : function or None
        Planes by their numbers in the file's order, where a form gives them without the others.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    affine: np.ndarray
    read: Callable[[], Iterator[np.ndarray]]
    frame_of_reference: str | None = None
    unit: str | None = None
    modality: str = ""
    how: dict[str, Any] = field(default_factory=dict)
    some: Callable[[Sequence[int]], Iterator[np.ndarray]] | None = None

    def whole(self) -> Volume:
        """All planes together, turned upright."""
        turn = turn_of(self.shape, self.affine)
        array = np.empty(self.shape, self.dtype)
        for number, plane in enumerate(self.read()):
            if plane.dtype != array.dtype:
                array = array.astype(np.result_type(plane, array), copy=False)
            array[number] = plane
        return Volume(turn.of(array), turn.spacing, turn.affine, self.frame_of_reference, self.unit, self.modality, self.how)


def across(planes: Planes, scratch: Path | None = None) -> tuple[Planes, Turn]:
    """Planes that lie across the body, (y, x) with the front first and the patient's right first; no value changes.

    They come from the top or from the feet, as the file has them: `Turn.backwards[0]` says that they come from the feet.  Where
    a file's planes lie otherwise (a NIfTI of sagittal ones), they go through a temporary file, so that memory does not grow.

    Parameters
    ----------
    scratch : Path, optional
        Where the temporary file may lie; by default where the system keeps such files.

    Returns
    -------
    planes : Planes
    turn : Turn
        Its `affine` and `spacing` are those of the volume with the top plane first.

    Raises
    ------
    Refused
        As `turn_of`.
    """
    turn = turn_of(planes.shape, planes.affine)
    rows, columns = (slice(None, None, -1 if back else 1) for back in turn.backwards[1:])
    turned = turn.axes[1] > turn.axes[2]

    def straight(those: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for plane in those:
            yield (plane.T if turned else plane)[rows, columns]

    def some(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        assert planes.some is not None
        return straight(planes.some(numbers))

    def through_file() -> Iterator[np.ndarray]:
        for plane in _through_file(planes, turn, scratch):
            yield plane[rows, columns]

    depth, height, width = (planes.shape[axis] for axis in turn.axes)
    upright = replace(
        planes, shape=(depth, height, width), affine=planes.affine[:, [*turn.axes, 3]], read=through_file, some=None
    )
    if turn.axes[0] == 0:
        upright = replace(upright, read=lambda: straight(planes.read()), some=some if planes.some else None)
    return upright, turn


def _through_file(planes: Planes, turn: Turn, scratch: Path | None) -> Iterator[np.ndarray]:
    """The planes across the body of a file whose planes lie otherwise."""
    with tempfile.TemporaryFile(dir=scratch) as handle:
        # float32 holds every value of int16 too, and a plane that does not fit it is float32
        dtype = np.float32 if planes.dtype == np.int16 else planes.dtype
        size = int(np.prod(planes.shape)) * np.dtype(dtype).itemsize
        if hasattr(os, "posix_fallocate"):  # a disk that fills up later would end the process
            os.posix_fallocate(handle.fileno(), 0, size)
        array: np.ndarray = np.memmap(handle, dtype, "w+", shape=planes.shape)
        for number, plane in enumerate(planes.read()):
            array[number] = plane
        yield from array.transpose(turn.axes)
