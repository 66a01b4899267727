"""Bytes to arrays with their geometry and unit, or a refusal: one reader a format."""

from __future__ import annotations

import importlib
from pathlib import Path

from docphim.errors import Refused
from docphim.imaging.io import locations
from docphim.imaging.io.sniff import ENOUGH, Kind, kind_of
from docphim.imaging.io.volume import Volume

#: The reader of each form a volume comes in: `read(place) -> Volume`.  Films are pictures; `imaging.film` reads those.
READERS: dict[str, str] = {
    "series": "docphim.imaging.io.series:read",
    "nifti": "docphim.imaging.io.nifti:read",
    "key": "docphim.imaging.io.arrays:read",
    "npy": "docphim.imaging.io.arrays:read",
}


def read_volume(location: str) -> Volume:
    """Read a volume from a location (see `locations`): a DICOM series, a NIfTI file, an `.npz` key or an `.npy` file.

    Raises
    ------
    Refused
        With the reason code of what is wrong; `where` is empty, and no path or name is in the sentence.
    """
    place = locations.parse(location)
    module, _, name = READERS[_form(place)].partition(":")
    try:
        volume: Volume = getattr(importlib.import_module(module), name)(place)
    except MemoryError as error:
        raise Refused("image_too_large", "", "the volume does not fit in memory") from error
    return volume


def _form(place: locations.Place) -> str:
    if isinstance(place, locations.SeriesFiles):
        return "series"
    if isinstance(place, locations.Key):
        return "key"
    if isinstance(place, locations.Cell):
        raise Refused("modality_unsupported", "", "a cell of a table holds a picture, not a volume")
    kind = file_kind(place)
    if kind in ("dicom", "dicom_bare"):
        raise Refused("slices_missing", "", "one DICOM file is one slice; a series is a list of files")
    if kind not in READERS:
        raise Refused("file_unreadable", "", "the file holds no volume")
    return kind


def file_kind(path: Path) -> Kind:
    """What a file is, looked for inside gzip too.

    Raises
    ------
    Refused
        `file_missing`, `file_unreadable`, `file_empty` or `executable_preamble`.
    """
    return kind_of(locations.head(path, ENOUGH))
