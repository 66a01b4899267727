"""A modality that only tests know: small volumes as keys of `.npz` files, whose owner says that they are HU."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import Field

from docphim.errors import Refused
from docphim.imaging.io import arrays, locations
from docphim.recipe import Section
from docphim.study import Media, Row

VERSION = 1
GROUP = 1
SAME = 0.9999
WORDS = {"tag": "toy-volume", "images": "toy volumes"}


class Settings(Section):
    """How many slices are shown, and the spacing that the dataset's owner vouches for."""

    slices: int = Field(3, ge=1)
    spacing: tuple[float, float, float] = (5.0, 1.0, 1.0)


def prepare(location: str, settings: Settings, view: str) -> tuple[np.ndarray, Row]:
    """The volume as it is."""
    place = locations.parse(location)
    if not isinstance(place, locations.Key):
        raise Refused("file_unreadable", "", "a toy is a key of an .npz file")
    volume = arrays.read(place, unit="HU", spacing=settings.spacing)
    frame = "1.2.3" if volume.array[0, 0, 1] == 0 else "1.2.4"
    facts = {"spacing": list(settings.spacing), "unit": volume.unit, "view": "unknown", "how": volume.how}
    affine = np.diag([*settings.spacing[::-1], 1.0]).tolist()
    return volume.array, {**facts, "frame_of_reference": frame, "affine": affine}


def media(study: str, rows: list[Row], settings: Settings) -> list[Media]:
    """All volumes of a study together, as one video."""
    volumes = {row["modality"]: row["path"] for row in rows if row["modality"].startswith("toy")}
    if next(iter(volumes)) != "toy":  # the other one is shown beside it, not again by itself
        return []
    channels = [[name, -1000, 1000] for name in volumes]
    return [Media(study, "video", volumes, "axial", None, {"count": settings.slices}, channels)]


def megabytes(settings: Settings) -> float:
    """Hardly anything."""
    return 0.1


def thumbnail(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Every fourth voxel."""
    return slices(range(0, shape[0], 4))[:, ::4, ::4].astype(np.float32)
