"""Messages and films to what a model reads: token ids, per-turn labels, pixel tensors; and batches of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from docphim.errors import Refused
from docphim.models.loaded import Loaded
from docphim.study import Message

IGNORED = -100
#: Media tensors with one value a token: padded, not concatenated.
PER_TOKEN = ("mm_token_type_ids",)
_TAG = re.compile(r"\s*<image>\s*")


@dataclass
class Encoded:
    """One example as a model reads it; `labels` is -100 except on assistant text and its end token."""

    input_ids: Tensor
    labels: Tensor
    media: dict[str, Tensor]
    length: int


def encode(
    loaded: Loaded,
    messages: list[Message],
    images: list[np.ndarray],
    *,
    answer: bool = True,
    blind: bool = False,
) -> Encoded:
    """Tokenise a conversation with its films.

    Parameters
    ----------
    messages : list of Message
        With one `<image>` tag in a user's text for each film, in order.
    images : list of uint8 array (h, w, 3)
        Letterboxed to `loaded.size`.
    answer : bool
        False: the messages end before the turn to be generated, and the generation prompt is appended.
    blind : bool
        Drop the tags; the model sees text only and `images` is not looked at.

    Raises
    ------
    ValueError
        Tags and films differ in number, or a film is not of the size the model takes.
    """
    turns = [_parts(m, loaded.tokenizer, blind) for m in messages]
    images = [] if blind else images
    tags = sum(part["type"] == "image" for turn in turns for part in turn["content"])
    if tags != len(images):
        raise ValueError(f"{tags} <image> tags for {len(images)} images")
    for image in images:
        if image.shape != (*loaded.size, 3) or image.dtype != np.uint8:
            raise ValueError(f"an image is {image.dtype} {image.shape}, not uint8 {(*loaded.size, 3)}")
    text, spans = _render(loaded.tokenizer, turns, answer)
    ids, labels = _label(loaded.tokenizer, text, spans)
    media = pixels(loaded, images) if images else {}
    picture = loaded.processor.image_token_id
    if images:
        # Transformers' own expansion of a placeholder, asked for film by film.
        counts = [loaded.processor.replace_image_token(media, n).count(loaded.processor.image_token) for n in range(tags)]
        times = torch.ones_like(ids)
        times[ids == picture] = torch.tensor(counts)
        ids, labels = ids.repeat_interleave(times), labels.repeat_interleave(times)
    if "mm_token_type_ids" in loaded.processor.model_input_names:
        media["mm_token_type_ids"] = (ids == picture).long()
    return Encoded(ids, labels, media, len(ids))


def pixels(loaded: Loaded, images: list[np.ndarray]) -> dict[str, Tensor]:
    """The image tensors of one example's films (uint8, `loaded.size`), by the family's own image processor.

    The size is one the family takes, so the processor's resize and crop would change nothing: they are left out.
    """
    return dict(loaded.processor.image_processor(images, return_tensors="pt", do_resize=False, do_center_crop=False))


def _parts(message: Message, tokenizer: Any, blind: bool) -> dict[str, Any]:
    """A message in the form chat templates take, `<image>` tags of users as image parts."""
    text = unicodedata.normalize("NFC", message.content)
    pieces = _TAG.split(text) if message.role == "user" else [text]
    content: list[dict[str, str]] = []
    for number, piece in enumerate(pieces):
        if number and not blind:
            content.append({"type": "image"})
        if piece := _special(tokenizer).sub(" ", piece).strip():
            content.append({"type": "text", "text": piece})
    if blind and len(pieces) > 1:
        content = [{"type": "text", "text": "\n".join(part["text"] for part in content)}]
    return {"role": message.role, "content": content or [{"type": "text", "text": ""}]}


@lru_cache(maxsize=8)
def _special(tokenizer: Any) -> re.Pattern[str]:
    """Matches the tokenizer's special tokens: written out in a report they must not act as such."""
    tokens = sorted({str(token) for token in tokenizer.added_tokens_decoder.values()}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, tokens)) or r"(?!)")


