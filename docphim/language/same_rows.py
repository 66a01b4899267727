"""The rows of same.yaml: what is taken as one, compiled from words to conditions on facts."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docphim.errors import UsageError
from docphim.language.conditions import Condition, Rules, check_condition, check_row, condition
from docphim.language.fact import Side
from docphim.package_data import packaged

TABLE = Path(__file__).parent / "lexicon" / "same.yaml"
#: Sections of rows with two sides, and what such a row may say beside sides, reason, example and its language.
SECTIONS: dict[str, tuple[str, ...]] = {
    "forms": ("modality",),
    "several": (),
    "lends": (),
    "signs": ("place", "same", "exact", "makes"),
    "covers": ("same",),
}


@dataclass(frozen=True, eq=False)  # told apart by what they are, so that what was made by one table can be kept by it
class Rows:
    """The rows of same.yaml, compiled: each a condition and what it stands for; `shown` and `causes`: sides of `signs`."""

    forms: Rules[tuple[Mapping[str, Any], str | None]]
    several: tuple[tuple[Condition, Sequence[Mapping[str, Any]]], ...]
    signs: tuple[tuple[Condition, Condition, frozenset[str]], ...]
    shown: Rules[frozenset[str]]
    causes: Rules[frozenset[str]]
    lends: tuple[tuple[Condition, Condition], ...]
    makes: tuple[tuple[Condition, Condition, Mapping[str, Any]], ...]
    covers: tuple[tuple[Condition, Condition, bool], ...]
    kinds: Mapping[str, int]
    inside: Mapping[str, Sequence[str]]
    sided: Mapping[str, Side]


@functools.cache
def rows(without: str = "") -> Rows:
    """The rows of same.yaml; `without` names one to leave out, so that a test sees what it is for.

    Raises
    ------
    UsageError
        A row lacks something, or asks for what there is not.
    """
    table = packaged(TABLE)
    check_row(table, "same.yaml", (*SECTIONS, "places", "sided", "inside"))
    for section in SECTIONS:
        for name, row in table[section].items():
            _check(row, f"same.yaml: {section}: {name}", section)
    of = {section: [row for name, row in table[section].items() if name != without] for section in SECTIONS}
    signs = tuple(
        (condition(row["left"]), condition({"polarity": "present"} | row["right"]), _asked(row)) for row in of["signs"]
    )
    return Rows(
        forms=Rules([(condition(row["left"]), (row["right"], row.get("modality"))) for row in of["forms"]]),
        several=tuple((condition(row["left"]), row["right"]) for row in of["several"]),
        signs=signs,
        shown=Rules([(sign, asked) for sign, _, asked in signs]),
        causes=Rules([(holds, asked) for _, holds, asked in signs]),
        lends=tuple((condition(row["left"]), condition(row["right"])) for row in of["lends"]),
        makes=tuple((condition(row["left"]), condition(row["right"]), row["makes"]) for row in of["signs"] if "makes" in row),
        covers=tuple((condition(row["left"]), condition(row["right"]), "same" in row) for row in of["covers"]),
        kinds={place: kind for kind, places in enumerate(table["places"]) for place in places},
        inside=table["inside"],
        sided=table["sided"],
    )


def _asked(row: Mapping[str, Any]) -> frozenset[str]:
    """What a row of signs asks besides: one place, one organ or one around it, that very organ."""
    return frozenset(name for name in ("place", "same", "exact") if row.get(name))


def _check(row: Any, place: str, section: str) -> None:
    """Check a row: its left side is a condition; its right side is one too, or the fields that a fact gets."""
    check_row(row, place, ("left", "right", "why", "example"), ("language", *SECTIONS[section]))
    check_condition(row["left"], place)
    if row.get("same", "anatomy") != "anatomy":
        raise UsageError(f"{place}: same: anatomy is all that it may say")
    if section in ("forms", "several"):
        for fields in row["right"] if section == "several" else [row["right"]]:
            _check_fields(fields, place)
    else:
        check_condition(row["right"], place)
    if "makes" in row:
        _check_fields(row["makes"], place)


def _check_fields(fields: Any, place: str) -> None:
    """Check that fields are those of a fact; places may be exchanged one for another."""
    if not isinstance(fields, Mapping):
        raise UsageError(f"{place}: its right side is no fields of a fact")
    for name, value in fields.items():
        check_condition({name: [*value.values()] if isinstance(value, Mapping) else value}, place)


def lies_in(narrow: str, wide: str) -> bool:
    """Whether a place lies in another: the apex in the upper lobe."""
    return wide in rows().inside.get(narrow, ())
