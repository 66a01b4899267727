"""Other tools' conventions (`docphim score --convention NAME`): their values, quirks included, so that a table can be checked.

The counting is Docphim's own; only what a tool does with the counts is here.  docs/metrics.md has the definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from docphim.errors import UsageError
from docphim.language.tokens import rule
from docphim.metrics import bleu, chrf, rouge
from docphim.metrics.cider import SIGMA, cider
from docphim.metrics.family import Kind, Title
from docphim.metrics.pairs import ORDERS, Floats, Pairs

#: What Docphim's own convention may count; the first unless told.
TOKEN_RULES = ("syllable", "word")

#: The weight of recall in coco's ROUGE-L, and what its BLEU adds to counts so that nothing is divided by 0.
_BETA, _TINY, _SMALL = 1.2, 1e-15, 1e-9


@dataclass(frozen=True)
class Family:
    """A metric family made of functions; the fields are those of `docphim.metrics.Metric`."""

    KEYS: tuple[str, ...]
    PER_STUDY: tuple[str, ...]
    AVERAGE: str
    SETTINGS: dict[str, str]
    statistics: Callable[[Pairs], Floats]
    aggregate: Callable[[Floats], Floats]
    per_study: Callable[[Floats], Floats]
    TITLES: dict[str, Title] = field(default_factory=dict)
    HEAD: tuple[str, ...] = ()
    AT_LENGTH: tuple[str, ...] = ()
    KIND: Kind = "wording"
    SERVES: Literal["reports"] = "reports"
    LEXICON: bool = False


@dataclass(frozen=True)
class Convention:
    """How a tool cuts text (a rule of `docphim.language.tokens.RULES`), and its families by their names in `PARITY`."""

    tokens: str
    families: tuple[str, ...]


#: What `--convention` may be, beside `docphim`.
CONVENTIONS: dict[str, Convention] = {
    "rouge-score-default": Convention("rouge-score", ("rouge_score",)),
    "rouge-score-stemmer": Convention("rouge-score-stemmer", ("rouge_score_stemmer",)),
    "sacrebleu-13a": Convention("13a", ("sacrebleu", "sacrebleu_sentence", "sacrebleu_chrf")),
    "coco": Convention("whitespace", ("coco_bleu", "coco_rouge", "coco_cider")),
    "vipet": Convention("syllable", ("vipet",)),
}


def choose(convention: str, language: str, tokens: str = "syllable") -> tuple[str, tuple[str, ...] | None]:
    """The rule by which `Pairs` are to be cut, and the families for `measure` (None: Docphim's own).

    Parameters
    ----------
    convention : str
        `docphim` or one of `CONVENTIONS`.
    tokens : str
        What Docphim's own convention counts: one of `TOKEN_RULES`.

    Raises
    ------
    UsageError
        Unknown convention, tokens or language; tokens chosen for another tool's convention; a package is not installed.
    """
    if tokens not in TOKEN_RULES:
        raise UsageError(f"--tokens {tokens}: must be one of {', '.join(TOKEN_RULES)}")
    families: tuple[str, ...] | None = None
    if convention != "docphim":
        if convention not in CONVENTIONS:
            raise UsageError(f"--convention {convention}: must be one of docphim, {', '.join(CONVENTIONS)}")
        if tokens != TOKEN_RULES[0]:
            raise UsageError(f"--tokens {tokens}: is for the convention docphim; {convention} cuts text in its own way")
        tokens, families = CONVENTIONS[convention].tokens, CONVENTIONS[convention].families
    rule(tokens, language)
    return tokens, families


def mean(sums: Floats) -> Floats:
    """Sums of (values 0 … 1, a one) over reports, (…, k + 1), to their means in percent, (…, k)."""
    return 100 * sums[..., :-1] / np.maximum(sums[..., -1:], 1)


def sacrebleu(sums: Floats, *, effective: bool = False) -> Floats:
    """Sums of `bleu.statistics`, (…, 10), to sacrebleu's BLEU-4 with its default smoothing, (…, 1).

    The k-th order without a match counts as 1/2ᵏ of one (`exp`).  An order without n-grams makes the score 0, or with
    `effective` ends the orders.
    """
    shared, total = sums[..., :ORDERS], sums[..., ORDERS : 2 * ORDERS]
    counted = total > 0
    smoothed = np.where(shared > 0, shared, 0.5 ** np.cumsum(shared == 0, axis=-1))
    logs = np.where(counted, np.log(smoothed / np.maximum(total, 1)), 0).sum(axis=-1)
    orders = counted.sum(axis=-1) if effective else ORDERS
    scored = (shared > 0).any(axis=-1) & (effective | counted.all(axis=-1))
    return np.where(scored, 100 * bleu.brevity(sums) * np.exp(logs / np.maximum(orders, 1)), 0)[..., None]


def coco_bleu(sums: Floats) -> Floats:
    """Sums of `bleu.statistics`, (…, 10), to coco's BLEU-1 … 4 in percent, (…, 4): counts that are 0 are not quite 0."""
    shared, total = sums[..., :ORDERS], sums[..., ORDERS : 2 * ORDERS]
    ratio = (sums[..., -2] + _TINY) / (sums[..., -1] + _SMALL)
    precision = np.cumprod((shared + _TINY) / (total + _SMALL), axis=-1) ** (1 / np.arange(1, ORDERS + 1))
    return 100 * precision * np.exp(np.minimum(0, 1 - 1 / ratio))[..., None]


def coco_rouge_l(pairs: Pairs) -> Floats:
    """Each report's ROUGE-L as coco has it, 0 … 1, (n,): cut at single blanks, so that an empty text is one empty token."""
    cut = Pairs(pairs.references, pairs.predictions, pairs.language, "blank")
    reference, predicted = cut.lengths
    # F = (1 + β²)PR / (R + β²P), with P = common/predicted and R = common/reference.
    return (1 + _BETA**2) * cut.subsequences / (predicted + _BETA**2 * reference)


def _signed(convention: str, tool: str, **settings: str) -> dict[str, str]:
    return {"convention": convention, "tool": tool, **settings}


def _averaged(key: str, settings: dict[str, str], values: Callable[[Pairs], Floats]) -> Family:
    """One value per report (0 … 1), averaged."""

    def statistics(pairs: Pairs) -> Floats:
        return np.stack([values(pairs), np.ones(len(pairs))], axis=1)

    return Family((key,), (key,), "mean", settings, statistics, mean, mean)


def _rouge(convention: str, stem: str, suffix: str = "") -> Family:
    keys = tuple(key + suffix for key in rouge.KEYS)
    settings = _signed(convention, "rouge-score-0.1.2", **{**rouge.SETTINGS, "stem": stem})
    return Family(keys, keys, rouge.AVERAGE, settings, rouge.statistics, rouge.aggregate, rouge.per_study)


def _sacrebleu(**settings: str) -> dict[str, str]:
    return _signed("sacrebleu-13a", "sacrebleu-2.6.0", **settings)


def _coco(**settings: str) -> dict[str, str]:
    return _signed("coco", "pycocoevalcap-1.2", **settings)


def _sentence_bleu(pairs: Pairs) -> Floats:
    return sacrebleu(bleu.statistics(pairs), effective=True)[:, 0] / 100


def _chrf_counts(pairs: Pairs) -> Floats:
    return chrf.statistics(Pairs(pairs.references, pairs.predictions, pairs.language, "chrf"))


def _chrf_both(sums: Floats) -> Floats:
    return np.stack([chrf.f2(sums, chrf.CHARACTERS), chrf.f2(sums, chrf.CHARACTERS + chrf.WORDS)], axis=-1)


ROUGE_SCORE = _rouge("rouge-score-default", "no")
ROUGE_SCORE_STEMMER = _rouge("rouge-score-stemmer", "porter", "_stem")
SACREBLEU = Family(
    ("bleu",), (), "corpus", _sacrebleu(smooth="exp", eff="no"), bleu.statistics, sacrebleu, lambda rows: rows[:, :0]
)
SACREBLEU_SENTENCE = _averaged("sentence_bleu", _sacrebleu(smooth="exp", eff="yes"), _sentence_bleu)
SACREBLEU_CHRF = Family(
    ("chrf2", "chrf2pp"),
    ("sentence_chrf2", "sentence_chrf2pp"),
    "corpus",
    _sacrebleu(tok="chrf", nc=str(chrf.CHARACTERS), f="2", eff="yes"),  # the key says whether words count
    _chrf_counts,
    _chrf_both,
    _chrf_both,
)
COCO_BLEU = Family(
    bleu.KEYS,
    tuple(f"sentence_{key}" for key in bleu.KEYS),
    "corpus",
    _coco(smooth="tiny", eff="no"),
    bleu.statistics,
    coco_bleu,
    coco_bleu,
)
COCO_ROUGE = _averaged("rougeL", _coco(f=str(_BETA), stem="no", tok="blank"), coco_rouge_l)
COCO_CIDER = _averaged("cider", _coco(sigma=f"{SIGMA:g}", df="references"), cider)
