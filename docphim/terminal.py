"""What the commands print: where a run's results are, scores as a table, examples with their trained tokens coloured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from docphim import files

HEADLINE = ("rougeL", "bleu4")


def after_run(dataset: Path, home: Path, last: str) -> None:
    """Say what a run left: studies kept and rejected, the headline scores with their floors, and where the page is."""
    out = Console(stderr=True, highlight=False)
    index = dataset / "prepared" / "index.jsonl"
    if index.exists():
        kept = len({row["study"] for row in files.read_jsonl(index)})
        reasons = Counter(row["reason"] for row in files.read_jsonl(dataset / "rejected.jsonl"))
        refused = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common()) or "none"
        out.print(f"studies kept {kept}; rejected: {refused}")
    out.print(f"dataset {dataset}")
    if last in ("evaluate", "page"):
        scores = files.read_json(home / "scores.json")
        for task in scores["by_task"]:
            Console(highlight=False).print(headline(task, scores["by_task"][task]))
    if last == "page":
        out.print(f"page {home / 'index.html'}")


def headline(name: str, task: dict[str, Any]) -> Table:
    """Scores of one task with, on the right, what each floor gets and the lead over it."""
    table = Table(title=name, title_justify="left", box=None, pad_edge=False)
    for column in ("system", *HEADLINE, *(f"lead {m}" for m in HEADLINE)):
        table.add_column(column, justify="left" if column == "system" else "right")
    table.add_row("own film", *(interval(task["scores"].get(m)) for m in HEADLINE), "", "")
    for floor, scores in task.get("floors", {}).items():
        leads = task.get("lead", {}).get(floor, {})
        table.add_row(
            f"floor: {floor}", *(interval(scores.get(m)) for m in HEADLINE), *(interval(leads.get(m)) for m in HEADLINE)
        )
    for image, scores in task.get("reliance", {}).items():
        table.add_row(f"shown {image}", *(interval(scores.get(m)) for m in HEADLINE), "", "")
    gain = task.get("image_gain")
    if gain:
        table.add_row("image gain, nats/report", interval(gain), "", "", "")
    for finding, by_image in task.get("by_finding", {}).items():
        own, other = by_image.get("own") or {}, by_image.get("other") or {}
        table.add_row(f"J {finding}", *(_number(x.get("j")) for x in (own, other)), "", "")
    return table


def interval(score: dict[str, Any] | None) -> str:
    """`61.2 [59.8, 62.5]`, or without brackets where there is no interval."""
    if not score or score.get("value") is None:
        return "–"
    low, high = score.get("low"), score.get("high")
    return _number(score["value"]) + (f" [{_number(low)}, {_number(high)}]" if low is not None and high is not None else "")


def _number(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("value")
    return "–" if value is None else f"{value:.2f}"


def score_table(scored: dict[str, Any]) -> None:
    """Print `docphim score`'s answer: one metric a line, with its interval and signature."""
    table = Table(box=None, pad_edge=False)
    for column in ("metric", "score", "95 % interval", "signature"):
        table.add_column(column, justify="right" if column == "score" else "left", overflow="fold")
    for name, score in scored["scores"].items():
        low, high = score.get("low"), score.get("high")
        between = f"{low:.2f} – {high:.2f}" if low is not None else "–"
        table.add_row(name, f"{score['value']:.2f}", between, score["signature"])
    console = Console(highlight=False)
    console.print(table)
    rest = {key: value for key, value in scored.items() if key != "scores" and value}
    if rest:
        tree(rest)


def tree(value: dict[str, Any], indent: str = "") -> None:
    """Print nested values, one `key: value` a line."""
    console = Console(highlight=False, soft_wrap=True)
    for key, inner in value.items():
        if isinstance(inner, dict):
            console.print(Text(f"{indent}{key}:"))
            tree(inner, indent + "  ")
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            console.print(Text(f"{indent}{key}:"))
            for item in inner:
                console.print(Text(f"{indent}  - " + "; ".join(f"{k}: {v}" for k, v in item.items() if v not in (None, ""))))
        else:
            console.print(Text(f"{indent}{key}: {'–' if inner in (None, '', []) else inner}"))


def show_examples(examples: Iterable[tuple[str, str]]) -> None:
    """Print training examples (title, rich markup) as the model will see them."""
    console = Console(highlight=False)
    for title, text in examples:
        console.rule(title, align="left")
        console.print(Text.from_markup(text))
