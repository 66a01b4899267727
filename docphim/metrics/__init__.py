"""Knowledge of scores: one metric per file, its signature, its interval.  `docphim.metrics.corpus` gives quick values."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from docphim.metrics.pairs import Floats, Pairs

#: Every metric family and the module that is it.
METRICS: dict[str, str] = {"rouge": "docphim.metrics.rouge", "bleu": "docphim.metrics.bleu"}


class Metric(Protocol):
    """What a metric's module offers.

    `statistics` says what each report contributes, so that a score is `aggregate` of their sum and a bootstrap sample needs
    no text.  `KEYS` names the values of `aggregate`, `PER_STUDY` those of `per_study`; `AVERAGE` (how reports are
    put together) and `SETTINGS` are the metric's own fields of the signature.
    """

    KEYS: tuple[str, ...]
    PER_STUDY: tuple[str, ...]
    AVERAGE: str
    SETTINGS: dict[str, str]

    def statistics(self, pairs: Pairs) -> Floats:
        """(n, k) numbers, added up over reports before `aggregate`."""
        ...

    def aggregate(self, sums: Floats) -> Floats:
        """(…, k) sums to (…, len(KEYS)) values in percent."""
        ...

    def per_study(self, statistics: Floats) -> Floats:
        """(n, k) statistics to (n, len(PER_STUDY)) values in percent."""
        ...


def metric(name: str) -> Metric:
    """The metric of that name in `METRICS`."""
    return cast("Metric", import_module(METRICS[name]))


def corpus(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, float]:
    """Every score of `METRICS` in percent by key, without intervals.

    Raises
    ------
    ValueError
        The lists differ in length.
    UsageError
        The language has no tokens.
    """
    from docphim.metrics.pairs import Pairs

    pairs = Pairs(references, predictions, language)
    values: dict[str, float] = {}
    for kind in map(metric, METRICS):
        values.update(zip(kind.KEYS, kind.aggregate(kind.statistics(pairs).sum(axis=0)).tolist(), strict=True))
    return values
