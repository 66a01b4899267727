"""The words of the readers' pages: of their buttons, and of all that a lesion may be, lie in or be held to be."""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from docphim.language.lesion_words import PATH
from docphim.language.lexicon import FOLDER
from docphim.metrics.lesion_pairs import PATH as AREAS
from docphim.package_data import packaged
from docphim.page import words
from docphim.page.fact_words import concept
from docphim.page.lesions import place
from docphim.page.words import Both
from docphim.study import Lesion, Row

#: What the keys of the page's own texts begin with.
PREFIX = "reading_"
#: Numbered places of nodes that can be chosen: stations of the mediastinum, levels of the neck.
_STATIONS = ("1r", "1l", "2r", "2l", "3", "4r", "4l", "5", "6", "7", "8", "9r", "9l", "10r", "10l", "11r", "11l")
STATIONS = tuple(f"station_{n}" for n in _STATIONS)
LEVELS = tuple(f"level_{n}" for n in ("1a", "1b", "2a", "2b", "3", "4", "5", "5a", "5b", "6", "7"))
#: Names of what lies where nobody says: they stand for a vessel or a tissue and no place of a lesion.
_NO_ORGAN = ("lymph_node", "reference")


def ui() -> dict[str, dict[str, str]]:
    """The page's own texts by key, without their prefix."""
    texts = words.texts(PREFIX)
    return {key.removeprefix(PREFIX): both._asdict() for key, both in texts.items()}


def names(lesions: Iterable[Row]) -> dict[str, dict[str, dict[str, Any]]]:
    """What can be chosen, by kind and name in both languages; `hidden` is what only lesions that are there are called."""
    listed = {kind: {name: _row(both) for name, both in of.items()} for kind, of in _listed().items()}
    for lesion in lesions:
        for name in lesion["location"]:
            listed["location"].setdefault(name, _row(concept("location", name), hidden=True))
        for name in lesion["station"]:
            listed["station"].setdefault(name, _row(place(None, name), hidden=True))
        listed["types"].setdefault(lesion["type"], _row(concept("finding", lesion["type"]), hidden=True))
        if lesion["organ"]:
            listed["organs"].setdefault(lesion["organ"], _row(concept("anatomy", lesion["organ"]), hidden=True))
    return listed


def finer() -> dict[str, dict[str, dict[str, Any]]]:
    """Organ → place in it that is finer than facts say, with its words."""
    return {organ: {name: _row(place(organ, name)) for name in of} for organ, of in packaged(PATH)["places"].items()}


def _row(both: Both, hidden: bool = False) -> dict[str, Any]:
    return {**both._asdict(), **({"hidden": True} if hidden else {})}


@functools.cache
def _listed() -> Mapping[str, Mapping[str, Both]]:
    lists, concepts = packaged(PATH), packaged(FOLDER / "concepts.yaml")
    areas = {name for area in packaged(AREAS)["areas"].values() for name in area} & {*concepts["locations"]}
    types = ["fdg_uptake", *lists["lesions"], *lists["avid"]]
    natures = dict.fromkeys([*lists["nature"].values(), *lists["described_as"].values(), "residual"])
    hints = typing.get_type_hints(Lesion)
    return {
        "types": {name: concept("finding", name) for name in types},
        "organs": {name: concept("anatomy", name) for name in concepts["anatomy"] if name not in _NO_ORGAN},
        "location": {name: concept("location", name) for name in concepts["locations"]},
        "station": {name: place(None, name) for name in (*sorted(areas), *STATIONS, *LEVELS)},
        "sides": {name: words.text(f"fact_side_{name}") for name in _values(hints["side"])},
        "uptakes": {name: words.text(f"uptake_{name}") for name in _values(hints["uptake"])},
        "natures": {name: words.text(f"{PREFIX}nature_{name}") for name in natures},
        "counts": {name: words.text(f"fact_count_{name}") for name in ("few", "several", "multiple")},
    }


def _values(hint: Any) -> list[str]:
    """The values of an optional Literal."""
    return [value for part in typing.get_args(hint) for value in typing.get_args(part)]
