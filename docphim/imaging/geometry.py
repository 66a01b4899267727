"""Where pixels go: orientation from the header, antialiased down-scaling, letterboxing; never stretched."""

from __future__ import annotations

import numpy as np
from PIL import Image

from docphim.imaging.limits import WHITE


def fit(height: int, width: int, box_height: int, box_width: int) -> tuple[int, int]:
    """The largest (h, w) of the same shape inside a box, at least 1 x 1."""
    scale = min(box_height / height, box_width / width)
    return max(1, min(box_height, round(height * scale))), max(1, min(box_width, round(width * scale)))


def squared(height: int, width: int, aspect: float) -> tuple[int, int]:
    """The (h, w) with square pixels that shrinks the coarser axis; `aspect` is row spacing over column spacing.

    Within 1 % of 1 the pixels count as square.
    """
    if abs(aspect - 1) <= 0.01:
        return height, width
    return (max(1, round(height * aspect)), width) if aspect < 1 else (height, max(1, round(width / aspect)))


def target_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """The prepared size of a film: the long side at most `long_side`, never up-sampled."""
    if max(height, width) <= long_side:
        return height, width
    return fit(height, width, long_side, long_side)


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resample uint8, uint16 or float32 to (h, w) in float32; Lanczos, whose support widens as the image shrinks."""
    if pixels.shape == size:
        return pixels.astype(np.float32, copy=False)
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("F")
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.LANCZOS))


def draw(codes: np.ndarray, table: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`table[codes]` resampled to (h, w) in float32.

    Where the table is a straight line over the codes that occur, the line is drawn after the resampling, on fewer pixels:
    both are linear, so the order does not matter.
    """
    low, high = int(codes.min()), int(codes.max())
    used = table[low : high + 1].astype(np.float64)
    line = np.linspace(used[0], used[-1], used.size)
    if high > low and np.abs(used - line).max() < 0.05:
        slope = (used[-1] - used[0]) / (high - low)
        return resize(codes, size) * np.float32(slope) + np.float32(used[0] - slope * low)
    return resize(np.rint(table).astype(np.uint16).take(codes), size)


def to_uint16(pixels: np.ndarray) -> np.ndarray:
    """Round display values to uint16; Lanczos overshoots at edges, so they are clipped first."""
    return np.rint(np.clip(pixels, 0, WHITE)).astype(np.uint16)


def orientation(rows_run: str, columns_run: str) -> tuple[bool, bool, bool] | None:
    """What brings a frontal film to the viewing position: patient's right on the viewer's left, head up.

    Parameters
    ----------
    rows_run, columns_run : str
        The two values of PatientOrientation (PS3.3 C.7.6.1.1.1): where a row runs to (left to right), and a column
        (top to bottom): L, R, H, F, perhaps with minor directions after the first letter.

    Returns
    -------
    (transpose, flip left-right, flip top-bottom) in that order, or None where the values say no frontal position.
    """
    first, second = rows_run[:1].upper(), columns_run[:1].upper()
    transpose = first in ("H", "F")
    if transpose:
        first, second = second, first
    if first not in ("L", "R") or second not in ("H", "F"):
        return None
    return transpose, first == "R", second == "H"


def reorient(pixels: np.ndarray, steps: tuple[bool, bool, bool]) -> np.ndarray:
    """Apply the steps of `orientation` to (h, w)."""
    transpose, left_right, top_bottom = steps
    if transpose:
        pixels = pixels.T
    if left_right:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if top_bottom else pixels


def letterbox(content: np.ndarray, size: tuple[int, int], fill: int = 0) -> np.ndarray:
    """Centre (…, h, w) in canvases of `size`, with `fill` around it."""
    height, width = content.shape[-2:]
    canvas = np.full((*content.shape[:-2], *size), fill, content.dtype)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    canvas[..., top : top + height, left : left + width] = content
    return canvas
