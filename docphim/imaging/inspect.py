"""What a file or folder is: films and volumes, their geometry and unit, or why they are refused (`docphim inspect PATH`)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.imaging.film import film_from, spacing_of
from docphim.imaging.find import SeriesFound, look_through, name_of, shown
from docphim.imaging.io import arrays, dicom, locations, raster, read_planes, read_volume
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.sniff import ENOUGH, Kind, kind_of
from docphim.imaging.io.volume import turn_of
from docphim.imaging.space import quality
from docphim.progress import bar

Row = dict[str, Any]

_IMAGE_SUFFIXES = (".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".npz")
_VOLUMES = ("nifti", "npz", "npy")
_NO_UNIT = "nothing in the file says what its numbers mean (HU, SUV): only who knows the dataset can"


def inspect(path: str | Path) -> Row:
    """Look at a file, or at everything in a folder.

    Returns
    -------
    dict
        JSON-ready.  A file: `format`, `modality`, `shape`, `spacing` (mm), `unit`, `refused` (rows of `reason`, `where`,
        `why`; empty when usable), and for a film `view` and `how`.  A folder: `files`, `usable`, `others` (no images),
        `modalities` (counts), `volumes` (a row like a file's for each series or volume, with `where` and `files`) and
        `refused`.  Shapes and spacings of volumes are along z, y and x; of a CT there is `quality` too.

    Raises
    ------
    Refused
        `file_missing`.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise Refused("file_missing", str(path))
    return _file(path, shown(Path(path.name)))


def _folder(folder: Path) -> Row:
    """Series are read as series; every other file is looked at by itself."""
    singles, series = look_through(folder)
    modalities: Counter[str] = Counter()
    refused: list[Row] = []
    volumes: list[Row] = []
    usable = others = 0
    for path in bar(singles, len(singles), "inspect"):
        name = shown(path.relative_to(folder))
        row = _file(path, name)
        if row["format"] == "other" and path.suffix.lower() not in _IMAGE_SUFFIXES:
            others += 1
            continue
        modalities[row["modality"] or "unknown"] += 1
        refused += row["refused"]
        usable += not row["refused"]
        if row["format"] in _VOLUMES:
            volumes.append({"where": name, "files": 1, **row})
    for entry in series:
        row = series_row(entry, folder)
        volumes.append(row)
        modalities[row["modality"] or "unknown"] += 1
        refused += row["refused"]
        usable += not row["refused"]
    count = len(singles) + sum(len(entry.names) for entry in series)
    counts = dict(sorted(modalities.items()))
    return {"files": count, "usable": usable, "others": others, "modalities": counts, "volumes": volumes, "refused": refused}


def series_row(entry: SeriesFound, folder: Path) -> Row:
    """One series of a folder as a row; `where` is the folder it lies in, with a number where it holds several."""
    return _volume_row(name_of(entry, folder), "dicom", entry.modality, str(entry.location), len(entry.names))


def _volume_row(where: str, form: str, modality: str | None, location: str, files: int) -> Row:
    row: Row = {"where": where, "files": files, "format": form, "modality": modality}
    row |= {"shape": None, "spacing": None, "unit": None, "refused": []}
    try:
        return row | (_array(location, where) if form in ("npz", "npy") else _placed(location, where))
    except Refused as refusal:
        return row | {"refused": [{"reason": refusal.reason, "where": where, "why": refusal.why}]}


def _array(location: str, where: str) -> Row:
    """An array says neither a place nor a unit."""
    volume = read_volume(location)
    row: Row = {"shape": list(volume.array.shape), "how": volume.how, "refused": _no_unit(where, _NO_UNIT)}
    return row | {"values": [float(volume.array.min()), float(volume.array.max())]}


def _placed(location: str, where: str) -> Row:
    """A series or a NIfTI, plane by plane; a NIfTI is HU where its values are those of a chest in HU, else of no unit."""
    planes = read_planes(location)
    turn = turn_of(planes.shape, planes.affine)
    row: Row = {"modality": planes.modality or None, "shape": [planes.shape[axis] for axis in turn.axes]}
    row |= {"spacing": list(turn.spacing), "unit": planes.unit, "how": planes.how}
    if planes.modality == "PT":
        return row | _pet(location, where)
    if planes.modality not in ("", "CT"):
        ends = [float(end) for plane in planes.read() for end in (plane.min(), plane.max())]
        stored = planes.how.get("stored_unit")
        why = f"the values are {stored[:16]}" if stored else _NO_UNIT
        return row | {"values": [min(ends), max(ends)], "refused": _no_unit(where, why)}
    try:
        return row | {"modality": "CT", "unit": "HU", "refused": [], **quality.look(planes)}
    except Refused as refusal:
        if refusal.reason != "not_hu":
            raise
        if planes.unit is None:
            return row | {"refused": _no_unit(where, f"{_NO_UNIT}; of a chest in HU they are not: {refusal.why}")}
        return row | {"refused": [{"reason": "not_hu", "where": where, "why": refusal.why}]}


def _pet(location: str, where: str) -> Row:
    """A PET series in SUV, or why it is in none."""
    from docphim.imaging.units import measured  # here, so that films are looked at without it

    try:
        place = locations.parse(location)
        assert isinstance(place, SeriesFiles)
        seen = measured.measure(place)
    except Refused as refusal:
        return {"refused": [{"reason": refusal.reason, "where": where, "why": refusal.why}]}
    named = ("factor", "rule", "uptake_minutes", "suv_max", "suv_mean", "balance", "flags")
    return {"unit": "SUV", "suv": {name: seen[name] for name in named}, "refused": []}


def _no_unit(where: str, why: str) -> list[Row]:
    return [{"reason": "unit_unknown", "where": where, "why": why}]


def _file(path: Path, name: str) -> Row:
    row: Row = {"format": "other", "modality": None, "shape": None, "spacing": None, "unit": None, "refused": []}
    try:
        if path.name != path.name.encode("utf-8", "ignore").decode():
            raise Refused("unsafe_path", "", "the file's name is no UTF-8")
        kind = kind_of(locations.head(path, ENOUGH))
        if kind in _VOLUMES:
            return _array_or_nifti(path, name, kind, row)
        data = locations.read_bytes(path)
        row["format"] = "dicom" if kind == "dicom_bare" else kind
        row |= _header(kind, data)
        film = film_from(data, long_side=max(row["shape"] or [1024]))
        row |= {"shape": list(film.pixels.shape), "spacing": list(film.spacing) if film.spacing else None}
        row |= {"unit": "display", "view": film.view, "how": film.how}
        row["modality"] = row["modality"] or "xray"
    except Refused as refusal:
        row["refused"] = [{"reason": refusal.reason, "where": name, "why": refusal.why}]
    return row


def _array_or_nifti(path: Path, name: str, kind: Kind, row: Row) -> Row:
    """A volume in entry file: a NIfTI, an array, or the arrays of an `.npz`."""
    if kind != "npz":
        described = _volume_row(name, kind, None, str(path.absolute()), 1)
        return {k: v for k, v in described.items() if k not in ("where", "files")}
    keys = arrays.keys(path)
    if not keys:
        raise Refused("file_unreadable", "", "an archive that holds no array")
    rows = {key: _volume_row(f"{name}#{key}", kind, None, f"npz:{path.absolute()}#{key}", 1) for key in keys}
    refused = [refusal for array in rows.values() for refusal in array["refused"]]
    shapes = {key: {k: array[k] for k in ("shape", "spacing", "unit")} for key, array in rows.items()}
    return row | {"format": "npz", "shape": rows[keys[0]]["shape"], "arrays": shapes, "refused": refused}


def _header(kind: Kind, data: bytes) -> Row:
    """What the header alone says."""
    if kind in ("png", "jpeg", "tiff"):
        rows, columns = raster.size(data)
        return {"shape": [rows, columns]}
    if kind not in ("dicom", "dicom_bare"):
        return {}
    ds = dicom.read(data)
    if "DirectoryRecordSequence" in ds:
        return {"format": "other"}
    rows, columns = dicom.integer(ds, "Rows", 0), dicom.integer(ds, "Columns", 0)
    spacing, _ = spacing_of(ds)
    modality = dicom.modality_of(ds)
    return {
        "modality": modality if modality.isalnum() and len(modality) <= 4 else None,
        "shape": [rows, columns] if rows > 0 and columns > 0 else None,
        "spacing": list(spacing) if spacing else None,
    }
