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

from docphim.errors import Refused
from docphim.evaluate.compare.runs import Run, answers
from docphim.files import read_jsonl
from docphim.language.normalize import clean
from docphim.metrics.agreement import agreement
from docphim.metrics.intervals import interval, patient_index, resampled_sums, rounded
from docphim.study import Prediction, Row, from_row

FORMAT = "docphim-marks-1"
#: What a sentence may be marked as, by what the papers count it as.
CATEGORIES = {
    "correct": "correct",
    "side": "incorrect",
    "polarity": "incorrect",
    "location": "incorrect",
    "severity": "incorrect",
    "redundant": "redundant",
}

#: Where a sentence stands: task, example, start and end in the clean draft.
Place = tuple[str, str, int, int]


@dataclass
class Marks:
    """One reader's marks on one run."""

    run: Run
    reader: str
    file: str
    sentences: dict[Place, str | None] = field(default_factory=dict)
    missing: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    patients: dict[tuple[str, str], str] = field(default_factory=dict)

    def marked(self, task: str) -> dict[Place, str]:
        """The sentences of a task that have a mark, and which."""
        return {place: mark for place, mark in self.sentences.items() if mark and place[0] == task}


def read_marks(path: Path, runs: Sequence[Run]) -> Marks:
    """Read a file of marks, and make sure that it was made on one of the runs, on the drafts it has now.

    Raises
    ------
    Refused
        `file_missing`; `marks_unreadable`, saying where the form is broken; `marks_differ`, where run, references or a draft
        are not those that the reader saw.
    """
    said = _load(path)
    run = next((run for run in runs if run.folder.resolve().name == said["run"]), None)
    if run is None:
        names = ", ".join(run.name for run in runs)
        raise Refused("marks_differ", path.name, f"they were made on the run {said['run']}, not on {names}")
    marks = Marks(run, said.get("reader") or path.name.removesuffix(".json").removesuffix(".marks"), path.name)
    for task, keys in said["tasks"].items():
        if task not in run.tasks or run.tasks[task].entry["keys"]["references"] != keys.get("references"):
            raise Refused("marks_differ", path.name, f"the references of {task} are not those that the reader's page had")
    drafts = {task: {row["id"]: from_row(Prediction, row) for row in answers(run.folder, task)} for task in said["tasks"]}
    for number, study in enumerate(said["studies"], 1):
        _add(marks, study, drafts, f"study {number}")
    return marks


def _load(path: Path) -> Row:
    """The file's object with its outer form checked."""
    try:
        said = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise Refused("file_missing", path.name) from None
    except (OSError, ValueError, RecursionError):
        raise Refused("marks_unreadable", path.name, "the file is not JSON in UTF-8") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise Refused("marks_unreadable", path.name, f"its format is not {FORMAT}")
    form = {"run": str, "tasks": dict, "studies": list}
    for key, kind in form.items():
        if not isinstance(said.get(key), kind):
            raise Refused("marks_unreadable", path.name, f"{key!r} is missing or is no {kind.__name__}")
    if not said["studies"]:
        raise Refused("marks_unreadable", path.name, "no study was marked in it")
    if not all(isinstance(keys, dict) for keys in said["tasks"].values()) or not isinstance(said.get("reader") or "", str):
        raise Refused("marks_unreadable", path.name, "'tasks' or 'reader' has another form than the page writes")
    return said


def _add(marks: Marks, study: Any, drafts: Mapping[str, Mapping[str, Prediction]], where: str) -> None:
    """One study's marks, after making sure that they belong to its draft."""
    why = _fault(study)
    if why:
        raise Refused("marks_unreadable", marks.file, f"{where} {why}")
    draft = drafts.get(study["task"], {}).get(study["id"])
    if draft is None:
        raise Refused("marks_differ", marks.file, f"{where}: {marks.run.name} has no draft {study['id']} of {study['task']}")
    if hashlib.sha256(draft.prediction.encode("utf-8", "surrogatepass")).hexdigest() != study["draft"]:
        raise Refused("marks_differ", marks.file, f"{where}: the draft of {study['id']} has changed since it was marked")
    text, key = clean(draft.prediction), (study["task"], study["id"])
    if key in marks.patients:
        raise Refused("marks_unreadable", marks.file, f"{where} is marked twice: {study['id']} of {study['task']}")
    for sentence in study["sentences"]:
        if text[sentence["start"] : sentence["end"]] != sentence["text"]:
            raise Refused("marks_unreadable", marks.file, f"{where}: a sentence does not stand in the draft where it says")
        marks.sentences[(*key, sentence["start"], sentence["end"])] = sentence["mark"]
    marks.missing[key] = [line for line in study["missing"] if line.strip()]
    marks.patients[key] = draft.patient


