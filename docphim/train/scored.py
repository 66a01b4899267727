"""What a training loss is given: the logits of a micro-batch where answers stand, and the counts of the whole step."""

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
    logits : Tensor, shape (rows, columns, vocabulary)
        Only of the columns before which some row has a token of an answer to come.
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
    """

    logits: Tensor
    targets: Tensor
    tokens: Tensor
    rows: Tensor
    places: Tensor | None = None
    progress: float = 1.0
    reference: Tensor | None = None

    def without_rows(self) -> Scored:
        """A side of the same step that this micro-batch has no rows of."""
        none = self.targets.new_zeros(0)
        reference = None if self.reference is None else self.reference[:0]
        return Scored(self.logits.detach()[:0], self.targets[:0], self.tokens, self.rows, none, self.progress, reference)


def nats(side: Scored) -> Tensor:
    """-log p of every target, float32, shape (rows, columns); 0 where no loss is taken."""
    flat, targets = side.logits.flatten(0, 1).float(), side.targets.flatten()
    return functional.cross_entropy(flat, targets, ignore_index=IGNORED, reduction="none").reshape(side.targets.shape)


def means(side: Scored, of_tokens: Tensor) -> Tensor:
    """The mean of what each row's targets have, (rows,), from a value of every target, (rows, columns)."""
    return of_tokens.sum(1) / counts(side).clamp(min=1)


def counts(side: Scored) -> Tensor:
    """How many targets each row has, int64, (rows,)."""
    return torch.count_nonzero(side.targets != IGNORED, 1)
