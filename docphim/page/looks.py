"""How a stack may be looked at on the page: CT in windows, PET in inverted grey, PET laid over CT in colours, MIPs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from docphim.imaging import mip, store
from docphim.imaging.frames import draw, projections
from docphim.imaging.windows import windows
from docphim.study import Media

#: The look that is what the model was shown.
MODEL = "model"
#: The look of PET over CT, the one that is in colours.
FUSED = "fused"
#: SUV of white and of black: PET is read with dark lesions, up to 10 in FDG (EANM guideline 2.0 shows 0-7 to 0-10).
SUV_SHOWN = (10.0, 0.0)
#: How much of a fused picture is PET.
_SHARE = 0.5
#: The palette of fused PET: Hot Iron of PS3.6 B.1.1 by its UID; pydicom carries it.
_PALETTE = "1.2.840.10008.1.5.1"
#: The space between the two MIPs, and the widest that one may be, pixels.
_GAP, _WIDEST = 8, 4096

#: Frames (T, h, w, 3) of the slices that `media` names, by path of the dataset and size.
Look = Callable[[Media, Path, tuple[int, int]], np.ndarray]


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
        looks[MODEL] = draw_own
    return looks


def _is_model(media: Media, name: str) -> bool:
    """Whether the model was shown a look and nothing else."""
    seen = [tuple(map(float, channel[1:])) for channel in media.channels]
    return name in windows() and seen == [tuple(map(float, windows()[name]))]


def draw_own(media: Media, dataset: Path, size: tuple[int, int]) -> np.ndarray:
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
    """PET in the colours of Hot Iron over CT in grey, half and half, both slice by slice on the grid that they share."""
    ct = _grey(media, dataset, size, volume="ct", ends=tuple(windows()["soft"]))
    pet = _grey(media, dataset, size, volume="pet", ends=SUV_SHOWN[::-1])[..., 0]
    mixed = (1 - _SHARE) * ct + _SHARE * hot_iron()[pet]
    return np.rint(mixed).astype(np.uint8)


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
    coronal, sagittal = projections(volume, (height, _WIDEST), *SUV_SHOWN)
    return np.concatenate([coronal, np.full((height, _GAP), 255, np.uint8), sagittal], axis=1)
