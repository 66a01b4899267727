"""What readers marked, as lines for the terminal and as rows of the tidy table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from docphim.compare.row import WIDTH, interval, many, number
from docphim.scores import TaskKey
from docphim.study import Row


def lines(marks: Row) -> Iterator[str]:
    """One block a reader and task, then one a pair of readers."""
    for row in marks["readers"]:
        yield "\n".join(_reader(row))
    for row in marks["between"]:
        one, two = row["readers"]
        title = f"{row['run']}, {row['task']}: {one} and {two}, on the {row['correct']['n']} sentences that both marked"
        yield "\n".join(
            [
                textwrap.fill(title, WIDTH, subsequent_indent="  "),
                f"  correct or not                   {_agreed(row['correct'])}",
                f"  correct, incorrect or redundant  {_agreed(row['classes'])}",
            ]
        )


def _reader(row: Row) -> Iterator[str]:
    marked = row["sentences"] - row["unmarked"]
    where = f"{row['run']}, {row['task']}"
    title = (
        f"{where}: {row['reader']} marked {marked} of {many(row['sentences'], 'sentence')} in {many(row['drafts'], 'draft')}"
    )
    yield textwrap.fill(title, WIDTH, subsequent_indent="  ")
    for category, n in row["counts"].items():
        share = row["shares"][category]
        kinds = ", ".join(f"{kind} {m}" for kind, m in row["kinds"].items()) if category == "incorrect" else ""
        line = f"  {category:10} {n:5}  {number(share['value']):>5} % {interval(share)}"
        yield (f"{line}  {kinds}" if kinds else line).rstrip()
    if row["unmarked"]:
        yield f"  {'unmarked':10} {row['unmarked']:5}  counted as nothing"
    yield f"  {'missing':10} {row['missing']['things']:5}  added by the reader to {many(row['missing']['drafts'], 'draft')}"
    if row["facts"]:
        yield f"  with the facts, correct or not, on {many(row['facts']['n'], 'sentence')}:"
        yield f"    {_agreed(row['facts'])}"
    else:
        yield f"  no agreement with the facts: {row['why']}"


def _agreed(agreed: Row) -> str:
    parts = []
    for key, name in (("kappa", "κ"), ("ac1", "AC1")):
        value = agreed[key]
        why = f" ({value['why']})" if value.get("why") else ""
        parts.append(f"{name} {number(value['value'], 2)} {interval(value, 2)}".rstrip() + why)
    if agreed["observed"] is not None:
        parts.append(f"the same on {number(100 * agreed['observed'])} %")
    return ", ".join(parts)


def tidy_rows(marks: Row) -> Iterator[dict[str, Any]]:
    """Rows of the CSV: shares in percent of the marked sentences, κ and AC1 in their own unit; `system` names the reader."""
    for row in marks["readers"]:
        place = _place(row) | {"system": f"reader:{row['reader']}"}
        marked = row["sentences"] - row["unmarked"]
        for category, share in row["shares"].items():
            yield place | {"metric": f"marks_{category}", "n": marked} | share
        for kind, n in row["kinds"].items():
            yield place | {"metric": f"marks_{kind}", "n": marked, "value": 100 * n / marked if marked else None}
        if row["facts"]:
            yield from _agreed_rows(place | {"against": "facts"}, "marks", row["facts"])
    for row in marks["between"]:
        place = _place(row) | {"system": f"reader:{row['readers'][0]}", "against": f"reader:{row['readers'][1]}"}
        yield from _agreed_rows(place, "marks", row["correct"])
        yield from _agreed_rows(place, "marks_classes", row["classes"])


def _place(row: Row) -> dict[str, Any]:
    key = TaskKey.parse(row["task"])
    return {"run": row["run"], "task": key.task, "split": key.split, "context": key.context}


def _agreed_rows(place: dict[str, Any], name: str, agreed: Row) -> Iterator[dict[str, Any]]:
    for key in ("kappa", "ac1"):
        value = {end: agreed[key][end] for end in ("value", "low", "high")}
        yield place | {"metric": f"{name}_{key}", "n": agreed["n"]} | value
