"""The bounds of a film: how large it can be, checked on what headers claim before anything is allocated, and its white."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
#: Seconds that decoding one film may take where a decoder may not end; an ordinary film takes a tenth of one.
MAX_SECONDS = 10.0
#: Voxels of the largest volume read: 1,747 slices of 1024 x 1024.
MAX_VOXELS = 1 << 31


def check_voxels(shape: Sequence[int]) -> None:
    """Refuse a claimed size of a volume.

    Raises
    ------
    Refused
        `image_too_large`, or `pixels_missing` where an axis is empty.
    """
    claimed = " x ".join(map(str, shape))
    if min(shape) < 1:
        raise Refused("pixels_missing", "", f"the volume claims {claimed} voxels")
    if math.prod(shape) > MAX_VOXELS:
        raise Refused("image_too_large", "", f"the volume claims {claimed} voxels")


def check_size(rows: int, columns: int, least: int = MIN_SIDE) -> None:
    """Refuse a claimed size; `least` pixels are on a side of a film, and one on that of a slice.

    Raises
    ------
    Refused
        `image_too_large` or `image_too_small`, with the size in the sentence.
    """
    if rows * columns > MAX_PIXELS:
        raise Refused("image_too_large", "", f"the image claims {rows} x {columns} pixels")
    if min(rows, columns) < least:
        raise Refused("image_too_small", "", f"the image has {rows} x {columns} pixels, less than {least} on a side")
