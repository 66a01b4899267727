"""Training examples varied each time they are read: how by the seed, the epoch and the example alone, and nothing is kept.

So a training that is resumed, or read by any number of processes in any order, sees the same.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from docphim.files import seed_of
from docphim.imaging import geometry
from docphim.imaging.frames import draw
from docphim.imaging.vary import ALL, UNCHANGED, Box, Plane, Variation, shown_box, variation
from docphim.language.lexicon import LANGUAGES
from docphim.language.normalize import clean
from docphim.models.encode import Encoded, encode
from docphim.models.loaded import Stack
from docphim.study import Example, Media, Message, Row, media_tags
from docphim.train.batch import Examples

#: So many variations are tried that cut no lesion in two; then one that leaves nothing out.
TRIES = 5


def numbered(batches: Iterable[Sequence[int]], count: int) -> list[list[int]]:
    """Batches of a plan over `count` examples with the pass of each written into its number: `pass * count + index`."""
    passes: Counter[int] = Counter()
    out: list[list[int]] = []
    for batch in batches:
        out.append([])
        for index in batch:
            out[-1].append(passes[index] * count + index)
            passes[index] += 1
    return out


class Augmented(Examples):
    """Examples as an epoch shows them; the number of one says the epoch too (`numbered`).

    Parameters
    ----------
    kinds : sequence of str
        What is varied: `image`, `text`.
    seed : int
        Of the training.
    max_length : int
        A text that made an example longer than this stays as it was.
    """

    def __init__(self, *given: Any, kinds: Sequence[str], seed: int, max_length: int, **named: Any) -> None:
        super().__init__(*given, **named)
        self.kinds, self.seed, self.max_length = kinds, seed, max_length
        self._content: dict[int, Box] = {}
        for language in sorted({example.language for example in self.examples} & set(LANGUAGES)):
            from docphim.language.alter import meaning

            meaning("", language)  # the lexicon, which workers then share

    def __getitem__(self, number: int) -> Encoded:
        epoch, index = divmod(number, len(self.examples))
        example = self.examples[index]
        seed, content = (self.seed, epoch, example.id), self.content(index)
        made, shown, row = varied(example, self.kinds, seed, self.loaded.size, content)
        encoded = self._encoded_as(made, shown, row)
        if encoded.length > self.max_length and "text" in row:
            row["text"] = {"too_long": True}
            kinds = [kind for kind in self.kinds if kind != "text"]
            made, shown, _ = varied(example, kinds, seed, self.loaded.size, content)
            encoded = self._encoded_as(made, shown, row)
        return replace(encoded, augmented={"example": example.id, "epoch": epoch, **row})

    def _encoded_as(self, example: Example, variations: Sequence[Variation], row: Row) -> Encoded:
        stacks: dict[str, Stack] = {}
        entries = [] if self.blind else example.media[: len(media_tags(example.messages))]
        for entry, one in zip(entries, variations, strict=False):
            if repr(entry) not in stacks:
                stacks[repr(entry)] = self.shown_as(entry, one)
        made = [stack.varied for stack in stacks.values() if getattr(stack, "varied", None)]  # type: ignore[attr-defined]
        if made:
            row["image"] = {**row.get("image", {}), "made": made}
        return encode(self.loaded, example.messages, [stacks[repr(entry)] for entry in entries], blind=self.blind)

    def content(self, index: int) -> Box:
        """Where in its picture an example shows anything, of one that may be cropped; it is looked at once."""
        example = self.examples[index]
        if "image" not in self.kinds or "lesions" not in (example.augment or {}) or example.media[0].frames.get("mips"):
            return ALL
        if index not in self._content:
            plane = _plane(example, self.loaded.size)
            (height, width), stack = plane.fitted, self.drawn(example.media[0])
            top, left = ((whole - part) // 2 for whole, part in zip(plane.size, plane.fitted, strict=True))
            self._content[index] = shown_box(stack.frames[:, top : top + height, left : left + width].transpose(3, 0, 1, 2))
        return self._content[index]

    def shown_as(self, media: Media, one: Variation) -> Stack:
        """The stack of a media entry under a variation."""
        return self.drawn(media) if one == UNCHANGED else draw(media, self.dataset, self.loaded.size, variation=one)


def varied(
    example: Example, kinds: Sequence[str], seed: Sequence[object], size: tuple[int, int], content: Box = ALL
) -> tuple[Example, list[Variation], Row]:
    """An example as it is shown once.

    Parameters
    ----------
    kinds : sequence of str
        What is varied: `image`, `text`.
    seed : sequence
        The training's seed, the epoch and the example's id.
    size : (int, int)
        Height and width of the frames.
    content : tuple of float
        Where in the picture anything is shown.

    Returns
    -------
    tuple
        The example with its own media and what is left of its text; how each media entry is shown; and what was done, as JSON:
        `image`: `refused`, how many variations were not taken, by reason (`lesion_cut`, `nothing_left`, `meaning_changed`), and
        `removed`, how many lesions went with their sentences; `text`: what each step did, or why it did nothing.
    """
    row: Row = {}
    as_built = example
    ways = [UNCHANGED] * len(example.media)
    if "image" in kinds:
        example, ways, row["image"] = _image(example, seed, size, content)
    if "text" in kinds and example.language in LANGUAGES:
        example, row["text"] = _text(example, seed, as_built)
    return example, ways, {name: value for name, value in row.items() if value}


def _image(
    example: Example, seed: Sequence[object], size: tuple[int, int], content: Box
) -> tuple[Example, list[Variation], Row]:
    known, refused = example.augment or {}, Counter[str]()
    trim = known.get("trim", (0, 0))
    if "lesions" in known:
        for attempt in range(TRIES):
            one = replace(variation(*seed, attempt, trim=trim, content=content), checked=True)
            one = _beside_projections(example.media[0], one)
            made, reason = _without_lost(example, one, size)
            if made is not None:
                removed = 0 if made is example else sum(_seen(g, one, example, size) == "gone" for g in known["lesions"])
                row = {"refused": dict(refused), "removed": removed}
                ways = [UNCHANGED if not one.row().keys() - {"checked"} else one] * len(example.media)
                return made, ways, {name: value for name, value in row.items() if value}
            refused[reason] += 1
    numbers = {name: n for n, name in enumerate(dict.fromkeys(map(repr, example.media)))}
    ways = [variation(*seed, "careful", numbers[repr(entry)], trim=trim) for entry in example.media]
    return example, ways, {"refused": dict(refused)} if refused else {}


def _beside_projections(media: Media, one: Variation) -> Variation:
    """What of a variation is done to slices beside projections, on which all would still be seen."""
    return replace(one, turn=0.0, crop=UNCHANGED.crop, checked=False) if media.frames.get("mips") else one


def _without_lost(example: Example, one: Variation, size: tuple[int, int]) -> tuple[Example | None, str]:
    """An example without the sentences of the lesions that a variation leaves out; None, and why, where it is not taken."""
    if not one.checked:
        return example, ""
    groups = (example.augment or {})["lesions"]
    seen = [_seen(group, one, example, size) for group in groups]
    if "part" in seen:
        return None, "lesion_cut"
    lost = [span for group, state in zip(groups, seen, strict=True) if state == "gone" for span in group["text"]]
    if not lost:
        return example, ""
    from docphim.language.alter import without  # here: the chain of imports stays short

    messages = list(example.messages)
    for place, spans in itertools.groupby(sorted(lost), key=lambda span: span[0]):
        text = without(clean(messages[place].content), [(start, stop) for _, start, stop in spans], example.language)
        if text is None:
            return None, "meaning_changed"
        if not text:
            return None, "nothing_left"
        messages[place] = replace(messages[place], content=text)
    return replace(example, messages=messages), ""


def _seen(group: Row, one: Variation, example: Example, size: tuple[int, int]) -> str:
    """Whether the lesions of a group are all shown whole, all gone, or neither (`part`)."""
    states = {_shown(box, one, example, size) for box in group["boxes"]}
    return states.pop() if len(states) == 1 else "part"


def _shown(box: Sequence[float], one: Variation, example: Example, size: tuple[int, int]) -> str:
    first, last = example.media[0].frames.get("within", (0, int(box[1])))
    top, bottom = max(box[0], first), min(box[1], last)  # what of it is shown of the region as it is
    upper, lower = first + one.trim[0], last - one.trim[1]
    if bottom < upper or top > lower:
        return "gone"
    seen = one.shows((box[2], box[3], box[4], box[5]), _plane(example, size))
    return seen if seen != "whole" or (top >= upper and bottom <= lower) else "part"


def _plane(example: Example, size: tuple[int, int]) -> Plane:
    plane = (example.augment or {})["plane"]
    height, width = plane["shape"]
    return Plane(geometry.fit(height, width, *size), size, plane["aspect"])


def _text(example: Example, seed: Sequence[object], as_built: Example) -> tuple[Example, Row]:
    """An example with its reported answers in other words, order and layout, each by a draw of its own."""
    messages, row = list(example.messages), {}
    wordings = (example.augment or {}).get("paraphrases", {})
    for place, message in enumerate(messages):
        if message.role == "assistant" and (message.origin or "").startswith("report:"):
            whole = message == as_built.messages[place]  # a wording says what a crop has removed, too
            made, steps = _reworded(message, wordings.get(str(place), ()) if whole else (), example.language, (*seed, place))
            messages[place] = made
            if steps:
                row[str(place)] = steps
    return replace(example, messages=messages), row


def _reworded(message: Message, wordings: Sequence[str], language: str, seed: Sequence[object]) -> tuple[Message, Row]:
    from docphim.language.alter import STEPS

    text, row = message.content, Row()
    number = seed_of("wording", *seed) % (len(wordings) + 1)
    if number:
        text, row["wording"] = wordings[number - 1], number
    for name, step in STEPS.items():
        if seed_of("text", name, *seed) % 2:
            text, reason = step(text, language, (*seed, name))
            row[name] = reason or "done"
    return replace(message, content=text), row
