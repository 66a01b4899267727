"""Films as inline JPEG and stacks of slices as inline WebP, as large as the page's size allows."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from PIL import Image

from docphim.errors import Refused
from docphim.imaging import store
from docphim.imaging.frames import is_film
from docphim.page import stacks
from docphim.page.stacks import Strip
from docphim.progress import bar
from docphim.study import Media

T = TypeVar("T")
#: (long side of a studied film, long side of a small one, JPEG quality), the best first.
STEPS = ((1024, 320, 85), (896, 288, 84), (768, 256, 82), (640, 224, 80), (512, 192, 78), (448, 160, 74), (384, 128, 70))
#: The name, among a stack's pictures, of its projections.
MIP = "mip"
DATA = "data:image/jpeg;base64,"
#: WebP takes half of JPEG's bytes for slices of a volume; a grey level more or less between them cannot be told.
DATA_OF_STACK = "data:image/webp;base64,"


class Films:
    """What a dataset shows, opened once and encoded as often as needed.

    Parameters
    ----------
    media : mapping
        Media by `shown.key_of`; a key that is not among them is the path of a film.
    most : int
        Slices of a stack at most; of a longer one some are left out.
    """

    def __init__(self, dataset: Path, media: Mapping[str, Media] = MappingProxyType({}), most: int = stacks.MOST) -> None:
        self._dataset, self._stacks, self._most = dataset, media, most
        self._open: dict[str, Image.Image | None] = {}
        self._encoded: dict[tuple[str, int, int], str] = {}
        self._strips: dict[str, Strip | None] = {}

    def shape(self, path: str) -> tuple[int, int] | None:
        """(width, height) of a film in pixels; None where it cannot be opened."""
        film = self._film(path)
        return film.size if film else None

    def strip(self, key: str) -> Strip | None:
        """What is shown of a stack; None for a film, or where it cannot be opened."""
        if key not in self._strips:
            media = self._stacks.get(key)
            self._strips[key] = (
                None
                if media is None or is_film(media)
                else self._read(lambda: stacks.strip_of(media, self._dataset, self._most))
            )
        return self._strips[key]

    def pictures(self, key: str) -> list[str]:
        """The keys of the pictures that show a film or a stack: its own, or one a window."""
        strip = self.strip(key)
        return [f"{key}|{name}" for name in ([MIP] if self.projected(key) else []) + strip.windows] if strip else [key]

    def projected(self, key: str) -> tuple[int, int] | None:
        """(width, height) in pixels of a stack's MIPs; None where it has none."""
        picture = self._film(f"{key}|{MIP}") if self.strip(key) else None
        return picture.size if picture else None

    def encoded(self, path: str, long_side: int, quality: int) -> str:
        """A `data:` address of a film or a stack's window, never enlarged; empty where it cannot be opened.

        Of a stack a slice takes three eighths of `long_side`, so that five of them abreast have about twice a film's pixels.
        """
        key = (path, long_side, quality)
        if key not in self._encoded:
            film, (stack, _, window) = self._film(path), path.partition("|")
            strip = self.strip(stack) if window else None
            if film is None:
                self._encoded[key] = ""
            elif strip and window != MIP:
                self._encoded[key] = _webp(stacks.shrunk(film, strip, long_side * 3 // 8), quality - 10)
            else:
                self._encoded[key] = _jpeg(film, long_side, quality)
        return self._encoded[key]

    def _film(self, path: str) -> Image.Image | None:
        if path not in self._open:
            self._open[path] = self._read(lambda: self._picture(path))
        return self._open[path]

    def _read(self, read: Callable[[], T]) -> T | None:
        """What `read` gives; None where there is no such picture."""
        try:
            return read()
        except (OSError, Refused, RuntimeError) as error:
            if isinstance(error, Refused) and error.reason == "file_changed":  # the page would show another's film, or none
                raise
            return None

    def _picture(self, path: str) -> Image.Image | None:
        """Kept no larger than it can be shown: dozens stay open at once."""
        key, _, window = path.partition("|")
        media = self._stacks.get(key)
        if media is None or is_film(media):
            pixels = store.prepared(self._dataset, key).slices([0])[0]
            return _smaller(Image.fromarray((pixels >> 8).astype(np.uint8)), STEPS[0][0])
        strip = self.strip(key)
        if not window or strip is None:
            return stacks.middle(media, self._dataset)
        if window == MIP:
            return stacks.whole(media, self._dataset)
        return stacks.mosaic(media, self._dataset, strip, window)


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


def _webp(picture: Image.Image, quality: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=2)  # 4, the default, takes twice as long for a twentieth less
    return DATA_OF_STACK + base64.b64encode(buffer.getvalue()).decode("ascii")


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
    for path in bar(paths, len(paths), "page: pictures"):
        addresses[path] = films.encoded(path, long_side, quality)
        budget -= len(addresses[path])
        if budget < 0:
            return None
    return addresses
