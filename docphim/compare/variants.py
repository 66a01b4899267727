"""Variants of one recipe over their seeds: means and ranges, intervals over patients, and what each loss does."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from docphim.compare.runs import Bench, Run, bench_of, choose, common_ids, floors_of, read_runs, same_signatures
from docphim.compare.systems import Measured
from docphim.compare.variants_parts import groups, lesions
from docphim.errors import UsageError
from docphim.files import atomic, write_json
from docphim.metrics import label_sets
from docphim.metrics.bleu import LENGTHS
from docphim.metrics.catalogue import heads
from docphim.metrics.intervals import finite, interval, patient_index, resampled_sums
from docphim.metrics.pairs import Floats
from docphim.package_data import packaged
from docphim.scores import TaskKey
from docphim.study import SPLITS, Row

log = logging.getLogger("docphim")
#: The scores of a table, in its order; SET is the label set that suits the images.  No accuracy without all-negative's.
SCORES = ("bleu1", "bleu4", "rouge1", "rouge2", "rougeL", "SET/coverage", "SET/macro_recall", "SET/coverage_study",
          "SET/accuracy", "SET/accuracy_all_negative", "SET/macro_f1", "SET/crg",
          "clinical_f1", "fact_precision", "fact_recall", "fact_f1")  # fmt: skip
#: What is no score: tokens a draft, image gain in nats, and what the leading score (the clinical one, where there are facts)
#: loses on noise and on another's image.
BESIDE = ("words", "image_gain", "drop/noise", "drop/other")


@dataclass(frozen=True)
class Variant:
    """A variant's evaluated runs by seed, and the variant whose runs they are where it is no other."""

    name: str
    folders: dict[int | None, Path]
    same_as: str | None = None


class Number(NamedTuple):
    """A value and the same on bootstrap samples of patients; NaN and None where there is none."""

    value: float
    samples: Floats | None

    def minus(self, other: Number) -> Number:
        """The difference, paired by patient: both were drawn with the same seed from the same patients."""
        none = self.samples is None or other.samples is None
        return Number(self.value - other.value, None if none else self.samples - other.samples)  # type: ignore[operator]

    def row(self) -> Row:
        """Value and interval."""
        low, high = interval(self.samples)
        return {"value": finite(self.value), "low": low, "high": high}


def mean(numbers: Sequence[Number]) -> Number:
    """The mean over seeds, on each sample of patients too: an interval over patients for these trainings."""
    samples = [number.samples for number in numbers if number.samples is not None]
    whole = len(samples) == len(numbers)
    return Number(float(np.mean([n.value for n in numbers])), np.mean(samples, axis=0) if whole else None)


def compare_variants(variants: Sequence[Variant], tables: Sequence[Row]) -> Row:
    """Compare the variants of a recipe, each task on those that answered it; the others are set against the first of them.

    A table is shown on each task that rows of it answered, with those rows.  Where its rows share no task, their answers that
    have the same references are set side by side instead, paired by study (`docphim.compare.stages`).

    Parameters
    ----------
    tables : sequence of dict
        `name`, `rows` (names of variants), `published` (a name of published.yaml, or None).

    Returns
    -------
    dict
        `columns`, `tables`, `tasks`: each with `key`, `baseline`, `n`, `patients`, `tables` (as they are shown there), `rows`
        (by name: `variant`, `task`, `seeds`, `same_as`, and `scores` with value, low, high, the range over seeds and the
        paired difference to the baseline), `floors`, `verdicts`.

    Raises
    ------
    UsageError
        A table names numbers that are not published here.
    Refused
        The runs cannot be compared: see `docphim.compare.runs`.
    """
    whole = [{**table, "published": published(table)} for table in tables]
    runs = read_runs(list(dict.fromkeys(folder for variant in variants for folder in variant.folders.values())))
    by_folder = {run.folder: run for run in runs}
    of_variant = {v.name: {seed: by_folder[folder] for seed, folder in v.folders.items()} for v in variants}
    scores = _scores(runs)
    bench = bench_of(runs, scores)
    answered = {v.name: set.intersection(*(set(run.tasks) for run in of_variant[v.name].values())) for v in variants}
    keys = sorted(set.union(*answered.values()), key=lambda k: (k.task, k.context, SPLITS.index(k.split)))
    apart = [table for table in whole if not set.intersection(*(answered[name] for name in table["rows"]))]
    together = [table for table in whole if table not in apart]
    tasks = []
    for key in keys:
        having = [v for v in variants if key in answered[v.name]]
        shown = [{**table, "rows": [name for name in table["rows"] if key in answered[name]]} for table in together]
        tasks.append(_task(key, having, of_variant, scores, bench) | {"tables": [table for table in shown if table["rows"]]})
    for table in apart:
        tasks += _by_study(table, variants, of_variant, scores, bench)
    return {"columns": [*scores, *BESIDE], "tables": whole, "tasks": tasks, "resamples": bench.resamples, "seed": bench.seed}


