"""Stage 7, `docphim page`: one HTML file on which people look at films, drafts, scores and what the scores are worth."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import logging
from pathlib import Path

import jinja2
import yaml
from markupsafe import Markup

import docphim
from docphim.errors import UsageError
from docphim.files import atomic
from docphim.page import coloured, curve, figures, inputs, marking, stats, words
from docphim.page.cases import Case, cases, ranking
from docphim.page.films import Films, fit
from docphim.page.inputs import Inputs
from docphim.page.marking import BIDI
from docphim.page.tasks import tasks

HERE = Path(__file__).parent
LOG = logging.getLogger("docphim")
#: The page's script: showing, then marking; together they are one element with one hash in the policy.
SCRIPTS = ("script.js", "marking.js")
#: Megabyte as mail servers and disks count it.
MEGABYTE = 1_000_000


def page(dataset: Path, run: Path, *, megabytes: float, studies: int, seed: int = 0) -> None:
    """Write the run's index.html: self-contained, in Vietnamese and English, never larger than `megabytes`.

    Parameters
    ----------
    megabytes : float
        The file's greatest size, in units of 1,000,000 bytes; films shrink first, then studies are left out.
    studies : int
        How many studies of each kind: random, worst and best by fact F1 (ROUGE-L where facts were not read).

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
    limit, cases, dropped = int(megabytes * MEGABYTE), list(shown), 0
    while True:
        # Rendered once without films, to know what the words alone take.
        bare = _render(read, cases, total, films, {}, {}, dropped, megabytes)
        large, small = _paths(cases)
        fitted = fit(films, large, small, limit - len(bare))
        if fitted:
            return _render(read, cases, total, films, *fitted, dropped, megabytes)
        if not cases:
            raise UsageError(
                f"page.megabytes: {megabytes:g} is too small; the page without studies takes {len(bare) / MEGABYTE:.2f}"
            )
        cases = _fewer(cases)
        dropped = len(shown) - len(cases)
        LOG.info("page: %d studies left out to stay within %g MB", dropped, megabytes)


def _fewer(cases: list[Case]) -> list[Case]:
    """The same studies without the last of each kind; every study keeps the kinds it still belongs to."""
    last = max(place for case in cases for place in case.rank.values())
    ranks = [{kind: place for kind, place in case.rank.items() if place < last} for case in cases]
    return [dataclasses.replace(case, rank=rank) for case, rank in zip(cases, ranks, strict=True) if rank]


def _paths(cases: list[Case]) -> tuple[list[str], list[str]]:
    """Films to show large and small, each once."""
    large = [path for case in cases for path in case.films]
    answers = [answer for case in cases for question in case.questions for answer in question.answers.values()]
    return list(dict.fromkeys(large)), list(dict.fromkeys(path for answer in answers for path in answer.image_films))


def _render(
    read: Inputs,
    cases: list[Case],
    total: int,
    films: Films,
    large: dict[str, str],
    small: dict[str, str],
    dropped: int,
    megabytes: float,
) -> bytes:
    style = (HERE / "style.css").read_text(encoding="utf-8")
    script = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    html = (
        _templates()
        .get_template("template.html")
        .render(
            read=read,
            cases=cases,
            total=total,
            dropped=dropped,
            megabytes=megabytes,
            large=large,
            small=small,
            shape=films.shape,
            ranking=ranking(read),
            tasks=tasks(read),
            marked_tasks={key: {"references": (row.get("keys") or {}).get("references")} for key, row in read.scores.items()},
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
    # A lone surrogate, which JSON can hold and UTF-8 cannot, becomes a question mark.
    return BIDI.sub("\N{REPLACEMENT CHARACTER}", html).encode(errors="replace")


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
        metric_name=words.metric,
        system_name=words.name,
        set_name=words.label_set,
        scores_figure=figures.scores_figure,
        pair_bar=figures.pair_bar,
        bars=figures.bars,
        mistakes=coloured.MISTAKES,
        marks=marking.MARKS,
        marks_format=marking.FORMAT,
        lengths=stats.lengths,
        ends=stats.ends,
        stats_figures=stats.figures,
    )
    return environment


def _policy(style: str, script: str) -> str:
    """A content security policy that lets nothing in but this page's own style, script and inline images."""
    allowed = ["sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in (style, script)]
    sources = f"img-src data:; style-src '{allowed[0]}'; script-src '{allowed[1]}'"
    return f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"
