"""The whole program, top to bottom: study → prepared → example → batch → prediction → scores → page (`docphim run RECIPE`)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import yaml

from docphim import files
from docphim.errors import Refused, UsageError
from docphim.provenance import provenance
from docphim.recipe import Recipe, dump
from docphim.resume import Stage, alone, do, require_done
from docphim.study import SPLITS

STAGES = ("ingest", "prepare", "build", "train", "generate", "evaluate", "page")

#: A stage's version; raise it when what the stage writes changes, and everything after it is redone.
VERSIONS = {"ingest": 1, "prepare": 1, "build": 1, "train": 1, "generate": 1, "evaluate": 1, "page": 1}

#: What of a recipe shapes the dataset, and so its key.
SHAPES_DATASET = {"source", "language", "split", "tasks", "prompts"}


def run(recipe: Recipe, until: str = "page", only: str | None = None) -> tuple[Path, Path]:
    """Run the stages in order, skipping those that are done and resuming the one that was interrupted.

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
    refuse_early(recipe)
    stay_local(recipe)
    dataset = files.private_folder(dataset_folder(recipe))
    home = files.private_folder(run_folder(recipe))
    way = stages(recipe, dataset, home)
    last = STAGES.index(only or until)
    with alone(home):
        if only is not None:
            for stage in way[:last]:
                require_done(stage, only)
        refuse_missing_weights(recipe, way[: last + 1])
        with files.atomic(home / "recipe.yaml") as handle:
            handle.write(dump(recipe, **provenance(), dataset_key=dataset.name))
        for number, stage in enumerate(way[: last + 1]):
            if only in (None, stage.name):
                # Runs that share a dataset wait for one another only while it is made.
                with alone(dataset) if stage.folder == dataset else contextlib.nullcontext():
                    do(stage, later=way[number + 1 :])
            if stage.name == "prepare":
                refuse_too_many(dataset, recipe.max_rejected)
    return dataset, home


def stages(recipe: Recipe, dataset: Path, home: Path) -> list[Stage]:
    """The seven stages of a recipe, in order: what each reads, what it is told, what it writes."""
    source, train, evaluate = recipe.source, recipe.train, recipe.evaluate
    studies, index = dataset / "studies.jsonl", dataset / "prepared" / "index.jsonl"
    examples: dict[str, Path] = {split: dataset / "examples" / f"{split}.jsonl" for split in SPLITS}
    drafted = {name: home / f"{name}.jsonl" for name in ("predictions", "likelihoods")}
    seen = {"train": examples["train"], "val": examples["val"], "index": index}
    return [
        Stage(
            name="ingest",
            call="docphim.ingest:ingest",
            arguments=(source.kind, source.model_dump(exclude={"kind"}), dataset),
            settings={"language": recipe.language, "split_by_source": recipe.split.by == "source"},
            inputs={},
            folder=dataset,
            outputs=["studies.jsonl", "private.csv", "rejected.jsonl", "ingest_notes.json"],
            version=VERSIONS["ingest"],
        ),
        Stage(
            name="prepare",
            call="docphim.prepare:prepare",
            arguments=(dataset,),
            settings={"long_side": recipe.prepare.long_side},
            unrecorded={"workers": recipe.prepare.workers},
            inputs={"studies": studies, "private": dataset / "private.csv"},
            folder=dataset,
            outputs=["prepared"],
            version=VERSIONS["prepare"],
            borrowed=True,
        ),
        Stage(
            name="build",
            call="docphim.build:build",
            arguments=(dataset,),
            settings={
                "tasks": recipe.tasks,
                "prompts": recipe.prompts,
                "language": recipe.language,
                "split_by": recipe.split.by,
                "fractions": recipe.split.fractions,
                "seed": recipe.split.seed,
            },
            inputs={"studies": studies, "index": index},
            folder=dataset,
            outputs=["examples", "leaks.json"],
            version=VERSIONS["build"],
        ),
        Stage(
            name="train",
            call="docphim.train:train",
            arguments=(dataset, home),
            settings={"model": recipe.model.model_dump(), "train": train.model_dump()},
            inputs=seen,
            folder=home,
            outputs=["model", "log.jsonl", "checkpoints"],
            version=VERSIONS["train"],
        ),
        Stage(
            name="generate",
            call="docphim.generate:generate",
            arguments=(dataset, home),
            settings={
                **recipe.generate.model_dump(),
                "images": evaluate.images,
                "splits": evaluate.splits,
                "contexts": evaluate.contexts,
                "blind": train.blind,
            },
            inputs={"trained": home / "train.json", **examples, "index": index},
            folder=home,
            outputs=["predictions.jsonl", "likelihoods.jsonl"],
            version=VERSIONS["generate"],
        ),
        Stage(
            name="evaluate",
            call="docphim.evaluate:evaluate",
            arguments=(dataset, home),
            settings={
                "language": evaluate.language or recipe.language,
                "resamples": evaluate.resamples,
                "seed": evaluate.seed,
            },
            inputs={**drafted, "train": examples["train"], "studies": studies},
            folder=home,
            outputs=["scores.json", "scores.parquet"],
            version=VERSIONS["evaluate"],
        ),
        Stage(
            name="page",
            call="docphim.page:page",
            arguments=(dataset, home),
            settings=recipe.page.model_dump(),
            inputs={"scores": home / "scores.json", **drafted},
            folder=home,
            outputs=["index.html"],
            version=VERSIONS["page"],
        ),
    ]


