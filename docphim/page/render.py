"""A template to a page: words in two languages, values escaped, the page's own style and script and nothing from elsewhere."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import docphim
from docphim.imaging import text_counts
from docphim.page import coloured, fact_words, figures, lesions, stats, words
from docphim.page.marking import BIDI
from docphim.scores import MARK_CATEGORIES, MARKS_FORMAT

#: So many studies are named beside a kind of error.
MOST_STUDIES = 12
HERE = Path(__file__).parent
#: The page's script: showing, stacks, then marking; together they are one element with one hash in the policy.
SCRIPTS = ("script.js", "viewer.js", "marking.js")
STYLES = ("style.css",)
#: Megabyte as mail servers and disks count it.
MEGABYTE = 1_000_000


def rendered(
    template: str,
    *,
    scripts: Sequence[str] = SCRIPTS,
    styles: Sequence[str] = STYLES,
    images: str = "data:",
    **values: Any,
) -> bytes:
    """A page as it is written; the template also gets style, script, policy and version.  `images`: where these may lie."""
    style, script = ("".join((HERE / name).read_text(encoding="utf-8") for name in part) for part in (styles, scripts))
    values |= {"version": docphim.__version__, "style": Markup(style), "script": Markup(script)}
    html = _templates().get_template(template).render(**values, policy=_policy(style, script, images))
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
        viewed=words.viewed,
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
        slight=coloured.SLIGHT,
        concept=fact_words.concept,
        lesion_columns=lesions.COLUMNS,
        most_studies=MOST_STUDIES,
        marks=tuple(MARK_CATEGORIES),
        marks_format=MARKS_FORMAT,
        lengths=stats.lengths,
        ends=stats.ends,
        stats_figures=stats.figures,
        pet_spreads=stats.pet,
        spread=stats.SPREAD,
        uptake_ways=stats.uptake,
        shares=text_counts.shares,
    )
    return environment


def _policy(style: str, script: str, images: str) -> str:
    """A content security policy that lets nothing in but this page's own style and script, and images, by default inline."""
    allowed = ["sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in (style, script)]
    sources = f"img-src {images}; style-src '{allowed[0]}'; script-src '{allowed[1]}'"
    return f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"
