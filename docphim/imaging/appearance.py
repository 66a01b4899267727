"""What a film shows, judged from its pixels alone: a frontal chest, head up, white dense; or what it is instead."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from docphim.errors import Refused
from docphim.imaging.drawn import is_drawn
from docphim.imaging.polarity import polarity
from docphim.package_data import packaged

Position = Literal["upright", "upside_down", "sideways"]

#: Side of the square that a film is averaged to, and of the one before, on which its borders are found.
SIDE, _COARSE = 24, 96
#: Rows and columns at the edge whose range is below this share of the film's are border.
_FLAT = 0.05
#: A film counts as a frontal chest from this likeness on, and so far above that of every other position.
LIKE, AHEAD = 0.45, 0.2
#: Likeness that is enough where the brightness of mediastinum, abdomen and lungs (`polarity`) speaks for it too.
LIKE_ENOUGH = 0.25
#: A film is refused for its position or polarity only from these on; no good film tried comes near.
REFUSED_LIKE, REFUSED_AHEAD = 0.5, 0.25
#: Below the first a picture is no frontal chest; only from the second on a film counts as checked.  -0.3 is the least that a
#: good film with one fault came to (cropped, turned, white lungs, …), -0.7 with several at once.
NOT_FRONTAL, FRONTAL = -0.75, -0.1
#: A film of more pixels on its shorter side is thinned out before it is averaged: a cell still holds ten of them.
_ENOUGH = 256


@dataclass(frozen=True)
class Likeness:
    """How like a frontal chest the film is in each position; negative where it is like the negative of one.

    A chest of the usual kind has 1 in its own position and about 0 in the others.  `frontal` holds it as it is against other
    pictures: about 1 for a frontal chest, upright and white on black, about -1 for a lateral, a knee, a photograph.
    """

    upright: float
    upside_down: float
    sideways: float
    frontal: float

    @property
    def best(self) -> tuple[Position, float, float]:
        """The position of the greatest likeness in either polarity, that likeness, and how far it is ahead."""
        values: dict[Position, float] = {
            "upright": self.upright,
            "upside_down": self.upside_down,
            "sideways": self.sideways,
        }
        first, second, *_ = sorted(values, key=lambda name: -abs(values[name]))
        return first, values[first], abs(values[first]) - abs(values[second])


def likeness(pixels: np.ndarray) -> Likeness:
    """Hold a film (h, w), of any number type, against the tables of `appearance.yaml`, in every position.

    What counts is which parts are brighter than which: the film is averaged to 24 x 24 without flat borders, and each value
    replaced by its rank, so that window and contrast do not matter.  Left and right are taken together: a mirrored film is
    not told from another.
    """
    ranks = _ranks(_average(_without_borders(pixels), SIDE))
    turned = (ranks, ranks[::-1], ranks.T, ranks.T[::-1])
    up, down, *side = (float(np.sum(halves(a)[0] * _chest())) for a in turned)
    weights, offset = _frontal()
    return Likeness(up, down, max(side, key=abs), float(np.sum(np.concatenate(halves(ranks), axis=1) * weights)) + offset)


def halves(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The left half of ranks (24, 24) with the mirrored right half laid on it, (24, 12), and how far the two are apart."""
    mirrored = ranks[:, ::-1]
    return (ranks + mirrored)[:, : SIDE // 2], np.abs(ranks - mirrored)[:, : SIDE // 2]


def check_appearance(film: np.ndarray, claim: str) -> tuple[str, list[str]]:
    """Refuse what is seen not to be a frontal chest film, upright and white on black; nothing is turned on a guess.

    Parameters
    ----------
    film : ndarray
        (h, w), finished: 0 black to 65535 white.
    claim : str
        What says that white is dense, for the sentence: `MONOCHROME1`, or `the file's own grey scale`.

    Returns
    -------
    polarity : str
        `positive` or `unsure`.
    unchecked : list of str
        What cannot be told from this film: `polarity`, `position`.  Usual of a white lung, a film of a bed with many lines,
        a close crop, and of another part or a lateral view.

    Raises
    ------
    Refused
        `not_a_chest_film`, `polarity_contradicts`, `upside_down` or `sideways`.
    """
    if is_drawn(film):
        raise Refused("not_a_chest_film", "", "most of the picture is flat, as in a drawing or on a page of text")
    shown = likeness(film)
    position, value, ahead = shown.best
    if abs(value) >= REFUSED_LIKE and ahead >= REFUSED_AHEAD:
        _check_position(position, value, claim)
    if position == "upright" and value >= LIKE and ahead >= AHEAD and shown.frontal >= FRONTAL:
        return "positive", []
    sign = polarity(_thinned(film))
    if sign == "negative" and likeness(~film).frontal >= FRONTAL:
        raise _negative(claim)
    if sign == "negative" or shown.frontal < NOT_FRONTAL:
        raise Refused("not_a_chest_film", "", "nothing in the picture lies as in a frontal chest film")
    if sign == "unsure":
        return sign, ["polarity", "position"]
    agree = position == "upright" and value >= LIKE_ENOUGH and shown.frontal >= FRONTAL
    return sign, [] if agree else ["position"]


def _check_position(position: Position, value: float, claim: str) -> None:
    also = " and in negative" if value < 0 else ""
    if position == "upside_down":
        raise Refused("upside_down", "", f"the film shows a chest upside down{also}")
    if position == "sideways":
        raise Refused("sideways", "", f"the film shows a chest lying on its side{also}")
    if value < 0:
        raise _negative(claim)


def _negative(claim: str) -> Refused:
    return Refused("polarity_contradicts", "", f"by {claim} the lungs would be white and the heart black")


def _average(pixels: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(pixels, np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


def _thinned(pixels: np.ndarray) -> np.ndarray:
    """Every so many rows and columns, at least 256 of the shorter ones where there are as many."""
    step = max(1, min(pixels.shape) // _ENOUGH)
    return pixels[::step, ::step]


def _without_borders(pixels: np.ndarray) -> np.ndarray:
    """The film averaged to 96 x 96, from the first to the last row and column that is not one flat grey."""
    coarse = _average(_thinned(pixels), _COARSE)
    least = _FLAT * np.ptp(coarse)
    rows, columns = (np.flatnonzero(np.ptp(coarse, axis=axis) > least) for axis in (1, 0))
    if not rows.size or not columns.size:
        return coarse
    return coarse[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _ranks(small: np.ndarray) -> np.ndarray:
    """Each value's rank among all, equal ones sharing theirs, as numbers of mean 0 and deviation 1."""
    _, which, counts = np.unique(small, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[which].reshape(small.shape)
    ranks -= ranks.mean()
    return ranks / max(float(ranks.std()), 1e-9)


@functools.cache
def _chest() -> np.ndarray:
    """The weights, float64 (24, 12), of the left half of a film with its mirrored right half laid on it."""
    table = packaged(Path(__file__).with_suffix(".yaml"))
    return np.array(table["weights"], np.float64) / table["scale"]


@functools.cache
def _frontal() -> tuple[np.ndarray, float]:
    """The weights, float64 (24, 24), of both `halves` of a film, one beside the other, and what is added to their sum."""
    table = packaged(Path(__file__).with_suffix(".yaml"))["frontal"]
    return np.array(table["weights"], np.float64) / table["scale"], table["offset"]
