"""The states of torch's generators: written into checkpoints, and set back where a forward is made once more."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def random_state() -> dict[str, Tensor]:
    """The states of torch's generators, which dropout draws from; everything else here has generators of its own."""
    states = {"cpu": torch.get_rng_state()}
    return {**states, "cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else states


def set_random_state(states: Mapping[str, Tensor]) -> None:
    """Let torch's generators go on from where they were (`random_state`)."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
