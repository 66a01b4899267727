"""Batches: which examples each step sees, and how they become tensors."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from docphim.errors import Refused
from docphim.files import seed_of
from docphim.imaging import frames
from docphim.imaging.frames import draw, is_film
from docphim.models.encode import IGNORED, Encoded, answer_columns, collate, encode
from docphim.models.loaded import Loaded, Stack
from docphim.progress import bar
from docphim.study import Example, Media, Message, media_tags
from docphim.train.memory import Drawn, Memory
from docphim.workers import end_with_parent

#: A micro-batch: tensors by name, for each side of a loss.  `positive` is the examples with their own images; `negative` those
#: of them that are set beside another, with that one.
Batch = dict[str, dict[str, Tensor]]

#: An example with its own image, and with another beside which its answer is wrong; None where it has none.
Pair = tuple[Encoded, Encoded | None]

#: Encoded examples are kept in memory up to so many bytes (in all processes together); the rest is read anew each epoch.
MEMORY = 2**30

#: Where a tag is dropped its neighbours may merge into other tokens: lengths this near the limit are counted in full.
NEAR = 16

#: Batches are made of examples of like length, sorted within so many steps' worth of shuffled examples.
POOL = 8


class Examples(Dataset[Encoded]):
    """Examples as a model reads them, encoded when first asked for and kept while `memory` bytes last.

    `stacks` keeps what is drawn as well, for those who show the same films beside other answers.
    """

    def __init__(
        self,
        loaded: Loaded,
        dataset: Path,
        examples: Sequence[Example],
        *,
        blind: bool,
        memory: int | Memory = MEMORY,
        stacks: Drawn | None = None,
    ) -> None:
        self.loaded, self.dataset, self.examples, self.blind = loaded, dataset, examples, blind
        self._encoded: dict[int, Encoded] = {}
        self.memory = Memory(memory) if isinstance(memory, int) else memory
        self.stacks = stacks

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Encoded:
        if index in self._encoded:
            return self._encoded[index]
        encoded = self.prompt(index, None)
        if self.memory.takes(encoded.tensors):
            self._encoded[index] = encoded
        return encoded

    def prompt(self, index: int, turn: int | None) -> Encoded:
        """Encode the conversation up to the message `turn`, which is to be answered; None: the whole, with its answers."""
        example = self.examples[index]
        messages = example.messages if turn is None else example.messages[:turn]
        images = [] if self.blind else self._images(example, messages)
        return encode(self.loaded, messages, images, answer=turn is None, blind=self.blind)

    def _images(self, example: Example, messages: Sequence[Message]) -> list[Stack]:
        shown = example.media[: len(media_tags(messages))]
        return [self.drawn(media) for media in shown]

    def drawn(self, media: Media) -> Stack:
        """The stack of a media entry."""
        if self.stacks is None:
            return draw(media, self.dataset, self.loaded.size)
        return self.stacks.of(repr(media), lambda: draw(media, self.dataset, self.loaded.size))

    def blank(self, index: int) -> int:
        """Length in tokens of an example, found without reading its pixels; a film's file is not even opened."""
        example, size = self.examples[index], self.loaded.size
        film = frames.Stack(np.zeros((1, *size, 3), np.uint8), None, (0,))
        shown = [] if self.blind else example.media[: len(media_tags(example.messages))]
        images = [film if is_film(media) else draw(media, self.dataset, size, "blank") for media in shown]
        return encode(self.loaded, example.messages, images, blind=self.blind).length


class Readable(Protocol):
    """What batches are made of: examples, or pairs of each with another image."""

    loaded: Loaded
    examples: Sequence[Example]
    blind: bool

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Encoded | Pair: ...


def lengths(examples: Examples, max_length: int) -> list[int]:
    """Length in tokens of every example, exact within `NEAR` tokens of the limit and beyond; no image is opened.

    A film takes the same number of tokens in every example, so it is counted once and the rest is text; where stacks of
    several frames are shown, every example is encoded with blank ones.

    Raises
    ------
    Refused
        `too_long`, naming the examples that would not fit `max_length`.
    """
    every = bar(examples.examples, len(examples), "lengths")
    of_text = [encode(examples.loaded, example.messages, [], blind=True).length for example in every]
    counts, per_image = [], None
    films = all(is_film(media) for example in examples.examples for media in example.media)
    for index, example in enumerate(examples.examples):
        images = 0 if examples.blind else len(media_tags(example.messages))
        if images and per_image is None:
            per_image = (examples.blank(index) - of_text[index]) / images
        length = math.ceil(of_text[index] + images * (per_image or 0))
        counts.append(examples.blank(index) if length > max_length - NEAR or not films else length)
    too_long = [i for i, length in enumerate(counts) if length > max_length]
    if too_long:
        names = ", ".join(examples.examples[i].id for i in too_long[:3]) + (", …" if len(too_long) > 3 else "")
        longest = max(counts)
        why = f"{len(too_long)} samples would be cut at train.max_length {max_length}; the longest has {longest} tokens"
        raise Refused("too_long", names, why)
    return counts


def longest_answer(loaded: Loaded, examples: Iterable[Example]) -> int | None:
    """Tokens of the longest answer of these examples; None where there is none."""
    answers = {m.content for example in examples for m in example.messages if m.role == "assistant"}
    return max((len(loaded.tokenizer(text)["input_ids"]) for text in sorted(answers)), default=None)


def steps_of(examples: int, epochs: float, max_steps: int | None, global_batch: int) -> int:
    """Optimiser steps of a training: `max_steps`, or enough full batches to see every example `epochs` times."""
    return max_steps or max(1, math.ceil(epochs * examples / global_batch))


