"""One study through imaging, outside any run: the suffix of OUT says the form (`docphim convert PATH OUT`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from docphim import files
from docphim.errors import Refused, UsageError
from docphim.imaging import limits, scope, store
from docphim.imaging.film import Film, read_film
from docphim.imaging.find import SeriesFound, look_through
from docphim.imaging.io import file_kind, nifti, read_volume
from docphim.imaging.io.volume import Volume

Meta = dict[str, Any]


def convert(path: str | Path, out: str | Path, modality: str | None = None, long_side: int | None = None) -> Meta:
    """Write a film as `.b2nd` (with its metadata), `.png` (16 bit) or `.npy` (uint16), a CT as `.b2nd`, `.nii.gz` or `.npy`.

    Parameters
    ----------
    path : str or Path
        A film's file, or a folder that holds one CT series.
    modality : str or None
        What it must be: `xray`, `ct` or `pet`; None for what it is.  In a folder it chooses among series.
    long_side : int or None
        Longer side of a film at most, pixels; None keeps the film's size.

    Returns
    -------
    dict
        `shape`, `spacing`, `unit` and `how` of what was written, and a film's `view`.

    Raises
    ------
    UsageError
        An unknown modality, a suffix that this is not written as, or OUT is PATH.
    Refused
        As `read_film` and `read_volume`; `unit_unknown` for a volume whose numbers nobody vouches for; `series_mixed` for a
        folder of several series; `modality_unsupported` for what is not of the modality.
    """
    path, out = Path(path).expanduser(), Path(out).expanduser()
    if modality not in (None, *scope.CODES):
        raise UsageError(f"--as {modality}: must be one of {', '.join(scope.CODES)}")
    suffix = ".nii.gz" if out.name.endswith(".nii.gz") else out.suffix
    if out.resolve() == path.resolve():
        raise UsageError(f"{out.name}: would overwrite the film itself")
    try:
        if modality != "xray" and (modality or path.is_dir() or _is_volume(path)):
            return _volume(path, out, suffix, modality)
        return _film(path, out, suffix, long_side)
    except Refused as refusal:
        raise Refused(refusal.reason, path.name, refusal.why) from refusal


def _film(path: Path, out: Path, suffix: str, long_side: int | None) -> Meta:
    write = _writer(_FILM_WRITERS, suffix, out, "a film")
    if path.is_dir() or _is_volume(path):
        raise Refused("modality_unsupported", "", "a folder or a volume is no film; a film is one file")
    film = read_film(str(path.absolute()), long_side or limits.MAX_PIXELS)
    spacing = list(film.spacing) if film.spacing else None
    meta = {"shape": list(film.pixels.shape), "spacing": spacing, "unit": "display", "view": film.view, "how": film.how}
    write(out, film, meta)
    return meta


def _volume(path: Path, out: Path, suffix: str, modality: str | None) -> Meta:
    write = _writer(_VOLUME_WRITERS, suffix, out, "a volume")
    location = str(_one_series(path, modality).location) if path.is_dir() else str(path.absolute())
    if not path.is_dir() and not _is_volume(path):
        raise Refused("modality_unsupported", "", "one file of a film or a slice; a CT is converted from its folder")
    volume = read_volume(location)
    if volume.unit is None:
        stored = volume.how.get("stored_unit")
        why = f"the values are {stored}, and this version works out no SUV" if stored else "nothing in the file says a unit"
        raise Refused("unit_unknown", "", f"{why}: what is written must say what its numbers mean")
    spacing = list(volume.spacing) if volume.spacing else None
    meta = {"shape": list(volume.array.shape), "spacing": spacing, "unit": volume.unit, "how": volume.how}
    write(out, volume, meta)
    return meta


def _is_volume(path: Path) -> bool:
    return path.is_file() and file_kind(path) in ("nifti", "npz", "npy")


def _one_series(folder: Path, modality: str | None) -> SeriesFound:
    """The one series of a folder that can be meant."""
    candidates = [series for series in look_through(folder)[1] if not modality or series.modality in scope.CODES[modality]]
    if not candidates:
        raise Refused("image_missing", "", f"the folder holds no series of {modality or 'slices'}; a film is one file")
    if len(candidates) > 1:
        raise Refused("series_mixed", "", f"the folder holds {len(candidates)} series; convert one of its folders")
    return candidates[0]


def _writer(writers: dict[str, Any], suffix: str, out: Path, name: str) -> Any:
    if suffix not in writers:
        raise UsageError(f"{out.name}: {name} is written as one of {', '.join(writers)}")
    return writers[suffix]


def _b2nd(out: Path, film: Film, meta: Meta) -> None:
    store.write(out, film.pixels, meta)


def _png(out: Path, film: Film, meta: Meta) -> None:
    _whole(out, lambda handle: Image.fromarray(film.pixels).save(handle, "PNG"))


def _npy(out: Path, film: Film, meta: Meta) -> None:
    _whole(out, lambda handle: np.save(handle, film.pixels))


def _volume_b2nd(out: Path, volume: Volume, meta: Meta) -> None:
    affine = None if volume.affine is None else np.round(volume.affine, 6).tolist()
    store.write(out, volume.array, {**meta, "affine": affine})


def _volume_nifti(out: Path, volume: Volume, meta: Meta) -> None:
    _whole(out, lambda handle: handle.write(nifti.to_bytes(volume)))


def _volume_npy(out: Path, volume: Volume, meta: Meta) -> None:
    _whole(out, lambda handle: np.save(handle, np.ascontiguousarray(volume.array)))


def _whole(out: Path, save: Callable[[IO[bytes]], object]) -> None:
    with files.atomic(out, "wb") as handle:
        save(handle)


_FILM_WRITERS: dict[str, Callable[[Path, Film, Meta], None]] = {".b2nd": _b2nd, ".png": _png, ".npy": _npy}
_VOLUME_WRITERS: dict[str, Callable[[Path, Volume, Meta], None]] = {
    ".b2nd": _volume_b2nd,
    ".nii.gz": _volume_nifti,
    ".npy": _volume_npy,
}