def run_folder(recipe: Recipe) -> Path:
    """`runs/NAME`."""
    return Path(recipe.runs).expanduser() / recipe.name


def dataset_folder(recipe: Recipe) -> Path:
    """`data/NAME/KEY`, where KEY says the source's content and everything that shapes the dataset.

    Where the source is gone (an unplugged disk) but the run remembers its dataset, that one is used.
    """
    from docphim.ingest import fingerprint

    name = Path(recipe.data).expanduser() / (recipe.dataset or recipe.source.kind)
    try:
        content = fingerprint(recipe.source.kind, recipe.source.model_dump(exclude={"kind"}))
    except Refused as gone:
        remembered = _remembered(recipe, name)
        if gone.reason != "file_missing" or remembered is None:
            raise
        return remembered
    settings = recipe.model_dump(mode="json", include=SHAPES_DATASET)
    versions = {stage: VERSIONS[stage] for stage in ("ingest", "prepare", "build")}
    return name / files.content_key([settings, recipe.prepare.long_side, versions, content])


def _remembered(recipe: Recipe, name: Path) -> Path | None:
    try:
        said = yaml.safe_load((run_folder(recipe) / "recipe.yaml").read_text(encoding="utf-8"))
    except OSError:
        return None
    now = recipe.model_dump(mode="json", include={*SHAPES_DATASET, "prepare"})
    folder = name / str(said.get("dataset_key"))
    return folder if all(said.get(k) == v for k, v in now.items()) and (folder / "build.json").exists() else None


def refuse_too_many(dataset: Path, most: float) -> None:
    """Stop a run whose studies were mostly refused.

    Raises
    ------
    Refused
        `empty_dataset` when none is left, `too_many_rejected` when more than the fraction `most` was rejected.
    """
    rejected = {row["study"] for row in files.read_jsonl(dataset / "rejected.jsonl")}
    kept = {row["study"] for row in files.read_jsonl(dataset / "prepared" / "index.jsonl")}
    lost, total = len(rejected - kept), len(rejected | kept)
    if not kept:
        raise Refused("empty_dataset", "", f"all {total} studies were rejected; rejected.jsonl says why")
    if lost > most * total:
        why = f"{lost} of {total} studies were rejected ({lost / total:.0%}), max_rejected is {most:.0%}; see rejected.jsonl"
        raise Refused("too_many_rejected", "", why)


def refuse_early(recipe: Recipe) -> None:
    """Say what is wrong with a recipe before hours of work: its source, tasks, prompts, model family and backend.

    Raises
    ------
    UsageError
        A name is unknown or an option is wrong; the message says which are known.
    Refused
        `ambiguous_prompt`.
    """
    from docphim.build import Prompts, refuse_ambiguous, task
    from docphim.generate import BACKENDS
    from docphim.ingest import check
    from docphim.models import FAMILIES

    check(recipe.source.kind, recipe.source.model_dump(exclude={"kind"}))
    refuse_ambiguous({name: task(name) for name in recipe.tasks}, Prompts(recipe.prompts, recipe.language))
    for key, name, known in (
        ("model.family", recipe.model.family, FAMILIES),
        ("generate.backend", recipe.generate.backend, BACKENDS),
    ):
        if name not in known:
            raise UsageError(f"{key}: {name!r} is not one of {', '.join(known)}")


def refuse_missing_weights(recipe: Recipe, way: list[Stage]) -> None:
    """Say before the films are prepared that the model's folder is not there.

    Raises
    ------
    Refused
        `weights_missing`, where a stage of `way` would train.
    """
    from docphim.models.checkpoint import is_local

    if recipe.model.weights != "tiny" and any(stage.name == "train" and not stage.done for stage in way):
        is_local(recipe.model.weights)


def stay_local(recipe: Recipe) -> None:
    """Switch the hub off unless the recipe names a hub id; telemetry is always off."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    weights = recipe.model.weights
    if weights == "tiny" or Path(weights).expanduser().exists():
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["TRANSFORMERS_OFFLINE"] = "1"
