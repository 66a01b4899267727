"""Pictures that are no frontal chest film, drawn for tests and benchmarks: other parts, laterals, slices, photographs.

A radiograph is drawn as its rays see it: soft tissue and bone are ellipses whose depth is added up, air takes away.  Numbers
are shares of the picture's height and width; every picture of a kind has a size, place, lean and contrast of its own, by
chance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

SIDE = 256
Rng = np.random.Generator
Draw = Callable[[Rng], np.ndarray]


class Sheet:
    """The depth of what the rays pass, float64 (h, w); places and sizes are shares of height and width."""

    def __init__(self, rng: Rng, height: int = SIDE, width: int = SIDE) -> None:
        self.rng, self.depth = rng, np.zeros((height, width))
        y, x = np.mgrid[0:height, 0:width]
        self.y, self.x = (y + 0.5) / height, (x + 0.5) / width
        lean, zoom = np.deg2rad(rng.normal(0, 4)), rng.uniform(0.9, 1.15)
        dy, dx = (self.y - 0.5 - rng.normal(0, 0.02)) / zoom, (self.x - 0.5 - rng.normal(0, 0.02)) / zoom
        self.y, self.x = 0.5 + np.cos(lean) * dy - np.sin(lean) * dx, 0.5 + np.sin(lean) * dy + np.cos(lean) * dx

    def around(self, y: float, x: float, tall: float, wide: float, lean: float) -> np.ndarray:
        """The square of the distance from an ellipse's middle; 1 at its edge."""
        y, x, tall, wide = (v + self.rng.normal(0, 0.03) * min(tall, wide) for v in (y, x, tall, wide))
        a = np.deg2rad(lean)
        down, across = self.y - y, self.x - x
        return ((np.cos(a) * down + np.sin(a) * across) / tall) ** 2 + ((np.cos(a) * across - np.sin(a) * down) / wide) ** 2

    def blob(self, y: float, x: float, tall: float, wide: float, deep: float, lean: float = 0) -> None:
        """An ellipsoid of tissue (deep > 0) or air (deep < 0); lean in degrees."""
        self.depth += deep * np.sqrt(np.clip(1 - self.around(y, x, tall, wide, lean), 0, None))

    def ring(self, y: float, x: float, tall: float, wide: float, deep: float, thick: float = 0.1, lean: float = 0) -> None:
        """A shell, bright at its rim, as a skull or a long bone's cortex."""
        r = np.sqrt(self.around(y, x, tall, wide, lean))
        self.depth += deep * np.exp(-(((r - 1) / thick) ** 2))

    def bone(self, y: float, x: float, tall: float, wide: float, deep: float = 0.5, lean: float = 0) -> None:
        """A bone: spongy inside, a bright cortex."""
        self.blob(y, x, tall, wide, deep, lean)
        self.ring(y, x, tall, wide, deep / 3, 0.15, lean)

    def column(self, x: float, top: float, bottom: float, wide: float, deep: float, blocks: int, lean: float = 0) -> None:
        """Vertebrae one below the other."""
        step = (bottom - top) / blocks
        for i in range(blocks):
            self.bone(top + step * (i + 0.5), x + lean * (i / blocks - 0.5), 0.44 * step, wide, deep)

    def film(self) -> np.ndarray:
        """uint16 (h, w), white dense, with noise; hazed, windowed and marked by chance."""
        rng, shown = self.rng, np.clip(self.depth, 0, None)
        shown = shown / np.percentile(shown, 99.5)
        shown = shown ** rng.uniform(0.6, 1.3) + rng.normal(0, 0.012, shown.shape)
        if rng.random() < 0.4:
            y, x, size = rng.uniform(0.03, 0.15), rng.uniform(0.05, 0.9), rng.uniform(0.02, 0.05)
            shown[(np.abs(self.y - y) < size) & (np.abs(self.x - x) < size / 2)] = 1
        return grey(shown, rng)


def grey(shown: np.ndarray, rng: Rng) -> np.ndarray:
    """0..1 as uint16, under a window by chance."""
    low, high = rng.uniform(-0.05, 0.05), rng.uniform(0.85, 1.1)
    return (np.clip((shown - low) / (high - low), 0, 1) * 65535).astype(np.uint16)


