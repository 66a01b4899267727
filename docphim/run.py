"""The whole program, top to bottom: study → prepared → example → batch → prediction → scores → page (`docphim run RECIPE`)."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from docphim import counts, files, preflight, records
from docphim.chain import steps
from docphim.errors import Refused, UsageError
from docphim.provenance import provenance
from docphim.recipe import Recipe, dump
from docphim.resume import do, help_with, reopen, require_done
from docphim.scores import read_scores
from docphim.stage import Stage
from docphim.way import VERSIONS, augmenting, pixels, resolved, stages
from docphim.workers import on
from docphim.yaml_in import parse

log = logging.getLogger("docphim")
#: What of a recipe shapes the dataset, and so its key.
SHAPES_DATASET = {"source", "language", "split", "tasks", "prompts"}
#: What does where it is not empty.
MAY_SHAPE_DATASET = ("prompt_with", "pairs", "numbers", "augment")


def run(recipe: Recipe, until: str = "page", only: str | None = None) -> tuple[Path, Path]:
    """Run the stages in order, skipping those that are done and resuming the one that was interrupted.

    A recipe whose training has `stages` is several runs, each on the weights of the one before; the last one's are returned.
    Of several processes that torchrun has started the first one does so, and the others train with it.

    Parameters
    ----------
    until : str
        The last stage to run.
    only : str, optional
        Run just this stage; the ones before it must be done.

    Returns
    -------
    tuple of Path
        The dataset's folder and the run's.
    """
    *before, last = steps(recipe)
    if before:
        planned(recipe, only or until)  # all of a chain is checked before its first stage is made
    for step in before:
        log.info("runs/%s", step.name)
        _run(step, until, only)
    if recipe.stages:
        log.info("runs/%s", last.name)
    return _run(last, until, only)


def _run(recipe: Recipe, until: str, only: str | None) -> tuple[Path, Path]:
    """Make one run (see `run`)."""
    dataset, home, way, to_go = planned(recipe, only or until)
    if helping():
        _help([stage for stage in to_go if only in (None, stage.name)])
        return dataset, home
    doubting = records.doubting(dataset, home)
    places = preflight.naming_places(data=dataset, runs=home)
    with places, files.locked(files.private_folder(home)), doubting, on(recipe.workers):
        files.private_folder(dataset)
        if only is not None:
            for stage in to_go[:-1]:
                require_done(stage, only)
        with recorded(recipe, dataset, home) as ran:
            for number, stage in enumerate(to_go):
                if only in (None, stage.name):
                    if preflight.unanswered(recipe, stage):
                        reopen(stage)
                    # Runs that share a dataset wait for one another only while it is made.
                    with files.locked(dataset, wait=True) if stage.folder == dataset else contextlib.nullcontext():
                        ran[stage.name] = do(stage, later=way[number + 1 :])
                    log.info(counts.line(stage))
                if stage.name == "prepare":
                    preflight.refuse_too_many(dataset, recipe.max_rejected)
            _card(recipe, home, way)
    return dataset, home


def _card(recipe: Recipe, home: Path, way: Sequence[Stage]) -> None:
    """Put the model's card together: with the scores where they are of this model's drafts, without them elsewhere."""
    from docphim.ingest import licence
    from docphim.metrics.markdown import scores_text
    from docphim.models.card import put_together

    if recipe.trains and (home / "model").is_dir():
        scored = all(stage.done for stage in way if stage.name in ("train", "generate", "evaluate"))
        scores = scores_text(read_scores(home / "scores.json")) if scored else None
        put_together(home / "model", scores, licence(recipe.source.kind, recipe.source.model_dump(exclude={"kind"})))


def helping() -> bool:
    """Whether this is one of several processes that torchrun has started, and not the first: it trains with that one."""
    return os.environ.get("RANK", "0") != "0"


def _help(to_go: Sequence[Stage]) -> None:
    for stage in to_go:
        if stage.name == "train":
            help_with(stage)


def planned(recipe: Recipe, last: str, to_come: Collection[Path] = ()) -> tuple[Path, Path, list[Stage], list[Stage]]:
    """Check all that a run up to the stage `last` needs, before anything is made.

    Parameters
    ----------
    to_come : collection of Path
        Folders of runs that will have been made before this one: it may build on them.

    Returns
    -------
    tuple
        The dataset's folder, the run's, all stages, and those up to `last`.

    Raises
    ------
    UsageError, Refused
        As `preflight.check` and `preflight.check_machine`.
    """
    *before, recipe = steps(recipe)
    for step in before:
        planned(step, last, to_come)
        to_come = [*to_come, run_folder(step)]
    preflight.check(recipe, last)
    preflight.stay_local(recipe)
    dataset, home = dataset_folder(recipe), run_folder(recipe)
    way = stages(recipe, dataset, home)
    to_go = way[: 1 + next(n for n, stage in enumerate(way) if stage.name == last)]
    preflight.check_machine(recipe, to_go, dataset, home, to_come)
    preflight.check_blind(recipe, to_go, to_come)
    return dataset, home, way, to_go


@contextlib.contextmanager
def recorded(recipe: Recipe, dataset: Path, home: Path) -> Iterator[dict[str, bool]]:
    """Write recipe.yaml beside what is made from it; where the first stage that had to run fails, the old one comes back.

    The block notes in the dict that it is given which stages ran.
    """
    path, ran = home / "recipe.yaml", dict[str, bool]()
    before = path.read_bytes() if path.exists() else None
    with files.atomic(path) as handle:
        handle.write(dump(resolved(recipe), **provenance(), dataset_key=dataset.name))
    try:
        yield ran
    except BaseException:
        if before is not None and not any(ran.values()):
            with files.atomic(path, "wb") as handle:
                handle.write(before)
        raise


def built(recipe: Recipe) -> Path:
    """The folder of a recipe's dataset, which must be built; nothing is made.

    Raises
    ------
    UsageError
        It is not, or not as the recipe says now; the message names the command.
    """
    dataset, home = dataset_folder(recipe), run_folder(recipe)
    if not next(stage for stage in stages(recipe, dataset, home) if stage.name == "build").done:
        why = "the dataset of this recipe is not built, or the recipe or the lexicon has changed since"
        raise UsageError(f"{why}; run `docphim run RECIPE --until build` first")
    return dataset


def is_built(recipe: Recipe) -> Path | None:
    """The folder of a recipe's dataset; None where it is not built, or its source is not there."""
    try:
        return built(recipe)
    except (Refused, UsageError):
        return None


