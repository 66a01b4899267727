"""What a model sees of a study: prepared pixels as letterboxed 8-bit RGB frames, or the audit's wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from docphim.errors import Refused
from docphim.imaging import geometry, store
from docphim.study import Media

#: The grey of a blank image.
BLANK = 128


def render(
    media: Media, dataset: Path, size: tuple[int, int], image: Literal["own", "noise", "blank"] = "own", seed: int = 0
) -> list[np.ndarray]:
    """The frames of one media entry.

    Parameters
    ----------
    media : Media
        Its `volumes` name prepared files relative to `dataset`.
    size : (int, int)
        Height and width of every frame, pixels.
    image : str
        `own`; `noise`: Gaussian, with mean and standard deviation of the own film inside its letterbox, over the whole
        frame; `blank`: constant mid-grey.
    seed : int
        Of the noise.

    Returns
    -------
    list of ndarray
        uint8 (h, w, 3); one for a film.

    Raises
    ------
    Refused
        `file_missing` or `file_unreadable` for the prepared file; `modality_unsupported` for anything but a film.
    """
    if set(media.volumes) != {"xray"}:
        raise Refused("modality_unsupported", "", "frames are made of films only")
    if image == "blank":
        return [_rgb(np.full(size, BLANK, np.uint8))]
    grey = shrink(store.read(dataset / media.volumes["xray"]), size)
    if image == "noise":
        noise = np.random.default_rng(seed).standard_normal(size, np.float32) * grey.std() + grey.mean()
        return [_rgb(np.rint(np.clip(noise, 0, 255)).astype(np.uint8))]
    return [_rgb(geometry.letterbox(grey, size))]


def shrink(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A uint16 film as uint8, scaled to fit `size` without stretching.

    Far reductions average whole blocks first, down to not less than twice the final size; Lanczos does the rest.
    """
    target = geometry.fit(pixels.shape[0], pixels.shape[1], *size)
    step = min(pixels.shape[0] // (2 * target[0]), pixels.shape[1] // (2 * target[1]))
    if step > 1:
        pixels = np.asarray(Image.fromarray(pixels).convert("F").reduce(step))
    scaled = geometry.resize(pixels, target)
    return np.rint(np.clip(scaled, 0, 65535) * np.float32(255 / 65535)).astype(np.uint8)


def _rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[:, :, None], 3, axis=2)
