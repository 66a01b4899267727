"""uint8 frames to the floats a model takes, bit for bit as the official image processor makes them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor

from docphim.errors import UsageError

logger = logging.getLogger("docphim")


def normalise(image_processor: Any, planes: Tensor) -> Tensor:
    """Rescale and normalise colour planes.

    A value becomes a float by its channel alone, so the processor is asked for the 256 values of each channel and the rest
    is looked up: the same bits, a quarter of the time.

    Parameters
    ----------
    planes : Tensor, uint8, shape (3, …)
        Red, green and blue.

    Returns
    -------
    Tensor, float32, of the same shape
    """
    values = np.repeat(np.arange(256, dtype=np.uint8)[None, None], 3, axis=0)  # (3, 1, 256): an image of 256 pixels
    if image_processor.do_rescale:
        values = image_processor.rescale(values, image_processor.rescale_factor)
    if image_processor.do_normalize:
        values = image_processor.normalize(values, image_processor.image_mean, image_processor.image_std)
    tables = torch.from_numpy(np.ascontiguousarray(values[:, 0], dtype=np.float32))
    places = planes.reshape(3, -1)
    return torch.stack([t.index_select(0, p.int()) for t, p in zip(tables, places, strict=True)]).reshape(planes.shape)


def channels_first(image_processor: Any, frames: Tensor) -> Tensor:
    """Frames, uint8 (T, h, w, 3), as most encoders take them: normalised, (T, 3, h, w)."""
    return normalise(image_processor, frames.permute(3, 0, 1, 2)).transpose(0, 1).contiguous()


def square_side(image_size: int | tuple[int, int], unit: int, who: str) -> int:
    """The side in pixels of a small model's square films: the multiple of `unit` nearest to `image_size`.

    Raises
    ------
    UsageError
        The films are not square.
    """
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    if height != width:
        raise UsageError(f"model.image_size: {who} takes square films, not {height}x{width}")
    return max(1, round(height / unit)) * unit


def fixed_size(encoder: tuple[int, int], image_size: int | tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in pixels of an encoder that takes no other, `encoder`; said where the recipe asks for another."""
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    if (height, width) != encoder:
        logger.info("image size %dx%d becomes %dx%d: the encoder's own", height, width, *encoder)
    return encoder