def _by_study(
    table: Row,
    variants: Sequence[Variant],
    of_variant: Mapping[str, Mapping[int | None, Run]],
    scores: list[str],
    bench: Bench,
) -> list[Row]:
    """A table whose rows share no task, once for each text of the studies that several of them are judged against."""
    from docphim.compare.stages import as_one_task, sides

    groups = sides([v for name in table["rows"] for v in variants if v.name == name], of_variant)
    if not groups:
        log.warning("tables: the rows of %r share no task and no references; it is left out", table["name"])
    tasks = []
    for group in groups:
        views, runs, key = as_one_task(group)
        task = _task(key, views, runs, scores, bench)
        for side in group:
            task["rows"][side.name] |= {"variant": side.variant.name, "task": str(side.key)}
        keys = " = ".join(dict.fromkeys(str(side.key) for side in group))
        tasks.append(task | {"key": keys, "tables": [{**table, "rows": [side.name for side in group]}]})
    return tasks


def published(table: Row) -> Row | None:
    """The paper's numbers that a table names."""
    name = table["published"]
    known = packaged(Path(__file__).with_name("published.yaml"))
    if name is not None and name not in known:
        raise UsageError(f"tables: published {name!r} is not one of {', '.join(known)}")
    return None if name is None else {"name": name, **known[name]}


def _scores(runs: Sequence[Run]) -> list[str]:
    """The keys of `SCORES` that the runs have, of the first label set there is."""
    present = choose(runs, ["all"])
    sets = [name for name in label_sets() if f"{name}/coverage" in present]
    return [key for key in (key.replace("SET", sets[0] if sets else "") for key in SCORES) if key in present]


def _task(
    key: TaskKey,
    variants: Sequence[Variant],
    of_variant: Mapping[str, Mapping[int | None, Run]],
    scores: list[str],
    bench: Bench,
) -> Row:
    """Variants on one task and split."""
    of_variant = {v.name: of_variant[v.name] for v in variants}
    runs = list({run.name: run for by_seed in of_variant.values() for run in by_seed.values()}.values())
    ids, _ = common_ids(key, runs, allow_missing=False)
    same_signatures(key, runs, scores)
    measured = {run.name: _numbers(run, key, ids, scores, bench) for run in runs}
    numbers = {name: {seed: measured[run.name] for seed, run in by_seed.items()} for name, by_seed in of_variant.items()}
    base = numbers[variants[0].name]
    entries = {name: [run.tasks[key].entry for run in by_seed.values()] for name, by_seed in of_variant.items()}
    rows = {v.name: _row(v, numbers[v.name], base if v is not variants[0] else None) for v in variants}
    for name, row in rows.items():
        row |= {"variant": name, "task": str(key), "lesions": lesions(entries[name]), "groups": groups(entries[name])}
    floors = [(run, name, bench.measure(system)) for run, name, system in floors_of(key, runs, ids)]
    return {
        "key": str(key),
        "baseline": variants[0].name,
        "n": len(ids),
        "patients": len(set(runs[0].tasks[key].main.patients)),
        "rows": rows,
        "floors": [
            {
                "system": name,
                "run": run and run.name,
                "scores": {k: v.row() for k, v in _of_text(system, scores, bench).items()},
            }
            for run, name, system in floors
        ],
        "verdicts": {v.name: verdicts(rows[v.name], rows[variants[0].name]) for v in variants if v.same_as is None},
        "signatures": {k: v.signature for k, v in runs[0].tasks[key].entry.scores.items() if k in scores},
    }


def _row(
    variant: Variant, seeds: Mapping[int | None, Mapping[str, Number]], base: Mapping[int | None, Mapping[str, Number]] | None
) -> Row:
    """One variant: the mean over its seeds, their range, and the difference to the baseline over the seeds that both have."""
    row: Row = {"seeds": list(seeds), "same_as": variant.same_as, "scores": {}}
    for key in next(iter(seeds.values())):
        of_seeds = [numbers[key] for numbers in seeds.values()]
        values = [number.value for number in of_seeds]
        paired = [numbers[key].minus(base[seed][key]) for seed, numbers in seeds.items() if base and seed in base]
        # What all-negative gets is the references' alone.
        differs = paired and not key.endswith("accuracy_all_negative")
        row["scores"][key] = {
            **mean(of_seeds).row(),
            "lowest": finite(min(values)),
            "highest": finite(max(values)),
            "difference": mean(paired).row() if differs else None,
        }
    return row


