"""Marks that readers saved from the page: the papers' counts, and how far the facts agree with the readers.

`docphim compare RUN --marks FILE…`.  A sentence without a mark is counted as unmarked, never as correct.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from docphim.compare.runs import Run, predictions
from docphim.errors import Refused
from docphim.files import read_jsonl
from docphim.language.normalize import clean
from docphim.metrics.agreement import agreement
from docphim.metrics.intervals import interval, patient_index, resampled_sums, rounded
from docphim.scores import MARK_CATEGORIES, MarkedDraft, Marks, parse_marks
from docphim.study import Prediction, Row, to_row

#: Where a sentence stands: task, example, start and end in the clean draft.
Place = tuple[str, str, int, int]


@dataclass
class Reader:
    """One reader's marks, on the drafts of the run they were made on."""

    run: Run
    name: str
    file: str
    sentences: dict[Place, str | None] = field(default_factory=dict)
    missing: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    patients: dict[tuple[str, str], str] = field(default_factory=dict)

    def marked(self, task: str) -> dict[Place, str]:
        """The sentences of a task that have a mark, and which."""
        return {place: mark for place, mark in self.sentences.items() if mark and place[0] == task}


def read_marks(path: Path, runs: Sequence[Run]) -> Reader:
    """Read a file of marks, and make sure that it was made on one of the runs, on the drafts it has now.

    Raises
    ------
    Refused
        `file_missing`; `marks_unreadable`, saying where the form is broken; `marks_differ`, where run, references or a draft
        are not those that the reader saw.
    """
    marks = _load(path)
    run = next((run for run in runs if run.folder.resolve().name == marks.run), None)
    if run is None:
        names = ", ".join(run.name for run in runs)
        raise Refused("marks_differ", path.name, f"they were made on the run {marks.run}, not on {names}")
    tasks = {str(key): key for key in run.tasks}
    for name, references in marks.references.items():
        if name not in tasks or run.tasks[tasks[name]].entry.keys.references != references:
            raise Refused("marks_differ", path.name, f"the references of {name} are not those that the reader's page had")
    reader = Reader(run, marks.reader or path.name.removesuffix(".json").removesuffix(".marks"), path.name)
    drafts = {name: {p.id: p for p in predictions(run.folder, tasks[name])} for name in marks.references}
    for number, draft in enumerate(marks.drafts, 1):
        _add(reader, draft, drafts, f"study {number}")
    return reader


def _load(path: Path) -> Marks:
    """The file's marks, once its form is checked."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise Refused("file_missing", path.name) from None
    except (OSError, ValueError, RecursionError):
        raise Refused("marks_unreadable", path.name, "the file is not JSON in UTF-8") from None
    try:
        return parse_marks(content)
    except ValueError as error:
        raise Refused("marks_unreadable", path.name, str(error)) from None


def _add(reader: Reader, marked: MarkedDraft, drafts: Mapping[str, Mapping[str, Prediction]], where: str) -> None:
    """One study's marks, after making sure that they belong to its draft."""
    draft, key = drafts.get(marked.task, {}).get(marked.id), (marked.task, marked.id)
    if draft is None:
        raise Refused("marks_differ", reader.file, f"{where}: {reader.run.name} has no draft {marked.id} of {marked.task}")
    if hashlib.sha256(draft.prediction.encode("utf-8", "surrogatepass")).hexdigest() != marked.draft:
        raise Refused("marks_differ", reader.file, f"{where}: the draft of {marked.id} has changed since it was marked")
    if key in reader.patients:
        raise Refused("marks_unreadable", reader.file, f"{where} is marked twice: {marked.id} of {marked.task}")
    text = clean(draft.prediction)
    for sentence in marked.sentences:
        if text[sentence.start : sentence.end] != sentence.text:
            raise Refused("marks_unreadable", reader.file, f"{where}: a sentence does not stand in the draft where it says")
        reader.sentences[(*key, sentence.start, sentence.end)] = sentence.mark
    reader.missing[key] = [line for line in marked.missing if line.strip()]
    reader.patients[key] = draft.patient


