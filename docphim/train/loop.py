"""The training loop: from the newest checkpoint to the last step."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from docphim.errors import Refused
from docphim.models.encode import IGNORED
from docphim.models.loaded import Loaded
from docphim.models.odds import likely
from docphim.models.tune import part_in
from docphim.progress import bar
from docphim.train import checkpoint, state
from docphim.train.ahead import Ahead
from docphim.train.align import Alignment, AlignmentValidation
from docphim.train.batch import Batch, Readable, fillers, loader, one_of_each_kind, rows_of, shows
from docphim.train.contrast import Contrast, Loss
from docphim.train.log import Journal, Meter, memory_mb
from docphim.train.optimiser import adamw, learning_rate
from docphim.train.processes import Processes
from docphim.train.record import Record
from docphim.train.scored import Scored
from docphim.train.settings import TrainSettings
from docphim.train.shard import gathered, is_shared, whole
from docphim.train.validate import Validation

#: The sides of a micro-batch of pairs.
SIDES = ("positive", "negative")
#: What a side holds beside the model's inputs, as `Scored` names it.
BESIDE = ("places", "reference")
#: All that a side holds and the model is not given.
NO_INPUTS = (*BESIDE, "labels", "columns", "counted", "augmented")


@dataclass(frozen=True)
class Course:
    """What is decided before a training begins.

    Attributes
    ----------
    steps : int
        The last step; they are counted from 1.
    batches : list of list of int
        Every micro-batch that this process computes, in order: `accumulate` of them a step.  So resuming is skipping.
    logs, saves : set of int
        The steps after which a row is logged, and after which the model is validated and saved.
    epochs_a_step : float
        For the log.
    root, key
        Where checkpoints go, and what the training is made from.
    """

    steps: int
    batches: list[list[int]]
    logs: set[int]
    saves: set[int]
    epochs_a_step: float
    root: Path
    key: str


def run(
    loaded: Loaded,
    examples: Readable,
    validation: Validation | AlignmentValidation,
    course: Course,
    settings: TrainSettings,
    loss: Loss,
    start: checkpoint.Checkpoint | None,
    journal: Journal | None,
    processes: Processes,
    contrast: Contrast | None = None,
    record: Record | None = None,
    alignment: Alignment | None = None,
) -> None:
    """Take every step of a training that is still to be taken, and leave checkpoints.

    Parameters
    ----------
    start : Checkpoint or None
        The one to go on from.
    journal : Journal or None
        log.jsonl, in the process that writes.
    contrast : Contrast, optional
        The backward pass of pairs, where `examples` are pairs.
    record : Record, optional
        augment.jsonl, where `examples` are varied.
    alignment : Alignment, optional
        The backward pass of a step that is one contrast of images and reports, where `examples` are `reports.Reports`.

    Raises
    ------
    Refused
        `loss_not_finite`, before the weights are ruined; `disk_full`.
    """
    sides = ("positive",) if contrast is None else SIDES
    model = _shared(loaded, examples, loss, sides, settings, processes)
    optimizer = adamw(loaded.model, settings, part_in(loaded))
    torch.manual_seed(settings.seed)
    if start:
        state.load(start, loaded.model, optimizer, processes)
        if contrast is not None:
            contrast.load(start.folder)
    done = start.step if start else 0
    steps: Iterable[int] = _steps(done, course, settings, processes)
    steps = bar(steps, course.steps - done, "train") if processes.first else steps
    batches = Ahead(_loader(examples, course, done, settings))
    descend = _descend(loaded, loss, processes, contrast, alignment)
    meter, sum_of_losses, unlogged = Meter(), torch.zeros((), device=loaded.device), 0
    model.train()
    with contextlib.closing(batches):
        for step in steps:
            micro_batches = _taken(step, batches, meter, course, settings, record)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(settings, step, course.steps, group["peak"])
            step_loss = descend(model, micro_batches, step / course.steps)
            norm = gathered(nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm))
            _refuse_not_finite(step, step_loss, norm)
            optimizer.step()
            optimizer.zero_grad()
            sum_of_losses, unlogged = sum_of_losses + step_loss, unlogged + 1
            if step in course.logs:
                mean_loss = float(processes.sum(sum_of_losses) / processes.world) / unlogged
                row = {"step": step, "epoch": round(step * course.epochs_a_step, 4), "loss": mean_loss}
                row |= {"learning_rate": learning_rate(settings, step, course.steps), **meter.rates(processes.world)}
                _write(journal, {**row, "memory_mb": memory_mb(), "grad_norm": float(norm)})
                sum_of_losses, unlogged = torch.zeros_like(sum_of_losses), 0
            if step in course.saves:
                with meter.away(), batches.paused():
                    _save(step, loaded, optimizer, validation, course, journal, processes, contrast)
                if contrast is not None and contrast.mined:
                    batches.restart(_loader(examples, course, step, settings))
                model.train()


def _descend(
    loaded: Loaded, loss: Loss, processes: Processes, contrast: Contrast | None, alignment: Alignment | None
) -> Callable[[nn.Module, list[Batch], float], Tensor]:
    """What adds a step's gradients, from its micro-batches and how much of the training it ends; its loss."""
    if alignment is not None:
        return lambda model, micro_batches, _: alignment.backward(model, micro_batches)
    return lambda model, micro_batches, progress: backward(model, loaded, micro_batches, loss, processes, contrast, progress)


