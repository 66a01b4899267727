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


def _read(handle: IO[bytes]) -> np.ndarray:
    """The array, its claimed size held against the limit before anything is allocated."""
    version = np.lib.format.read_magic(handle)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = header(handle)
    if len(shape) != 3 or dtype.kind not in "iuf":
        raise Refused("pixels_undecodable", "", "the array is not three axes of numbers")
    limits.check_voxels(shape)
    data = handle.read(int(np.prod(shape)) * dtype.itemsize)
    if len(data) < int(np.prod(shape)) * dtype.itemsize:
        raise Refused("file_truncated")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C")
    return np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False))
