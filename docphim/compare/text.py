"""A comparison of runs as aligned lines for the terminal and as tidy CSV, one row a run, task, split, system and metric."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from docphim.compare.row import MARKS, RELIANCE, WIDTH, interval, many, mark, number, row_name, shown
from docphim.errors import printable
from docphim.study import Row

BEST = "*"
#: What begins a formula in a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "run", "model", "task", "split", "context", "system", "metric", "value", "low", "high", "n",
    "against", "difference", "difference_low", "difference_high", "p", "p_holm", "signature", "declined",
)  # fmt: skip


def terminal(result: Row) -> str:
    """The comparison as lines of at most `WIDTH` characters: a block a task and split, split further where metrics are many."""
    parts = ["\n".join(_run_lines(result))]
    for table in result["tables"]:
        parts += _blocks(table, result)
    parts += list(_left_out(result))
    parts.append("\n".join(legend(result)))
    if "marks" in result:
        from docphim.compare.marks_text import lines

        parts += lines(result["marks"])
    return "\n".join(printable(line) for line in "\n\n".join(parts).split("\n"))


def _run_lines(result: Row) -> Iterator[str]:
    wide = max(len(run["name"]) for run in result["runs"])
    for run in result["runs"]:
        ahead = "  baseline" if run["name"] == result["baseline"] and len(result["runs"]) > 1 else ""
        yield f"{run['name']:{wide}}  {run['model']}{ahead}".rstrip()


def _blocks(table: Row, result: Row) -> Iterator[str]:
    """The task's table, as many metrics side by side as fit."""
    rows = shown(table)
    names = ["", "", *(_cut(row_name(row), 34) for row in rows)]
    groups = [_columns(table, rows, key) for key in result["metrics"] if any(key in row["scores"] for row in rows)]
    title = f"{table['key']}: {many(table['n'], 'report')} of {many(table['patients'], 'patient')}"
    declined = [f"{row['run']} {number(row['declined'])} %" for row in rows if row["declined"] is not None]
    if declined:
        title += "\n" + textwrap.fill(f"drafts that decline to answer: {', '.join(declined)}", WIDTH)
    wide = max(map(len, names))
    while groups:
        taken: list[list[list[str]]] = []
        room = WIDTH - wide
        while groups and (not taken or room >= _width(groups[0])):
            room -= _width(groups[0])
            taken.append(groups.pop(0))
        cells = [[f"{name:{wide}}", *(column[i] for group in taken for column in group)] for i, name in enumerate(names)]
        lines = ["  ".join(row).rstrip() for row in cells]
        yield "\n".join([title, "", *lines])
        title = f"{table['key']}, continued"


def _width(group: Sequence[Sequence[str]]) -> int:
    return sum(2 + len(column[0]) for column in group)


def _columns(table: Row, rows: Sequence[Row], key: str) -> list[list[str]]:
    """The columns of one metric, padded: score with interval and marks; drop on another's film; difference to the baseline."""
    scores = [row["scores"].get(key) for row in rows]
    columns = [[key, "score", *(_score(score) for score in scores)]]
    if any(score and (score.get("drop") or {}).get(RELIANCE) for score in scores):
        columns.append(["", "drop", *(_drop(score) for score in scores)])
    if any(row["against"] for row in rows):
        columns.append(["", "diff", *(_difference(score) for score in scores)])
    first = columns[0]
    wide = max(map(len, first))
    padded = [[f"{cell:<{wide}}" for cell in first]]
    for column in columns[1:]:
        wide = max(map(len, column))
        padded.append([f"{cell:>{wide}}" for cell in column])
    return padded


def _score(score: Row | None) -> str:
    if not score:
        return "–"
    return f"{number(score['value'])}{BEST if score.get('best') else ''}{mark(score)} {interval(score)}".rstrip()


def _drop(score: Row | None) -> str:
    drop = ((score or {}).get("drop") or {}).get(RELIANCE)
    return number(drop["value"]) if drop else ""


def _difference(score: Row | None) -> str:
    difference = (score or {}).get("difference")
    return number(difference["value"], signed=True) if difference else ""


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _left_out(result: Row) -> Iterator[str]:
    for key, runs in result["left_out"].items():
        for name, row in runs.items():
            ids = ", ".join(row["named"][:5]) + (", …" if row["missing"] > 5 else "")
            lacks = f"{key}: {name} lacks {row['missing']} of the examples that another run answered"
            yield textwrap.fill(f"{lacks}: {ids}; they are left out for every run.", WIDTH)


def legend(result: Row) -> Iterator[str]:
    """What the columns and marks mean."""
    scores, ahead = list(_scores(result)), result["baseline"]
    terms = {"score": "value with its 95 % bootstrap interval over patients."}
    if not any(score["low"] is not None for score in scores):
        terms["score"] = "no interval below 30 patients."
    if any((score.get("drop") or {}).get(RELIANCE) for score in scores):
        terms["drop"] = (
            "what the score loses when the model is shown another patient's film; about 0: it is not reading the film."
        )
    if result["tests"]:
        levels = ", ".join(f"{sign} p < {level}" for sign, level in reversed(MARKS.items()))
        terms["diff"] = (
            f"difference to {ahead} on the same reports. {levels}: paired randomisation over patients, "
            f"{result['permutations']:,} permutations, corrected (Holm) over the {result['tests']} tests of this table."
        )
    if any(score.get("best") for score in scores):
        terms[BEST] = f"best run, and not by chance: it differs from {ahead} (or, where it is that, all others from it)."
    terms["more"] = "signatures: --json, --csv, --latex, --page; intervals of drop and diff: --json, --csv, --page."
    for term, text in terms.items():
        yield textwrap.fill(text, WIDTH, initial_indent=f"{term:7}", subsequent_indent=" " * 7)


def _scores(result: Row) -> Iterator[Row]:
    return (score for table in result["tables"] for row in table["rows"] for score in row["scores"].values())


def tidy(result: Row) -> str:
    """CSV with a header line (`COLUMNS`); wrong images and floors are systems too, an undefined value is an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for table in result["tables"]:
        for row in table["rows"]:
            for metric, score in row["scores"].items():
                writer.writerow(safe(_tidy_row(table, row, metric, score)))
    if "marks" in result:
        from docphim.compare.marks_text import tidy_rows

        writer.writerows(map(safe, tidy_rows(result["marks"])))
    return out.getvalue()


def safe(row: dict[str, Any]) -> dict[str, Any]:
    """A row in which no text is a formula to a spreadsheet: OWASP's rule, an apostrophe before what would begin one."""
    return {
        name: f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value for name, value in row.items()
    }


def _tidy_row(table: Row, row: Row, metric: str, score: Row) -> dict[str, Any]:
    difference = score["difference"] or {}
    return {
        **{key: table[key] for key in ("task", "split", "context")},
        **{key: row[key] for key in ("run", "model", "system", "against", "declined")},
        **{key: score[key] for key in ("value", "low", "high", "n", "signature")},
        "metric": metric,
        "difference": difference.get("value"),
        "difference_low": difference.get("low"),
        "difference_high": difference.get("high"),
        "p": difference.get("p"),
        "p_holm": difference.get("p_holm"),
    }
