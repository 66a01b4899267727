"""Validation: the loss, and where the recipe asks for it the scores of generated reports, on a seeded sample of `val`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from docphim.backends import SLACK
from docphim.errors import Refused
from docphim.files import seed_of
from docphim.models import decode
from docphim.models.encode import Encoded, collate
from docphim.models.loaded import Loaded
from docphim.progress import bar
from docphim.study import Example
from docphim.train.processes import Processes

if TYPE_CHECKING:
    from docphim.train.batch import Examples
    from docphim.train.pairs import Pairs

#: A batch, and each row's place among all.
Chunk = tuple[list[int], list[Encoded]]
#: By place: -log p of an answer, and its tokens.
Rows = dict[int, tuple[float, int]]
#: So many examples are drafted where only the drafts' shape is wanted.
DRAFTS = 32


def sample(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """At most `count` examples, drawn by seed, in their own order."""
    if len(examples) <= count:
        return list(examples)
    return [examples[i] for i in sorted(random.Random(seed_of("val", seed)).sample(range(len(examples)), count))]


class Validation:
    """Scores of a model on validation examples, shared among processes.

    Parameters
    ----------
    examples : Examples
        What is validated on; empty: every score is missing.
    pairs : Pairs, optional
        The same examples beside their negatives, where a training compares with them.
    keep_best : str
        What decides, a key of `docphim.recipe_training.DECIDING`.
    text_scores : callable, optional
        Scores by name of references and drafts (`docphim.train.text_scores`), where one of them decides.
    """

    def __init__(
        self,
        loaded: Loaded,
        examples: Examples,
        *,
        keep_best: str,
        batch_size: int,
        processes: Processes,
        pairs: Pairs | None = None,
        text_scores: Callable[[Sequence[str], Sequence[str]], dict[str, float]] | None = None,
    ) -> None:
        self.loaded, self.examples, self.keep_best, self.batch_size = loaded, examples, keep_best, batch_size
        self.pairs, self.text_scores = pairs, text_scores
        self.mine = range(processes.rank, len(examples), processes.world)
        self.gather, self.first = processes.gather, processes.first

    def scores(self) -> dict[str, float]:
        """`val/loss` (nats per answer token) and, where a score of drafts decides, it, `val/rougeL` and `val/bleu4` (percent).

        With pairs also `val/negative`, the same beside the other images, and `val/gap`, by how much that is more for the same
        examples; and of `DRAFTS` examples `val/words` of a draft and `val/distinct`, percent of them that are no other's.

        Raises
        ------
        Refused
            `loss_not_finite`.
        """
        if not len(self.examples):
            return {}
        with torch.random.fork_rng(devices=gpus(self.loaded)), torch.no_grad():
            rows = self._nats([self.examples[i] for i in self.mine])
            scores = {"val/loss": self._per_token(rows)}
            if self.pairs is not None:
                scores |= self._beside(self.pairs, rows)
            if self.text_scores is not None or self.pairs is not None:
                scores |= self._text()
        return finite(scores)

    def better(self, scores: dict[str, float]) -> float | None:
        """The score that decides, signed so that higher is better; None where nothing was validated."""
        if self.keep_best not in scores:
            return None
        return -scores[self.keep_best] if self.keep_best == "val/loss" else scores[self.keep_best]

    def _nats(self, encoded: list[Encoded]) -> Rows:
        rows: Rows = {}
        for places, chunk in self._shown(chunks(encoded, self.batch_size)):
            rows |= zip(places, decode.nats(self.loaded, self._batch(chunk, "right")), strict=True)
        return rows

    def _per_token(self, rows: Rows) -> float:
        # Sums of each process in the order of ranks: the same number whichever process asks.
        sums = self.gather((sum(nats for nats, _ in rows.values()), sum(tokens for _, tokens in rows.values())))
        return sum(nats for nats, _ in sums) / sum(tokens for _, tokens in sums)

    def _beside(self, pairs: Pairs, alone: Rows) -> dict[str, float]:
        """Whole answers beside the negatives of the examples that have one, and the difference."""
        negatives = {n: encoded for n, i in enumerate(self.mine) if (encoded := pairs.negative(i, whole=True)) is not None}
        if not any(self.gather(len(negatives))):
            return {}
        beside, places = self._nats(list(negatives.values())), list(negatives)
        negative = self._per_token(beside)
        return {"val/negative": negative, "val/gap": negative - self._per_token({n: alone[n] for n in places})}

    def _text(self) -> dict[str, float]:
        asked = [i for i in self.mine if self.text_scores is not None or i < DRAFTS]
        turns = [(i, turn) for i in asked for turn, m in enumerate(self._messages(i)) if m.role == "assistant"]
        references = [self._messages(i)[turn].content for i, turn in turns]
        longest = max((len(self.loaded.tokenizer(text)["input_ids"]) for text in references), default=1)
        most = max(self.gather(longest))
        answers = [""] * len(turns)
        prompts = [self.examples.prompt(i, turn) for i, turn in turns]
        for places, chunk in self._shown(chunks(prompts, self.batch_size)):
            drafts = decode.generate(self.loaded, self._batch(chunk, "left"), max_new_tokens=round(SLACK * most) + 1)
            for place, (text, _) in zip(places, drafts, strict=True):
                answers[place] = text
        pairs = [pair for part in self.gather(list(zip(references, answers, strict=True))) for pair in part]
        scores = {} if self.pairs is None else _shape([answer for _, answer in pairs])
        if self.text_scores is not None:
            scores |= self.text_scores([r for r, _ in pairs], [a for _, a in pairs])
        return scores

    def _shown(self, chunks: list[Chunk]) -> Iterable[Chunk]:
        return bar(chunks, len(chunks), "validation") if self.first else chunks

    def _messages(self, index: int) -> list[Any]:
        return self.examples.examples[index].messages

    def _batch(self, chunk: list[Encoded], pad: Any) -> dict[str, torch.Tensor]:
        batch = collate(self.loaded, chunk, pad)
        return {name: tensor.to(self.loaded.device) for name, tensor in batch.items()}


def _shape(drafts: Sequence[str]) -> dict[str, float]:
    """How long drafts are, how many differ: pushed from likely reports a model may cut them short, or write one for all."""
    words = [draft.split() for draft in drafts]
    distinct = len({tuple(draft) for draft in words})
    return {"val/words": sum(map(len, words)) / len(words), "val/distinct": 100 * distinct / len(words)}


def chunks(encoded: Sequence[Encoded], size: int) -> list[Chunk]:
    """Batches of like length, with each row's place in `encoded`."""
    order = sorted(range(len(encoded)), key=lambda i: (encoded[i].length, i))
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    return [(part, [encoded[i] for i in part]) for part in parts]


def finite(scores: dict[str, float]) -> dict[str, float]:
    """The scores of a validation; refused (`loss_not_finite`) where one is no number or infinite."""
    for name, value in scores.items():
        if not abs(value) < float("inf"):
            raise Refused("loss_not_finite", "validation", f"{name} is {value}")
    return scores


def gpus(loaded: Loaded) -> list[int]:
    """The GPU whose random numbers a model draws from, if it is on one."""
    return [loaded.device.index or 0] if loaded.device.type == "cuda" else []
