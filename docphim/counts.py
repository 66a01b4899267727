"""What a stage has left, in a line: studies, examples and drafts by number, and what was refused by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from docphim import files
from docphim.way import Stage


def line(stage: Stage) -> str:
    """The counts of a stage that has ended; empty for a stage that counts nothing."""
    parts = {"ingest": _ingest, "prepare": _prepare, "build": _build, "generate": _generate}
    count = parts.get(stage.name)
    if count is None:
        return ""
    rejected = stage.folder / "rejected.jsonl"
    rows = [row for row in files.read_jsonl(rejected) if row.get("stage") == stage.name]
    refused = f"; refused: {by_reason(row['reason'] for row in rows)}" if stage.shared else ""
    return f"{stage.name}: {count(stage)}{refused}"


def by_reason(reasons: Iterable[str]) -> str:
    """Reason codes with their numbers, the commonest first.

    >>> by_reason(["image_missing", "report_empty", "image_missing"])
    'image_missing 2, report_empty 1'
    """
    return ", ".join(f"{reason} {n}" for reason, n in Counter(reasons).most_common()) or "none"


def _ingest(stage: Stage) -> str:
    notes = files.read_json(stage.folder / "ingest_notes.json")
    return f"{notes['studies']} studies, {notes.get('with_report', notes['studies'])} of them matched with a report"


def _prepare(stage: Stage) -> str:
    studies = [row["study"] for row in files.read_jsonl(stage.folder / "prepared" / "index.jsonl")]
    return f"{len(studies)} images of {len(set(studies))} studies"


def _build(stage: Stage) -> str:
    paths = sorted((stage.folder / "examples").glob("*.jsonl"), key=lambda p: p.stem != "train")
    return "examples for " + ", ".join(f"{path.stem} {sum(1 for _ in files.read_jsonl(path))}" for path in paths)


def _generate(stage: Stage) -> str:
    ends = Counter(row["finish"] for row in files.read_jsonl(stage.folder / "predictions.jsonl"))
    odd = "".join(f", {n} {words}" for end, words in _ENDS.items() if (n := ends[end]))
    return f"{sum(ends.values())} drafts{odd}"


#: Ends of a draft that are not its own, in words.
_ENDS = {"length": "cut at the length limit", "refused": "refused by the model", "failed": "failed"}
