"""What the page says of each task of scores.json: verdict, families of scores, mistakes, labels, known words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docphim.page import verdict, words
from docphim.page.coloured import ALONE, MISTAKES, abnormal
from docphim.page.families import disagreement, families
from docphim.page.inputs import Inputs
from docphim.page.words import Both

Row = dict[str, Any]
#: What an entry of scores.json may lack.
PARTS: Row = dict.fromkeys(
    (
        *("scores", "floors", "lead", "reliance", "image_gain", "ceiling", "by_finding", "counts"),
        *("fact_errors", "per_label", "coverage_words", "keys", "judge"),
    )
)
#: Mistakes that the page names even where there are none.
LOOKED_FOR = ("side", "polarity", "missing", "hallucinated")
#: So many unknown words are named.
UNKNOWN = 20


def tasks(read: Inputs) -> list[Row]:
    """The tasks in the order of scores.json, those without scores left out."""
    return [_task(read, key, PARTS | row) for key, row in read.scores.items() if row.get("scores")]


def _task(read: Inputs, key: str, task: Row) -> Row:
    name, split, context = [*key.split("/"), "none"][:3]
    metrics = verdict.metrics_of(task)
    found = families(task, blind=read.blind)
    return {
        "key": key,
        "name": words.task(name, context),
        "split": split,
        "task": task,
        "metrics": metrics,
        "families": found,
        "verdict": verdict.judge(task, blind=read.blind),
        "disagreement": disagreement(found),
        "floor": verdict.highest_floor(task, metrics[0]),
        "lost": verdict.margin(task, "other", metrics[0]),
        "systems": systems(task),
        "signatures": signatures(task, metrics),
        "n": task["scores"][metrics[0]].get("n", 0),
        "rate": _rate(task),
        "mistakes": mistakes(task, [row for (of, _), row in read.errors.items() if of == key]),
        "labels": {s: by_support(rows) for s, rows in (task["per_label"] or {}).items()},
        "coverage": {which: known(row) for which, row in (task["coverage_words"] or {}).items() if row},
    }


def _rate(task: Row) -> dict[str, float] | None:
    """Strict precision and recall of the facts, where they were read."""
    scores = {part: task["scores"].get(f"fact_{part}") for part in ("precision", "recall")}
    return {part: score["value"] for part, score in scores.items() if score} if all(scores.values()) else None


def mistakes(task: Row, rows: Sequence[Row] = ()) -> list[tuple[Both, float, str]]:
    """Bars of what differs by kind, the most frequent first; of kinds that do not occur, those that are looked for.

    Where `rows` (of errors.jsonl) say what is missing or extra, what is abnormal stands apart from what is normal or absent:
    that only one text says a normal thing need not be a mistake, and so it comes last.
    """
    counts = task["fact_errors"] or {}
    told = [kind for kind in MISTAKES if counts.get(kind) or (kind in LOOKED_FOR and kind in counts)]
    known = [kind for kind in ALONE if kind in told and sum(len(row[kind]) for row in rows) == counts[kind]]
    grave = {kind: _abnormal(rows, kind) for kind in known}
    named = {kind: f"bar_{kind}_abnormal" if kind in grave else f"bar_{kind}" for kind in told}
    first = sorted(told, key=lambda kind: -grave.get(kind, counts[kind]))
    bars = [(words.text(named[kind]), grave.get(kind, counts[kind]), f"mistake {kind}") for kind in first]
    rest = [(kind, counts[kind] - n) for kind, n in grave.items() if counts[kind] > n]
    return bars + [(words.text(f"bar_{kind}_normal"), n, f"mistake {kind} light") for kind, n in rest]


def _abnormal(rows: Sequence[Row], kind: str) -> int:
    """How many missing or extra facts say that something is there or abnormal."""
    side = "reference" if kind == "missing" else "prediction"
    return sum(abnormal(row[side][i]) for row in rows for i in row[kind])


def signatures(task: Row, metrics: list[str]) -> list[tuple[str, list[str]]]:
    """Signatures, each once for the metrics that share it but for their own key, which it writes as `KEY`."""
    shared: dict[str, list[str]] = {}
    for metric in metrics:
        program, bar, fields = (task["scores"][metric].get("signature") or "–").partition("|")
        shared.setdefault(f"{program.partition(':')[0]}:KEY|{fields}" if bar else program, []).append(metric)
    return list(shared.items())


def by_support(rows: Row) -> list[tuple[str, Row]]:
    """Labels from the most frequent in the references to the rarest."""
    return sorted(rows.items(), key=lambda item: (-(item[1].get("support") or 0), item[0]))


def known(row: Row) -> Row:
    """Share of words that the lexicon knows, in percent, and the most frequent ones it does not."""
    unknown = row.get("unknown") or []
    counts = list(unknown.items()) if isinstance(unknown, dict) else [(word, count) for word, count in unknown]
    named = sorted(counts, key=lambda item: -item[1])[:UNKNOWN]
    words_ = row.get("words") or 0
    told = ", ".join(f"{word} ({count})" for word, count in named)
    return {"share": 100.0 * row.get("known", 0) / words_ if words_ else None, "unknown": told}


def systems(task: Row) -> list[Row]:
    """Columns of the tables beside the model's own score: wrong films, floors, ceiling, each with its lead if it has one."""
    columns = []
    for group, order in (("reliance", verdict.WRONG), ("floors", verdict.FLOORS)):
        for name in verdict.names(task.get(group), order):
            scores = task[group][name]
            if scores:
                drops = {metric: score["drop"] for metric, score in scores.items() if score.get("drop")}
                lead = (task.get("lead") or {}).get(name) or drops
                columns.append({"name": name, "group": group, "scores": scores, "lead": lead})
    if task.get("ceiling"):
        columns.append({"name": "ceiling", "group": "ceiling", "scores": task["ceiling"], "lead": None})
    return columns
