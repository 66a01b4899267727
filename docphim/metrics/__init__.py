"""Knowledge of scores: one metric per file, its signature, its interval.  `docphim.metrics.corpus` gives quick values."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from docphim.errors import UsageError

if TYPE_CHECKING:
    from docphim.metrics.pairs import Floats, Pairs

#: Every metric family: the module that is it, or the module and its name in there.
METRICS: dict[str, str] = {
    "rouge": "docphim.metrics.rouge",
    "bleu": "docphim.metrics.bleu",
    "chrf": "docphim.metrics.chrf",
    "facts": "docphim.metrics.facts",
    "ct_rate": "docphim.metrics.clinical:CT_RATE",
    "vindr": "docphim.metrics.clinical:VINDR",
    "chexpert": "docphim.metrics.clinical:CHEXPERT",
    "phantom": "docphim.metrics.clinical:PHANTOM",
    "rouge_score": "docphim.metrics.parity:ROUGE_SCORE",
    "rouge_score_stemmer": "docphim.metrics.parity:ROUGE_SCORE_STEMMER",
    "sacrebleu": "docphim.metrics.parity:SACREBLEU",
    "sacrebleu_sentence": "docphim.metrics.parity:SACREBLEU_SENTENCE",
    "sacrebleu_chrf": "docphim.metrics.parity:SACREBLEU_CHRF",
    "coco_bleu": "docphim.metrics.parity:COCO_BLEU",
    "coco_rouge": "docphim.metrics.parity:COCO_ROUGE",
    "coco_cider": "docphim.metrics.parity:COCO_CIDER",
}
#: Families that need no more than tokens; the others need the language's lexicon.
LEXICAL = ("rouge", "bleu", "chrf")
#: Families of labels, by the name of their set.
LABEL_SETS = ("ct_rate", "vindr", "chexpert", "phantom")
#: The published sets, which are scored where nobody chose.
PUBLISHED = LABEL_SETS[:3]


class Metric(Protocol):
    """What a metric's module offers.

    `statistics` says what each report contributes, so that a score is `aggregate` of their sum and a bootstrap sample needs
    no text.  `KEYS` names the values of `aggregate`, `PER_STUDY` those of `per_study`; `AVERAGE` (how reports are
    put together) and `SETTINGS` are the metric's own fields of the signature; a metric that reads with a lexicon
    has `settings(language)` too, which adds the lexicon's fingerprint.
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
    module, _, inner = METRICS[name].partition(":")
    found = import_module(module)
    return cast("Metric", getattr(found, inner) if inner else found)


def families(language: str, label_sets: Sequence[str] = PUBLISHED) -> tuple[str, ...]:
    """The families that serve a language, with these label sets; without a lexicon (`zh`) only the lexical ones.

    Raises
    ------
    UsageError
        A label set is unknown.
    """
    from docphim.language.facts import LANGUAGES

    unknown = [name for name in label_sets if name not in LABEL_SETS]
    if unknown:
        raise UsageError(f"label set {unknown[0]!r} is not one of {', '.join(LABEL_SETS)}")
    return (*LEXICAL, "facts", *dict.fromkeys(label_sets)) if language in LANGUAGES else LEXICAL


def corpus(
    references: Sequence[str], predictions: Sequence[str], language: str, names: Sequence[str] = LEXICAL
) -> dict[str, float]:
    """Every score of the families `names` in percent by key, without intervals.

    Raises
    ------
    ValueError
        The lists differ in length.
    UsageError
        The language has no tokens, or no lexicon where a family needs one.
    """
    from docphim.metrics.pairs import Pairs

    pairs = Pairs(references, predictions, language)
    values: dict[str, float] = {}
    for kind in map(metric, names):
        values.update(zip(kind.KEYS, kind.aggregate(kind.statistics(pairs).sum(axis=0)).tolist(), strict=True))
    return values
