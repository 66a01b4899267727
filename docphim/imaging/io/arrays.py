"""Bare arrays, a key of an `.npz` file or an `.npy` file: a unit and a spacing are known only to who knows the dataset."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io.locations import Key
from docphim.imaging.io.volume import Volume

Spacing = tuple[float, float, float]


def read(place: Key | Path, unit: str | None = None, spacing: Spacing | None = None) -> Volume:
    """An array (z, y, x) of numbers, with the unit and the spacing (mm along z, y, x) that the caller vouches for.

    Raises
    ------
    Refused
        `file_missing`, `file_unreadable`, `file_truncated`, `image_missing` (no such key), `pixels_undecodable` (not three
        axes of numbers), `image_too_large`, `pixels_missing` or `pixels_not_finite`.
    """
    try:
        if isinstance(place, Key):
            with zipfile.ZipFile(place.path) as archive, archive.open(_member(archive, place.key)) as handle:
                array = _read(handle)
        else:
            with open(place, "rb") as handle:
                array = _read(handle)
    except FileNotFoundError as error:
        raise Refused("file_missing") from error
    except (OSError, EOFError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError) as error:
        raise Refused("file_unreadable", "", "the array cannot be read") from error
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Refused("pixels_not_finite")
    return Volume(array, spacing, unit=unit, how={"decoder": "numpy", "stored": array.dtype.name})


def is_array(place: object) -> bool:
    """Whether a location names an array, which says neither a unit nor a place."""
    return isinstance(place, Key) or (isinstance(place, Path) and place.suffix in (".npz", ".npy"))


def frame_of(location: str) -> str:
    """What stands for the frame of reference of an array: itself; only a recipe vouches that something else lies in it."""
    return f"array {location}"


def keys(path: Path) -> list[str]:
    """The names of the arrays of an `.npz` file; [] for another archive.

    Raises
    ------
    Refused
        `file_unreadable`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise Refused("file_unreadable", "", "the archive cannot be read") from error
    return [name.removesuffix(".npy") for name in names if name.endswith(".npy")]


def _member(archive: zipfile.ZipFile, key: str) -> str:
    name = f"{key}.npy"
    if name not in archive.namelist():
        raise Refused("image_missing", "", "the file holds no array of that name")
    return name


def header(handle: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns come first, and type of an array of three axes; its voxels come next in the file.

    Raises
    ------
    ValueError
        It is no array of numpy's.
    Refused
        `pixels_undecodable` (not three axes of numbers), `image_too_large` or `pixels_missing`.
    """
    version = np.lib.format.read_magic(handle)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(handle)
    if len(shape) != 3 or dtype.kind not in "iuf":
        raise Refused("pixels_undecodable", "", "the array is not three axes of numbers")
    limits.check_voxels(shape)
    return shape, by_columns, dtype


def _read(handle: IO[bytes]) -> np.ndarray:
    """The array, its claimed size held against the limit before anything is allocated."""
    shape, by_columns, dtype = header(handle)
    data = handle.read(int(np.prod(shape)) * dtype.itemsize)
    if len(data) < int(np.prod(shape)) * dtype.itemsize:
        raise Refused("file_truncated")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C")
    return np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False))
