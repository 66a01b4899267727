"""`docphim draft RUN PATH`: films without reports, through the stages of a run, to drafts by that run's model."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import shutil
from pathlib import Path
from typing import Any

from docphim import counts, files, preflight, records, way
from docphim.errors import Refused, UsageError
from docphim.imaging.io import locations
from docphim.ingest.films import READS
from docphim.recipe import Recipe, Source, validated
from docphim.recipe_file import read_values
from docphim.resume import call, do, reopen
from docphim.stage import Stage

log = logging.getLogger("docphim")
#: Under the folder of drafts, what the stages leave on the way: dataset and run at once.
WORK = "work"
#: There, what the drafts are made from: which films, and what lies there.
MADE_FROM = "films.json"
#: There, the prepared films, a line each.
INDEX = "prepared/index.jsonl"
#: The version of the last stage, the drafts' own page and texts.
VERSION = 3


def draft(run: Path, path: Path, out: Path | None = None, base: Path | None = None) -> Path:
    """Draft a report for each film under `path`; resumable, and drafted once.

    Parameters
    ----------
    run : Path
        The folder of a run that has a model, or behind which an endpoint stands.
    path : Path
        A folder of films, at any depth, or one film.
    out : Path, optional
        Where the drafts go; by default `drafts/RUN` beside the folder of the runs.
    base : Path, optional
        Where the weights that the run's model stands on lie now, if they have moved (`model.base`).

    Returns
    -------
    Path
        The folder of drafts: drafts.jsonl, texts/STUDY.txt, index.html, rejected.jsonl and private.csv (0600).

    Raises
    ------
    UsageError
        There is no such run, it is not trained, there are no such films, or the folder holds drafts of others.
    Refused
        `empty_dataset`, where nothing can be drafted: page, rejected.jsonl and private.csv then say why; and what the stages
        refuse.
    """
    recipe = drafting(run, path, base)
    out = (out or run.resolve().parent.parent / "drafts" / run.resolve().name).expanduser()
    if recipe.trains:
        _check_base(run, recipe.model.base)
    made_from = _made_from(recipe)
    anew = _begins_anew(out, path, made_from)
    preflight.check(recipe, "page")
    preflight.stay_local(recipe)
    work, steps = out / WORK, stages(recipe, run.resolve(), out)
    preflight.check_machine(recipe, steps, work, out)
    if recipe.trains:
        records.check_written(run, "train", "model")
    with preflight.naming_places(out=out), files.locked(files.private_folder(out)):
        if work.is_dir():
            with files.locked(work):  # workers of a command that was killed hold locks there, and end in a moment
                pass
        if anew:
            shutil.rmtree(work, ignore_errors=True)
        files.private_folder(work)
        files.write_json(work / MADE_FROM, made_from)
        try:
            _do(steps, work)
        except Refused as refusal:
            if refusal.reason == "empty_dataset" and not _has_drafts(out):
                _show_refused(steps[-1])
            raise
    return out


def _do(steps: list[Stage], work: Path) -> None:
    for number, stage in enumerate(steps):
        if stage.name == "generate" and stage.done and _unanswered(work):
            reopen(stage)
        do(stage, later=steps[number + 1 :])
        log.info(counts.line(stage))
        if stage.name == "prepare":
            preflight.refuse_too_many(work, 1.0)


def _show_refused(page: Stage) -> None:
    """Write the page, rejected.jsonl and private.csv where there are no drafts, so that each file's reason is found."""
    if (page.folder / WORK / "private.csv").exists():
        call(page)


def run_folder(name: str) -> Path:
    """The folder of a run given as its path, or as its name where `runs/NAME` is below the current folder."""
    path = Path(name).expanduser()
    return path if path.is_dir() or not (Path("runs") / name).is_dir() else Path("runs") / name


def drafting(run: Path, path: Path, base: Path | None = None) -> Recipe:
    """The recipe of a run as it drafts: other films, all of them without reports, under hashed ids."""
    record = run / "recipe.yaml"
    if not record.is_file():
        raise UsageError("RUN: no run is there; give a run's folder, such as runs/NAME")
    if not (path.is_dir() or path.is_file()):
        raise UsageError("PATH: no films are there; give a folder of films, or one film")
    values = read_values(record)
    recipe = validated(Recipe, {key: value for key, value in values.items() if key in Recipe.model_fields}, "recipe.yaml")
    if recipe.generate.backend == "file":
        raise UsageError("RUN: its drafts were made elsewhere (generate.backend: file), so it has no model that could draft")
    if recipe.trains and not ((run / "train.json").is_file() and (run / "model").is_dir()):
        raise UsageError("RUN: it has no model yet; `docphim run RECIPE` trains it first")
    if base is not None and not (recipe.trains and base.is_dir()):
        raise UsageError("--base: no weights are there" if recipe.trains else "--base: the run's model is behind an endpoint")
    _check_tasks(recipe.tasks)
    key_file = {"key_file": _key_file(recipe.source.model_dump())}
    read = [name for name in READS if name in recipe.prepare.sections]
    source = Source.model_validate(
        {"kind": "folder", "path": str(path.resolve()), "without_report": "only", "modalities": read, **key_file}
    )
    changes = {
        "source": source,
        "split": recipe.split.model_copy(update={"by": "patient"}),
        "evaluate": recipe.evaluate.model_copy(update={"judge": None}),
        "model": recipe.model.model_copy(update={"base": str(base.resolve())} if base else {}),
    }
    return recipe.model_copy(update=changes)


