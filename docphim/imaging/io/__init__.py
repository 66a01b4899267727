"""Bytes to arrays with their geometry and unit, or a refusal: one reader a format."""

from __future__ import annotations

import importlib
from pathlib import Path

from docphim.errors import Refused
from docphim.imaging.io import locations
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.sniff import ENOUGH, Kind, kind_of
from docphim.imaging.io.volume import Volume

#: The module that reads each form a volume comes in, by `read(place) -> Volume`, and where the form says how its planes lie
#: also by `planes(place) -> Planes`.  Films are pictures; `imaging.film` reads those.
READERS: dict[str, str] = {
    "series": "docphim.imaging.io.series",
    "nifti": "docphim.imaging.io.nifti",
    "key": "docphim.imaging.io.arrays",
    "npy": "docphim.imaging.io.arrays",
    "stated": "docphim.imaging.io.stated",
}


def read_volume(location: str) -> Volume:
    """Read a volume from a location (see `locations`): a DICOM series, a NIfTI file, an `.npz` key or an `.npy` file.

    Raises
    ------
    Refused
        With the reason code of what is wrong; `where` is empty, and no path or name is in the sentence.
    """
    place = locations.parse(location)
    try:
        volume: Volume = importlib.import_module(READERS[_form(place)]).read(place)
    except MemoryError as error:
        raise Refused("image_too_large", "", "the volume does not fit in memory") from error
    return volume


def read_planes(location: str) -> Planes:
    """A volume to be read plane by plane; raises as `read_volume`, and `no_geometry` for an array, which says no place."""
    place = locations.parse(location)
    reader = importlib.import_module(READERS[_form(place)])
    if not hasattr(reader, "planes"):
        raise Refused("no_geometry", "", "an array does not say where its voxels are")
    planes: Planes = reader.planes(place)
    return planes


_NO_VOLUME: dict[type, str] = {
    locations.Masks: "masks are no volume to be shown",
    locations.Pair: "a pair is two volumes",
    locations.Cell: "a cell of a table holds a picture, not a volume",
}


def _form(place: locations.Place) -> str:
    if isinstance(place, locations.SeriesFiles):
        return "series"
    if isinstance(place, locations.Key):
        return "key"
    if isinstance(place, locations.Stated):
        return "stated"
    if type(place) in _NO_VOLUME:
        raise Refused("modality_unsupported", "", _NO_VOLUME[type(place)])
    assert isinstance(place, Path)
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
