"""Films: 16-bit display values, long side bounded, letterboxed nowhere; what is refused is refused by `imaging.xray`."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from docphim.imaging.xray import read_film

_THUMB = 32


def prepare(location: str, long_side: int) -> tuple[np.ndarray, dict[str, Any]]:
    """A film's pixels, uint16 (h, w), 65535 = white, and what index.jsonl says of them.

    Raises
    ------
    Refused
        The film cannot be used; the reason says why.
    """
    film = read_film(location, long_side)
    facts = {
        "spacing": list(film.spacing) if film.spacing else None,
        "unit": "display",
        "view": film.view,
        "how": dict(sorted(film.how.items())),  # as it will come back from the file
    }
    return film.pixels, facts


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """The film averaged to 32 x 32, float32 0..1: for neighbours and duplicates, so the film's shape is let go."""
    image = Image.fromarray(pixels.astype(np.float32))
    return np.asarray(image.resize((_THUMB, _THUMB), Image.Resampling.BOX)) / np.float32(65535)
