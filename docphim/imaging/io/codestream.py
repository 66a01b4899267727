"""What a compressed stream itself claims, read before any decoder is asked to believe it."""

from __future__ import annotations

import re
from typing import NamedTuple

from docphim.errors import Refused

_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF markers of JPEG (ITU T.81 B.1.1.3) and JPEG-LS
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment
_SCAN = 0xDA
#: After 0xFF in coded data: 00 is data, D0-D7 restart, D9 the end, and a next scan may bring its tables.
#: JPEG-LS stuffs a bit, not a byte: there anything below 80 is data.
_STRAY = re.compile(rb"\xff[^\x00-\x7f\xc4\xd0-\xd7\xd9-\xdb\xdd\xe0-\xef\xfe\xff]")


#: Encoders write ten scans of a progressive JPEG, and one a component and table at most.
_MOST_SCANS = 64


class Claim(NamedTuple):
    """Size, samples a pixel and bits a sample."""

    rows: int
    columns: int
    samples: int
    bits: int


def claim_of(stream: bytes) -> Claim | None:
    """The claim of a JPEG, JPEG-LS or JPEG 2000 stream (bare or in JP2 boxes); None where it is broken or another format."""
    return _jpeg(stream) if stream.startswith(b"\xff\xd8") else _jpeg2000(stream)


def check_scans(stream: bytes) -> None:
    """Refuse a JPEG of more scans than any encoder writes: for each, a hundred bytes, the decoder goes over the whole image.

    Raises
    ------
    Refused
        `decoding_too_slow`.
    """
    if stream.startswith(b"\xff\xd8") and (scans := stream.count(bytes([0xFF, _SCAN]))) > _MOST_SCANS:
        raise Refused("decoding_too_slow", "", f"the JPEG has {scans} scans where {_MOST_SCANS} are the most")


def _jpeg2000(stream: bytes) -> Claim | None:
    """SIZ (ITU T.800 A.5.1): Xsiz, Ysiz, XOsiz, YOsiz at 8, components at 40, the first one's depth at 42."""
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or len(stream) < start + 43:
        return None
    width, height, left, top = (_number(stream, start + 8 + 4 * i, 4) for i in range(4))
    return Claim(height - top, width - left, _number(stream, start + 40, 2), (stream[start + 42] & 0x7F) + 1)


def _jpeg(stream: bytes) -> Claim | None:
    """The frame header, in a stream whose markers hold together up to the end of its data."""
    claim, at = None, 2
    while at + 10 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _FRAME:
            claim = Claim(_number(stream, at + 5, 2), _number(stream, at + 7, 2), stream[at + 9], stream[at + 4])
        if marker == _SCAN:
            return None if _STRAY.search(stream, at + 2) else claim
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + _number(stream, at + 2, 2)
    return None


def _number(stream: bytes, at: int, length: int) -> int:
    return int.from_bytes(stream[at : at + length], "big")
