"""The stage: plan, skip the batches that are done, draft the rest, append, and leave both files in plan order."""

from __future__ import annotations

import contextlib
import importlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from docphim.errors import UsageError
from docphim.files import Appender, Row, content_key, read_json, read_jsonl, seed_of, sha256, write_json, write_jsonl
from docphim.generate.backend import Backend, Prompt
from docphim.generate.plan import Key, Talk, Turn, films, plan, sample
from docphim.imaging.frames import render
from docphim.models import needs_torch
from docphim.models.endpoint import side_by_side
from docphim.progress import bar
from docphim.study import Media, Prediction, to_row

logger = logging.getLogger("docphim")

BACKENDS: dict[str, str] = {
    "transformers": "docphim.generate.transformers:Backend",
    "openai": "docphim.generate.openai:Backend",
}
#: Says which settings, model and examples the files belong to; rows drafted under others are not taken over.
PLAN = "generate-plan.json"


def generate(
    dataset: Path,
    run: Path,
    *,
    backend: str = "transformers",
    images: list[str],
    splits: list[str],
    contexts: list[str],
    blind: bool = False,
    max_new_tokens: int = 512,
    temperature: float = 0.0,
    batch_size: int = 16,
    seed: int = 0,
    limit: int | None = None,
    options: Row | None = None,
    asking: Row | None = None,
) -> None:
    """Draft an answer for every example, image and context, and ask how likely the model finds the reference.

    Writes `predictions.jsonl` and `likelihoods.jsonl`. Killed and run again, the stage drafts what is missing: batches
    are planned over all examples before finished ones are skipped, and an unfinished batch is repeated whole, since
    another batch gives other roundings. A backend whose answers do not depend on one another is asked for what is missing
    or has failed, and for nothing else. At the end both files stand in plan order, whatever happened on the way.

    Parameters
    ----------
    images : list of str
        Of `own`, `noise`, `blank`, `other`; a blind model is asked with `own` only (and sees none).
    contexts : list of str
        Of `reference`, `generated`: what stands in later turns of a dialogue.
    limit : int, optional
        A seeded sample of so many examples from each split.
    options, asking : dict, optional
        A backend's own arguments: those that its answers depend on, and those that they do not (address, patience).

    Raises
    ------
    UsageError
        There is no such backend, or what it needs is not installed.
    Refused
        `empty_dataset`, or what is wrong with the saved model or the endpoint.
    """
    opener = _opener(backend)
    examples = sample(dataset, splits, limit, seed)
    batches, skipped = plan(examples, images, contexts, blind, 1 if opener.each_alone else batch_size)
    if skipped:
        logger.warning("%d of the wrong-image questions are left out: their examples have no partner", skipped)
    settings = [backend, images, splits, contexts, blind, max_new_tokens, temperature, batch_size, seed, limit]
    settings += [options] if options else []
    files = Files(run, _plan_key(settings, dataset, run, splits), opener.each_alone)
    todo = files.unfinished(batches)
    if todo:
        told = {"max_new_tokens": max_new_tokens, "temperature": temperature, **(options or {}), **(asking or {})}
        with contextlib.closing(opener(run, blind=blind, **told)) as model:
            start = time.monotonic()
            drafted = sum(1 for _ in bar(_drafts(model, todo, files, dataset, blind, seed), sum(map(len, todo)), "generate"))
        seconds = max(time.monotonic() - start, 1e-9)
        logger.info("drafted %d conversations in %.1f s (%.1f samples/s)", drafted, seconds, drafted / seconds)
    files.settle(batches)


def _opener(backend: str) -> Any:
    if backend not in BACKENDS:
        raise UsageError(f"generate.backend: {backend!r} is not one of {', '.join(BACKENDS)}")
    module, _, name = BACKENDS[backend].partition(":")
    with needs_torch():
        return getattr(importlib.import_module(module), name)