def run_folder(recipe: Recipe) -> Path:
    """`runs/NAME`."""
    return files.at_home(recipe.runs, "runs") / recipe.name


def dataset_folder(recipe: Recipe) -> Path:
    """`data/NAME/KEY`, where KEY says the source's content and everything that shapes the dataset.

    Where the source is gone (an unplugged disk) but the run remembers its dataset, that one is used.
    """
    from docphim.ingest import fingerprint

    name = files.at_home(recipe.data, "data") / (recipe.dataset or recipe.source.kind)
    try:
        content = fingerprint(recipe.source.kind, recipe.source.model_dump(exclude={"kind"}))
    except Refused as gone:
        remembered = _remembered(recipe, name)
        if gone.reason != "file_missing" or remembered is None:
            raise
        return remembered
    settings = recipe.model_dump(mode="json", include=_shaping(recipe))
    if "augment" in settings:  # where an endpoint lies changes nothing in the dataset
        settings["augment"] = augmenting(recipe)[0]
    versions = {stage: VERSIONS[stage] for stage in ("ingest", "prepare", "build")}
    return name / files.content_key([settings, pixels(recipe), versions, content])


def _shaping(recipe: Recipe) -> set[str]:
    return SHAPES_DATASET | {key for key in MAY_SHAPE_DATASET if getattr(recipe, key)}


def _remembered(recipe: Recipe, name: Path) -> Path | None:
    try:
        before = parse((run_folder(recipe) / "recipe.yaml").read_text(encoding="utf-8"), "recipe.yaml")
    except (OSError, UnicodeDecodeError, UsageError):
        return None
    if not isinstance(before, dict):
        return None
    now = resolved(recipe).model_dump(mode="json", include=_shaping(recipe) | {"prepare"})
    folder = name / str(before.get("dataset_key"))
    return folder if all(before.get(k) == v for k, v in now.items()) and (folder / "build.json").exists() else None
