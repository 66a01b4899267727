"""Stage 7, `docphim page`: one HTML file on which people look at films, drafts, scores and what the scores are worth."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import logging
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

import docphim
from docphim.errors import UsageError
from docphim.files import atomic
from docphim.page import curve, figures, inputs, verdict, words
from docphim.page.cases import Case, cases
from docphim.page.films import Films, fit
from docphim.page.inputs import Inputs

HERE = Path(__file__).parent
LOG = logging.getLogger("docphim")
#: What an entry of scores.json may lack.
PARTS: dict[str, Any] = dict.fromkeys(("scores", "floors", "lead", "reliance", "image_gain", "ceiling", "by_finding", "counts"))
#: Megabyte as mail servers and disks count it.
MEGABYTE = 1_000_000


def page(dataset: Path, run: Path, *, megabytes: float, studies: int, seed: int = 0) -> None:
    """Write the run's index.html: self-contained, in Vietnamese and English, never larger than `megabytes`.

    Parameters
    ----------
    megabytes : float
        The file's greatest size, in units of 1,000,000 bytes; films shrink first, then studies are left out.
    studies : int
        How many studies of each kind: random, worst and best by ROUGE-L.

    Raises
    ------
    UsageError
        Not even the page without studies fits.
    """
    read = inputs.read(dataset, run)
    shown, total = cases(read, studies, seed)
    html = _fitted(read, shown, total, Films(dataset), megabytes)
    with atomic(run / "index.html", "wb") as handle:
        handle.write(html)


def _fitted(read: Inputs, shown: list[Case], total: int, films: Films, megabytes: float) -> bytes:
    """The page with as many of the chosen studies, and as large films, as its size allows."""
    limit, kept, dropped = int(megabytes * MEGABYTE), list(shown), 0
    while True:
        # Rendered once without films, to know what the words alone take.
        bare = _render(read, kept, total, films, {}, {}, dropped, megabytes)
        large, small = _paths(kept)
        fitted = fit(films, large, small, limit - len(bare))
        if fitted:
            return _render(read, kept, total, films, *fitted, dropped, megabytes)
        if not kept:
            raise UsageError(
                f"page.megabytes: {megabytes:g} is too small; the page without studies takes {len(bare) / MEGABYTE:.2f}"
            )
        kept = _fewer(kept)
        dropped = len(shown) - len(kept)
        LOG.info("page: %d studies left out to stay within %g MB", dropped, megabytes)


def _fewer(kept: list[Case]) -> list[Case]:
    """The same studies without the last of each kind; every study keeps the kinds it still belongs to."""
    last = max(place for case in kept for place in case.rank.values())
    ranks = [{kind: place for kind, place in case.rank.items() if place < last} for case in kept]
    return [dataclasses.replace(case, rank=rank) for case, rank in zip(kept, ranks, strict=True) if rank]


def _paths(kept: list[Case]) -> tuple[list[str], list[str]]:
    """Films to show large and small, each once."""
    large = [path for case in kept for path in case.films]
    answers = [answer for case in kept for question in case.questions for answer in question.answers.values()]
    return list(dict.fromkeys(large)), list(dict.fromkeys(path for answer in answers for path in answer.image_films))


def _render(
    read: Inputs,
    kept: list[Case],
    total: int,
    films: Films,
    large: dict[str, str],
    small: dict[str, str],
    dropped: int,
    megabytes: float,
) -> bytes:
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    html = (
        _templates()
        .get_template("template.html")
        .render(
            read=read,
            cases=kept,
            total=total,
            dropped=dropped,
            megabytes=megabytes,
            large=large,
            small=small,
            shape=films.shape,
            tasks=_tasks(read),
            splits=inputs.split_table(read),
            left_out=inputs.left_out(read),
            curves=curve.curves(read.log, (read.recipe.get("train") or {}).get("keep_best", "val/loss")),
            rates=curve.rates(read.log),
            recipe_text=yaml.safe_dump(read.recipe, allow_unicode=True, sort_keys=False) if read.recipe else "",
            version=docphim.__version__,
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style, script),
        )
    )
    return html.encode()


@functools.cache
def _templates() -> jinja2.Environment:
    """Templates with every value escaped and no value missing in silence."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=words.say,
        text=words.text,
        show=words.show,
        tell=words.tell,
        general=words.general,
        interval=words.interval,
        finding=words.finding,
        task_name=words.task,
        reason=words.reason,
        names=verdict.NAMES,
        scores_figure=figures.scores_figure,
        pair_bar=figures.pair_bar,
    )
    return environment


def _policy(style: str, script: str) -> str:
    """A content security policy that lets nothing in but this page's own style, script and inline images."""
    allowed = ["sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in (style, script)]
    sources = f"img-src data:; style-src '{allowed[0]}'; script-src '{allowed[1]}'"
    return f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"


def _tasks(read: Inputs) -> list[dict[str, Any]]:
    """What the page says of each task of scores.json, in its order."""
    tasks = []
    for number, (key, row) in enumerate(read.scores.items()):
        task = PARTS | row
        if not task["scores"]:
            continue
        name, split, context = [*key.split("/"), "none"][:3]
        metrics = verdict.metrics_of(task)
        tasks.append(
            {
                "anchor": f"task-{number}",
                "name": words.task(name, context),
                "split": split,
                "task": task,
                "metrics": metrics,
                "drawn": [m for m in ("rougeL", "bleu4") if m in metrics] or metrics[:2],
                "verdict": verdict.judge(task, blind=read.blind),
                "floor": verdict.highest_floor(task, metrics[0]),
                "lost": verdict.margin(task, "other", metrics[0]),
                "systems": _systems(task),
                "n": task["scores"][metrics[0]].get("n", 0),
            }
        )
    return tasks


def _systems(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Columns of the table beside the model's own score: wrong films, floors, ceiling, each with its lead if it has one."""
    groups = [("reliance", verdict.WRONG), ("floors", verdict.FLOORS)]
    columns = []
    for group, order in groups:
        for name in order:
            if (task.get(group) or {}).get(name):
                scores = task[group][name]
                drops = {metric: score["drop"] for metric, score in scores.items() if score.get("drop")}
                columns.append(
                    {"name": name, "group": group, "scores": scores, "lead": (task.get("lead") or {}).get(name) or drops}
                )
    if task.get("ceiling"):
        columns.append({"name": "ceiling", "group": "ceiling", "scores": task["ceiling"], "lead": None})
    return columns
