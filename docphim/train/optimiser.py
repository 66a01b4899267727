"""AdamW with its two groups of parameters, and the learning rate of every step."""

from __future__ import annotations

import math
import re

import torch
from torch import nn

from docphim.train.settings import TrainSettings

#: Parameters that weight decay leaves alone, by name; with those of `torch.nn.LayerNorm` the same as in transformers' Trainer.
NO_DECAY = re.compile(r"bias|layernorm|rmsnorm|(?:^|\.|_)norm(?:$|\.)", re.IGNORECASE)


def adamw(model: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW over the trained parameters; biases and norms are not decayed."""
    spared = {f"{name}.{inner}" for name, m in model.named_modules() if isinstance(m, nn.LayerNorm) for inner in m._parameters}
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[name not in spared and not NO_DECAY.search(name)].append(parameter)
    decayed = [{"params": ps, "weight_decay": settings.weight_decay if decay else 0.0} for decay, ps in groups.items()]
    return torch.optim.AdamW([group for group in decayed if group["params"]], lr=settings.learning_rate, fused=True)


def learning_rate(settings: TrainSettings, step: int, steps: int) -> float:
    """The learning rate of a step, counted from 1: a linear warm-up from 0, then the schedule.

    The values are those of `transformers.get_scheduler` (`cosine`, `linear`, `constant_with_warmup`).
    """
    done, warmup = step - 1, settings.warmup_steps(steps)
    if done < warmup:
        return settings.learning_rate * (done / warmup)
    left = max(1, steps - warmup)
    if settings.schedule == "cosine":
        return settings.learning_rate * max(0.0, 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * ((done - warmup) / left))))
    if settings.schedule == "linear":
        return settings.learning_rate * max(0.0, (steps - done) / left)
    return settings.learning_rate
