"""PNG, JPEG and TIFF films: decoded to grey, 8 or 16 bits, upright by their EXIF orientation."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io.bounded import silent
from docphim.imaging.io.codestream import check_scans
from docphim.imaging.io.dicom import quiet

_FORMATS = ("PNG", "JPEG", "TIFF")
_WHITE_IS_ZERO, _PHOTOMETRIC, _BITS_PER_SAMPLE = 0, 262, 258
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_CUT = ("truncated", "Truncated", "end of file", "unrecognized data stream", "not enough image data")


@dataclass
class Raster:
    """A decoded picture: grey (h, w) as uint8, uint16, int32 or float32, the coverage of its alpha channel, and how."""

    grey: np.ndarray
    alpha: np.ndarray | None
    bits: int
    how: dict[str, Any] = field(default_factory=dict)


def read(data: bytes) -> Raster:
    """Decode a picture.

    Raises
    ------
    Refused
        `file_empty`, `file_unreadable`, `file_truncated`, `image_too_large`, `image_too_small`, `multiframe`,
        `photometric_unknown`, `decoding_too_slow` or `pixels_undecodable`.
    """
    if not data:
        raise Refused("file_empty")
    check_scans(data)
    try:
        with quiet(), silent():
            return _decode(data)
    except Refused:
        raise
    except Image.DecompressionBombError as error:
        raise Refused("image_too_large") from error
    except (struct.error, EOFError) as error:
        raise Refused("file_truncated") from error
    except Exception as error:  # Pillow's plug-ins raise OSError, SyntaxError, ValueError, KeyError, ...
        cut = any(word in str(error) for word in _CUT)
        raise Refused("file_truncated" if cut else "pixels_undecodable") from error


def size(data: bytes) -> tuple[int, int]:
    """(rows, columns) as stored, from the header alone; raises as `read` does."""
    try:
        with quiet(), _open(data) as image:
            return image.height, image.width
    except Refused:
        raise
    except Image.DecompressionBombError as error:
        raise Refused("image_too_large") from error
    except Exception as error:
        raise Refused("file_unreadable") from error


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise
    except Exception as error:
        raise Refused("file_unreadable", "", "the picture's header cannot be read") from error


def _decode(data: bytes) -> Raster:
    image = _open(data)
    limits.check_size(image.height, image.width)
    frames = getattr(image, "n_frames", 1)
    if image.format != "MPO" and frames > 1:
        raise Refused("multiframe", "", f"the file holds {frames} pictures")
    if image.mode == "1":
        raise Refused("photometric_unknown", "", "one bit a pixel is not a film")
    how: dict[str, Any] = {"decoder": image.format, "photometric": image.mode}
    bits = _bits(image)
    # Pillow turns WhiteIsZero round at 8 bits and leaves it at 16 (TiffImagePlugin.OPEN_INFO).
    negative = image.mode in _DEEP and _tiff_tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO
    image.load()
    image = _upright(image, how)
    if image.mode in _DEEP:
        grey = np.asarray(image)
        if negative:
            how["white_is_zero"] = True
            grey = (2**bits - 1) - grey if image.mode.startswith("I;") else -grey.astype(np.float64)
        return Raster(grey.astype(grey.dtype.newbyteorder("="), copy=False), None, bits, how)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        colour = image.convert("RGBA")
        return Raster(np.asarray(colour.convert("L")), np.asarray(colour.getchannel("A")), 8, how)
    return Raster(np.asarray(image if image.mode == "L" else image.convert("RGB").convert("L")), None, 8, how)


def _upright(image: Image.Image, how: dict[str, Any]) -> Image.Image:
    """Turn a picture as its EXIF orientation asks; broken EXIF says nothing."""
    try:
        turn = image.getexif().get(0x0112, 1)
        if turn in range(2, 9):
            image = ImageOps.exif_transpose(image)
            how["exif_orientation"] = turn
    except Exception:
        how["exif_orientation"] = "unreadable"
    return image


def _bits(image: Image.Image) -> int:
    """Bits a sample of what Pillow decodes to (it cuts 16-bit colour to 8)."""
    return _tiff_tag(image, _BITS_PER_SAMPLE, 16) if image.mode in _DEEP else 8


def _tiff_tag(image: Image.Image, tag: int, default: int) -> int:
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return default
    value = image.tag_v2.get(tag, default)
    return int(value[0] if isinstance(value, tuple) else value)
