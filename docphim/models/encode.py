"""Messages and what they show to what a model reads: token ids, per-turn labels, uint8 frames; and batches of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from docphim.errors import Refused
from docphim.models import family as family_of
from docphim.models.chat import Piece, render, turn
from docphim.models.loaded import Expansion, Loaded, Stack
from docphim.study import Message, media_tags

IGNORED = -100


@dataclass
class Encoded:
    """One example as a model reads it; `labels` is -100 except on assistant text and its end token.

    `per_token` holds the model's inputs with a value a token (`position_ids` among them, the sequence on the last axis),
    `media` frames as uint8 (T, h, w, 3) and their grids: `collate` makes floats of them.  `reference` is -log p of what is
    labelled under a reference model, where a training compares with one; `augmented` is what was done to it, as JSON.
    """

    input_ids: Tensor
    labels: Tensor
    per_token: dict[str, Tensor]
    media: dict[str, Tensor]
    reference: float | None = None
    augmented: dict[str, Any] | None = None

    @property
    def length(self) -> int:
        """In tokens."""
        return len(self.input_ids)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds."""
        return (self.input_ids, self.labels, *self.per_token.values(), *self.media.values())

    @property
    def nbytes(self) -> int:
        """What it takes to keep."""
        return sum(tensor.nbytes for tensor in self.tensors)


@dataclass(frozen=True)
class Film:
    """A stack of one frame, uint8 (1, h, w, 3)."""

    frames: np.ndarray
    step_mm: None = None


def encode(
    loaded: Loaded,
    messages: list[Message],
    stacks: Sequence[Stack | np.ndarray],
    *,
    answer: bool = True,
    blind: bool = False,
    only: Collection[tuple[int, str]] | None = None,
) -> Encoded:
    """Tokenise a conversation with what it shows.

    Parameters
    ----------
    messages : list of Message
        With one `<image>` or `<video>` tag in a user's text for each stack, in order.
    stacks : list of Stack
        Frames of `loaded.size`, letterboxed; an array (h, w, 3) is a film, a stack of one.
    answer : bool
        False: the messages end before the turn to be generated, and the generation prompt is appended.
    blind : bool
        Drop the tags; the model sees text only and `stacks` is not looked at.
    only : collection of (int, str), optional
        The places of messages and the sentences in them that are labelled, in their order; None: whole answers.

    Raises
    ------
    ValueError
        Tags and stacks differ in number, or frames are not of the size the model takes.
    Refused
        `weights_layout`: answers or pictures cannot be found in what the chat template writes.
    """
    expansions = [] if blind else _expanded(loaded, messages, stacks)
    pieces = _inserted(_rendered(loaded, messages, None if blind else expansions, answer), expansions)
    pieces = pieces if only is None else _narrowed(pieces, messages, only)
    ids, labels = _label(loaded.tokenizer, pieces)
    names = dict.fromkeys(name for expansion in expansions for name in expansion.media)
    media = {name: _joined([e.media[name] for e in expansions if name in e.media]) for name in names}
    per_token = family_of(loaded.family).per_token(loaded.config, loaded.processor, ids, media)
    return Encoded(ids, labels, per_token, media)


def unexpanded(
    loaded: Loaded, messages: list[Message], stacks: Sequence[Stack | np.ndarray], *, answer: bool = True, blind: bool = False
) -> list[int]:
    """Token ids as the chat template writes them, one mark a picture: for an engine that expands them itself (see `encode`)."""
    expansions = None if blind else _expanded(loaded, messages, stacks)
    ids, _ = _label(loaded.tokenizer, _rendered(loaded, messages, expansions, answer))
    return list(map(int, ids))


def _rendered(loaded: Loaded, messages: list[Message], expansions: list[Expansion] | None, answer: bool) -> list[Piece]:
    """What the chat template writes; with None the messages without their tags."""
    waiting = None if expansions is None else iter(expansions)
    return render(loaded.tokenizer, [turn(message, loaded.tokenizer, waiting) for message in messages], answer)


