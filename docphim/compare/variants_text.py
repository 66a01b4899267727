"""Variants side by side as aligned lines, as tidy CSV and as LaTeX: one table a `tables` entry of the recipe and task."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from docphim.columns import aligned
from docphim.compare.latex import escape
from docphim.compare.row import WIDTH, Both, interval, many, number
from docphim.compare.text import safe
from docphim.compare.variants_parts import part_blocks, part_tables, words
from docphim.errors import printable
from docphim.language.labels import set_title
from docphim.study import Row

COLUMNS = (
    "table", "task", "system", "same_as", "column", "value", "low", "high", "seeds", "lowest", "highest",
    "difference", "difference_low", "difference_high", "published", "n", "signature",
)  # fmt: skip


def column_title(key: str) -> tuple[str, str]:
    """A column's short name in Vietnamese and English."""
    entry = words()["columns"][key if key in words()["columns"] else key.rpartition("/")[2]]
    return entry["vi"], entry["en"]


def blocks(result: Row) -> Iterator[tuple[Row, Row]]:
    """Each table with each task that it is shown on, one table after the other."""
    names = [table["name"] for table in result["tables"]]
    shown = [(table, task) for task in result["tasks"] for table in task["tables"]]
    return iter(sorted(shown, key=lambda pair: names.index(pair[0]["name"])))


def columns_with_values(table: Row, task: Row, columns: Sequence[str]) -> list[str]:
    """The columns of which any row has a value."""
    return [c for c in columns if any(task["rows"][row]["scores"][c]["value"] is not None for row in table["rows"])]


def legend_values(result: Row) -> dict[str, Both]:
    """What fills the legend's braces: the baseline, where there is one for all tasks, and the names of the label sets."""
    sets = dict.fromkeys(key.partition("/")[0] for key in result["columns"] if key.endswith("/coverage"))
    baselines = {task["baseline"] for task in result["tasks"]}
    several = Both("dòng đầu của mỗi mục", "the first row of each task")
    labels = ", ".join(map(set_title, sets)) or "–"
    return {"baseline": Both(*baselines, *baselines) if len(baselines) == 1 else several, "labels": Both(labels, labels)}


def row_title(name: str, row: Row) -> str:
    """`beta0 (= origin)`, with how many seeds it is a mean of."""
    same = f" (= {row['same_as']})" if row["same_as"] else ""
    return name + same + (f", {len(row['seeds'])} seeds" if len(row["seeds"]) > 1 else "")


def paper(table: Row, row: Row, key: str, digits: int = 1) -> str:
    """The paper's number for a row and score, on any task or on the row's; two where it contradicts itself."""
    entry = ((table["published"] or {}).get("rows") or {}).get(row["variant"]) or {}
    values = (entry.get(row["task"]) or entry).get(key)
    return "" if values is None else " / ".join(number(v, digits) for v in (values if isinstance(values, list) else [values]))


def digits_of(key: str) -> int:
    """Nats are small."""
    return 2 if key == "image_gain" else 1


def terminal(result: Row) -> str:
    """The tables as lines: what each variant does in words, then all columns, as many side by side as fit."""
    parts = []
    for task in result["tasks"]:
        title = f"{task['key']}: {many(task['n'], 'report')} of {many(task['patients'], 'patient')}"
        lines = [textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in _verdict_lines(task)]
        parts.append("\n".join([title, "", *lines]))
    for table, task in blocks(result):
        parts.append(f"{table['name']}: {task['key']}")
        parts += _columns(table, task, result, floors=table is task["tables"][0])
        parts += [textwrap.fill(f"paper: {note['en']}", WIDTH) for note in (table["published"] or {}).get("notes", [])]
    for task in result["tasks"]:
        parts += part_blocks(task)
    filled = {name: value.en for name, value in legend_values(result).items()}
    parts.append("\n".join(textwrap.fill(line["en"].format(**filled), WIDTH) for line in words()["legend"]))
    return "\n".join(printable(line) for line in "\n\n".join(parts).split("\n")) + "\n"


def _verdict_lines(task: Row) -> Iterator[str]:
    sentences = words()["verdicts"]
    for name, verdicts in task["verdicts"].items():
        yield f"{name}: " + " ".join(sentences[v]["en"].format(baseline=task["baseline"]) for v in verdicts)


def _columns(table: Row, task: Row, result: Row, *, floors: bool) -> Iterator[str]:
    """Blocks of columns, each with the number, its difference to the baseline, and the paper's where there is one."""
    rows = {row_title(name, task["rows"][name]): (task["rows"][name], task["rows"][name]["scores"]) for name in table["rows"]}
    below = [(floor["system"].replace(":", ": "), floor["scores"]) for floor in task["floors"] if floors]
    names = ["", "", *rows, *(name for name, _ in below)]
    taken: list[list[str]] = [names]
    for key in columns_with_values(table, task, result["columns"]):
        group = [[column_title(key)[1], "score", *(_score(s[key], key) for _, s in rows.values())]]
        group[0] += [_score(scores.get(key), key) for _, scores in below]
        if any(scores[key]["difference"] for _, scores in rows.values()):
            group.append(["", "diff", *(_difference(scores[key], key) for _, scores in rows.values()), *[""] * len(below)])
        if any(paper(table, row, key) for row, _ in rows.values()):
            group.append(["", "paper", *(paper(table, row, key) for row, _ in rows.values()), *[""] * len(below)])
        if len(taken) > 1 and _width([*taken, *group]) > WIDTH:
            yield _block(taken)
            taken = [names]
        taken += group
    yield _block(taken)


