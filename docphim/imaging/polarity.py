"""Whether a frontal chest film that stands upright is shown in negative: mediastinum and abdomen against the lungs."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

#: How much darker, as a share of the film's own range (percentiles 2 to 98), counts as darker.
MARGIN = 0.1
_SIDE = 64
#: Rows and columns at the edge whose range is below this share of the film's are border.
_FLAT = 0.05
# Rows and columns, of 64, that hold the structure on any roughly centred frontal film.
_MEDIASTINUM = (slice(12, 52), slice(28, 36))
_ABDOMEN = (slice(56, 64), slice(16, 48))
_LUNGS = ((slice(14, 38), slice(12, 24)), (slice(14, 38), slice(40, 52)))


def polarity(pixels: np.ndarray) -> Literal["positive", "negative", "unsure"]:
    """Compare mediastinum and upper abdomen with both lungs, by medians on a 64 x 64 average without flat borders.

    Bone and water must be brighter than air: `positive` where mediastinum and abdomen are brighter than both lungs by
    `MARGIN`, `negative` where both are darker than both lungs by as much, `unsure` otherwise (a white lung, a rotated
    or badly cropped film, no chest at all).

    Parameters
    ----------
    pixels : ndarray
        (h, w), head up; any number type.
    """
    coarse = _average(pixels.astype(np.float32), 2 * _SIDE)
    flat = _FLAT * np.ptp(coarse)
    rows, columns = (_inside(np.ptp(coarse, axis=axis) > flat) for axis in (1, 0))
    small = _average(coarse[rows, columns], _SIDE)
    low, high = np.percentile(small, (2, 98))
    if high <= low:
        return "unsure"
    dense = [float(np.median(small[region])) for region in (_MEDIASTINUM, _ABDOMEN)]
    air = [float(np.median(small[region])) for region in _LUNGS]
    margin = MARGIN * float(high - low)
    if min(dense) > max(air) + margin:
        return "positive"
    return "negative" if max(dense) < min(air) - margin else "unsure"


def _average(pixels: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


def _inside(lively: np.ndarray) -> slice:
    """From the first to the last row (column) that is not one flat grey: the film without its collimated border."""
    where = np.flatnonzero(lively)
    return slice(int(where[0]), int(where[-1]) + 1) if where.size else slice(None)
