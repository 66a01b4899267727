"""Training losses, one function each; `docphim.train.LOSSES` names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """

    logits: Tensor
    targets: Tensor
    tokens: Tensor
    rows: Tensor


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
    summed = functional.cross_entropy(
        positive.logits.flatten(0, 1).float(), positive.targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return summed / positive.tokens
