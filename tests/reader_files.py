"""A dataset of which only reports matter, and readers who decide in Python what others decide on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from docphim.files import write_json, write_jsonl
from docphim.metrics.readers import ReaderSet, Reading, seal
from docphim.study import Example, Media, Message, Report, Study, to_row
from docphim.validate import choose

NODULE = "Nốt thùy trên phổi phải 12 mm, tăng chuyển hóa FDG, SUVmax 5,1."
NODE = "Hạch rốn phổi trái 15 mm, tăng chuyển hóa FDG, SUVmax 6,8."
PHYSIOLOGIC = "Thận hai bên tăng chuyển hóa FDG sinh lý."
Row = dict[str, Any]
#: Row of a table, study and whether it is shown again → the row as a reader leaves it.
Decide = Callable[[Row, str, bool], Row]


def accept(row: Row, study: str, again: bool) -> Row:
    return {**row, "state": "accepted"}


def write_dataset(folder: Path, studies: int = 10, findings: str = f"{NODULE} {NODE} {PHYSIOLOGIC}") -> Path:
    rows, examples = [], []
    for number in range(studies):
        report = Report("vi", {"findings": findings, "impression": NODULE})
        rows.append(Study(f"s{number:02}", f"p{number:02}", "F", 60, None, [], report, None, "test", "folder"))
        media = [Media(f"s{number:02}", "video", {"pet": f"prepared/s{number:02}.b2nd"})]
        messages = [Message("user", "<video>\nMô tả."), Message("assistant", findings, "report:findings")]
        examples.append(Example(f"s{number:02}-f", f"s{number:02}", f"p{number:02}", "test", "findings", "vi", messages, media))
    write_jsonl(folder / "studies.jsonl", map(to_row, rows))
    write_jsonl(folder / "examples" / "test.jsonl", map(to_row, examples))
    return folder


def prepared(folder: Path, studies: int = 10, **settings: Any) -> tuple[Path, ReaderSet]:
    """A folder of a validation, and its set."""
    out = folder / "out"
    return out, choose(write_dataset(folder / "data", studies), out, **settings)


def reading(made: ReaderSet, reader: int, decide: Decide = accept, **changes: Any) -> Row:
    """A reader's file, locked; tables that begin empty stay so."""
    cases = []
    for shown in made.readers[reader - 1]:
        rows = [{"row": name, "state": "open", "lesion": dict(lesion)} for name, lesion in made.start_of(shown.study)]
        rows = [decide(row, shown.study, shown.again) for row in rows]
        cases.append({"case": shown.case, "seconds": 40, "done": True, "judged": True, "note": "", "rows": rows})
    file = {"format": "docphim-reading-1", "set": made.set, "reader": reader, "name": f"BS {reader}"}
    file |= {"saved": "2026-01-05T08:00:00.000Z", "locked": "2026-01-05T08:00:00.000Z", "cases": cases}
    return sealed(file | changes)


def sealed(file: Row) -> Row:
    return {**file, "sha256": seal(file)}


def write_both(out: Path, made: ReaderSet, one: Decide = accept, two: Decide = accept) -> None:
    for reader, decide in ((1, one), (2, two)):
        write_json(out / f"reader-{reader}.json", reading(made, reader, decide))


def truth(made: ReaderSet, readings: Sequence[Reading], state: str = "both", **changes: Any) -> Row:
    """The adjudicator's file: the first reader's lesions are the truth; the nodules are `state`."""
    first = {one.case: one.study for one in made.readers[0] if not one.again}
    cases = []
    for case in readings[0].cases:
        if case.case in first:
            rows = [
                {
                    "row": f"p{n}",
                    "state": state if row.lesion["type"] == "nodule" else "both",
                    "lesion": row.lesion if state in ("both", "one") or row.lesion["type"] != "nodule" else None,
                    "report": row.lesion,
                    "readers": [row.model_dump(), None],
                }
                for n, row in enumerate(case.rows)
            ]
            cases.append({"case": first[case.case], "seconds": 5, "done": True, "judged": True, "note": "", "rows": rows})
    file = {"format": "docphim-truth-1", "set": made.set, "readings": [one.sha256 for one in readings], "name": "GS"}
    return file | {"saved": "2026-01-06T08:00:00.000Z", "locked": "2026-01-06T08:00:00.000Z", "cases": cases} | changes
