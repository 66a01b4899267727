"""A comparison of runs as one self-contained HTML page without any script, in Vietnamese and English."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

import docphim
from docphim.compare import figure
from docphim.compare.row import RELIANCE, Both, mark, number, row_key, shown, signatures
from docphim.metrics.catalogue import title_of
from docphim.package_data import packaged
from docphim.study import SPLITS, Row

HERE = Path(__file__).parent


@functools.cache
def _words() -> dict[str, Any]:
    words: dict[str, Any] = packaged(HERE / "words.yaml")
    return words


def both(key: str, /, **values: Any) -> Both:
    """The text `key` with its braces filled, numbers as each language writes them."""
    entry = _words()["text"][key]
    filled = {name: value if isinstance(value, Both) else _written(value) for name, value in values.items()}
    vi, en = ({name: value[i] for name, value in filled.items()} for i in (0, 1))
    return Both(entry["vi"].format(**vi), entry["en"].format(**en))


def task_name(key: str) -> Both:
    """A task's name, with its context; one that the table lacks is shown as it is written."""
    entry = _words()["task"].get(key)
    return Both(**entry) if entry else Both(key, key)


def metric_name(key: str) -> Both:
    """A score's name, which its family says, with a capital."""
    title = title_of(key)
    return Both(*(name[:1].upper() + name[1:] for name in (title.vi, title.en)))


def _written(value: Any) -> Both:
    if isinstance(value, int):
        return localized(value, 0)
    return localized(value) if isinstance(value, float) else Both(str(value), str(value))


def localized(value: float | None, digits: int = 1, *, signed: bool = False) -> Both:
    """A number as each language writes it: `1.234,5` and `1,234.5`."""
    if value is None:
        return Both("–", "–")
    english = number(value, digits, signed=signed) if abs(value) < 1000 else f"{value:,.{digits}f}"
    return Both(english.translate(str.maketrans(",.", ".,")), english)


def show(text: Both) -> Markup:
    """Both languages as markup; a style rule shows one."""
    if text.vi == text.en:
        return escape(text.vi)
    return Markup('<span class="vi" lang="vi">{}</span><span class="en" lang="en">{}</span>').format(*text)


def p_value(p: float) -> Both:
    """A corrected p in three digits."""
    return Both("< 0,001", "< 0.001") if p < 0.001 else localized(p, 3)


def _interval(score: Row | None, digits: int = 1, *, signed: bool = False) -> Markup:
    if not score or score.get("low") is None or score.get("high") is None:
        return Markup()
    low, high = (localized(score[end], digits, signed=signed) for end in ("low", "high"))
    return show(Both(f"[{low.vi}; {high.vi}]", f"[{low.en}, {high.en}]"))


def html(result: Row) -> str:
    """The page; `result` is what `docphim.compare.table.compare` returns, with or without `marks`."""
    scores = [score for table in result["tables"] for row in table["rows"] for score in row["scores"].values()]
    return rendered(
        "page.html",
        result=result,
        metrics=result["metrics"],
        stages=list(_stages(result)),
        signatures=signatures(result),
        has_drop=any(score.get("drop") for score in scores),
        has_floor=any(row["system"].startswith("floor:") for table in result["tables"] for row in table["rows"]),
        few=any(score["low"] is None for score in scores),
    )


