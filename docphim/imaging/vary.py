"""One study shown otherwise: turned, scaled, shifted, cropped, noisy, a region's edges trimmed; never mirrored.

A variation is drawn from a seed and nothing else, so that it is the same in whichever process and order examples are read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image

from docphim.files import seed_of
from docphim.study import Row

#: The most that a picture is turned, degrees; the least and the most that it is scaled by; the most that it is shifted, of the
#: frame's sides; the most that is cut from a side, of what a picture shows; the noise's deviation at most, of the narrowest
#: window.
TURN, SCALE, SHIFT, CROP, NOISE = 15.0, (0.8, 1.2), 0.1, 0.5, 0.03
#: The share of variations that change nothing: the study as it is stays among what is learned from.
PLAIN = 0.25
#: Grey above which something is shown; what is darker in every channel of every frame is air around a body.
_DARK = 12

#: Top, bottom, left and right, shares of a picture.
Box = tuple[float, float, float, float]
Seen = Literal["whole", "part", "gone"]


@dataclass(frozen=True)
class Plane:
    """The picture of a volume's slices inside its frame: `fitted` and `size` are (height, width) in pixels of the frame.

    `aspect` is the height of a pixel by its width, in mm: slices are turned in the patient, not on a stretched grid.
    """

    fitted: tuple[int, int]
    size: tuple[int, int]
    aspect: float = 1.0


@dataclass(frozen=True)
class Variation:
    """How a study is shown.

    Attributes
    ----------
    turn : float
        Degrees, clockwise on the screen.
    scale : float
        How much larger it is shown: a pixel covers so much less of the patient.
    shift : (float, float)
        Downwards and to the right, of the frame's height and width.
    crop : (float, float, float, float)
        What is cut from the top, the bottom, the left and the right, of the picture's height and width.
    noise : float
        Standard deviation, of the narrowest window of a volume.
    trim : (int, int)
        Slices left out at the upper and the lower edge of a region.
    seed : int
        Of the noise.
    checked : bool
        Whether it is known that no lesion is cut by it that the report still speaks of; else it is made `careful` before it is
        shown.
    """

    turn: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    crop: Box = (0.0, 0.0, 0.0, 0.0)
    noise: float = 0.0
    trim: tuple[int, int] = (0, 0)
    seed: int = 0
    checked: bool = False

    def row(self) -> Row:
        """What of it changes something, as JSON."""
        made = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        same = asdict(Variation())
        left = {name for name in made if made[name] == (list(same[name]) if isinstance(same[name], tuple) else same[name])}
        if not self.noise:
            left.add("seed")
        return {name: value for name, value in made.items() if name not in left}

    def matrix(self, plane: Plane) -> np.ndarray:
        """From the picture to the frame, 2 x 3 over (x, y, 1): x and y in pixels of the frame, from the picture's corner."""
        turn = math.radians(self.turn)
        a = plane.aspect
        around = self.scale * np.array(
            [[math.cos(turn), -math.sin(turn) * a], [math.sin(turn) / a, math.cos(turn)]]  # a rotation in mm
        )
        (height, width), (rows, columns) = plane.fitted, plane.size
        middle = np.array([width / 2, height / 2])
        centred = np.array([(columns - width) // 2, (rows - height) // 2])  # as `geometry.letterbox` puts it
        moved = np.array([columns * self.shift[1], rows * self.shift[0]])
        return np.column_stack([around, centred + middle + moved - around @ middle])

    def shows(self, box: Box, plane: Plane) -> Seen:
        """Whether a box of the picture is shown whole, in part or not at all.

        Parameters
        ----------
        box : tuple of float
            Its top, bottom, left and right, of the picture's height and width.
        """
        top, bottom, left, right = box
        window = (self.crop[0], 1 - self.crop[1], self.crop[2], 1 - self.crop[3])
        if bottom <= window[0] or top >= window[1] or right <= window[2] or left >= window[3]:
            return "gone"
        whole = top >= window[0] and bottom <= window[1] and left >= window[2] and right <= window[3]
        low, high = self._extent(box, plane)
        size = np.array(plane.size[::-1])
        if (high <= 0).any() or (low >= size).any():
            return "gone"
        return "whole" if whole and (low >= 0).all() and (high <= size).all() else "part"

    def _extent(self, box: Box, plane: Plane) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest (x, y) in the frame of a box of the picture."""
        height, width = plane.fitted
        corners = np.array([[x * width, y * height, 1] for y in box[:2] for x in box[2:]])
        placed = corners @ self.matrix(plane).T
        return placed.min(0), placed.max(0)

    def careful(self, content: Box, plane: Plane) -> Variation:
        """The nearest variation that leaves no content of a picture out: no crop, turned and scaled to fit, shifted less.

        For pictures of which nobody knows where their lesions lie.
        """
        made = replace(self, crop=(0.0, 0.0, 0.0, 0.0), shift=(0.0, 0.0))
        size = np.array(plane.size[::-1])
        while True:
            low, high = replace(made, scale=1.0)._extent(content, plane)
            most = math.floor(float((size / np.maximum(high - low, 1e-6)).min()) * 1e4 + 1e-6) / 1e4
            if most >= SCALE[0] or abs(made.turn) < 0.5:
                break
            made = replace(made, turn=made.turn / 2)  # a frame much wider than high
        made = replace(made, scale=min(made.scale, most))
        low, high = made._extent(content, plane)
        wanted = np.array([self.shift[1] * size[0], self.shift[0] * size[1]])
        moved = np.clip(wanted, -low, np.maximum(-low, size - high))
        down, right = (round(float(by), 6) + 0.0 for by in (moved / size)[::-1])
        return replace(made, shift=(down, right))


#: All of a picture.
ALL: Box = (0.0, 1.0, 0.0, 1.0)
#: A study as it is.
UNCHANGED = Variation()


def variation(*seed: object, trim: Sequence[int] = (0, 0), content: Box = ALL) -> Variation:
    """Draw a variation.

    Parameters
    ----------
    trim : (int, int)
        How many slices may be left out at the upper and the lower edge of a region.
    content : tuple of float
        The box of the picture in which something is shown (`shown_box`), of which a crop takes its part.
    """
    number = seed_of("vary", *seed)
    random = np.random.default_rng(number)
    if random.random() < PLAIN:
        return UNCHANGED
    sides = random.uniform(0, CROP, 2) * (random.random(2) < 0.5)
    first = random.random(2) < 0.5
    crop = []
    for cut, near, (low, high) in zip(sides, first, (content[:2], content[2:]), strict=True):
        edges = (low + cut * (high - low), 0.0) if near else (0.0, 1 - high + cut * (high - low))
        crop += [float(edge) if cut else 0.0 for edge in edges]
    return Variation(
        turn=round(float(random.uniform(-TURN, TURN)), 2),
        scale=round(float(random.uniform(*SCALE)), 3),
        shift=(round(float(random.uniform(-SHIFT, SHIFT)), 3), round(float(random.uniform(-SHIFT, SHIFT)), 3)),
        crop=tuple(round(cut, 3) for cut in crop),  # type: ignore[arg-type]
        noise=round(float(random.uniform(0, NOISE)), 4) if random.random() < 0.5 else 0.0,
        trim=(int(random.integers(0, trim[0] + 1)), int(random.integers(0, trim[1] + 1))),
        seed=number % 2**32,
    )


def shown_box(pictures: np.ndarray) -> Box:
    """The box outside of which all pictures of a stack, uint8 (channels, T, h, w), are dark: shares of their sides."""
    brightest = pictures.reshape(-1, *pictures.shape[-2:]).max(0)
    side = max(1, min(brightest.shape) // 56)
    rows, columns = (n // side for n in brightest.shape)
    blocks = brightest[: rows * side, : columns * side].reshape(rows, side, columns, side).mean((1, 3)) > _DARK
    if not blocks.any():
        return ALL
    lines, places = np.flatnonzero(blocks.any(1)), np.flatnonzero(blocks.any(0))
    height, width = brightest.shape
    # A last block that is not whole was not looked at: it counts as shown.
    bottom = height if lines[-1] == rows - 1 else (lines[-1] + 1) * side
    right = width if places[-1] == columns - 1 else (places[-1] + 1) * side
    return float(lines[0] * side / height), float(bottom / height), float(places[0] * side / width), float(right / width)


def varied(pictures: np.ndarray, made: Variation, plane: Plane, noise: Sequence[tuple[int, float]] = ()) -> np.ndarray:
    """Pictures, uint8 (channels, T, h, w), as a variation shows them in frames, (channels, T, *size); black around them.

    Parameters
    ----------
    plane : Plane
        How large the pictures are in a frame that changes nothing; their own pixels may be finer.
    noise : sequence of (int, float)
        Of each channel, which volume it shows (its noise is the same in all channels of one), and how many times narrower the
        narrowest window of that volume is.
    """
    height, width = pictures.shape[-2:]
    top, bottom, left, right = made.crop
    window = np.zeros((height, width), np.uint8)
    window[round(top * height) : height - round(bottom * height), round(left * width) : width - round(right * width)] = 1
    finer = np.array([plane.fitted[1] / width, plane.fitted[0] / height, 1.0])
    forth = np.vstack([made.matrix(plane) * finer, [0.0, 0.0, 1.0]])
    back = tuple(np.linalg.inv(forth)[:2].ravel())
    size = plane.size[::-1]

    def moved(plane_of: np.ndarray) -> np.ndarray:
        image = Image.fromarray(plane_of)
        return np.asarray(image.transform(size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR, fillcolor=0))

    cut = pictures * window if made.crop != UNCHANGED.crop else pictures
    if len(cut) == 3:  # as colours of one picture, which is a third of the work
        colours = np.ascontiguousarray(np.moveaxis(cut, 0, -1))
        out = np.ascontiguousarray(np.moveaxis(np.stack([moved(picture) for picture in colours]), -1, 0))
    else:
        out = np.stack([[moved(picture) for picture in channel] for channel in cut])
    return out if not made.noise else _noisy(out, moved(window * np.uint8(255)) > 0, made, noise)


def _noisy(pictures: np.ndarray, there: np.ndarray, made: Variation, noise: Sequence[tuple[int, float]]) -> np.ndarray:
    """Noise of the values, as each channel's window shows it, where the pictures are."""
    random = np.random.default_rng(made.seed)
    _, count, height, width = pictures.shape
    pixels = height * width
    fields: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    out = np.empty_like(pictures)
    for n, channel in enumerate(pictures):
        volume, narrower = noise[n] if noise else (n, 1.0)
        if volume not in fields:  # each frame is a stretch of one field, from a place of its own: a tenth of the numbers
            fields[volume] = random.standard_normal(2 * pixels, np.float32), random.integers(0, pixels, count)
        field, starts = fields[volume]
        steps = np.rint(field * np.float32(made.noise * narrower * 255)).astype(np.int16)
        for frame, start, shown in zip(channel, starts, out[n], strict=True):
            shown[...] = np.clip(steps[start : start + pixels].reshape(height, width) + frame, 0, 255)
    out *= there
    return out
