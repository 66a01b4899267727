"""What the page says of each task of scores.json: verdict, families of scores, mistakes, labels, known words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docphim.page import verdict, words
from docphim.page.coloured import ALONE, MISTAKES, abnormal
from docphim.page.families import Family, disagreement, families
from docphim.page.inputs import Inputs, erring
from docphim.page.verdict import Verdict
from docphim.page.words import Both
from docphim.scores import FLOORS, Coverage, LabelRow, Score, Table, TaskKey, TaskScores

Row = dict[str, Any]
#: Mistakes that the page names even where there are none.
LOOKED_FOR = ("side", "polarity", "missing", "hallucinated")
#: So many unknown words are named.
UNKNOWN = 20


@dataclass(frozen=True)
class Column:
    """A system beside the model's own scores: a wrong film, a floor or the ceiling, and the own film's lead over it."""

    name: str
    group: str
    scores: Table
    lead: Table


@dataclass(frozen=True)
class Errors:
    """Errors of one kind in what is urgent or actionable: how many, and the studies that have them, most of them first."""

    kind: str
    n: int
    studies: list[str]


@dataclass(frozen=True)
class TaskView:
    """What the page says of one task."""

    key: TaskKey
    name: Both
    task: TaskScores
    metrics: list[str]
    families: list[Family]
    verdict: Verdict
    disagreement: Both | None
    floor: str | None
    lost: Score | None
    systems: list[Column]
    signatures: list[tuple[str, list[str]]]
    rate: dict[str, float] | None
    errors: list[Errors] | None
    mistakes: list[tuple[Both, float, str]]
    labels: dict[str, list[tuple[str, LabelRow]]]
    coverage: dict[str, Row]

    @property
    def n(self) -> int:
        """How many reports were scored."""
        return self.task.n


def tasks(read: Inputs) -> list[TaskView]:
    """The tasks in the order of scores.json, those without scores left out."""
    return [_task(read, key, task) for key, task in read.scores.items() if verdict.metrics_of(task)]


def _task(read: Inputs, key: TaskKey, task: TaskScores) -> TaskView:
    metrics, blocks = verdict.metrics_of(task), families(task, blind=read.blind)
    rows = [row for (of, _), row in read.errors.items() if of == str(key)]
    return TaskView(
        key=key,
        name=words.task(key.task, key.context),
        task=task,
        metrics=metrics,
        families=blocks,
        verdict=verdict.judge(task, blind=read.blind),
        disagreement=disagreement(blocks),
        floor=verdict.highest_floor(task, metrics[0]),
        lost=verdict.margin(task, "other", metrics[0]),
        systems=systems(task),
        signatures=signatures(task, metrics),
        rate=_rate(task),
        errors=None if task.errors is None else acted_on(task.errors, rows),
        mistakes=mistakes(task, rows),
        labels={s: by_support(rows) for s, rows in (task.per_label or {}).items()},
        coverage={which: known(row) for which, row in (task.coverage_words or {}).items()},
    )


def _rate(task: TaskScores) -> dict[str, float] | None:
    """Strict precision and recall of the facts, where they were read."""
    scores = {part: task.scores.get(f"fact_{part}") for part in ("precision", "recall")}
    values = {part: score.value for part, score in scores.items() if score and score.value is not None}
    return values if len(values) == len(scores) else None


def acted_on(counts: Mapping[str, int], rows: Sequence[Row]) -> list[Errors]:
    """The kinds of errors that occur, the most frequent first, each with its studies by `rows` of errors.jsonl."""
    having = erring(rows)
    kinds = [Errors(kind, counts[kind], having.get(kind, [])) for kind in sorted(counts, key=lambda kind: -counts[kind])]
    return [errors for errors in kinds if errors.n]


def mistakes(task: TaskScores, rows: Sequence[Row] = ()) -> list[tuple[Both, float, str]]:
    """Bars of what differs by kind, the most frequent first; of kinds that do not occur, those that are looked for.

    Where `rows` (of errors.jsonl) say what is missing or extra, what is abnormal stands apart from what is normal or absent:
    that only one text says a normal thing need not be a mistake, and so it comes last.
    """
    counts = task.fact_errors or {}
    kinds = [kind for kind in MISTAKES if counts.get(kind) or (kind in LOOKED_FOR and kind in counts)]
    known = [kind for kind in ALONE if kind in kinds and sum(len(row[kind]) for row in rows) == counts[kind]]
    grave = {kind: _abnormal(rows, kind) for kind in known}
    named = {kind: f"bar_{kind}_abnormal" if kind in grave else f"bar_{kind}" for kind in kinds}
    first = sorted(kinds, key=lambda kind: -grave.get(kind, counts[kind]))
    bars: list[tuple[Both, float, str]] = [
        (words.text(named[kind]), grave.get(kind, counts[kind]), f"mistake {kind}") for kind in first
    ]
    rest = [(kind, counts[kind] - n) for kind, n in grave.items() if counts[kind] > n]
    bars += [(words.text(f"bar_{kind}_normal"), n, f"mistake {kind} light") for kind, n in rest]
    return bars


def _abnormal(rows: Sequence[Row], kind: str) -> int:
    """How many missing or extra facts say that something is there or abnormal."""
    side = "reference" if kind == "missing" else "prediction"
    return sum(abnormal(row[side][i]) for row in rows for i in row[kind])


def signatures(task: TaskScores, metrics: list[str]) -> list[tuple[str, list[str]]]:
    """Signatures, each once for the metrics that share it but for their own key, which it writes as `KEY`."""
    shared: dict[str, list[str]] = {}
    for metric in metrics:
        program, bar, fields = (task.scores[metric].signature or "–").partition("|")
        shared.setdefault(f"{program.partition(':')[0]}:KEY|{fields}" if bar else program, []).append(metric)
    return list(shared.items())


def by_support(rows: dict[str, LabelRow]) -> list[tuple[str, LabelRow]]:
    """Labels from the most frequent in the references to the rarest."""
    return sorted(rows.items(), key=lambda item: (-item[1].support, item[0]))


def known(row: Coverage) -> Row:
    """Share of words that the lexicon knows, in percent, and the most frequent ones it does not."""
    often = sorted(row.unknown, key=lambda pair: -pair[1])[:UNKNOWN]
    named = ", ".join(f"{word} ({count})" for word, count in often)
    return {"share": 100.0 * row.known / row.words if row.words else None, "unknown": named}


def systems(task: TaskScores) -> list[Column]:
    """Columns of the tables beside the model's own score: wrong films, floors, ceiling, each with its lead if it has one."""
    columns = []
    for name in verdict.names(task.reliance, verdict.SHOWN):
        drops = {metric: score.drop for metric, score in task.reliance[name].items() if score.drop}
        columns.append(Column(name, "reliance", task.reliance[name], drops))
    floors = verdict.names(task.floors, FLOORS)
    columns += [Column(name, "floors", task.floors[name], task.lead.get(name, {})) for name in floors]
    if task.ceiling:
        columns.append(Column("ceiling", "ceiling", task.ceiling, {}))
    return [column for column in columns if column.scores]
