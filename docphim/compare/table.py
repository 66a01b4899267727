"""Runs side by side as one table of numbers, each with interval, floor, reliance and significance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docphim.compare.row import LEVEL, differs, tested
from docphim.compare.runs import Bench, Run, bench_of, choose, common_ids, floors_of, read_runs, same_signatures
from docphim.compare.systems import Measured, p_by_key
from docphim.errors import Refused, UsageError
from docphim.metrics.catalogue import less_is_better
from docphim.metrics.significance import holm
from docphim.scores import WRONG, TaskKey
from docphim.study import SPLITS, Row

PERMUTATIONS = 10_000
#: At least so many permutations a test: the smallest p of m tests is then 0.005 after Holm's correction, however many they are.
PER_TEST = 200
#: How far a score may lie from what scores.json says before one of the two is wrong.
CLOSE = 1e-6


@dataclass(frozen=True)
class Line:
    """One system of a table, and what it is set against: the run `beside` on its own images."""

    run: Run | None
    name: str
    system: Measured
    against: Measured | None = None
    beside: str | None = None


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
        The runs cannot be compared: see `docphim.compare.runs`.
    """
    runs = read_runs(named)
    ahead = next((run for run in runs if baseline in (None, run.name, str(run.folder))), None)
    if ahead is None:
        raise UsageError(f"--baseline {baseline}: must be one of {', '.join(run.name for run in runs)}")
    chosen = choose(runs, metrics)
    bench = bench_of(runs, chosen)
    tables, lines, left_out = [], [], {}
    for key in sorted({key for run in runs for key in run.tasks}, key=_task_order):
        sharing = [run for run in runs if key in run.tasks]
        ids, missing = common_ids(key, sharing, allow_missing=allow_missing)
        same_signatures(key, sharing, chosen)
        systems = _lines(key, sharing, ids, bench, ahead)
        tables.append(_table(key, sharing, ids, chosen, systems, bench))
        lines.append(systems)
        if missing:
            left_out[str(key)] = missing
    permutations = _test(tables, lines, bench)
    return {
        "runs": [{"name": run.name, "model": run.model, "tasks": [str(key) for key in run.tasks]} for run in runs],
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


def _task_order(key: TaskKey) -> tuple[str, str, int]:
    return key.task, key.context, SPLITS.index(key.split)


def _lines(key: TaskKey, runs: Sequence[Run], ids: list[str], bench: Bench, ahead: Run) -> list[Line]:
    """Every run on its own and on wrong images, then floors and ceiling, each with what it is set against."""
    mains = {run.name: bench.measure(run.tasks[key].main.only(ids)) for run in runs}
    base, lines = mains.get(ahead.name), []
    for run in runs:
        main, systems = mains[run.name], run.tasks[key].systems
        lines.append(Line(run, "own", main) if run is ahead or not base else Line(run, "own", main, base, ahead.name))
        for image in (image for image in WRONG if image in systems):
            wrong = bench.measure(systems[image].only(ids))
            same = main if wrong.system.ids == main.system.ids else bench.measure(run.tasks[key].main.only(wrong.system.ids))
            lines.append(Line(run, image, wrong, same, run.name))
    for whose, name, system in floors_of(key, runs, ids):
        paired = base is not None and system.ids == base.system.ids and name.startswith("floor:")
        lines.append(Line(whose, name, bench.measure(system), base if paired else None, ahead.name if paired else None))
    return lines


def _table(key: TaskKey, runs: Sequence[Run], ids: list[str], chosen: list[str], lines: Sequence[Line], bench: Bench) -> Row:
    """One task and split: a row a line, with value, interval, difference and, on the own image, the drops on wrong ones."""
    rows = []
    for line in lines:
        keys = [k for k in chosen if k in line.system.values]
        run = line.run
        rows.append(
            {
                "run": run and run.name,
                "model": run.model if run else "",
                "system": line.name,
                "against": line.beside,
                "declined": run.tasks[key].entry.declined if run and line.name == "own" else None,
                "scores": {k: _score(key, k, line, lines, runs[0], bench) for k in keys},
            }
        )
    return {
        "key": str(key),
        "task": key.task,
        "split": key.split,
        "context": key.context,
        "n": len(ids),
        "patients": len(set(lines[0].system.system.patients)),
        "rows": rows,
    }


def _score(key: TaskKey, metric_key: str, line: Line, lines: Sequence[Line], first: Run, bench: Bench) -> Row:
    """One score of a line, with its difference to what the line is set against."""
    score = line.system.score(metric_key) | {"n": len(line.system.system.ids)}
    score["signature"] = _signature(line.run or first, key, metric_key, line.system, bench)
    if line.name == "own" and line.run:
        score["drop"] = {
            wrong.name: wrong.against.minus(wrong.system, metric_key)
            for wrong in lines
            if wrong.run is line.run and wrong.name in WRONG and wrong.against
        }
        if line.system.system.ids == line.run.tasks[key].main.ids:
            _check(line.run, key, metric_key, score["value"])
    score["difference"] = line.system.minus(line.against, metric_key) if line.against else None
    return score


def _signature(run: Run, key: TaskKey, metric_key: str, system: Measured, bench: Bench) -> str:
    """The run's signature of that score, for as many reports as are compared and the intervals that are given."""
    text = str(run.tasks[key].entry.scores[metric_key].signature)
    drawn = (bench.resamples, bench.seed) if system.samples[metric_key] is not None else ("none", "none")
    return re.sub(r"\|n:[^|]+\|bs:[^|]+\|seed:[^|]+", f"|n:{len(system.system.ids)}|bs:{drawn[0]}|seed:{drawn[1]}", text)


def _check(run: Run, key: TaskKey, metric_key: str, value: float | None) -> None:
    """Refuse a run whose statistics do not give the scores it says."""
    written = run.tasks[key].entry.scores[metric_key].value
    if (written is None) != (value is None) or (written is not None and value is not None and abs(written - value) > CLOSE):
        raise Refused("scores_outdated", f"{run.name}, {key}", f"{metric_key} is {written}, its statistics give {value}")


def _tested(tables: Sequence[Row]) -> list[Row]:
    """The differences that are tested: of every run and floor to the baseline, where there is a difference to speak of."""
    return [
        score["difference"]
        for table in tables
        for row in table["rows"]
        if tested(row)
        for score in row["scores"].values()
        if score["difference"]["value"] is not None
    ]


def _test(tables: Sequence[Row], lines: Sequence[Sequence[Line]], bench: Bench) -> int:
    """Write p, corrected p and the best run into the tables; how many permutations each test had."""
    permutations = max(PERMUTATIONS, PER_TEST * len(_tested(tables)))
    for table, systems in zip(tables, lines, strict=True):
        for row, line in zip(table["rows"], systems, strict=True):
            if tested(row) and line.against:
                pair = line.system.system, line.against.system
                p = p_by_key(*pair, bench.families, permutations=permutations, seed=bench.seed)
                for key, score in row["scores"].items():
                    score["difference"]["p"] = p[key]
    differences = _tested(tables)
    for difference, corrected in zip(differences, holm([d["p"] for d in differences]), strict=True):
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
        sign = -1 if less_is_better(key) else 1
        best = max(having, key=lambda row: sign * row["scores"][key]["value"])
        judged = [best] if best["against"] else [row for row in having if row is not best]
        sure = [differs(row["scores"][key]) for row in judged]
        best["scores"][key]["best"] = bool(sure) and all(sure)
