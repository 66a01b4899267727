"""What the page reads: a run's and its dataset's files, each of which may be absent."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from docphim.files import read_examples, read_json, read_jsonl, read_studies
from docphim.imaging import text_counts
from docphim.imaging.unchecked import unchecked
from docphim.page.shown import pictures
from docphim.scores import TaskKey, TaskScores, read_scores
from docphim.study import SPLITS, Example, Media, Prediction, Study, from_row

Row = dict[str, Any]
#: What is taken out of reports, as ingest counts it.
PEOPLE = ("names", "numbers", "dates", "addresses", "fields")
#: Strings that name a place on somebody's disk: they may hold a person's or a hospital's name.
_PATH = re.compile(r"^[~./\\]|^[A-Za-z]:[\\/]|\\")
_FILE = re.compile(r"[/\\]|\.\w{1,8}$")


@dataclass(frozen=True)
class Inputs:
    """Everything the page shows, as the stages wrote it."""

    name: str
    recipe: Row
    scores: dict[TaskKey, TaskScores]
    studies: dict[str, Study]
    films: dict[str, list[Row]]
    examples: dict[str, Example]
    predictions: list[Prediction]
    log: list[Row]
    rejected: Counter[str]
    leaks: Row | None
    errors: dict[tuple[str, str], Row]
    stats: Row
    pictures: dict[str, dict[str, Media]] = field(default_factory=dict)  # study → what is shown of it
    drafted: int = 0  # studies without a report, on a page of their own
    notes: Row = field(default_factory=dict)  # what ingest decided and counted

    @property
    def blind(self) -> bool:
        """Whether the model was trained, and answers, without the film."""
        return bool((self.recipe.get("train") or {}).get("blind"))

    @property
    def unchecked(self) -> Row:
        """The films that were let in though their pixels do not tell whether they lie right or are negatives."""
        return unchecked(self.series)

    @property
    def series(self) -> list[Row]:
        """All rows of index.jsonl."""
        return [row for rows in self.films.values() for row in rows]

    @property
    def scans(self) -> bool:
        """Whether the dataset holds volumes and no film."""
        return only_scans(self.series)

    @property
    def people(self) -> dict[str, int] | None:
        """What was taken out of the reports, by kind; empty where nothing was to be, None where nobody is real."""
        if "deidentified" not in self.notes:
            return None
        return {kind: self.notes["counts"].get(f"people_{kind}", 0) for kind in PEOPLE if self.notes["deidentified"]}

    @property
    def doubtful(self) -> dict[str, int]:
        """How many reports seemed to hold a signature that nobody understood, and how many of them were refused for it."""
        return {"n": self.notes["counts"].get("reports_doubtful", 0), "refused": self.rejected["identity_doubtful"]}

    @property
    def synthetic(self) -> bool:
        """Whether every film the page shows is a phantom's; a model trained on phantoms may be tested on real films."""
        shown = {prediction.study for prediction in self.predictions} or set(self.studies)
        return bool(shown) and all(s in self.studies and self.studies[s].truth is not None for s in shown)

    @property
    def texts(self) -> dict[str, list[Row]]:
        """The films by what became of text burned into them; phantoms, which have none, are left out."""
        drawn = {study.id for study in self.studies.values() if study.truth is not None}
        return text_counts.by_state(self.series, drawn)


def only_scans(series: list[Row]) -> bool:
    """Whether rows of index.jsonl are of volumes alone."""
    return bool(series) and all(row.get("modality", "xray") != "xray" for row in series)


def called(series: list[Row]) -> str:
    """What the images of rows of index.jsonl are called: `scan` where all are volumes, else `film`."""
    return "scan" if only_scans(series) else "film"


def read(dataset: Path, run: Path) -> Inputs:
    """Read a run and its dataset; a file that is not there leaves its part of the page empty."""
    films: dict[str, list[Row]] = defaultdict(list)
    for row in read_jsonl(dataset / "prepared" / "index.jsonl"):
        films[row["study"]].append(row)
    studies = read_studies(dataset)
    examples = [example for split in SPLITS for example in read_examples(dataset, split)]
    recipe, scores = run / "recipe.yaml", run / "scores.json"
    leaks, stats, notes = (dataset / name for name in ("leaks.json", "stats.json", "ingest_notes.json"))
    return Inputs(
        name=run.name,
        recipe=without_paths(yaml.safe_load(recipe.read_text(encoding="utf-8")) or {}) if recipe.exists() else {},
        scores=read_scores(scores) if scores.exists() else {},
        studies={study.id: study for study in studies},
        films=dict(films),
        examples={example.id: example for example in examples},
        predictions=[from_row(Prediction, row) for row in read_jsonl(run / "predictions.jsonl")],
        log=list(read_jsonl(run / "log.jsonl")),
        rejected=Counter(row["reason"] for row in read_jsonl(dataset / "rejected.jsonl")),
        leaks=read_json(leaks) if leaks.exists() else None,
        errors={(row["task"], row["id"]): row for row in read_jsonl(run / "errors.jsonl")},
        stats=read_json(stats) if stats.exists() else {},
        pictures=pictures(examples),
        drafted=len({row["study"] for row in read_jsonl(run / "drafts.jsonl")}),
        notes=read_json(notes) if notes.exists() else {},
    )


def without_paths(value: Any, hidden: str = "…", *, source: bool = False) -> Any:
    """A recipe in which no string names a place on disk; under `source`, no file name either."""
    if isinstance(value, dict):
        return {key: without_paths(v, hidden, source=source or key == "source") for key, v in value.items()}
    if isinstance(value, list):
        return [without_paths(v, hidden, source=source) for v in value]
    if isinstance(value, str) and (_FILE if source else _PATH).search(value):
        return hidden
    return value


def split_table(inputs: Inputs) -> list[Row]:
    """Per split: studies, patients, examples, median age and share of women."""
    table = []
    for split in SPLITS:
        examples = [e for e in inputs.examples.values() if e.split == split]
        studies = [inputs.studies[i] for i in sorted({e.study for e in examples}) if i in inputs.studies]
        ages = [s.age for s in studies if s.age is not None]
        sexes = [s.sex for s in studies if s.sex]
        table.append(
            {
                "split": split,
                "studies": len({e.study for e in examples}),
                "patients": len({e.patient for e in examples}),
                "examples": len(examples),
                "age": statistics.median(ages) if ages else None,
                "female": 100 * sexes.count("F") / len(sexes) if sexes else None,
            }
        )
    return table


def left_out(inputs: Inputs) -> dict[str, Row]:
    """Sentences left out of reports, by reason: how many, in how many studies."""
    counts: dict[str, Row] = {}
    for study in inputs.studies.values():
        for reason, sentences in (study.report.left_out if study.report else {}).items():
            row = counts.setdefault(reason, {"sentences": 0, "studies": 0})
            row["sentences"] += len(sentences)
            row["studies"] += bool(sentences)
    return counts


def _gravest(row: tuple[float, float, str]) -> tuple[float, float]:
    return row[:2]  # of equal ones the first stays first


def erring(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Of rows of errors.jsonl, the studies that have each kind of error, those with most of it first, then the worst."""
    having: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for row in rows:
        for kind, count in row["errors"].items():
            having[kind] += [(-count, row["score"], row["study"])] if count else []
    return {kind: list(dict.fromkeys(row[2] for row in sorted(rows, key=_gravest))) for kind, rows in having.items()}
