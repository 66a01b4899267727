"""`docphim draft RUN PATH`: films without reports, through the stages of a run, to drafts by that run's model."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

from docphim import files, preflight, way
from docphim.errors import UsageError
from docphim.recipe import Recipe, Source, validated
from docphim.resume import do, reopen
from docphim.way import Stage
from docphim.yaml_in import parse

log = logging.getLogger("docphim")
#: Under the folder of drafts, what the stages leave on the way: dataset and run at once.
WORK = "work"
#: There, what the drafts are made from: which films, and what lies there.
MADE_FROM = "films.json"
#: The version of the last stage, the drafts' own page and texts.
VERSION = 1


def draft(run: Path, path: Path, out: Path | None = None) -> Path:
    """Draft a report for each film under `path`; resumable, and drafted once.

    Parameters
    ----------
    run : Path
        The folder of a run that has a model, or behind which an endpoint stands.
    path : Path
        A folder of films, at any depth, or one film.
    out : Path, optional
        Where the drafts go; by default `drafts/RUN` beside the folder of the runs.

    Returns
    -------
    Path
        The folder of drafts: drafts.jsonl, texts/STUDY.txt, index.html, rejected.jsonl and private.csv (0600).

    Raises
    ------
    UsageError
        There is no such run, it is not trained, there are no such films, or the folder holds drafts of others.
    Refused
        `empty_dataset`, where nothing can be drafted; and what the stages refuse.
    """
    recipe = drafting(run, path)
    out = (out or run.resolve().parent.parent / "drafts" / run.resolve().name).expanduser()
    _refuse_foreign(out, path, recipe)
    preflight.check(recipe, "page")
    preflight.stay_local(recipe)
    work, steps = out / WORK, stages(recipe, run.resolve(), out)
    preflight.check_machine(recipe, steps, work, out)
    if recipe.trains:
        files.check_written(run, "train", "model")
    with preflight.naming_places(out=out), files.locked(files.private_folder(out)):
        files.private_folder(work)
        files.write_json(work / MADE_FROM, _made_from(recipe))
        for number, stage in enumerate(steps):
            if stage.name == "generate" and stage.done and _unanswered(work):
                reopen(stage)
            do(stage, later=steps[number + 1 :])
            if stage.name == "prepare":
                preflight.refuse_too_many(work, 1.0)
    return out


def run_folder(name: str) -> Path:
    """The folder of a run given as its path, or as its name where `runs/NAME` is below the current folder."""
    path = Path(name).expanduser()
    return path if path.is_dir() or not (Path("runs") / name).is_dir() else Path("runs") / name


def drafting(run: Path, path: Path) -> Recipe:
    """The recipe of a run as it drafts: other films, all of them without reports, under hashed ids."""
    record = run / "recipe.yaml"
    if not record.is_file():
        raise UsageError("RUN: no run is there; give a run's folder, such as runs/NAME")
    if not (path.is_dir() or path.is_file()):
        raise UsageError("PATH: no films are there; give a folder of films, or one film")
    values: dict[str, Any] = parse(record.read_text(encoding="utf-8"), "recipe.yaml")
    recipe = validated(Recipe, {key: value for key, value in values.items() if key in Recipe.model_fields}, "recipe.yaml")
    if recipe.trains and not ((run / "train.json").is_file() and (run / "model").is_dir()):
        raise UsageError("RUN: it has no model yet; `docphim run RECIPE` trains it first")
    key_file = {"key_file": _key_file(recipe.source.model_dump())}
    source = Source.model_validate({"kind": "folder", "path": str(path.resolve()), "without_report": "only", **key_file})
    changes = {
        "source": source,
        "split": recipe.split.model_copy(update={"by": "patient"}),
        "evaluate": recipe.evaluate.model_copy(update={"judge": None}),
    }
    return recipe.model_copy(update=changes)


def stages(recipe: Recipe, run: Path, out: Path) -> list[Stage]:
    """The run's own stages, over one folder that is dataset and run at once, and the drafts' page in place of the scores."""
    work = out / WORK
    steps = {stage.name: stage for stage in way.stages(recipe, work, work)}
    ingest = dataclasses.replace(steps["ingest"], inputs={"made_from": work / MADE_FROM})
    trained = {"trained": run / "train.json"} if recipe.trains else {}
    inputs = {**steps["generate"].inputs, **trained}
    generate = dataclasses.replace(steps["generate"], arguments=(work, work, run), inputs=inputs)
    page = Stage(
        name="page",
        call="docphim.page.drafts:drafts",
        arguments=(work, out),
        settings={"run": run.name, "language": recipe.language, "megabytes": recipe.page.megabytes},
        inputs={name: work / name for name in ("drafts.jsonl", "rejected.jsonl", "studies.jsonl", "private.csv")},
        folder=out,
        outputs=["drafts.jsonl", "texts", "index.html", "rejected.jsonl", "private.csv"],
        version=VERSION,
    )
    return [ingest, steps["prepare"], steps["build"], generate, page]


def _key_file(source: dict[str, Any]) -> str | None:
    """The key under which the run's own films were hashed: a study that it knows keeps its id."""
    of = source.get("test", {}) if source["kind"] == "joined" else source
    return of.get("key_file") if of.get("kind") == "folder" else None


def _made_from(recipe: Recipe) -> dict[str, Any]:
    from docphim.ingest import fingerprint

    source = recipe.source.model_dump()
    options = {name: value for name, value in source.items() if name != "kind"}
    return {"films": _place(recipe), "content": fingerprint(source["kind"], options)}


def _place(recipe: Recipe) -> str:
    """The films' place, hashed: a path may name a patient."""
    return files.content_key(recipe.source.model_dump()["path"])


def _refuse_foreign(out: Path, path: Path, recipe: Recipe) -> None:
    """Drafts of other films are not replaced, and no drafts are written among the films that they are about."""
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise UsageError("--out: the drafts must not go among the films; name a folder outside")
    made_from = out / WORK / MADE_FROM
    if made_from.exists():
        if files.read_json(made_from)["films"] != _place(recipe):
            raise UsageError("--out: the folder holds the drafts of other films; name another with --out")
    # What begins with a dot is a lock, or what a kill left of a file.
    elif any(not item.name.startswith(".") for folder in (out, out / WORK) for item in folder.glob("*") if item != out / WORK):
        raise UsageError("--out: the folder holds other files; name a new one")


def _unanswered(work: Path) -> bool:
    """Whether an endpoint left a draft unanswered: it is asked again."""
    return any(row["finish"] == "failed" for row in files.read_jsonl(work / "drafts.jsonl"))
