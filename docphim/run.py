"""The whole program, top to bottom: study → prepared → example → batch → prediction → scores → page (`docphim run RECIPE`)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from docphim import files
from docphim.errors import Refused, UsageError
from docphim.language import lexicon
from docphim.metrics import LABEL_SETS
from docphim.metrics.signature import reading
from docphim.provenance import provenance
from docphim.recipe import Recipe, Service, dump
from docphim.resume import Stage, do, reopen, require_done
from docphim.study import SPLITS

STAGES = ("ingest", "prepare", "build", "train", "generate", "evaluate", "page")

#: A stage's version; raise it when what the stage writes changes, and everything after it is redone.
VERSIONS = {"ingest": 2, "prepare": 2, "build": 3, "train": 2, "generate": 2, "evaluate": 3, "page": 2}

#: What of a recipe shapes the dataset, and so its key.
SHAPES_DATASET = {"source", "language", "split", "tasks", "prompts"}

#: Where a judge's answers are kept in the run's folder: no stage's output, so that no change of settings removes them.
JUDGED = "judge.jsonl"


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
    last = only or until
    if last == "train" and not recipe.trains:
        raise UsageError("train: generate.backend is openai, so there is no model to train; go on with `docphim generate`")
    refuse_early(recipe)
    stay_local(recipe)
    dataset = files.private_folder(dataset_folder(recipe))
    home = files.private_folder(run_folder(recipe))
    way = stages(recipe, dataset, home)
    to_go = way[: 1 + next(n for n, stage in enumerate(way) if stage.name == last)]
    with files.locked(home):
        if only is not None:
            for stage in to_go[:-1]:
                require_done(stage, only)
        refuse_missing_weights(recipe, to_go)
        refuse_missing_keys(recipe, to_go)
        with files.atomic(home / "recipe.yaml") as handle:
            handle.write(dump(recipe, **provenance(), dataset_key=dataset.name))
        for number, stage in enumerate(to_go):
            if only in (None, stage.name):
                if stage.name in failed_requests(recipe, home):
                    reopen(stage)
                # Runs that share a dataset wait for one another only while it is made.
                with files.locked(dataset, wait=True) if stage.folder == dataset else contextlib.nullcontext():
                    do(stage, later=way[number + 1 :])
            if stage.name == "prepare":
                refuse_too_many(dataset, recipe.max_rejected)
    return dataset, home


def stages(recipe: Recipe, dataset: Path, home: Path) -> list[Stage]:
    """The stages of a recipe, in order: what each reads, what it is told, what it writes.  An endpoint's has no `train`."""
    source, train, evaluate = recipe.source, recipe.train, recipe.evaluate
    studies, index = dataset / "studies.jsonl", dataset / "prepared" / "index.jsonl"
    examples: dict[str, Path] = {split: dataset / "examples" / f"{split}.jsonl" for split in SPLITS}
    unreported = dataset / "examples" / "draft.jsonl"
    drafted = {name: home / f"{name}.jsonl" for name in ("predictions", "likelihoods")}
    shown = drafted | {"drafts": home / "drafts.jsonl"}
    seen = {"train": examples["train"], "val": examples["val"], "index": index}
    lexicons = {name: lexicon.FOLDER / f"{name}.yaml" for name in ("concepts", recipe.language)}
    read_with = reading(evaluate.language or recipe.language, LABEL_SETS)
    drafting, judging = recipe.generate, recipe.evaluate.judge
    options, asking = ({}, {}) if recipe.trains else endpoint_settings(drafting, recipe.allow_upload, {"image_size"})
    judge, judge_asking = (
        (None, {}) if judging is None else endpoint_settings(judging, recipe.allow_upload, {"systems"}, {"replay"})
    )
    way = [
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
            inputs={"studies": studies, "index": index, **lexicons},
            folder=dataset,
            outputs=["examples", "leaks.json", "stats.json"],
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
                **drafting.model_dump(include={"backend", "max_new_tokens", "temperature", "seed"}),
                **(drafting.model_dump(include={"batch_size"}) if recipe.trains else {"options": options}),
                "images": evaluate.images,
                "splits": evaluate.splits,
                "contexts": evaluate.contexts,
                "blind": train.blind,
            },
            unrecorded={"asking": asking} if asking else {},
            inputs={
                **({"trained": home / "train.json"} if recipe.trains else {}),
                **examples,
                "draft": unreported,
                "index": index,
            },
            folder=home,
            outputs=["predictions.jsonl", "likelihoods.jsonl", "drafts.jsonl"],
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
                "label_sets": evaluate.label_sets,
                "judge": judge,
            },
            unrecorded={"judge_asking": judge_asking} if judge_asking else {},
            inputs={**drafted, "train": examples["train"], "studies": studies, **read_with},
            folder=home,
            outputs=["scores.json", "scores.parquet", "statistics.parquet", "errors.jsonl"],
            version=VERSIONS["evaluate"],
        ),
        Stage(
            name="page",
            call="docphim.page:page",
            arguments=(dataset, home),
            settings=recipe.page.model_dump(),
            inputs={
                "scores": home / "scores.json",
                **shown,
                "drafts": home / "drafts.jsonl",
                "stats": dataset / "stats.json",
            },
            folder=home,
            outputs=["index.html"],
            version=VERSIONS["page"],
        ),
    ]
    return way if recipe.trains else [stage for stage in way if stage.name != "train"]


