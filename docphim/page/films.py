"""Films as inline JPEG, as large as the page's size allows."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from docphim.errors import Refused
from docphim.imaging import store

#: (long side of a studied film, long side of a small one, JPEG quality), the best first.
STEPS = ((1024, 320, 85), (896, 288, 84), (768, 256, 82), (640, 224, 80), (512, 192, 78), (448, 160, 74), (384, 128, 70))
DATA = "data:image/jpeg;base64,"


class Films:
    """Prepared films of a dataset, opened once and encoded as often as needed."""

    def __init__(self, dataset: Path) -> None:
        self._dataset = dataset
        self._open: dict[str, Image.Image | None] = {}
        self._encoded: dict[tuple[str, int, int], str] = {}

    def shape(self, path: str) -> tuple[int, int] | None:
        """(width, height) of a film in pixels; None where it cannot be opened."""
        film = self._film(path)
        return film.size if film else None

    def encoded(self, path: str, long_side: int, quality: int) -> str:
        """A `data:` address of the film, never enlarged; empty where it cannot be opened."""
        key = (path, long_side, quality)
        if key not in self._encoded:
            film = self._film(path)
            self._encoded[key] = _jpeg(film, long_side, quality) if film else ""
        return self._encoded[key]

    def _film(self, path: str) -> Image.Image | None:
        if path not in self._open:
            try:
                pixels = store.read(self._dataset / path)
            except (OSError, Refused, RuntimeError):
                self._open[path] = None
            else:
                # Kept no larger than it can be shown: dozens of films stay open at once.
                self._open[path] = _smaller(Image.fromarray((pixels >> 8).astype(np.uint8)), STEPS[0][0])
        return self._open[path]


def _smaller(film: Image.Image, long_side: int) -> Image.Image:
    """The film with at most this long side; never enlarged."""
    scale = long_side / max(film.size)
    if scale >= 1:
        return film
    return film.resize((max(1, round(film.width * scale)), max(1, round(film.height * scale))), Image.Resampling.LANCZOS)


def _jpeg(film: Image.Image, long_side: int, quality: int) -> str:
    buffer = io.BytesIO()
    _smaller(film, long_side).save(buffer, "JPEG", quality=quality, optimize=True)
    return DATA + base64.b64encode(buffer.getvalue()).decode("ascii")


def fit(films: Films, large: list[str], small: list[str], budget: int) -> tuple[dict[str, str], dict[str, str]] | None:
    """Encode all films at the best step whose addresses together take at most `budget` characters; None if none does.

    Returns
    -------
    tuple of dict
        Path → address of the films that are studied, and of those shown small.
    """
    if budget < 0:
        return None
    for side, small_side, quality in STEPS:
        addresses = _encode(films, large, side, quality, budget)
        if addresses is None:
            continue
        thumbs = _encode(films, small, small_side, quality, budget - _total(addresses))
        if thumbs is not None:
            return addresses, thumbs
    return None


def _total(addresses: dict[str, str]) -> int:
    return sum(map(len, addresses.values()))


def _encode(films: Films, paths: list[str], long_side: int, quality: int, budget: int) -> dict[str, str] | None:
    """Addresses of the films, or None as soon as they take more than the budget."""
    addresses: dict[str, str] = {}
    for path in paths:
        addresses[path] = films.encoded(path, long_side, quality)
        budget -= len(addresses[path])
        if budget < 0:
            return None
    return addresses
