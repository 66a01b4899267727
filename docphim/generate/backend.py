"""What a generation backend offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from docphim.imaging.frames import Stack
from docphim.study import Message


@dataclass(frozen=True)
class Prompt:
    """A conversation up to an answer (or with it, for a likelihood) and what it shows, one stack a media tag.

    `key` is that of the prediction that is asked for: (example, turn, context, image); `task` and `language` are its
    example's; `seed` is its own, whatever is asked beside it.
    """

    messages: list[Message]
    images: list[Stack]
    key: tuple[str, int, str, str] = ("", 0, "none", "own")
    seed: int = 0
    task: str = ""
    language: str = "vi"


class Backend(Protocol):
    """A model behind a backend; `size` is the (height, width) its films are letterboxed to, (0, 0) where it sees none.

    A backend that knows all its answers beforehand may have `expect(keys)`: it is given the keys of all that will be asked.

    One that goes by the reports of the training has `learn(examples)`: it is given the examples of that split first.  Where it
    does so by its options alone, `learns(options)` says whether it will.

    One whose answers depend on more than the recipe may have `signature(**asking)`, without a model: what that is.

    `each_alone`: an answer depends on its own prompt and no other.  Conversations are then asked one by one, `concurrency` at
    once from as many threads, and what is answered is never asked again; otherwise an unfinished batch is repeated whole.
    `tells_likelihood`: whether `likelihood` gives numbers; what was drafted without them is then not finished.
    """

    each_alone: ClassVar[bool]
    tells_likelihood: ClassVar[bool]
    name: str
    size: tuple[int, int]
    concurrency: int

    def answer(self, prompts: list[Prompt]) -> list[tuple[str, Literal["stop", "length", "refused", "failed"]]]:
        """Draft the next assistant message of each prompt."""

    def likelihood(self, prompts: list[Prompt]) -> list[tuple[float, int]] | None:
        """-log p (nats) of each prompt's last message and its number of tokens; None where a backend cannot tell."""

    def close(self) -> None:
        """Let go of what is held open."""
