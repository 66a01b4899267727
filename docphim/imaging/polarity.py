"""Whether a frontal chest film is shown in negative, judged from its pixels alone."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from docphim.errors import Refused

#: How much darker, as a share of the film's own range (percentiles 2 to 98), counts as darker.
MARGIN = 0.1
_SIDE = 64
# Rows and columns, of 64, that hold the structure on any roughly centred frontal film.
_MEDIASTINUM = (slice(12, 52), slice(28, 36))
_ABDOMEN = (slice(56, 64), slice(16, 48))
_LUNGS = ((slice(14, 38), slice(12, 24)), (slice(14, 38), slice(40, 52)))


def polarity(pixels: np.ndarray) -> Literal["positive", "negative", "unsure"]:
    """Compare mediastinum and upper abdomen with both lungs, by medians on a 64 x 64 average.

    Bone and water must be brighter than air: `positive` where mediastinum and abdomen are brighter than both lungs by
    `MARGIN`, `negative` where both are darker than both lungs by as much, `unsure` otherwise (a white lung, a rotated
    or badly cropped film, no chest at all).

    Parameters
    ----------
    pixels : ndarray
        (h, w), head up; any number type.
    """
    small = np.asarray(Image.fromarray(pixels.astype(np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BOX))
    low, high = np.percentile(small, (2, 98))
    if high <= low:
        return "unsure"
    dense = [float(np.median(small[region])) for region in (_MEDIASTINUM, _ABDOMEN)]
    air = [float(np.median(small[region])) for region in _LUNGS]
    margin = MARGIN * float(high - low)
    if min(dense) > max(air) + margin:
        return "positive"
    return "negative" if max(dense) < min(air) - margin else "unsure"


def check_polarity(pixels: np.ndarray, claim: str) -> str:
    """The polarity found; a negative is refused, never turned round on a guess.

    Parameters
    ----------
    claim : str
        What says that white is dense, for the sentence: `MONOCHROME1`, or `the format`.

    Raises
    ------
    Refused
        `polarity_contradicts`.
    """
    found = polarity(pixels)
    if found == "negative":
        raise Refused("polarity_contradicts", "", f"by {claim} the lungs would be white and the heart black")
    return found
