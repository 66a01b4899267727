"""What a model and a person see of a study: a stack of letterboxed 8-bit RGB frames of it, or the audit's wrong ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from docphim.errors import Refused, UsageError
from docphim.imaging import geometry, mip, slices, store
from docphim.imaging.limits import WHITE
from docphim.imaging.vary import UNCHANGED, Plane, Variation, shown_box, varied
from docphim.study import Media, Row

#: The volume whose projections are shown.
_PET = "pet"
#: The grey of a blank image.
BLANK = 128
#: Spacings that differ by less than this share are the same; over 400 slices that is 0.04 of a slice.
_SAME_SPACING = 1e-4
#: Grids lie on each other where the matrices that place them differ by less (mm).
_SAME_PLACE = 1e-2


@dataclass(frozen=True)
class Stack:
    """Frames of one media entry.

    Attributes
    ----------
    frames : ndarray
        uint8 (T, h, w, 3); T is 1 for a film.
    step_mm : float or None
        Mean distance from one frame to the next; None where there is one frame, or the file does not know.
    slices : tuple of int
        Which slices of the volume they are, the top one 0, from the top; (0,) for a film.
    mips : int
        How many of the frames, the first ones, are projections of the whole volume and no slices.
    pixel_mm : (float, float) or None
        Height and width of a slice's pixel in the patient, mm; None where the file does not know.
    varied : dict or None
        What a variation has changed (`vary.Variation.row`).
    study : str or None
        Whose own pixels are shown; None where nobody's are.
    part : bool
        Whether it is a part of the study's volumes, a region, and no more.
    """

    frames: np.ndarray
    step_mm: float | None
    slices: tuple[int, ...]
    mips: int = 0
    pixel_mm: tuple[float, float] | None = None
    varied: Row | None = None
    study: str | None = None
    part: bool = False


def draw(
    media: Media,
    dataset: Path,
    size: tuple[int, int],
    image: Literal["own", "noise", "blank"] = "own",
    seed: int = 0,
    variation: Variation = UNCHANGED,
) -> Stack:
    """The stack of one media entry; only the slices that are shown are read.

    Parameters
    ----------
    media : Media
        Its `volumes` name prepared files relative to `dataset`.
    size : (int, int)
        Height and width of every frame, pixels.
    image : str
        `own`; `noise`: Gaussian, with mean and standard deviation of the own pixels inside their letterbox, over the whole
        frame; `blank`: constant mid-grey.
    seed : int
        Of the noise.
    variation : Variation
        How the slices of the own image are shown.  Projections stay as they are, and slices beside them are neither turned nor
        cropped.

    Raises
    ------
    Refused
        What `store.prepared` may say of a file; `stack_empty`, `slices_missing` or `no_geometry` for slices that cannot be
        chosen; `unit_unknown` where values that are not for display have no `channels`; and as `check_media`.
    UsageError
        As `check_media`.
    """
    opened = {name: store.prepared(dataset, path) for name, path in media.volumes.items()}
    check_media(media, {name: {"shape": list(file.shape), **file.meta} for name, file in opened.items()})
    first = next(iter(opened.values()))
    media = _trimmed(media, variation)
    places, step = slices.chosen(media.frames, first)
    mips = len(mip.NAMES) if media.frames.get("mips") else 0
    part = "within" in media.frames
    if image == "blank":
        return Stack(np.full((mips + len(places), *size, 3), BLANK, np.uint8), step, places, mips, part=part)
    plane = Plane(geometry.fit(first.shape[-2], first.shape[-1], *size), size, _aspect(first))
    if image == "own" and variation != UNCHANGED:
        drawn = [geometry.letterbox(picture, size) for picture in (_projections(media, opened[_PET], size) if mips else [])]
        shown, made = _varied(media, opened, places, plane, variation)
        frames = np.concatenate([_rgb(picture) for picture in (*drawn, shown)])
        return Stack(frames, step, places, mips, _pixel_mm(first, plane, made.scale), made.row(), media.study, part)
    contents = [*(_projections(media, opened[_PET], size) if mips else []), _content(media, opened, places, size)]
    if image == "noise":
        seeds = [*((seed, number) for number in range(mips)), (seed,)]
        drawn = [_noise(content, size, of) for content, of in zip(contents, seeds, strict=True)]
    else:
        drawn = [geometry.letterbox(content, size) for content in contents]
    frames = np.concatenate([_rgb(content) for content in drawn])
    study = media.study if image == "own" else None
    return Stack(frames, step, places, mips, _pixel_mm(first, plane), study=study, part=part)


def _trimmed(media: Media, made: Variation) -> Media:
    """What is shown of a region without the slices that a variation trims from its edges."""
    if "within" not in media.frames or made.trim == (0, 0):
        return media
    first, last = media.frames["within"]
    return replace(media, frames=media.frames | {"within": [first + made.trim[0], last - made.trim[1]]})


def _varied(
    media: Media, opened: dict[str, store.Prepared], places: tuple[int, ...], plane: Plane, made: Variation
) -> tuple[np.ndarray, Variation]:
    """The chosen slices as a variation shows them in whole frames, uint8 (channels, T, *size), and what of it could be done."""
    if media.frames.get("mips"):
        made = replace(made, turn=0.0, crop=UNCHANGED.crop)
    finer = tuple(math.ceil(n * max(1.0, made.scale)) for n in plane.size)
    pictures = _content(media, opened, places, (finer[0], finer[1]))
    if not made.checked:
        made = made.careful(shown_box(pictures), plane)
    widths = [(name, abs(high - low)) for name, low, high in media.channels] or [("", 1.0)]
    narrowest = {name: min(width for other, width in widths if other == name) for name, _ in widths}
    noise = [(list(narrowest).index(name), narrowest[name] / width) for name, width in widths]
    return varied(pictures, made, plane, noise), made


def _aspect(volume: store.Prepared) -> float:
    """The height of a pixel by its width, in mm; 1 where nobody knows it."""
    spacing = volume.meta.get("spacing")
    return float(spacing[-2] / spacing[-1]) if spacing else 1.0


def _pixel_mm(volume: store.Prepared, plane: Plane, scale: float = 1.0) -> tuple[float, float] | None:
    """Height and width of a frame's pixel in the patient, mm."""
    spacing = volume.meta.get("spacing")
    if not spacing:
        return None
    height, width = (
        float(mm) * n / fitted / scale for mm, n, fitted in zip(spacing[-2:], volume.shape[-2:], plane.fitted, strict=True)
    )
    return height, width


