"""Evaluated runs side by side: what each wrote, whether their numbers may be compared, which of them, and by what bootstrap."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from docphim.backends import traits
from docphim.compare.systems import Measured, System, measured, read_statistics
from docphim.errors import Refused, UsageError
from docphim.files import read_jsonl
from docphim.metrics import metric
from docphim.metrics.catalogue import heads, kind_of, less_is_better
from docphim.metrics.signature import check_comparable
from docphim.records import check_written
from docphim.scores import NAMED, WRONG, TaskKey, TaskScores, read_scores
from docphim.study import Prediction, Row, from_row, item_of


@dataclass(frozen=True)
class Task:
    """One entry of scores.json and the systems behind it: `own`, wrong images, `floor:NAME`.

    `gains` are the nats that another patient's image costs each reference, by id; empty where nobody measured it.
    """

    entry: TaskScores
    systems: dict[str, System]
    gains: Mapping[str, float] = field(default_factory=dict)

    @property
    def main(self) -> System:
        """The model on each patient's own image."""
        return self.systems["own"]


@dataclass(frozen=True)
class Run:
    """An evaluated run."""

    name: str
    folder: Path
    model: str
    tasks: dict[TaskKey, Task]


def read_runs(named: Sequence[str | Path]) -> list[Run]:
    """Read runs given as folders, or by their names in ./runs.

    Raises
    ------
    UsageError
        There is no such folder, or one is named twice.
    Refused
        `file_missing`, where a run was not evaluated; `scores_outdated`, where an older version evaluated it;
        `file_changed`, where a file is not what the evaluation wrote.
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
    if (folder / "evaluate.json").exists():
        check_written(folder, "evaluate", "scores.json", "statistics.parquet", "errors.jsonl")
    systems = read_statistics(folder / "statistics.parquet")
    try:
        by_task = read_scores(folder / "scores.json")
    except Refused as refusal:
        raise Refused(refusal.reason, name) from None
    for key, entry in by_task.items():
        whole = entry.keys.references and entry.keys.split and entry.scores and "declined" in entry.counts
        if not whole or "own" not in systems.get(str(key), {}):
            raise Refused("scores_outdated", f"{name}, {key}")
    tasks = {key: Task(entry, systems[str(key)], _gains(folder, key)) for key, entry in by_task.items()}
    return Run(name, folder, model_name(folder / "recipe.yaml"), tasks)


def _gains(folder: Path, key: TaskKey) -> dict[str, float]:
    path = folder / "likelihoods.jsonl"
    if not path.exists():
        return {}
    if (folder / "generate.json").exists():
        check_written(folder, "generate", path.name)
    rows = (row for row in read_jsonl(path) if row["context"] == key.context)
    nats = {(item_of(row["id"], row["turn"]), row["image"]): float(row["nats"]) for row in rows if row["nats"] is not None}
    return {id_: value - nats[id_, "own"] for (id_, image), value in nats.items() if image == "other" and (id_, "own") in nats}


def model_name(recipe: Path) -> str:
    """What a run's model is called in a table: weights, tuning, and whether it saw no image; empty without a recipe."""
    try:
        content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return ""
    sections = content if isinstance(content, dict) else {}
    model, generate, train = (sections.get(name) or {} for name in ("model", "generate", "train"))
    if not all(isinstance(section, dict) for section in (model, generate, train)):
        return ""
    if not traits(generate.get("backend", "transformers")).trains:
        return Path(str(generate.get("model") or generate.get("exported") or model.get("weights") or "")).name
    return _trained_name(model, blind=bool(train.get("blind")))


def _trained_name(model: Mapping[str, Any], *, blind: bool) -> str:
    weights, tune = str(model.get("weights") or ""), model.get("tune")
    name = f"{model.get('family', '')} {weights}" if weights == "tiny" else Path(weights).name
    beside = [str(model.get("quantise") or ""), *(f"+{part}" for part in model.get("whole") or ())]
    return " ".join(filter(None, [name.strip(), tune if tune != "none" else "", *beside, "blind" if blind else ""]))


def common_ids(key: TaskKey, runs: Sequence[Run], *, allow_missing: bool) -> tuple[list[str], dict[str, Row]]:
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
    first, answered = runs[0], [set(run.tasks[key].main.ids) for run in runs]
    either = set.union(*answered)
    missing: dict[str, Row] = {
        run.name: {"missing": len(either - ids), "named": sorted(either - ids)[:NAMED]}
        for run, ids in zip(runs, answered, strict=True)
        if either - ids
    }
    common = sorted(set.intersection(*answered))
    for other in runs[1:]:
        _same_patients(key, first, other)
    if missing and (not allow_missing or not common):
        lacks = "; ".join(f"{name} lacks {row['missing']} ({', '.join(row['named'][:5])}…)" for name, row in missing.items())
        why = f"{lacks}; {len(common)} are in all runs" + ("; --allow-missing compares on those" if common else "")
        raise Refused("ids_differ", str(key), why)
    for other in runs[1:]:
        _same_references(key, first, other, common if missing else None)
    return common, missing


def _same_patients(key: TaskKey, one: Run, two: Run) -> None:
    """Refuse two runs that were tested on different splits of the studies."""
    a, b = (run.tasks[key] for run in (one, two))
    patients = dict(zip(a.main.ids, a.main.patients, strict=True))
    changed = [i for i, p in zip(b.main.ids, b.main.patients, strict=True) if patients.get(i, p) != p]
    other_split = a.main.ids == b.main.ids and a.entry.keys.split != b.entry.keys.split
    if changed or other_split or not patients.keys() & set(b.main.ids):
        why = f"the split of {one.name} is not that of {two.name}"
        raise Refused("split_differs", str(key), why + (f": {len(changed)} ids belong to another patient" if changed else ""))


