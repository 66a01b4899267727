"""BERTScore: each token beside the most similar one of the other text, by a local encoder (`--metrics bertscore:FOLDER`).

P is the mean over the tokens of the draft of the greatest cosine with a token of the reference, R the same of the reference, F
their harmonic mean (Zhang et al., ICLR 2020, without idf weights and without rescaling to a baseline); averaged over reports.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from docphim.errors import UsageError
from docphim.metrics.family import Kind, Title
from docphim.metrics.pairs import Floats, Pairs

if TYPE_CHECKING:
    from docphim.models.embed import Encoder, Vectors

KEYS = ("bertscore_f1", "bertscore_precision", "bertscore_recall")
PER_STUDY = ("bertscore_f1",)
AVERAGE = "mean"
SETTINGS = {"tok": "encoder", "match": "greedy-cosine", "idf": "no", "rescale": "no", "empty": "0"}
KIND: Kind = "wording"
SERVES, LEXICON = "asked", False
HEAD = ()
AT_LENGTH = ("bertscore_precision", "bertscore_recall")
TITLES = {
    "bertscore_f1": Title("BERTScore F1", "BERTScore F1", "BERTScore"),
    "bertscore_precision": Title("BERTScore, độ chính xác", "BERTScore precision"),
    "bertscore_recall": Title("BERTScore, độ bao phủ", "BERTScore recall"),
}
#: Between a folder and a layer: `bertscore:FOLDER@9`.
_LAYER = "@"
#: So many texts' vectors are remembered: the next pair may hold one of them again.
_REMEMBERED = 64


def statistics(pairs: Pairs) -> Floats:
    """Nothing can be scored without weights.

    Raises
    ------
    UsageError
        Always: `bertscore` makes the family of some weights.
    """
    raise UsageError("bertscore: name the folder of its weights, as in bertscore:~/weights/xlm-roberta-base")


def aggregate(sums: Floats) -> Floats:
    """Sums of `BertScore.statistics` over reports, (…, 4), to the means in percent, (…, 3)."""
    return 100 * sums[..., :3] / np.maximum(sums[..., 3:], 1)


def per_study(statistics: Floats) -> Floats:
    """One report's F in percent, (n, 1)."""
    return 100 * statistics[:, :1]


class BertScore:
    """The family of some weights: `metric("bertscore:FOLDER@LAYER")` is `BertScore("FOLDER@LAYER")`."""

    KEYS, PER_STUDY, AVERAGE, SETTINGS, KIND, SERVES, LEXICON = KEYS, PER_STUDY, AVERAGE, SETTINGS, KIND, SERVES, LEXICON
    HEAD, AT_LENGTH, TITLES = HEAD, AT_LENGTH, TITLES

    def __init__(self, weights: str) -> None:
        self.weights = weights

    @functools.cached_property
    def encoder(self) -> Encoder:
        """The encoder; loaded when it is first asked for.

        Raises
        ------
        UsageError
            The layer is no number.
        Refused
            As `docphim.models.embed.Encoder`.
        """
        folder, _, layer = self.weights.rpartition(_LAYER) if _LAYER in self.weights else (self.weights, "", "")
        if layer and not layer.isdecimal():
            raise UsageError(f"bertscore:{self.weights}: the layer behind @ is a number")
        from docphim.models.embed import Encoder  # here: scoring starts without torch

        return Encoder(folder, int(layer) if layer else None)

    def settings(self, language: str) -> dict[str, str]:
        """The signature's fields: fingerprints of weights and tokenizer, the layer, the window; no folder's name."""
        encoder = self.encoder
        return SETTINGS | encoder.fingerprints | {"layer": str(encoder.layer), "window": str(encoder.longest)}

    def statistics(self, pairs: Pairs) -> Floats:
        """Per report F, P, R (0 … 1) and a one, (n, 4); an empty text has no token that another could be like."""
        vectors = functools.lru_cache(maxsize=_REMEMBERED)(self.encoder.vectors)
        rows = []
        for reference, draft in zip(pairs.references, pairs.predictions, strict=True):
            empty = not (reference.strip() and draft.strip())
            rows.append((0.0, 0.0, 0.0, 1.0) if empty else (*_score(vectors(reference), vectors(draft)), 1.0))
        return np.array(rows, dtype=float).reshape(len(rows), 4)

    def aggregate(self, sums: Floats) -> Floats:
        """`aggregate` of this module."""
        return aggregate(sums)

    def per_study(self, statistics: Floats) -> Floats:
        """`per_study` of this module."""
        return per_study(statistics)


def _score(reference: Vectors, draft: Vectors) -> tuple[float, float, float]:
    """F, P and R.  The signs around a text may be the most like, as in the reference implementation, and weigh nothing."""
    alike = draft.unit @ reference.unit.T
    precision = float(alike.max(axis=1)[draft.words].mean()) if draft.words.any() else 0.0
    recall = float(alike.max(axis=0)[reference.words].mean()) if reference.words.any() else 0.0
    both = precision + recall
    return (2 * precision * recall / both if both else 0.0), precision, recall


@functools.cache
def bertscore(weights: str) -> BertScore:
    """The family of these weights."""
    return BertScore(weights)
