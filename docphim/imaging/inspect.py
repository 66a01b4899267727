"""What a file or folder is: modality, geometry, unit, or why it is refused (`docphim inspect PATH`)."""

from __future__ import annotations

import os
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from docphim.errors import Refused
from docphim.imaging import scope
from docphim.imaging.io import dicom, raster
from docphim.imaging.io.sniff import ENOUGH, Kind, kind_of
from docphim.imaging.xray import film_from, read_bytes, spacing_of
from docphim.progress import bar

Row = dict[str, Any]

#: The DICOM data type codes of NIfTI-1 (nifti1.h), as numpy names.
_NIFTI_TYPES = {2: "uint8", 4: "int16", 8: "int32", 16: "float32", 64: "float64", 256: "int8", 512: "uint16", 768: "uint32"}
#: Header size -> where (offset, struct format) dim, datatype and pixdim stand.
_NIFTI_LAYOUTS = {348: ((40, "8h"), (70, "h"), (76, "8f")), 540: ((16, "8q"), (12, "h"), (104, "8d"))}
_IMAGE_SUFFIXES = (".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff")


def inspect(path: str | Path) -> Row:
    """Look at a file, or at every file of a folder.

    Returns
    -------
    dict
        JSON-ready.  A file: `format`, `modality`, `shape`, `spacing` (mm), `unit`, `refused` (rows of `reason`, `where`,
        `why`; empty when usable), and for a film `view` and `how`.  A folder: `files`, `usable`, `others` (no images),
        `modalities` (counts) and `refused`.

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
    return _file(path, path.name)


def _folder(folder: Path) -> Row:
    modalities: Counter[str] = Counter()
    refused: list[Row] = []
    usable = others = 0
    paths = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    for path in bar(sorted(paths), len(paths), "inspect"):
        found = _file(path, path.relative_to(folder).as_posix())
        if found["format"] == "other" and path.suffix.lower() not in _IMAGE_SUFFIXES:
            others += 1
            continue
        modalities[found["modality"] or "unknown"] += 1
        refused += found["refused"]
        usable += not found["refused"]
    counts = dict(sorted(modalities.items()))
    return {"files": len(paths), "usable": usable, "others": others, "modalities": counts, "refused": refused}


def _file(path: Path, name: str) -> Row:
    row: Row = {"format": "other", "modality": None, "shape": None, "spacing": None, "unit": None, "refused": []}
    try:
        data = read_bytes(path)
        kind = kind_of(data[:ENOUGH])
        row["format"] = "dicom" if kind == "dicom_bare" else kind
        row |= _header(kind, data)
        if row["format"] == "other":
            row |= _zipped_nifti(data)
        film = film_from(data, long_side=max(row["shape"] or [1024]))
        row |= {"shape": list(film.pixels.shape), "spacing": list(film.spacing) if film.spacing else None}
        row |= {"unit": "display", "view": film.view, "how": film.how}
        row["modality"] = row["modality"] or "xray"
    except Refused as refusal:
        reason, why = refusal.reason, refusal.why
        if row["format"] == "nifti":
            reason, why = "modality_unsupported", "a NIfTI volume is not a film"
        row["refused"] = [{"reason": reason, "where": name, "why": why}]
    return row


def _header(kind: Kind, data: bytes) -> Row:
    """What the header alone says."""
    if kind == "nifti":
        return _nifti(data[:ENOUGH])
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
    modality = scope.modality_of(ds)
    return {
        "modality": modality if modality.isalnum() and len(modality) <= 4 else None,
        "shape": [rows, columns] if rows > 0 and columns > 0 else None,
        "spacing": list(spacing) if spacing else None,
    }


def _nifti(head: bytes) -> Row:
    """Shape and spacing, in the file's axis order, from a NIfTI-1 or NIfTI-2 header."""
    for order in "<>":
        layout = _NIFTI_LAYOUTS.get(struct.unpack_from(order + "i", head)[0])
        if layout is None:
            continue
        dims, (kind,), steps = (struct.unpack_from(order + what, head, at) for at, what in layout)
        axes = min(max(dims[0], 0), 7)
        spacing = [round(abs(s), 6) for s in steps[1 : 1 + min(axes, 3)]]
        return {
            "format": "nifti",
            "shape": list(dims[1 : 1 + axes]),
            "spacing": spacing if np.isfinite(spacing).all() else None,
            "stored": _NIFTI_TYPES.get(kind, f"code {kind}"),
        }
    return {}


def _zipped_nifti(data: bytes) -> Row:
    """As `_nifti` for .nii.gz, inflating the header alone; {} for anything else."""
    if not data.startswith(b"\x1f\x8b"):
        return {}
    try:
        head = zlib.decompressobj(wbits=31).decompress(data, 1024)
        return _nifti(head) if kind_of(head) == "nifti" else {}
    except (zlib.error, struct.error, Refused):
        return {}
