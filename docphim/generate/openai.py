"""Backend `openai`: films and questions go to an OpenAI-compatible endpoint, the one address that the recipe names.

Films go as PNG data URLs: without loss, so that the endpoint sees the very frame that `transformers` would.
"""

from __future__ import annotations

import base64
import io
import logging
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from docphim.generate.backend import Prompt
from docphim.generate.shots import Asked, chosen, with_shots
from docphim.imaging.frames import Stack
from docphim.models.endpoint import Answer, Endpoint
from docphim.study import Example, Message

Row = dict[str, Any]
logger = logging.getLogger("docphim")
_TAG = re.compile(r"\s*<(?:image|video)>\s*")
#: Seeds of 31 bits: some servers keep them in a C int.
_SEEDS = 2**31


class Backend:
    """A model behind an endpoint (see `docphim.generate.backend.Backend`, `docphim.models.endpoint.Endpoint`)."""

    each_alone, tells_likelihood = True, False

    def __init__(
        self,
        run: Path,
        *,
        blind: bool,
        max_new_tokens: int,
        temperature: float,
        top_p: float = 1.0,
        model: str,
        image_size: int | Sequence[int],
        endpoint: str,
        shots: int = 0,
        **asking: Any,
    ) -> None:
        self.name, self.blind, self.max_new_tokens = model, blind, max_new_tokens
        self.decoding = {"temperature": temperature, **({"top_p": top_p} if top_p < 1 else {})}
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        self.size = (height, width)
        self.endpoint = Endpoint(endpoint, model, where="generate", **asking)
        self.concurrency = self.endpoint.concurrency
        self._failed: Counter[str] = Counter()
        self.shots, self._examples = shots, dict[Asked, list[str]]()

    @staticmethod
    def learns(options: Row) -> bool:
        """Whether reports of the training stand in its prompts."""
        return bool(options.get("shots"))

    def learn(self, train: Sequence[Example]) -> None:
        """Draw the reports that stand in every prompt of their task."""
        self._examples = chosen(train, self.shots)

    def answer(self, prompts: list[Prompt]) -> list[tuple[str, Literal["stop", "length", "refused", "failed"]]]:
        """Ask for the next assistant message of each prompt, one after the other."""
        answers = [self._ask(prompt) for prompt in prompts]
        return [(answer.text.strip(), answer.finish) for answer in answers]

    def likelihood(self, prompts: list[Prompt]) -> None:
        """None: chat completions do not tell how likely a text of ours would be."""

    def close(self) -> None:
        """Close the connections and say what failed."""
        self.endpoint.close()
        if self._failed:
            why = "; ".join(f"{why} ({n})" for why, n in self._failed.most_common(3))
            logger.warning("%d answers failed and are asked for again next time: %s", self._failed.total(), why)

    def _ask(self, prompt: Prompt) -> Answer:
        spoken = with_shots(prompt.messages, self._examples.get((prompt.task, prompt.key[1]), []), prompt.language)
        messages = chat_messages(spoken, prompt.images, blind=self.blind)
        settings = {**self.decoding, "max_tokens": self.max_new_tokens, "seed": prompt.seed % _SEEDS}
        answer = self.endpoint.chat(messages, **settings)
        if answer.finish == "failed":
            self._failed[answer.why] += 1
        return answer


def chat_messages(messages: Sequence[Message], images: Sequence[Stack], *, blind: bool = False) -> list[Row]:
    """A conversation in the form chat completions take: image parts for each media tag of a user, in order.

    Parameters
    ----------
    images : sequence of Stack
        One a tag; a stack of several frames becomes as many image parts.
    blind : bool
        Send the words alone.

    Raises
    ------
    ValueError
        Tags and films differ in number.
    """
    left, rows = [] if blind else list(images), list[Row]()
    for message in messages:
        pieces = _TAG.split(message.content) if message.role == "user" else [message.content]
        if len(pieces) == 1 or blind:
            rows.append({"role": message.role, "content": "\n".join(piece for piece in pieces if piece.strip())})
            continue
        parts: list[Row] = []
        for number, piece in enumerate(pieces):
            if number:
                if not left:
                    raise ValueError(f"more <image> tags than the {len(images)} films")
                parts += [{"type": "image_url", "image_url": {"url": data_url(frame)}} for frame in left.pop(0).frames]
            if piece.strip():
                parts.append({"type": "text", "text": piece.strip()})
        rows.append({"role": message.role, "content": parts})
    if left:
        raise ValueError(f"{len(left)} of {len(images)} films have no <image> tag")
    return rows


def data_url(frame: np.ndarray) -> str:
    """A frame, uint8 (h, w, 3), as a PNG data URL; a film's three channels are one, and one is sent."""
    grey = (frame == frame[:, :, :1]).all()
    handle = io.BytesIO()
    Image.fromarray(frame[:, :, 0] if grey else frame).save(handle, "PNG")
    return "data:image/png;base64," + base64.b64encode(handle.getvalue()).decode()