def lateral(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.75, 1)))
    front = rng.choice([-1, 1])
    at = lambda x: 0.5 + front * x  # noqa: E731
    s.blob(0.6, 0.5, 0.75, 0.42, 0.8)
    s.blob(0.45, at(0.04), 0.36, 0.27, -0.55, 8 * front)
    s.blob(0.62, at(-0.12), 0.16, 0.13, 0.4, -20 * front)
    s.blob(1.0, at(-0.02), 0.25, 0.42, 0.5)
    s.blob(0.05, at(-0.15), 0.2, 0.14, 0.5, 25 * front)
    s.column(at(0.28), 0.0, 1.05, 0.055, 0.3, 12, 0.05 * front)
    s.bone(0.4, at(-0.36), 0.25, 0.02, 0.25, 8 * front)
    for i in range(8):
        s.ring(0.2 + 0.09 * i, at(0.05), 0.05, 0.3, 0.03, 0.06, 15 * front)
    return s.film()


def _leg(s: Sheet, x: float, wide: float) -> None:
    s.blob(0.1, x, 0.75, wide * 1.15, 0.5)
    s.blob(0.9, x, 0.75, wide, 0.45)
    s.bone(0.0, x, 0.45, wide * 0.4, 0.5)
    s.bone(0.42, x - wide * 0.25, 0.09, wide * 0.38, 0.4)
    s.bone(0.42, x + wide * 0.25, 0.09, wide * 0.38, 0.4)
    s.bone(0.58, x, 0.06, wide * 0.65, 0.45)
    s.bone(1.0, x - wide * 0.05, 0.42, wide * 0.36, 0.5)
    s.bone(1.02, x + wide * 0.65, 0.4, wide * 0.13, 0.3)
    s.blob(0.36, x, 0.07, wide * 0.3, 0.2)


def knee(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.55, 0.9)))
    _leg(s, 0.5, rng.uniform(0.25, 0.38))
    return s.film()


def knees(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.9, 1.2)))
    _leg(s, 0.25, 0.17)
    _leg(s, 0.75, 0.17)
    return s.film()


def hand(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.65, 0.95)))
    s.blob(0.65, 0.5, 0.2, 0.25, 0.35)
    for i, (lean, long) in enumerate(((-22, 0.3), (-9, 0.38), (2, 0.42), (13, 0.37), (42, 0.26))):
        a = np.deg2rad(lean)
        for part, (start, end) in enumerate(((0.12, 0.42), (0.46, 0.68), (0.72, 0.86), (0.9, 1.0))):
            r, half = 1.3 * long * (start + end) / 2, 1.3 * long * (end - start) / 2
            y, x = 0.72 - r * np.cos(a), 0.5 + r * np.sin(a) + 0.02 * (i - 2)
            s.bone(y, x, half, 0.022 - 0.003 * part, 0.45, -lean)
            s.blob(y, x, half * 1.3, 0.045, 0.25, -lean)
    for y, x in ((0.74, 0.42), (0.74, 0.5), (0.74, 0.58), (0.79, 0.45), (0.79, 0.55)):
        s.bone(y, x, 0.03, 0.04, 0.35)
    s.blob(1.0, 0.5, 0.3, 0.17, 0.4)
    s.bone(1.0, 0.56, 0.17, 0.055, 0.5)
    s.bone(1.0, 0.43, 0.16, 0.035, 0.45)
    return s.film()


def skull(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.8, 1)))
    s.blob(0.42, 0.5, 0.42, 0.36, 0.5)
    s.ring(0.42, 0.5, 0.4, 0.34, 0.5, 0.06)
    s.blob(0.72, 0.5, 0.22, 0.2, 0.4)
    for side in (-1, 1):
        s.ring(0.52, 0.5 + side * 0.13, 0.07, 0.08, 0.3, 0.2)
        s.blob(0.52, 0.5 + side * 0.13, 0.07, 0.08, -0.25)
        s.blob(0.66, 0.5 + side * 0.09, 0.07, 0.055, -0.25)
        s.bone(0.78, 0.5 + side * 0.19, 0.14, 0.025, 0.35, side * 15)
    s.blob(0.62, 0.5, 0.1, 0.03, -0.2)
    s.bone(0.88, 0.5, 0.035, 0.15, 0.5)
    s.column(0.5, 0.85, 1.1, 0.06, 0.4, 3)
    return s.film()