def _width(columns: Sequence[Sequence[str]]) -> int:
    return sum(2 + max(map(len, column)) for column in columns) - 2


def _block(columns: Sequence[Sequence[str]]) -> str:
    """Columns as lines; a row that has none of these numbers is left out."""
    rows = [row for place, row in enumerate(zip(*columns, strict=True)) if place < 2 or any(row[1:])]
    return aligned(rows, "<" * len(columns))


def _score(score: Row | None, key: str) -> str:
    if not score:
        return ""
    return f"{number(score['value'], digits_of(key))} {interval(score, digits_of(key))}{_range(score, key)}".rstrip()


def _range(score: Row, key: str) -> str:
    """The lowest and highest over the seeds, where there are several: ` 26.1…28.4`."""
    if score.get("lowest") is None or score["lowest"] == score["highest"]:
        return ""
    return f" {number(score['lowest'], digits_of(key))}…{number(score['highest'], digits_of(key))}"


def _difference(score: Row, key: str) -> str:
    difference, digits = score["difference"], digits_of(key)
    if not difference:
        return ""
    return f"{number(difference['value'], digits, signed=True)} {interval(difference, digits, signed=True)}".rstrip()


def tidy(result: Row) -> str:
    """CSV with a header line (`COLUMNS`), one line a table, task, system and column; an undefined value is an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for table, task in blocks(result):
        for name in table["rows"]:
            row = task["rows"][name]
            for key, score in row["scores"].items():
                writer.writerow(safe(_tidy_row(table, task, name, row, key, score)))
        for name in table["rows"]:
            writer.writerows(map(safe, _part_rows(table, task, name)))
        for floor in task["floors"]:
            for key, score in floor["scores"].items():
                at = {"table": table["name"], "task": task["key"], "system": floor["system"], "column": key, "n": task["n"]}
                writer.writerow(safe(at | score))
    return out.getvalue()


def _tidy_row(table: Row, task: Row, name: str, row: Row, key: str, score: Row) -> dict[str, Any]:
    difference = score["difference"] or {}
    return {
        "table": table["name"],
        "task": task["key"],
        "system": name,
        "same_as": row["same_as"],
        "column": key,
        **{part: score[part] for part in ("value", "low", "high", "lowest", "highest")},
        "seeds": len(row["seeds"]),
        "difference": difference.get("value"),
        "difference_low": difference.get("low"),
        "difference_high": difference.get("high"),
        "published": paper(table, row, key, 2),
        "n": task["n"],
        "signature": task["signatures"].get(key),
    }


def _part_rows(table: Row, task: Row, name: str) -> Iterator[dict[str, Any]]:
    """Numbers of parts of the data: `lesions/size/< 3/presence`, `groups/phase/contrast/value`."""
    for kind, grouping, columns, cells in part_tables(task["rows"], [name]):
        for column, cell in zip(columns, cells[0][1], strict=True):
            for part, value in cell.items():
                at = {"table": table["name"], "task": task["key"], "system": name, "n": cell["n"], "value": value}
                if part != "n":
                    yield at | {"column": f"{kind}/{grouping}/{column}/{part}", "same_as": task["rows"][name]["same_as"]}


def latex(result: Row) -> str:
    """One floating table a table and task, metrics across; needs `\\usepackage{booktabs}`."""
    lines = [r"% made by docphim run; needs \usepackage{booktabs}"]
    signatures = dict.fromkeys(s for task in result["tasks"] for s in task["signatures"].values())
    lines += [f"% {signature}" for signature in signatures]
    for table, task in blocks(result):
        lines += _latex_table(table, task, result)
    return "\n".join(lines) + "\n"


def _latex_table(table: Row, task: Row, result: Row) -> Iterator[str]:
    columns = columns_with_values(table, task, result["columns"])
    yield from (r"\begin{table*}[t]", r"\centering\footnotesize\setlength{\tabcolsep}{3pt}")
    yield from (rf"\begin{{tabular}}{{l{'r' * len(columns)}}}", r"\toprule")
    yield " & ".join(["", *(escape(column_title(c)[1]) for c in columns)]) + r" \\"
    yield r"\midrule"
    for name in table["rows"]:
        scores = task["rows"][name]["scores"]
        yield (
            " & ".join(
                [
                    escape(row_title(name, task["rows"][name])),
                    *(_tex(number(scores[c]["value"], digits_of(c))) for c in columns),
                ]
            )
            + r" \\"
        )
        yield " & ".join(["", *(_small(interval(scores[c], digits_of(c))) for c in columns)]) + r" \\"
        row = task["rows"][name]
        if any(paper(table, row, c) for c in columns):
            yield " & ".join([r"\quad paper", *(_tex(paper(table, row, c)) or "--" for c in columns)]) + r" \\"
    yield r"\addlinespace"
    for floor in task["floors"]:
        cells = [_tex(number(floor["scores"][c]["value"])) if c in floor["scores"] else "" for c in columns]
        yield " & ".join([escape(floor["system"].replace(":", ": ")), *cells]) + r" \\"
    caption = (
        f"{table['name']}, {task['key']}: {task['n']} reports. Means over seeds with 95 % bootstrap intervals over patients."
    )
    notes = " ".join(note["en"] for note in (table["published"] or {}).get("notes", []))
    yield from (r"\bottomrule", r"\end{tabular}", rf"\caption{{{escape(f'{caption} {notes}'.strip())}}}", r"\end{table*}")


def _tex(text: str) -> str:
    return text.replace("−", "$-$").replace("–", "--")


def _small(text: str) -> str:
    return rf"{{\scriptsize {_tex(text)}}}" if text else ""
