"""Whether a picture is drawn, as a chart, a logo or a page of text is: most of it is one flat grey here and another there."""

from __future__ import annotations

import numpy as np

#: A share of flat blocks above this is a drawing; films have 0.12, and up to 0.7 where a window whitens most of them.
_DRAWN = 0.72
#: Where all that is flat is white and the rest is soft, a window may have whitened a film still further.
_WHITENED = 0.9
#: Of 256 grey levels: how far above the darkest still counts as black; from where on white; how soft the rest of a film is at
#: most, by the median range inside a block, where the edges of letters have 150 to 255.
_NEAR_BLACK, _WHITE, _SOFT = 8, 254, 60
#: Blocks of 4 x 4 pixels are looked at, one in 32 x 32, or in 16 x 16 where the film is smaller than the last number.
_BLOCK, _STEPS, _SMALL = 4, (16, 32), 512


def is_drawn(film: np.ndarray) -> bool:
    """Whether a film (h, w), uint16, is no film but a drawing; black does not count, for films may have black borders."""
    low, high = _lit_blocks(film)
    flat = low == high
    share = _mean(flat)
    if share <= _DRAWN or share > _WHITENED:
        return share > _DRAWN
    whitened = _mean(high[flat] >= _WHITE) > _WHITENED and np.median((high - low)[~flat]) < _SOFT
    return not whitened


def _mean(yes: np.ndarray) -> float:
    return float(yes.mean()) if yes.size else 0.0


def _lit_blocks(film: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest grey of 256 in each block that is not black, int16 (n,)."""
    step = _STEPS[min(film.shape) >= _SMALL]
    height, width = (n // step * step for n in film.shape)
    blocks = film[:height, :width].reshape(height // step, step, width // step, step)[:, :_BLOCK, :, :_BLOCK]
    grey = (blocks >> 8).transpose(1, 3, 0, 2).reshape(_BLOCK**2, -1).astype(np.int16)
    low, high = grey.min(axis=0), grey.max(axis=0)
    lit = high > low.min() + _NEAR_BLACK
    return low[lit], high[lit]
