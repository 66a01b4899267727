"""Stacks of slices as strips: the slices that a model was shown, in the looks that a radiologist reads them in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from docphim.imaging import geometry, slices, store
from docphim.imaging.frames import draw
from docphim.imaging.windows import windows
from docphim.page import looks
from docphim.page.looks import MODEL
from docphim.study import Media

#: Slices abreast in a picture, and the most of them: of a longer stack some are left out.
COLUMNS, MOST = 5, 40
#: The longest side of a slice, pixels; the page's size may shrink it, down to the least.
SLICE, LEAST_SLICE = 384, 192
#: The height of MIPs, pixels.
MIP = 640


@dataclass(frozen=True)
class Strip:
    """What the page shows of a stack, one picture a window: its slices in rows of `columns`, the top one first.

    Attributes
    ----------
    windows : list of str
        Names of `looks.looks_of`.
    size : (int, int)
        Width and height of a slice in pixels, at the most.
    shown : list of int
        The slices' numbers in the volume, from 1 at the top.
    from_top : list of float or None
        How far each lies below the first slice, mm; None where nobody knows.
    seen, depth : int
        How many slices the model was shown, and how many the volume has.
    step_mm, slab_mm : float or None
        Their distance, and of how many millimetres each is made.
    ranges : list of (float, float, str)
        Black, white and unit of the windows that the model was shown, as grey or as red, green and blue; empty where a volume
        is in no unit.
    mips : int
        How many projections of the whole body the model was shown beside the slices.
    """

    windows: list[str]
    size: tuple[int, int]
    shown: list[int]
    from_top: list[float] | None
    seen: int
    depth: int
    step_mm: float | None
    slab_mm: float | None
    ranges: list[tuple[float, float, str]]
    mips: int = 0

    @property
    def columns(self) -> int:
        """Slices abreast."""
        return min(COLUMNS, len(self.shown))

    @property
    def rows(self) -> int:
        """Rows of slices."""
        return -(-len(self.shown) // self.columns)


def strip_of(media: Media, dataset: Path) -> Strip:
    """What is shown of a stack; raises as `draw` does."""
    opened = _opened(media, dataset)
    volume = next(iter(opened.values()))
    chosen, step = slices.chosen(media.frames, volume)
    shown = chosen[:: -(-len(chosen) // MOST)]
    spacing = slices.spacing_of(volume)
    height, width = _size(volume)
    units = _units(opened)
    return Strip(
        windows=list(looks.looks_of(media, units)),
        size=(width, height),
        shown=[place + 1 for place in shown],
        from_top=None if spacing is None else [round(place * spacing, 1) for place in shown],
        seen=len(chosen),
        depth=len(volume.places),
        step_mm=step,
        slab_mm=media.frames.get("slab_mm"),
        ranges=[(low, high, units[name]) for name, low, high in media.channels] if _measured(units) else [],
        mips=2 if media.frames.get("mips") else 0,
    )


def _opened(media: Media, dataset: Path) -> dict[str, store.Prepared]:
    return {name: store.prepared(dataset, path) for name, path in media.volumes.items()}


def _units(opened: dict[str, store.Prepared]) -> dict[str, str]:
    return {name: str(volume.meta.get("unit")) for name, volume in opened.items()}


def _measured(units: dict[str, str]) -> bool:
    """Whether every volume is in a unit that a reader knows."""
    return set(units.values()) <= {"HU", "SUV"}


def _size(volume: store.Prepared) -> tuple[int, int]:
    """Height and width of a slice as it is drawn, never enlarged."""
    height, width = volume.shape[-2:]
    return geometry.target_size(height, width, SLICE)


def mosaic(media: Media, dataset: Path, strip: Strip, window: str) -> Image.Image:
    """The slices of a strip in one look, as one picture: grey but for what is in colours."""
    frames = {**_slab(media), "slices": [number - 1 for number in strip.shown]}
    width, height = strip.size
    look = looks.looks_of(media, _units(_opened(media, dataset)))[window]
    drawn = look(dataclasses.replace(media, frames=frames), dataset, (height, width))
    picture = Image.fromarray(in_rows(drawn, strip.columns))
    return picture if window == looks.FUSED or (len(media.channels) > 1 and window == MODEL) else picture.convert("L")


def _slab(media: Media) -> dict[str, object]:
    return {name: value for name, value in media.frames.items() if name in ("slab_mm", "slab")}


def in_rows(frames: np.ndarray, columns: int) -> np.ndarray:
    """Frames (T, h, w, 3) in rows of so many, the top slice first, as one picture; what is left of the last row is black."""
    rows = -(-len(frames) // columns)
    count, height, width, _ = frames.shape
    padded = np.concatenate([frames, np.zeros((rows * columns - count, height, width, 3), np.uint8)])
    return padded.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)


def shrunk(picture: Image.Image, strip: Strip, side: int) -> Image.Image:
    """A mosaic whose slices have at most this side, every slice in whole pixels."""
    width, height = strip.size
    scale = max(side, LEAST_SLICE) / max(width, height)
    if scale >= 1:
        return picture
    small = (max(1, round(width * scale)) * strip.columns, max(1, round(height * scale)) * strip.rows)
    return picture.resize(small, Image.Resampling.LANCZOS)


def middle(media: Media, dataset: Path) -> Image.Image:
    """A stack in one small picture: the MIPs of a PET; else the middle slice, a CT's in grey from lung to soft tissue."""
    opened = _opened(media, dataset)
    whole = projections(media, dataset)
    if whole is not None:
        return whole
    volume = next(iter(opened.values()))
    chosen, _ = slices.chosen(media.frames, volume)
    frames = {**_slab(media), "slices": [chosen[len(chosen) // 2]]}
    is_ct = len(opened) == 1 and volume.meta.get("unit") == "HU"
    grey = [[next(iter(media.volumes)), *windows()["chest"]]] if is_ct else media.channels
    one = dataclasses.replace(media, frames=frames, channels=grey)
    return Image.fromarray(draw(one, dataset, _size(volume)).frames[0])


def projections(media: Media, dataset: Path) -> Image.Image | None:
    """The coronal and the sagittal MIP of a stack's PET; None where it has none, or shows a part of the body."""
    if "pet" not in media.volumes or "within" in media.frames:
        return None
    picture = looks.mips(store.prepared(dataset, media.volumes["pet"]), MIP)
    return None if picture is None else Image.fromarray(picture)
