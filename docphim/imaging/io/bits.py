"""Stored values inside their words: what lies above or below BitsStored is no part of the image."""

from __future__ import annotations

import numpy as np
import pydicom

from docphim.errors import Refused
from docphim.imaging.io.dicom import integer

#: Of the places where the upper bits change, the share at which the image must go on smoothly below an overlay.
_MOSTLY = 0.8


def stored_bits(words: np.ndarray, ds: pydicom.Dataset) -> np.ndarray:
    """The stored values of words (h, w) of any integer type, whatever the transfer syntax (PS3.5 8.1.1 and 8.2).

    Bits above them may hold overlay planes, as old writers used them, or anything: they are masked.  Where they belong to
    the values, because the header says fewer bits than the image has, nobody knows what the values mean: masked, a bright
    area would begin again at black.

    Raises
    ------
    Refused
        `pixels_undecodable`: the values need more bits than the header says.
    """
    size = words.dtype.itemsize * 8
    bits = integer(ds, "BitsStored", size)
    high = integer(ds, "HighBit", bits - 1)
    if not 0 < bits < size or not _overflows(words, bits):
        return words
    if bits <= high < size:  # values in the upper bits of the word (ACR-NEMA habit)
        return _cut(words, size - 1 - high, size - bits)
    cut = _cut(words, size - bits, size - bits)
    if not _has_overlay(ds, high) and not _lies_over(words, cut, bits):
        raise Refused("pixels_undecodable", "", f"the pixels need more than the {bits} bits that the header says")
    return cut


def _overflows(words: np.ndarray, bits: int) -> bool:
    if words.dtype.kind == "u":
        return int(words.max()) >= 1 << bits
    return int(words.max()) >= 1 << (bits - 1) or int(words.min()) < -(1 << (bits - 1))


def _cut(words: np.ndarray, left: int, right: int) -> np.ndarray:
    """Shift to the top of the word and down again, which keeps a sign."""
    return (words << left) >> right


def _has_overlay(ds: pydicom.Dataset, high: int) -> bool:
    """Whether the header places an overlay plane in the pixel words (PS3.3 C.9.2, OverlayBitPosition, retired)."""
    positions = [ds.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2)]
    return any(isinstance(p.value, int) and p.value > high for p in positions if p is not None)


def _lies_over(words: np.ndarray, cut: np.ndarray, bits: int) -> bool:
    """Whether the upper bits are drawn over an image that goes on below them.

    Where they change from a pixel to the next, the image below an overlay hardly steps.  A value that runs over its bits, from
    4095 to 4096 of 12, falls from white to black.
    """
    upper = np.diff(words >> bits, axis=1) != 0
    if not upper.any():
        return True
    steps = np.abs(np.diff(cut.astype(np.int64), axis=1)[upper])
    return bool((steps < 1 << (bits - 3)).mean() > _MOSTLY)
