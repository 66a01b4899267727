"""What a training loss is given: how likely each token of a micro-batch's answers is, and the counts of the whole step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from docphim.models.encode import IGNORED


@dataclass(frozen=True)
class Scored:
    """What the model made of one micro-batch, and how much the optimiser's whole step holds.

    Attributes
    ----------
    odds : Tensor, shape (rows, columns)
        ln(p / (1 - p)) of every target (`docphim.models.odds`), of the columns before which some row has a token of an answer
        to come.  Losses take it by `nats` and `unlikely`.
    targets : Tensor, int64, shape (rows, columns)
        The token that follows each column, `IGNORED` where no loss is taken.
    tokens, rows : Tensor, int64, shape ()
        Answer tokens, and rows, over all micro-batches and processes of the step: what a sum is divided by, so that the loss
        does not depend on how a step is cut up.
    places : Tensor, int64, shape (rows,), or None
        Of a negative side, the row of the positive side that each belongs to; None: row by row.
    reference : Tensor, float64, shape (rows,), or None
        Of each row -log p of all its targets before the first step; None where the loss does not ask (`options.REFERRING`).
    progress : float
        How much of the training's steps this one ends, above 0 and up to 1.
    others : Tensor, shape (rows, columns), or None
        Σ (p_k / (1 - p))² over the tokens k that are not the target, without a gradient: by it `pull` is known.
    vocabulary : int
        How many tokens there are.
    """

    odds: Tensor
    targets: Tensor
    tokens: Tensor
    rows: Tensor
    places: Tensor | None = None
    progress: float = 1.0
    reference: Tensor | None = None
    others: Tensor | None = None
    vocabulary: int = 2

    def without_rows(self) -> Scored:
        """A side of the same step that this micro-batch has no rows of."""
        none = self.targets.new_zeros(0)
        reference = None if self.reference is None else self.reference[:0]
        others = None if self.others is None else self.others[:0]
        odds, targets = self.odds.detach()[:0], self.targets[:0]
        return Scored(odds, targets, self.tokens, self.rows, none, self.progress, reference, others, self.vocabulary)


def nats(side: Scored) -> Tensor:
    """-log p of every target, float32, shape (rows, columns); 0 where no loss is taken."""
    return torch.where(side.targets == IGNORED, 0.0, -functional.logsigmoid(side.odds.float()))


def unlikely(side: Scored) -> Tensor:
    """-log(1 - p) of every target, float32, shape (rows, columns); 0 where no loss is taken."""
    return torch.where(side.targets == IGNORED, 0.0, -functional.logsigmoid(-side.odds.float()))


def pull(side: Scored) -> Tensor:
    """The norm of p - 1_y at every target's logits, without a gradient, shape (rows, columns)."""
    if side.others is None:
        raise ValueError("nothing is known of the tokens that are not the target")
    return torch.sigmoid(-side.odds.detach().float()) * (1 + side.others).sqrt()


def means(side: Scored, of_tokens: Tensor) -> Tensor:
    """The mean of what each row's targets have, (rows,), from a value of every target, (rows, columns)."""
    return of_tokens.sum(1) / counts(side).clamp(min=1)


def counts(side: Scored) -> Tensor:
    """How many targets each row has, int64, (rows,)."""
    return torch.count_nonzero(side.targets != IGNORED, 1)
