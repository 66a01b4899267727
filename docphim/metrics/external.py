"""Scores that were computed elsewhere, one number a report (GREEN, RadGraph F1, …): their mean, with intervals and tests.

The numbers are taken as they stand, on whatever scale they have; the signature says `external`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from docphim.metrics.family import Kind, Title
from docphim.metrics.pairs import Floats, Pairs


@functools.cache
def external(key: str) -> External:
    """The family of one such score."""
    return External(key)


class External:
    """The metric family of one score that was computed elsewhere; `metric("external:GREEN")` is `External("GREEN")`."""

    AVERAGE = "mean"
    KIND: Kind = "other"
    SERVES, LEXICON, AT_LENGTH = "reports", False, ()
    SETTINGS: ClassVar = {"external": "given"}

    def __init__(self, key: str) -> None:
        self.KEYS = self.PER_STUDY = self.HEAD = (key,)
        self.TITLES = {key: Title(key, key, key)}

    def statistics(self, pairs: Pairs) -> Floats:
        """Nothing can be told from the texts.

        Raises
        ------
        ValueError
            Always: `given` makes the statistics, from the numbers.
        """
        raise ValueError(f"{self.KEYS[0]} is computed elsewhere")

    def aggregate(self, sums: Floats) -> Floats:
        """Sums of `given` over reports, (…, 2), to the mean, (…, 1)."""
        return np.where(sums[..., 1:] > 0, sums[..., :1] / np.maximum(sums[..., 1:], 1), np.nan)

    def per_study(self, statistics: Floats) -> Floats:
        """One report's own number, (n, 1)."""
        return statistics[:, :1]


def given(values: Sequence[float | None]) -> Floats:
    """Statistics of numbers that were computed elsewhere: each, and a one to count it; zeros where there is none, (n, 2)."""
    return np.array([(0.0, 0.0) if value is None else (value, 1.0) for value in values]).reshape(-1, 2)


def key_of(column: str) -> str:
    """A column's name as a key of scores: letters, digits, dots, hyphens and underscores.

    Examples
    --------
    >>> key_of("RadGraph F1 (partial)")
    'RadGraph_F1_partial'
    """
    return re.sub(r"[^\w.-]+", "_", column).strip("_")
