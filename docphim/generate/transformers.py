"""Backend `transformers`: the run's own model, in batches, on whatever device there is."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal

from docphim.backends import most_tokens
from docphim.files import read_json
from docphim.generate.backend import Prompt
from docphim.models import decode
from docphim.models.answering import for_answers
from docphim.models.checkpoint import read_note
from docphim.models.encode import collate, encode, only_last
from docphim.models.load import check_gpus, load_saved
from docphim.models.meet import PROMPTS, ZeroShot, answers, image_vectors, meets, report_vectors
from docphim.models.sampling import Decoding, unlike

logger = logging.getLogger("docphim")


class Backend:
    """The model saved in a run's folder (see `docphim.generate.backend.Backend`); `base`: where its base lies now,
    `cache`: see `docphim.models.decode.past`, `decoding`: the fields of `docphim.models.sampling.Decoding`.

    Raises
    ------
    UsageError
        `max_new_tokens` is `longest`, and the model's folder does not say how long the longest answer of its training was; the
        model's decoder has no static cache.
    """

    each_alone, tells_likelihood, concurrency = False, True, 1

    def __init__(
        self,
        run: Path,
        *,
        blind: bool,
        max_new_tokens: int | str,
        base: str | None = None,
        cache: str = "dynamic",
        **decoding: Any,
    ) -> None:
        most = _most(max_new_tokens, read_note(run / "model").get("longest_answer"))
        self.loaded = for_answers(load_saved(run / "model", base=base))
        self.name, self.size = self.loaded.name, self.loaded.size
        self.blind, self.max_new_tokens, self.decoding, self.cache = blind, most, Decoding(**decoding), cache
        self.zero_shot = None if answers(self.loaded) else ZeroShot(self.loaded, read_json(run / "model" / PROMPTS))
        if self.zero_shot is None:
            decode.past(self.loaded, cache, 1)  # refused before anything is drafted
        if unused := unlike(self.loaded, self.decoding):
            words = ", ".join(f"{name} {value}" for name, value in unused.items())
            logger.info("generate: the checkpoint's own %s does not act; the recipe's settings do", words)

    @staticmethod
    def check_processes(run: Path, processes: int, max_new_tokens: int | str) -> None:
        """Say of a run's model, before several processes open it, what they could only say in silence.

        Raises
        ------
        UsageError
            There are more processes than GPUs on this machine (a cluster gives each what it has free).
        """
        check_gpus(processes)
        _most(max_new_tokens, read_note(run / "model").get("longest_answer"))

    def answer(self, prompts: list[Prompt]) -> list[tuple[str, Literal["stop", "length"]]]:
        """Draft the next assistant message of each prompt; greedy unless the temperature is above 0.

        A model that was only aligned says which prompts are nearer (`models.meet.ZeroShot`).
        """
        if self.zero_shot is not None:
            return [(text, "stop") for text in self.zero_shot.drafts(self._images(prompts))]
        encoded = [encode(self.loaded, p.messages, p.images, answer=False, blind=self.blind) for p in prompts]
        batch = collate(self.loaded, encoded, "left")
        seeds = [prompt.seed for prompt in prompts]
        how: Any = {"max_new_tokens": self.max_new_tokens, "decoding": self.decoding, "cache": self.cache}
        return decode.generate(self.loaded, batch, seeds=seeds, **how)

    def vectors(self, prompts: list[Prompt]) -> list[dict[str, list[float]]] | None:
        """Unit vectors of each prompt's image and of its last message; None of a model without a report encoder."""
        if not meets(self.loaded) or not all(prompt.images for prompt in prompts):
            return None
        reports = report_vectors(self.loaded, [prompt.messages[-1].content for prompt in prompts])
        both = zip(self._images(prompts), reports, strict=True)
        return [{"image_vector": _plain(image), "report_vector": _plain(report)} for image, report in both]

    def _images(self, prompts: list[Prompt]) -> Any:
        return image_vectors(self.loaded, [prompt.images[0] for prompt in prompts])

    def likelihood(self, prompts: list[Prompt]) -> list[tuple[float | None, int]]:
        """-log p (nats) of each prompt's last message with its end token, and the number of these tokens.

        A model without a decoder finds no text likely or unlikely: None.
        """
        if self.zero_shot is not None:
            return [(None, 0)] * len(prompts)
        encoded = [encode(self.loaded, p.messages, p.images, blind=self.blind) for p in prompts]
        for one in encoded:
            one.labels = only_last(one.labels)
        return [*decode.nats(self.loaded, collate(self.loaded, encoded, "right"))]

    def close(self) -> None:
        """Nothing is held open."""


def _plain(vector: Any) -> list[float]:
    return [round(float(number), 6) for number in vector]


def _most(asked: int | str, longest: int | None) -> int:
    """`most_tokens`; it is logged where answers of the training would not fit."""
    most = most_tokens(asked, longest)
    if longest is not None and most <= longest:
        logger.warning(
            "generate.max_new_tokens is %s, and the longest answer of the training has %d tokens: drafts may be cut",
            asked,
            longest,
        )
    return most