def _plan_key(settings: list[Any], dataset: Path, run: Path, splits: list[str]) -> str:
    """A key of everything the answers depend on; the model by its files' names, sizes and times of writing."""
    inputs = {split: sha256(path) for split in splits if (path := dataset / "examples" / f"{split}.jsonl").exists()}
    model = sorted((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in (run / "model").rglob("*") if p.is_file())
    return content_key([settings, inputs, model])


def _drafts(model: Backend, batches: list[list[Talk]], files: Files, dataset: Path, blind: bool, seed: int) -> Iterator[Talk]:
    def shown() -> Iterator[tuple[list[Talk], list[dict[str, list[np.ndarray]]]]]:
        for batch in batches:
            yield batch, [{} if blind else _films(talk, dataset, model.size) for talk in batch]

    def ask(item: tuple[list[Talk], list[dict[str, list[np.ndarray]]]]) -> tuple[list[Talk], list[Row], list[Row]]:
        return item[0], *answers(model, *item, seed, files.known)

    # Threads only where there is something to wait for; the films are rendered on this one, as fast as answers come.
    answered = side_by_side(ask, shown(), model.concurrency) if model.concurrency > 1 else map(ask, shown())
    with Appender(files.predictions) as predictions, Appender(files.likelihoods) as likelihoods:
        for batch, drafted, likely in answered:
            likelihoods.write(likely)
            predictions.write(drafted)
            yield from batch


def _films(talk: Talk, dataset: Path, size: tuple[int, int]) -> dict[str, list[np.ndarray]]:
    """Each film of a conversation, rendered once for all its turns."""
    kind: Any = "own" if talk.image == "other" else talk.image
    return {_name(media): render(media, dataset, size, kind, seed_of(talk.example.id)) for media in talk.media}


def _name(media: Media) -> str:
    return content_key(to_row(media))


def answers(
    model: Backend,
    batch: list[Talk],
    shown: list[dict[str, list[np.ndarray]]],
    seed: int,
    known: Mapping[Key, Row] = MappingProxyType({}),
) -> tuple[list[Row], list[Row]]:
    """Prediction and likelihood rows of one batch, turn after turn, context after context; `known` ones are not asked again."""
    rows: dict[Key, Row] = {}
    likely: dict[Key, Row] = {}
    said: dict[tuple[int, int], Row] = {}  # (talk, turn number) → what the model said, for `generated` contexts
    for number in range(max(len(t.turns) for t in batch)):
        for context in ("none", "reference", "generated"):
            turns = [(i, t) for i, talk in enumerate(batch) for t in talk.turns if (t.number, t.context) == (number, context)]
            asked = []
            for i, turn in turns:
                key, before = batch[i].key(turn), said.get((i, number - 1), {}).get("finish")
                if key in known:
                    rows[key] = known[key]
                elif context == "generated" and before in ("refused", "failed"):  # nothing was said that could be gone on from
                    rows[key] = to_row(_row(batch[i], turn, "", before, model.name))
                else:
                    asked.append((i, turn))
            if asked:
                prompts = [_prompt(batch[i], turn, shown[i], said, i) for i, turn in asked]
                drafts = model.answer(prompts, seed_of(seed, batch[0].example.id, batch[0].image, number, context))
                whole = [_with_reference(p, batch[i], turn) for p, (i, turn) in zip(prompts, asked, strict=True)]
                nats = model.likelihood(whole) if context != "generated" else None
                for place, (i, turn) in enumerate(asked):
                    row = _row(batch[i], turn, *drafts[place], model.name)
                    rows[row.key] = to_row(row)
                    if nats is not None:
                        likely[row.key] = _likelihood(row, *nats[place])
            if context != "reference":
                said |= {(i, number): rows[batch[i].key(turn)] for i, turn in turns}
    order = [key for talk in batch for key in talk.prediction_keys()]
    return [rows[key] for key in order if key not in known], [likely[key] for key in order if key in likely]


def _prompt(talk: Talk, turn: Turn, shown: dict[str, list[np.ndarray]], said: dict[tuple[int, int], Row], index: int) -> Prompt:
    messages, number = [], 0
    for message in talk.example.messages[: turn.place]:
        if message.role == "assistant":
            if turn.context == "generated":
                message = replace(message, content=said[index, number]["prediction"], origin="prediction")
            number += 1
        messages.append(message)
    frames = [frame for media in films(talk, turn.place) for frame in shown.get(_name(media), [])]
    return Prompt(messages, frames)


def _with_reference(prompt: Prompt, talk: Talk, turn: Turn) -> Prompt:
    return Prompt([*prompt.messages, talk.example.messages[turn.place]], prompt.images)


def _row(talk: Talk, turn: Turn, text: str, finish: Any, name: str) -> Prediction:
    example = talk.example
    return Prediction(
        id=example.id,
        turn=turn.number,
        context=turn.context,
        image=talk.image,
        image_study=talk.image_study,
        study=example.study,
        patient=example.patient,
        task=example.task,
        prediction=text,
        reference=example.messages[turn.place].content,
        finish=finish,
        model=name,
    )


def _likelihood(row: Prediction, nats: float, tokens: int) -> Row:
    kept = ("id", "turn", "context", "image", "image_study", "study", "patient", "task")
    return {name: getattr(row, name) for name in kept} | {"nats": round(nats, 6), "tokens": tokens}


class Files:
    """predictions.jsonl and likelihoods.jsonl of a run: what of the plan they hold, and their final order.

    `each_alone`: rows of a half-finished batch count (in `known`), and rows that failed do not.
    """

    def __init__(self, run: Path, key: str, each_alone: bool = False) -> None:
        self.predictions, self.likelihoods = run / "predictions.jsonl", run / "likelihoods.jsonl"
        self.each_alone, self.known = each_alone, dict[Key, Row]()
        if not (run / PLAN).exists() or read_json(run / PLAN) != {"key": key}:
            self.predictions.unlink(missing_ok=True)
            self.likelihoods.unlink(missing_ok=True)
            write_json(run / PLAN, {"key": key})

    def unfinished(self, batches: list[list[Talk]]) -> list[list[Talk]]:
        """The batches to draft; rows of half-written ones are dropped from the files, or kept as `known`."""
        predicted, likely = _by_key(self.predictions), _by_key(self.likelihoods)
        if self.each_alone:
            self.known = predicted = {key: row for key, row in predicted.items() if row["finish"] != "failed"}
        done = [
            batch
            for batch in batches
            if all(key in predicted for talk in batch for key in talk.prediction_keys())
            and (not likely or all(key in likely for talk in batch for key in talk.likelihood_keys()))
        ]
        self._write(batches if self.each_alone else done, predicted, likely)
        finished = {id(batch) for batch in done}
        return [batch for batch in batches if id(batch) not in finished]

    def settle(self, batches: list[list[Talk]]) -> None:
        """Rewrite both files with the rows of these batches only, in plan order."""
        self._write(batches, _by_key(self.predictions), _by_key(self.likelihoods))

    def _write(self, batches: list[list[Talk]], predicted: dict[Key, Row], likely: dict[Key, Row]) -> None:
        talks = [talk for batch in batches for talk in batch]
        write_jsonl(self.predictions, (predicted[key] for talk in talks for key in talk.prediction_keys() if key in predicted))
        write_jsonl(self.likelihoods, (likely[key] for talk in talks for key in talk.likelihood_keys() if key in likely))


def _by_key(path: Path) -> dict[Key, Row]:
    return {(r["id"], r["turn"], r["context"], r["image"]): r for r in read_jsonl(path)}
