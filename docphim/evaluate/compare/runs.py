"""Evaluated runs side by side: what each wrote, and whether their numbers may be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from docphim.errors import Refused, UsageError
from docphim.evaluate.answers import NAMED
from docphim.evaluate.compare.systems import System, read_statistics
from docphim.files import read_json, read_jsonl
from docphim.metrics.signature import check_comparable
from docphim.study import Row


@dataclass(frozen=True)
class Task:
    """One entry of scores.json and the systems behind it: `own`, wrong images, `floor:NAME`."""

    entry: Row
    systems: dict[str, System]

    @property
    def own(self) -> System:
        """The model on each patient's own image."""
        return self.systems["own"]


@dataclass(frozen=True)
class Run:
    """An evaluated run; `tasks` by the keys of scores.json."""

    name: str
    folder: Path
    model: str
    tasks: dict[str, Task]


def read_runs(named: Sequence[str | Path]) -> list[Run]:
    """Read runs given as folders, or by their names in ./runs.

    Raises
    ------
    UsageError
        There is no such folder, or one is named twice.
    Refused
        `file_missing`, where a run was not evaluated; `scores_outdated`, where an older version evaluated it.
    """
    folders = [_folder(str(name)) for name in named]
    if len({f.resolve() for f in folders}) < len(folders):
        raise UsageError("RUN: the same run is named twice")
    names = [f.resolve().name for f in folders]
    if len(set(names)) < len(names):
        names = [str(name) for name in named]
    return [_read(name, folder) for name, folder in zip(names, folders, strict=True)]


def _folder(name: str) -> Path:
    for folder in (Path(name).expanduser(), Path("runs") / name):
        if folder.is_dir():
            return folder
    raise UsageError(f"RUN {name}: is neither a folder nor a run in ./runs")


def _read(name: str, folder: Path) -> Run:
    for needed in ("scores.json", "statistics.parquet"):
        if not (folder / needed).exists():
            raise Refused("file_missing", f"{name}/{needed}", "evaluate the run first: docphim evaluate RECIPE")
    systems = read_statistics(folder / "statistics.parquet")
    try:
        by_task = read_json(folder / "scores.json")["by_task"]
        told = {
            key: bool(entry["keys"]["references"] and entry["keys"]["split"] and entry["scores"])
            for key, entry in by_task.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("scores_outdated", name) from None
    for key, usable in told.items():
        if not usable or "own" not in systems.get(key, {}):
            raise Refused("scores_outdated", f"{name}, {key}")
    return Run(name, folder, model_name(folder / "recipe.yaml"), {key: Task(e, systems[key]) for key, e in by_task.items()})


def model_name(recipe: Path) -> str:
    """What a run's model is called in a table: weights, tuning, and whether it saw no image; empty without a recipe."""
    try:
        said = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return ""
    if not isinstance(said, dict) or not isinstance(said.get("model"), dict):
        return ""
    model, generate, train = said["model"], said.get("generate") or {}, said.get("train") or {}
    if generate.get("backend") == "openai":
        return Path(str(generate.get("model") or model.get("weights") or "")).name
    weights = str(model.get("weights") or "")
    name = f"{model.get('family', '')} {weights}" if weights == "tiny" else Path(weights).name
    tuned = model.get("tune")
    return " ".join([name.strip(), *([tuned] if tuned and tuned != "none" else []), *(["blind"] if train.get("blind") else [])])


def common_ids(key: str, runs: Sequence[Run], *, allow_missing: bool) -> tuple[list[str], dict[str, Row]]:
    """The ids of a task's reports that every run answered, once it is sure that all were asked and judged the same.

    Returns
    -------
    tuple
        The ids in order; by run, how many it lacks of those that any run has (`missing`, and the first of them `named`).

    Raises
    ------
    Refused
        `split_differs`, `references_differ`, or `ids_differ` (not with `allow_missing`), naming task and runs.
    """
    first, own = runs[0], [set(run.tasks[key].own.ids) for run in runs]
    either = set.union(*own)
    missing: dict[str, Row] = {
        run.name: {"missing": len(either - ids), "named": sorted(either - ids)[:NAMED]}
        for run, ids in zip(runs, own, strict=True)
        if either - ids
    }
    common = sorted(set.intersection(*own))
    for other in runs[1:]:
        _same_patients(key, first, other)
    if missing and (not allow_missing or not common):
        told = "; ".join(f"{name} lacks {row['missing']} ({', '.join(row['named'][:5])}…)" for name, row in missing.items())
        why = f"{told}; {len(common)} are in all runs" + ("; --allow-missing compares on those" if common else "")
        raise Refused("ids_differ", key, why)
    for other in runs[1:]:
        _same_references(key, first, other, common if missing else None)
    return common, missing


def _same_patients(key: str, one: Run, two: Run) -> None:
    """Refuse two runs that were tested on different splits of the studies."""
    a, b = (run.tasks[key] for run in (one, two))
    patients = dict(zip(a.own.ids, a.own.patients, strict=True))
    changed = [i for i, p in zip(b.own.ids, b.own.patients, strict=True) if patients.get(i, p) != p]
    same_ids = a.own.ids == b.own.ids
    if changed or not patients.keys() & set(b.own.ids) or (same_ids and a.entry["keys"]["split"] != b.entry["keys"]["split"]):
        why = f"the split of {one.name} is not that of {two.name}"
        raise Refused("split_differs", key, why + (f": {len(changed)} ids belong to another patient" if changed else ""))


def _same_references(key: str, one: Run, two: Run, common: list[str] | None) -> None:
    """Refuse two runs judged against different references; where ids are missing, the texts of the others are compared."""
    if one.tasks[key].entry["keys"]["references"] == two.tasks[key].entry["keys"]["references"]:
        return
    why = f"the references of {one.name} are not those of {two.name}"
    if common is not None:
        a, b = (_references(run.folder, key) for run in (one, two))
        changed = [i for i in common if a.get(i) is None or a.get(i) != b.get(i)]
        if not changed:
            return
        why += f": {len(changed)} of {len(common)} common ids"
    raise Refused("references_differ", key, why)


def _references(folder: Path, key: str) -> dict[str, str]:
    return {row["id"]: row["reference"] for row in answers(folder, key)}


def answers(folder: Path, key: str) -> Iterable[Row]:
    """The rows of predictions.jsonl that may belong to a task's key: own image, that task, that context."""
    task, _, context = [*key.split("/"), "none"][:3]
    for row in read_jsonl(folder / "predictions.jsonl"):
        if row["image"] == "own" and row["task"] == task and row["context"] == context:
            yield row


def same_signatures(key: str, runs: Sequence[Run], metrics: Iterable[str]) -> None:
    """Refuse scores made under different conventions.

    Raises
    ------
    Refused
        `signature_differs`, naming task, runs and the field that differs.
    """
    scores: list[Mapping[str, Any]] = [run.tasks[key].entry["scores"] for run in runs]
    for metric in metrics:
        for run, row in zip(runs[1:], scores[1:], strict=True):
            if metric not in scores[0] or metric not in row:
                continue
            try:
                check_comparable([scores[0][metric]["signature"], row[metric]["signature"]])
            except Refused as refusal:
                why = f"{metric} of {runs[0].name} and {run.name}: {refusal.why}"
                raise Refused("signature_differs", key, why) from None
