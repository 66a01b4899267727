"""Knowledge of pixels.  A modality is one module, named once, in `MODALITIES`; everything else of the program asks it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np

from docphim.errors import Refused, UsageError
from docphim.imaging.store import Stream
from docphim.recipe import Section, validated
from docphim.study import Media, Row

#: Modality (as in studies.jsonl) → its module, of the shape of `Modality`.
MODALITIES: dict[str, str] = {
    "xray": "docphim.imaging.xray",
    "ct": "docphim.imaging.ct",
    "ct_masks": "docphim.imaging.ct_masks",
    "pet": "docphim.imaging.pet",
    "pet_ct": "docphim.imaging.pet_ct",
}


class Modality(Protocol):
    """What the module of a modality brings; where its settings may need a package beside, `check_installed(settings)` too.

    One whose volumes lie on the grid of another modality's has `ON_GRID_OF`, that one's name: keys of its section that are not
    given are those of the other's.  One that is shown with another alone has `TOGETHER`: modality → reason code by which a
    study that lacks it is refused as a whole.

    Attributes
    ----------
    VERSION : int
        Counts up when the same input would give other pixels.
    GROUP : int
        How many series a worker takes at once: enough that neighbours in one table are read forwards, few enough to share out.
    SAME : float
        Two thumbnails that correlate above this are almost surely of the same picture.
    WORDS : dict
        What a reader calls it: `tag` (of a model card), `images` (in a sentence).
    Settings : type
        The section of the recipe, `prepare: {NAME: …}`.
    """

    VERSION: int
    GROUP: int
    SAME: float
    WORDS: dict[str, str]
    Settings: type[Section]

    @staticmethod
    def prepare(location: str, settings: Any, view: str) -> tuple[np.ndarray | Stream, Row]:
        """Pixels (h, w) or (z, h, w), and `spacing`, `unit`, `view`, `how` of index.jsonl, whole when a stream has ended.

        Where known also `frame_of_reference` and `affine` (4 x 4, from voxel x, y, z to mm): only volumes that have them can be
        shown to lie on one grid.  `view` is what the source says of the series; whatever is wrong is `Refused`.
        """

    @staticmethod
    def media(study: str, rows: list[Row], settings: Any) -> list[Media]:
        """What is shown of a study; `rows` are all its rows of index.jsonl, of whatever modality."""

    @staticmethod
    def megabytes(settings: Any) -> float:
        """About how much disk one prepared series takes."""

    @staticmethod
    def thumbnail(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """A small float32 array, of the same shape for every series; `slices` gives some slices, (n, h, w), of the `shape`."""


def modality(name: str) -> Modality:
    """The module of a modality.

    Raises
    ------
    Refused
        `modality_unsupported`.
    """
    if name not in MODALITIES:
        raise Refused("modality_unsupported", "", f"this version prepares {', '.join(MODALITIES)}")
    return cast(Modality, importlib.import_module(MODALITIES[name]))


def settings_of(sections: Mapping[str, Any]) -> dict[str, Section]:
    """The validated section of each modality that a recipe prepares, by name.

    Parameters
    ----------
    sections : mapping
        Modality → its keys, as they stand under `prepare:` of the recipe.

    Raises
    ------
    UsageError
        There is no such modality, or a key of its section is unknown or wrong; the message names the field.
    """
    for name in sections:
        if name not in MODALITIES:
            raise UsageError(f"prepare: {name!r} is not one of {', '.join(MODALITIES)}")
    checked: dict[str, Section] = {}
    for name in sorted(sections, key=lambda name: hasattr(modality(name), "ON_GRID_OF")):  # what lends to others first
        values = sections[name] or {}
        if isinstance(values, Mapping):
            values = {**_lent(name, sections), **values}
        checked[name] = validated(modality(name).Settings, values, f"prepare.{name}")
    return {name: checked[name] for name in sections}


def _lent(name: str, sections: Mapping[str, Any]) -> dict[str, Any]:
    """What a modality on the grid of another (masks on that of their CT) takes from its section, unless its own says so."""
    lender = sections.get(getattr(modality(name), "ON_GRID_OF", ""))
    return {key: value for key, value in (lender or {}).items() if key in modality(name).Settings.model_fields}


def check_installed(settings: Mapping[str, Section]) -> None:
    """Raise UsageError, naming the command that installs it, where a modality's settings need a package that is not there."""
    for name, section in settings.items():
        check = getattr(modality(name), "check_installed", None)
        if check is not None:
            check(section)
