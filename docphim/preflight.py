"""What is refused before anything is made: a wrong recipe, a missing package, key or file, a place that cannot be written."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from docphim import files
from docphim.backends import BACKENDS, traits
from docphim.errors import Refused, UsageError, environment
from docphim.imaging import check_installed, settings_of
from docphim.language.labels import SETS
from docphim.metrics import check_families, check_label_sets
from docphim.recipe import Recipe, Section
from docphim.recipe_services import Service
from docphim.scores import read_scores
from docphim.stage import Stage
from docphim.way import JUDGED, WRITTEN, blind_run, pixels, projections, read_from, truth_file
from docphim.workers import check as check_workers

#: Bytes without which nothing is begun.
LEAST_SPACE = 20_000_000
#: Bytes of a name that STAGE.json, a lock or a temporary file adds to a folder's own.
_LONGEST_NAME = 255


def check(recipe: Recipe, last: str) -> None:
    """Say what is wrong with a recipe: its source, tasks, prompts, model family, backend, and where it would send data.

    Parameters
    ----------
    last : str
        The last stage that is to run.

    Raises
    ------
    UsageError
        A name is unknown or an option is wrong; the message says which are known.
    Refused
        `ambiguous_prompt`; `upload_not_allowed`, where an endpoint is no place that `allow_upload` names.
    """
    from docphim.build import Prompts, refuse_ambiguous, task
    from docphim.ingest import check as check_source
    from docphim.models import FAMILIES
    from docphim.models.address import check_upload
    from docphim.models.quantised import check_installed as check_quantised
    from docphim.train import check_keep_best, check_loss

    if last == "train" and not recipe.trains:
        backend = recipe.generate.backend
        raise UsageError(f"train: generate.backend is {backend}, so there is no model to train; go on with `docphim generate`")
    _check_read(recipe, check_source(recipe.source.kind, recipe.source.model_dump(exclude={"kind"})))
    check_label_sets(recipe.evaluate.label_sets or ())
    _check_pairs(recipe)
    check_families(recipe.evaluate.metrics or (), "evaluate.metrics")
    _check_files(recipe)
    refuse_ambiguous({name: task(name) for name in recipe.tasks}, Prompts(recipe.prompts, recipe.language))
    for key, name, known in (
        ("model.family", recipe.model.family if recipe.trains else None, FAMILIES),
        ("generate.backend", recipe.generate.backend, BACKENDS),
    ):
        if name is not None and name not in known:
            raise UsageError(f"{key}: {name!r} is not one of {', '.join(known)}")
    if recipe.trains:
        check_loss(recipe.train.loss.model_dump(), recipe.train.pairs, recipe.train.conflicts_only)
        check_keep_best(recipe.train.keep_best, recipe.language, {name: task(name).METRICS for name in recipe.tasks})
        _check_features(recipe)
        _check_alignment(recipe)
        _check_shared(recipe)
        check_quantised(recipe.model.quantise)
    if (written := WRITTEN & {*recipe.tasks}) and recipe.questions.writer is None:
        raise UsageError(f"tasks: {min(written)} is written by an endpoint, and questions.writer names none")
    for key, section in endpoints(recipe).items():
        check_upload(section.endpoint or "", recipe.allow_upload, f"{key}.endpoint")
    check_shown(recipe)


def _check_files(recipe: Recipe) -> None:
    """Refuse (`file_missing`) files that a recipe names and that are not there."""
    if recipe.evaluate.truth and not truth_file(recipe).is_file():
        raise Refused("file_missing", "evaluate.truth")
    reads = traits(recipe.generate.backend).reads
    if reads and not read_from(recipe.generate).is_file():
        within = traits(recipe.generate.backend).within
        raise Refused("file_missing", f"generate.{reads}", f"there is no {within} in the folder" if within else "")


def _check_pairs(recipe: Recipe) -> None:
    """Refuse (UsageError) a label set for pairs that there is not."""
    name = recipe.pairs.labels if recipe.pairs else None
    if name is not None and name not in SETS:
        raise UsageError(f"pairs.labels: {name!r} is not one of {', '.join(SETS)}")


def _check_features(recipe: Recipe) -> None:
    """Refuse (UsageError) to keep features of an encoder that is trained: they would be those of other weights after a step.

    Where the adapters of `tune: lora` go is seen once the model is open.
    """
    model = recipe.model
    if recipe.train.cache_features and model.tune == "full" and "vision" not in model.freeze:
        raise UsageError("train.cache_features: the vision encoder is trained, its features change; model.freeze: [vision]")


def _check_alignment(recipe: Recipe) -> None:
    """Refuse (UsageError) to align a model of a family that has no report encoder, or to ask what an alignment has not got."""
    if recipe.model.features and "noise" in recipe.evaluate.images:
        raise UsageError("evaluate.images: noise is of pixels, and model.features has none; take own, blank and other")
    aligns, family = recipe.train.loss.kind == "clip", recipe.model.family
    if not aligns:
        return
    if family != "aligned":
        raise UsageError(f"train.loss: clip aligns an image encoder with a report encoder, and family {family} has none")
    if recipe.model.tune != "full":
        raise UsageError(f"train.loss: clip trains whole encoders (model.tune: full), and tune is {recipe.model.tune}")


def _check_shared(recipe: Recipe) -> None:
    """Refuse (UsageError) to share out weights that are packed: a part of a parameter is none of its packed bytes."""
    if recipe.train.shard != "none" and recipe.model.quantise is not None:
        raise UsageError(f"train.shard: quantised weights (model.quantise: {recipe.model.quantise}) cannot be shared out")


def _check_read(recipe: Recipe, options: Section) -> None:
    """Refuse (UsageError) a source of which other modalities are read than the recipe prepares."""
    from docphim.ingest.films import READS

    read = getattr(options, "modalities", None)
    prepared = [name for name in READS if name in recipe.prepare.sections]
    if read is not None and set(read) != set(prepared):
        raise UsageError(f"source.modalities: the source reads {', '.join(read)}; the recipe prepares {', '.join(prepared)}")
    for key, name in getattr(options, "needs", {}).items():
        if name not in recipe.prepare.sections:
            raise UsageError(f"source.{key}: the recipe prepares no {key}; add prepare: {{{name}: {{}}}}")


def check_shown(recipe: Recipe) -> None:
    """Refuse (UsageError) more slices than a training example can hold, before hours go into preparing their volumes.

    What a budget of tokens holds is checked with it, by `way.pixels`.
    """
    from docphim.models.frame_tokens import least_tokens

    model, most = recipe.model, recipe.train.max_length
    for name, section in pixels(recipe).items():
        show = section.get("show") or {}
        least = least_tokens(
            (show.get("count") or 0) + projections(show), model.family, model.image_size, show.get("kind") != "image"
        )
        if recipe.trains and not recipe.train.blind and least > most:
            raise UsageError(
                f"prepare.{name}.show: {show['count']} slices take at least {least} tokens of the model's input at "
                f"model.image_size, and train.max_length is {most}"
            )


def check_machine(recipe: Recipe, way: Sequence[Stage], dataset: Path, home: Path, to_come: Collection[Path] = ()) -> None:
    """Say what this machine lacks for the stages that are still to run; nothing is made to find out.

    `to_come` are runs that will have been made before: their weights need not be there yet.

    Raises
    ------
    UsageError
        torch or its company, Ray, a tracker, a compiler, or what a modality's settings need, is not installed; an endpoint's
        key is not set.
    Refused
        `weights_missing`; `upload_not_allowed` by a tracker; `folder_unusable`, `disk_full`: where data and runs would go.
    """
    for key, folder in (("data", dataset), ("runs", home)):
        check_place(key, folder)
    to_run = {stage.name: stage for stage in way if not stage.done}
    if to_run:
        check_workers(recipe.workers)
    needing = next((stage.name for stage in to_run.values() if stage.torch), None)
    if needing is not None:
        check_packages(needing)
    if "generate" in to_run:
        check_backend(recipe.generate.backend)
    if "prepare" in to_run:
        check_installed(settings_of(recipe.prepare.sections))
    if "train" in to_run:
        _check_training(recipe, to_come)
    # A judge whose answers are kept may not have to ask.
    check_keys(recipe, [name for name, s in to_run.items() if not (name == "evaluate" and (s.folder / JUDGED).exists())])


def _check_training(recipe: Recipe, to_come: Collection[Path]) -> None:
    """Refuse what a training needs and this machine lacks: a compiler, a tracker, weights."""
    from docphim.models.parts_there import check_parts
    from docphim.train import check_compile
    from docphim.train.trackers import check_trackers

    if recipe.train.compile:
        check_compile(recipe.model.quantise)
    check_trackers(recipe.train.trackers, recipe.allow_upload)
    coming = files.at_home(recipe.model.weights, "model.weights") in {*to_come}
    if not coming:
        check_weights(recipe)
    if coming or recipe.model.weights == "tiny":
        check_parts(recipe.model.model_dump(), recipe.train.loss.kind == "clip")


def check_blind(recipe: Recipe, way: Sequence[Stage], to_come: Collection[Path] = ()) -> None:
    """Refuse (UsageError) a cap by a run that is not blind, or is not there.

    Parameters
    ----------
    to_come : collection of Path
        Folders of blind runs that will have been made before this one trains.
    """
    from docphim.train.cap import resolved

    if not any(stage.name == "train" and not stage.done for stage in way):
        return
    for record in blind_run(recipe).values():
        if record.exists():
            resolved(recipe.train.loss.model_dump()["max_loss"])
        elif record.parent.resolve() not in {run.resolve() for run in to_come}:
            raise UsageError(
                f"train.loss.max_loss.blind: {record.parent.name} is no trained run; train it first, with train.blind: true"
            )


def check_place(key: str, folder: Path) -> None:
    """Refuse a folder that could not be made or written, by the recipe's key for it.

    Raises
    ------
    Refused
        `folder_unusable`: it, or what it would stand in, is no folder or read-only, or a name in it is too long;
        `disk_full`: there is next to no space left.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        if len(os.fsencode(there.name)) > _LONGEST_NAME:
            raise Refused("folder_unusable", key, "a name in its path is longer than file systems take")
        there = there.parent
    try:
        mode = there.stat().st_mode
        if not stat.S_ISDIR(mode):
            raise Refused("folder_unusable", key, "a file stands where a folder is to be")
        if not mode & stat.S_IWUSR or not os.access(there, os.W_OK | os.X_OK):
            why = (
                "the folder is read-only"
                if there == folder
                else "no folder can be made there: what it would lie in is read-only"
            )
            raise Refused("folder_unusable", key, why)
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise Refused("folder_unusable", key, f"the folder cannot be used: {os.strerror(error.errno or 0)}") from None
    if free < LEAST_SPACE:
        raise Refused(
            "disk_full", key, f"{free / 1e6:.0f} MB are free; with less than {LEAST_SPACE / 1e6:.0f} MB nothing is begun"
        )


