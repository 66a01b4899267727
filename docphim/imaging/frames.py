"""What a model and a person see of a study: a stack of letterboxed 8-bit RGB frames of it, or the audit's wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from docphim.errors import Refused
from docphim.imaging import geometry, store
from docphim.imaging.limits import WHITE
from docphim.study import Media

#: The grey of a blank image.
BLANK = 128


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
    """

    frames: np.ndarray
    step_mm: float | None
    slices: tuple[int, ...]


def draw(
    media: Media, dataset: Path, size: tuple[int, int], image: Literal["own", "noise", "blank"] = "own", seed: int = 0
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

    Raises
    ------
    Refused
        What `store.read` may say of a prepared file; `stack_empty`, `slices_missing` or `no_geometry` for slices that cannot be
        chosen; `shape_differs` for volumes on different grids; `modality_unsupported` for another plane than axial.
    """
    opened = {name: store.open_prepared(dataset / path) for name, path in media.volumes.items()}
    slices, step = chosen(media, opened)
    if image == "blank":
        return Stack(np.full((len(slices), *size, 3), BLANK, np.uint8), step, slices)
    content = np.stack([shrink(shown, size) for shown in _windowed(media, opened, slices)])
    content = content.reshape(-1, len(slices), *content.shape[1:])  # (channels, T, h, w)
    if image == "noise":
        return Stack(_rgb(_noise(content, size, seed)), step, slices)
    return Stack(_rgb(geometry.letterbox(content, size)), step, slices)


def _noise(content: np.ndarray, size: tuple[int, int], seed: int) -> np.ndarray:
    """Gaussian noise (channels, T, *size) with each channel's mean and standard deviation."""
    noise = np.random.default_rng(seed).standard_normal((*content.shape[:2], *size), np.float32)
    like = np.stack([channel * shown.std() + shown.mean() for channel, shown in zip(noise, content, strict=True)])
    return np.rint(np.clip(like, 0, 255)).astype(np.uint8)


def is_film(media: Media) -> bool:
    """Whether a media entry shows display values as they are: one frame, whatever is in the file."""
    return media.kind == "image" and not media.frames and not media.channels


def chosen(media: Media, opened: dict[str, store.Prepared]) -> tuple[tuple[int, ...], float | None]:
    """Which slices a media entry shows, and their distance in mm; raises as `draw` does."""
    if media.plane not in (None, "axial"):
        raise Refused("modality_unsupported", "", f"this version draws axial slices, not {media.plane} ones")
    shapes = {prepared.shape for prepared in opened.values()}
    if len(shapes) != 1:
        raise Refused("shape_differs" if shapes else "stack_empty", "", f"{len(shapes)} grids are shown together")
    first = next(iter(opened.values()))
    depth = len(first.places)
    spacing = (first.meta.get("spacing") or [None])[0] if len(first.shape) == 3 else None
    slices = _slices(media.frames, depth, spacing)
    if not slices:
        raise Refused("stack_empty")
    if len(slices) == 1 or spacing is None:
        return slices, None
    return slices, round(spacing * (slices[-1] - slices[0]) / (len(slices) - 1), 6)


def _slices(frames: dict[str, object], depth: int, spacing: float | None) -> tuple[int, ...]:
    """Slices by one rule of `Media.frames`: `slices`, `count` (the middles of so many equal parts), `step_mm`; {}: all."""
    if "slices" in frames:
        return tuple(sorted(int(index) for index in frames["slices"]))  # type: ignore[attr-defined]
    if "count" in frames:
        count = min(int(frames["count"]), depth)  # type: ignore[call-overload]
        return tuple(int((part + 0.5) * depth / count) for part in range(count))
    if "step_mm" in frames:
        if spacing is None:
            raise Refused("no_geometry", "", "slices every so many millimetres need a spacing, and the volume has none")
        step = max(float(frames["step_mm"]) / spacing, 1.0)  # type: ignore[arg-type]
        count = int((depth - 1) / step) + 1
        start = (depth - 1 - (count - 1) * step) / 2
        return tuple(round(start + part * step) for part in range(count))
    return tuple(range(depth))


def _windowed(media: Media, opened: dict[str, store.Prepared], slices: tuple[int, ...]) -> list[np.ndarray]:
    """The chosen slices as display values, uint16 (h, w), channel after channel."""
    if not media.channels:
        return list(next(iter(opened.values())).slices(slices))
    pixels = {name: opened[name].slices(slices) for name in dict.fromkeys(str(c[0]) for c in media.channels)}
    return [display(plane, low, high) for name, low, high in media.channels for plane in pixels[name]]


def display(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values between `low` (black) and `high` (white) as uint16 display values."""
    shown = (values.astype(np.float32) - np.float32(low)) * np.float32(WHITE / (high - low))
    return np.rint(np.clip(shown, 0, WHITE)).astype(np.uint16)


def shrink(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A uint16 film as uint8, scaled to fit `size` without stretching.

    Far reductions average whole blocks first, down to not less than twice the final size; Lanczos does the rest.
    """
    target = geometry.fit(pixels.shape[0], pixels.shape[1], *size)
    step = min(pixels.shape[0] // (2 * target[0]), pixels.shape[1] // (2 * target[1]))
    if step > 1:
        pixels = np.asarray(Image.fromarray(pixels).convert("F").reduce(step))
    scaled = geometry.resize(pixels, target)
    return np.rint(np.clip(scaled, 0, WHITE) * np.float32(255 / WHITE)).astype(np.uint8)


def _rgb(channels: np.ndarray) -> np.ndarray:
    """(1 to 3 channels, T, h, w) as RGB, (T, h, w, 3): one is grey, of two the third is black."""
    if len(channels) == 1:
        return np.repeat(channels[0][..., None], 3, axis=3)
    missing = np.zeros((3 - len(channels), *channels.shape[1:]), np.uint8)
    return np.ascontiguousarray(np.moveaxis(np.concatenate([channels, missing]), 0, -1))
