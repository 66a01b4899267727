"""What a file is, by its first bytes: suffixes lie, and PACS exports have none."""

from __future__ import annotations

import zlib
from typing import Literal

from docphim.errors import Refused

Kind = Literal["dicom", "dicom_bare", "png", "jpeg", "tiff", "nifti", "npz", "npy", "other"]

_MAGIC: list[tuple[int, bytes, Kind]] = [
    (128, b"DICM", "dicom"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (344, b"n+1\x00", "nifti"),
    (4, b"n+2\x00", "nifti"),
    (0, b"PK\x03\x04", "npz"),  # or another archive: its names tell
    (0, b"\x93NUMPY", "npy"),
]
#: First bytes of programs: PE, ELF, Mach-O (32, 64 bit, both orders, universal), scripts.
_PROGRAMS = (b"MZ", b"\x7fELF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
#: How many first bytes `kind_of` needs.
ENOUGH = 1024


def kind_of(head: bytes) -> Kind:
    """Name the format from the first `ENOUGH` bytes; a NIfTI is known inside gzip too.

    Raises
    ------
    Refused
        `file_empty`, or `executable_preamble`: a DICOM file whose preamble is the start of a program (CVE-2019-11687).
    """
    if not head:
        raise Refused("file_empty")
    if head.startswith(b"\x1f\x8b"):
        return "nifti" if _inflated(head)[344:348] == b"n+1\x00" or _inflated(head)[4:8] == b"n+2\x00" else "other"
    for offset, magic, kind in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            if kind == "dicom" and head.startswith(_PROGRAMS):
                raise Refused("executable_preamble")
            return kind
    if _begins_with_element(head):
        return "dicom_bare"
    return "other"


def _inflated(head: bytes) -> bytes:
    """The first bytes of what a gzip file holds; b'' where it is damaged."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 1024)
    except zlib.error:
        return b""


def _begins_with_element(head: bytes) -> bool:
    """Whether a preamble-less DICOM stream begins here: an element of group 0002 or 0008 with a believable length."""
    if len(head) < 16 or head[:2] not in (b"\x02\x00", b"\x08\x00") or head[3] != 0:
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    length = int.from_bytes(head[6:8] if explicit else head[4:8], "little")
    return length <= 1024
