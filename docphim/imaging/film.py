"""One chest film from any file to 16-bit display values, upright, or why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from docphim.errors import Refused
from docphim.imaging import appearance, display, geometry, limits, scope
from docphim.imaging.io import dicom, pixels, raster
from docphim.imaging.io.locations import open_bytes, read_bytes
from docphim.imaging.io.sniff import ENOUGH, kind_of


@dataclass
class Film:
    """A frontal film, upright, the patient's right on the viewer's left.

    Parameters
    ----------
    pixels : ndarray
        uint16 (h, w), 0 black (air) to 65535 white (bone).
    spacing : (float, float) or None
        Millimetres per row and per column, where the header knows.
    view : str
        `PA`, `AP` or `unknown`.
    how : dict
        What was done, JSON-ready: decoder, VOI rule, inversion, orientation, original shape, scale; `unchecked`, a list of
        what could not be judged (see `appearance.check_appearance`).
    """

    pixels: np.ndarray
    spacing: tuple[float, float] | None
    view: str
    how: dict[str, Any] = field(default_factory=dict)


def read_film(location: str, long_side: int = 1024) -> Film:
    """Read a DICOM, PNG, JPEG or TIFF film from a location (see `locations`).

    Parameters
    ----------
    long_side : int
        The longer side of the result at most, in pixels; a smaller film keeps its size.

    Raises
    ------
    Refused
        With the reason code of what is wrong; `where` is empty, and no path or name is in the sentence.
    """
    place = open_bytes(location)
    return film_from(read_bytes(place) if isinstance(place, Path) else place, long_side)


def film_from(data: bytes, long_side: int = 1024) -> Film:
    """As `read_film`, from the bytes of a file."""
    try:
        kind = kind_of(data[:ENOUGH])
        if kind in ("dicom", "dicom_bare"):
            return _from_dicom(dicom.read(data), long_side)
        if kind in ("png", "jpeg", "tiff"):
            return _from_raster(raster.read(data), long_side)
    except MemoryError as error:
        raise Refused("image_too_large", "", "the image does not fit in memory") from error
    if kind == "nifti":
        raise Refused("modality_unsupported", "", "a NIfTI volume is not a film")
    raise Refused("file_unreadable")


@dicom.quiet()
def _from_dicom(ds: pydicom.Dataset, long_side: int) -> Film:
    view, stated_by = scope.check_film(ds)
    photometric = dicom.text(ds, "PhotometricInterpretation").upper()
    if not photometric:
        raise Refused("pixels_missing" if "Rows" not in ds else "photometric_unknown")
    array, decoder = pixels.decode(ds)
    how: dict[str, Any] = {"decoder": decoder, "photometric": photometric, "bits": display.bits_stored(ds)}
    if array.ndim == 3:
        draw = partial(geometry.resize, _grey_of_colour(array, how))
    else:
        codes = display.codes_of(array, display.bits_stored(ds))
        draw = partial(geometry.draw, codes.array, display.dicom_table(codes, ds))
        how |= codes.how
    spacing, source = spacing_of(ds)
    size = _size(array.shape[0], array.shape[1], _aspect(ds, spacing), long_side, how)
    film = geometry.to_uint16(draw(size))
    display.check_shown(film)
    if spacing is not None:
        spacing = (round(spacing[0] * array.shape[0] / size[0], 6), round(spacing[1] * array.shape[1] / size[1], 6))
    steps = geometry.orientation(*_two(dicom.text(ds, "PatientOrientation")))
    if steps is not None:
        film = np.ascontiguousarray(geometry.reorient(film, steps))
        spacing = spacing[::-1] if spacing and steps[0] else spacing
    how["orientation"] = _named(steps)
    how |= {"spacing_from": source, "view_from": stated_by}
    how["polarity"], how["unchecked"] = appearance.check_appearance(film, photometric)
    return Film(film, spacing, view, how)


def _from_raster(picture: raster.Raster, long_side: int) -> Film:
    how = {**picture.how, "bits": picture.bits}
    codes = display.codes_of(picture.grey, picture.bits)
    counts = display.counts_of(codes)
    table = display.painted(codes, counts, display.by_percentiles(codes.values, counts, codes))
    how |= {**codes.how, "inverted": False}
    size = _size(codes.array.shape[0], codes.array.shape[1], 1.0, long_side, how)
    if picture.alpha is None:
        film = geometry.to_uint16(geometry.draw(codes.array, table, size))
    else:
        shown = table[codes.array] * (picture.alpha / np.float32(255))  # what is transparent is black
        film = geometry.to_uint16(geometry.resize(shown, size))
        how["alpha"] = "over black"
    display.check_shown(film)
    how |= {"spacing_from": None, "view_from": None}
    how["polarity"], how["unchecked"] = appearance.check_appearance(film, "the file's own grey scale")
    return Film(film, None, "unknown", how)


def _grey_of_colour(array: np.ndarray, how: dict[str, Any]) -> np.ndarray:
    """Luma of RGB (ITU-R BT.601), float32 0..65535; equal channels stay exactly themselves."""
    top = 255 if array.dtype == np.uint8 else limits.WHITE
    red, green, blue = (array[..., i].astype(np.float32) for i in range(3))
    grey = red + np.float32(0.587) * (green - red) + np.float32(0.114) * (blue - red)
    if np.ptp(grey) == 0:
        raise Refused("pixels_constant")
    how |= {"voi": "full range", "modality_lut": "none", "inverted": False}
    return grey * np.float32(limits.WHITE / top)


def _size(height: int, width: int, aspect: float, long_side: int, how: dict[str, Any]) -> tuple[int, int]:
    """The prepared size, recorded."""
    square = geometry.squared(height, width, aspect)
    limits.check_size(*square)
    size = geometry.target_size(*square, long_side)
    how |= {"shape": [height, width], "scale": round(max(size) / max(height, width), 6)}
    return size


def spacing_of(ds: pydicom.Dataset) -> tuple[tuple[float, float] | None, str | None]:
    """Millimetres per row and column, and the tag that says so; a tag that holds zeros says nothing."""
    for tag in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = dicom.numbers(ds, tag)
        if len(spacing) == 2 and min(spacing) > 0:
            return (spacing[0], spacing[1]), tag
    return None, None


def _aspect(ds: pydicom.Dataset, spacing: tuple[float, float] | None) -> float:
    """Row spacing over column spacing, by PixelAspectRatio where no spacing is known."""
    if spacing is not None:
        return spacing[0] / spacing[1]
    ratio = dicom.numbers(ds, "PixelAspectRatio")
    return ratio[0] / ratio[1] if len(ratio) == 2 and min(ratio) > 0 else 1.0


def _two(text: str) -> tuple[str, str]:
    parts = text.split("\\")
    return (parts[0], parts[1]) if len(parts) == 2 else ("", "")


def _named(steps: tuple[bool, bool, bool] | None) -> str:
    if steps is None:
        return "not stated"
    names = [n for n, done in zip(("transposed", "flipped left-right", "flipped top-bottom"), steps, strict=True) if done]
    return ", ".join(names) or "as stored"
