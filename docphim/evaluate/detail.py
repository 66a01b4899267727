"""What stands behind fact and label scores: errors by kind, each label's row, and the words that the lexicon does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from docphim.metrics import label_sets, metric
from docphim.metrics.clinical import ERRORS, errors_by_report, urgent_findings
from docphim.metrics.matching import Matching, error_counts, matchings
from docphim.metrics.measure import Measured
from docphim.metrics.pairs import Floats, Pairs
from docphim.scores import Coverage, LabelRow, UrgentRow

if TYPE_CHECKING:
    from docphim.metrics.labels import Labels

#: So many unknown words are listed; a word that is rarer than `RARE` may be a name and is not.
LISTED = 20
RARE = 3
#: Of more reports than this every k-th is looked at: a share of words needs no more.
LOOKED_AT = 1000


@dataclass(frozen=True)
class Detail:
    """The parts of scores.json that go with facts and labels, as `docphim.scores.TaskScores` names them; None without them."""

    errors: dict[str, int] | None = None
    urgent: dict[str, UrgentRow] | None = None
    fact_errors: dict[str, int] | None = None
    per_label: dict[str, dict[str, LabelRow]] | None = None
    coverage_words: dict[str, Coverage] | None = None


def behind(pairs: Pairs, system: Measured) -> tuple[Detail, list[Matching]]:
    """Errors, labels and known words; and each prediction's facts set beside its reference's (empty without facts)."""
    labels = per_label(system) or None
    if "facts" not in system.statistics:
        return Detail(per_label=labels), []
    matched = matchings(pairs)
    texts = {"reference": pairs.references, "prediction": pairs.predictions}
    words = {side: coverage_words(reports, pairs.language) for side, reports in texts.items()}
    clinical = _clinical(pairs, system.statistics["clinical"]) if "clinical" in system.statistics else {}
    return Detail(fact_errors=error_counts(matched), per_label=per_label(system), coverage_words=words, **clinical), matched


def scored_reports(pairs: Pairs, system: Measured) -> list[tuple[float, dict[str, int]]]:
    """Each report's clinical score (its fact F1 where that was not scored) and its errors to act on by kind."""
    scores = system.studies.get("clinical_f1", system.studies["fact_f1"])
    rows = system.statistics.get("clinical")
    errors = [{} for _ in scores] if rows is None else errors_by_report(rows)
    return list(zip(scores.tolist(), errors, strict=True))


def _clinical(pairs: Pairs, statistics: Floats) -> dict[str, Any]:
    """Errors in what is urgent or actionable by kind, and urgent findings missed and invented."""
    total = errors_by_report(statistics.sum(axis=0, keepdims=True))[0]
    return {"errors": {kind: total.get(kind, 0) for kind in ERRORS}, "urgent": urgent_findings(pairs)}


def per_label(system: Measured) -> dict[str, dict[str, LabelRow]]:
    """Precision, recall, F1 and support of each label, by set."""
    scored = [name for name in label_sets() if name in system.statistics]
    return {name: cast("Labels", metric(name)).per_label(system.statistics[name]) for name in scored}


def coverage_words(texts: Sequence[str], language: str) -> Coverage:
    """How much of reports the lexicon knows, in percent (None of no words), and the words it was asked for most in vain."""
    from docphim.language.facts import coverage

    met = coverage(texts[:: len(texts) // LOOKED_AT + 1], language)
    often = sorted(((w, n) for w, n in met.unknown.items() if n >= RARE), key=lambda row: (-row[1], row[0]))
    share = None if met.share is None else round(100 * met.share, 10)
    return Coverage(share, met.known, met.words, [list(row) for row in often[:LISTED]])