def _render(tokenizer: Any, turns: list[dict[str, Any]], answer: bool) -> tuple[str, list[tuple[int, int]]]:
    """The conversation as the template writes it, and the (start, stop) of each answer with its end token.

    A template that writes no end token after an answer (LLaVA-1.5's) gets one: a model must learn to stop.
    """
    whole = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=not answer)
    end, text, done = tokenizer.eos_token, "", 0
    spans = []
    for number, turn in enumerate(turns):
        if turn["role"] != "assistant":
            continue
        prompt = tokenizer.apply_chat_template(turns[:number], tokenize=False, add_generation_prompt=True)
        if not whole.startswith(prompt):
            raise Refused(
                "weights_layout", "", "the chat template rewrites earlier turns: answers cannot be told from the prompt"
            )
        said = turn["content"][0]["text"]
        stop = whole.index(said, len(prompt)) + len(said)
        start = len(text) + len(prompt) - done
        text += whole[done:stop] + end
        spans.append((start, len(text)))
        rest = whole[stop:]
        done = stop + len(rest) - len(rest.lstrip()) + len(end) if rest.lstrip().startswith(end) else stop
    return text + whole[done:], spans


def _label(tokenizer: Any, text: str, spans: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Token ids, and labels on every token that touches an answer."""
    begin = tokenizer.bos_token
    special = not (begin and text.startswith(begin))  # as transformers' own apply_chat_template decides
    out = tokenizer(text, return_offsets_mapping=True, add_special_tokens=special)
    ids = torch.tensor(out["input_ids"], dtype=torch.long)
    start, stop = np.array(out["offset_mapping"]).T
    trained = np.zeros(len(ids), dtype=bool)
    for first, last in spans:
        trained |= (start < last) & (stop > first) & (stop > start)
    return ids, torch.where(torch.from_numpy(trained), ids, IGNORED)


def only_last(labels: Tensor) -> Tensor:
    """Labels of the last answer alone."""
    trained = labels != IGNORED
    starts = torch.nonzero(trained & ~torch.cat([trained.new_zeros(1), trained[:-1]])).flatten()
    kept = labels.clone()
    if len(starts):
        kept[: starts[-1]] = IGNORED
    return kept


def collate(batch: list[Encoded], pad: Literal["left", "right"], pad_id: int) -> dict[str, Tensor]:
    """Pad and stack encoded examples: left to generate, right to train.

    Returns
    -------
    dict
        `input_ids`, `labels`, `attention_mask` of shape (n, longest), and the media tensors.
    """
    longest = max(e.length for e in batch)

    def stacked(rows: list[Tensor], value: int) -> Tensor:
        out = torch.full((len(rows), longest), value, dtype=rows[0].dtype)
        for row, values in zip(out, rows, strict=True):
            row[slice(longest - len(values), None) if pad == "left" else slice(len(values))] = values
        return out

    out = {
        "input_ids": stacked([e.input_ids for e in batch], pad_id),
        "labels": stacked([e.labels for e in batch], IGNORED),
        "attention_mask": stacked([torch.ones_like(e.input_ids) for e in batch], 0),
    }
    for name in sorted({name for e in batch for name in e.media}):
        rows = [e.media[name] for e in batch if name in e.media]
        out[name] = stacked(rows, 0) if name in PER_TOKEN else torch.cat(rows)
    return out


def answer_columns(labels: Tensor) -> Tensor:
    """The columns whose logits some row is scored on: those before a labelled token (for `logits_to_keep`)."""
    return torch.nonzero((labels[:, 1:] != IGNORED).any(0)).flatten()


def show(loaded: Loaded, encoded: Encoded) -> str:
    """The sequence as rich markup: trained tokens green, runs of image placeholders as one."""
    from rich.markup import escape

    ids, trained = encoded.input_ids.tolist(), (encoded.labels != IGNORED).tolist()
    out, place = [], 0
    while place < len(ids):
        stop = place + 1
        picture = ids[place] == loaded.processor.image_token_id
        while stop < len(ids) and trained[stop] == trained[place] and (ids[stop] == loaded.processor.image_token_id) == picture:
            stop += 1
        piece = escape(loaded.tokenizer.decode(ids[place:stop], skip_special_tokens=False))
        if picture:
            piece = f"[dim]{escape(f'[image x {stop - place}]')}[/dim]"
        elif trained[place]:
            piece = f"[bold green]{piece}[/bold green]"
        out.append(piece)
        place = stop
    return "".join(out)
