"""What stands behind fact and label scores: errors by kind, each label's row, and the words that the lexicon does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from docphim.metrics import LABEL_SETS, metric
from docphim.metrics.facts import Matching, error_counts, match
from docphim.metrics.measure import Measured
from docphim.metrics.pairs import Pairs

if TYPE_CHECKING:
    from docphim.metrics.clinical import Labels

#: So many unknown words are listed; a word that is rarer than `RARE` may be a name and is not.
LISTED = 20
RARE = 3
#: Of more reports than this every k-th is looked at: a share of words needs no more.
LOOKED_AT = 1000


def behind(pairs: Pairs, system: Measured) -> tuple[dict[str, Any], list[Matching]]:
    """`fact_errors`, `per_label` and `coverage_words`; and each prediction's facts set beside its reference's.

    Both empty where facts were not scored.
    """
    if "facts" not in system.statistics:
        return {}, []
    matchings = [match(reference, prediction) for reference, prediction in zip(*pairs.facts, strict=True)]
    words = {"reference": pairs.references, "prediction": pairs.predictions}
    found = {
        "fact_errors": error_counts(matchings),
        "per_label": per_label(system),
        "coverage_words": {of: coverage_words(texts, pairs.language) for of, texts in words.items()},
    }
    return found, matchings


def per_label(system: Measured) -> dict[str, dict[str, Any]]:
    """Precision, recall, F1 and support of each label, by set."""
    scored = [name for name in LABEL_SETS if name in system.statistics]
    return {name: cast("Labels", metric(name)).per_label(system.statistics[name]) for name in scored}


def coverage_words(texts: Sequence[str], language: str) -> dict[str, Any]:
    """How much of reports the lexicon knows, in percent, and the words it was asked for most in vain.

    Returns
    -------
    dict
        ``{"share", "known", "words", "unknown": [[word, times], …]}``; share is None of no words.
    """
    from docphim.language.facts import coverage

    found = coverage(texts[:: len(texts) // LOOKED_AT + 1], language)
    often = sorted(((w, n) for w, n in found.unknown.items() if n >= RARE), key=lambda row: (-row[1], row[0]))
    share = None if found.share is None else round(100 * found.share, 10)
    return {"share": share, "known": found.known, "words": found.words, "unknown": [list(row) for row in often[:LISTED]]}
