"""A contact sheet of augmentation: one training example as it is, each step alone, and as the first passes show it.

`docphim build RECIPE --sheet OUT.png`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from docphim import files
from docphim.errors import UsageError
from docphim.imaging.vary import NOISE, SCALE, SHIFT, TURN, UNCHANGED, Variation
from docphim.models import needs_torch
from docphim.study import Example, Row

#: Frames of a stack that are drawn, their longest side in pixels, the height of a row's label, and how many passes are shown.
COLUMNS, SIDE, LABEL, PASSES = 10, 128, 16, 6
#: Passes among which one is looked for that removes a lesion.
_SOUGHT = 200
#: Each step alone, at its most.
_STEPS = {
    "as it is": UNCHANGED,
    "turned": Variation(turn=TURN),
    "turned back": Variation(turn=-TURN),
    "smaller": Variation(scale=SCALE[0]),
    "larger": Variation(scale=SCALE[1]),
    "shifted": Variation(shift=(SHIFT, SHIFT)),
    "noise": Variation(noise=NOISE, seed=1),
}


def write_sheet(dataset: Path, out: Path, *, model: dict[str, Any], train: dict[str, Any]) -> list[tuple[str, str]]:
    """Draw the first training example of which a lesion's place is known, else the first; its owner's alone (0600).

    Parameters
    ----------
    out : Path
        The picture's name, `.png`.
    model, train : dict
        The recipe's sections; every kind of augmentation is shown, whichever `train.augment` names.

    Returns
    -------
    list of tuple of str
        Of the first row of the sheet, and of each beside which others are learned, its label and the answers as rich markup.

    Raises
    ------
    UsageError
        OUT is no PNG; the dataset was built without `augment:`, or has no training example.
    """
    from rich.markup import escape

    if out.suffix.lower() != ".png":
        raise UsageError("--sheet: must end in .png")
    with needs_torch():
        from docphim.train.augmented import Augmented
        from docphim.train.model import open_reader
        from docphim.train.settings import TrainSettings

    rows = [row for row in files.read_examples(dataset, "train") if row.augment is not None and row.media]
    if not rows:
        raise UsageError("--sheet: no training example says what augmentation may do to it; add augment: {} to the recipe")
    example = next((row for row in rows if (row.augment or {}).get("lesions")), rows[0])
    settings = TrainSettings(**train)
    how: Any = {"kinds": ["image", "text"], "seed": settings.seed, "max_length": settings.max_length}
    examples = Augmented(open_reader(model, settings, rows), dataset, [example], blind=False, **how)
    strips: list[Image.Image] = []
    listed: list[tuple[str, str]] = []
    for what, shown, one in _shown(example, examples):
        stack = examples.shown_as(example.media[0], one)
        label = f"{len(strips) + 1}  {what}"
        strips.append(_strip(label, stack.frames))
        answers = escape("\n".join(message.content for message in shown.messages if message.role == "assistant"))
        if not listed or answers != listed[0][1]:
            listed.append((label, answers))
    with files.atomic(out, "wb") as handle:
        Path(handle.name).chmod(0o600)
        _joined(strips).save(handle, "PNG")
    return listed


def _shown(example: Example, examples: Any) -> Iterator[tuple[str, Example, Variation]]:
    """What each row is, the example with what is left of its text, and how its first media entry is shown."""
    from docphim.train.augmented import varied

    for what, one in _STEPS.items():
        yield what, example, one
    trim = (example.augment or {}).get("trim", [0, 0])
    if any(trim):
        yield f"trimmed by {trim[0]} and {trim[1]} slices", example, Variation(trim=(trim[0], trim[1]))
    size, content = examples.loaded.size, examples.content(0)

    def read(epoch: int) -> tuple[Example, list[Variation], Row]:
        return varied(example, examples.kinds, (examples.seed, epoch, example.id), size, content)

    for epoch in range(_SOUGHT):
        made, ways, row = read(epoch)
        if row.get("image", {}).get("removed"):
            yield f"pass {epoch}: cropped, a lesion and its sentences are gone  {_numbers(ways[0])}", made, ways[0]
            break
    for epoch in range(PASSES):
        made, ways, row = read(epoch)
        done = [f"{name} {step}" for steps in row.get("text", {}).values() for name, step in steps.items()]
        yield "  ".join([f"pass {epoch}:", _numbers(ways[0]), *done]), made, ways[0]


def _numbers(one: Variation) -> str:
    """What a variation does, in figures."""
    row = replace(one, checked=False, seed=0).row()
    figures = (f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items())
    return " ".join(figures) or "as it is"


def _strip(label: str, frames: np.ndarray) -> Image.Image:
    """Some frames abreast, evenly among all, under a label."""
    count = min(COLUMNS, len(frames))
    places = [round(n * (len(frames) - 1) / max(count - 1, 1)) for n in range(count)]
    scale = SIDE / max(frames.shape[1:3])
    size = max(1, round(frames.shape[2] * scale)), max(1, round(frames.shape[1] * scale))
    strip = Image.new("RGB", (COLUMNS * SIDE, LABEL + size[1]))
    ImageDraw.Draw(strip).text((2, 2), label, fill="white", font=ImageFont.load_default(11))
    for column, place in enumerate(places):
        strip.paste(Image.fromarray(frames[place]).resize(size), (column * SIDE, LABEL))
    return strip


def _joined(strips: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (COLUMNS * SIDE, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet
