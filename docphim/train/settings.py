"""The optimiser's settings, flat, and what transformers' Trainer is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import TrainingArguments

_SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


@dataclass(frozen=True)
class TrainSettings:
    """What a recipe's `train` section says; see docs/recipes.md for each."""

    epochs: float = 1
    max_steps: int | None = None
    learning_rate: float = 3e-5
    schedule: str = "cosine"
    warmup: float = 0.03
    weight_decay: float = 0.0
    batch_size: int = 8
    accumulate: int = 1
    max_grad_norm: float = 1.0
    max_length: int = 4096
    precision: str = "auto"
    gradient_checkpointing: bool = False
    blind: bool = False
    evaluations: int = 5
    keep_best: str = "val/loss"
    val_examples: int = 200
    workers: int = 0
    processes: int = 1
    seed: int = 0


def arguments(settings: TrainSettings, folder: Path, steps: int) -> TrainingArguments:
    """Trainer's arguments for a training of so many steps.

    Logging, evaluation and saving are ours, so Trainer's are off; mixed precision is the model's own (`Loaded.autocast`).
    """
    args = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=_SCHEDULES[settings.schedule],
        warmup_steps=round(settings.warmup * steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim="adamw_torch_fused",
        seed=settings.seed,
        use_cpu=not torch.cuda.is_available(),
        average_tokens_across_devices=True,
        # LLaVA leaves its last vision layers unused, and a blind batch all of them.
        ddp_find_unused_parameters=True,
        remove_unused_columns=False,
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
    )
    # Without torchrun several GPUs would mean DataParallel, which splits what the collator has put together.
    args._n_gpu = min(1, args.n_gpu)
    return args


def points(steps: int, count: int) -> list[int]:
    """`count` evenly spaced steps of a training, the last one always among them."""
    return sorted({max(1, round(steps * i / count)) for i in range(1, count + 1)})
