"""What a stage has left: studies, examples, steps, drafts and scores by number; what was refused, by reason."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from docphim import files
from docphim.columns import aligned
from docphim.errors import REASONS
from docphim.imaging import text_counts, unchecked
from docphim.scores import read_scores
from docphim.stage import Stage


def line(stage: Stage) -> str:
    """The counts of a stage that has ended."""
    rejected = stage.folder / "rejected.jsonl"
    rows = [row for row in files.read_jsonl(rejected) if row.get("stage") == stage.name]
    if stage.name == "ingest":
        notes = files.read_json(stage.folder / "ingest_notes.json")
        return f"ingest: {_ingest(notes)}; refused: {len(rows) or 'none'}{_table(rows, notes, stage.folder)}"
    refused = f"; refused: {by_reason(row['reason'] for row in rows)}" if stage.shared else ""
    return f"{stage.name}: {_COUNTS[stage.name](stage)}{refused}"


def by_reason(reasons: Iterable[str]) -> str:
    """Reason codes with their numbers, the commonest first.

    >>> by_reason(["image_missing", "report_empty", "image_missing"])
    'image_missing 2, report_empty 1'
    """
    return ", ".join(f"{reason} {n}" for reason, n in Counter(reasons).most_common()) or "none"


def of_films(dataset: Path, rows: Sequence[files.Row] | None = None) -> list[str]:
    """What is not known of a dataset's films, a line each: which were not judged by their pixels, which text stands on them.

    Parameters
    ----------
    rows : sequence of dict, optional
        The rows of its index.jsonl, where they are at hand.

    Returns
    -------
    list of str
        Empty where all were judged and are phantoms.
    """
    rows = _index(dataset) if rows is None else rows
    return [note for note in (unchecked.line(rows), text_counts.line(rows, _drawn(dataset))) if note]


def _index(dataset: Path) -> list[files.Row]:
    return list(files.read_jsonl(dataset / "prepared" / "index.jsonl"))


def _drawn(dataset: Path) -> set[str]:
    """The studies that are phantoms."""
    return {row["id"] for row in files.read_jsonl(dataset / "studies.jsonl") if row.get("truth") is not None}


def _ingest(notes: dict[str, Any]) -> str:
    reported = notes.get("with_report", notes["studies"])
    return f"{notes['studies']} studies, {reported} of them matched with a report{_people(notes) if reported else ''}"


def _people(notes: dict[str, Any]) -> str:
    """What was taken out of the reports, by kind; '' for what is invented."""
    if "deidentified" not in notes:
        return ""
    if not notes["deidentified"]:
        return "; people are not taken out of the reports"
    counts = notes["counts"]
    parts = [f"{name.removeprefix('people_')} {n}" for name, n in counts.items() if name.startswith("people_") and n]
    return f"; taken out of the reports: {', '.join(parts) or 'nothing'}"


def _table(rows: list[files.Row], notes: dict[str, Any], dataset: Path) -> str:
    """What was refused by reason, the commonest first, and what else was noticed; where each case is named."""
    reasons = Counter(sorted(row["reason"] for row in rows)).most_common()
    lines = [(reason, str(n), REASONS[reason]) for reason, n in reasons]
    counts = notes.get("counts", {})
    lines += [(name, str(counts[name]), words) for name, words in _NOTICED.items() if counts.get(name)]
    where = f"\n  which they are: {dataset / 'private.csv'}" if rows else ""
    return "\n" + textwrap.indent(aligned(lines, "<><"), "  ") + where if lines else ""


def _prepare(stage: Stage) -> str:
    rows = _index(stage.folder)
    studies = {row["study"] for row in rows}
    return "; ".join([f"{len(rows)} images of {len(studies)} studies", *of_films(stage.folder, rows)])


def _build(stage: Stage) -> str:
    paths = sorted((stage.folder / "examples").glob("*.jsonl"), key=lambda p: p.stem != "train")
    return "examples for " + ", ".join(f"{path.stem} {sum(1 for _ in files.read_jsonl(path))}" for path in paths)


def _generate(stage: Stage) -> str:
    rows = (row for name in ("predictions", "drafts") for row in files.read_jsonl(stage.folder / f"{name}.jsonl"))
    ends = Counter(row["finish"] for row in rows)
    odd = "".join(f", {n} {words}" for end, words in _ENDS.items() if (n := ends[end]))
    return f"{sum(ends.values())} drafts{odd}"


def _train(stage: Stage) -> str:
    """The steps taken, and the best of the scores by which the model was chosen."""
    rows, name = list(files.read_jsonl(stage.folder / "log.jsonl")), stage.settings["train"]["keep_best"]
    best = min if name == "val/loss" else max
    scored = [row for row in rows if name in row]
    if not scored:
        return f"{max((row['step'] for row in rows), default=0)} steps, none of them validated"
    chosen = best(scored, key=lambda row: row[name])
    return f"{max(row['step'] for row in rows)} steps, the best {name} {chosen[name]:.4g} after step {chosen['step']}"


def _evaluate(stage: Stage) -> str:
    tasks = read_scores(stage.folder / "scores.json").values()
    return f"{sum(len(task.scores) for task in tasks)} scores of {sum(task.n for task in tasks)} drafts in scores.json"


def _page(stage: Stage) -> str:
    pages = [stage.folder / name for name in stage.outputs if name.endswith(".html") and (stage.folder / name).exists()]
    return ", ".join(f"{path.name} {path.stat().st_size / 1e6:.2f} MB" for path in pages)


#: Counts of ingest_notes.json that are no refusals and worth a look.
_NOTICED = {
    "copies_ignored": "used once: exact copies of films",
    "objects_ignored": "files beside the slices of a scan that are no image",
    "report_rows_merged": "used once: rows of one study that say the same",
    "report_rows_last": "left out for a later row of their study",
    "report_rows_joined": "joined to another row of their study",
    "zeros_restored": "ids without the zeros before them, where one film alone can be meant",
    "patient_numbers_unlike": "let in: header and table number patients in two ways",
    "patient_names_unlike": "let in: header and table name patients in two ways",
    "letterhead_set_aside": "reports without their letterhead",
    "history_set_aside": "reports without their history",
    "indication_set_aside": "reports without their indication",
    "technique_set_aside": "reports without their technique",
    "comparison_set_aside": "reports without what a heading calls a comparison",
    "findings_set_aside": "reports whose cell of findings holds none, but an indication or a technique",
    "unclear_set_aside": "reports without a sentence behind their history or indication that may be a finding",
    "reports_doubtful": "reports that still seem to hold a signature",
}
#: Ends of a draft that are not its own, in words.
_ENDS = {"length": "cut at the length limit", "refused": "refused by the model", "failed": "failed"}

_COUNTS: dict[str, Callable[[Stage], str]] = {
    "prepare": _prepare,
    "build": _build,
    "train": _train,
    "generate": _generate,
    "evaluate": _evaluate,
    "page": _page,
}
