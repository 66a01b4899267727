"""What files of reports are, without a cell of them: format, rows, the columns that are known, and what cannot be used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from docphim.errors import REASONS, Refused, UsageError
from docphim.ingest.reports import DOCUMENTS, SUFFIXES, Reading, Table, open_table, read_documents
from docphim.ingest.reports.header import UnclearColumns
from docphim.ingest.reports.rows import TEXTS
from docphim.ingest.reports.table import table_of
from docphim.ingest.tree import walk

Row = dict[str, Any]


def holds_reports(path: Path) -> bool:
    """Whether a file may hold reports, by its name."""
    return path.suffix.lower() in (*SUFFIXES, *DOCUMENTS)


def reports_in(path: Path) -> tuple[list[Row], list[Row]]:
    """Look at a file of reports, or at all those in a folder.

    Returns
    -------
    reports : list of dict
        JSON-ready: `where` (below `path`), `format`, `rows`, `usable` (rows with text), `columns` (the fields that are known).
        A folder's documents are one of them, with `format` `documents`; a table without a column of report text has no rows.
    refused : list of dict
        `reason`, `where` (`FILE`, `FILE#LINE` or `FILE#SHEET!LINE`) and `why`, as for films.
    """
    root = path if path.is_dir() else path.parent
    entries = [Path(entry.path) for entry in walk(path) if not entry.refused and holds_reports(entry.path)]
    reports: list[Row] = []
    refused: list[Row] = []
    papers: dict[Path, list[Path]] = defaultdict(list)
    for file in entries:
        if file.suffix.lower() in DOCUMENTS:
            papers[file.parent].append(file)
        else:
            _look(partial(_table, file), file, root, reports, refused)
    for folder, files in papers.items():
        _look(partial(read_documents, files), folder, root, reports, refused)
    return sorted(reports, key=lambda report: str(report["where"])), refused


def _table(file: Path) -> Table:
    """The table, or one without rows where no column of report text is known."""
    there = open_table(file, Reading({}))
    bodies = there.tables + there.documents + there.unread  # all that ingest finds in an archive
    return table_of(bodies, there.reading) if bodies else Table([], frozenset(), frozenset(), {})


def _look(read: Callable[[], Table], file: Path, root: Path, reports: list[Row], refused: list[Row]) -> None:
    """Add what a file, or a folder of documents, is, and what in it cannot be used."""
    where = file.relative_to(root.resolve()).as_posix()
    form = "documents" if file.is_dir() else file.suffix[1:].lower()
    report: Row = {"where": where, "format": form, "rows": 0, "usable": 0, "columns": []}
    reports.append(report)
    try:
        table = read()
    except Refused as refusal:
        refused.append({"reason": refusal.reason, "where": where, "why": refusal.why})
        return
    except UnclearColumns as error:
        refused.append({"reason": "columns_unclear", "where": where, "why": str(error)})
        return
    except UsageError as error:  # the letters are of another encoding
        refused.append({"reason": "report_encoding", "where": where, "why": str(error)})
        return
    reasons = {row.place: row.reason or ("" if any(map(row.get, TEXTS)) else "report_empty") for row in table.rows}
    for place, reason in reasons.items():
        if reason:
            shown = Path(place.removeprefix("table:")).relative_to(root.resolve()).as_posix()
            refused.append({"reason": reason, "where": shown, "why": REASONS[reason]})
    usable = sum(not reason for reason in reasons.values())
    report |= {"rows": len(table.rows), "usable": usable, "columns": sorted(table.columns) if form != "documents" else []}
