"""The training loss: cross-entropy of the answers' tokens, summed, over the number of such tokens in the whole batch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from docphim.models.encode import IGNORED


def answer_loss(logits: Tensor, labels: Tensor, columns: Tensor, total: Tensor | int) -> Tensor:
    """Summed cross-entropy of the labelled tokens, divided by how many there are in the global batch.

    Summing before dividing weighs every token alike, however the batch is cut into micro-batches and processes.

    Parameters
    ----------
    logits : Tensor, shape (rows, columns, vocabulary)
        The logits at `columns` only.
    labels : Tensor, int64, shape (rows, length)
        Token ids, `IGNORED` where no loss is taken.
    columns : Tensor, int64, shape (columns,)
        `docphim.models.encode.answer_columns(labels)`: the logits at column c predict the token at c + 1.
    total : int
        Labelled tokens over all micro-batches and processes of the optimiser step.
    """
    targets = labels[:, 1:][:, columns]
    summed = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum")
    return summed / total
