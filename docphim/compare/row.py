"""Rows and scores of a comparison as every table writes them: their names, numbers, intervals and marks."""

from __future__ import annotations

from typing import NamedTuple

from docphim.scores import WRONG
from docphim.study import Row


class Both(NamedTuple):
    """One text in the page's two languages."""

    vi: str
    en: str


#: A difference is held for real where its corrected p is below this.
LEVEL = 0.05
#: Marks of a difference by its corrected p, the strictest first.
MARKS = {"‡": 0.01, "†": 0.05}
#: The wrong image whose drop stands beside a score: another patient's.
RELIANCE = "other"
#: Columns of a terminal.
WIDTH = 100


def differs(score: Row, level: float = LEVEL) -> bool:
    """Whether a score differs from the baseline's at that level, after correction."""
    p = (score.get("difference") or {}).get("p_holm")
    return p is not None and p < level


def number(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A value, or a dash; `signed` writes the plus too, and a real minus sign."""
    if value is None:
        return "–"
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def many(n: int, thing: str) -> str:
    """`1 report`, `2 reports`."""
    return f"{n} {thing}" + ("" if n == 1 else "s")


def interval(score: Row, digits: int = 1, *, signed: bool = False) -> str:
    """`[59.8, 62.5]`, or nothing where there is no interval."""
    low, high = score.get("low"), score.get("high")
    if low is None or high is None:
        return ""
    return f"[{number(low, digits, signed=signed)}, {number(high, digits, signed=signed)}]"


def mark(score: Row) -> str:
    """The sign of the strictest level at which a score differs from the baseline's."""
    return next((sign for sign, level in MARKS.items() if differs(score, level)), "")


def shown(table: Row) -> list[Row]:
    """The rows that a table shows: runs on their own images, and floors; wrong images stand beside as drops."""
    return [row for row in table["rows"] if row["system"] not in WRONG]


def tested(row: Row) -> bool:
    """Whether a row is tested against the baseline: a run or a floor that is set against it."""
    return row["against"] is not None and row["system"] not in WRONG


def signatures(result: Row) -> list[str]:
    """Every signature of a comparison, once."""
    scores = (score for table in result["tables"] for row in table["rows"] for score in row["scores"].values())
    return list(dict.fromkeys(score["signature"] for score in scores))


def row_key(row: Row) -> tuple[str | None, str]:
    """What tells a row from others, in whatever split: its run and its system, which may have one name."""
    return row["run"], row["system"]


def row_name(row: Row) -> str:
    """What a row is called: the run, or the floor (and the run whose floor it is, where runs differ in it)."""
    if row["system"] == "own":
        return str(row["run"])
    name = str(row["system"]).replace(":", ": ")
    return f"{name} ({row['run']})" if row["run"] else name