def _same_references(key: TaskKey, one: Run, two: Run, common: list[str] | None) -> None:
    """Refuse two runs judged against different references; where ids are missing, the texts of the others are compared."""
    if one.tasks[key].entry.keys.references == two.tasks[key].entry.keys.references:
        return
    why = f"the references of {one.name} are not those of {two.name}"
    if common is not None:
        a, b = ({p.id: p.reference for p in predictions(run.folder, key)} for run in (one, two))
        changed = [i for i in common if a.get(i) is None or a.get(i) != b.get(i)]
        if not changed:
            return
        why += f": {len(changed)} of {len(common)} common ids"
    raise Refused("references_differ", str(key), why)


def predictions(folder: Path, key: TaskKey) -> Iterable[Prediction]:
    """What may belong to a task's key, of predictions.jsonl and joined.jsonl: own image, that task, that context.

    Raises
    ------
    Refused
        `file_changed`, where the file is not what was drafted.
    """
    if (folder / "generate.json").exists():
        check_written(folder, "generate", "predictions.jsonl")
    for row in itertools.chain.from_iterable(read_jsonl(folder / name) for name in ("predictions.jsonl", "joined.jsonl")):
        if row["image"] == "own" and row["task"] == key.task and row["context"] == key.context:
            prediction = from_row(Prediction, row)
            yield replace(prediction, id=prediction.item)


def same_signatures(key: TaskKey, runs: Sequence[Run], metrics: Iterable[str]) -> None:
    """Refuse scores made under different conventions.

    Raises
    ------
    Refused
        `signature_differs`, naming task, runs and the field that differs.
    """
    first, *others = [run.tasks[key].entry.scores for run in runs]
    for score in metrics:
        for run, scores in zip(runs[1:], others, strict=True):
            if score not in first or score not in scores:
                continue
            try:
                check_comparable([first[score].signature or "", scores[score].signature or ""])
            except Refused as refusal:
                why = f"{score} of {runs[0].name} and {run.name}: {refusal.why}"
                raise Refused("signature_differs", str(key), why) from None


@dataclass(frozen=True)
class Bench:
    """What the measurements of a comparison share."""

    families: tuple[str, ...]
    resamples: int
    seed: int

    def measure(self, system: System) -> Measured:
        """A system's scores."""
        return measured(system, self.families, resamples=self.resamples, seed=self.seed)


def choose(runs: Sequence[Run], asked: Sequence[str] = ()) -> list[str]:
    """The keys to compare: those asked for, or those that lead (of label sets, the first set's), with the errors to act on.

    Raises
    ------
    UsageError
        A key that no run has.
    """
    tasks = [task for run in runs for task in run.tasks.values()]
    counted = {key for family in _families(runs) for key in metric(family).KEYS}
    present: list[str] = [key for key in dict.fromkeys(k for task in tasks for k in task.entry.scores) if key in counted]
    if list(asked) == ["all"]:
        return present
    for key in asked:
        if key not in present:
            raise UsageError(f"--metrics {key}: must be one of {', '.join(present)}, or all")
    leading = heads(present)
    labels = [key for key in present if key in leading and kind_of(key) == "labels"]
    errors = [key for key in present if kind_of(key) == "facts" and less_is_better(key)][:1]
    usual = list(dict.fromkeys([*leading[:1], *errors, *(key for key in leading if key not in labels)]))
    return list(dict.fromkeys(asked)) or usual + labels[:1]


def bench_of(runs: Sequence[Run], chosen: Sequence[str]) -> Bench:
    """What measures the chosen scores of runs, with the first run's bootstrap."""
    families = tuple(family for family in _families(runs) if set(metric(family).KEYS) & set(chosen))
    return Bench(families, *_sample(runs[0]))


def _families(runs: Sequence[Run]) -> list[str]:
    """The metric families that the runs have statistics of."""
    return list(dict.fromkeys(family for run in runs for task in run.tasks.values() for family in task.main.statistics))


def _sample(run: Run) -> tuple[int, int]:
    """Bootstrap samples and seed as the run's own signatures say them; the recipe's defaults where it made none."""
    scores = next(iter(run.tasks.values())).entry.scores
    fields = dict(part.split(":", 1) for part in (next(iter(scores.values())).signature or "").split("|") if ":" in part)
    resamples, seed = fields.get("bs", "none"), fields.get("seed", "none")
    return (1000 if resamples == "none" else int(resamples)), (12345 if seed == "none" else int(seed))


def floors_of(key: TaskKey, runs: Sequence[Run], ids: list[str]) -> list[tuple[Run | None, str, System]]:
    """Each floor once where the runs that have it have the same one; where they differ, by run."""
    names = dict.fromkeys(n for run in runs for n in run.tasks[key].systems if n != "own" and n not in WRONG)
    floors: list[tuple[Run | None, str, System]] = []
    for name in names:
        having = [(run, run.tasks[key].systems[name].only(ids)) for run in runs if name in run.tasks[key].systems]
        unlike = [(run, s) for i, (run, s) in enumerate(having) if not any(s.same(other) for _, other in having[:i])]
        floors += [(run if len(unlike) > 1 else None, name, system) for run, system in unlike]
    return floors
