"""Backend `transformers`: the run's own model, in batches, on whatever device there is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from docphim.generate.backend import Prompt
from docphim.models import decode
from docphim.models.encode import collate, encode, only_last
from docphim.models.load import load_saved


class Backend:
    """The model saved in a run's folder (see `docphim.generate.backend.Backend`); `base`: where its base lies now."""

    each_alone, tells_likelihood, concurrency = False, True, 1

    def __init__(self, run: Path, *, blind: bool, max_new_tokens: int, temperature: float, base: str | None = None) -> None:
        self.loaded = load_saved(run / "model", base=base)
        self.name, self.size = self.loaded.name, self.loaded.size
        self.blind, self.max_new_tokens, self.temperature = blind, max_new_tokens, temperature

    def answer(self, prompts: list[Prompt], seed: int) -> list[tuple[str, Literal["stop", "length"]]]:
        """Draft the next assistant message of each prompt; greedy unless the temperature is above 0."""
        encoded = [encode(self.loaded, p.messages, p.images, answer=False, blind=self.blind) for p in prompts]
        batch = collate(self.loaded, encoded, "left")
        return decode.generate(self.loaded, batch, max_new_tokens=self.max_new_tokens, temperature=self.temperature, seed=seed)

    def likelihood(self, prompts: list[Prompt]) -> list[tuple[float, int]]:
        """-log p (nats) of each prompt's last message with its end token, and the number of these tokens."""
        encoded = [encode(self.loaded, p.messages, p.images, blind=self.blind) for p in prompts]
        for one in encoded:
            one.labels = only_last(one.labels)
        return decode.nats(self.loaded, collate(self.loaded, encoded, "right"))

    def close(self) -> None:
        """Nothing is held open."""
