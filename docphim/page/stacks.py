"""Stacks of slices as strips: the slices that a model was shown, in the windows that a radiologist reads them in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from docphim.imaging import geometry, slices, store
from docphim.imaging.frames import draw
from docphim.imaging.windows import windows
from docphim.study import Media

#: What the windows of a volume in HU are, in the order of their buttons; `model` is what the model was shown.
WINDOWS = ("lung", "soft", "bone")
MODEL = "model"
#: Slices abreast in a picture, and the most of them: of a longer stack some are left out.
COLUMNS, MOST = 5, 40
#: The longest side of a slice, pixels; the page's size may shrink it, down to the least.
SLICE, LEAST_SLICE = 384, 192


@dataclass(frozen=True)
class Strip:
    """What the page shows of a stack, one picture a window: its slices in rows of `columns`, the top one first.

    Attributes
    ----------
    windows : list of str
        Of `WINDOWS` and `MODEL`.
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
    ranges : list of (float, float)
        Black and white in HU of the windows that the model was shown, as grey or as red, green and blue; empty where the values
        are no HU.
    """

    windows: list[str]
    size: tuple[int, int]
    shown: list[int]
    from_top: list[float] | None
    seen: int
    depth: int
    step_mm: float | None
    slab_mm: float | None
    ranges: list[tuple[float, float]]

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
    volume = store.prepared(dataset, next(iter(media.volumes.values())))
    chosen, step = slices.chosen(media.frames, volume)
    shown = chosen[:: -(-len(chosen) // MOST)]
    spacing = slices.spacing_of(volume)
    height, width = _size(volume)
    named = _in_hu(media, volume)
    names = list(WINDOWS) if named else []
    if not any(_is_window(media, name) for name in names):
        names.append(MODEL)
    return Strip(
        windows=names,
        size=(width, height),
        shown=[place + 1 for place in shown],
        from_top=None if spacing is None else [round(place * spacing, 1) for place in shown],
        seen=len(chosen),
        depth=len(volume.places),
        step_mm=step,
        slab_mm=media.frames.get("slab_mm"),
        ranges=[(low, high) for _, low, high in media.channels] if named else [],
    )


def _in_hu(media: Media, volume: store.Prepared) -> bool:
    """Whether one volume in HU is shown, for which windows have names."""
    return len(media.volumes) == 1 and volume.meta.get("unit") == "HU"


def _size(volume: store.Prepared) -> tuple[int, int]:
    """Height and width of a slice as it is drawn, never enlarged."""
    height, width = volume.shape[-2:]
    return geometry.target_size(height, width, SLICE)


def _is_window(media: Media, name: str) -> bool:
    """Whether the model was shown this window and no other."""
    return [tuple(map(float, channel[1:])) for channel in media.channels] == [tuple(map(float, windows()[name]))]


def mosaic(media: Media, dataset: Path, strip: Strip, window: str) -> Image.Image:
    """The slices of a strip in one window, as one picture: grey but for what a model was shown in colours."""
    changes: dict[str, object] = {"frames": {**_slab(media), "slices": [number - 1 for number in strip.shown]}}
    if window != MODEL:
        changes["channels"] = [[next(iter(media.volumes)), *windows()[window]]]
    width, height = strip.size
    frames = draw(dataclasses.replace(media, **changes), dataset, (height, width)).frames  # type: ignore[arg-type]
    picture = Image.fromarray(in_rows(frames, strip.columns))
    return picture if len(media.channels) > 1 and window == MODEL else picture.convert("L")


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
    """The middle one of the slices that a model was shown: in grey from lung to soft tissue, or as it was where it is no CT."""
    volume = store.prepared(dataset, next(iter(media.volumes.values())))
    chosen, _ = slices.chosen(media.frames, volume)
    frames = {**_slab(media), "slices": [chosen[len(chosen) // 2]]}
    grey = [[next(iter(media.volumes)), *windows()["chest"]]] if _in_hu(media, volume) else media.channels
    one = dataclasses.replace(media, frames=frames, channels=grey)
    return Image.fromarray(draw(one, dataset, _size(volume)).frames[0])
