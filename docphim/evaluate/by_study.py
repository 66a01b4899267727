"""What is kept of each study: scores.parquet to look at, statistics.parquet for comparisons, errors.jsonl with the facts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docphim.evaluate.drafts import Drafts
from docphim.files import atomic, dumps
from docphim.language.fact import Fact
from docphim.metrics.intervals import finite
from docphim.metrics.matching import Matching
from docphim.metrics.measure import Measured
from docphim.metrics.pairs import Pairs
from docphim.scores import Keys
from docphim.study import Prediction, Row


@dataclass(frozen=True)
class System:
    """A measured system on one task: `own`, a wrong image, `floor:NAME` or `ceiling`, and the drafts it stands beside."""

    name: str
    measured: Measured
    drafts: Sequence[Prediction]


def write_by_study(path: Path, measured: Iterable[tuple[Drafts, System]]) -> None:
    """One row per task, study, image and metric: how each single report scored."""
    import pyarrow as pa

    rows = [
        {
            "task": str(task.key),
            "id": p.id,
            "study": p.study,
            "patient": p.patient,
            "image": system.name,
            "metric": m,
            "value": finite(value),
        }
        for task, system in measured
        if system.name in task.by_image
        for m, values in system.measured.studies.items()
        for p, value in zip(system.drafts, values, strict=True)
    ]
    text = ("task", "id", "study", "patient", "image", "metric")
    _write(path, rows, pa.schema([*((column, pa.string()) for column in text), ("value", pa.float64())]))


def write_statistics(path: Path, measured: Iterable[tuple[Drafts, System]]) -> None:
    """One row per task, system and report, with a list of numbers per metric family: what it adds to each score.

    `metric(family).aggregate` of their sum gives the scores again, for any part of the reports.
    """
    import pyarrow as pa

    rows, families = [], dict.fromkeys([""])
    for task, system in measured:
        parts = system.measured.statistics
        families |= dict.fromkeys(parts)
        for i, p in enumerate(system.drafts):
            row = {"task": str(task.key), "id": p.id, "study": p.study, "patient": p.patient, "system": system.name}
            rows.append(row | {family: values[i] for family, values in parts.items()})
    text = ("task", "id", "study", "patient", "system")
    lists = [(family, pa.list_(pa.float64())) for family in families if family]
    _write(path, rows, pa.schema([*((column, pa.string()) for column in text), *lists]))


def error_rows(
    drafts: Drafts, pairs: Pairs, matchings: Sequence[Matching], scored: Sequence[tuple[float, Row]]
) -> Iterator[Row]:
    """The facts of each study's reference and draft, how they answer to one another, its score and its errors by kind."""
    rows = zip(drafts.main.values(), *pairs.facts, matchings, scored, strict=True)
    for p, reference, prediction, matching, (value, errors) in rows:
        yield {
            "task": str(drafts.key),
            "id": p.id,
            "study": p.study,
            "patient": p.patient,
            "score": finite(value),
            "errors": errors,
            "right": matching.right,
            "wrong": matching.wrong,
            "missing": matching.missing,
            "hallucinated": matching.hallucinated,
            "reference": [fact_row(fact) for fact in reference],
            "prediction": [fact_row(fact) for fact in prediction],
        }


def fact_row(fact: Fact) -> Row:
    """A fact as JSON, with its place in `clean(text)`."""
    row = fact.row()
    start, end = row.pop("start"), row.pop("end")
    return row | {"start": start, "end": end}


def keys(drafts: Drafts) -> Keys:
    """Fingerprints by which two runs can tell that they were tested on the same reports of the same patients."""
    rows = list(drafts.main.values())
    return Keys(_fingerprint((p.id, p.reference) for p in rows), _fingerprint((p.id, p.patient) for p in rows))


def _fingerprint(rows: Iterable[tuple[str, str]]) -> str:
    return hashlib.sha256(dumps(sorted(rows)).encode()).hexdigest()


def _write(path: Path, rows: list[Row], schema: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic(path, "wb") as handle:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), handle, compression="zstd")