def _fault(study: Any) -> str:
    """What keeps a study's marks from being read, or nothing."""
    if not isinstance(study, dict) or not all(isinstance(study.get(key), str) for key in ("task", "id", "draft")):
        return "has no 'task', 'id' or 'draft'"
    if not isinstance(study.get("sentences"), list) or not isinstance(study.get("missing"), list):
        return "has no list of 'sentences' or 'missing'"
    if not all(isinstance(line, str) for line in study["missing"]):
        return "has something missing that is no text"
    for sentence in study["sentences"]:
        if not isinstance(sentence, dict) or not isinstance(sentence.get("text"), str):
            return "has a sentence without its text"
        if any(not isinstance(sentence.get(end), int) or sentence[end] < 0 for end in ("start", "end")):
            return "has a sentence without 'start' and 'end'"
        mark = sentence.get("mark", "")
        if mark is not None and mark not in CATEGORIES:
            return f"has the mark {mark!r}; it must be one of {', '.join(CATEGORIES)}, or null"
    return ""


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
    read = [read_marks(path, runs) for path in paths]
    names = Counter(marks.reader for marks in read)
    for marks in read:
        if names[marks.reader] > 1:
            marks.reader = f"{marks.reader} ({marks.file})"
    sample = {"resamples": resamples, "seed": seed}
    readers = [
        {"run": m.run.name, "reader": m.reader, "file": m.file, "task": task} | _counted(m, task, sample)
        for m in read
        for task in sorted({task for task, _ in m.patients})
    ]
    return {"readers": readers, "between": [row for a, b in itertools.combinations(read, 2) for row in _between(a, b, sample)]}


def _counted(marks: Marks, task: str, sample: Mapping[str, int]) -> Row:
    """One reader's counts on one task."""
    marked = marks.marked(task)
    said = Counter(marked.values())
    drafts = [key for key in marks.patients if key[0] == task]
    counts = {c: sum(said[mark] for mark, of in CATEGORIES.items() if of == c) for c in dict.fromkeys(CATEGORIES.values())}
    sentences = sum(place[0] == task for place in marks.sentences)
    return {
        "drafts": len(drafts),
        "sentences": sentences,
        "unmarked": sentences - len(marked),
        "counts": counts,
        "shares": _shares([CATEGORIES[mark] for mark in marked.values()], _patients(marks, marked), list(counts), sample),
        "kinds": {mark: said[mark] for mark, of in CATEGORIES.items() if of == "incorrect"},
        "missing": {
            "things": sum(len(marks.missing[k]) for k in drafts),
            "drafts": sum(bool(marks.missing[k]) for k in drafts),
        },
        **_with_facts(marks, task, marked, sample),
    }


def _patients(marks: Marks, places: Mapping[Place, Any] | Sequence[Place]) -> list[str]:
    return [marks.patients[place[:2]] for place in places]


def _shares(said: Sequence[str], patients: Sequence[str], categories: Sequence[str], sample: Mapping[str, int]) -> Row:
    """Each category's share of the marked sentences in percent, with its interval over patients."""
    if not said:
        return {category: {"value": None, "low": None, "high": None} for category in categories}
    one_hot = np.array([[word == category for category in categories] for word in said], dtype=float)
    sums = resampled_sums(one_hot, patient_index(patients), sample["resamples"], sample["seed"])
    samples = None if sums is None else 100 * sums / sums.sum(axis=1, keepdims=True)
    found = {}
    for i, category in enumerate(categories):
        low, high = interval(None if samples is None else samples[:, i])
        found[category] = {"value": rounded(100 * one_hot[:, i].mean()), "low": low, "high": high}
    return found


def _with_facts(marks: Marks, task: str, marked: Mapping[Place, str], sample: Mapping[str, int]) -> Row:
    """Whether the facts call the same sentences correct: the rules do where no fact that starts in it is wrong or made up."""
    errors = {row["id"]: row for row in read_jsonl(marks.run.folder / "errors.jsonl") if row["task"] == task}
    judged = [place for place in marked if place[1] in errors]
    if not judged:
        return {"facts": None, "why": "the run has no facts of these drafts (errors.jsonl)"}
    ours = [marked[place] == "correct" for place in judged]
    rules = [not _wrong_in(errors[place[1]], place[2], place[3]) for place in judged]
    return {"facts": agreement(ours, rules, _patients(marks, judged), **sample), "why": ""}


def _wrong_in(row: Row, start: int, end: int) -> bool:
    wrong = [j for _, j, _ in row["wrong"]] + row["hallucinated"]
    return any(start <= row["prediction"][j]["start"] < end for j in wrong)


def _between(one: Marks, two: Marks, sample: Mapping[str, int]) -> list[Row]:
    """Agreement of two readers of one run on what both marked: correct or not, and in the papers' three classes."""
    if one.run is not two.run:
        return []
    rows = []
    for task in sorted({task for task, _ in one.patients} & {task for task, _ in two.patients}):
        a, b = one.marked(task), two.marked(task)
        both = [place for place in a if place in b]
        patients = _patients(one, both)
        correct = agreement([a[p] == "correct" for p in both], [b[p] == "correct" for p in both], patients, **sample)
        classes = agreement([CATEGORIES[a[p]] for p in both], [CATEGORIES[b[p]] for p in both], patients, **sample)
        rows.append(
            {"run": one.run.name, "task": task, "readers": [one.reader, two.reader], "correct": correct, "classes": classes}
        )
    return rows
