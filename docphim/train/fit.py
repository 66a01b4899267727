"""A training from top to bottom: open the model, check that every sample fits, train or resume, keep the best."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from torch.utils import deterministic

from docphim import files
from docphim.errors import Refused
from docphim.models.load import create_tiny, load, save, tune
from docphim.models.loaded import Loaded
from docphim.study import Example
from docphim.train import card, checkpoint
from docphim.train.batch import MEMORY, Examples, lengths, plan, read_examples, steps_of
from docphim.train.log import ROWS, Journal
from docphim.train.settings import TrainSettings, arguments, points
from docphim.train.trainer import AnswerTrainer
from docphim.train.validate import Validation, sample

log = logging.getLogger("docphim")


def fit(dataset: Path, run: Path, model: dict[str, Any], train: dict[str, Any]) -> None:
    """See `docphim.train.train`."""
    settings = TrainSettings(**train)
    examples = {split: read_examples(dataset, split) for split in ("train", "val")}
    if not examples["train"]:
        raise Refused("empty_dataset", "", "there is no training example")
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    files.private_folder(run)
    (run / "checkpoints").mkdir(exist_ok=True)
    with _repeatable(settings.seed), checkpoint.disk_full_is_refused("the model"):
        loaded = open_model(model, settings, examples["train"])
        if model["tune"] == "none":
            files.write_jsonl(run / "log.jsonl", [])
            step = None
        else:
            examples["val"] = sample(examples["val"], settings.val_examples, settings.seed)
            step = _trained(loaded, dataset, run, settings, examples, model, rank, world)
        if rank == 0:
            save(loaded, run / "model")
            counts = {split: len(rows) for split, rows in examples.items()}
            card.write(run / "model", loaded, dataset.name, counts, model, train, step)
        _wait(world)


def open_model(model: dict[str, Any], settings: TrainSettings, examples: list[Example]) -> Loaded:
    """The model of a recipe before any training: its weights, frozen parts and fresh adapters.

    Parameters
    ----------
    examples : list of Example
        What the tokenizer of `weights: tiny` learns from.
    """
    size = model["image_size"]
    size = size if isinstance(size, int) else (int(size[0]), int(size[1]))
    if model["weights"] == "tiny":
        texts = (m.content for example in examples for m in example.messages)
        loaded = create_tiny(model["family"], texts, size, settings.seed, model["tiny"])
        if settings.precision == "bf16":
            loaded.precision = "bf16"
    else:
        loaded = load(
            model["weights"],
            model["family"],
            size,
            revision=model["revision"],
            remote_code=model["remote_code"],
            precision=settings.precision,
        )
    return tune(loaded, model["tune"], model["freeze"], model["lora"])


def _trained(
    loaded: Loaded,
    dataset: Path,
    run: Path,
    settings: TrainSettings,
    examples: dict[str, list[Example]],
    model: dict[str, Any],
    rank: int,
    world: int,
) -> int:
    """Train, and leave the best checkpoint's weights in the model; its step."""
    root, global_batch = run / "checkpoints", settings.batch_size * settings.accumulate * world
    steps = steps_of(len(examples["train"]), settings.epochs, settings.max_steps, global_batch)
    args = arguments(settings, root, steps)
    if args.world_size != world:
        raise RuntimeError(f"{world} processes were started, and {args.world_size} found each other")
    memory = MEMORY // world // max(1, settings.workers)
    read = Examples(loaded, dataset, examples["train"], blind=settings.blind, memory=memory)
    held_out = Examples(loaded, dataset, examples["val"], blind=settings.blind, memory=MEMORY // 4 // world)
    found = lengths(read, settings.max_length)
    lengths(held_out, settings.max_length)
    key = training_key(dataset, model, settings, loaded, world)
    start = _start(root, key, rank, world)
    journal = Journal(run / "log.jsonl", start.step if start else 0) if rank == 0 else None
    if settings.gradient_checkpointing:
        _checkpoint_activations(loaded.core)
    trainer = AnswerTrainer(
        loaded,
        args,
        read,
        plan(
            found,
            steps=steps,
            batch_size=settings.batch_size,
            micro_batches=settings.accumulate * world,
            seed=settings.seed,
        ),
        saves=set(points(steps, settings.evaluations)),
        logs=set(points(steps, min(steps, ROWS))),
        validation=Validation(
            loaded,
            held_out,
            keep_best=settings.keep_best,
            batch_size=settings.batch_size,
            rank=rank,
            world=world,
            gather=_gather(world),
        ),
        root=root,
        key=key,
        journal=journal,
        epoch_of=lambda step: step * global_batch / len(found),
        workers=settings.workers,
    )
    try:
        trainer.train(resume_from_checkpoint=str(start.folder) if start else None)
    finally:
        trainer.close()
        if journal is not None:
            journal.close()
    best = checkpoint.best(root, key)
    if best is None:
        raise Refused("checkpoint_corrupt", "checkpoints", "no checkpoint of this training is left")
    checkpoint.load_weights(loaded.model, best.folder)
    log.info("train: the model kept is that of step %d of %d", best.step, steps)
    return best.step


def training_key(dataset: Path, model: dict[str, Any], settings: TrainSettings, loaded: Loaded, world: int) -> str:
    """What a training is made from; a checkpoint with another key is of another training.

    Processes and accumulation count by their product, since they share a step's batches out without changing them.
    """
    said = {**vars(settings), "accumulate": settings.accumulate * world, "workers": None}
    inputs = {split: files.sha256(dataset / "examples" / f"{split}.jsonl") for split in ("train", "val")}
    return files.content_key([model, said, loaded.base, dataset.name, inputs])


def _start(root: Path, key: str, rank: int, world: int) -> checkpoint.Checkpoint | None:
    """The checkpoint to resume from; what cannot be resumed is cleared away by the first process."""
    there = any(root.glob("checkpoint-*"))
    start = checkpoint.newest(root, key)
    if rank == 0:
        if start:
            log.info("train: resumed after step %d", start.step)
        elif there:
            log.warning("train: no checkpoint can be resumed; training starts anew")
    _wait(world)
    if rank == 0:
        checkpoint.prune(root, key, after=start.step if start else 0)
    _wait(world)
    return start


def _checkpoint_activations(core: Any) -> None:
    """Recompute activations in the backward pass instead of keeping them.

    The hook that makes embeddings require a gradient is only for the reentrant kind; here it would wake a frozen encoder.
    """
    enable = getattr(core, "activation_checkpointing_enable", None) or core.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    core.disable_input_require_grads()


@contextlib.contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """Seed torch and, on a CPU, allow deterministic algorithms only: equal settings give equal weights, bit for bit."""
    torch.manual_seed(seed)
    before, filled = torch.are_deterministic_algorithms_enabled(), deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if not torch.cuda.is_available():
        torch.use_deterministic_algorithms(True)
        deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]


def _gather(world: int) -> Callable[[Any], list[Any]]:
    def gather(value: Any) -> list[Any]:
        if world == 1:
            return [value]
        values: list[Any] = [None] * world
        torch.distributed.all_gather_object(values, value)
        return values

    return gather


def _wait(world: int) -> None:
    if world > 1 and torch.distributed.is_initialized():
        torch.distributed.barrier()
