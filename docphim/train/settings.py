"""The optimiser's settings, flat, and the steps at which something happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrainSettings:
    """What a recipe's `train` section says; see docs/recipes.md for each."""

    epochs: float = 1
    max_steps: int | None = None
    loss: dict[str, Any] = field(default_factory=lambda: {"kind": "answers"})
    pairs: str = "none"
    conflicts_only: bool = False
    augment: list[str] = field(default_factory=list)
    learning_rate: float = 3e-5
    rates: dict[str, float] = field(default_factory=dict)
    schedule: str = "cosine"
    warmup: float = 0.03
    weight_decay: float = 0.0
    batch_size: int = 8
    accumulate: int = 1
    max_grad_norm: float = 1.0
    max_length: int = 4096
    precision: str = "auto"
    gradient_checkpointing: bool = False
    compile: bool = False
    blind: bool = False
    cache_features: bool = False
    evaluations: int = 5
    keep_best: str = "val/loss"
    patience: int | None = None
    val_examples: int = 200
    trackers: dict[str, str | None] = field(default_factory=dict)
    workers: int = 0
    processes: int = 1
    shard: str = "none"
    seed: int = 0

    @property
    def aligns(self) -> bool:
        """Whether images are trained to meet their reports, and no answer is learnt."""
        return str(self.loss["kind"]) == "clip"

    def warmup_steps(self, steps: int) -> int:
        """Steps of a training of `steps` in which the learning rate rises."""
        return round(self.warmup * steps)


def points(steps: int, count: int) -> list[int]:
    """`count` evenly spaced steps of a training, the last one always among them."""
    return sorted({max(1, round(steps * i / count)) for i in range(1, count + 1)})
