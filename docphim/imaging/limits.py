"""The bounds of a film: how large it can be, checked on what headers claim before anything is allocated, and its white."""

from __future__ import annotations

from docphim.errors import Refused

#: The display value of white; black is 0.
WHITE = 65535
#: A 43 x 43 cm detector at 0.1 mm has 18 million pixels, a digitised film at 50 um 75 million.
MAX_PIXELS = 100_000_000
#: Below this on the short side there is no film to read.
MIN_SIDE = 64
#: Bytes of the largest file read: 16-bit RGB at MAX_PIXELS, and headers.
MAX_BYTES = 640 << 20
#: Bytes a deflated data set may inflate to: 16-bit grey at MAX_PIXELS, and headers.
MAX_INFLATED = 208 << 20


def check_size(rows: int, columns: int) -> None:
    """Refuse a claimed size.

    Raises
    ------
    Refused
        `image_too_large` or `image_too_small`, with the size in the sentence.
    """
    if rows * columns > MAX_PIXELS:
        raise Refused("image_too_large", "", f"the image claims {rows} x {columns} pixels")
    if min(rows, columns) < MIN_SIDE:
        raise Refused("image_too_small", "", f"the image has {rows} x {columns} pixels, less than {MIN_SIDE} on a side")
