"""scores.json and the files beside it: for each task its scores, floors, leads, reliance on the image, errors, gain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docphim.evaluate.answers import WRONG, Answers, answer_section, name, read_answers
from docphim.evaluate.by_study import System, error_rows, keys, write_scores, write_statistics
from docphim.evaluate.detail import behind
from docphim.evaluate.findings import by_finding
from docphim.evaluate.floors import Floors, Thumbs
from docphim.evaluate.judge import Judge
from docphim.evaluate.judge_scores import judge_section, judged_systems
from docphim.files import read_examples, read_jsonl, write_json, write_jsonl
from docphim.language.fact import Fact
from docphim.metrics import families
from docphim.metrics.measure import Measured, lead, mean_table, measure, reading, table
from docphim.metrics.pairs import Pairs
from docphim.study import Example, Prediction, Row, Study, from_row

#: The label sets of films, and of studies that hold a CT.
FILM_SETS, CT_SETS = ("vindr", "chexpert"), ("ct_rate",)


@dataclass(frozen=True)
class Bench:
    """What every measurement of a run shares; a text is read for its facts once, whichever system wrote it."""

    language: str
    resamples: int
    seed: int
    label_sets: Sequence[str]
    facts_read: dict[str, list[Fact]]
    judge: Judge | None = None
    judged: Sequence[str] = ()

    def pairs(self, references: Sequence[str], predictions: Sequence[str]) -> Pairs:
        """References and predictions that share the facts already read."""
        return Pairs(references, predictions, self.language, facts_read=self.facts_read)

    def measure(self, pairs: Pairs, answers: Sequence[Prediction]) -> Measured:
        """Score predictions; systems measured on the same patients are paired."""
        patients, names = [answer.patient for answer in answers], families(self.language, self.label_sets)
        return measure(pairs, patients, resamples=self.resamples, seed=self.seed, names=names)


def sets_of(examples: Iterable[Example]) -> tuple[str, ...]:
    """The label sets for what the examples show."""
    shown = {kind for example in examples for media in example.media for kind in media.volumes}
    return CT_SETS if "ct" in shown else FILM_SETS


def write_tables(
    dataset: Path,
    run: Path,
    *,
    language: str,
    resamples: int,
    seed: int,
    label_sets: Sequence[str] | None = None,
    judge: Judge | None = None,
    judged: Sequence[str] = (),
) -> Row:
    """Evaluate a run; `docphim.evaluate.evaluate` documents the arguments."""
    facts_read: dict[str, list[Fact]] = {}
    train = read_examples(dataset, "train")
    answers = read_answers(run / "predictions.jsonl", [*train, *read_examples(dataset, "val"), *read_examples(dataset, "test")])
    studies = {s.id: s for s in (from_row(Study, row) for row in read_jsonl(dataset / "studies.jsonl"))}
    nats, thumbs = _read_nats(run / "likelihoods.jsonl"), Thumbs.read(dataset)
    by_task: Row = {}
    errors: list[Row] = []
    measured: list[tuple[Answers, System]] = []
    for task in answers:
        sets = label_sets or sets_of(task.examples.values())
        bench = Bench(language, resamples, seed, sets, facts_read, judge, judged)
        same = [e for e in train if e.task == task.task]
        floors = Floors(same, task.turn, studies, thumbs, language, seed)
        row, systems, wrong = _task(task, floors, studies, bench)
        by_task[task.key] = row | {"image_gain": _image_gain(task, nats, bench)}
        measured += [(task, system) for system in systems]
        errors += wrong
    scores = {"by_task": by_task}
    write_scores(run / "scores.parquet", measured)
    write_statistics(run / "statistics.parquet", measured)
    write_jsonl(run / "errors.jsonl", errors)
    write_json(run / "scores.json", scores)
    return scores


def _task(task: Answers, floors: Floors, studies: Mapping[str, Study], bench: Bench) -> tuple[Row, list[System], list[Row]]:
    """One entry of scores.json, every system behind it, and its rows of errors.jsonl."""
    examples, own = list(task.examples.values()), list(task.own.values())
    references = [p.reference for p in own]
    pairs = bench.pairs(references, [p.prediction for p in own])
    system = bench.measure(pairs, own)
    texts = floors.texts(examples)
    blind = {floor: bench.measure(bench.pairs(references, said), own) for floor, said in texts.items()}
    reliance, wrong = _reliance(task, system, bench)
    leads = {floor: lead(system, m) for floor, m in blind.items()}
    drops = {key: row["drop"] for key, row in reliance.get("other", {}).items()}
    phantom, ceiling = _on_phantoms(task, examples, studies, bench)
    found, matchings = behind(pairs, system)
    row: Row = {
        "scores": table(system),
        "floors": {floor: table(m) for floor, m in blind.items()},
        "lead": leads,
        "reliance": reliance,
        "reading": reading(leads, drops),
        "counts": task.counts(),
        "named": name(task.faults),
        "keys": keys(task),
        **found,
        **phantom,
    }
    errors = list(error_rows(task, pairs, matchings)) if matchings else []
    systems = [System("own", system, own), *wrong, *(System(f"floor:{floor}", m, own) for floor, m in blind.items()), *ceiling]
    if bench.judge:
        row["judge"] = judge_section(bench.judge, judged_systems(task, texts, bench.judged), pairs, bench.resamples, bench.seed)
    return row, systems, errors


def _reliance(task: Answers, own: Measured, bench: Bench) -> tuple[Row, list[System]]:
    """The same model's scores on wrong images; `drop` is what it loses against its own image on the same studies."""
    rows, measured = {}, []
    for image in WRONG:
        said = task.by_image.get(image, {})
        both = [task.own[i] for i in task.own if i in said]
        if not both:
            continue
        references = [p.reference for p in both]
        shown = [said[p.id] for p in both]
        wrong = bench.measure(bench.pairs(references, [p.prediction for p in shown]), both)
        measured.append(System(image, wrong, shown))
        same = own
        if len(both) < len(task.own):
            same = bench.measure(bench.pairs(references, [p.prediction for p in both]), both)
        drops = lead(same, wrong)
        rows[image] = {key: score | {"drop": drops[key]} for key, score in table(wrong).items()}
    return rows, measured


