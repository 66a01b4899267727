"""What is asked of a model, in which order: conversations batched by length over all examples, and what of it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from docphim.files import read_examples, seed_of
from docphim.study import Context, Example, Image, Media, Message, from_row, media_tags

Key = tuple[str, int, str, str]


@dataclass(frozen=True)
class Turn:
    """One answer to draft: `place` is the assistant message's index among the example's messages."""

    number: int
    context: Context
    place: int


@dataclass(frozen=True)
class Talk:
    """One example under one kind of image: all its turns, so that a film is read once for them."""

    example: Example
    image: Image
    media: list[Media]
    image_study: str | None
    turns: list[Turn]

    def key(self, turn: Turn) -> Key:
        """The key of a turn's prediction."""
        return (self.example.id, turn.number, turn.context, self.image)

    def prediction_keys(self) -> list[Key]:
        """The keys of its predictions, in the order they are drafted."""
        return [self.key(turn) for turn in self.turns]

    @property
    def has_reference(self) -> bool:
        """Whether its study has a report that says something of what is asked, beside which the answers can be set."""
        spoken = any(message.role == "assistant" and message.content.strip() for message in self.example.messages)
        return self.example.split != "draft" and spoken

    def likelihood_keys(self) -> list[Key]:
        """The keys of its likelihoods: without a reference, and in contexts of the model's own making, there are none."""
        return [key for key in self.prediction_keys() if key[2] != "generated"] if self.has_reference else []


def sample(dataset: Path, splits: list[str], limit: int | None, seed: int) -> list[Example]:
    """The examples of the splits; with a limit, a seeded sample of that many from each."""
    out: list[Example] = []
    for split in splits:
        rows = read_examples(dataset, split)
        if limit is not None:
            chosen = sorted(rows, key=lambda e: seed_of(seed, "limit", e.id))[:limit]
            rows = sorted(chosen, key=lambda e: e.id)
        out += rows
    return out


def plan(
    examples: list[Example], images: list[str], contexts: list[str], blind: bool, batch_size: int
) -> tuple[list[list[Talk]], int]:
    """Batches of conversations over all examples, the longest first, one kind of image after another.

    A blind model is asked with the own image only. The second number counts the conversations left out because an
    example has no partner to take another film from.
    """
    batches: list[list[Talk]] = []
    skipped = 0
    ordered = sorted(examples, key=lambda e: (-sum(len(m.content) for m in e.messages), e.id))
    for image in ["own"] if blind else images:
        talks = [talk for e in ordered if (talk := _talk(e, cast(Image, image), contexts)) is not None]
        skipped += len(ordered) - len(talks)
        batches += [talks[i : i + batch_size] for i in range(0, len(talks), batch_size)]
    return batches, skipped


def _talk(example: Example, image: Image, contexts: list[str]) -> Talk | None:
    media, study = example.media, None
    if image == "own":
        study = example.study
    elif image == "other":
        wrong = example.wrong_image or {}
        if not wrong.get("media"):
            return None
        media, study = [from_row(Media, row) for row in wrong["media"]], str(wrong["study"])
    return Talk(example, image, media, study, list(turns(example.messages, contexts)))


def turns(messages: list[Message], contexts: list[str]) -> Iterator[Turn]:
    """The answers to draft: the first without context, later ones after the reference's or the model's own answers."""
    places = [place for place, message in enumerate(messages) if message.role == "assistant"]
    for number, place in enumerate(places):
        for context in contexts if number else ["none"]:
            yield Turn(number, cast(Context, context), place)


def films(talk: Talk, place: int) -> list[Media]:
    """The films of the messages before `place`, one for each tag (a partner's are taken in turn)."""
    return [talk.media[n % len(talk.media)] for n in range(len(media_tags(talk.example.messages[:place])))]
