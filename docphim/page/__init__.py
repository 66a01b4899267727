"""Stage 7, `docphim page`: one HTML file on which people look at films, drafts, scores and what the scores are worth."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import yaml

from docphim.errors import UsageError
from docphim.files import atomic
from docphim.page import curve, drafts, inputs, words
from docphim.page.cases import Case, Kind, cases, ranking
from docphim.page.films import Films, fit
from docphim.page.inputs import Inputs
from docphim.page.render import MEGABYTE, rendered
from docphim.page.sheet import Tile, tiles
from docphim.page.tasks import tasks

LOG = logging.getLogger("docphim")
#: The share of the page that its contact sheet of volumes takes at most.
SHEET = 0.06


def page(dataset: Path, run: Path, *, megabytes: float, studies: int, seed: int = 0) -> None:
    """Write the run's index.html: self-contained, in Vietnamese and English, never larger than `megabytes`.

    Where studies without a report were drafted, they stand on a page of their own, drafts.html.

    Parameters
    ----------
    megabytes : float
        The file's greatest size, in units of 1,000,000 bytes; films shrink first, then studies are left out.
    studies : int
        How many studies of each kind: random, worst and best by the clinical score (ROUGE-L where facts were not read).

    Raises
    ------
    UsageError
        Not even the page without studies fits.
    """
    read = inputs.read(dataset, run)
    with words.speaking_of(inputs.called(read.series)):
        _write(dataset, run, read, megabytes, studies, seed)


def _write(dataset: Path, run: Path, read: Inputs, megabytes: float, studies: int, seed: int) -> None:
    """Write the page, and that of drafts where there are any."""
    shown, total = cases(read, studies, seed)
    drafted, model = drafts.read(dataset, run)
    if drafted:
        drafts.write_page(dataset, run / "drafts.html", run.name, drafted, model, [], megabytes)
    else:
        (run / "drafts.html").unlink(missing_ok=True)
    media = {key: entry for entries in read.pictures.values() for key, entry in entries.items()}
    sheet = tiles(dataset, read.series, int(megabytes * MEGABYTE * SHEET))
    html = _fitted(read, shown, total, Films(dataset, media), sheet, megabytes)
    with atomic(run / "index.html", "wb") as handle:
        handle.write(html)


def _fitted(read: Inputs, shown: list[Case], total: int, films: Films, sheet: list[Tile], megabytes: float) -> bytes:
    """The page with as many of the chosen studies, and as large films, as its size allows."""
    limit, cases, dropped = int(megabytes * MEGABYTE), list(shown), 0
    while True:
        # Rendered once without films, to know what the words alone take.
        bare = _render(read, cases, total, films, {}, {}, dropped, sheet, megabytes)
        large, small = _paths(cases, films)
        fitted = fit(films, large, small, limit - len(bare))
        if fitted:
            return _render(read, cases, total, films, *fitted, dropped, sheet, megabytes)
        if not cases:
            raise UsageError(
                f"page.megabytes: {megabytes:g} is too small; the page without studies takes {len(bare) / MEGABYTE:.2f}"
            )
        cases = _fewer(cases)
        dropped = len(shown) - len(cases)
        LOG.info("page: %d studies left out to stay within %g MB", dropped, megabytes)


#: Kinds of studies, those first that go first where a page is too large.
_LEAVE: tuple[Kind, ...] = ("error", "best", "worst", "random")


def _fewer(cases: list[Case]) -> list[Case]:
    """The same studies without the last of one kind; every study keeps the kinds it still belongs to."""
    last = max(place for case in cases for place in case.rank.values())
    goes = next(kind for kind in _LEAVE if any(case.rank.get(kind) == last for case in cases))
    ranks = [{k: place for k, place in case.rank.items() if (k, place) != (goes, last)} for case in cases]
    return [dataclasses.replace(case, rank=rank) for case, rank in zip(cases, ranks, strict=True) if rank]


def _paths(cases: list[Case], films: Films) -> tuple[list[str], list[str]]:
    """Pictures to show large and small, each once."""
    large = [picture for case in cases for path in case.films for picture in films.pictures(path)]
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
    sheet: list[Tile],
    megabytes: float,
) -> bytes:
    return rendered(
        "template.html",
        read=read,
        cases=cases,
        total=total,
        dropped=dropped,
        sheet=sheet,
        megabytes=megabytes,
        large=large,
        small=small,
        shape=films.shape,
        strip=films.strip,
        projected=films.projected,
        ranking=ranking(read),
        tasks=tasks(read),
        marked_tasks={str(key): {"references": task.keys.references} for key, task in read.scores.items()},
        splits=inputs.split_table(read),
        left_out=inputs.left_out(read),
        curves=curve.curves(read.log, (read.recipe.get("train") or {}).get("keep_best", "val/loss")),
        rates=curve.rates(read.log),
        paired=bool(curve.points(read.log, "val/negative")),
        recipe_text=yaml.safe_dump(read.recipe, allow_unicode=True, sort_keys=False) if read.recipe else "",
    )
