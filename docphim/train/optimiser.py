"""AdamW with its groups of parameters, and the learning rate of every step."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import torch
from torch import nn

from docphim.train.settings import TrainSettings

#: Parameters that weight decay leaves alone, by name; with those of `torch.nn.LayerNorm` the same as in transformers' Trainer.
NO_DECAY = re.compile(r"bias|layernorm|rmsnorm|(?:^|\.|_)norm(?:$|\.)", re.IGNORECASE)


def adamw(model: nn.Module, settings: TrainSettings, part: Callable[[str], str] | None = None) -> torch.optim.AdamW:
    """AdamW over the trained parameters; biases and norms are not decayed.

    Parameters
    ----------
    part : callable, optional
        The part of the model that a parameter's name lies in; without it no part has a rate of its own.

    Each group's `peak` is the highest learning rate it gets.
    """
    spared = {f"{name}.{inner}" for name, m in model.named_modules() if isinstance(m, nn.LayerNorm) for inner in m._parameters}
    common = settings.learning_rate
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {(common, True): [], (common, False): []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = settings.rates.get(part(name), common) if part else common
            groups.setdefault((rate, name not in spared and not NO_DECAY.search(name)), []).append(parameter)
    decayed = [
        {"params": ps, "weight_decay": settings.weight_decay if decay else 0.0, "lr": rate, "peak": rate}
        for (rate, decay), ps in groups.items()
    ]
    return torch.optim.AdamW([group for group in decayed if group["params"]], lr=common, fused=True)


def learning_rate(settings: TrainSettings, step: int, steps: int, peak: float | None = None) -> float:
    """The learning rate of a step, counted from 1: a linear warm-up from 0 to `peak` (none: the common one), then the schedule.

    The values are those of `transformers.get_scheduler` (`cosine`, `linear`, `constant_with_warmup`).
    """
    peak = settings.learning_rate if peak is None else peak
    done, warmup = step - 1, settings.warmup_steps(steps)
    if done < warmup:
        return peak * (done / warmup)
    left = max(1, steps - warmup)
    if settings.schedule == "cosine":
        return peak * max(0.0, 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * ((done - warmup) / left))))
    if settings.schedule == "linear":
        return peak * max(0.0, (steps - done) / left)
    return peak
