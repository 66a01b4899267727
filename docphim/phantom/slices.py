"""Files of a DICOM series whose headers differ in a few elements of fixed length: encoded once, then filled in as bytes."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping, Sequence

import pydicom
from pydicom.dataset import FileDataset

#: What differs from slice to slice: element → its value as it stands in the file; all slices' are of one length.
Values = Mapping[tuple[int, int], bytes]


class Template:
    """The bytes of a slice's file before its pixels, with the places that differ.

    Parameters
    ----------
    dataset : FileDataset
        The first slice, whole: it holds the values of `first`, and pixels.
    first : Values
        Those of the first slice.

    Raises
    ------
    ValueError
        An element is not in the file as it was set.
    """

    def __init__(self, dataset: FileDataset, first: Values) -> None:
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
        data = buffer.getvalue()
        self._head = data[: len(data) - len(dataset.PixelData)]
        self._places = [_place(self._head, element, value) for element, value in first.items()]

    def fill(self, values: Sequence[bytes]) -> bytes:
        """A header with the values of a slice, in the order of the first one's."""
        data = bytearray(self._head)
        for (at, size), value in zip(self._places, values, strict=True):
            if len(value) != size:
                raise ValueError(f"{value!r} is not {size} bytes long")
            data[at : at + size] = value
        return bytes(data)


def _place(head: bytes, element: tuple[int, int], value: bytes) -> tuple[int, int]:
    # looked for with the element's tag before it: a text like 000001 stands in the patient's number, too
    match = re.search(re.escape(struct.pack("<HH", *element)) + rb"[A-Z]{2}.." + re.escape(value), head, re.DOTALL)
    if match is None:
        raise ValueError(f"({element[0]:04x},{element[1]:04x}) is not written as it was set")
    return match.end() - len(value), len(value)
