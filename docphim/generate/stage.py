"""The stage: plan, skip the batches that are done, draft the rest, append, and leave both files in plan order."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from docphim.backends import BACKENDS
from docphim.errors import Refused, UsageError
from docphim.files import (
    Appender,
    Row,
    content_key,
    read_examples,
    seed_of,
)
from docphim.generate.backend import Backend, Prompt
from docphim.generate.fill import Filler
from docphim.generate.plan import Key, Talk, Turn, films, plan, sample
from docphim.generate.rows import Files, begin, end, plan_key
from docphim.imaging.frames import Stack, draw
from docphim.language.declined import declined
from docphim.models import needs_torch
from docphim.models.endpoint import side_by_side
from docphim.progress import bar
from docphim.study import Media, Prediction, to_row
from docphim.workers import cores, each, gpu_of, is_local

logger = logging.getLogger("docphim")

#: Conversations that are asked together, and the files that their answers go to.
Todo = tuple[Files, list[Talk]]
#: The same, with the rows of predictions and of likelihoods.
Answered = tuple[Todo, list[Row], list[Row]]


def generate(
    dataset: Path,
    run: Path,
    drafter: Path | None = None,
    *,
    backend: str = "transformers",
    images: list[str],
    splits: list[str],
    contexts: list[str],
    blind: bool = False,
    max_new_tokens: int | str = 512,
    temperature: float = 0.0,
    decoding: Row | None = None,
    batch_size: int = 16,
    seed: int = 0,
    limit: int | None = None,
    options: Row | None = None,
    asking: Row | None = None,
    processes: int = 1,
) -> None:
    """Draft an answer for every example, image and context, and ask how likely the model finds the reference.

    Writes `predictions.jsonl` and `likelihoods.jsonl`, and of studies without a report (examples/draft.jsonl) `drafts.jsonl`:
    rows as in predictions.jsonl with an empty `reference` and the run's name, on the own image, later turns after the
    model's own answers. Killed and run again, the stage drafts what is missing: batches are planned over all examples
    before finished ones are skipped, and an unfinished batch is repeated whole, since another batch gives other roundings.
    A backend whose answers do not depend on one another is asked for what is missing or has failed, and for nothing else.
    Of files that were finished and then damaged the rows that are as they were written stay.
    At the end all files stand in plan order, whatever happened on the way.

    Parameters
    ----------
    drafter : Path, optional
        The run whose model drafts, where it is not `run`.
    images : list of str
        Of `own`, `noise`, `blank`, `other`; a blind model is asked with `own` only (and sees none).
    contexts : list of str
        Of `reference`, `generated`: what stands in later turns of a dialogue.
    max_new_tokens : int or str
        Where an answer is cut; `longest`: where the backend knows how long the answers of the training were.
    decoding : dict, optional
        How tokens are chosen, beside the temperature: the keys that the backend takes of `backends.DECODING`.
    limit : int, optional
        A seeded sample of so many examples from each split.
    options, asking : dict, optional
        A backend's own arguments: those that its answers depend on, and those that they do not (address, patience).
    processes : int
        So many hold the model, each on a GPU of its own where there are GPUs, and draft whole batches: the same as one would.

    Raises
    ------
    UsageError
        There is no such backend, or what it needs is not installed; there are more processes than GPUs.
    Refused
        `empty_dataset`; `worker_killed`; or what is wrong with the saved model or the endpoint.
    """
    opener = _opener(backend)
    drafter = drafter or run
    examples, unreported = sample(dataset, splits, limit, seed), read_examples(dataset, "draft")
    if not examples and not unreported:
        raise Refused("empty_dataset", "", f"no example in {', '.join(splits)}")
    size = 1 if opener.each_alone else batch_size
    batches, skipped = plan(examples, images, contexts, blind, size)
    if skipped:
        logger.warning("%d of the wrong-image questions are left out: their examples have no partner", skipped)
    settings = [backend, images, splits, contexts, blind, max_new_tokens, temperature, batch_size, seed, limit]
    settings += [decoding or {}] + ([options] if options else [])
    settings += opener.signature(**(asking or {})) if hasattr(opener, "signature") else []
    learns = hasattr(opener, "learn") and (not hasattr(opener, "learns") or opener.learns(options or {}))
    key = plan_key(settings, dataset, drafter, [*dict.fromkeys([*splits, *(["train"] if learns else []), "draft"])])
    begin(run, key)
    answers = Files(run / "predictions.jsonl", run / "likelihoods.jsonl", opener.each_alone, opener.tells_likelihood)
    drafts = Files(run / "drafts.jsonl", None, opener.each_alone, more={"run": drafter.name})
    work = [(answers, batches), (drafts, plan(unreported, ["own"], ["generated"], blind, size)[0])]
    arguments = {"max_new_tokens": max_new_tokens, "temperature": temperature}
    arguments |= (decoding or {}) | (options or {}) | (asking or {})
    todo = [(files, batch) for files, planned in work for batch in files.unfinished(planned)]
    if todo and processes > 1:
        opener.check_processes(drafter, processes, max_new_tokens)
        threads = int(os.environ.get("OMP_NUM_THREADS") or (max(1, cores() // processes) if is_local() else 1))
        desk = Desk(backend, drafter, {"blind": blind, **arguments}, dataset, blind, seed, processes, threads)
        _logged(_written(desk.answers(todo, run), Filler(dataset)), todo)
    elif todo:
        with contextlib.closing(opener(drafter, blind=blind, **arguments)) as model:
            if learns:
                model.learn(read_examples(dataset, "train"))
            if hasattr(model, "expect"):
                model.expect(
                    key for _, planned in work for batch in planned for talk in batch for key in talk.prediction_keys()
                )
            _logged(_written(_answers(model, todo, dataset, blind, seed), Filler(dataset)), todo)
    for files, planned in work:
        files.settle(planned)
    end(run, key)


def _logged(drafts: Iterable[Talk], todo: list[Todo]) -> None:
    """Draft these batches, and say how fast it went."""
    begun = time.monotonic()
    total = sum(len(batch) for _, batch in todo)
    drafted = sum(1 for _ in bar(drafts, total, "generate"))
    seconds = max(time.monotonic() - begun, 1e-9)
    logger.info("drafted %d conversations in %.1f s (%.1f samples/s)", drafted, seconds, drafted / seconds)


def _opener(backend: str) -> Any:
    if backend not in BACKENDS:
        raise UsageError(f"generate.backend: {backend!r} is not one of {', '.join(BACKENDS)}")
    module, _, name = BACKENDS[backend].path.partition(":")
    with needs_torch():
        return getattr(importlib.import_module(module), name)


def _answers(model: Backend, batches: list[Todo], dataset: Path, blind: bool, seed: int) -> Iterator[Answered]:
    """The rows of each batch, asked in this process."""

    def shown() -> Iterator[tuple[Todo, Batch]]:
        for files, batch in batches:
            yield (files, batch), _batch(model, batch, dataset, blind, seed, files.known)

    def ask(item: tuple[Todo, Batch]) -> Answered:
        return item[0], *item[1].answers()

    # Threads only where there is something to wait for; the films are rendered on this one, as fast as answers come.
    yield from side_by_side(ask, shown(), model.concurrency) if model.concurrency > 1 else map(ask, shown())


def _written(answered: Iterable[Answered], filler: Filler) -> Iterator[Talk]:
    """Append the rows of each batch as they come; the conversations that are done with."""
    with contextlib.ExitStack() as stack:
        opened: dict[Path, Appender] = {}
        for (files, talks), predicted, likely in answered:
            for path, rows in (
                (files.likelihoods, likely),
                (files.predictions, [filler.row(row) | files.more for row in predicted]),
            ):
                if path is not None:
                    if path not in opened:
                        opened[path] = stack.enter_context(Appender(path))
                    opened[path].write(rows)
            yield from talks


def _batch(
    model: Backend, talks: list[Talk], dataset: Path, blind: bool, seed: int, known: Mapping[Key, Row] = MappingProxyType({})
) -> Batch:
    """Conversations with their films rendered."""
    sees = not blind and any(model.size)
    return Batch(model, talks, [_films(t, dataset, model.size) if sees else {} for t in talks], known, seed)


def _films(talk: Talk, dataset: Path, size: tuple[int, int]) -> dict[str, Stack]:
    """Each media entry of a conversation, drawn once for all its turns."""
    kind: Any = "own" if talk.image == "other" else talk.image
    return {_name(media): draw(media, dataset, size, kind, seed_of(talk.example.id)) for media in talk.media}


def _name(media: Media) -> str:
    return content_key(to_row(media))


class Batch:
    """Conversations that a model is asked together, turn after turn, context after context.

    Parameters
    ----------
    shown : list of dict
        Of each conversation its films, rendered, by `_name`.
    known : mapping
        Answers that are there already, by key: they are not asked for again.
    seed : int
        The recipe's; each prompt's own is made of it and the prompt's key.
    """

    def __init__(
        self,
        model: Backend,
        talks: list[Talk],
        shown: list[dict[str, Stack]],
        known: Mapping[Key, Row] = MappingProxyType({}),
        seed: int = 0,
    ) -> None:
        self.model, self.talks, self.shown, self.known, self.seed = model, talks, shown, known, seed
        self._rows: dict[Key, Row] = {}
        self._likely: dict[Key, Row] = {}
        #: (conversation, turn number) → the model's own answer, which `generated` contexts go on from.
        self._answers: dict[tuple[int, int], Row] = {}

    def answers(self) -> tuple[list[Row], list[Row]]:
        """Ask; the rows of predictions and likelihoods that are new, in the order of the plan."""
        for number in range(max(len(talk.turns) for talk in self.talks)):
            for context in ("none", "reference", "generated"):
                self._step(number, context)
        order = [key for talk in self.talks for key in talk.prediction_keys()]
        return (
            [self._rows[key] for key in order if key not in self.known],
            [self._likely[key] for key in order if key in self._likely],
        )

    def _step(self, number: int, context: str) -> None:
        """One turn in one context, of all conversations that have it."""
        turns = [(i, t) for i, talk in enumerate(self.talks) for t in talk.turns if (t.number, t.context) == (number, context)]
        asked = [(i, turn) for i, turn in turns if not self._settled(i, turn)]
        if asked:
            self._ask(asked)
        if context != "reference":
            self._answers |= {(i, number): self._rows[self.talks[i].key(turn)] for i, turn in turns}

    def _settled(self, i: int, turn: Turn) -> bool:
        """Whether a turn needs no asking: its answer is known, or the one it would go on from never came."""
        talk, before = self.talks[i], self._answers.get((i, turn.number - 1), {}).get("finish")
        key = talk.key(turn)
        if key in self.known:
            self._rows[key] = self.known[key]
        elif turn.context == "generated" and before in ("refused", "failed"):
            self._rows[key] = to_row(_row(talk, turn, "", before, self.model.name))
        return key in self._rows

    def _ask(self, asked: list[tuple[int, Turn]]) -> None:
        prompts = [self._prompt(i, turn) for i, turn in asked]
        for (i, turn), draft in zip(asked, self.model.answer(prompts), strict=True):
            row = _row(self.talks[i], turn, *draft, self.model.name)
            self._rows[row.key] = to_row(row)
        referred = [
            (p, self.talks[i], turn) for p, (i, turn) in zip(prompts, asked, strict=True) if self.talks[i].has_reference
        ]
        if not referred or asked[0][1].context == "generated":
            return
        asked_of = [_with_reference(*one) for one in referred]
        likelihoods = self.model.likelihood(asked_of) or []
        met = (self.model.vectors(asked_of) if hasattr(self.model, "vectors") else None) or [{}] * len(likelihoods)
        for (_, talk, turn), nats, vectors in zip(referred, likelihoods, met, strict=False):
            key = talk.key(turn)
            self._likely[key] = _likelihood(self._rows[key], *nats) | vectors

    def _prompt(self, i: int, turn: Turn) -> Prompt:
        """The conversation up to a turn: a film for each tag, so all films of its study, and the answers of its context."""
        talk, messages, number = self.talks[i], [], 0
        for message in talk.example.messages[: turn.place]:
            if message.role == "assistant":
                if turn.context == "generated":
                    message = replace(message, content=self._answers[i, number]["prediction"], origin="prediction")
                number += 1
            messages.append(message)
        stacks = [self.shown[i][_name(media)] for media in films(talk, turn.place)] if self.shown[i] else []
        seed = seed_of(self.seed, talk.example.id, talk.image, turn.number, turn.context)
        return Prompt(messages, stacks, talk.key(turn), seed, talk.example.task, talk.example.language)


@dataclass(frozen=True)
class Desk:
    """What each of several processes needs to open the model and to draft with it (see `generate`)."""

    backend: str
    drafter: Path
    arguments: Row
    dataset: Path
    blind: bool
    seed: int
    processes: int
    threads: int

    def answers(self, todo: list[Todo], run: Path) -> Iterator[Answered]:
        """The rows of each batch, in the order in which the processes are done with them."""
        groups = [[(number, batch)] for number, (_, batch) in enumerate(todo)]
        at_desk = functools.partial(_at_desk, self)
        for number, predicted, likely in each(
            at_desk, groups, workers=self.processes, crashed=_crashed, folder=run, long=True, gpus=1
        ):
            yield todo[number], predicted, likely

    @functools.cached_property
    def model(self) -> Backend:
        """The model, on the GPU whose number is this process's."""
        os.environ["OMP_NUM_THREADS"] = str(self.threads)
        os.environ["LOCAL_RANK"] = str(gpu_of(self.processes))
        opened: Backend = _opener(self.backend)(self.drafter, **self.arguments)
        return opened