def missing_packages() -> list[str]:
    """The packages of the `train` extra that are not installed; none is imported to find out."""
    from docphim.models import TRAIN_EXTRA

    return sorted(name for name in TRAIN_EXTRA if importlib.util.find_spec(name) is None)


def check_packages(needing: str) -> None:
    """Say before anything is read that what a stage needs is not installed.

    Raises
    ------
    UsageError
        Names the stage, what is missing, and the command that installs it.
    """
    from docphim.models import INSTALL

    if missing := missing_packages():
        raise UsageError(f"{needing} needs {', '.join(missing)}, not installed here: {INSTALL}")


def check_backend(name: str) -> None:
    """Refuse (UsageError) a backend whose package is not installed; it is not imported to find out."""
    package = traits(name).package
    if package and importlib.util.find_spec(package) is None:
        raise UsageError(f"generate.backend: {name} needs {package}, not installed here: pip install 'docphim[{package}]'")


def check_weights(recipe: Recipe) -> None:
    """Refuse weights that are named like a folder and are not there (`weights_missing`)."""
    from docphim.models.checkpoint import check_there

    if recipe.trains and recipe.model.weights != "tiny":
        check_there(recipe.model.weights, recipe.model.base)


def check_keys(recipe: Recipe, stages: Collection[str] = ("build", "generate", "evaluate")) -> None:
    """Refuse (UsageError) an endpoint's key that is not set, where one of the `stages` would ask that endpoint."""
    from docphim.models.address import secret

    for key, section in endpoints(recipe).items():
        section_of = key.partition(".")[0]
        if {"augment": "build", "questions": "build"}.get(section_of, section_of) in stages:
            secret(section.key_env, f"{key}.key_env")