def _taken(
    step: int, batches: Ahead[Batch], meter: Meter, course: Course, settings: TrainSettings, record: Record | None
) -> list[Batch]:
    """The micro-batches of a step, counted and, where they are varied, recorded."""
    with meter.waiting():
        micro_batches = [next(batches) for _ in range(settings.accumulate)]
    if record is not None:
        record.take(step, micro_batches, course.logs | course.saves)
    meter.count(micro_batches)
    return micro_batches


def _shared(
    loaded: Loaded, examples: Readable, loss: Loss, sides: Sequence[str], settings: TrainSettings, processes: Processes
) -> nn.Module:
    """The model as all processes train it together."""
    if settings.shard == "none":
        find_unused = processes.world > 1 and not settings.aligns and leaves_unused(loaded, examples, loss, sides)
        return processes.share(loaded.model, find_unused=find_unused)
    # A frozen encoder whose features are kept is asked whenever an image is new: each process has it whole.
    place = part_in(loaded)
    frozen = [p for name, p in loaded.model.named_parameters() if place(name) != "language" and not p.requires_grad]
    half = loaded.precision == "bf16" and loaded.tune == "full"
    return processes.share_out(loaded.model, half=half, spared=frozen if loaded.features else ())


def _steps(done: int, course: Course, settings: TrainSettings, processes: Processes) -> Iterable[int]:
    """The steps after `done`; they end early where patience does."""
    for step in range(done + 1, course.steps + 1):
        if step - 1 in course.saves and _enough(step - 1, course, settings, processes):
            return
        yield step


def _enough(step: int, course: Course, settings: TrainSettings, processes: Processes) -> bool:
    """Whether the last `patience` validations brought no better score: read from the checkpoints, so a kill changes nothing."""
    if settings.patience is None:
        return False
    best = processes.decided(lambda: checkpoint.highest(checkpoint.sealed(course.root, course.key)))
    return best is not None and sum(best.step < save <= step for save in course.saves) >= settings.patience


def _loader(examples: Readable, course: Course, done: int, settings: TrainSettings) -> Iterable[Batch]:
    """The micro-batches of the steps after `done`."""
    filling = fillers(examples) if settings.shard != "none" else ()
    return loader(examples, course.batches[done * settings.accumulate :], settings.workers, filling)


def backward(
    model: nn.Module,
    loaded: Loaded,
    micro_batches: list[Batch],
    loss: Loss,
    processes: Processes,
    contrast: Contrast | None = None,
    progress: float = 1.0,
) -> Tensor:
    """Sum the gradients of a step's micro-batches, over all processes; this process's loss, times their number.

    The loss is multiplied by the number of processes because DistributedDataParallel averages gradients over them.
    """
    totals = _totals(micro_batches, loaded.device, processes, ("positive",) if contrast is None else SIDES)
    joined, shown = _together(model, micro_batches, processes)
    step_loss = torch.zeros((), device=loaded.device)
    for number, batch in enumerate(micro_batches, 1):
        # The processes exchange gradients in the last backward pass only; of shared-out weights in each, or every process would
        # have to hold a gradient of all of them.
        hold = number < len(micro_batches) and processes.world > 1 and not is_shared(model)
        with model.no_sync() if hold else contextlib.nullcontext():
            scored = score(model, loaded, batch, totals, progress, join=joined[number - 1])
            if contrast is not None:
                part = contrast.backward(scored, loss)
            else:
                part = loss(scored) * processes.world
                part.backward()
        step_loss += part.detach()
    if not shown:  # all that went through these is fillers; AdamW leaves alone what has no gradient
        part = part_in(loaded)
        for name, parameter in loaded.model.named_parameters():
            parameter.grad = parameter.grad if part(name) == "language" else None
    return step_loss


def _together(model: nn.Module, micro_batches: list[Batch], processes: Processes) -> tuple[list[bool], bool]:
    """What processes that share out the weights do because one of them must.

    For each micro-batch, whether all compute negatives, because some process has any; and whether any example of the step shows
    anything.
    """
    if not is_shared(model):
        return [False] * len(micro_batches), True
    negatives = ["negative" in batch for batch in micro_batches]
    votes = [*negatives, any(shows(batch["positive"]) for batch in micro_batches)]
    summed = processes.sum(torch.tensor(votes, dtype=torch.int32, device=next(model.parameters()).device))
    *joined, shown = summed.bool().tolist()
    return joined, shown


