"""Runs side by side as one table of numbers, each with interval, floor, reliance and significance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docphim.errors import Refused, UsageError
from docphim.evaluate.answers import WRONG
from docphim.evaluate.compare.row import LEVEL, differs
from docphim.evaluate.compare.runs import Run, common_ids, read_runs, same_signatures
from docphim.evaluate.compare.systems import Measured, System, measured, p_by_key
from docphim.metrics import metric
from docphim.metrics.significance import holm
from docphim.study import SPLITS, Row

#: What is compared where nothing is asked for; and of the label sets the macro-F1 of the first that the runs have.
DEFAULT = ("fact_f1", "rougeL", "bleu4")
PERMUTATIONS = 10_000
#: At least so many permutations a test: the smallest p of m tests is then 0.005 after Holm's correction, however many they are.
PER_TEST = 200
#: How far a score may lie from what scores.json says before one of the two is wrong.
CLOSE = 1e-6


@dataclass(frozen=True)
class Line:
    """One system of a table, and the system that it is set against (`beside` says which: a run, or its `own`)."""

    run: Run | None
    name: str
    own: Measured
    against: Measured | None = None
    beside: str | None = None


@dataclass(frozen=True)
class Bench:
    """What the measurements of a comparison share."""

    families: tuple[str, ...]
    resamples: int
    seed: int

    def measure(self, system: System) -> Measured:
        """A system's scores."""
        return measured(system, self.families, resamples=self.resamples, seed=self.seed)


def compare(
    named: Sequence[str | Path], *, metrics: Sequence[str] = (), baseline: str | None = None, allow_missing: bool = False
) -> Row:
    """Compare evaluated runs on the tasks and splits they share.

    Scores are computed again from the runs' statistics, so that runs that lack answers can be compared on what they have
    in common.  Each run and each floor is tested against the baseline; p is corrected over the whole table.

    Parameters
    ----------
    named : sequence
        Folders of runs, or names in ./runs.
    metrics : sequence of str
        Keys to compare, or `all`; `DEFAULT` and one label set's macro-F1 where empty.
    baseline : str, optional
        The run that the others are tested against; the first where not said.
    allow_missing : bool
        Compare on the reports that all runs answered.

    Returns
    -------
    dict
        `runs`, `baseline`, `metrics`, `tables` (one a task and split), `tests`, `permutations`, `level`, `resamples`, `seed`,
        `left_out`; docs/metrics.md, "Comparing runs", has the form.

    Raises
    ------
    UsageError
        A run, metric or baseline is not known.
    Refused
        The runs cannot be compared: see `docphim.evaluate.compare.runs`.
    """
    runs = read_runs(named)
    ahead = next((run for run in runs if baseline in (None, run.name, str(run.folder))), None)
    if ahead is None:
        raise UsageError(f"--baseline {baseline}: must be one of {', '.join(run.name for run in runs)}")
    chosen = choose(runs, metrics)
    families = tuple(family for family in _families(runs) if set(metric(family).KEYS) & set(chosen))
    bench = Bench(families, *_sample(runs[0]))
    tables, lines, left_out = [], [], {}
    for key in sorted({key for run in runs for key in run.tasks}, key=_task_order):
        sharing = [run for run in runs if key in run.tasks]
        ids, missing = common_ids(key, sharing, allow_missing=allow_missing)
        same_signatures(key, sharing, chosen)
        found = _lines(key, sharing, ids, bench, ahead)
        tables.append(_table(key, sharing, ids, chosen, found, bench))
        lines.append(found)
        if missing:
            left_out[key] = missing
    permutations = _test(tables, lines, bench)
    return {
        "runs": [{"name": run.name, "model": run.model, "tasks": list(run.tasks)} for run in runs],
        "baseline": ahead.name,
        "metrics": chosen,
        "tables": tables,
        "left_out": left_out,
        "tests": len(_tested(tables)),
        "permutations": permutations,
        "level": LEVEL,
        "resamples": bench.resamples,
        "seed": bench.seed,
    }