def rendered(template: str, **values: Any) -> str:
    """A page from its template, with the style of all comparisons and a policy that allows nothing else."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    page = _templates().get_template(template).render(version=docphim.__version__, style=Markup(style), policy=policy, **values)
    return str(page)


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        both=both,
        show=show,
        p=p_value,
        interval=_interval,
        metric_name=metric_name,
        t=lambda key, /, **values: show(both(key, **values)),
        tell=lambda value, digits=1, signed=False: show(localized(value, digits, signed=signed)),
    )
    return environment


def _stages(result: Row) -> Iterator[dict[str, Any]]:
    """Each task and context with its splits, rows, figures and what they say in words."""
    by_stage: dict[str, dict[str, Row]] = {}
    for table in result["tables"]:
        key = table["task"] if table["context"] == "none" else f"{table['task']}/{table['context']}"
        by_stage.setdefault(key, {})[table["split"]] = table
    for key, by_split in by_stage.items():
        splits: list[str] = [split for split in SPLITS if split in by_split]
        tables = {split: by_split[split] for split in splits}
        last = tables[splits[-1]]
        yield {
            "name": task_name(key),
            "splits": [{"name": split, "n": table["n"], "patients": table["patients"]} for split, table in tables.items()],
            "rows": list(_rows(tables, result["metrics"])),
            "lines": list(_conclusions(last, result)),
            "figures": [
                {
                    "name": both("figure", metric=metric_name(metric), split=both(split)),
                    "svg": figure.figure(figure_rows, f"{metric_name(metric).en}, {split}"),
                }
                for split in reversed(splits)
                for metric in result["metrics"]
                if (figure_rows := list(_drawn(tables[split], metric)))
            ],
        }


def system_name(row: Row) -> Both:
    """A row's name: its run's, or its floor's in words, with the run it belongs to where it belongs to one."""
    if row["system"] == "own":
        return Both(row["run"], row["run"])
    entry = _words()["system"].get(row["system"])
    name = Both(**entry) if entry else Both(row["system"], row["system"])
    whose = f" ({row['run']})" if row["run"] else ""
    return Both(name.vi + whose, name.en + whose)


def _rows(tables: Mapping[str, Row], metrics: list[str]) -> Iterator[dict[str, Any]]:
    """The table's rows over all splits."""
    by_key = {split: {row_key(row): row for row in shown(table)} for split, table in tables.items()}
    for key in dict.fromkeys(key for rows in by_key.values() for key in rows):
        rows = [by_key[split].get(key) for split in tables]
        first = next(row for row in rows if row)
        cells = [_cell((row or {"scores": {}})["scores"].get(metric)) for row in rows for metric in metrics]
        declined = [row["declined"] for row in rows if row and row["declined"] is not None]
        yield {
            "name": system_name(first),
            "model": first["model"],
            "lower": first["system"] != "own",
            "cells": cells,
            "declined": declined[-1] if declined else None,
        }


def _cell(score: Row | None) -> Row | None:
    if not score:
        return None
    return score | {"mark": mark(score), "best": bool(score.get("best")), "fallen": (score.get("drop") or {}).get(RELIANCE)}


def _drawn(table: Row, metric: str) -> Iterator[figure.Drawn]:
    """What the figure of one metric shows: each run on own and another's film, then floors."""
    others = {row["run"]: row["scores"].get(metric) for row in table["rows"] if row["system"] == RELIANCE}
    for row in shown(table):
        score = row["scores"].get(metric)
        if score and score["value"] is not None:
            is_run = row["system"] == "own"
            wrong = others.get(row["run"]) if is_run else None
            yield figure.Drawn(system_name(row), score, wrong, is_run, mark(score), bool(score.get("best")))


def _conclusions(table: Row, result: Row) -> Iterator[dict[str, Any]]:
    """What the first metric says in plain words: who is best and whether that is sure, and who does not read the film."""
    metric = next((m for m in result["metrics"] if m in table["rows"][0]["scores"]), None)
    rows = [row for row in table["rows"] if row["system"] == "own" and row["scores"].get(metric, {}).get("value") is not None]
    if metric is None or not rows:
        return
    name = metric_name(metric)
    best = max(rows, key=lambda row: row["scores"][metric]["value"])
    key = "alone" if len(rows) == 1 else "best" if best["scores"][metric].get("best") else "not_sure"
    yield {"klass": "", "text": both(key, run=best["run"], metric=name, value=best["scores"][metric]["value"])}
    for row in rows:
        drop = row["scores"][metric]["drop"].get(RELIANCE)
        if drop and drop["low"] is not None:
            reads = drop["low"] > 0
            text = both("reads" if reads else "not_reading", run=row["run"], metric=name, lost=drop["value"])
            yield {"klass": "" if reads else "bad", "text": text}
