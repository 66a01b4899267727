"""The values of one slice of a DICOM series: its stored words, straight from the file where they lie there plainly, scaled."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import encapsulate, get_frame

from docphim.errors import Refused
from docphim.imaging.io import dicom, pixels

#: The RescaleType of a CT that some tools write where they know of none: whether it is HU is for its values to say.
UNSPECIFIED = "US"
#: HU of air, which stands where a file has padding.
AIR = -1000
#: Fewer pixels of one value at a side are noise.
_SPECK = 16
_PLAIN = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)
#: What stands before the words in the file: tag, type and length, or tag and length.
_EXPLICIT, _IMPLICIT = (b"\xe0\x7f\x10\x00OW\x00\x00", b"\xe0\x7f\x10\x00OB\x00\x00"), (b"\xe0\x7f\x10\x00",)


@dataclass(frozen=True)
class Layout:
    """Uncompressed words of 16 bits as a header describes them: rows, columns, the least and the greatest value in them."""

    rows: int
    columns: int
    least: int
    most: int


def layout_of(header: pydicom.Dataset) -> Layout | None:
    """How the words of a slice lie in its file; None where they are compressed, of several frames, or of another size."""
    meta = getattr(header, "file_meta", None)
    rows, columns, bits = (dicom.integer(header, keyword, 0) for keyword in ("Rows", "Columns", "BitsStored"))
    frames, samples = dicom.integer(header, "NumberOfFrames", 1), dicom.integer(header, "SamplesPerPixel", 1)
    known = meta is not None and meta.get("TransferSyntaxUID") in _PLAIN and (frames, samples) == (1, 1)
    if not known or dicom.integer(header, "BitsAllocated", 0) != 16 or not 0 < bits <= 16 or min(rows, columns) < 1:
        return None
    signed = dicom.integer(header, "PixelRepresentation", 0) == 1
    return Layout(rows, columns, -(1 << bits - 1) if signed else 0, (1 << (bits - 1 if signed else bits)) - 1)


def stored(path: Path, layout: Layout | None, frame: int = 0, frames: int = 1) -> tuple[np.ndarray, str]:
    """The stored values of a slice, (rows, columns), and what compressed them; `frame` counts in an enhanced file.

    Raises
    ------
    Refused
        As `pixels.decode` and `dicom.read`; `file_missing`.
    """
    try:
        words = _plain(path, layout, frame, frames) if layout else None
        if words is not None:
            return words, "uncompressed"
        if frames > 1:
            return _frame(path, frame)
        data = path.read_bytes()
    except OSError as error:
        raise Refused("file_missing" if not path.exists() else "file_unreadable", "", "a slice cannot be opened") from error
    return pixels.decode(dicom.read(data), least=1)


def _plain(path: Path, layout: Layout, frame: int, frames: int) -> np.ndarray | None:
    """The words where they are the last element of the file, whole; None where they must be looked for, or hold an overlay.

    The file is parsed once then, for its header: what stands before the words says that they are they, and how many.
    """
    single = 2 * layout.rows * layout.columns
    length = single * frames
    with open(path, "rb") as handle:
        at = handle.seek(0, 2) - length
        if at < 144:
            return None
        handle.seek(at - 12)
        before = handle.read(12)
        known = before[:8] in _EXPLICIT or before[4:8] in _IMPLICIT
        if not known or int.from_bytes(before[8:], "little") != length:
            return None
        handle.seek(at + frame * single)
        words = np.fromfile(handle, "<i2" if layout.least else "<u2", layout.rows * layout.columns)
    if words.max() > layout.most or (layout.least and words.min() < layout.least):
        return None
    return words.reshape(layout.rows, layout.columns).astype(words.dtype.newbyteorder("="), copy=False)


def _frame(path: Path, frame: int) -> tuple[np.ndarray, str]:
    """One frame of an enhanced file that is compressed, or lies otherwise than most."""
    whole = _whole(path)
    count = dicom.integer(whole, "NumberOfFrames", 1)
    parts = [element for element in whole.group_dataset(0x0028) if element.keyword != "NumberOfFrames"]
    single = pydicom.Dataset({element.tag: element for element in parts})
    single.file_meta = pydicom.dataset.FileMetaDataset()
    single.file_meta.TransferSyntaxUID = syntax = uid.UID(whole.file_meta.TransferSyntaxUID)
    try:
        if syntax.is_encapsulated:
            single.PixelData = encapsulate([get_frame(whole.PixelData, frame, number_of_frames=count)])
            single["PixelData"].is_undefined_length = True
        else:
            length = len(whole.PixelData) // count
            single.PixelData = whole.PixelData[frame * length : (frame + 1) * length]
    except Exception as error:  # pydicom raises by what it stumbled over
        raise Refused("file_truncated", "", "the file does not hold all its frames") from error
    return pixels.decode(single, least=1)


@functools.lru_cache(maxsize=1)
def _whole(path: Path) -> pydicom.Dataset:
    return dicom.read(path.read_bytes())


def scale_of(header: pydicom.Dataset) -> tuple[float, float]:
    """Slope and intercept of a slice; a CT without them has no HU.

    Raises
    ------
    Refused
        `unit_unknown`.
    """
    slope, intercept = dicom.numbers(header, "RescaleSlope"), dicom.numbers(header, "RescaleIntercept")
    if dicom.modality_of(header) == "CT":
        if not slope or not intercept or slope[0] == 0:
            raise Refused("unit_unknown", "", "a slice of the CT does not say how its values become HU (RescaleSlope)")
        if dicom.text(header, "RescaleType").upper() not in ("", "HU", UNSPECIFIED):
            raise Refused("unit_unknown", "", "RescaleType says that the values are not HU")
    return (slope or [1.0])[0], (intercept or [0.0])[0]


def padding_of(header: pydicom.Dataset) -> tuple[int, int] | None:
    """The least and the greatest stored value that stand for nothing (PixelPaddingValue, PixelPaddingRangeLimit).

    None where the header names none; a signed value that was written as an unsigned one is turned back.
    """
    ends = [dicom.numbers(header, keyword) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    signed = dicom.integer(header, "PixelRepresentation", 0) == 1
    stated = [int(end[0]) - 65536 * (signed and end[0] > 32767) for end in ends if end]
    return (min(stated), max(stated)) if ends[0] else None


def without_padding(words: np.ndarray, padding: tuple[int, int], slope: float, intercept: float) -> np.ndarray:
    """A slice's words with air in the place of padding that its scale would make body of; other padding stays for `hu.Seen`.

    Only what is connected with the sides and no speck goes: where a header names the value of water, water in the body stays.
    """
    if words.dtype.kind not in "iu" or max(end * slope + intercept for end in padding) <= AIR:
        return words
    from scipy import ndimage

    parts, count = ndimage.label((words >= padding[0]) & (words <= padding[1]))
    filled = np.zeros(count + 1, bool)
    filled[np.concatenate([parts[[0, -1]].ravel(), parts[:, [0, -1]].ravel()])] = True
    filled &= np.bincount(parts.ravel(), minlength=count + 1) >= _SPECK
    filled[0] = False
    limits = np.iinfo(words.dtype)
    air = np.clip(round((AIR - intercept) / slope), limits.min, limits.max)
    return np.where(filled[parts], words.dtype.type(air), words)


def scaled(words: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """A slice's values: int16 where they are whole numbers that fit, else float32.

    Raises
    ------
    Refused
        `pixels_not_finite`.
    """
    if words.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        ends = [end * int(slope) + int(intercept) for end in (int(words.min()), int(words.max()))]
        if min(ends) >= -32768 and max(ends) <= 32767:
            # int16 counts round: what overflows on the way comes back, because the result fits
            factor, summand = (np.array(int(value) % 65536).astype(np.int16) for value in (slope, intercept))
            whole = words.view(np.int16) if words.dtype == np.uint16 else words.astype(np.int16)
            return (whole if factor == 1 else whole * factor) + summand
    values = words.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    if not np.isfinite(values).all():
        raise Refused("pixels_not_finite")
    return values
