"""The backward pass of a step on pairs: through both images, or through the own ones alone where no negative pulls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from docphim.train.processes import Processes
from docphim.train.scored import Scored

Loss = Callable[[Mapping[str, Scored]], Tensor]


class Contrast:
    """Makes the gradients of pairs, and counts the negatives that had none (a constraint's capped ones).

    The loss is differentiated up to the logits first.  Where the gradient at every negative's logits is zero, in all processes,
    nothing is sent back through the model for them; else own and other images go back in one pass, so that every parameter gets
    one sum, whichever process makes it.
    """

    def __init__(self, processes: Processes, device: torch.device) -> None:
        self.processes = processes
        self._rows = torch.zeros(2, dtype=torch.long, device=device)

    def backward(self, scored: Mapping[str, Scored], loss: Loss) -> Tensor:
        """Add a micro-batch's gradients; its loss, times the number of processes."""
        leaves = {side: dataclasses.replace(one, logits=one.logits.detach().requires_grad_()) for side, one in scored.items()}
        part = loss(leaves) * self.processes.world
        toward, away = torch.autograd.grad(part, [leaves[side].logits for side in ("positive", "negative")], allow_unused=True)
        rows = len(scored["negative"].logits)
        pulling = torch.zeros(rows, dtype=torch.bool, device=part.device) if away is None else away.flatten(1).any(1)
        self._rows += torch.stack([torch.tensor(rows, device=part.device), rows - pulling.sum()])
        ways = [(scored["positive"].logits, toward)]
        if self.processes.any(bool(pulling.any())) and rows and away is not None:
            ways.append((scored["negative"].logits, away))
        torch.autograd.backward([logits for logits, _ in ways], [gradient for _, gradient in ways])
        return part.detach()

    def silent(self) -> float | None:
        """The share of negatives since the last call that had no gradient, over all processes; None where there was none."""
        rows, silent = self.processes.sum(self._rows).tolist()
        self._rows = torch.zeros_like(self._rows)
        return silent / rows if rows else None
