"""Validation: the loss, and where the recipe asks for it the scores of generated reports, on a seeded sample of `val`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from docphim.errors import Refused
from docphim.files import seed_of
from docphim.metrics import corpus
from docphim.models import decode
from docphim.models.encode import Encoded, collate
from docphim.models.loaded import Loaded
from docphim.progress import bar
from docphim.study import Example
from docphim.train.processes import Processes

if TYPE_CHECKING:
    from docphim.train.batch import Examples

#: A batch, and each row's place among all.
Chunk = tuple[list[int], list[Encoded]]
#: A generated answer may be this much longer than the longest reference before it is cut.
SLACK = 1.25


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
    keep_best : str
        `val/loss`, or a score of generated text (`val/rougeL`, `val/bleu4`), which costs a generation each time.
    """

    def __init__(
        self,
        loaded: Loaded,
        examples: Examples,
        *,
        keep_best: str,
        batch_size: int,
        processes: Processes,
    ) -> None:
        self.loaded, self.examples, self.keep_best, self.batch_size = loaded, examples, keep_best, batch_size
        self.mine = range(processes.rank, len(examples), processes.world)
        self.gather, self.first = processes.gather, processes.first

    def scores(self) -> dict[str, float]:
        """`val/loss` (nats per answer token) and, when one of them is to be kept, `val/rougeL` and `val/bleu4` (percent).

        Raises
        ------
        Refused
            `loss_not_finite`.
        """
        if not len(self.examples):
            return {}
        with torch.random.fork_rng(devices=_gpus(self.loaded)), torch.no_grad():
            scores = {"val/loss": self._loss()}
            if self.keep_best != "val/loss":
                scores.update(self._text())
        if not all(abs(value) < float("inf") for value in scores.values()):
            raise Refused("loss_not_finite", "validation", f"the validation loss is {scores['val/loss']}")
        return scores

    def better(self, scores: dict[str, float]) -> float | None:
        """The score that decides, signed so that higher is better; None where nothing was validated."""
        if self.keep_best not in scores:
            return None
        return -scores[self.keep_best] if self.keep_best == "val/loss" else scores[self.keep_best]

    def _loss(self) -> float:
        encoded = [self.examples[i] for i in self.mine]
        rows: list[tuple[float, int]] = []
        for _, chunk in self._shown(_chunks(encoded, self.batch_size)):
            rows += decode.nats(self.loaded, self._batch(chunk, "right"))
        # Sums of each process in the order of ranks: the same number whichever process asks.
        sums = self.gather((sum(nats for nats, _ in rows), sum(tokens for _, tokens in rows)))
        return sum(nats for nats, _ in sums) / sum(tokens for _, tokens in sums)

    def _text(self) -> dict[str, float]:
        turns = [(i, turn) for i in self.mine for turn, m in enumerate(self._messages(i)) if m.role == "assistant"]
        references = [self._messages(i)[turn].content for i, turn in turns]
        longest = max((len(self.loaded.tokenizer(text)["input_ids"]) for text in references), default=1)
        most = max(self.gather(longest))
        answers = [""] * len(turns)
        prompts = [self.examples.prompt(i, turn) for i, turn in turns]
        for places, chunk in self._shown(_chunks(prompts, self.batch_size)):
            drafts = decode.generate(
                self.loaded, self._batch(chunk, "left"), max_new_tokens=round(SLACK * most) + 1, temperature=0.0, seed=0
            )
            for place, (text, _) in zip(places, drafts, strict=True):
                answers[place] = text
        pairs = [pair for part in self.gather(list(zip(references, answers, strict=True))) for pair in part]
        language = self.examples.examples[0].language
        values = corpus([r for r, _ in pairs], [a for _, a in pairs], language)
        return {f"val/{key}": values[key] for key in ("rougeL", "bleu4")}

    def _shown(self, chunks: list[Chunk]) -> Iterable[Chunk]:
        return bar(chunks, len(chunks), "validation") if self.first else chunks

    def _messages(self, index: int) -> list[Any]:
        return self.examples.examples[index].messages

    def _batch(self, chunk: list[Encoded], pad: Any) -> dict[str, torch.Tensor]:
        batch = collate(self.loaded, chunk, pad)
        return {name: tensor.to(self.loaded.device) for name, tensor in batch.items()}


def _chunks(encoded: list[Encoded], size: int) -> list[Chunk]:
    """Batches of like length, with each row's place in `encoded`."""
    order = sorted(range(len(encoded)), key=lambda i: (encoded[i].length, i))
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    return [(part, [encoded[i] for i in part]) for part in parts]


def _gpus(loaded: Loaded) -> list[int]:
    return [loaded.device.index or 0] if loaded.device.type == "cuda" else []