def _projections(media: Media, volume: store.Prepared, size: tuple[int, int]) -> list[np.ndarray]:
    """The projections of a PET as they fit into `size`, each uint8 (1, 1, h, w): the highest is black, pixels are square."""
    low, high = next((low, high) for name, low, high in media.channels if name == _PET)
    pictures = projections({name: volume.beside(name) for name in mip.NAMES}, volume.meta.get("spacing"), size)
    return [display(picture, high, low)[None, None] for picture in pictures]


def projections(pictures: Mapping[str, np.ndarray], spacing: Sequence[float] | None, size: tuple[int, int]) -> list[np.ndarray]:
    """The values of projections (`mip.NAMES`) as they fit into `size`, in square pixels.

    Parameters
    ----------
    spacing : sequence of float or None
        Millimetres of the volume's voxels along z, y and x; None: they count as cubes.
    """
    down, *sides = spacing or (1.0, 1.0, 1.0)
    fitted = []
    for name, across in zip(mip.NAMES, reversed(sides), strict=True):
        height, width = (max(1, round(n * step * 16)) for n, step in zip(pictures[name].shape, (down, across), strict=True))
        fitted.append(_resized(pictures[name], geometry.fit(height, width, *size)))
    return fitted


def _noise(content: np.ndarray, size: tuple[int, int], seed: tuple[int, ...]) -> np.ndarray:
    """Gaussian noise (channels, T, *size) with each channel's mean and standard deviation."""
    noise = np.random.default_rng(seed if len(seed) > 1 else seed[0]).standard_normal((*content.shape[:2], *size), np.float32)
    like = np.stack([channel * shown.std() + shown.mean() for channel, shown in zip(noise, content, strict=True)])
    return np.rint(np.clip(like, 0, 255)).astype(np.uint8)


def is_film(media: Media) -> bool:
    """Whether a media entry shows display values as they are: one frame, whatever is in the file."""
    return media.kind == "image" and not media.frames and not media.channels


def check_media(media: Media, facts: Mapping[str, Row]) -> None:
    """Refuse what cannot be drawn as it is meant, by what is known of the files, before any pixel is read.

    Parameters
    ----------
    facts : mapping
        Volume → `shape`, `spacing`, `frame_of_reference`, and `affine` where known, as index.jsonl and the files have them.

    Raises
    ------
    Refused
        `stack_empty`: there is no volume; `frame_of_reference_differs`, `no_geometry` or `shape_differs`: several volumes that
        cannot be shown to lie on one grid; `modality_unsupported`: another plane than axial, or a crop.
    UsageError
        A rule of `frames` or an entry of `channels` is unknown or wrong.
    """
    if not facts:
        raise Refused("stack_empty", media.study, "no volume is shown")
    if media.plane not in (None, "axial"):
        raise Refused("modality_unsupported", media.study, f"this version draws axial slices, not {media.plane} ones")
    if media.crop_mm is not None:
        raise Refused("modality_unsupported", media.study, "this version draws whole slices, no crops (crop_mm)")
    slices.check(media.frames)
    _check_channels(media)
    if len(facts) > 1:
        _check_grid(media.study, facts)


def _check_channels(media: Media) -> None:
    """At most red, green and blue, each a window of a volume; no volume is left out where there are several."""
    if len(media.channels) > 3:
        raise UsageError(f"channels: {len(media.channels)} of them; a picture has three")
    for name, low, high in media.channels:
        if name not in media.volumes:
            raise UsageError(f"channels: {name}: not one of the volumes shown, {', '.join(media.volumes)}")
        if low == high or not math.isfinite(low) or not math.isfinite(high):
            raise UsageError(f"channels: {name}: black and white must be two numbers that differ")
    if media.frames.get("mips") and all(name != _PET for name, _, _ in media.channels):
        raise UsageError("frames: mips: are those of a PET, and no channel shows one")
    left = media.volumes.keys() - {name for name, _, _ in media.channels}
    if left and len(media.volumes) > 1:
        raise UsageError(f"channels: {', '.join(sorted(left))}: named among the volumes and shown in no channel")


