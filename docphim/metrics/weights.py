"""What an abnormal fact weighs, and what each way of getting it wrong costs: the rows of weights.yaml."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from docphim.language.conditions import condition, is_well
from docphim.language.fact import Fact
from docphim.package_data import packaged

Level = Literal["urgent", "actionable", "non_actionable", "benign"]
TABLE = Path(__file__).parent / "weights.yaml"
#: What no row names.
OTHERWISE: Level = "actionable"
#: Levels whose errors somebody would act on.
ACTED_ON: tuple[Level, ...] = ("urgent", "actionable")
_LESS: Mapping[Level, Level] = {"urgent": "actionable", "actionable": "non_actionable"}


@functools.cache
def weights() -> Mapping[str, Any]:
    """The table, with its rows compiled.

    Raises
    ------
    ValueError
        A row's condition, or its level, is not one that there is.
    """
    table = packaged(TABLE)
    for row in table["rows"]:
        if row["is"] not in get_args(Level):
            raise ValueError(f"weights.yaml: {row['is']!r} is not one of {', '.join(get_args(Level))}")
    modalities = [row["when"].get("modality") for row in table["rows"]]
    whens = [{name: value for name, value in row["when"].items() if name != "modality"} for row in table["rows"]]
    rows = [(condition(when), only, row["is"]) for when, only, row in zip(whens, modalities, table["rows"], strict=True)]
    kin = {name: family for family, names in enumerate(table["kin"]) for name in names}
    leads = [
        (condition(row["what"]), condition(row["from"]), row.get("same"), row.get("whole", False)) for row in table["follows"]
    ]
    compiled = {"rows": rows, "follows": leads, "kin": kin, "contrary": list(map(frozenset, table["contrary"]))}
    return {**table, **compiled, "rows_written": table["rows"], "follows_written": table["follows"]}


def level(fact: Fact, modality: str | None = None) -> Level:
    """What a fact calls for; what is well is benign."""
    if is_well(fact):
        return "benign"
    for holds, only, name in weights()["rows"]:
        if only in (None, modality) and holds(fact):
            row: Level = name
            return row
    return OTHERWISE


def follows(fact: Fact, other: Fact, lighter: bool = False) -> bool:
    """Whether one abnormal thing only follows from another of the same report: the shifted mediastinum from the effusion.

    A row with `same: side` asks for the side of the other, or none.  `lighter` asks whether it weighs less beside it, which
    it does but in rows that say `whole`.
    """
    for holds, leads, field, whole in weights()["follows"]:
        if not (lighter and whole) and holds(fact) and leads(other):
            return field is None or getattr(fact, field) in (None, getattr(other, field))
    return False


def may_follow(fact: Fact) -> bool:
    """Whether a fact only follows from something, if that stands beside it."""
    return any(holds(fact) for holds, *_ in weights()["follows"])


def may_lead(fact: Fact) -> bool:
    """Whether something may only follow from a fact."""
    return any(leads(fact) for _, leads, *_ in weights()["follows"])


def falls(level: Level) -> Level:
    """One level less; what nobody acts on stays as it is."""
    return _LESS.get(level, level)


@functools.cache
def fingerprint() -> str:
    """The table's SHA-256, short: who corrects a weight gets other scores."""
    return hashlib.sha256(TABLE.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:8]