def skull_lateral(rng: Rng) -> np.ndarray:
    s = Sheet(rng, int(SIDE * rng.uniform(0.8, 1)), SIDE)
    side = rng.choice([-1, 1])
    s.blob(0.42, 0.5 + side * 0.05, 0.37, 0.4, 0.4)
    s.ring(0.42, 0.5 + side * 0.05, 0.36, 0.39, 0.45, 0.05)
    s.blob(0.7, 0.5 - side * 0.25, 0.2, 0.17, 0.35, side * 20)
    s.bone(0.66, 0.5, 0.06, 0.14, 0.5, side * 20)
    s.blob(0.63, 0.5 - side * 0.25, 0.06, 0.07, -0.3)
    s.bone(0.87, 0.5 - side * 0.2, 0.03, 0.17, 0.4, side * 15)
    s.column(0.5 + side * 0.17, 0.75, 1.1, 0.05, 0.35, 4)
    s.blob(1.0, 0.5 + side * 0.1, 0.3, 0.2, 0.35)
    return s.film()


def _pelvis(s: Sheet, y: float) -> None:
    for side in (-1, 1):
        s.bone(y, 0.5 + side * 0.24, 0.17, 0.15, 0.3, side * -25)
        s.ring(y + 0.28, 0.5 + side * 0.13, 0.06, 0.06, 0.3, 0.3)
        s.bone(y + 0.2, 0.5 + side * 0.3, 0.065, 0.055, 0.4)
        s.bone(y + 0.38, 0.5 + side * 0.36, 0.2, 0.045, 0.5)
    s.bone(y + 0.05, 0.5, 0.13, 0.09, 0.35)


def abdomen(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.75, 1)))
    s.blob(0.5, 0.5, 0.85, 0.5, 1.0)
    s.blob(0.1, 0.3, 0.25, 0.2, 0.2)
    s.column(0.5, -0.05, 0.72, 0.06, 0.3, 6)
    _pelvis(s, 0.78)
    for _ in range(int(rng.integers(3, 12))):
        s.blob(rng.uniform(0.15, 0.85), rng.uniform(0.15, 0.85), rng.uniform(0.02, 0.07), rng.uniform(0.02, 0.1), -0.3)
    for side in (-1, 1):
        s.ring(0.02, 0.5 + side * 0.3, 0.12, 0.12, 0.1, 0.1)
    return s.film()


def pelvis(rng: Rng) -> np.ndarray:
    s = Sheet(rng, int(SIDE * rng.uniform(0.75, 1)), SIDE)
    s.blob(0.4, 0.5, 0.6, 0.52, 0.7)
    s.column(0.5, -0.1, 0.3, 0.06, 0.35, 3)
    _pelvis(s, 0.35)
    s.blob(0.45, 0.5, 0.06, 0.06, -0.15)
    return s.film()


def shoulder(rng: Rng) -> np.ndarray:
    s = Sheet(rng)
    side = rng.choice([-1, 1])
    s.blob(0.6, 0.5 + side * 0.1, 0.5, 0.5, 0.5)
    s.bone(0.4, 0.5 - side * 0.12, 0.13, 0.12, 0.5)
    s.bone(0.85, 0.5 - side * 0.2, 0.4, 0.06, 0.5, side * -8)
    s.bone(0.22, 0.5 + side * 0.2, 0.03, 0.3, 0.4, side * 10)
    s.bone(0.5, 0.5 + side * 0.1, 0.2, 0.1, 0.25, side * 20)
    s.blob(0.7, 0.5 + side * 0.42, 0.35, 0.2, -0.4)
    for i in range(5):
        s.ring(0.4 + 0.12 * i, 0.5 + side * 0.45, 0.1, 0.22, 0.1, 0.08)
    return s.film()


