"""What a validation gives, as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docphim.columns import aligned
from docphim.errors import printable
from docphim.study import Row

#: How scores are called in a line.
_F1 = {"lesion_t": "type", "lesion_tp": "type+place", "lesion_tf": "type+uptake", "lesion_tpf": "all three"}


def lines(answer: Row) -> Iterator[str]:
    """The tables of `docphim validate report`, one after another."""
    yield f"{answer['studies']} studies, two readers; F1 of lesions in percent, κ of lesions in one place"
    yield ""
    yield _readers(answer["readers"])
    yield ""
    yield _agreements(answer)
    yield ""
    yield _fields(answer)
    yield ""
    yield from _starts(answer["start"])
    if answer["truth"]:
        yield ""
        yield from _truth(answer["truth"])


def _readers(readers: list[Row]) -> str:
    states = sorted({state for reader in readers for state in reader["rows"]})
    head = ["reader", "cases", "not judged", *states, "s a case", "5 % … 95 %"]
    rows = [head]
    for reader in readers:
        seconds = reader["seconds"]
        name = printable(f"{reader['reader']} {reader['name']}".strip(), 30)
        counts = [str(reader["rows"].get(state, 0)) for state in states]
        spread = f"{_number(seconds['p5'])} … {_number(seconds['p95'])}"
        rows.append([name, str(reader["cases"]), str(reader["unjudged_cases"]), *counts, _number(seconds["median"]), spread])
    return aligned(rows, "<" + ">" * (len(head) - 1))


def _compared(answer: Row) -> list[tuple[str, Row]]:
    """What is compared, by name."""
    rows = [("between readers", answer["between"])]
    rows += [(f"reader {n}, read twice", within) for n, within in enumerate(answer["within"], 1)]
    if answer["truth"]:
        rows += [(f"reader {n}, against the truth", one) for n, one in enumerate(answer["truth"]["readers"], 1)]
    return rows


def _agreements(answer: Row) -> str:
    rows = [["lesion F1", "studies", *_F1.values()]]
    rows += [[name, str(row["cases"]), *(_value(row["f1"][key]) for key in _F1)] for name, row in _compared(answer)]
    return aligned(rows, "<" + ">" * (len(_F1) + 1))


def _fields(answer: Row) -> str:
    """κ between readers and of each with herself; against the truth it stands in the JSON."""
    compared = _compared(answer | {"truth": None})
    rows = [["κ", *(name for name, _ in compared)]]
    for field in answer["between"]["fields"]:
        cells = [(row["fields"][field]["kappa"], row["fields"][field]["n"]) for _, row in compared]
        rows.append([field, *(f"{_value(kappa, 2)} (n {n})" for kappa, n in cells)])
    for field, within in (("size", "20 %"), ("suv", "10 %")):
        cells = [(row["amounts"][field], row["amounts"][field]["n"]) for _, row in compared]
        rows.append([f"{field} within {within}, %", *(f"{_value(share)} (n {n})" for share, n in cells)])
    return aligned(rows, "<" * (len(compared) + 1))


def _starts(start: Row) -> Iterator[str]:
    rows = [["table begins with", "studies", "F1 between readers", "F1 with the report as read", "s a case"]]
    for name, called in (("report", "the report as read"), ("empty", "nothing")):
        part = start[name]
        seconds = " / ".join(_number(reader["median"]) for reader in part["seconds"])
        scores = [_value(part["between"]["f1"]["lesion_tp"]), _value(part["from_report"]["lesion_tp"])]
        rows.append([called, str(part["between"]["cases"]), *scores, seconds])
    minus = [_value(start["difference"][key]["lesion_tp"]) for key in ("between", "from_report")]
    rows.append(["difference", "", *minus, ""])
    yield aligned(rows, "<>>>>")
    yield "(type and place; a table that is given leads readers where the first row is clearly above the second)"


def _truth(truth: Row) -> Iterator[str]:
    states = ", ".join(f"{state} {count}" for state, count in truth["rows"].items())
    judged = f"{truth['lesions']} lesions of {truth['studies']} studies, {len(truth['unjudged'])} studies not judged"
    yield f"truth: {judged}; rows: {states}"


def _value(score: Any, digits: int = 1) -> str:
    """A value with its interval, where there is one."""
    if score["value"] is None:
        return "–"
    ends = "" if score["low"] is None else f" [{score['low']:.{digits}f}, {score['high']:.{digits}f}]"
    return f"{score['value']:.{digits}f}{ends}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
