"""The modality `xray`: chest films, one image each."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image
from pydantic import Field, field_validator

from docphim.imaging import burned_in, limits
from docphim.imaging.burned_in import Rule
from docphim.recipe import Section
from docphim.study import Media, Row

#: Counts up when the same film would give other pixels.
VERSION = 4
#: Films a worker takes at once: enough to read a parquet row group forwards, few enough to share the work out.
GROUP = 32
#: Two 32 x 32 thumbnails that correlate above this are almost surely the same film (distinct phantoms of one anatomy stay
#: below 0.995).
SAME = 0.9995
#: What a reader calls it.
WORDS = {"tag": "chest-x-ray", "images": "chest X-rays"}
_THUMB = 32
#: It brings pydicom and its decoders, a tenth of a second that a command which only reads settings need not spend.
_READER = "docphim.imaging.film"


class Settings(Section):
    """Pixels on disk: the longer side of a film at most (films are never enlarged), and what is done about burned-in text."""

    long_side: int = Field(1024, ge=64, le=4096)
    burned_in: Rule = "off"

    @field_validator("burned_in", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        """YAML reads a bare `off` as false."""
        return "off" if value is False else value


def check_installed(settings: Settings) -> None:
    """Load what reads films; raise UsageError where text is to be looked for and the library that finds it is not installed."""
    importlib.import_module(_READER)
    if settings.burned_in != "off":
        burned_in.check_installed()


def prepare(location: str, settings: Settings, view: str) -> tuple[np.ndarray, Row]:
    """A film's pixels, uint16 (h, w), 65535 = white, and what index.jsonl says of them.

    Parameters
    ----------
    view : str
        `PA` or `AP` where the source says so; it counts where the header is silent.

    Raises
    ------
    Refused
        The film cannot be used; the reason says why.
    """
    from docphim.imaging.film import read_film

    film = read_film(location, settings.long_side)
    if settings.burned_in != "off":
        film.pixels, film.how["burned_in"] = burned_in.treated(film.pixels, settings.burned_in)
    return film.pixels, {
        "spacing": list(film.spacing) if film.spacing else None,
        "unit": "display",
        "view": view if film.view == "unknown" and view in ("PA", "AP") else film.view,
        "how": dict(sorted(film.how.items())),  # as it will come back from the file
    }


def media(study: str, rows: list[Row], settings: Settings) -> list[Media]:
    """One image a film."""
    return [Media(study, "image", {"xray": row["path"]}) for row in rows if row["modality"] == "xray"]


def megabytes(settings: Settings) -> float:
    """A square film of 16 bits, compressed to about 60 %."""
    return settings.long_side**2 * 2 * 0.6 / 1e6


def thumbnail(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The film averaged to 32 x 32, float32 0..1: for neighbours and duplicates, so the film's shape is let go."""
    image = Image.fromarray(slices([0])[0].astype(np.float32))
    return np.asarray(image.resize((_THUMB, _THUMB), Image.Resampling.BOX)) / np.float32(limits.WHITE)