def _totals(
    micro_batches: list[Batch], device: torch.device, processes: Processes, sides: Sequence[str]
) -> dict[str, tuple[Tensor, Tensor]]:
    """The answer tokens and the rows of each side, over all micro-batches and processes of the step."""
    totals = {}
    for side in sides:
        labels = [batch[side]["labels"] for batch in micro_batches if side in batch]
        tokens = sum(int((of_batch[:, 1:] != IGNORED).sum()) for of_batch in labels)
        rows = sum(rows_of(batch[side]) for batch in micro_batches if side in batch)
        both = processes.sum(torch.tensor([tokens, rows], device=device))
        totals[side] = both[0], both[1]
    return totals


def score(
    model: nn.Module,
    loaded: Loaded,
    batch: Batch,
    totals: Mapping[str, tuple[Tensor, Tensor]],
    progress: float = 1.0,
    *,
    join: bool = False,
) -> dict[str, Scored]:
    """How likely the answers of a micro-batch are, by side.

    A side of `totals` that the micro-batch does not have (none of its examples has a negative) comes without rows.  With `join`
    it is computed all the same, beside processes that have some: on the positives, of which no row is taken.
    """
    scored: dict[str, Scored] = {}
    for side, (tokens, rows) in totals.items():
        if side not in batch:
            none = scored["positive"].without_rows()
            if join:
                none = dataclasses.replace(none, odds=_odds(loaded.model, loaded, batch["positive"])[0][:0])
            scored[side] = dataclasses.replace(none, tokens=tokens, rows=rows)
            continue
        # The wrapped model once a micro-batch: with its forward the processes make ready to exchange gradients, and where one
        # has no negatives it would wait for another's second for ever.  The backward pass is one, so nothing is left out of it.
        forward = model if side == "positive" else loaded.model
        beside = {name: batch[side][name].to(loaded.device) for name in BESIDE if name in batch[side]}
        odds, others, targets = _odds(forward, loaded, batch[side])
        words = loaded.core.get_output_embeddings().weight.shape[0]
        more: dict[str, Any] = {"others": others, "vocabulary": words, "progress": progress, **beside}
        scored[side] = Scored(odds, targets, tokens, rows, **more)
    return scored


def _odds(model: nn.Module, loaded: Loaded, tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """What `models.odds.likely` makes of the columns that are scored, twice, and their targets."""
    rows = rows_of(tensors)
    inputs = {name: t.to(loaded.device, non_blocking=True) for name, t in tensors.items() if name not in NO_INPUTS}
    labels, columns = tensors["labels"], tensors["columns"]
    if loaded.features is not None:
        inputs = loaded.features.placed(inputs)
    odds, others = likely(model, loaded, inputs, labels, columns)
    return odds[:rows], others[:rows], labels[:rows, 1:][:, columns].to(loaded.device, non_blocking=True)


def _refuse_not_finite(step: int, loss: Tensor, norm: Tensor) -> None:
    """Stop before a step that would ruin the weights; the norm is the same in every process."""
    if not math.isfinite(float(norm)):
        why = f"at step {step} the loss is {float(loss):g} and the gradient's norm {float(norm):g}"
        raise Refused("loss_not_finite", f"step {step}", why)


def _write(journal: Journal | None, row: dict[str, float]) -> None:
    if journal is not None:
        journal.write(row)


def _save(
    step: int,
    loaded: Loaded,
    optimizer: torch.optim.Optimizer,
    validation: Validation | AlignmentValidation,
    course: Course,
    journal: Journal | None,
    processes: Processes,
    contrast: Contrast | None,
) -> None:
    """Validate, log and save; then let go of checkpoints that are neither recent nor the best."""
    loaded.model.eval()
    with whole(loaded.model):
        scores = validation.scores()
        if contrast is not None:
            scores |= contrast.renewed()
    if scores:
        _write(journal, {"step": step, "epoch": round(step * course.epochs_a_step, 4), **scores})
    if journal is not None:
        journal.flush()

    def fill(folder: Path) -> None:
        state.save(folder, loaded.model, optimizer, processes)
        if contrast is not None:
            contrast.save(folder)

    checkpoint.write(course.root, step, fill, key=course.key, score=validation.better(scores), processes=processes)
    if processes.first:
        checkpoint.prune(course.root, course.key)


def leaves_unused(loaded: Loaded, examples: Readable, loss: Loss, sides: Sequence[str] = ("positive",)) -> bool:
    """Whether some example leaves a trained parameter without a gradient, as a text alone leaves the vision encoder.

    DistributedDataParallel then has to search for such parameters at every step, or it would wait for their gradients for
    ever; elsewhere the search is time lost.  One example of each kind is tried, the same in every process; all `sides` that the
    loss reads are there, one without rows where the example has no negative.
    """
    loaded.model.train()
    unused = False
    for batch in one_of_each_kind(examples):
        one = torch.ones((), device=loaded.device)
        loss(score(loaded.model, loaded, batch, dict.fromkeys(sides, (one, one)))).backward()
        unused |= any(p.grad is None for p in loaded.model.parameters() if p.requires_grad)
        loaded.model.zero_grad()
    return unused