def marks_table(paths: Sequence[Path], runs: Sequence[Run], *, resamples: int, seed: int) -> Row:
    """Counts of every file's marks by task, their agreement with the facts, and of every two readers with each other.

    Returns
    -------
    dict
        `readers`: by file and task `drafts`, `sentences`, `unmarked`, `counts` and `shares` (percent of the marked
        sentences, with intervals), `kinds`, `missing`, `facts` (`agreement`, or None with `why`); `between`: agreement of
        two readers on the sentences that both marked.

    Raises
    ------
    Refused
        As `read_marks`.
    """
    readers = [read_marks(path, runs) for path in paths]
    names = Counter(reader.name for reader in readers)
    for reader in readers:
        if names[reader.name] > 1:
            reader.name = f"{reader.name} ({reader.file})"
    sample = {"resamples": resamples, "seed": seed}
    counted = [
        {"run": reader.run.name, "reader": reader.name, "file": reader.file, "task": task} | _counted(reader, task, sample)
        for reader in readers
        for task in sorted({task for task, _ in reader.patients})
    ]
    between = [row for a, b in itertools.combinations(readers, 2) for row in _between(a, b, sample)]
    return {"readers": counted, "between": between}


def _counted(marks: Reader, task: str, sample: Mapping[str, int]) -> Row:
    """One reader's counts on one task."""
    marked = marks.marked(task)
    times = Counter(marked.values())
    drafts = [key for key in marks.patients if key[0] == task]
    categories = dict.fromkeys(MARK_CATEGORIES.values())
    counts = {c: sum(times[mark] for mark, of in MARK_CATEGORIES.items() if of == c) for c in categories}
    sentences = sum(place[0] == task for place in marks.sentences)
    return {
        "drafts": len(drafts),
        "sentences": sentences,
        "unmarked": sentences - len(marked),
        "counts": counts,
        "shares": _shares([MARK_CATEGORIES[mark] for mark in marked.values()], _patients(marks, marked), list(counts), sample),
        "kinds": {mark: times[mark] for mark, of in MARK_CATEGORIES.items() if of == "incorrect"},
        "missing": {
            "things": sum(len(marks.missing[k]) for k in drafts),
            "drafts": sum(bool(marks.missing[k]) for k in drafts),
        },
        **_with_facts(marks, task, marked, sample),
    }


def _patients(marks: Reader, places: Mapping[Place, Any] | Sequence[Place]) -> list[str]:
    return [marks.patients[place[:2]] for place in places]


def _shares(marks: Sequence[str], patients: Sequence[str], categories: Sequence[str], sample: Mapping[str, int]) -> Row:
    """Each category's share of the marked sentences in percent, with its interval over patients."""
    if not marks:
        return {category: {"value": None, "low": None, "high": None} for category in categories}
    one_hot = np.array([[word == category for category in categories] for word in marks], dtype=float)
    sums = resampled_sums(one_hot, patient_index(patients), sample["resamples"], sample["seed"])
    samples = None if sums is None else 100 * sums / sums.sum(axis=1, keepdims=True)
    shares = {}
    for i, category in enumerate(categories):
        low, high = interval(None if samples is None else samples[:, i])
        shares[category] = {"value": rounded(100 * one_hot[:, i].mean()), "low": low, "high": high}
    return shares


def _with_facts(marks: Reader, task: str, marked: Mapping[Place, str], sample: Mapping[str, int]) -> Row:
    """Whether the facts call the same sentences correct: the rules do where no fact that starts in it is wrong or made up."""
    errors = {row["id"]: row for row in read_jsonl(marks.run.folder / "errors.jsonl") if row["task"] == task}
    judged = [place for place in marked if place[1] in errors]
    if not judged:
        return {"facts": None, "why": "the run has no facts of these drafts (errors.jsonl)"}
    ours = [marked[place] == "correct" for place in judged]
    rules = [not _wrong_in(errors[place[1]], place[2], place[3]) for place in judged]
    return {"facts": to_row(agreement(ours, rules, _patients(marks, judged), **sample)), "why": ""}


def _wrong_in(row: Row, start: int, end: int) -> bool:
    wrong = [j for _, j, _ in row["wrong"]] + row["hallucinated"]
    return any(start <= row["prediction"][j]["start"] < end for j in wrong)


def _between(one: Reader, two: Reader, sample: Mapping[str, int]) -> list[Row]:
    """Agreement of two readers of one run on what both marked: correct or not, and in the papers' three classes."""
    if one.run is not two.run:
        return []
    rows = []
    for task in sorted({task for task, _ in one.patients} & {task for task, _ in two.patients}):
        a, b = one.marked(task), two.marked(task)
        both = [place for place in a if place in b]
        patients = _patients(one, both)
        correct = to_row(agreement([a[p] == "correct" for p in both], [b[p] == "correct" for p in both], patients, **sample))
        classes = to_row(
            agreement([MARK_CATEGORIES[a[p]] for p in both], [MARK_CATEGORIES[b[p]] for p in both], patients, **sample)
        )
        rows.append(
            {"run": one.run.name, "task": task, "readers": [one.name, two.name], "correct": correct, "classes": classes}
        )
    return rows
