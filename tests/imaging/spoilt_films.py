"""Good frontal chest films as they also come: turned a little, cropped, with white lungs, effusions, devices, hard windows."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

Change = Callable[[np.ndarray], np.ndarray]
WHITE = 65535
#: Places of the two lungs across the film, as shares of its width.
LUNGS = (0.29, 0.71)


def films(change: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Round what a change makes to a film: uint16, in one piece."""

    @functools.wraps(change)
    def made(film: np.ndarray, *how: float) -> np.ndarray:
        return np.ascontiguousarray(np.clip(change(film, *how), 0, WHITE).astype(np.uint16))

    return made


def _places(film: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0 : film.shape[0], 0 : film.shape[1]]
    return y / film.shape[0], x / film.shape[1]


@films
def turned(film: np.ndarray, degrees: float) -> np.ndarray:
    return np.asarray(Image.fromarray(film.astype(np.float32)).rotate(degrees, Image.Resampling.BILINEAR))


@films
def cropped(film: np.ndarray, top: float, bottom: float, left: float, right: float) -> np.ndarray:
    h, w = film.shape
    return film[int(top * h) : h - int(bottom * h), int(left * w) : w - int(right * w)]


@films
def white_lungs(film: np.ndarray, amount: float, *places: float) -> np.ndarray:
    y, x = _places(film)
    made = film.astype(float)
    for place in places or LUNGS:
        cover = amount * np.clip(1.3 - ((x - place) / 0.2) ** 2 - ((y - 0.45) / 0.35) ** 2, 0, 1)
        made = made * (1 - cover) + cover * np.percentile(film, 85)
    return ndimage.gaussian_filter(made, film.shape[1] / 80)


@films
def effusion(film: np.ndarray, *places: float) -> np.ndarray:
    y, x = _places(film)
    made = film.astype(float)
    for place in places or LUNGS:
        cover = np.clip((y - 0.45) * 8, 0, 1) * (np.abs(x - place) < 0.22)
        made = made * (1 - cover) + cover * np.percentile(film, 90)
    return made


@films
def bent(film: np.ndarray, gamma: float) -> np.ndarray:
    return (film / WHITE) ** gamma * WHITE


@films
def windowed(film: np.ndarray, low: float, high: float) -> np.ndarray:
    return (film / WHITE - low) / (high - low) * WHITE


@films
def child(film: np.ndarray) -> np.ndarray:
    """A small and broad chest on a large black detector."""
    broad = Image.fromarray(film.astype(np.float32)).resize((int(film.shape[1] * 1.25), film.shape[0]))
    h, w = broad.height, broad.width
    return np.pad(np.asarray(broad), ((h // 20, h // 20), (w // 8, w // 8)))


@films
def pacemaker(film: np.ndarray) -> np.ndarray:
    y, x = _places(film)
    made = film.copy()
    made[((x - 0.75) / 0.08) ** 2 + ((y - 0.2) / 0.07) ** 2 < 1] = WHITE
    for t in np.linspace(0, 1, 200):
        made[np.hypot(y - 0.2 - 0.5 * t, x - 0.75 + 0.25 * t - 0.1 * np.sin(6 * t)) < 0.008] = WHITE
    return made


#: What is done to a good film that stays one.
CHANGES: dict[str, Change] = {
    "as it is": lambda film: film,
    "turned by 15 degrees": lambda film: turned(film, 15),
    "turned by -20 degrees": lambda film: turned(film, -20),
    "cropped by 15 %": lambda film: cropped(film, 0.15, 0.15, 0.15, 0.15),
    "cropped by 25 %": lambda film: cropped(film, 0.25, 0.2, 0.2, 0.2),
    "no abdomen": lambda film: cropped(film, 0, 0.35, 0, 0),
    "no apices": lambda film: cropped(film, 0.3, 0, 0, 0),
    "most of one lung left out": lambda film: cropped(film, 0, 0, 0.3, 0),
    "one white lung": lambda film: white_lungs(film, 0.9, LUNGS[0]),
    "white lungs": lambda film: white_lungs(film, 0.9),
    "one effusion": lambda film: effusion(film, 0.25),
    "two effusions": lambda film: effusion(film, 0.25, 0.75),
    "dark": lambda film: bent(film, 3),
    "bright": lambda film: bent(film, 0.3),
    "a window too high": lambda film: windowed(film, 0.3, 1.3),
    "a window too low": lambda film: windowed(film, 0, 0.55),
    "a child": child,
    "a pacemaker": pacemaker,
}


def spoilt(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Several changes at once, by chance: worse than any film of a department."""
    chances: list[tuple[float, Change]] = [
        (0.5, lambda f: turned(f, rng.normal(0, 10))),
        (0.4, lambda f: cropped(f, *rng.uniform(0, 0.25, 4))),
        (0.25, lambda f: white_lungs(f, rng.uniform(0.4, 1), *(LUNGS, LUNGS[:1], LUNGS[1:])[rng.integers(3)])),
        (0.25, lambda f: effusion(f, (0.25, 0.75)[rng.integers(2)])),
        (0.15, effusion),
        (0.15, child),
        (0.15, pacemaker),
        (0.2, lambda f: windowed(f, rng.uniform(0, 0.3), rng.uniform(0.6, 1.3))),
    ]
    for chance, change in chances:
        if rng.random() < chance:
            film = change(film)
    return film
