"""The backward pass of a step on pairs: through both images, or through the own ones alone where no negative pulls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from docphim.models.loaded import Loaded
from docphim.train import mine
from docphim.train.processes import Processes
from docphim.train.scored import Scored
from docphim.train.settings import TrainSettings

if TYPE_CHECKING:
    from docphim.train.pairs import Pairs

Loss = Callable[[Mapping[str, Scored]], Tensor]


class Contrast:
    """Makes the gradients of pairs, and counts the negatives that had none (a constraint's capped ones).

    The loss is differentiated up to the odds first.  Where the gradient at every negative's odds is zero, in all processes,
    nothing is sent back through the model for them; else own and other images go back in one pass, so that every parameter gets
    one sum, whichever process makes it.
    """

    def __init__(self, loaded: Loaded, pairs: Pairs, settings: TrainSettings, processes: Processes) -> None:
        self.loaded, self.pairs, self.settings, self.processes = loaded, pairs, settings, processes
        self._rows = torch.zeros(2, dtype=torch.long, device=loaded.device)

    @property
    def mined(self) -> bool:
        """Whether at every validation other negatives may be chosen."""
        return self.settings.pairs == "mined"

    def backward(self, scored: Mapping[str, Scored], loss: Loss) -> Tensor:
        """Add a micro-batch's gradients; its loss, times the number of processes."""
        leaves = {side: dataclasses.replace(one, odds=one.odds.detach().requires_grad_()) for side, one in scored.items()}
        part = loss(leaves) * self.processes.world
        toward, away = torch.autograd.grad(part, [leaves[side].odds for side in ("positive", "negative")], allow_unused=True)
        pulling = _pulling(away, scored["negative"].odds)
        rows = len(pulling)
        self._rows += torch.stack([torch.tensor(rows, device=part.device), rows - pulling.sum()])
        ways = [(scored["positive"].odds, toward)]
        negative = scored["negative"].odds
        # One without rows hangs on the model where other processes wait for this one's pass (`join` of `loop.score`).
        if self.processes.any(bool(pulling.any())) and negative.requires_grad:
            ways.append((negative, torch.zeros_like(negative) if away is None else away))
        torch.autograd.backward([odds for odds, _ in ways], [gradient for _, gradient in ways])
        return part.detach()

    def renewed(self) -> dict[str, float]:
        """Choose mined negatives anew; `capped`, the share of negatives since the last call that had no gradient."""
        if self.mined:
            mine.mine(self.loaded, self.pairs, self.settings.batch_size, self.processes)
        rows, silent = self.processes.sum(self._rows).tolist()
        self._rows = torch.zeros_like(self._rows)
        return {"capped": silent / rows} if rows else {}

    def save(self, folder: Path) -> None:
        """Write into a checkpoint what is chosen, in the first process, where it may change."""
        if self.mined and self.processes.first:
            mine.save(self.pairs, folder)

    def load(self, folder: Path) -> None:
        """Choose as when a checkpoint was written."""
        if self.mined:
            mine.load(self.pairs, folder)


def _pulling(gradient: Tensor | None, odds: Tensor) -> Tensor:
    """Which rows have a gradient at their odds, bool, (rows,)."""
    if gradient is None:
        return torch.zeros(len(odds), dtype=torch.bool, device=odds.device)
    return gradient.any(1)


def compares(loss: Loss) -> bool:
    """Whether a loss looks at negatives; it is asked about a row of one token.

    Raises
    ------
    UsageError
        An option of it is wrong.
    """
    asked: set[str] = set()
    one = torch.ones((), dtype=torch.long)
    places, reference = torch.zeros(1, dtype=torch.long), torch.zeros(1, dtype=torch.float64)
    side = Scored(torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.long), one, one, places, 1.0, reference, torch.zeros(1, 1))

    class Sides(dict[str, Scored]):
        def __missing__(self, name: str) -> Scored:
            asked.add(name)
            return side

    loss(Sides())
    return "negative" in asked
