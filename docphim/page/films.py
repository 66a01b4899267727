"""Films and stacks of slices as inline JPEG, as large as the page's size allows."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from docphim.errors import Refused
from docphim.files import content_key
from docphim.imaging import store
from docphim.imaging.frames import draw, is_film
from docphim.progress import bar
from docphim.study import Example, Media, from_row, to_row

#: (long side of a studied film, long side of a small one, JPEG quality), the best first.
STEPS = ((1024, 320, 85), (896, 288, 84), (768, 256, 82), (640, 224, 80), (512, 192, 78), (448, 160, 74), (384, 128, 70))
DATA = "data:image/jpeg;base64,"


#: A stack is shown as rows of so many slices, each in a square of so many pixels; of a longer stack some are left out.
COLUMNS, SLICE, MOST = 5, 256, 40


def key_of(media: Media) -> str:
    """What the page calls a media entry: a film by its path, a stack by its paths and the slices and windows it shows."""
    paths = "+".join(media.volumes.values())
    return paths if is_film(media) else f"{paths}#{content_key(to_row(media), 8)}"


def pictures(examples: Iterable[Example]) -> dict[str, dict[str, Media]]:
    """Study → what is shown of it, by `key_of`; of a study that stands in only as a wrong image too."""
    shown: dict[str, dict[str, Media]] = {}
    for example in examples:
        shown.setdefault(example.study, {}).update({key_of(media): media for media in example.media})
        wrong = example.wrong_image or {}
        for row in wrong.get("media") or []:
            media = from_row(Media, row)
            shown.setdefault(str(wrong["study"]), {}).setdefault(key_of(media), media)
    return shown


class Films:
    """What a dataset shows, opened once and encoded as often as needed.

    Parameters
    ----------
    stacks : mapping
        Media by `key_of`; a key that is not among them is the path of a film.
    """

    def __init__(self, dataset: Path, stacks: Mapping[str, Media] = MappingProxyType({})) -> None:
        self._dataset, self._stacks = dataset, stacks
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
                # Kept no larger than it can be shown: dozens of films stay open at once.
                self._open[path] = _smaller(self._picture(path), STEPS[0][0])
            except (OSError, Refused, RuntimeError) as error:
                if isinstance(error, Refused) and error.reason == "file_changed":  # the page would show another's film, or none
                    raise
                self._open[path] = None
        return self._open[path]

    def _picture(self, key: str) -> Image.Image:
        media = self._stacks.get(key)
        if media is not None and not is_film(media):
            return Image.fromarray(contact(draw(media, self._dataset, (SLICE, SLICE)).frames))
        return Image.fromarray((store.prepared(self._dataset, key).slices([0])[0] >> 8).astype(np.uint8))


def contact(frames: np.ndarray) -> np.ndarray:
    """Frames (T, h, w, 3) in rows of `COLUMNS`, the top slice first, as one picture."""
    shown = frames[:: -(-len(frames) // MOST)]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    count, height, width, _ = shown.shape
    padded = np.concatenate([shown, np.zeros((rows * columns - count, height, width, 3), np.uint8)])
    return padded.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)


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
    for path in bar(paths, len(paths), "page: pictures"):
        addresses[path] = films.encoded(path, long_side, quality)
        budget -= len(addresses[path])
        if budget < 0:
            return None
    return addresses