def _read_nats(path: Path) -> dict[Any, float]:
    """−log p of the reference by (example, turn, context, image)."""
    return {(r["id"], r["turn"], r["context"], r["image"]): float(r["nats"]) for r in read_jsonl(path)}


def _image_gain(task: Answers, nats: Mapping[Any, float], bench: Bench) -> Row | None:
    """CE(reference | another patient's image) − CE(reference | own image), nats per report; None where it was not measured."""
    gains, patients = [], []
    for id_, prediction in task.own.items():
        own, other = (nats.get((id_, task.turn, task.context, image)) for image in ("own", "other"))
        if own is not None and other is not None:
            gains.append(other - own)
            patients.append(prediction.patient)
    return mean_table(np.array(gains), patients, resamples=bench.resamples, seed=bench.seed) if gains else None


def _on_phantoms(
    task: Answers, examples: Sequence[Example], studies: Mapping[str, Study], bench: Bench
) -> tuple[Row, list[System]]:
    """Ceiling and findings, where the studies' truth is known."""
    known = [(e, truth) for e in examples if (study := studies.get(e.study)) and (truth := study.truth)]
    row: Row = {}
    systems: list[System] = []
    reworded = [(e, t["reworded"][answer_section(e, task.turn)]) for e, t in known if t.get("reworded")]
    if reworded:
        answers = [task.own[e.id] for e, _ in reworded]
        ceiling = bench.measure(bench.pairs([p.reference for p in answers], [text for _, text in reworded]), answers)
        row["ceiling"] = table(ceiling)
        systems.append(System("ceiling", ceiling, answers))
    labelled = [(e, t["labels"]) for e, t in known if t.get("labels")]
    if labelled and "facts" in families(bench.language):
        row["by_finding"] = _findings(task, labelled, bench)
    return row, systems


def _findings(task: Answers, labelled: Sequence[tuple[Example, Mapping[str, int]]], bench: Bench) -> Row:
    """Rates by finding and image; what the study's own film shows is the truth, whichever film was shown."""
    found: Row = {}
    for image in ("own", "other"):
        said = task.by_image.get(image, {})
        cases = [(said[e.id].prediction, truth, e.patient) for e, truth in labelled if e.id in said]
        rated = by_finding(cases, bench.language, resamples=bench.resamples, seed=bench.seed, facts_read=bench.facts_read)
        for finding, rates in rated.items():
            found.setdefault(finding, {})[image] = rates
    return {finding: images for finding, images in found.items() if "own" in images}
