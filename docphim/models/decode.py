"""What a model answers, and how likely it finds an answer: greedy or sampled decoding, teacher-forced likelihood."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, StaticCache

from docphim.errors import UsageError
from docphim.models.chat import end_of_answer
from docphim.models.encode import IGNORED, answer_columns
from docphim.models.loaded import Loaded
from docphim.models.odds import likely
from docphim.models.sampling import GREEDY, Decoding, Sampler

Finish = Literal["stop", "length"]


@torch.inference_mode()
def generate(
    loaded: Loaded,
    batch: dict[str, Tensor],
    *,
    max_new_tokens: int,
    decoding: Decoding = GREEDY,
    seeds: Sequence[int] = (),
    cache: str = "dynamic",
) -> list[tuple[str, Finish]]:
    """Answer a left-padded batch of prompts.

    Over the model's ordinary forward with transformers' cache, by these decoding settings alone: none that a checkpoint
    brings along acts (see `docphim.models.sampling.unlike`).  Rows that have ended leave the batch once half of it has.

    Parameters
    ----------
    seeds : sequence of int
        One a row, where tokens are drawn.
    cache : str
        See `past`.

    Returns
    -------
    list of (text, finish)
        `length` where the answer was cut at `max_new_tokens`.
    """
    model = loaded.model.eval()
    inputs = {k: v.to(loaded.device) for k, v in batch.items() if k != "labels"}
    ends = torch.tensor(sorted(end_tokens(loaded)), device=loaded.device)
    mask = inputs.pop("attention_mask")
    positions = inputs.pop("position_ids")
    sampler: Sampler | None = None
    before = past(loaded, cache, mask.shape[1] + max_new_tokens)
    rows = torch.arange(len(mask), device=loaded.device)
    answers = torch.full((len(mask), max_new_tokens), -1, dtype=torch.long, device=loaded.device)
    done = torch.zeros(len(mask), dtype=torch.bool, device=loaded.device)
    # One autocast for the whole answer: weights that are kept in float32 are then rounded once, not once a token.
    with loaded.autocast():
        for step in range(max_new_tokens):
            logits = model(
                **inputs, attention_mask=mask, position_ids=positions, past_key_values=before, use_cache=True, logits_to_keep=1
            ).logits[:, -1]
            if sampler is None:  # the logits say how large the vocabulary is
                sampler = Sampler(decoding, inputs["input_ids"], mask, logits.shape[-1], ends, seeds, max_new_tokens)
            token = sampler.choose(logits)
            answers[rows, step] = torch.where(done, -1, token)
            done = done | torch.isin(token, ends)
            ended = int(done.sum())  # the one time a token that a GPU is waited for
            if ended == len(done):
                break
            inputs = {"input_ids": token[:, None]}
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            positions = positions[..., -1:] + 1
            if ended * 2 > len(done):
                going = torch.nonzero(~done).flatten()
                before.reorder_cache(going)  # layers that keep a state know no other name for it
                sampler.keep(going)
                rows, mask, done = rows[going], mask[going], done[going]
                inputs, positions = {"input_ids": token[going, None]}, positions[..., going, :]
    return [as_text(loaded.tokenizer, row[row >= 0].tolist(), set(ends.tolist())) for row in answers]


def past(loaded: Loaded, cache: str, most: int) -> Cache:
    """What attention remembers of up to `most` tokens a row.

    `dynamic`: it grows with each token, which copies all of it.  `static`: it has its size from the start, and a token is
    written into it; places that are not taken yet are masked, so that greedy answers are the same but for rounding.

    Raises
    ------
    UsageError
        `static`, and transformers has no such cache for a kind of the model's layers.
    """
    config = loaded.core.config.get_text_config()
    if cache == "dynamic":
        return DynamicCache(config=config)
    try:
        return StaticCache(config=config, max_cache_len=most)
    except (KeyError, ValueError, NotImplementedError) as error:
        why = f"transformers has none for this decoder's layers ({error.args[0] if error.args else type(error).__name__})"
        raise UsageError(f"generate.cache: static: {why}") from None


def end_tokens(loaded: Loaded) -> set[int]:
    """Ids that end an answer: the chat template's, the tokenizer's and those of the checkpoint's generation_config."""
    listed: Any = getattr(loaded.core.generation_config, "eos_token_id", None)
    more = listed if isinstance(listed, list) else [listed]
    return {int(i) for i in [end_of_answer(loaded.tokenizer), loaded.tokenizer.eos_token_id, *more] if i is not None}


def as_text(tokenizer: Any, ids: list[int], ends: Collection[int]) -> tuple[str, Finish]:
    """An answer's tokens as its text, and whether it ended (by one of the tokens `ends`) or was cut."""
    stopped = bool(ids) and ids[-1] in ends
    text = tokenizer.decode(ids[:-1] if stopped else ids, skip_special_tokens=True)
    # A multi-byte letter cut by the length limit decodes to U+FFFD.
    return text.strip().removesuffix("\N{REPLACEMENT CHARACTER}"), "stop" if stopped else "length"


@torch.inference_mode()
def nats(loaded: Loaded, batch: dict[str, Tensor]) -> list[tuple[float, int]]:
    """Per row of a right-padded batch: -log p of the labelled tokens given all before them, and their number.

    The sum is in float32 per token, float64 over them.
    """
    inputs = {k: v.to(loaded.device) for k, v in batch.items() if k != "labels"}
    labels = batch["labels"]
    columns = answer_columns(labels)
    odds, _ = likely(loaded.model.eval(), loaded, inputs, labels, columns)
    scored = labels[:, columns + 1] != IGNORED
    nats = torch.where(scored.to(odds.device), -torch.nn.functional.logsigmoid(odds), 0).double().sum(1)
    return list(zip(nats.tolist(), scored.sum(1).tolist(), strict=True))
