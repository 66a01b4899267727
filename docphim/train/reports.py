"""Studies beside their reports, as an alignment reads them: slices, the report's tokens, and which reports say the same."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from docphim.errors import Refused
from docphim.imaging.frames import draw, is_film
from docphim.language.normalize import normalize
from docphim.models import family as family_of
from docphim.models.encode import IGNORED, Encoded
from docphim.models.meet import image_inputs
from docphim.study import Example
from docphim.train.batch import Batch, Examples

log = logging.getLogger("docphim")


class Reports(Examples):
    """Examples as a study's first stack and all that is answered of it; `meanings` are keys of what each may not stand against.

    Two examples of one study, and two whose reports say equal facts, are no negatives of each other.
    """

    @property
    def meanings(self) -> Tensor:
        """Of each example the key of its study and the key of its facts, int64 (n, 2)."""
        if not hasattr(self, "_meanings"):
            texts = [report_of(example) for example in self.examples]
            keys = [(_key(e.study), meaning(text, e.language)) for e, text in zip(self.examples, texts, strict=True)]
            self._meanings = torch.tensor(keys, dtype=torch.int64)
        return self._meanings

    def __getitem__(self, index: int) -> Encoded:
        """An example's stack and its report's tokens, part after part."""
        if index in self._encoded:
            return self._encoded[index]
        example = self.examples[index]
        family: Any = family_of(self.loaded.family)
        media = family.expand(self.loaded.processor, self.drawn(example.media[0]), False).media
        parts = self.loaded.processor.parts(report_of(example))
        ids = torch.tensor([token for part in parts for token in part])
        lengths = {"part_lengths": torch.tensor([len(part) for part in parts]), "meaning": self.meanings[index]}
        encoded = Encoded(ids, torch.full_like(ids, IGNORED), {}, {**media, **lengths})
        if self.memory.takes(encoded.tensors):
            self._encoded[index] = encoded
        return encoded

    def collate(self, batch: Sequence[Encoded]) -> Batch:
        """A micro-batch: what the towers take (`models.meet.OF_TOWERS`), and the keys of each report's meaning."""
        parts = [part for one in batch for part in one.input_ids.split(one.media["part_lengths"].tolist())]
        padding = self.loaded.processor.reports.pad_token_id
        mask = pad_sequence([torch.ones_like(part) for part in parts], batch_first=True)
        side = {
            **image_inputs(self.loaded, [one.media for one in batch]),
            "report_ids": pad_sequence(parts, batch_first=True, padding_value=padding),
            "report_mask": mask,
            "report_parts": torch.tensor([len(one.media["part_lengths"]) for one in batch]),
            "meanings": torch.stack([one.media["meaning"] for one in batch]),
            "attention_mask": mask,
            "labels": torch.full((len(batch), 1), IGNORED),
        }
        return {"positive": side}


def report_lengths(examples: Reports) -> list[int]:
    """Length of each report in its encoder's tokens; that every stack fits the image encoder is seen too.

    Raises
    ------
    Refused
        `too_long`: a stack has more slices than the encoder takes.
    """
    family: Any = family_of(examples.loaded.family)
    for example in examples.examples:
        if not is_film(example.media[0]):
            blank = draw(example.media[0], examples.dataset, examples.loaded.size, "blank")
            family.expand(examples.loaded.processor, blank, False)
    return [sum(map(len, examples.loaded.processor.parts(report_of(example)))) for example in examples.examples]


def report_of(example: Example) -> str:
    """All that is answered in an example, one answer a paragraph."""
    return "\n\n".join(m.content for m in example.messages if m.role == "assistant" and m.content.strip())


def meaning(text: str, language: str) -> int:
    """A key that reports share which say equal facts; of one without facts, of its words."""
    from docphim.language.facts import facts  # here: a training that aligns nothing reads none

    facts_of_it = sorted({repr(fact.strict) for fact in facts(text, language)})
    return _key("\n".join(facts_of_it) if facts_of_it else normalize(text))


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def alignable(examples: Sequence[Example]) -> list[Example]:
    """The examples that show something and have a report; how many others there are is said.

    Raises
    ------
    Refused
        `empty_dataset`: they are not of two studies, so that there is nothing to tell one from.
    """
    taken = [example for example in examples if example.media and report_of(example)]
    if len(taken) < len(examples):
        left = len(examples) - len(taken)
        log.info("train: %d of %d examples show nothing or say nothing, and are not aligned", left, len(examples))
    if examples and examples[0].split == "train" and len({example.study for example in taken}) < 2:
        raise Refused("empty_dataset", "", "an alignment tells studies apart, and there are not two of them to train on")
    return taken
