"""scores.json and scores.parquet: for each task its scores, floors, leads, reliance on the image, gain and ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docphim.evaluate.answers import Answers, answer_section, read_answers, read_examples
from docphim.evaluate.findings import by_finding
from docphim.evaluate.floors import Floors, Thumbs
from docphim.evaluate.score import name
from docphim.files import atomic, read_jsonl, write_json
from docphim.metrics.intervals import rounded
from docphim.metrics.measure import Measured, lead, mean_table, measure, table
from docphim.metrics.pairs import Pairs
from docphim.study import Example, Row, Study, from_row

WRONG = ("noise", "blank", "other")


@dataclass(frozen=True)
class Bench:
    """What every measurement of a run shares."""

    language: str
    resamples: int
    seed: int

    def measure(self, references: Sequence[str], predictions: Sequence[str], patients: Sequence[str]) -> Measured:
        """Score predictions; systems measured on the same patients are paired."""
        pairs = Pairs(references, predictions, self.language)
        return measure(pairs, patients, resamples=self.resamples, seed=self.seed)


def write_tables(dataset: Path, run: Path, *, language: str, resamples: int, seed: int) -> Row:
    """Evaluate a run; `docphim.evaluate.evaluate` documents the arguments."""
    bench = Bench(language, resamples, seed)
    train = read_examples(dataset, "train")
    answers = read_answers(run / "predictions.jsonl", [*train, *read_examples(dataset, "val"), *read_examples(dataset, "test")])
    studies = {s.id: s for s in (from_row(Study, row) for row in read_jsonl(dataset / "studies.jsonl"))}
    nats, thumbs = _read_nats(run / "likelihoods.jsonl"), Thumbs.read(dataset)
    by_task, lines = {}, []
    for task in answers:
        same = [e for e in train if e.task == task.task]
        floors = Floors(same, task.turn, studies, thumbs, language, seed)
        by_task[task.key], measured = _task(task, floors, studies, nats, bench)
        lines += [line for image, system in measured.items() for line in _lines(task, image, system)]
    scores = {"by_task": by_task}
    _write_parquet(run / "scores.parquet", lines)
    write_json(run / "scores.json", scores)
    return scores


def _task(
    task: Answers, floors: Floors, studies: Mapping[str, Study], nats: Mapping[Any, float], bench: Bench
) -> tuple[Row, dict[str, Measured]]:
    """One entry of scores.json, and each image's measurement for scores.parquet."""
    examples, own = list(task.examples.values()), list(task.own.values())
    references, patients = [p.reference for p in own], [p.patient for p in own]
    system = bench.measure(references, [p.prediction for p in own], patients)
    blind = {name: bench.measure(references, texts, patients) for name, texts in floors.texts(examples).items()}
    reliance, measured = _reliance(task, system, bench)
    row: Row = {
        "scores": table(system),
        "floors": {floor: table(m) for floor, m in blind.items()},
        "lead": {floor: lead(system, m) for floor, m in blind.items()},
        "reliance": reliance,
        "image_gain": _image_gain(task, nats, bench),
        "counts": task.counts(),
        "named": name(task.faults),
    }
    row |= _on_phantoms(task, examples, studies, bench)
    return row, {"own": system, **measured}


def _reliance(task: Answers, own: Measured, bench: Bench) -> tuple[Row, dict[str, Measured]]:
    """The same model's scores on wrong images; `drop` is what it loses against its own image on the same studies."""
    rows, measured = {}, {}
    for image in WRONG:
        said = task.by_image.get(image, {})
        both = [i for i in task.own if i in said]
        if not both:
            continue
        references, patients = [task.own[i].reference for i in both], [task.own[i].patient for i in both]
        wrong = measured[image] = bench.measure(references, [said[i].prediction for i in both], patients)
        same = (
            own if len(both) == len(task.own) else bench.measure(references, [task.own[i].prediction for i in both], patients)
        )
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


def _on_phantoms(task: Answers, examples: Sequence[Example], studies: Mapping[str, Study], bench: Bench) -> Row:
    """Ceiling and findings, where the studies' truth is known."""
    known = [(e, truth) for e in examples if (study := studies.get(e.study)) and (truth := study.truth)]
    if not known:
        return {}
    row: Row = {}
    reworded = [(e, t["reworded"][answer_section(e, task.turn)]) for e, t in known if t.get("reworded")]
    if reworded:
        references = [task.own[e.id].reference for e, _ in reworded]
        row["ceiling"] = table(bench.measure(references, [text for _, text in reworded], [e.patient for e, _ in reworded]))
    labelled = [(e, t["labels"]) for e, t in known if t.get("labels")]
    if labelled:
        row["by_finding"] = _findings(task, labelled, bench)
    return row


def _findings(task: Answers, labelled: Sequence[tuple[Example, Mapping[str, int]]], bench: Bench) -> Row:
    """Rates by finding and image; what the study's own film shows is the truth, whichever film was shown."""
    found: Row = {}
    for image in ("own", "other"):
        said = task.by_image.get(image, {})
        cases = [(said[e.id].prediction, truth, e.patient) for e, truth in labelled if e.id in said]
        for finding, rates in by_finding(cases, bench.language, resamples=bench.resamples, seed=bench.seed).items():
            found.setdefault(finding, {})[image] = rates
    return {finding: images for finding, images in found.items() if "own" in images}


def _lines(task: Answers, image: str, system: Measured) -> list[Row]:
    """The per-study values of one image, one row per study and metric."""
    shown = [p for i, p in task.by_image[image].items() if i in task.own]
    return [
        {"task": task.key, "id": p.id, "study": p.study, "patient": p.patient, "image": image, "metric": m, "value": rounded(v)}
        for m, values in system.studies.items()
        for p, v in zip(shown, values, strict=True)
    ]


def _write_parquet(path: Path, lines: list[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = ("task", "id", "study", "patient", "image", "metric")
    schema = pa.schema([*((column, pa.string()) for column in text), ("value", pa.float64())])
    with atomic(path, "wb") as handle:
        pq.write_table(pa.Table.from_pylist(lines, schema=schema), handle)
