"""A training from top to bottom: open the model, check that every sample fits, train or resume, keep the best."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils import deterministic

from docphim import files
from docphim.errors import Refused, UsageError
from docphim.models.features import Features
from docphim.models.load import save
from docphim.models.loaded import Loaded
from docphim.models.meet import PROMPTS
from docphim.models.tune import refuse_idle_rates, table, what_trains
from docphim.recipe_model import decisive
from docphim.study import Example
from docphim.train import card, checkpoint, loop, state
from docphim.train.align import Alignment, AlignmentValidation
from docphim.train.augmented import Augmented, numbered
from docphim.train.batch import MEMORY, Examples, lengths, longest_answer, plan, share, steps_of
from docphim.train.compiled import compile_blocks
from docphim.train.contrast import Contrast, compares
from docphim.train.log import ROWS, Journal
from docphim.train.memory import Drawn, Memory
from docphim.train.model import open_model
from docphim.train.options import REFERRING, check_pairs
from docphim.train.pairs import Pairs
from docphim.train.processes import Processes
from docphim.train.prompts import prompts_of
from docphim.train.recompute import recompute
from docphim.train.record import Record
from docphim.train.reference import refer
from docphim.train.reports import Reports, alignable, report_lengths
from docphim.train.settings import TrainSettings, points
from docphim.train.shard import is_shared
from docphim.train.text_scores import TextScores, scores_of_drafts
from docphim.train.trackers import Trackers, settings_shown
from docphim.train.validate import Validation, sample

log = logging.getLogger("docphim")
#: In the run's folder: what was done to each example of each step, where examples are varied.
AUGMENTED = "augment.jsonl"
#: What examples of two patients are called.
COMPARISON = "comparison"


def fit(dataset: Path, run: Path, model: dict[str, Any], train: dict[str, Any], loss: loop.Loss) -> None:
    """See `docphim.train.train`; `loss` is the function that `train["loss"]` names."""
    settings = _shared(TrainSettings(**train), int(os.environ.get("WORLD_SIZE", "1")))
    check_pairs(settings.loss["kind"], compares(loss), settings.pairs, settings.conflicts_only)
    joined = Processes.joined()  # before anything is read: the first process may still be making it
    with joined as processes, _repeatable(settings.seed), checkpoint.disk_full_is_refused("the model"):
        examples = {split: files.read_examples(dataset, split) for split in ("train", "val")}
        examples["train"] += _compared(dataset, settings)
        if not examples["train"] and model["tune"] != "none":
            raise Refused("empty_dataset", "", "there is no training example")
        if settings.aligns:
            examples = {split: alignable(rows) for split, rows in examples.items()}
        files.private_folder(run)
        (run / "checkpoints").mkdir(exist_ok=True)
        loaded = open_model(model, settings, examples["train"])
        examples["train"] = _fitting(loaded, dataset, examples["train"], settings)
        step = None
        if model["tune"] != "none":
            every = dict(examples)
            examples["val"] = sample(examples["val"], settings.val_examples, settings.seed)
            step = _trained(loaded, dataset, run, settings, loss, examples, every, model, processes)
        elif processes.first:
            files.write_jsonl(run / "log.jsonl", [])
        if processes.first:
            save(loaded, run / "model", longest_answer(loaded, examples["train"]))
            if settings.aligns:
                files.write_json(run / "model" / PROMPTS, prompts_of(examples["train"], dataset))
            counts = {split: len(rows) for split, rows in examples.items()}
            modalities = sorted({name for e in examples["train"] for media in e.media for name in media.volumes})
            languages = sorted({example.language for example in examples["train"]})
            card.write(run / "model", loaded, dataset.name, counts, model, train, step, modalities, languages)
        processes.wait()


def _compared(dataset: Path, settings: TrainSettings) -> list[Example]:
    """The dataset's comparisons of two patients, where they are trained on.

    Raises
    ------
    UsageError
        It has none.
    """
    if COMPARISON not in settings.augment:
        return []
    compared = files.read_examples(dataset, "comparisons")
    if not compared:
        raise UsageError("train.augment: the dataset holds no comparison; augment.json says why")
    return compared


def _fitting(loaded: Loaded, dataset: Path, rows: list[Example], settings: TrainSettings) -> list[Example]:
    """The examples without the comparisons that are too long: two studies take twice the room of one, which fits."""
    compared = [row for row in rows if row.task == COMPARISON]
    counts = lengths(Examples(loaded, dataset, compared, blind=settings.blind), sys.maxsize) if compared else []
    over = {row.id for row, length in zip(compared, counts, strict=True) if length > settings.max_length}
    if over:
        log.warning("train: %d of %d comparisons are longer than train.max_length and are left out", len(over), len(compared))
    return [row for row in rows if row.id not in over]


def _shared(settings: TrainSettings, world: int) -> TrainSettings:
    """The settings of each of `world` processes: a step holds what the recipe says, however many share it.

    Raises
    ------
    UsageError
        They cannot share it.
    """
    micro_batches = settings.accumulate * settings.processes
    if micro_batches % world:
        why = f"{world} processes cannot share a step's {micro_batches} batches (train.accumulate x train.processes) evenly"
        raise UsageError(f"train.processes: {why}")
    return replace(settings, accumulate=micro_batches // world, processes=world)


def _trained(
    loaded: Loaded,
    dataset: Path,
    run: Path,
    settings: TrainSettings,
    loss: loop.Loss,
    examples: dict[str, list[Example]],
    every: dict[str, list[Example]],
    model: dict[str, Any],
    processes: Processes,
) -> int:
    """Train, and leave the best checkpoint's weights in the model; its step.  `every` holds those not validated on too."""
    text_scores = scores_of_drafts(settings.keep_best, examples["val"], dataset)
    root, world = run / "checkpoints", processes.world
    memory = {"train": MEMORY // world // max(1, settings.workers), "val": MEMORY // 4 // world}
    read = {split: _examples(loaded, dataset, examples[split], settings, memory[split]) for split in ("train", "val")}
    counts = {split: _lengths(read[split], settings) for split in read}
    paired = {split: _paired(read[split], every[split], settings) for split in read} if settings.pairs != "none" else {}
    if paired:
        _check_pairs(paired["train"], settings)
    _spare(loaded, settings, world)
    course = _course(root, training_key(dataset, model, settings, loaded, world), settings, counts["train"], processes)
    validation = _validation(loaded, read["val"], paired.get("val"), settings, loss, text_scores, processes)
    alignment = Alignment(loaded, processes, loss) if settings.aligns else None
    refuse_idle_rates(loaded, settings.rates)
    start = _start(root, course.key, processes)
    log.info("train: what is trained of each part\n%s", table(what_trains(loaded), settings.learning_rate, settings.rates))
    journal = _journal(run, course.key, start, model, settings) if processes.first else None
    record = Record(run / AUGMENTED, start.step if start else 0, processes) if settings.augment else None
    with journal or contextlib.nullcontext(), contextlib.closing(record) if record else contextlib.nullcontext():
        shown = paired.get("train", read["train"])
        contrast = Contrast(loaded, paired["train"], settings, processes) if paired else None
        if settings.loss["kind"] in REFERRING:
            refer(loaded, paired["train"], root, course.key, settings.batch_size, processes)
        loop.run(loaded, shown, validation, course, settings, loss, start, journal, processes, contrast, record, alignment)
    best = processes.decided(lambda: checkpoint.best(root, course.key))
    if best is None:
        raise Refused("checkpoint_corrupt", "checkpoints", "no checkpoint of this training is left")
    if is_shared(loaded.model) and processes.first:
        loaded.model = open_model(model, settings, examples["train"]).model  # whole again, for the one that saves it
    if processes.first:
        state.load_weights(loaded.model, best.folder)
    log.info("train: the model kept is that of step %d of %d", best.step, course.steps)
    return best.step


def _spare(loaded: Loaded, settings: TrainSettings, world: int) -> None:
    """Let a model's forwards take less time or memory, as the settings say."""
    if settings.cache_features:
        loaded.features = Features(loaded, MEMORY // world)
    if settings.gradient_checkpointing:
        recompute(loaded.core, True)
    if settings.compile:
        compile_blocks(loaded.core)


def _examples(loaded: Loaded, dataset: Path, rows: list[Example], settings: TrainSettings, room: int) -> Examples:
    """The examples of a split, within so many bytes of memory."""
    memory = Memory(room)
    if settings.aligns:
        return Reports(loaded, dataset, rows, blind=False, memory=memory)
    stacks = Drawn(memory) if settings.pairs != "none" else None
    if settings.augment and rows and rows[0].split == "train":
        how: Any = {"kinds": settings.augment, "seed": settings.seed, "max_length": settings.max_length}
        return Augmented(loaded, dataset, rows, blind=settings.blind, memory=memory, **how)
    return Examples(loaded, dataset, rows, blind=settings.blind, memory=memory, stacks=stacks)


def _validation(
    loaded: Loaded,
    read: Examples,
    pairs: Pairs | None,
    settings: TrainSettings,
    loss: Any,
    text_scores: TextScores | None,
    processes: Processes,
) -> Validation | AlignmentValidation:
    """What a checkpoint is chosen by."""
    if isinstance(read, Reports):
        return AlignmentValidation(loaded, read, loss, settings.batch_size, processes)
    shared: dict[str, Any] = {"batch_size": settings.batch_size, "processes": processes}
    return Validation(loaded, read, keep_best=settings.keep_best, pairs=pairs, text_scores=text_scores, **shared)


def _lengths(read: Examples, settings: TrainSettings) -> list[int]:
    """Length of every example in tokens; of a report that is aligned, which is never cut, in its encoder's."""
    return report_lengths(read) if isinstance(read, Reports) else lengths(read, settings.max_length)


def _paired(read: Examples, every: list[Example], settings: TrainSettings) -> Pairs:
    """The examples of a split beside their negatives, all of which fit."""
    kind = {"mined": "neighbours"}.get(settings.pairs, settings.pairs)
    paired = Pairs(read, every, kind, conflicts_only=settings.conflicts_only)
    lengths(paired.beside, settings.max_length)
    return paired


def _check_pairs(paired: Pairs, settings: TrainSettings) -> None:
    """Say how many examples are trained on alone for want of a negative, or of a sentence of theirs that it contradicts.

    Raises
    ------
    UsageError
        All of them: the dataset was built without such pairs, or is too small or too much alike.
    """
    kind, examples = settings.pairs, len(paired)
    without = sum(not places for places in paired.places)
    if without == examples:
        raise UsageError(f"train.pairs: no training example of the dataset has a negative for {kind!r}")
    if without:
        log.info("train: %d of %d examples have no %s pair and are trained on alone", without, examples, kind)
    silent = sum(all(paired.beside.negatives[n].only == [] for n in places) for places in paired.places) - without
    if silent + without == examples:
        raise UsageError(f"train.conflicts_only: no training example has a sentence that its {kind!r} negative contradicts")
    if silent:
        log.info(
            "train: of %d of %d examples the %s pair contradicts no sentence; they are trained on alone", silent, examples, kind
        )


def _course(root: Path, key: str, settings: TrainSettings, lengths: list[int], processes: Processes) -> loop.Course:
    """Plan a whole training over examples of these lengths in tokens."""
    micro_batches = settings.accumulate * processes.world
    examples_a_step = settings.batch_size * micro_batches
    steps = steps_of(len(lengths), settings.epochs, settings.max_steps, examples_a_step)
    batches = plan(lengths, steps=steps, batch_size=settings.batch_size, micro_batches=micro_batches, seed=settings.seed)
    if settings.augment:
        batches = numbered(batches, len(lengths))
    return loop.Course(
        steps=steps,
        batches=share(batches, processes.rank, processes.world),
        logs=set(points(steps, min(steps, ROWS))),
        saves=set(points(steps, settings.evaluations)),
        epochs_a_step=examples_a_step / len(lengths),
        root=root,
        key=key,
    )


def training_key(dataset: Path, model: dict[str, Any], settings: TrainSettings, loaded: Loaded, world: int) -> str:
    """What a training is made from; a checkpoint with another key is of another training.

    Processes and accumulation count by their product, since they share a step's batches out without changing them.
    """
    recipe = {**vars(settings), "accumulate": settings.accumulate * world, "workers": None, "processes": None}
    del recipe["trackers"], recipe["shard"], recipe["compile"]
    if not recipe["augment"]:  # a key that came later: what was trained before it stays good
        del recipe["augment"]
    paths = {split: dataset / "examples" / f"{split}.jsonl" for split in ("train", "val")}
    if COMPARISON in settings.augment:
        paths["comparisons"] = dataset / "examples" / "comparisons.jsonl"
    inputs = {split: files.sha256(path) for split, path in paths.items() if path.exists()}
    parts = [loaded.parts] if loaded.parts else []
    return files.content_key([{**decisive(model), "base": None}, recipe, loaded.base, dataset.name, inputs, *parts])


def _journal(
    run: Path, key: str, start: checkpoint.Checkpoint | None, model: dict[str, Any], settings: TrainSettings
) -> Journal:
    """log.jsonl and the trackers that follow it, from the step on after which training goes on."""
    trackers = Trackers(settings.trackers, run, key, settings_shown(model, vars(settings)))
    return Journal(run / "log.jsonl", start.step if start else 0, trackers)


def _start(root: Path, key: str, processes: Processes) -> checkpoint.Checkpoint | None:
    """The checkpoint to resume from; what cannot be resumed is cleared away by the first process."""

    def chosen() -> checkpoint.Checkpoint | None:
        there = any(root.glob("checkpoint-*"))
        start = checkpoint.newest(root, key)
        if start:
            log.info("train: resumed after step %d", start.step)
        elif there:
            log.warning("train: no checkpoint can be resumed; training starts anew")
        checkpoint.prune(root, key, after=start.step if start else 0)
        return start

    return processes.decided(chosen)


@contextlib.contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """Seed torch and, on a CPU, allow deterministic algorithms only: equal settings give equal weights, bit for bit."""
    torch.manual_seed(seed)
    before, filled = torch.are_deterministic_algorithms_enabled(), deterministic.fill_uninitialized_memory
    if not torch.cuda.is_available():
        torch.use_deterministic_algorithms(True)
        deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        deterministic.fill_uninitialized_memory = filled
