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
    return {**table, "rows": rows, "rows_written": table["rows"], "kin": kin}


def level(fact: Fact, modality: str | None = None) -> Level:
    """What a fact calls for; what is well is benign."""
    if is_well(fact):
        return "benign"
    for holds, only, name in weights()["rows"]:
        if only in (None, modality) and holds(fact):
            row: Level = name
            return row
    return OTHERWISE


@functools.cache
def fingerprint() -> str:
    """The table's SHA-256, short: who corrects a weight gets other scores."""
    return hashlib.sha256(TABLE.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:8]
