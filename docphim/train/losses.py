"""Training losses, one function each; `docphim.train.LOSSES` names them.

In the formulas a row is an answer of T tokens; CE⁺ is the mean of -log p over them beside the patient's own image, CE⁻ beside
the negative one (of `train.pairs`; with `train.conflicts_only` over the tokens of contradicted sentences alone, T⁻ of them).  N
is the number of answer tokens beside own images in the whole step, over all micro-batches and processes: nothing else
normalises (but the number of pairs, also of the whole step, where pairs are preferred), so that a step's loss does not depend
on how it is cut up, and a token weighs the same in every row.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from docphim.errors import UsageError
from docphim.train import options
from docphim.train.scored import Scored, counts, means, nats, pull, unlikely

#: A weight that may grow in a straight line: `{"from": 0, "to": 0.1, "until": 0.5}`, `until` a share of the steps.
Weight = float | Mapping[str, float]


def answers(scored: Mapping[str, Scored]) -> Tensor:
    """Cross-entropy of the answers: every token of the step weighs the same.

    Parameters
    ----------
    scored : mapping of str to Scored
        `positive`: the examples with their own images.  A loss that compares images will find the same examples with another
        image beside it.

    Returns
    -------
    Tensor, float32, shape ()
        This micro-batch's part of the step's loss; the parts of all micro-batches and processes add up to it.
    """
    positive = scored["positive"]
    return nats(positive).sum() / positive.tokens


def constraint(
    scored: Mapping[str, Scored],
    *,
    alpha: float = 1.0,
    beta: Weight = 0.1,
    max_loss: float | None = None,
    max_gradient: float | None = None,
) -> Tensor:
    """Contrast by ascent: Σ over rows of (α T CE⁺ - β T⁻ min(CE⁻, max_loss)) / N.

    Source: the loss of the chest CT system with Gaussian and heterogeneous negatives, whose paper leaves the cap undefined;
    here it stands on a row's mean.

    Gradient at the logits z of a token y, with p = softmax(z): α (p - 1_y) / N beside the own image; -β (p - 1_y) / N beside
    the negative one while CE⁻ < max_loss, and exactly zero beyond.  It does not fade as p_y goes to 0: each token is pushed on
    with all its force until the row's mean reaches the cap.

    Parameters
    ----------
    alpha, beta : float
        Weights; `beta` may be a ramp, `{"from": 0, "to": 0.1, "until": 0.5}`.
    max_loss : float, optional
        Nats a token.  None: ln of the vocabulary, what a model that knows nothing has.
    max_gradient : float, optional
        What the norm of (p - 1_y) may be at most at a negative's token, between 0 and √2.
    """
    positive, negative = scored["positive"], _bounded(scored["negative"], max_gradient)
    cap = math.log(negative.vocabulary) if max_loss is None else max_loss
    mean = means(negative, nats(negative))
    mean = mean if (mean < cap).any() else mean.detach()  # nothing pulls: its gradient, all zeros, need not be worked out
    pushed = (counts(negative) * mean.clamp(max=cap)).sum()
    return alpha * answers(scored) - weight(beta, positive.progress) * pushed / positive.tokens


def unlikelihood(scored: Mapping[str, Scored], *, alpha: float = 1.0, beta: Weight = 0.1) -> Tensor:
    """Unlikelihood beside the negative image: Σ over tokens of (α (-log p⁺_y) + β (-log(1 - p⁻_y))) / N.

    Source: unlikelihood training (Welleck and others, 2020), taken to images.

    Gradient at the logits beside the negative image: -β p_y/(1 - p_y) (p - 1_y) / N.  It fades with p_y, so that a token that
    has become unlikely is left alone.

    Parameters
    ----------
    alpha, beta
        As in `constraint`.
    """
    positive, negative = scored["positive"], scored["negative"]
    pushed = unlikely(negative).sum()
    return alpha * answers(scored) + weight(beta, positive.progress) * pushed / positive.tokens


def margin(
    scored: Mapping[str, Scored],
    *,
    alpha: float = 1.0,
    beta: Weight = 0.1,
    margin: float = 1.0,
    max_gradient: float | None = None,
) -> Tensor:
    """A margin between the images: Σ over rows of (α T CE⁺ + β T⁻ max(0, margin - (CE⁻ - CE⁺))) / N.

    Source: the hinge of metric learning.  In the second term CE⁺ is held fixed (no gradient flows into it): else the hinge
    would count as more of the first.

    Gradient at the logits beside the negative image: -β (p - 1_y) / N while CE⁻ - CE⁺ < margin, else zero.  Where a row is
    taken on contradicted sentences alone its CE⁺ is still that of the whole answer.

    Parameters
    ----------
    alpha, beta, max_gradient
        As in `constraint`.
    margin : float
        Nats a token.
    """
    positive, negative = scored["positive"], _bounded(scored["negative"], max_gradient)
    fixed = means(positive, nats(positive)).detach()
    fixed = fixed if negative.places is None else fixed[negative.places]
    short = (margin - (means(negative, nats(negative)) - fixed)).clamp(min=0)
    return alpha * answers(scored) + weight(beta, positive.progress) * (counts(negative) * short).sum() / positive.tokens


def simnpo(
    scored: Mapping[str, Scored], *, alpha: float = 1.0, beta: Weight = 0.1, sharpness: float = 2.5, margin: float = 0.0
) -> Tensor:
    """Preference without a chosen answer or a reference: Σ over rows of (α T CE⁺ + β T⁻ (-2/s) ln σ(s CE⁻ - margin)) / N.

    Source: SimNPO (Fan and others, 2024, "Simplicity prevails: rethinking negative preference optimization for LLM
    unlearning"), whose β is s here and whose γ is `margin`; what is to be forgotten there stands here beside another image.

    Gradient at the logits beside the negative image: -2 β σ(margin - s CE⁻) (p - 1_y) / N.  It fades as the row's CE⁻ grows,
    whatever the length of the answer; s says how fast, `margin` (in units of s CE⁻) how late.

    Parameters
    ----------
    alpha, beta
        As in `constraint`.
    sharpness : float
        s, above 0, per nat a token.
    """
    positive, negative = scored["positive"], scored["negative"]
    rows = -2 / sharpness * functional.logsigmoid(sharpness * means(negative, nats(negative)) - margin)
    return alpha * answers(scored) + weight(beta, positive.progress) * (counts(negative) * rows).sum() / positive.tokens


def mdpo(
    scored: Mapping[str, Scored], *, alpha: float = 1.0, beta: Weight = 0.1, sharpness: float = 0.1, anchor: float = 0.0
) -> Tensor:
    """Conditional preference: α Σ T CE⁺ / N + β Σ over pairs of (-ln σ(s (Δ⁺ - Δ⁻)) - ln σ(s Δ⁺ - anchor)) / P.

    Δ is by how many nats the model finds a whole answer likelier than the reference does, which is the model before its first
    step: Δ⁺ beside the own image, Δ⁻ beside the negative one; P is the number of pairs in the whole step.  The first term wants
    Δ⁺ above Δ⁻, the second (the anchor) that Δ⁺ itself does not fall on the way.

    Source: mDPO (Wang and others, 2024, "mDPO: conditional preference optimization for multimodal large language models"), its
    CoPO and AncPO terms with β as s and δ as `anchor`; its third compares two answers, of which a report has one.

    Gradients at the logits, with u = s (Δ⁺ - Δ⁻) and a = s Δ⁺ - anchor: β s (σ(-u) + σ(-a)) (p - 1_y) / P beside the own image,
    -β s σ(-u) (p - 1_y) / P beside the negative one.  Both fade once a pair is told apart.

    Parameters
    ----------
    alpha, beta
        As in `constraint`.
    sharpness : float
        s, above 0, per nat.
    """
    positive, negative = scored["positive"], scored["negative"]
    toward, away = _gained(positive), _gained(negative)
    toward = toward if negative.places is None else toward[negative.places]
    pairs = -functional.logsigmoid(sharpness * (toward - away)) - functional.logsigmoid(sharpness * toward - anchor)
    preference = pairs.sum().float() / negative.rows.clamp(min=1)
    return alpha * answers(scored) + weight(beta, positive.progress) * preference


def weight(value: Weight, progress: float) -> float:
    """A weight at a share of the training's steps; a ramp starts at `from` (0) and is at `to` from `until` (1) on.

    Raises
    ------
    UsageError
        It is neither a number, 0 or more, nor such a ramp.
    """
    try:
        read = options.weight(value)
    except ValueError as allowed:
        raise UsageError(f"train.loss.beta: {allowed}") from None
    if isinstance(read, float):
        return read
    first, last, until = read["from"], read["to"], read["until"]
    return first + (last - first) * min(1.0, progress / until)


def _gained(side: Scored) -> Tensor:
    """Δ of every row, float64, (rows,)."""
    if side.reference is None:
        raise ValueError("mdpo is given no likelihoods of a reference model")
    return side.reference - nats(side).double().sum(1)


def _bounded(side: Scored, most: float | None) -> Scored:
    """The same side, whose logits pass on to a token at most `most` of (p - 1_y), by its norm; its values do not change."""
    if most is None:
        return side
    share = (most / pull(side).clamp(min=1e-12)).clamp(max=1)
    fixed = side.odds.detach()
    return dataclasses.replace(side, odds=fixed + share * (side.odds - fixed))


def clip(scored: Mapping[str, Scored]) -> Tensor:
    """Symmetric cross-entropy of every image among all reports, and of every report among all images of a step.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", figure 3 (the loss is
    InfoNCE of van den Oord et al. 2018, both ways), with a temperature that is learnt.

    Parameters
    ----------
    scored : mapping of str to Scored
        `positive`: of each image the odds of its own report among all, (n, 1); `reports`: of each report those of its own image
        (`align.sides`).
    """
    images, reports = scored["positive"], scored["reports"]
    return (nats(images).sum() + nats(reports).sum()) / (2 * images.rows)
