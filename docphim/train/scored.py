"""What a training loss is given: the logits of a micro-batch where answers stand, and the counts of the whole step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


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
    """

    logits: Tensor
    targets: Tensor
    tokens: Tensor
    rows: Tensor
