"""One study through imaging, outside any run: the suffix of OUT says the form (`docphim convert PATH OUT`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from docphim import files
from docphim.errors import Refused, UsageError
from docphim.imaging import frames, geometry, layouts, limits, mip, pet_series, pet_settings, reconstructions, scope, store
from docphim.imaging.film import Film, read_film
from docphim.imaging.find import look_through
from docphim.imaging.io import dicom, file_kind, locations, nifti, read_volume
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.slices import header_of
from docphim.imaging.io.volume import Volume
from docphim.imaging.reconstructions import Rule
from docphim.imaging.space import hu
from docphim.imaging.windows import SUV_SHOWN, windows

Meta = dict[str, Any]

#: Slices of a volume on a picture, and side by side.
_SHEET, _ABREAST = 10, 5


def convert(
    path: str | Path,
    out: str | Path,
    modality: str | None = None,
    long_side: int | None = None,
    layout: str | None = None,
) -> Meta:
    """Write a film as `.b2nd` (with its metadata), `.png` (16 bit) or `.npy` (uint16); a volume as these or as `.nii.gz`.

    Parameters
    ----------
    path : str or Path
        A film's file, or a folder that holds one series of a CT or PET.
    modality : str or None
        What it must be: `xray`, `ct` or `pet`; None for what it is.  In a folder it chooses among series.
    long_side : int or None
        Longer side of a film at most, pixels; None keeps the film's size.
    layout : str or None
        A chest CT in one of the paper's layouts (`layouts.SUFFIXES`), resampled, in place of its voxels as they are.

    Returns
    -------
    dict
        `shape`, `spacing`, `unit` and `how` of what was written, and a film's `view`.

    Raises
    ------
    UsageError
        An unknown modality, a suffix that this is not written as, or OUT is PATH.
    Refused
        As `read_film`, `read_volume` and, of a PET, `measured.measure`;
        `unit_unknown` for a volume whose numbers nobody vouches for; `not_hu` where a CT is
        asked for and its values are none; `series_mixed` for a folder of several series, unless a CT or a PET is asked for:
        then one is chosen as `reconstructions` or `pet_series` says; `modality_unsupported` for what is not of the modality.
    """
    path, out = Path(path).expanduser(), Path(out).expanduser()
    if modality not in (None, *scope.CODES):
        raise UsageError(f"--as {modality}: must be one of {', '.join(scope.CODES)}")
    suffix = ".nii.gz" if out.name.endswith(".nii.gz") else out.suffix
    if out.resolve() == path.resolve():
        raise UsageError(f"{out.name}: would overwrite the film itself")
    try:
        if layout:
            return layouts.write(_location(path, modality or "ct"), out, layout)
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
    location = _location(path, modality)
    volume = _pet(location) or _in_a_unit(read_volume(location), modality)
    spacing = list(volume.spacing) if volume.spacing else None
    meta = {"shape": list(volume.array.shape), "spacing": spacing, "unit": volume.unit, "how": volume.how}
    write(out, volume, meta)
    return meta


def _location(path: Path, modality: str | None) -> str:
    """Where the one volume lies that can be meant: a file, or a series in a folder."""
    if path.is_dir():
        return str(_one_series(path, modality))
    if not _is_volume(path):
        raise Refused("modality_unsupported", "", "one file of a film or a slice; a CT is converted from its folder")
    return str(path.absolute())


def _pet(location: str) -> Volume | None:
    """A PET series in SUV; None of everything else."""
    from docphim.imaging.units import measured  # here, so that a film is converted without it

    place = locations.parse(location)
    if not isinstance(place, SeriesFiles) or dicom.modality_of(header_of(place.paths[0])) != "PT":
        return None
    return measured.volume(place)


def _in_a_unit(volume: Volume, modality: str | None) -> Volume:
    """A volume whose numbers somebody vouches for: the file, or of a chest in HU its values, if a CT is asked for or may be."""
    no_ct = modality == "pet" or volume.modality not in ("", "CT") or volume.affine is None
    if volume.unit is None and no_ct:
        stored = volume.how.get("stored_unit")
        why = f"the values are {stored}" if stored else "nothing in the file says a unit"
        raise Refused("unit_unknown", "", f"{why}: what is written must say what its numbers mean")
    if modality == "ct" or volume.unit is None:
        seen = hu.Seen(len(volume.array))
        for plane in volume.array:
            seen.look(plane)
        try:
            hu.check(seen)
        except Refused as refusal:
            if modality == "ct":
                raise
            raise Refused("unit_unknown", "", f"nothing in the file says a unit, and in HU {refusal.why}") from refusal
    return replace(volume, unit="HU")


def _is_volume(path: Path) -> bool:
    return path.is_file() and file_kind(path) in ("nifti", "npz", "npy")


def _one_series(folder: Path, modality: str | None) -> SeriesFiles:
    """The one series of a folder that can be meant; of the CT or PET series of a scan, the first by the stated order."""
    candidates = [series for series in look_through(folder)[1] if not modality or series.modality in scope.CODES[modality]]
    if not candidates:
        raise Refused("image_missing", "", f"the folder holds no series of {modality or 'slices'}; a film is one file")
    if len(candidates) == 1:
        return candidates[0].location
    if modality not in ("ct", "pet"):
        both = {series.modality for series in candidates} >= {"CT", "PT"}
        hint = "say which with --as ct or --as pet" if both else "convert one of its folders"
        raise Refused("series_mixed", "", f"the folder holds {len(candidates)} series; {hint}")
    paths = [path for series in candidates for path in series.location.paths]
    slices = pet_series.chosen(paths, pet_settings.Rule())[0] if modality == "pet" else reconstructions.chosen(paths, Rule())[0]
    return SeriesFiles(str(folder), tuple(str(item.path.relative_to(folder)) for item in slices))


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
    beside = _projections(volume) if volume.unit == "SUV" else {}
    stored = replace(store.compressed(volume.array), beside=beside)
    blocks, _ = store.packed(stored, {**meta, "affine": affine})
    _whole(out, lambda handle: handle.writelines(blocks))


def _projections(volume: Volume) -> dict[str, np.ndarray]:
    depth, height, width = volume.array.shape
    mips = mip.Mips((depth, height, width))
    for number, plane in enumerate(volume.array):
        mips.take(number, plane)
    return mips.pictures()


def _volume_nifti(out: Path, volume: Volume, meta: Meta) -> None:
    _whole(out, lambda handle: handle.write(nifti.to_bytes(volume)))


def _volume_png(out: Path, volume: Volume, meta: Meta) -> None:
    """Ten slices from the head down, five abreast, in a window from lung to soft tissue; voxels become square.

    Those of a PET are in inverted grey, six abreast, after its projections.
    """
    count = min(_SHEET, len(volume.array))
    shown = [volume.array[int((part + 0.5) * len(volume.array) / count)] for part in range(count)]
    _, down, across = volume.spacing or (1.0, 1.0, 1.0)
    size = geometry.squared(shown[0].shape[0], shown[0].shape[1], down / across)
    low, high = SUV_SHOWN if volume.unit == "SUV" else windows()["chest"]
    pictures = [np.rint(geometry.resize(frames.display(plane, low, high), size)).clip(0, 255) for plane in shown]
    abreast = _ABREAST
    if volume.unit == "SUV":
        projected = [
            frames.display(picture, low, high) for picture in frames.projections(_projections(volume), volume.spacing, size)
        ]
        pictures, abreast = [geometry.letterbox(picture, size, 255) for picture in projected] + pictures, _ABREAST + 1
    pictures += [np.zeros(size, np.float32)] * (-len(pictures) % abreast)
    lines = [np.concatenate(pictures[at : at + abreast], axis=1) for at in range(0, len(pictures), abreast)]
    _whole(out, lambda handle: Image.fromarray(np.concatenate(lines).astype(np.uint8)).save(handle, "PNG"))


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
    ".png": _volume_png,
}
