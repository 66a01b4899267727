"""Transformers' Trainer with our batches, loss, log, validation and checkpoints."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from docphim.errors import Refused
from docphim.models.encode import Encoded
from docphim.models.loaded import Loaded
from docphim.progress import bar
from docphim.train import checkpoint
from docphim.train.ahead import Ahead
from docphim.train.log import Journal, Meter, memory_mb
from docphim.train.losses import answer_loss
from docphim.train.processes import Processes
from docphim.train.validate import Validation


class AnswerTrainer(Trainer):
    """Trains a model to answer, step by step as `batches` says.

    The whole training is one pass of Trainer's over a list of micro-batches that is made beforehand: so resuming is
    skipping, and how many processes share the work changes nothing.

    Parameters
    ----------
    loader : DataLoader
        Every micro-batch of the training that this process computes, in order (`batch.loader`).
    saves, logs : set of int
        After which steps to validate and save, and to log.
    validation : Validation
        What is measured before each checkpoint.
    root, key
        Where checkpoints go, and what the training is made from.
    journal : Journal or None
        log.jsonl, on the process that writes.
    epoch_of : callable
        A step's epoch, for the log.
    """

    def __init__(
        self,
        loaded: Loaded,
        args: TrainingArguments,
        loader: DataLoader[Encoded],
        *,
        saves: set[int],
        logs: set[int],
        validation: Validation,
        root: Path,
        key: str,
        journal: Journal | None,
        epoch_of: Callable[[int], float],
        processes: Processes,
    ) -> None:
        use_cache = getattr(loaded.model.config, "use_cache", None)
        super().__init__(model=loaded.model, args=args, train_dataset=loader.dataset)
        if args.world_size != processes.world:
            raise RuntimeError(f"{processes.world} processes were started, and {args.world_size} found each other")
        if use_cache is not None:
            loaded.model.config.use_cache = use_cache  # Trainer switches it off, and it would be saved so
        self.remove_callback(PrinterCallback)
        self.add_callback(_Schedule(saves, logs))
        self.model_accepts_loss_kwargs = True  # else num_items_in_batch stays None and micro-batches are averaged
        self.loaded, self.loader, self.validation = loaded, loader, validation
        self.root, self.key, self.journal, self.epoch_of = root, key, journal, epoch_of
        self.processes = processes
        self.meter = Meter()
        self.some_logits = "logits_to_keep" in inspect.signature(loaded.core.forward).parameters
        self._ahead: Ahead[dict[str, Tensor]] | None = None
        self._loss = torch.zeros(())

    def get_train_dataloader(self) -> DataLoader[Encoded]:
        """This process's micro-batches, as they are: Trainer would shuffle and share them out once more."""
        return self.loader

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Tensor]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Tensor]], Any]:
        """The micro-batches of a step, read ahead, and how many answer tokens they hold over all processes."""
        if self._ahead is None:
            self._ahead = Ahead(epoch_iterator)
        with self.meter.waiting():
            samples = [next(self._ahead) for _ in range(num_batches)]
        for sample in samples:
            self.meter.count(sample)
        return samples, self._get_num_items_in_batch(samples, device)

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The answers' cross-entropy, weighted by token over the global batch (`losses.answer_loss`)."""
        inputs = dict(inputs)
        labels, columns = inputs.pop("labels"), inputs.pop("columns")
        wanted = {"logits_to_keep": columns} if self.some_logits else {}
        with self.loaded.autocast():
            # The ordinary forward, not an inner module's: DDP hangs its gradient exchange on it.
            outputs = model(**inputs, **wanted, use_cache=False)
        logits = outputs.logits if self.some_logits else outputs.logits[:, columns]
        # DDP averages gradients over processes, and the sum is wanted.
        loss = answer_loss(logits, labels, columns, num_items_in_batch) * self.processes.world
        self._loss = loss.detach()
        return (loss, outputs) if return_outputs else loss

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip, and stop before a step that would ruin the weights; the norm is the same in every process."""
        norm = super()._clip_grad_norm(model)
        if not math.isfinite(float(norm)):
            step = self.state.global_step + 1
            why = f"at step {step} the loss is {float(self._loss):g} and the gradient's norm {float(norm):g}"
            raise Refused("loss_not_finite", f"step {step}", why)
        return norm

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: Trainer would walk all parameters at every step for it."""
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Append a row to log.jsonl."""
        self.control.should_log = False
        if "loss" not in logs:
            return
        row = {"step": self.state.global_step, "epoch": round(self.epoch_of(self.state.global_step), 4)}
        row |= {"loss": logs["loss"], "learning_rate": logs["learning_rate"]}
        row |= {**self.meter.rates(self.processes.world), "memory_mb": memory_mb(), "grad_norm": logs["grad_norm"]}
        self._write(row)

    def _write(self, row: dict[str, float]) -> None:
        if self.journal is not None:
            self.journal.write(row)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Validate, log and save; then let go of checkpoints that are neither recent nor the best."""
        step = self.state.global_step
        with self.meter.away(), self._ahead.paused() if self._ahead else contextlib.nullcontext():
            self.loaded.model.eval()
            scores = self.validation.scores()
            if scores:
                self._write({"step": step, "epoch": round(self.epoch_of(step), 4), **scores})
            if self.journal is not None:
                self.journal.flush()
            rank = self.validation.better(scores)
            checkpoint.write(self.root, step, self._fill, key=self.key, rank=rank, processes=self.processes)
            if self.processes.first:
                checkpoint.prune(self.root, self.key)

    def _fill(self, folder: Path) -> None:
        if self.processes.first:
            checkpoint.save_weights(self.loaded.model, folder)
            self._save_optimizer_and_scheduler(str(folder))
            self.state.save_to_json(str(folder / "trainer_state.json"))
        self._save_rng_state(str(folder))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Strictly: Trainer's own way only warns of weights it does not find."""
        checkpoint.load_weights(self.loaded.model, Path(resume_from_checkpoint))

    def close(self) -> None:
        """Stop reading ahead."""
        if self._ahead is not None:
            self._ahead.close()


class _Schedule(TrainerCallback):
    """Says after which steps to log and to save, and moves the progress bar."""

    def __init__(self, saves: set[int], logs: set[int]) -> None:
        self.saves, self.logs = saves, logs
        self.ticks: Iterator[int] = iter(())

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        left = range(state.global_step, state.max_steps)
        self.ticks = iter(bar(left, len(left), "train") if state.is_world_process_zero else left)
        next(self.ticks, None)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_log = state.global_step in self.logs
        control.should_save = state.global_step in self.saves
        next(self.ticks, None)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for _ in self.ticks:
            pass
