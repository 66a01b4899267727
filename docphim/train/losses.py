"""Training losses, one function each; `docphim.train.LOSSES` names them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from docphim.models.encode import IGNORED
from docphim.train.scored import Scored


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