def _check_tasks(names: list[str]) -> None:
    """Refuse a run whose every task asks with a report's own text, and say which of several tasks nothing is drafted for.

    Raises
    ------
    UsageError
        Nothing could be drafted.
    """
    from docphim.build import task

    silent = [name for name in names if getattr(task(name), "ASKS_WITH_REPORT", False)]
    if silent and len(silent) == len(names):
        raise UsageError(
            f"RUN: its task {silent[0]} concludes from a report's findings, and there is no report here; draft with a run "
            "whose tasks are findings, or dialogue (findings, then the impression that follows from them)"
        )
    for name in silent:
        log.warning("%s: nothing is drafted, for it concludes from a report's findings and there is no report here", name)


def _check_base(run: Path, base: str | None) -> None:
    """Refuse at once a model whose base is not where it was, nor at `base`."""
    from docphim.models.checkpoint import check_there

    try:
        check_there(str(run.resolve()), base)
    except Refused as refusal:
        if refusal.reason != "weights_missing":
            raise
        raise Refused(
            refusal.reason, refusal.where, f"{refusal.why}; --base DIR says where the base of the run's model lies now"
        ) from None


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
        inputs={name: work / name for name in ("drafts.jsonl", "rejected.jsonl", "studies.jsonl", "private.csv", INDEX)},
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
    """The films' place, their content, and of each file its path and its state, all of them hashed."""
    from docphim.ingest import fingerprint
    from docphim.ingest.tree import walk

    source = recipe.source.model_dump()
    options = {name: value for name, value in source.items() if name != "kind"}
    entries = [entry for entry in walk(Path(source["path"])) if not entry.refused]
    each = {files.content_key(str(entry.path)): files.content_key([entry.size, entry.modified]) for entry in entries}
    return {"films": _place(recipe), "content": fingerprint(source["kind"], options), "each": each}


def _place(recipe: Recipe) -> str:
    """The films' place, hashed: a path may name a patient."""
    return files.content_key(recipe.source.model_dump()["path"])


def _begins_anew(out: Path, path: Path, made_from: dict[str, Any]) -> bool:
    """Whether the folder holds what other films left that came to no draft: it is removed.

    Raises
    ------
    UsageError
        The folder lies among the films, or holds drafts of other films, or files of somebody else; films that were drafted
        are gone or have changed; or which films its drafts are about cannot be told any more.
    """
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise UsageError("--out: the drafts must not go among the films; name a folder outside")
    before = out / WORK / MADE_FROM
    if not before.exists():
        # What begins with a dot is a lock, or what a kill left of a file.
        places = (item for folder in (out, out / WORK) for item in folder.glob("*") if item != out / WORK)
        if any(not item.name.startswith(".") for item in places):
            raise UsageError("--out: the folder holds other files; name a new one")
        return False
    films = _films(before)
    if not _has_drafts(out):
        pixels = any((out / WORK / "prepared").glob("*.b2nd"))
        return films != made_from["films"] or (not pixels and not _ingested(out / WORK, made_from))
    if films is None and not _ingested(out / WORK, made_from):
        raise UsageError(
            f"--out: {WORK}/{MADE_FROM} there is damaged, and these films are others or have changed; name another folder"
        )
    if films not in (None, made_from["films"]):
        raise UsageError("--out: the folder holds the drafts of other films; each batch has a folder of its own: --out DIR")
    if films is not None and _gone(out, made_from):
        raise UsageError(
            "--out: the folder holds drafts of films that are gone from PATH or have changed; a new batch has a folder of its "
            "own: --out DIR"
        )
    return False


def _gone(out: Path, made_from: dict[str, Any]) -> bool:
    """Whether a film that was drafted is not there any more, or is another file: its draft would be lost."""
    before = files.read_json(out / WORK / MADE_FROM)
    if before.get("content") == made_from["content"]:
        return False
    each = before.get("each")
    if not isinstance(each, dict):
        return True  # of an earlier version: which of the films changed cannot be told
    changed = {film for film, state in each.items() if made_from["each"].get(film) != state}
    drafted = _drafted(out / WORK)
    return bool(changed if drafted is None else changed & drafted)


def _drafted(work: Path) -> set[str] | None:
    """The hashed paths of the films that were prepared, and so drafted; None where a kill or damage keeps that from view.

    A film that was refused, as a torn copy is, may be replaced by a whole one.
    """
    try:
        series = {row["series"] for row in files.read_jsonl(work / INDEX)}
        if not series or any((work / f".old-{stage}").exists() for stage in ("ingest", "prepare")):
            return None
        places = [place for name, place in locations.read_table(work / "private.csv").items() if name in series]
        return {files.content_key(str(path)) for place in places for path in locations.files_of(place)}
    except (OSError, ValueError, KeyError, TypeError, Refused):
        return None


def _ingested(work: Path, made_from: dict[str, Any]) -> bool:
    """Whether these very films were read there, by the hash of films.json that ingest has written down."""
    wanted = hashlib.sha256(files.document(made_from).encode()).hexdigest()
    notes = [records.read_stage(work / name) for name in ("ingest.json", ".ingest.started.json")]
    return any(note is not None and note["inputs"].get("made_from") == wanted for note in notes)


def _has_drafts(out: Path) -> bool:
    """Whether anything was drafted there, be it shown yet or not."""
    rows = (out / "drafts.jsonl", out / WORK / "drafts.jsonl", out / WORK / ".old-generate" / "drafts.jsonl")
    return any(path.exists() and path.stat().st_size for path in rows)


def _films(made_from: Path) -> str | None:
    """Which films films.json speaks of; None where it is damaged."""
    try:
        films = files.read_json(made_from)["films"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return films if isinstance(films, str) else None


def _unanswered(work: Path) -> bool:
    """Whether an endpoint left a draft unanswered: it is asked again."""
    return any(row["finish"] == "failed" for row in files.read_jsonl(work / "drafts.jsonl"))
