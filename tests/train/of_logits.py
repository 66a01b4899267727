"""Sides of a loss made of logits that a test has written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from docphim.models.odds import log_odds
from docphim.train.scored import Scored


@dataclass(frozen=True)
class OfLogits(Scored):
    """A side that keeps its logits (rows, columns, vocabulary), in whatever precision they have."""

    logits: torch.Tensor | None = None


def of_logits(logits: torch.Tensor, targets: torch.Tensor, *counts: torch.Tensor, **more: Any) -> OfLogits:
    """A side of these logits; `more`: the other fields of `Scored`."""
    odds, others = log_odds(logits, targets.clamp(min=0)).unbind(-1)
    more |= {"others": others.detach(), "vocabulary": logits.shape[-1], "logits": logits}
    return OfLogits(odds, targets, *counts, **more)


def with_logits(side: OfLogits, logits: torch.Tensor) -> OfLogits:
    """The same side of other logits."""
    made = of_logits(logits, side.targets, side.tokens, side.rows)
    return replace(side, odds=made.odds, others=made.others, logits=logits)