def _joined(parts: list[Tensor]) -> Tensor:
    """One tensor of several; a single one is not copied, so that its frames lie in memory once however often it is shown."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _expanded(loaded: Loaded, messages: list[Message], stacks: Sequence[Stack | np.ndarray]) -> list[Expansion]:
    """What the family makes of each tag and its stack."""
    tags = media_tags(messages)
    if len(tags) != len(stacks):
        raise ValueError(f"{len(tags)} <image> and <video> tags for {len(stacks)} images")
    expansions = []
    for tag, stack in zip(tags, stacks, strict=True):
        shown = Film(stack[None]) if isinstance(stack, np.ndarray) else stack
        frames = shown.frames
        if frames.shape != (len(frames), *loaded.size, 3) or frames.dtype != np.uint8 or not len(frames):
            raise ValueError(f"an image is {frames.dtype} {frames.shape}, not uint8 (T, {loaded.size[0]}, {loaded.size[1]}, 3)")
        expansions.append(family_of(loaded.family).expand(loaded.processor, shown, tag == "video"))
    return expansions


def _inserted(pieces: list[Piece], expansions: list[Expansion]) -> list[Piece]:
    """The pieces with every picture's mark replaced by all that the processor writes for it.

    Raises
    ------
    Refused
        `weights_layout`: the template writes more or fewer marks than there are pictures.
    """
    waiting: dict[str, list[str]] = {}
    for expansion in expansions:
        before = waiting.setdefault(expansion.mark, [])
        before += [expansion.lead.format(number) + text for number, text in enumerate(expansion.texts, len(before))]
    if not waiting:
        return pieces
    marks = re.compile("|".join(map(re.escape, waiting)))
    written = "".join(text for text, learnt in pieces if not learnt)
    if any(written.count(mark) != len(texts) for mark, texts in waiting.items()):
        why = f"the chat template does not write {' or '.join(waiting)} once for each picture"
        raise Refused("weights_layout", "", why)
    following = {mark: iter(texts) for mark, texts in waiting.items()}
    return [(text if learnt else marks.sub(lambda m: next(following[m.group()]), text), learnt) for text, learnt in pieces]


def _narrowed(pieces: list[Piece], messages: list[Message], only: Collection[tuple[int, str]]) -> list[Piece]:
    """The pieces with nothing learnt but some sentences of the answers; the joined text is the same."""
    answers = iter([place for place, message in enumerate(messages) if message.role == "assistant"])
    narrowed: list[Piece] = []
    for text, learnt in pieces:
        done, place = 0, next(answers) if learnt else -1
        for sentence in [sentence for number, sentence in only if number == place]:
            start = text.find(sentence, done)
            if start >= 0:
                narrowed += [(text[done:start], False), (sentence, True)]
                done = start + len(sentence)
        narrowed.append((text[done:], False))
    return narrowed


def _label(tokenizer: Any, pieces: list[Piece]) -> tuple[Tensor, Tensor]:
    """Token ids of the joined pieces, and labels on every token that touches a learnt one."""
    text, begin = "".join(text for text, _ in pieces), tokenizer.bos_token
    special = not (begin and text.startswith(begin))  # as transformers' own apply_chat_template decides
    out = tokenizer(text, return_offsets_mapping=True, add_special_tokens=special)
    ids = torch.tensor(out["input_ids"], dtype=torch.long)
    start, stop = np.array(out["offset_mapping"]).reshape(-1, 2).T
    trained = np.zeros(len(ids), dtype=bool)
    for first, last in _spans(pieces):
        trained |= (start < last) & (stop > first) & (stop > start)
    return ids, torch.where(torch.from_numpy(trained), ids, IGNORED)


def _spans(pieces: list[Piece]) -> Iterator[tuple[int, int]]:
    """(start, stop) of each learnt piece in the joined text."""
    place = 0
    for text, learnt in pieces:
        if learnt:
            yield place, place + len(text)
        place += len(text)


def only_last(labels: Tensor) -> Tensor:
    """Labels of the last answer alone."""
    trained = labels != IGNORED
    starts = torch.nonzero(trained & ~torch.cat([trained.new_zeros(1), trained[:-1]])).flatten()
    last = labels.clone()
    if len(starts):
        last[: starts[-1]] = IGNORED
    return last


def collate(loaded: Loaded, batch: list[Encoded], pad: Literal["left", "right"], *, frames: bool = False) -> dict[str, Tensor]:
    """Pad and stack encoded examples, left to generate and right to train, and make floats of their frames.

    Parameters
    ----------
    frames : bool
        Leave frames as they are, uint8 (frames, h, w, 3), for one who has features of them.

    Returns
    -------
    dict
        `input_ids`, `labels`, `attention_mask` of shape (n, longest); `position_ids` of shape (n, longest), or
        (3, n, longest) where a model turns by time, row and column; and the media tensors.
    """
    longest = max(e.length for e in batch)

    def stacked(rows: list[Tensor], value: int) -> Tensor:
        out = torch.full((*rows[0].shape[:-1], len(rows), longest), value, dtype=rows[0].dtype)
        for number, values in enumerate(rows):
            length = values.shape[-1]
            out[..., number, slice(longest - length, None) if pad == "left" else slice(length)] = values
        return out

    out = {
        "input_ids": stacked([e.input_ids for e in batch], loaded.tokenizer.pad_token_id),
        "labels": stacked([e.labels for e in batch], IGNORED),
        "attention_mask": stacked([torch.ones_like(e.input_ids) for e in batch], 0),
    }
    for name in batch[0].per_token:
        out[name] = stacked([e.per_token[name] for e in batch], 0)
    for name in sorted({name for e in batch for name in e.media}):
        joined = torch.cat([e.media[name] for e in batch if name in e.media])
        out[name] = _floats(loaded, name, joined) if joined.dtype == torch.uint8 and not frames else joined
    return out


def _floats(loaded: Loaded, name: str, frames: Tensor) -> Tensor:
    return cast("Tensor", family_of(loaded.family).pixels(loaded.processor, name, frames))


def answer_columns(labels: Tensor) -> Tensor:
    """The columns whose logits some row is scored on: those before a labelled token (for `logits_to_keep`)."""
    return torch.nonzero((labels[:, 1:] != IGNORED).any(0)).flatten()


def show(loaded: Loaded, encoded: Encoded) -> str:
    """The sequence as rich markup: trained tokens green, a picture's run of equal tokens as one."""
    from rich.markup import escape

    ids, trained = encoded.input_ids.tolist(), (encoded.labels != IGNORED).tolist()
    special, out = loaded.tokenizer.added_tokens_decoder, []

    def folded(place: int) -> tuple[bool, int | None]:
        token = ids[place]
        run = token in special and token in (*ids[max(place - 1, 0) : place], *ids[place + 1 : place + 2])
        return trained[place], token if run else None

    for (learnt, token), places in itertools.groupby(range(len(ids)), folded):
        run = [ids[place] for place in places]
        piece = escape(loaded.tokenizer.decode(run, skip_special_tokens=False))
        if token is not None and not learnt:
            kind = "video" if "video" in str(special[token]) else "image"
            piece = f"[dim]{escape(f'[{kind} x {len(run)}]')}[/dim]"
        elif learnt:
            piece = f"[bold green]{piece}[/bold green]"
        out.append(piece)
    return "".join(out)