def endpoint_settings(
    section: Service, allow_upload: list[str], recorded: set[str], unrecorded: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of an endpoint the answers depend on (the model, the request), and what they do not (the way there)."""
    way_there = {"endpoint", "key_env", "concurrency", "timeout_s", "retries", *unrecorded}
    told = section.model_dump(include={"model", "body", *recorded})
    return told, {**section.model_dump(include=way_there), "allow_upload": allow_upload}


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
        `ambiguous_prompt`; `upload_not_allowed`, where an endpoint is no place that `allow_upload` names.
    """
    from docphim.build import Prompts, refuse_ambiguous, task
    from docphim.generate import BACKENDS
    from docphim.ingest import check
    from docphim.models import FAMILIES
    from docphim.models.address import check_upload

    check(recipe.source.kind, recipe.source.model_dump(exclude={"kind"}))
    refuse_ambiguous({name: task(name) for name in recipe.tasks}, Prompts(recipe.prompts, recipe.language))
    for key, name, known in (
        ("model.family", recipe.model.family if recipe.trains else None, FAMILIES),
        ("generate.backend", recipe.generate.backend, BACKENDS),
    ):
        if name is not None and name not in known:
            raise UsageError(f"{key}: {name!r} is not one of {', '.join(known)}")
    for key, section in endpoints(recipe).items():
        check_upload(section.endpoint or "", recipe.allow_upload, f"{key}.endpoint")


def endpoints(recipe: Recipe) -> dict[str, Service]:
    """The sections of a recipe that send something somewhere, by their key."""
    judge = recipe.evaluate.judge
    sending: dict[str, Service] = {} if recipe.trains else {"generate": recipe.generate}
    return sending | ({"evaluate.judge": judge} if judge is not None and not judge.replay else {})


def refuse_missing_keys(recipe: Recipe, way: list[Stage]) -> None:
    """Say before the films are prepared that the key of an endpoint is not there.

    Raises
    ------
    UsageError
        Where a stage of `way` would ask the endpoint; a judge whose answers are kept may not have to.
    """
    from docphim.models.address import secret

    for key, section in endpoints(recipe).items():
        stage = next((s for s in way if s.name == key.partition(".")[0]), None)
        if stage is not None and not stage.done and not (key == "evaluate.judge" and (stage.folder / JUDGED).exists()):
            secret(section.key_env, f"{key}.key_env")


def failed_requests(recipe: Recipe, home: Path) -> set[str]:
    """The stages in which an endpoint left requests unanswered: they ask those again."""
    asked = endpoints(recipe)
    failed = set()
    if "generate" in asked and any(row["finish"] == "failed" for row in files.read_jsonl(home / "predictions.jsonl")):
        failed.add("generate")
    if "evaluate.judge" in asked and (home / "scores.json").exists():
        tasks = files.read_json(home / "scores.json")["by_task"].values()
        if any((task.get("judge") or {}).get("failed") for task in tasks):
            failed.add("evaluate")
    return failed


def refuse_missing_weights(recipe: Recipe, way: list[Stage]) -> None:
    """Say before the films are prepared that the model's folder is not there.

    Raises
    ------
    Refused
        `weights_missing`, where a stage of `way` would train.
    """
    from docphim.models.checkpoint import is_local

    if recipe.trains and recipe.model.weights != "tiny" and any(stage.name == "train" and not stage.done for stage in way):
        is_local(recipe.model.weights)


def stay_local(recipe: Recipe) -> None:
    """Switch the hub off unless the recipe names a hub id; telemetry is always off."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    weights = recipe.model.weights
    if not recipe.trains or weights == "tiny" or Path(weights).expanduser().exists():
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["TRANSFORMERS_OFFLINE"] = "1"