def _check_grid(study: str, facts: Mapping[str, Row]) -> None:
    names = " and ".join(facts)
    frames = {row.get("frame_of_reference") for row in facts.values()}
    if len(frames) > 1:
        why = f"{names} of the study lie in {len(frames)} frames of reference"
        raise Refused("frame_of_reference_differs", study, why)
    spacings = [row.get("spacing") for row in facts.values()]
    vouched = not any(spacings) and any((row.get("how") or {}).get("arrays") for row in facts.values())  # by the recipe
    if frames == {None} or not (all(spacings) or vouched):
        raise Refused("no_geometry", study, f"nothing says that {names} of the study lie in one place")
    if len({tuple(row["shape"]) for row in facts.values()}) > 1 or not _close([s or [] for s in spacings], rtol=_SAME_SPACING):
        raise Refused("shape_differs", study, f"{names} of the study differ in the number or size of their voxels")
    if not _close([row["affine"] for row in facts.values() if row.get("affine")], atol=_SAME_PLACE):
        raise Refused("shape_differs", study, f"the grids of {names} of the study lie in different places")


def _close(arrays: list[Any], rtol: float = 0.0, atol: float = 0.0) -> bool:
    return all(np.shape(a) == np.shape(arrays[0]) and np.allclose(a, arrays[0], rtol=rtol, atol=atol) for a in arrays)


def _content(media: Media, opened: dict[str, store.Prepared], places: tuple[int, ...], size: tuple[int, int]) -> np.ndarray:
    """The chosen slices as they fit into `size`, uint8 (channels, T, h, w).

    Values are scaled before they are windowed, as a viewer does it: once for all windows, and a window clips no edge twice.
    """
    if not media.channels:
        shown = next(iter(opened.values()))
        if shown.dtype != np.uint16:
            why = f"{shown.dtype.name} values are not for display: channels must say which become black and white"
            raise Refused("unit_unknown", shown.path.name, why)
        return np.stack([shrink(plane, size) for plane in slices.pixels(media.frames, shown, places)])[None]
    values = {
        name: [scaled(plane, size) for plane in slices.pixels(media.frames, opened[name], places)]
        for name in dict.fromkeys(str(channel[0]) for channel in media.channels)
    }
    return np.stack([[display(plane, low, high) for plane in values[name]] for name, low, high in media.channels])


def display(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values between `low` (black) and `high` (white) as 8-bit greys."""
    shown = values.astype(np.float32)
    shown -= np.float32(low)
    shown *= np.float32(255 / (high - low))
    np.clip(shown, 0, 255, out=shown)
    return np.rint(shown, out=shown).astype(np.uint8)


def scaled(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A slice's values scaled to fit `size` without stretching, float32: means that never overshoot beside bone or metal."""
    return _resized(values, geometry.fit(values.shape[0], values.shape[1], *size))


def _resized(values: np.ndarray, target: tuple[int, int]) -> np.ndarray:
    offset = 0
    if values.dtype == np.int16:  # which Pillow does not read, and uint16 it reads ten times as fast as float32
        values, offset = values.view(np.uint16) ^ np.uint16(0x8000), 0x8000
    image = Image.fromarray(values if values.dtype == np.uint16 else values.astype(np.float32)).convert("F")
    if (step := _blocks(values, target)) > 1:
        image = image.reduce(step)
    return np.asarray(image.resize((target[1], target[0]), Image.Resampling.HAMMING)) - np.float32(offset)


def _blocks(pixels: np.ndarray, target: tuple[int, int]) -> int:
    """The side of the blocks that are averaged first: what is left has at least twice the final size."""
    return min(pixels.shape[0] // (2 * target[0]), pixels.shape[1] // (2 * target[1]))


def shrink(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A uint16 film as uint8, scaled to fit `size` without stretching.

    Far reductions average whole blocks first, down to not less than twice the final size; Lanczos does the rest.
    """
    target = geometry.fit(pixels.shape[0], pixels.shape[1], *size)
    if (step := _blocks(pixels, target)) > 1:
        pixels = np.asarray(Image.fromarray(pixels).convert("F").reduce(step))
    scaled = geometry.resize(pixels, target)
    return np.rint(np.clip(scaled, 0, WHITE) * np.float32(255 / WHITE)).astype(np.uint8)


def _rgb(channels: np.ndarray) -> np.ndarray:
    """(1 to 3 channels, T, h, w) as RGB, (T, h, w, 3): one is grey, of two the third is black."""
    out = np.zeros((*channels.shape[1:], 3), np.uint8)
    for number, channel in enumerate([*channels] * 3 if len(channels) == 1 else channels):
        out[..., number] = channel
    return out
