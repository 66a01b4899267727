"""What an abnormal fact weighs, and what each way of getting it wrong costs: the rows of weights.yaml."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from docphim.errors import UsageError, printable
from docphim.language.conditions import Rules, check_condition, check_row, concepts, condition, is_well
from docphim.language.fact import Fact
from docphim.package_data import packaged

Level = Literal["urgent", "actionable", "non_actionable", "benign"]
LEVELS: tuple[Level, ...] = get_args(Level)
#: What a difference may be (`costs`).
COSTS = (
    *("miss", "invention", "opposite", "side", "misplaced", "place", "grade", "grades", "contrary", "size", "suv", "change"),
    *("certainty", "kin", "kin_level", "detail", "unsaid_side", "unsaid", "well"),
)
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
    UsageError
        A row asks for what there is not, or calls for a level, a cost or a family that is none.
    """
    table = packaged(TABLE)
    _check(table)
    modalities = [row["when"].get("modality") for row in table["rows"]]
    rows = [(condition(_when(row)), only, row["is"]) for only, row in zip(modalities, table["rows"], strict=True)]
    kin = {name: family for family, names in enumerate(table["kin"]) for name in names}
    leads = [
        (condition(row["what"]), condition(row["from"]), row.get("same"), row.get("whole", False)) for row in table["follows"]
    ]
    compiled = {"rows": rows, "follows": leads, "kin": kin, "contrary": list(map(frozenset, table["contrary"]))}
    rules = {
        "levels": Rules([(holds, only) for holds, only, _ in rows]),
        "following": Rules([(holds, None) for holds, *_ in leads]),
        "leading": Rules([(holds, None) for _, holds, *_ in leads]),
    }
    return {**table, **compiled, **rules, "rows_written": table["rows"], "follows_written": table["follows"]}


def _when(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row["when"].items() if name != "modality"}


def _check(table: Any) -> None:
    check_row(table, "weights.yaml", ("weights", "least", "costs", "ratios", "contrary", "kin", "follows", "rows"))
    for section, names in (("weights", LEVELS), ("costs", COSTS), ("ratios", ("size", "suv"))):
        check_row(table[section], f"weights.yaml: {section}", names)
        for name, value in table[section].items():
            if not isinstance(value, int | float) or value < 0:
                raise UsageError(f"weights.yaml: {section}: {name} is no number of 0 or more")
    for row in table["rows"]:
        place = _place("rows", row)
        check_row(row, place, ("when", "is", "source", "example"), ("language",))
        check_condition(_when(row) if isinstance(row["when"], Mapping) else row["when"], place)
        if row["is"] not in LEVELS:
            raise UsageError(printable(f"{place}: {row['is']!r} is not one of {', '.join(LEVELS)}", 300))
    for row in table["follows"]:
        place = _place("follows", row)
        check_row(row, place, ("what", "from", "why", "example"), ("same", "whole", "language"))
        check_condition(row["what"], place)
        check_condition(row["from"], place)
    _check_kin(table["kin"])


def _place(section: str, row: Any) -> str:
    return f"weights.yaml: {section}: «{row.get('example') if isinstance(row, Mapping) else row}»"


def _check_kin(kin: Sequence[Sequence[str]]) -> None:
    names = [name for family in kin for name in family]
    known = concepts()["findings"].keys() | concepts()["states"].keys()
    for name in names:
        if name not in known:
            raise UsageError(printable(f"weights.yaml: kin: {name!r} has no line in concepts.yaml", 300))
        if names.count(name) > 1:
            raise UsageError(f"weights.yaml: kin: {name!r} is of two families")


def level(fact: Fact, modality: str | None = None) -> Level:
    """What a fact calls for; what is well is benign."""
    if is_well(fact):
        return "benign"
    row = first_row(fact, modality)
    return OTHERWISE if row is None else weights()["rows"][row][2]


def first_row(fact: Fact, modality: str | None = None) -> int | None:
    """The number of the first row that holds for a fact; None where none does."""
    rows = weights()["levels"].near(fact)
    return next((n for n, holds, only in rows if only in (None, modality) and holds(fact)), None)


def follows(fact: Fact, other: Fact, lighter: bool = False) -> bool:
    """Whether one abnormal thing only follows from another of the same report: the shifted mediastinum from the effusion.

    A row with `same: side` asks for the side of the other, or none.  `lighter` asks whether it weighs less beside it, which
    it does but in rows that say `whole`.
    """
    rows = weights()["following"].holding(fact)
    return any(follows_by(fact, other, n) for n in rows if not (lighter and weights()["follows"][n][3]))


def follows_by(fact: Fact, other: Fact, row: int) -> bool:
    """Whether one thing follows from another by a row of `follows`, given its number."""
    holds, leads, field, _ = weights()["follows"][row]
    return bool(holds(fact) and leads(other) and (field is None or getattr(fact, field) in (None, getattr(other, field))))


def may_follow(fact: Fact) -> bool:
    """Whether a fact only follows from something, if that stands beside it."""
    return bool(weights()["following"].holding(fact))


def may_lead(fact: Fact) -> bool:
    """Whether something may only follow from a fact."""
    return bool(weights()["leading"].holding(fact))


def falls(level: Level) -> Level:
    """One level less; what nobody acts on stays as it is."""
    return _LESS.get(level, level)


@functools.cache
def fingerprint() -> str:
    """The table's SHA-256, short: who corrects a weight gets other scores."""
    return hashlib.sha256(TABLE.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:8]
