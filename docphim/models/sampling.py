"""How the next token is chosen: the most likely one, or one drawn by a seed of the row's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.generation.logits_process import TopKLogitsWarper, TopPLogitsWarper

from docphim.models.loaded import Loaded


@dataclass(frozen=True)
class Decoding:
    """Decoding settings, each as transformers' generation settings of that name define it.

    Attributes
    ----------
    temperature : float
        0: the most likely token; else what logits are divided by before one is drawn.
    top_p, top_k
        Where tokens are drawn: of the fewest that have so much of the probability, of so many (0: all).
    repetition_penalty : float
        Positive logits of tokens that stand in the prompt or the answer are divided by it, negative ones multiplied.
    min_new_tokens : int
        Before so many tokens no answer ends.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    min_new_tokens: int = 0


#: The most likely token each time, whatever a checkpoint brings along.
GREEDY = Decoding()


class Sampler:
    """Chooses the next token of each row of a batch; what it draws depends on the row alone, not on those beside it.

    Each row has a stream of uniform numbers from its own seed, one a token, which choose by the inverse of the cumulated
    probabilities (in float64): the same on every device, in every batch.

    Parameters
    ----------
    ids, mask : Tensor
        The prompts, (rows, length); padding (mask 0) counts as no token.
    vocabulary : int
        How many logits there are.
    ends : Tensor
        Ids that end an answer.
    seeds : sequence of int
        One a row; none where nothing is drawn.
    most : int
        How many tokens an answer has at most.
    """

    def __init__(
        self, decoding: Decoding, ids: Tensor, mask: Tensor, vocabulary: int, ends: Tensor, seeds: Sequence[int], most: int
    ) -> None:
        self.decoding, self.ends, self.step = decoding, ends, 0
        self.seen = _seen(ids, mask, vocabulary) if decoding.repetition_penalty != 1 else None
        if decoding.temperature > 0:
            if len(seeds) != len(ids):
                raise ValueError(f"{len(seeds)} seeds for {len(ids)} rows")
            rows = [torch.rand(most, dtype=torch.float64, generator=torch.Generator().manual_seed(s)) for s in seeds]
            self.uniform = torch.stack(rows).to(ids.device)
        warpers: list[Any] = [TopKLogitsWarper(decoding.top_k)] if decoding.top_k else []
        self.warpers = [*warpers, *([TopPLogitsWarper(decoding.top_p)] if decoding.top_p < 1 else [])]

    def choose(self, logits: Tensor) -> Tensor:
        """The next token of each row, from logits (rows, vocabulary)."""
        token = self._choose(self._processed(logits))
        if self.seen is not None:
            self.seen.scatter_(1, token[:, None], True)
        self.step += 1
        return token

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        self.seen = None if self.seen is None else self.seen[rows]
        if self.decoding.temperature > 0:
            self.uniform = self.uniform[rows]

    def _processed(self, logits: Tensor) -> Tensor:
        penalty = self.decoding.repetition_penalty
        if self.seen is not None:
            logits = logits.float()
            logits = torch.where(self.seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
        if self.step < self.decoding.min_new_tokens:
            logits = logits.index_fill(1, self.ends, -torch.inf)
        return logits

    def _choose(self, logits: Tensor) -> Tensor:
        if self.decoding.temperature <= 0:
            return logits.argmax(-1)
        scores = logits.double() / self.decoding.temperature
        for warper in self.warpers:
            scores = warper(None, scores)
        chances = torch.softmax(scores, -1).cumsum(-1)
        # Below the last sum, so that rounding never points past the last token that has a chance.
        drawn = self.uniform[:, self.step, None] * chances[:, -1:]
        return torch.searchsorted(chances, drawn, right=True).flatten()


def _seen(ids: Tensor, mask: Tensor, vocabulary: int) -> Tensor:
    """Which tokens of the vocabulary stand in each prompt, bool (rows, vocabulary)."""
    # One place more takes what is no token: padding, and placeholders of pictures that have no logit.
    places = torch.where((mask > 0) & (ids < vocabulary), ids, vocabulary)
    seen = torch.zeros(len(ids), vocabulary + 1, dtype=torch.bool, device=ids.device)
    return seen.scatter_(1, places, True)[:, :vocabulary]


def unlike(loaded: Loaded, decoding: Decoding) -> dict[str, Any]:
    """The settings of the checkpoint's own generation_config that differ from these: they do not act.

    A checkpoint that does not sample has no temperature, top_p or top_k, whatever stands there.
    """
    config = loaded.core.generation_config
    sampled = ("temperature", "top_p", "top_k") if getattr(config, "do_sample", None) else ()
    ours = asdict(decoding)
    named = {name: getattr(config, name, None) for name in (*sampled, "repetition_penalty", "min_new_tokens")}
    return {name: value for name, value in named.items() if value is not None and value != ours[name]}
