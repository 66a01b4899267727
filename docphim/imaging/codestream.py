"""The image size that a compressed stream itself claims, read before any decoder is asked to allocate it."""

from __future__ import annotations

_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF markers of JPEG (ITU T.81 B.1.1.3) and JPEG-LS
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment


def claimed_size(stream: bytes) -> tuple[int, int] | None:
    """(rows, columns) claimed by a JPEG, JPEG-LS or JPEG 2000 stream (bare or in JP2 boxes); None where it says nothing."""
    if stream.startswith(b"\xff\xd8"):
        return _jpeg_size(stream)
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or len(stream) < start + 24:
        return None
    # SIZ (ITU T.800 A.5.1): Lsiz, Rsiz, then Xsiz, Ysiz, XOsiz, YOsiz
    width, height, left, top = (int.from_bytes(stream[start + 8 + 4 * i : start + 12 + 4 * i], "big") for i in range(4))
    return height - top, width - left


def _jpeg_size(stream: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(stream):
        if stream[at] != 0xFF:
            return None
        marker = stream[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAME:
            return int.from_bytes(stream[at + 5 : at + 7], "big"), int.from_bytes(stream[at + 7 : at + 9], "big")
        else:
            at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None
