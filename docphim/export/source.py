"""What of a run is exported: its recipe, its model, its examples, and the frames that the model sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docphim import records
from docphim.backends import DECODING, LONGEST, most_tokens
from docphim.errors import Refused, UsageError
from docphim.files import at_home, content_key, read_examples
from docphim.imaging.frames import draw
from docphim.models.checkpoint import read_note
from docphim.recipe import Recipe, validated
from docphim.recipe_file import read_values
from docphim.study import TAG, Example, Media, to_row

#: Splits and how they are called where others read them.
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Source:
    """A run to export.

    Attributes
    ----------
    values : dict
        recipe.yaml as it stands.
    adapter, base
        As in `docphim.export.export`.
    """

    run: Path
    recipe: Recipe
    values: dict[str, Any]
    adapter: bool = False
    base: str | None = None

    @property
    def model(self) -> Path:
        """The folder of the run's model, which is as its training wrote it.

        Raises
        ------
        UsageError
            The run has none.
        Refused
            `file_changed`.
        """
        if not self.recipe.trains or not (self.run / "model").is_dir():
            raise UsageError("RUN: it has no model; `docphim run RECIPE` trains one")
        records.check_written(self.run, "train", "model")
        return self.run / "model"

    @property
    def size(self) -> tuple[int, int]:
        """The (height, width) that the model's frames are letterboxed to."""
        if self.recipe.trains:
            height, width = read_note(self.model)["size"]
            return int(height), int(width)
        side = self.recipe.generate.image_size
        return (side, side) if isinstance(side, int) else (side[0], side[1])

    @property
    def decoding(self) -> dict[str, Any]:
        """`max_new_tokens` and how tokens are chosen, as the run's drafts were made."""
        asked = self.recipe.generate
        note = read_note(self.model) if asked.max_new_tokens == LONGEST else {}
        most = most_tokens(asked.max_new_tokens, note.get("longest_answer"))
        return {"max_new_tokens": most, "temperature": asked.temperature, **{key: getattr(asked, key) for key in DECODING}}

    @property
    def dataset(self) -> Path:
        """The folder of the run's dataset.

        Raises
        ------
        Refused
            `file_missing`.
        """
        below = Path(self.recipe.dataset or self.recipe.source.kind) / str(self.values.get("dataset_key"))
        places = [at_home(self.recipe.data, "data") / below, self.run.resolve().parent.parent / "data" / below]
        for place in places:
            if (place / "examples").is_dir():
                return place
        raise Refused("file_missing", "dataset", "the run's dataset is not there; run docphim from where its `data` folder is")

    def examples(self, split: str) -> Iterator[tuple[Example, list[tuple[Media, str, np.ndarray]]]]:
        """Each example of a split, and what it shows: media, tag (`image` or `video`), frames uint8 (T, h, w, 3)."""
        dataset, size = self.dataset, self.size
        for example in read_examples(dataset, split):
            tags = tags_of(example)
            shown = [(media, tag, draw(media, dataset, size).frames) for media, tag in zip(example.media, tags, strict=True)]
            yield example, shown


def tags_of(example: Example) -> list[str]:
    """The media tags of an example, each `image` or `video`."""
    return [kind for message in example.messages if message.role == "user" for kind in TAG.findall(message.content)]


def name_of(media: Media, number: int) -> str:
    """The file name of a frame: equal media have equal names, whoever shows them."""
    return f"{content_key(to_row(media))}-{number:03d}.png"


def open_run(run: Path, *, adapter: bool, base: str | None) -> Source:
    """Read a run's recipe.yaml.

    Raises
    ------
    UsageError
        There is no such run.
    """
    path = run / "recipe.yaml"
    if not path.is_file():
        raise UsageError("RUN: no run is there; give a run's folder, such as runs/NAME")
    values = read_values(path)
    recipe = validated(Recipe, {key: value for key, value in values.items() if key in Recipe.model_fields}, "recipe.yaml")
    return Source(run, recipe, values, adapter, base or recipe.model.base)
