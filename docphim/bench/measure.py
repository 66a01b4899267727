"""`docphim bench`: steps of a recipe's model with random weights: how fast, how much memory, and what limits it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from docphim.bench.flops import flops_of_step, matmul_flops, peak_flops
from docphim.bench.made_up import MadeUp, texts
from docphim.bench.spent import device_time, synchronise
from docphim.files import read_examples
from docphim.models import decode
from docphim.models.encode import Encoded, collate
from docphim.models.loaded import Loaded
from docphim.models.tune import part_in, what_trains
from docphim.train import loop
from docphim.train.ahead import Ahead
from docphim.train.batch import Batch, Collate, Examples, lengths, loader, plan
from docphim.train.compiled import compile_blocks, uncompiled
from docphim.train.log import memory_mb
from docphim.train.model import open_random
from docphim.train.optimiser import adamw
from docphim.train.processes import Processes
from docphim.train.recompute import recompute
from docphim.train.settings import TrainSettings

#: Steps before the clock starts: the first ones choose kernels and fill the allocator.
WARM = 3


@dataclass(frozen=True)
class Amount:
    """How much is measured: optimiser steps and new tokens of an answer; and, where no dataset is built, what is made up.

    Attributes
    ----------
    tokens, frames : int
        Length of a made-up example in tokens, and how many pictures it shows: one is a film, more are a stack of slices.
    """

    steps: int = 10
    new_tokens: int = 64
    tokens: int = 600
    frames: int = 1


def bench(
    dataset: Path | None, *, model: dict[str, Any], train: dict[str, Any], loss: loop.Loss, amount: Amount
) -> dict[str, Any]:
    """Measure training steps and answers of a model that has a recipe's architecture and random weights.

    Nothing is written, and no weights are read: `config.json` and the tokenizer's files are enough.

    Parameters
    ----------
    dataset : Path or None
        A built dataset, whose training examples are taken, pixels read from disk; None: films of noise and made-up reports.
    model, train : dict
        The recipe's sections of these names.

    Returns
    -------
    dict
        See docs/recipes.md.
    """
    settings = TrainSettings(**train)
    rows = read_examples(dataset, "train") if dataset else []
    loaded = open_random(model, settings, rows or texts())
    if settings.gradient_checkpointing:
        recompute(loaded.core, True)
    if settings.compile:
        compile_blocks(loaded.core)
    examples: Any = MadeUp(loaded, amount.tokens, amount.frames)
    counts = [examples[number].length for number in range(len(examples))]
    if dataset is not None:
        examples = Examples(loaded, dataset, rows, blind=settings.blind)
        counts = lengths(examples, settings.max_length)
    trained = _trained(loaded, examples, counts, settings, loss, amount.steps)
    return {
        "device": _device(loaded),
        "torch": torch.__version__,
        "model": loaded.name,
        "parts": what_trains(loaded),
        "precision": loaded.precision,
        "image_size": list(loaded.size),
        "data": "dataset" if dataset else "made up",
        **trained,
        "answer": [_answered(loaded, examples, size, amount.new_tokens) for size in sorted({1, settings.batch_size})],
    }


def _trained(
    loaded: Loaded, examples: Any, counts: list[int], settings: TrainSettings, loss: loop.Loss, steps: int
) -> dict[str, Any]:
    """The timed steps, then what they compute, by counting, and where a step's time goes."""
    micro = settings.accumulate
    batches = plan(counts, steps=WARM + steps + 2, batch_size=settings.batch_size, micro_batches=micro, seed=settings.seed)
    taken = _Taken(loaded, settings, loss, Ahead(loader(examples, batches, settings.workers)))
    try:
        for _ in range(WARM):
            taken.step()
        taken.clear()
        synchronise(loaded.device)
        start = time.perf_counter()
        for _ in range(steps):
            taken.step()
        synchronise(loaded.device)
        seconds = time.perf_counter() - start
        waited, tokens, samples = taken.waited, taken.tokens, taken.samples
        out: dict[str, Any] = {"steps": steps, "seconds_a_step": seconds / steps, "tokens_per_s": tokens / seconds}
        out |= {"samples_per_s": samples / seconds, "tokens_a_sample": tokens / samples, "data_wait": waited / seconds}
        out |= {"batch_size": settings.batch_size, "accumulate": micro, "memory_mb": memory_mb()}
        taken.clear()
        with uncompiled(loaded.core):
            hardware = flops_of_step(taken.step) / taken.tokens
        out["time"] = device_time(taken.step, loaded.device)
        row = next(n for n, count in enumerate(counts) if count >= sorted(counts)[len(counts) // 2])
        with uncompiled(loaded.core):
            needed = _needed(loaded, examples[row], loss, settings)
    finally:
        taken.batches.close()
    return {**out, **_utilised(loaded, out["tokens_per_s"], hardware, needed)}


def _utilised(loaded: Loaded, tokens_per_s: float, hardware: float, needed: float | None) -> dict[str, Any]:
    """Floating-point operations a second against the device's peak: what the model needs, and recomputed ones counted too."""
    measured = matmul_flops(loaded.device, loaded.precision)
    peak = peak_flops(loaded.device, loaded.precision) or measured
    return {
        "tflops": hardware * tokens_per_s / 1e12,
        "hfu": hardware * tokens_per_s / peak,
        "mfu": None if needed is None else needed * tokens_per_s / peak,
        "peak_tflops": peak / 1e12,
        "matmul_tflops": measured / 1e12,
    }


def _needed(loaded: Loaded, row: Encoded, loss: loop.Loss, settings: TrainSettings) -> float | None:
    """The operations a token that the model needs: of one example alone, nothing recomputed; None where memory does not do."""
    batch = Collate(loaded)([row])
    if settings.gradient_checkpointing:
        recompute(loaded.core, False)
    try:
        total = flops_of_step(lambda: loop.backward(loaded.model, loaded, [batch], loss, Processes()))
    except torch.OutOfMemoryError:
        return None
    finally:
        loaded.model.zero_grad()
        if settings.gradient_checkpointing:
            recompute(loaded.core, True)
    return total / row.length


class _Taken:
    """Optimiser steps as the loop takes them, counted."""

    def __init__(self, loaded: Loaded, settings: TrainSettings, loss: loop.Loss, batches: Ahead[Batch]) -> None:
        self.loaded, self.settings, self.loss, self.batches = loaded, settings, loss, batches
        self.optimizer, self.alone = adamw(loaded.model, settings, part_in(loaded)), Processes()
        self.clear()
        loaded.model.train()

    def clear(self) -> None:
        """Count anew."""
        self.waited, self.tokens, self.samples = 0.0, 0, 0

    def step(self) -> None:
        """One step: its micro-batches, gradients, and the optimiser."""
        start = time.perf_counter()
        batches = [next(self.batches) for _ in range(self.settings.accumulate)]
        self.waited += time.perf_counter() - start
        self.tokens += sum(int(batch["positive"]["attention_mask"].sum()) for batch in batches)
        self.samples += sum(len(batch["positive"]["input_ids"]) for batch in batches)
        loop.backward(self.loaded.model, self.loaded, batches, self.loss, self.alone)
        float(nn.utils.clip_grad_norm_(self.loaded.model.parameters(), self.settings.max_grad_norm))
        self.optimizer.step()
        self.optimizer.zero_grad()


def _answered(loaded: Loaded, examples: Any, size: int, new_tokens: int) -> dict[str, Any]:
    """Tokens a second of answers to `size` prompts at once; random weights seldom end an answer before its limit."""
    prompts = [examples.prompt(n % len(examples), -1) for n in range(size)]
    batch = collate(loaded, prompts, "left")
    for tokens in (2, new_tokens):  # the first call warms up
        synchronise(loaded.device)
        start = time.perf_counter()
        answers = decode.generate(loaded, batch, max_new_tokens=tokens)
        synchronise(loaded.device)
    seconds = time.perf_counter() - start
    whole = sum(finish == "length" for _, finish in answers)
    return {"batch": size, "tokens_per_s": whole * new_tokens / seconds, "ended_early": size - whole}


def _device(loaded: Loaded) -> str:
    if loaded.device.type == "cuda":
        return torch.cuda.get_device_name(loaded.device)
    return f"CPU, {torch.get_num_threads()} threads"
