"""The polarity rule finds negatives and lets doubtful films pass."""

from __future__ import annotations

import numpy as np
import pytest
from chest_films import chest

from docphim.imaging.polarity import polarity

FILM = chest(400, 360)


def with_white_lungs(*sides: str) -> np.ndarray:
    film = FILM.copy()
    for side in sides:
        film[:, :180][film[:, :180] < 0.5] = 0.8 if side == "right" else film[:, :180][film[:, :180] < 0.5]
        film[:, 180:][film[:, 180:] < 0.5] = 0.8 if side == "left" else film[:, 180:][film[:, 180:] < 0.5]
    return film


@pytest.mark.parametrize(
    ("film", "expected"),
    [
        (FILM, "positive"),
        (1 - FILM, "negative"),
        (FILM * 1000 - 500, "positive"),
        (500 - FILM * 1000, "negative"),
        (FILM**2, "positive"),
        (1 - FILM**2, "negative"),
        (np.pad(FILM, 40), "positive"),
        (np.pad(FILM, 40, constant_values=1), "positive"),
        (np.pad(1 - FILM, 40), "negative"),
        (np.pad(1 - FILM, ((90, 0), (0, 120))), "negative"),
        (np.random.default_rng(0).random((300, 300)), "unsure"),
        (np.tile(np.linspace(0, 1, 300), (300, 1)), "unsure"),
        (np.full((100, 100), 3.0), "unsure"),
    ],
)
def test_polarity_of(film: np.ndarray, expected: str) -> None:
    assert polarity(film) == expected


@pytest.mark.parametrize("sides", [("right",), ("left",), ("right", "left")])
def test_white_lungs_are_never_called_a_negative(sides: tuple[str, ...]) -> None:
    assert polarity(with_white_lungs(*sides)) != "negative"
