"""Whether an image finds its report among all of the split, and a report its image: recall at 1, 5 and 10, beside chance.

The floors are chance: what a random order gets with as many studies and as many equal reports.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from docphim.metrics.family import Kind, Title
from docphim.metrics.grams import Floats
from docphim.metrics.pairs import Pairs

#: How many of the nearest are looked at.
NEAREST = (1, 5, 10)
KEYS = tuple(f"{side}_recall{k}" for side in ("report", "image") for k in NEAREST)
PER_STUDY = KEYS
AVERAGE = "mean"
SETTINGS = {"near": "cosine", "dup": "hit", "ties": "last"}
KIND: Kind = "other"
SERVES, LEXICON = "asked", False
HEAD = ("report_recall5",)
AT_LENGTH = ("report_recall10", "image_recall1", "image_recall10")
TITLES = {
    **{
        f"report_recall{k}": Title(f"Tìm đúng báo cáo trong {k} gần nhất", f"report among {k} nearest", f"I→R@{k}")
        for k in NEAREST
    },
    **{f"image_recall{k}": Title(f"Tìm đúng ảnh trong {k} gần nhất", f"image among {k} nearest", f"R→I@{k}") for k in NEAREST},
}


def statistics(pairs: Pairs) -> Floats:
    """Per report: `Pairs.retrieved`, the shares of the right thing among the nearest, and a one; zeros without, (n, 7)."""
    rows = np.zeros((len(pairs), len(KEYS) + 1))
    if len(pairs.retrieved):
        rows[:, :-1], rows[:, -1] = pairs.retrieved, 1
    return rows


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics`, (…, 7), to the values of `KEYS` in percent; NaN where nothing was retrieved."""
    n = sums[..., -1:]
    return np.where(n > 0, 100 * sums[..., :-1] / np.maximum(n, 1), np.nan)


def per_study(statistics: Floats) -> Floats:
    """Each study's own hits in percent."""
    return 100 * statistics[:, :-1]


def hits(images: Floats, reports: Floats, alike: Sequence[Hashable]) -> Floats:
    """Whether the right report stands among the 1, 5 and 10 nearest of each image, and the right image of each report.

    Parameters
    ----------
    images, reports : (n, width)
        Unit vectors, row by row of one study.
    alike : sequence
        What reports share that count as one: a duplicate found in place of the study's own is right.

    Returns
    -------
    (n, 6), 0 or 1
        In the order of `KEYS`.  Of equal similarities the wrong one counts as nearer.
    """
    right = _right(alike)
    near = np.round(images @ reports.T, 9)
    return np.hstack([_within(near, right), _within(near.T, right)])


def chance(alike: Sequence[Hashable]) -> Floats:
    """What a random order gets for `hits`, (n, 6): of n studies m are right, so k hold one with 1 - C(n-m, k) / C(n, k)."""
    n, equal = len(alike), _right(alike).sum(1)
    rows = [[1 - math.comb(n - int(m), k) / math.comb(n, k) if k <= n else 1.0 for k in NEAREST] for m in equal]
    return np.hstack([np.array(rows).reshape(-1, len(NEAREST))] * 2)


def _right(alike: Sequence[Hashable]) -> np.ndarray:
    """Which reports are right for which study, bool (n, n)."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(alike))}
    place = np.array([numbers[key] for key in alike])
    return place[:, None] == place[None, :]


def _within(near: Floats, right: np.ndarray) -> Floats:
    """Of each row whether the nearest right column is among the k nearest, (n, 3)."""
    best = np.where(right, near, -np.inf).max(1)
    before = ((near >= best[:, None]) & ~right).sum(1)
    return np.stack([before < k for k in NEAREST], axis=1).astype(float)