def spine_lateral(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.5, 0.8)))
    side = rng.choice([-1, 1])
    s.blob(0.5, 0.5, 0.9, 0.45, 0.6)
    s.column(0.5 + side * 0.1, 0.0, 0.85, 0.13, 0.4, 5, side * rng.uniform(-0.15, 0.15))
    s.bone(0.95, 0.5 + side * 0.15, 0.15, 0.12, 0.4, side * 30)
    s.blob(0.4, 0.5 - side * 0.3, 0.3, 0.12, -0.2)
    return s.film()


def teeth(rng: Rng) -> np.ndarray:
    s = Sheet(rng, int(SIDE * rng.uniform(0.45, 0.6)), SIDE)
    s.blob(0.5, 0.5, 0.6, 0.6, 0.4)
    for row, sign in ((0.4, -1), (0.6, 1)):
        for i in range(14):
            x = 0.18 + 0.64 * i / 13
            s.bone(row + sign * 0.02 + 0.25 * (x - 0.5) ** 2, x, 0.11, 0.018, 0.5)
    s.ring(0.35, 0.5, 0.5, 0.42, 0.4, 0.1)
    s.blob(0.1, 0.5, 0.12, 0.2, -0.2)
    return s.film()


def foot(rng: Rng) -> np.ndarray:
    s = Sheet(rng, int(SIDE * rng.uniform(0.7, 1)), SIDE)
    side = rng.choice([-1, 1])
    s.blob(0.7, 0.5, 0.2, 0.45, 0.4, side * 12)
    s.blob(0.1, 0.5 + side * 0.22, 0.6, 0.15, 0.4)
    s.bone(0.1, 0.5 + side * 0.22, 0.4, 0.08, 0.5)
    s.bone(0.57, 0.5 + side * 0.2, 0.08, 0.12, 0.5)
    s.bone(0.72, 0.5 + side * 0.32, 0.08, 0.14, 0.5, side * -15)
    for i in range(4):
        s.bone(0.66 + 0.04 * i, 0.5 - side * 0.02 * i, 0.05, 0.06, 0.3)
        s.bone(0.74 + 0.03 * i, 0.5 - side * 0.25, 0.02, 0.14, 0.3, side * -14)
    return s.film()


