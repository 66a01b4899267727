"""Stacks of slices as strips: the slices that a model was shown, in the looks that a radiologist reads them in."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from docphim.imaging import geometry, mip, slices, store
from docphim.imaging.frames import display, draw, projections
from docphim.imaging.windows import SUV_SHOWN, windows
from docphim.study import Media

#: The look that is what the model was shown.
MODEL = "model"
#: The look of PET over CT, the one that is in colours.
FUSED = "fused"
#: How bright CT and PET are in a fused picture, where their sum is clipped.
_BRIGHT = 0.75
#: The palette of fused PET: Hot Iron of PS3.6 B.1.1 by its UID; pydicom carries it.
_PALETTE = "1.2.840.10008.1.5.1"
#: The space between the two MIPs, and the widest that one may be, pixels.
_GAP, _WIDEST = 8, 4096

#: Frames (T, h, w, 3) of the slices that `media` names, by path of the dataset and size.
Look = Callable[[Media, Path, tuple[int, int]], np.ndarray]
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
        Names of `looks_of`.
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


def strip_of(media: Media, dataset: Path, most: int = MOST) -> Strip:
    """What is shown of a stack, so many slices at most; raises as `draw` does."""
    opened = _opened(media, dataset)
    volume = next(iter(opened.values()))
    chosen, step = slices.chosen(media.frames, volume)
    shown = chosen[:: -(-len(chosen) // most)]
    spacing = slices.spacing_of(volume)
    height, width = _size(volume)
    units = _units(opened)
    return Strip(
        windows=list(looks_of(media, units)),
        size=(width, height),
        shown=[place + 1 for place in shown],
        from_top=None if spacing is None else [round(place * spacing, 1) for place in shown],
        seen=len(chosen),
        depth=len(volume.places),
        step_mm=step,
        slab_mm=media.frames.get("slab_mm"),
        ranges=[(low, high, units[name]) for name, low, high in media.channels] if _measured(units) else [],
        mips=len(mip.NAMES) if media.frames.get("mips") else 0,
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
    look = looks_of(media, _units(_opened(media, dataset)))[window]
    drawn = look(dataclasses.replace(media, frames=frames), dataset, (height, width))
    picture = Image.fromarray(in_rows(drawn, strip.columns))
    return picture if window == FUSED or (len(media.channels) > 1 and window == MODEL) else picture.convert("L")


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
    body = whole(media, dataset)
    if body is not None:
        return body
    volume = next(iter(opened.values()))
    chosen, _ = slices.chosen(media.frames, volume)
    frames = {**_slab(media), "slices": [chosen[len(chosen) // 2]]}
    is_ct = len(opened) == 1 and volume.meta.get("unit") == "HU"
    grey = [[next(iter(media.volumes)), *windows()["chest"]]] if is_ct else media.channels
    one = dataclasses.replace(media, frames=frames, channels=grey)
    return Image.fromarray(draw(one, dataset, _size(volume)).frames[0])


def whole(media: Media, dataset: Path) -> Image.Image | None:
    """The coronal and the sagittal MIP of a stack's PET; None where it has none, or shows a part of the body."""
    if "pet" not in media.volumes or "within" in media.frames:
        return None
    picture = mips(store.prepared(dataset, media.volumes["pet"]), MIP)
    return None if picture is None else Image.fromarray(picture)


def looks_of(media: Media, units: Mapping[str, str]) -> dict[str, Look]:
    """The looks of a stack by name, in the order of their buttons.

    Parameters
    ----------
    media : Media
        What the model was shown.
    units : mapping
        Volume → its unit: looks have names where a CT is in HU and a PET in SUV, nowhere else.
    """
    named = {name for name, unit in units.items() if unit == ("SUV" if name == "pet" else "HU")}
    looks: dict[str, Look] = {}
    if named == set(units) == {"ct", "pet"}:
        looks = {FUSED: fused, "pet": _one("pet", SUV_SHOWN), "soft": _window("ct", "soft"), "lung": _window("ct", "lung")}
    elif named == set(units) == {"pet"}:
        looks = {"pet": _one("pet", SUV_SHOWN)}
    elif named and len(units) == 1:
        volume = next(iter(units))
        looks = {name: _window(volume, name) for name in ("lung", "soft", "bone")}
    if not any(_is_model(media, name) for name in looks):
        looks[MODEL] = as_shown
    return looks


def _is_model(media: Media, name: str) -> bool:
    """Whether the model was shown a look and nothing else."""
    seen = [tuple(map(float, channel[1:])) for channel in media.channels]
    return name in windows() and seen == [tuple(map(float, windows()[name]))]


def as_shown(media: Media, dataset: Path, size: tuple[int, int]) -> np.ndarray:
    """The slices as the model was shown them."""
    return draw(media, dataset, size).frames


def _window(volume: str, name: str) -> Look:
    return _one(volume, tuple(windows()[name]))


def _one(volume: str, ends: tuple[float, ...]) -> Look:
    """One volume of a stack in grey."""
    return functools.partial(_grey, volume=volume, ends=ends)


def _grey(media: Media, dataset: Path, size: tuple[int, int], *, volume: str, ends: tuple[float, ...]) -> np.ndarray:
    alone = dataclasses.replace(media, volumes={volume: media.volumes[volume]}, channels=[[volume, *ends]])
    return draw(alone, dataset, size).frames


def fused(media: Media, dataset: Path, size: tuple[int, int]) -> np.ndarray:
    """PET in the colours of Hot Iron added to CT in grey, both slice by slice on the grid that they share."""
    ct = _grey(media, dataset, size, volume="ct", ends=tuple(windows()["soft"]))
    pet = _grey(media, dataset, size, volume="pet", ends=SUV_SHOWN[::-1])[..., 0]
    return np.rint(np.minimum(_BRIGHT * ct + _BRIGHT * hot_iron()[pet], 255)).astype(np.uint8)


@functools.cache
def hot_iron() -> np.ndarray:
    """Red, green and blue (256, 3) uint8 of the palette Hot Iron."""
    from pydicom.pixels.processing import apply_color_lut  # here: only pages with PET need it

    table = apply_color_lut(np.arange(256, dtype=np.uint8), palette=_PALETTE)
    return (table >> 8 if table.dtype == np.uint16 else table).astype(np.uint8)


def mips(volume: store.Prepared, height: int) -> np.ndarray | None:
    """The coronal beside the sagittal MIP of a PET in SUV, uint8 (`height`, w); None where it has none."""
    if volume.meta.get("unit") != "SUV" or not volume.meta.get("spacing") or not set(mip.NAMES) <= set(volume.pictures):
        return None
    pictures = projections({name: volume.beside(name) for name in mip.NAMES}, volume.meta["spacing"], (height, _WIDEST))
    coronal, sagittal = (display(picture, *SUV_SHOWN) for picture in pictures)
    return np.concatenate([coronal, np.full((height, _GAP), 255, np.uint8), sagittal], axis=1)