def plan(lengths: Sequence[int], *, steps: int, batch_size: int, micro_batches: int, seed: int) -> list[list[int]]:
    """Which examples each micro-batch holds, for the whole training.

    Shuffled passes over the examples follow each other without a gap, so every batch is full.  Within a pool of `POOL`
    steps examples are sorted by length, which saves padding; then the micro-batches are shuffled.

    Parameters
    ----------
    lengths : sequence of int
        Length in tokens of every example.
    micro_batches : int
        Micro-batches per optimiser step, over all processes and accumulation.

    Returns
    -------
    list of list of int
        `steps * micro_batches` lists of `batch_size` indices into `lengths`.
    """
    random = np.random.default_rng(seed_of("plan", seed))
    needed, n = steps * micro_batches * batch_size, len(lengths)
    stream = np.concatenate([random.permutation(n) for _ in range(math.ceil(needed / n))])[:needed]
    batches: list[list[int]] = []
    length, pool = np.asarray(lengths), POOL * micro_batches * batch_size
    for start in range(0, needed, pool):
        drawn = stream[start : start + pool]
        ordered = drawn[np.argsort(length[drawn], kind="stable")].reshape(-1, batch_size)
        batches += ordered[random.permutation(len(ordered))].tolist()
    return batches


def share(batches: Sequence[list[int]], rank: int, world: int) -> list[list[int]]:
    """One process's micro-batches: every `world`-th, so that a step's batches are the same however many processes there are."""
    return list(batches[rank::world])


class Collate:
    """Encoded examples, or pairs of them, to one batch, right-padded, with the columns whose logits the loss needs.

    Of `fillers` (see the function) those are put under a side that shows nothing of their kind.  `counted` then says how many
    of its rows are no fillers, and whether these show anything.
    """

    def __init__(self, loaded: Loaded, fillers: Sequence[Encoded] = ()) -> None:
        self.loaded, self.fillers = loaded, fillers

    def __call__(self, batch: Sequence[Encoded | Pair]) -> Batch:
        """`collate`'s tensors, and `columns`, of each side, with `reference` where there is one; of negatives `places` too:
        which row of the positives each is.
        """
        pairs = [(item, None) if isinstance(item, Encoded) else item for item in batch]
        sides = {"positive": self._side([positive for positive, _ in pairs])}
        others = {place: negative for place, (_, negative) in enumerate(pairs) if negative is not None}
        if others:
            sides["negative"] = {**self._side(list(others.values())), "places": torch.tensor(list(others))}
        return sides

    def _side(self, rows: list[Encoded]) -> dict[str, Tensor]:
        media = {name for row in rows for name in row.media}
        more = [filler for filler in self.fillers if not filler.media.keys() <= media]
        tensors = collate(self.loaded, [*rows, *more], "right", frames=self.loaded.features is not None)
        given = [row.reference for row in rows if row.reference is not None]
        beside: dict[str, Any] = {"reference": torch.tensor(given, dtype=torch.float64)} if given else {}
        if any(row.augmented for row in rows):
            beside["augmented"] = [row.augmented for row in rows]
        if more:
            beside["counted"] = torch.tensor([len(rows), bool(media)])
        return {**tensors, **beside, "columns": answer_columns(tensors["labels"])}


def rows_of(side: Mapping[str, Tensor]) -> int:
    """How many rows of a side are its own, not fillers."""
    return int(side["counted"][0]) if "counted" in side else len(side["labels"])


def shows(side: Mapping[str, Tensor]) -> bool:
    """Whether any of a side's own rows shows anything, where some other's may."""
    return "counted" not in side or bool(side["counted"][1])


def fillers(examples: Readable) -> list[Encoded]:
    """Where some examples show what others do not, one that shows each kind of media, with nothing labelled.

    Processes that share out a model's parameters run the same parts of it at every step: beside them none lacks an image.
    """
    kinds = [set() if examples.blind else {media.kind for media in example.media} for example in examples.examples]
    every = set[str]().union(*kinds)
    if all(some == every for some in kinds):
        return []
    items = [examples[next(i for i, some in enumerate(kinds) if kind in some)] for kind in sorted(every)]
    shown = [item if isinstance(item, Encoded) else item[0] for item in items]
    return [dataclasses.replace(one, labels=torch.full_like(one.labels, IGNORED)) for one in shown]


def loader(
    examples: Readable, batches: Sequence[list[int]], workers: int = 0, fillers: Sequence[Encoded] = ()
) -> DataLoader[Any]:
    """Batches of a process, made in order: `workers` processes encode examples, or, with none, the one that asks."""
    if workers:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else tokenizers warns of every fork
    return DataLoader(
        cast("Dataset[Any]", examples),
        batch_sampler=batches,
        collate_fn=getattr(examples, "collate", None) or Collate(examples.loaded, fillers),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        worker_init_fn=end_with_parent,
        pin_memory=examples.loaded.device.type == "cuda",
        generator=torch.Generator(),  # else it draws from the generator that dropout uses
    )


def one_of_each_kind(examples: Readable) -> list[Batch]:
    """A micro-batch of one example for each set of tensors that examples come with: images or none."""
    first: dict[tuple[str, ...], int] = {}
    for index, example in enumerate(examples.examples):
        first.setdefault(() if examples.blind else tuple(sorted({media.kind for media in example.media})), index)
    collated = Collate(examples.loaded)
    return [collated([examples[index]]) for index in first.values()]
