"""One study through imaging, outside any run: the suffix of OUT says the form (`docphim convert PATH OUT`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from docphim import files
from docphim.errors import Refused, UsageError
from docphim.imaging import limits, store
from docphim.imaging.xray import Film, read_film

MODALITIES = ("xray", "ct", "pet")


def convert(path: str | Path, out: str | Path, modality: str | None = None, long_side: int | None = None) -> dict[str, Any]:
    """Write a film as `.b2nd` (with its metadata), `.png` (16 bit) or `.npy` (uint16).

    Parameters
    ----------
    modality : str or None
        What to take the file for: `xray`, or None for what it is.
    long_side : int or None
        Longer side at most, pixels; None keeps the film's size.

    Returns
    -------
    dict
        `shape`, `spacing`, `unit`, `view` and `how` of what was written.

    Raises
    ------
    UsageError
        An unknown modality, a suffix that no film is written as, or OUT is PATH.
    Refused
        As `read_film`; `modality_unsupported` for `ct` and `pet`.
    """
    path, out = Path(path).expanduser(), Path(out).expanduser()
    if modality not in (None, *MODALITIES):
        raise UsageError(f"--as {modality}: must be one of {', '.join(MODALITIES)}")
    suffix = ".nii.gz" if out.name.endswith(".nii.gz") else out.suffix
    if suffix not in _WRITERS:
        raise UsageError(f"{out.name}: a film is written as one of {', '.join(_WRITERS)}")
    if out.resolve() == path.resolve():
        raise UsageError(f"{out.name}: would overwrite the film itself")
    if path.is_dir():
        raise Refused("file_unreadable", path.name, "a folder; a film is one file")
    if modality in ("ct", "pet"):
        raise Refused("modality_unsupported", path.name, f"this version converts films, not {modality}")
    try:
        film = read_film(str(path.absolute()), long_side or limits.MAX_PIXELS)
    except Refused as refusal:
        raise Refused(refusal.reason, path.name, refusal.why) from refusal
    spacing = list(film.spacing) if film.spacing else None
    meta = {"shape": list(film.pixels.shape), "spacing": spacing, "unit": "display", "view": film.view, "how": film.how}
    _WRITERS[suffix](out, film, meta)
    return meta


def _b2nd(out: Path, film: Film, meta: dict[str, Any]) -> None:
    store.write(out, film.pixels, meta)


def _png(out: Path, film: Film, meta: dict[str, Any]) -> None:
    _whole(out, lambda handle: Image.fromarray(film.pixels).save(handle, "PNG"))


def _npy(out: Path, film: Film, meta: dict[str, Any]) -> None:
    _whole(out, lambda handle: np.save(handle, film.pixels))


def _whole(out: Path, save: Callable[[IO[bytes]], None]) -> None:
    with files.atomic(out, "wb") as handle:
        save(handle)


_WRITERS: dict[str, Callable[[Path, Film, dict[str, Any]], None]] = {".b2nd": _b2nd, ".png": _png, ".npy": _npy}