def _numbers(run: Run, key: TaskKey, ids: list[str], scores: Sequence[str], bench: Bench) -> dict[str, Number]:
    """Every column of one run."""
    systems = run.tasks[key].systems
    main = bench.measure(systems["own"].only(ids))
    numbers = _of_text(main, scores, bench)
    lead = heads(key for key in scores if key in main.values)[0]
    for image in ("noise", "other"):
        drop = Number(np.nan, None)
        if image in systems:
            wrong = bench.measure(systems[image].only(ids))
            same = main if wrong.system.ids == main.system.ids else bench.measure(main.system.only(wrong.system.ids))
            drop = _of(same, [lead])[lead].minus(_of(wrong, [lead])[lead])
        numbers[f"drop/{image}"] = drop
    numbers["image_gain"] = _average(run.tasks[key].gains, main, bench)
    return {column: numbers.get(column, Number(np.nan, None)) for column in (*scores, *BESIDE)}


def _of(measured: Measured, keys: Sequence[str]) -> dict[str, Number]:
    return {key: Number(measured.values[key], measured.samples[key]) for key in keys if key in measured.values}


def _of_text(measured: Measured, scores: Sequence[str], bench: Bench) -> dict[str, Number]:
    """The columns that texts alone decide: scores, and tokens a draft."""
    system = measured.system
    lengths = system.statistics["bleu"][:, LENGTHS[0]] if "bleu" in system.statistics else np.full(len(system.ids), np.nan)
    return _of(measured, scores) | {"words": _average(dict(zip(system.ids, lengths, strict=True)), measured, bench)}


def _average(values: Mapping[str, float], main: Measured, bench: Bench) -> Number:
    """The mean of one number per report, resampled with the same draws; none where a report lacks it."""
    system = main.system
    if not values or not all(id_ in values for id_ in system.ids):
        return Number(np.nan, None)
    rows = np.stack([[values[id_] for id_ in system.ids], np.ones(len(system.ids))], axis=1)
    sums = resampled_sums(rows, patient_index(system.patients), bench.resamples, bench.seed)
    return Number(float(rows[:, 0].mean()), None if sums is None else sums[:, 0] / sums[:, 1])


def verdicts(row: Row, base: Row) -> list[str]:
    """What a variant's numbers and their differences to the baseline show, as names of sentences in variants.yaml.

    A sentence is written only where a whole interval lies on one side of 0; where the ranges over seeds meet, or nothing is
    known of them, one that says so follows.
    """
    scores = row["scores"]
    looks = {1: ["looks"], 0: ["not_looking"], -1: ["not_looking"], None: []}[sign(scores["drop/other"])]
    lead = heads(key for key, score in scores.items() if key not in BESIDE and score["value"] is not None)[0]
    if scores[lead]["low"] is None:
        return ["too_few"]
    if scores[lead]["difference"] is None:
        return looks
    of = {key: sign(scores[key]["difference"]) for key in (lead, *BESIDE)}
    better = ["helps" if of[lead] == 1 else "hurts", *_by_chance(row, base, lead)] if of[lead] else ["no_difference"]
    images = {1: ["looks_more"], -1: ["looks_less"]}.get(of["drop/other"] or 0, [])
    noise = ["only_noise"] if of["drop/noise"] == 1 and of["drop/other"] != 1 and of["image_gain"] != 1 else []
    gain = {1: ["gains_more"], -1: ["gains_less"]}.get(of["image_gain"] or 0, [])
    length = {1: ["longer"], -1: ["shorter"]}.get(of["words"] or 0, [])
    return [*better, *looks, *images, *gain, *noise, *length]


def _by_chance(row: Row, base: Row, lead: str) -> list[str]:
    """Whether trainings that differ in their seed alone come as near to each other as these two do."""
    if len(row["seeds"]) == len(base["seeds"]) == 1:
        return ["trained_once"]
    one, other = row["scores"][lead], base["scores"][lead]
    return ["like_seeds"] if one["lowest"] <= other["highest"] and other["lowest"] <= one["highest"] else []


def sign(score: Row | None) -> int | None:
    """1 where the whole interval lies above 0, -1 below, 0 where it holds 0; None where there is none."""
    if not score or score["low"] is None:
        return None
    return int(score["low"] > 0) - int(score["high"] < 0)


def write_tables(variants: Sequence[Variant], tables: Sequence[Row], folder: Path) -> Row:
    """Write index.html, tables.txt, tables.csv, tables.tex and tables.json; their content is returned."""
    from docphim.compare import variants_page, variants_text

    result = compare_variants(variants, tables)
    write_json(folder / "tables.json", result)
    for name, text in {
        "tables.txt": variants_text.terminal,
        "tables.csv": variants_text.tidy,
        "tables.tex": variants_text.latex,
        "index.html": variants_page.html,
    }.items():
        with atomic(folder / name) as handle:
            handle.write(text(result))
    return result
