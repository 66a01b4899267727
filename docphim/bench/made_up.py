"""Examples made up for measuring: pictures of noise beside reports of a given length."""

from __future__ import annotations

import itertools

import numpy as np

from docphim.imaging.frames import Stack
from docphim.models.encode import Encoded, encode
from docphim.models.loaded import Loaded
from docphim.study import Example, Message

#: What the reports are made of; the words do not matter, their number does.
_WORDS = (
    *("tràn", "dịch", "màng", "phổi", "phải", "lượng", "vừa", "bóng", "tim", "không", "to"),
    *("đông", "đặc", "thuỳ", "dưới", "trái", "vôi", "hoá", "cung", "động", "mạch", "chủ"),
)

#: So many different examples, shown over and over.
COUNT = 32


def texts() -> list[Example]:
    """What a tiny tokenizer learns from."""
    return [
        Example("made-up", "made-up", "made-up", "train", "findings", "vi", [Message("assistant", " ".join(_WORDS * 2))], [])
    ]


class MadeUp:
    """`COUNT` examples of one picture, or of a stack of slices, and a report; every one is encoded whenever it is asked for.

    Parameters
    ----------
    tokens : int
        Length of an example; longer where the pictures alone take as much.
    frames : int
        1: a film; more: a stack.
    """

    def __init__(self, loaded: Loaded, tokens: int, frames: int) -> None:
        self.loaded, self.frames, self.examples, self.blind = loaded, frames, range(COUNT), False
        self._random = np.random.default_rng(0)
        self._noise = self._random.integers(0, 256, (frames, *loaded.size, 3)).astype(np.uint8)
        empty = self._encoded(0, 1).length
        a_word = (self._encoded(0, 200).length - empty) / 199
        self.words = max(1, round((tokens - empty) / a_word) + 1)

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Encoded:
        return self._encoded(index, self.words)

    def prompt(self, index: int, turn: int) -> Encoded:
        """Everything of an example but its report."""
        return self._encoded(index, 0)

    def _encoded(self, index: int, words: int) -> Encoded:
        tag = "<image>" if self.frames == 1 else "<video>"
        messages = [Message("user", f"{tag}\nMô tả hình ảnh.")]
        if words:
            report = itertools.islice(itertools.cycle((*_WORDS[index % len(_WORDS) :], *_WORDS)), words)
            messages.append(Message("assistant", " ".join(report)))
        stack = Stack(np.roll(self._noise, index, axis=1), 8.0 if self.frames > 1 else None, tuple(range(self.frames)))
        return encode(self.loaded, messages, [stack], answer=bool(words))
