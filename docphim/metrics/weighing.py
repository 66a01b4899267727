"""Each row of weights.yaml with its example: of the facts in it the row is to be the first that holds for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from docphim.errors import printable
from docphim.language.conditions import is_well
from docphim.language.fact import Fact
from docphim.language.facts import facts
from docphim.language.same import canonical
from docphim.metrics.weights import first_row, follows_by, level, weights


def weighed(fact: Fact) -> str:
    """What a fact calls for in the clinical score, whatever else its report says, and the source of the row that says so."""
    part = canonical([fact])[0]
    row = first_row(part)
    why = "well" if is_well(part) else "no row names it" if row is None else weights()["rows_written"][row]["source"]
    return f"{level(part).replace('_', '-')} ({why})"


def faults() -> list[str]:
    """Every row of weights.yaml whose example does not meet it, or meets another row first: `weights.yaml: rows: «…»: …`.

    Raises
    ------
    UsageError
        The table cannot be read at all.
    """
    table = weights()
    return [
        f"weights.yaml: {section}: «{printable(row['example'], 60)}»: {why}"
        for section, fault in (("rows", _row), ("follows", _follows))
        for n, row in enumerate(table[f"{section}_written"])
        if (why := next(fault(n, row), None))
    ]


def _row(n: int, row: Mapping[str, Any]) -> Iterator[str]:
    modality = row["when"].get("modality")
    firsts = [first_row(fact, modality) for fact in canonical(facts(row["example"], row.get("language", "vi")), modality)]
    holds, _, _ = weights()["rows"][n]
    if n in firsts:
        return
    held = [first for first in firsts if first is not None and first < n]
    met = any(holds(fact) for fact in canonical(facts(row["example"], row.get("language", "vi")), modality))
    if met and held:
        above = weights()["rows_written"][held[0]]
        verb = "it contradicts" if above["when"] == row["when"] else "it is never reached:"
        yield f"{verb} the row of «{printable(above['example'], 60)}», above it, which holds first"
    else:
        yield "it does not hold for its example"


def _follows(n: int, row: Mapping[str, Any]) -> Iterator[str]:
    read = canonical(facts(row["example"], row.get("language", "vi")))
    if not any(follows_by(fact, other, n) for fact in read for other in read if other is not fact):
        yield "nothing in its example follows by it"
