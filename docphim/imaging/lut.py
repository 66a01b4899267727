"""Look-up tables of a DICOM header (Modality LUT, VOI LUT): read as they are written, and as the standard says."""

from __future__ import annotations

import numpy as np
import pydicom

from docphim.errors import Refused


def apply(values: np.ndarray, item: pydicom.Dataset) -> tuple[np.ndarray, int]:
    """Look values up; those outside the table take its first or last entry (PS3.3 C.11.1.1.1, C.11.2.1.1).

    pydicom's own functions index with the type of the entries, so that a table of 8-bit entries ends after 256 of them.

    Returns
    -------
    entries : ndarray
        float64, the entry of every value.
    bits : int
        Depth of the largest entry: descriptors claim more than the table uses, which would show the film dark, or less.

    Raises
    ------
    Refused
        `pixels_undecodable`: the table holds fewer entries than it says.
    """
    count, first, bits = (int(v) for v in item.LUTDescriptor)
    count = count or 65536
    entries = _entries(item.LUTData, count, bits)
    if first > 32767 and values.min() < 0:  # written as unsigned, meant as signed
        first -= 65536
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, count - 1)
    return entries[index].astype(np.float64), int(entries[:count].max()).bit_length() or 1


def _entries(data: object, count: int, bits: int) -> np.ndarray:
    """The entries: 16-bit words or, where the descriptor says 8 bits and that many bytes are there, two in a word.

    A table of words that claims 8 bits is read as words, for many are written so; a short one is never read as bytes, for
    what came out would be noise.
    """
    words = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.atleast_1d(np.asarray(data)).astype("<u2")
    if words.size >= count:
        return words
    if bits == 8 and words.size == (count + 1) // 2:
        return words.view(np.uint8)
    raise Refused("pixels_undecodable", "", f"a look-up table says {count} entries of {bits} bits and holds {words.size} words")