def choose(runs: Sequence[Run], asked: Sequence[str] = ()) -> list[str]:
    """The keys to compare: those asked for, or the usual ones that the runs have.

    Raises
    ------
    UsageError
        A key that no run has.
    """
    tasks = [task for run in runs for task in run.tasks.values()]
    counted = {key for family in _families(runs) for key in metric(family).KEYS}
    present: list[str] = [key for key in dict.fromkeys(k for task in tasks for k in task.entry["scores"]) if key in counted]
    if list(asked) == ["all"]:
        return present
    for key in asked:
        if key not in present:
            raise UsageError(f"--metrics {key}: must be one of {', '.join(present)}, or all")
    labels = [key for key in present if key.endswith("/macro_f1")][:1]
    return list(dict.fromkeys(asked)) or [key for key in (*DEFAULT, *labels) if key in present] or present[:4]


def _families(runs: Sequence[Run]) -> list[str]:
    """The metric families that the runs have statistics of."""
    return list(dict.fromkeys(family for run in runs for task in run.tasks.values() for family in task.own.statistics))


def _task_order(key: str) -> tuple[str, str, int]:
    task, split, context = parts(key)
    return task, context, SPLITS.index(split)


def parts(key: str) -> tuple[str, str, str]:
    """Task, split and context of a key of scores.json."""
    task, split, *context = key.split("/")
    return task, split, context[0] if context else "none"


def _sample(run: Run) -> tuple[int, int]:
    """Bootstrap samples and seed as the run's own signatures say them; the recipe's defaults where it made none."""
    scores = next(iter(run.tasks.values())).entry["scores"]
    fields = dict(part.split(":", 1) for part in next(iter(scores.values()))["signature"].split("|") if ":" in part)
    resamples, seed = fields.get("bs", "none"), fields.get("seed", "none")
    return (1000 if resamples == "none" else int(resamples)), (12345 if seed == "none" else int(seed))


def _lines(key: str, runs: Sequence[Run], ids: list[str], bench: Bench, ahead: Run) -> list[Line]:
    """Every run on its own and on wrong images, then floors and ceiling, each with what it is set against."""
    owns = {run.name: bench.measure(run.tasks[key].own.only(ids)) for run in runs}
    base, lines = owns.get(ahead.name), []
    for run in runs:
        own, systems = owns[run.name], run.tasks[key].systems
        lines.append(Line(run, "own", own) if run is ahead or not base else Line(run, "own", own, base, ahead.name))
        for image in (image for image in WRONG if image in systems):
            wrong = bench.measure(systems[image].only(ids))
            same = own if wrong.system.ids == own.system.ids else bench.measure(run.tasks[key].own.only(wrong.system.ids))
            lines.append(Line(run, image, wrong, same, "own"))
    for whose, name, system in _floors(key, runs, ids):
        paired = base is not None and system.ids == base.system.ids and name.startswith("floor:")
        lines.append(Line(whose, name, bench.measure(system), base if paired else None, ahead.name if paired else None))
    return lines


def _floors(key: str, runs: Sequence[Run], ids: list[str]) -> list[tuple[Run | None, str, System]]:
    """Each floor once where the runs that have it have the same one; where they differ, by run."""
    names = dict.fromkeys(n for run in runs for n in run.tasks[key].systems if n != "own" and n not in WRONG)
    found: list[tuple[Run | None, str, System]] = []
    for name in names:
        having = [(run, run.tasks[key].systems[name].only(ids)) for run in runs if name in run.tasks[key].systems]
        unlike = [(run, s) for i, (run, s) in enumerate(having) if not any(s.same(other) for _, other in having[:i])]
        found += [(run if len(unlike) > 1 else None, name, system) for run, system in unlike]
    return found