def endpoints(recipe: Recipe) -> dict[str, Service]:
    """The sections of a recipe that send something somewhere, by their key."""
    judge, paraphrase = recipe.evaluate.judge, recipe.augment.paraphrase if recipe.augment else None
    sending: dict[str, Service] = {"generate": recipe.generate} if traits(recipe.generate.backend).sends else {}
    sending |= {"augment.paraphrase": paraphrase} if paraphrase is not None else {}
    writer = recipe.questions.writer if WRITTEN & {*recipe.tasks} else None
    sending |= {"questions.writer": writer} if writer is not None else {}
    return sending | ({"evaluate.judge": judge} if judge is not None and not judge.replay else {})


def unanswered(recipe: Recipe, stage: Stage) -> bool:
    """Whether a stage that is done left requests that an endpoint did not answer: it asks those again."""
    asked = endpoints(recipe)
    if stage.name == "generate" and "generate" in asked and stage.done:
        return any(row["finish"] == "failed" for row in files.read_jsonl(stage.folder / "predictions.jsonl"))
    if stage.name == "evaluate" and "evaluate.judge" in asked and stage.done:
        tasks = read_scores(stage.folder / "scores.json").values()
        return any(task.judge and task.judge.failed for task in tasks)
    return False


def refuse_too_many(dataset: Path, most: float) -> None:
    """Stop a run whose studies were mostly refused, before a model is trained on the rest.

    Raises
    ------
    Refused
        `empty_dataset` when none is left, `too_many_rejected` when more than the fraction `most` was rejected.
    """
    rejected = {row["study"] for row in files.read_jsonl(dataset / "rejected.jsonl")}
    usable = {row["study"] for row in files.read_jsonl(dataset / "prepared" / "index.jsonl")}
    lost, total = len(rejected - usable), len(rejected | usable)
    if not usable:
        raise Refused("empty_dataset", "", f"all {total} studies were rejected; rejected.jsonl says why")
    if lost > most * total:
        why = f"{lost} of {total} studies were rejected ({lost / total:.0%}), max_rejected is {most:.0%}; see rejected.jsonl"
        raise Refused("too_many_rejected", "", why)


def stay_local(recipe: Recipe) -> None:
    """Switch the hub off unless the recipe names a hub id; telemetry is always off."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    weights = recipe.model.weights
    if not recipe.trains or weights == "tiny" or files.at_home(weights, "model.weights").exists():
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["TRANSFORMERS_OFFLINE"] = "1"


@contextlib.contextmanager
def naming_places(**places: Path) -> Iterator[None]:
    """Say where it was that the system refused to read or write, by the recipe's key for the place.

    Raises
    ------
    Refused
        `folder_unusable`, `file_missing` or `disk_full`, in place of an OSError that this machine and not Docphim is to blame
        for.
    """
    try:
        yield
    except OSError as error:
        refusal = environment(error, _place(error.filename, places))
        if refusal is None:
            raise
        raise refusal from error


def _place(name: object, places: dict[str, Path]) -> str:
    """A recipe's key and the path below it; a place outside is not named, for its name may be a patient's."""
    for key, folder in places.items():
        with contextlib.suppress(ValueError, TypeError):
            below = Path(os.fsdecode(name)).relative_to(folder)  # type: ignore[arg-type]
            return f"{key}: {folder.name}/{below.as_posix()}" if below.parts else f"{key}: {folder.name}"
    return ""
