"""Pairs: every training example beside another image, so that one item of a batch holds both and no shuffling parts them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch.utils.data import Dataset

from docphim.imaging.frames import draw
from docphim.language.normalize import clean
from docphim.models.encode import IGNORED, Encoded, encode
from docphim.models.loaded import Stack
from docphim.study import TAG, Example, Media, Message, media_tags, part_of
from docphim.train.batch import Examples, Pair


@dataclasses.dataclass(frozen=True)
class Negative:
    """An example as it stands beside another image.

    Attributes
    ----------
    example : Example
        With the tags and the media of what is shown.
    seed : int or None
        Of the noise that is shown in place of its pixels; None: they are shown.
    only : list of (int, str), or None
        The places of messages, and the sentences in them, that the other image contradicts; None: whole answers.
    """

    example: Example
    seed: int | None
    only: list[tuple[int, str]] | None


class Beside(Examples):
    """The negatives of examples; they share the films that are drawn, and the memory, with the examples themselves."""

    def __init__(self, positives: Examples, negatives: Sequence[Negative]) -> None:
        examples = [negative.example for negative in negatives]
        shared: Any = {"memory": positives.memory, "stacks": positives.stacks}
        super().__init__(positives.loaded, positives.dataset, examples, blind=False, **shared)
        self.negatives = negatives

    def prompt(self, index: int, turn: int | None) -> Encoded:
        """The conversation of a negative, labelled where it is taken."""
        return self._encode(index, self.negatives[index].only)

    def whole(self, index: int) -> Encoded:
        """The same, labelled on whole answers."""
        return self[index] if self.negatives[index].only is None else self._encode(index, None)

    def _encode(self, index: int, only: list[tuple[int, str]] | None) -> Encoded:
        example, seed = self.examples[index], self.negatives[index].seed
        return encode(self.loaded, example.messages, [self._shown(media, seed) for media in example.media], only=only)

    def _shown(self, media: Media, seed: int | None) -> Stack:
        return self.drawn(media) if seed is None else draw(media, self.dataset, self.loaded.size, "noise", seed)


class Pairs(Dataset[Pair]):
    """Examples, each beside one of its negatives.

    Parameters
    ----------
    positives : Examples
        With their own images.
    among : sequence of Example
        All examples of the split: where partners' media are looked up.
    kind : str
        A kind of `Example.pair`: `noise`, `other`, `hard`, or `neighbours`, of which `chosen` says the one.
    conflicts_only : bool
        Whether a negative is labelled on the sentences alone that its image contradicts.
    """

    def __init__(self, positives: Examples, among: Sequence[Example], kind: str, *, conflicts_only: bool = False) -> None:
        self.positives, self.loaded = positives, positives.loaded
        self.examples, self.blind = positives.examples, positives.blind
        media = {(e.study, part_of(e.task)): e.media[: _first_tags(e.messages)] for e in reversed(among)}
        each = [list(negatives(example, kind, media, conflicts_only)) for example in positives.examples]
        ends = list(itertools.accumulate(map(len, each), initial=0))
        #: Per example, the places of its negatives in `beside`.
        self.places = [range(start, stop) for start, stop in itertools.pairwise(ends)]
        self.beside = Beside(positives, [negative for some in each for negative in some])
        #: Which of its negatives each example is set beside.
        self.chosen = [0] * len(each)
        #: -log p under a reference model of every example, and of every negative in `beside`; None: no loss asks.
        self.reference: tuple[Sequence[float], Sequence[float]] | None = None

    def __len__(self) -> int:
        return len(self.positives)

    def __getitem__(self, index: int) -> Pair:
        positive, negative = self.positives[index], self.negative(index)
        if negative is None or not bool((negative.labels != IGNORED).any()):
            negative = None
        if self.reference is None:
            return positive, negative
        positives, negatives = self.reference
        if negative is not None:
            negative = dataclasses.replace(negative, reference=negatives[self.places[index][self.chosen[index]]])
        return dataclasses.replace(positive, reference=positives[index]), negative

    def negative(self, index: int, *, whole: bool = False) -> Encoded | None:
        """An example beside the negative chosen for it, labelled on whole answers or where it is taken; None: it has none."""
        places = self.places[index]
        if not places:
            return None
        place = places[self.chosen[index]]
        return self.beside.whole(place) if whole else self.beside[place]


def negatives(
    example: Example, kind: str, media: Mapping[tuple[str, str], Sequence[Media]], conflicts_only: bool
) -> Iterator[Negative]:
    """The negatives of one kind that the dataset gives an example; `media` says what is shown of each study and part, once."""
    given = (example.pair or {}).get(kind)
    if given is None:
        return
    if kind == "noise":
        yield Negative(example, given["seed"], None)
        return
    for partner in given if isinstance(given, list) else [given]:
        shown = media[partner["study"], part_of(example.task)]
        messages = [_retagged(message, shown) for message in example.messages]
        turns = len(media_tags(messages)) // len(shown)
        only = _sentences(example.messages, partner["conflicts"]) if conflicts_only else None
        yield Negative(dataclasses.replace(example, messages=messages, media=[*shown] * turns), None, only)


def _first_tags(messages: Sequence[Message]) -> int:
    """How many media entries the first question shows: later ones show them again."""
    return next((n for message in messages if (n := len(media_tags([message])))), 0)


def _retagged(message: Message, shown: Sequence[Media]) -> Message:
    """A question with tags for what is shown instead, all of them where the first tag was."""
    if not media_tags([message]):
        return message
    tags = iter(["".join(f"<{entry.kind}>" for entry in shown)])
    return dataclasses.replace(message, content=TAG.sub(lambda _: next(tags, ""), message.content))


def _sentences(messages: Sequence[Message], conflicts: Sequence[Sequence[int]]) -> list[tuple[int, str]]:
    """The sentences that `[message, start, stop]` name, in characters of `clean(content)`."""
    texts = {place: clean(messages[place].content) for place, _, _ in conflicts}
    return [(place, texts[place][start:stop]) for place, start, stop in conflicts]