def blank_field(rng: Rng) -> np.ndarray:
    film, (top, left) = np.zeros((SIDE, SIDE)), rng.integers(0, SIDE // 4, 2)
    film[top : SIDE - int(rng.integers(0, SIDE // 4)), left : SIDE - int(rng.integers(0, SIDE // 4))] = rng.uniform(0.3, 0.9)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    film *= 1 - rng.uniform(0, 0.4) * ((y - 0.5) ** 2 + (x - rng.uniform(0.2, 0.8)) ** 2)
    return grey(film + rng.normal(0, 0.015, film.shape), rng)


def texture(rng: Rng) -> np.ndarray:
    made = np.zeros((SIDE, SIDE), np.float32)
    for n in (3, 6, 12, 40, 120):
        cells = Image.fromarray(rng.normal(0, 1, (n, n)).astype(np.float32))
        made += np.asarray(cells.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) * rng.uniform(0, 1) / n**0.5
    return grey((made - made.min()) / np.ptp(made), rng)


def landscape(rng: Rng) -> np.ndarray:
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    made = 0.9 - 0.4 * y + 0.1 * rng.normal() * x
    hill = 0.55 + 0.1 * np.sin(rng.uniform(3, 12) * x + rng.uniform(0, 6)) + rng.normal(0, 0.05)
    made = np.where(y > hill, 0.35 + 0.2 * rng.random() - 0.2 * y, made)
    for _ in range(int(rng.integers(2, 9))):
        cy, cx, r = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.03, 0.2)
        made = np.where((np.abs(y - cy) < r * rng.uniform(0.5, 2)) & (np.abs(x - cx) < r), rng.random(), made)
    return grey(made + rng.normal(0, 0.03, made.shape), rng)


def portrait(rng: Rng) -> np.ndarray:
    s = Sheet(rng)
    s.depth += rng.uniform(0.2, 1.2)
    skin = rng.uniform(0.2, 0.8)
    for y, x, tall, wide, deep in ((1.0, 0.5, 0.3, 0.42, -0.5), (0.42, 0.5, 0.28, 0.2, skin), (0.2, 0.5, 0.12, 0.22, -0.6)):
        s.blob(y, x, tall, wide, deep)
    for side in (-1, 1):
        s.blob(0.38, 0.5 + side * 0.08, 0.02, 0.035, -0.4)
    s.blob(0.56, 0.5, 0.02, 0.07, -0.3)
    return s.film()


def page_on_a_table(rng: Rng) -> np.ndarray:
    made = np.full((SIDE, SIDE), rng.uniform(0.1, 0.5)) + rng.normal(0, 0.03, (SIDE, SIDE))
    top, left = rng.integers(5, 50, 2)
    made[top : SIDE - top, left : SIDE - left] = 0.9
    for line in range(top + 12, SIDE - top - 8, 8):
        for word in range(left + 10, SIDE - left - 25, 18):
            made[line : line + 4, word : word + int(rng.integers(4, 16))] = 0.2
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    light = made * (1 - 0.4 * np.hypot(y - rng.random(), x - rng.random())) + rng.normal(0, 0.02, made.shape)
    return grey(light, rng)


def axial_slice(rng: Rng) -> np.ndarray:
    s = Sheet(rng)
    inside = s.around(0.52, 0.5, 0.34, 0.43, 0)
    made = np.where(inside < 1, 0.55, 0.0)
    made = np.where((inside > 0.85) & (inside < 1), 0.4, made)
    for side in (-1, 1):
        made = np.where(s.around(0.5, 0.5 + side * 0.22, 0.23, 0.15, side * 8) < 1, 0.08, made)
    made = np.where(s.around(0.45, 0.5 + 0.06, 0.14, 0.14, 30) < 1, 0.6, made)
    made = np.where(s.around(0.74, 0.5, 0.07, 0.06, 0) < 1, 0.9, made)
    made = np.where(s.around(0.62, 0.54, 0.04, 0.035, 0) < 1, 0.65, made)
    return grey(made + rng.normal(0, 0.02, made.shape), rng)


#: Kind → what draws one of it.
KINDS: dict[str, Draw] = {
    "lateral chest": lateral,
    "knee": knee,
    "both knees": knees,
    "hand": hand,
    "skull": skull,
    "skull, lateral": skull_lateral,
    "abdomen": abdomen,
    "pelvis": pelvis,
    "shoulder": shoulder,
    "spine, lateral": spine_lateral,
    "teeth": teeth,
    "foot": foot,
    "blank field": blank_field,
    "texture": texture,
    "landscape": landscape,
    "portrait": portrait,
    "page on a table": page_on_a_table,
    "axial slice": axial_slice,
}


def elbow(rng: Rng) -> np.ndarray:
    s = Sheet(rng, int(SIDE * rng.uniform(0.8, 1)), SIDE)
    s.blob(0.2, 0.3, 0.6, 0.16, 0.4, -10)
    s.blob(0.65, 0.7, 0.16, 0.5, 0.4, 10)
    s.bone(0.15, 0.3, 0.5, 0.06, 0.5, -10)
    s.bone(0.6, 0.75, 0.05, 0.4, 0.45, 8)
    s.bone(0.7, 0.78, 0.04, 0.4, 0.4, 8)
    s.bone(0.62, 0.38, 0.09, 0.08, 0.4)
    return s.film()


def breast(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.7, 0.9)))
    side = rng.choice([0, 1])
    s.blob(0.5, side, 0.42, 0.65, 0.7)
    s.blob(0.1, side, 0.35, 0.2, 0.5, (2 * side - 1) * 25)
    for _ in range(9):
        s.blob(rng.uniform(0.3, 0.7), side + (1 - 2 * side) * rng.uniform(0.1, 0.4), 0.1, 0.04, 0.25, rng.uniform(-60, 60))
    return s.film()


def ultrasound(rng: Rng) -> np.ndarray:
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    far, angle = np.hypot(y + 0.1, x - 0.5), np.arctan2(x - 0.5, y + 0.1)
    inside = (far > 0.2) & (far < 1) & (np.abs(angle) < 0.6)
    speckle = Image.fromarray(rng.gamma(1.5, 0.2, (90, 90)).astype(np.float32)).resize((SIDE, SIDE))
    made = np.asarray(speckle) * (1.2 - 0.8 * far)
    made[np.hypot(y - rng.uniform(0.4, 0.6), x - rng.uniform(0.4, 0.6)) < rng.uniform(0.08, 0.18)] *= 0.1
    return grey(made * inside, rng)


def three_teeth(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.7, 1.4)))
    s.blob(0.8, 0.5, 0.5, 0.6, 0.3)
    for i in range(3):
        s.bone(0.3, 0.2 + 0.3 * i, 0.2, 0.12, 0.6)
        s.bone(0.65, 0.16 + 0.3 * i, 0.28, 0.04, 0.4, -4)
        s.bone(0.65, 0.25 + 0.3 * i, 0.28, 0.04, 0.4, 4)
    return s.film()