#: The desk of this process, whose model is opened once.
_DESKS: list[Desk] = []


def _at_desk(desk: Desk, group: list[tuple[int, list[Talk]]]) -> list[tuple[int, list[Row], list[Row]]]:
    if not _DESKS:
        _DESKS.append(desk)
    model = _DESKS[0].model
    return [(number, *_batch(model, talks, desk.dataset, desk.blind, desk.seed).answers()) for number, talks in group]


def _crashed(item: tuple[int, list[Talk]]) -> NoReturn:
    names = ", ".join(talk.example.id for talk in item[1][:3])
    raise Refused("worker_killed", names, "the process that drafted these ended by itself; try generate.processes: 1")


def _with_reference(prompt: Prompt, talk: Talk, turn: Turn) -> Prompt:
    return Prompt([*prompt.messages, talk.example.messages[turn.place]], prompt.images)


def _row(talk: Talk, turn: Turn, text: str, finish: Any, name: str) -> Prediction:
    example = talk.example
    reference = example.messages[turn.place].content
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
        reference=reference,
        finish=finish,
        model=name,
        declined=declined(text, reference) != "no",
    )


def _likelihood(row: Row, nats: float | None, tokens: int) -> Row:
    names = ("id", "turn", "context", "image", "image_study", "study", "patient", "task")
    return {name: row[name] for name in names} | {"nats": None if nats is None else round(nats, 6), "tokens": tokens}
