"""A contact sheet of volumes, the middle slice and a coronal view of each: a wrong orientation or a cut-off lung strikes."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from docphim.errors import Refused
from docphim.imaging import geometry, store
from docphim.imaging.frames import display, scaled
from docphim.imaging.windows import windows
from docphim.study import Row

#: Volumes on the sheet at most, spread evenly over the dataset; the side of each of their two views in pixels.
MOST, SIDE = 24, 144
#: A coronal view is made of so many slices: the rest need not be read.
_LINES = 72


@dataclass(frozen=True)
class Tile:
    """One volume: its study, the address of its two views side by side, its number of slices and their spacing in mm."""

    study: str
    picture: str
    slices: int
    spacing: float


def tiles(dataset: Path, rows: list[Row], room: int) -> list[Tile]:
    """The sheet of a dataset's volumes in HU, as many as take `room` characters.

    Parameters
    ----------
    rows : list of dict
        Rows of index.jsonl; films are passed over.

    Raises
    ------
    Refused
        `file_changed`: a prepared file is not the one that prepare wrote.  One that cannot be read is left out.
    """
    volumes = [row for row in rows if row.get("unit") == "HU" and row.get("spacing") and len(row["shape"]) == 3]
    chosen = volumes[:: -(-len(volumes) // MOST) or 1]
    made: list[Tile] = []
    for row in chosen:
        try:
            picture = _address(views(store.prepared(dataset, row["path"]), row["spacing"]))
        except Refused as refusal:
            if refusal.reason == "file_changed":
                raise
            continue
        room -= len(picture)
        if room < 0:
            break
        made.append(Tile(row["study"], picture, row["shape"][0], row["spacing"][0]))
    return made


def views(volume: store.Prepared, spacing: list[float]) -> np.ndarray:
    """The middle slice beside the middle coronal plane, uint8 (`SIDE`, 2 `SIDE`), neither stretched, the head on top."""
    depth, height, width = volume.shape
    low, high = windows()["chest"]
    box = (SIDE, SIDE)
    axial = scaled(volume.slices([depth // 2])[0], box)
    places = sorted({round(place) for place in np.linspace(0, depth - 1, min(_LINES, depth))})
    target = geometry.fit(max(1, round(depth * spacing[0])), max(1, round(width * spacing[2])), *box)
    coronal = geometry.resize(volume.slices(places)[:, height // 2].astype(np.float32), target)
    return np.concatenate([geometry.letterbox(display(view, low, high), box) for view in (axial, coronal)], axis=1)


def _address(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=65)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