def wrists(rng: Rng) -> np.ndarray:
    s = Sheet(rng, int(SIDE * rng.uniform(0.7, 0.9)), SIDE)
    for middle in (0.27, 0.73):
        s.blob(0.8, middle, 0.5, 0.14, 0.4)
        s.bone(0.85, middle - 0.05, 0.35, 0.05, 0.5)
        s.bone(0.85, middle + 0.06, 0.33, 0.035, 0.5)
        for i in range(6):
            s.bone(0.4 + 0.07 * (i // 3), middle + 0.05 * (i % 3 - 1), 0.035, 0.03, 0.35)
        for i in range(4):
            s.bone(0.2, middle + 0.055 * (i - 1.5), 0.16, 0.018, 0.4, -5 * (i - 1.5))
    return s.film()


def knee_lateral(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.6, 0.9)))
    side = rng.choice([-1, 1])
    s.blob(0.2, 0.5, 0.5, 0.35, 0.45, side * 10)
    s.blob(0.8, 0.5, 0.5, 0.28, 0.45, side * -12)
    s.bone(0.1, 0.5, 0.4, 0.12, 0.5, side * 10)
    s.bone(0.45, 0.5 - side * 0.05, 0.1, 0.2, 0.5)
    s.bone(0.9, 0.5, 0.36, 0.11, 0.5, side * -12)
    s.bone(0.38, 0.5 - side * 0.3, 0.09, 0.04, 0.4)
    return s.film()


def heartbeat(rng: Rng) -> np.ndarray:
    """A strip of an electrocardiogram on its grid, photographed."""
    made = np.full((SIDE, SIDE), 0.9)
    made[::8], made[:, ::8] = 0.75, 0.75
    for row in range(30, SIDE - 20, 60):
        for x in range(SIDE):
            beat = 25 * np.exp(-((((x + row) % 50) - 25) ** 2) / 4)
            made[int(row - beat) : int(row - beat) + 3, x] = 0.1
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    return grey(made * (1 - 0.3 * np.hypot(y - rng.random(), x - rng.random())) + rng.normal(0, 0.02, made.shape), rng)


def sagittal_slice(rng: Rng) -> np.ndarray:
    s = Sheet(rng, SIDE, int(SIDE * rng.uniform(0.6, 0.9)))
    inside = s.around(0.5, 0.5, 0.75, 0.4, 0)
    made = np.where(inside < 1, 0.55, 0.0)
    made = np.where(s.around(0.35, 0.45, 0.3, 0.2, 10) < 1, 0.08, made)
    made = np.where(s.around(0.55, 0.38, 0.12, 0.1, 0) < 1, 0.6, made)
    for i in range(9):
        made = np.where(s.around(0.05 + 0.11 * i, 0.74, 0.04, 0.05, 0) < 1, 0.85, made)
    return grey(made + rng.normal(0, 0.02, made.shape), rng)


#: Drawn when the fit stood, and before anybody looked at what it makes of these.
LATER: dict[str, Draw] = {
    "elbow": elbow,
    "breast": breast,
    "ultrasound": ultrasound,
    "three teeth": three_teeth,
    "wrists": wrists,
    "knee, lateral": knee_lateral,
    "electrocardiogram": heartbeat,
    "sagittal slice": sagittal_slice,
}
