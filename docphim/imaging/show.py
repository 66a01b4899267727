"""What a model and a person are shown of a volume: which slices, how thick, in which windows; as a recipe says it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from docphim.imaging.windows import windows
from docphim.recipe import Section
from docphim.study import Media, Row

#: Slices that are shown unless a recipe says otherwise, as many as the paper on negative images shows.
COUNT = 10
#: The keys one of which chooses the slices.
_RULES = ("count", "step_mm", "tokens")
#: HU that a window may name: what scanners write, metal included.
_LEAST, _MOST = -8192, 32767


class Slices(Section):
    """Which slices of a volume are shown, and how thick they are.

    Attributes
    ----------
    kind : str
        `video`: slices follow one another in one tag, at their distance where the model's family has videos, and as pictures
        where it has none; `image`: pictures.
    count, step_mm, tokens
        One of them chooses the slices: so many, the middles of equal parts; one every so many millimetres; or as many as
        take that many tokens of the model's input at `model.image_size` (`models.frame_tokens`), which is made a `count` before
        anything is built.  None of them: `count` is `COUNT`.
    slab_mm : float or None
        Each slice shown stands for all slices of the volume within half of this on either side; None: thin slices.
    slab : str
        How they become one: their `mean`, or their `max`, which keeps small nodules and vessels.
    """

    kind: Literal["video", "image"] = "video"
    count: int | None = Field(None, ge=1)
    step_mm: float | None = Field(None, gt=0, allow_inf_nan=False)
    tokens: int | None = Field(None, ge=1)
    slab_mm: float | None = Field(None, gt=0, allow_inf_nan=False)
    slab: Literal["mean", "max"] = "mean"

    @model_validator(mode="before")
    @classmethod
    def _one_rule(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        rules = [name for name in _RULES if values.get(name) is not None]
        if len(rules) > 1:
            raise ValueError(f"{' and '.join(rules)}: one of them chooses the slices")
        return values if rules else {**values, "count": COUNT}

    @property
    def frames(self) -> Row:
        """What `Media.frames` says of the slices.

        Raises
        ------
        ValueError
            `tokens` is still there: only the recipe's model says how many slices they hold.
        """
        if self.tokens is not None:
            raise ValueError("show.tokens must have become a count")
        frames: Row = {"count": self.count} if self.count is not None else {"step_mm": self.step_mm}
        return frames if self.slab_mm is None else frames | {"slab_mm": self.slab_mm, "slab": self.slab}


class Show(Slices):
    """Which slices of a CT are shown, and which values become black and white.

    Attributes
    ----------
    windows : list
        One window is grey, two or three are red, green and blue: names of windows.yaml, or `[black, white]` in HU.
    """

    windows: list[str | tuple[float, float]] = Field(["chest"], min_length=1, max_length=3)

    @field_validator("windows", mode="before")
    @classmethod
    def _a_list(cls, value: Any) -> Any:
        """`windows: lung` is short for `windows: [lung]`."""
        return [value] if isinstance(value, str) else value

    @field_validator("windows")
    @classmethod
    def _known(cls, value: list[str | tuple[float, float]]) -> list[str | tuple[float, float]]:
        for window in value:
            if isinstance(window, str):
                if window not in windows():
                    raise ValueError(f"{window!r} is not one of {', '.join(windows())}, nor a pair of HU")
            elif not _LEAST <= window[0] < window[1] <= _MOST:
                raise ValueError("a window is [black, white] in HU, the lower one first")
        return value

    @property
    def ranges(self) -> list[tuple[float, float]]:
        """Black and white of each window, HU."""
        named = windows()
        pairs = (named[window] if isinstance(window, str) else window for window in self.windows)
        return [(float(low), float(high)) for low, high in pairs]


def shown(show: Show, row: Row) -> Media:
    """What is shown of one volume.

    Parameters
    ----------
    show : Show
        With a `count` or `step_mm`: `tokens` has been made a count.
    row : dict
        Its row of index.jsonl: `study`, `modality`, `path`.

    Raises
    ------
    ValueError
        As `Slices.frames`.
    """
    name = row["modality"]
    channels = [[name, low, high] for low, high in show.ranges]
    return Media(row["study"], show.kind, {name: row["path"]}, "axial", None, show.frames, channels)