def _table(key: str, runs: Sequence[Run], ids: list[str], chosen: list[str], lines: Sequence[Line], bench: Bench) -> Row:
    """One task and split: a row a line, with value, interval, difference and, on the own image, the drops on wrong ones."""
    task, split, context = parts(key)
    rows = []
    for line in lines:
        scores = {}
        for metric_key in (k for k in chosen if k in line.own.values):
            score = line.own.score(metric_key) | {"n": len(line.own.system.ids)}
            score["signature"] = _signature(line.run or runs[0], key, metric_key, line.own, bench)
            if line.name == "own":
                score["drop"] = {
                    wrong.name: wrong.against.minus(wrong.own, metric_key)
                    for wrong in lines
                    if wrong.run is line.run and wrong.beside == "own" and wrong.against
                }
                if line.run and line.own.system.ids == line.run.tasks[key].own.ids:
                    _check(line.run, key, metric_key, score["value"])
            score["difference"] = line.own.minus(line.against, metric_key) if line.against else None
            scores[metric_key] = score
        run = line.run
        rows.append(
            {
                "run": run and run.name,
                "model": run.model if run else "",
                "system": line.name,
                "against": line.beside,
                "scores": scores,
            }
        )
    patients = len(set(lines[0].own.system.patients))
    return {"key": key, "task": task, "split": split, "context": context, "n": len(ids), "patients": patients, "rows": rows}


def _signature(run: Run, key: str, metric_key: str, own: Measured, bench: Bench) -> str:
    """The run's signature of that score, for as many reports as are compared and the intervals that are given."""
    text = str(run.tasks[key].entry["scores"][metric_key]["signature"])
    drawn = (bench.resamples, bench.seed) if own.samples[metric_key] is not None else ("none", "none")
    return re.sub(r"\|n:[^|]+\|bs:[^|]+\|seed:[^|]+", f"|n:{len(own.system.ids)}|bs:{drawn[0]}|seed:{drawn[1]}", text)


def _check(run: Run, key: str, metric_key: str, value: float | None) -> None:
    """Refuse a run whose statistics do not give the scores it says."""
    said = run.tasks[key].entry["scores"][metric_key]["value"]
    if (said is None) != (value is None) or (said is not None and value is not None and abs(said - value) > CLOSE):
        raise Refused("scores_outdated", f"{run.name}, {key}", f"{metric_key} is {said}, its statistics give {value}")


def _tested(tables: Sequence[Row]) -> list[Row]:
    """The differences that are tested: of every run and floor to the baseline, where there is a difference to speak of."""
    return [
        score["difference"]
        for table in tables
        for row in table["rows"]
        if row["against"] not in (None, "own")
        for score in row["scores"].values()
        if score["difference"]["value"] is not None
    ]


def _test(tables: Sequence[Row], lines: Sequence[Sequence[Line]], bench: Bench) -> int:
    """Write p, corrected p and the best run into the tables; how many permutations each test had."""
    permutations = max(PERMUTATIONS, PER_TEST * len(_tested(tables)))
    for table, found in zip(tables, lines, strict=True):
        for row, line in zip(table["rows"], found, strict=True):
            if line.against and line.beside != "own":
                pair = line.own.system, line.against.system
                p = p_by_key(*pair, bench.families, permutations=permutations, seed=bench.seed)
                for key, score in row["scores"].items():
                    score["difference"]["p"] = p[key]
    tested = _tested(tables)
    for difference, corrected in zip(tested, holm([d["p"] for d in tested]), strict=True):
        difference["p_holm"] = corrected
    for table in tables:
        _best(table)
    return permutations


def _best(table: Row) -> None:
    """Mark the best run of each score, but only where it differs from the baseline (or, if it is that, all others from it)."""
    rows = [row for row in table["rows"] if row["system"] == "own"]
    keys = {key for row in rows for key, score in row["scores"].items() if score["value"] is not None}
    for key in keys:
        having = [row for row in rows if row["scores"].get(key, {}).get("value") is not None]
        best = max(having, key=lambda row: row["scores"][key]["value"])
        judged = [best] if best["against"] else [row for row in having if row is not best]
        sure = [differs(row["scores"][key]) for row in judged]
        best["scores"][key]["best"] = bool(sure) and all(sure)
