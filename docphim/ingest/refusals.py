"""What the `folder` source leaves out, as rejections that lead back to a file or row."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from docphim.errors import REASONS
from docphim.ingest.drafts import Draft
from docphim.ingest.identities import Identities
from docphim.ingest.records import Rejection, SourceStudy
from docphim.ingest.reports import DOCUMENTS, SUFFIXES, Row
from docphim.ingest.reports.gathered import Reports
from docphim.ingest.tree import Entry, may_be_film, walk
from docphim.ingest.visits import is_numbered_by_patient


def unreadable(reports: Reports, identities: Identities, root: Path) -> Iterator[Rejection]:
    """Files that should hold reports and cannot be read."""
    for path, refusal in reports.unreadable:
        name = identities.hashed("file", os.path.relpath(path, root))
        yield Rejection(name, refusal.reason, refusal.why, (str(path),))


def changed_meanwhile(listed: Sequence[tuple[Path, Sequence[Entry]]], identities: Identities) -> Iterator[Rejection]:
    """What came or changed while it was read, as where it is still being copied: the next run reads it.

    Parameters
    ----------
    listed : sequence of tuple
        The folder of films, and that or the file of reports outside it, each with what it held at first.
    """
    before = {(entry.path, entry.size, entry.modified) for _, entries in listed for entry in entries}
    for entry in (entry for place, _ in listed for entry in walk(place)):
        path, state = entry.path, (entry.path, entry.size, entry.modified)
        if state not in before and (may_be_film(path) or path.suffix.lower() in (*SUFFIXES, *DOCUMENTS)):
            why = "it came or changed while the folder was read; ingest it again"
            yield Rejection(identities.hashed("file", entry.relative), "file_changed", why, (str(path),))


def refused_rows(refused: Sequence[tuple[Row, str]], identities: Identities, root: Path) -> Iterator[Rejection]:
    """Rows that found no study: under the number they give, or else under their place, which no other row has."""
    for row, reason in refused:
        known = next((row.get(f) for f in ("id", "accession", "study_uid", "image") if row.get(f)), "")
        place = f"{os.path.relpath(row.file, root)}#{row.sheet}!{row.number}"
        one_of_several = not row.number and is_numbered_by_patient(row)  # a visit's document; the number is all visits'
        name = identities.hashed("row", place if one_of_several else known or place)
        where = f" (row {row.number} of the table)" if row.number else ""
        yield Rejection(name, reason, f"{REASONS[reason]}{where}", (row.place,), known)


def left_out(draft: Draft, reason: str, why: str, identities: Identities) -> Rejection:
    """A study of several patients, or whose ids cannot be kept, with its films and rows."""
    places = (*(image.location for image in draft.images), *(row.place for row in draft.rows))
    name = identities.hashed("study", draft.name) if reason == "id_unsafe" else identities.study(draft.name)
    return Rejection(name, reason, why, places, draft.original)


def one_split_each(studies: Sequence[SourceStudy]) -> Iterator[SourceStudy | Rejection]:
    """Refuse every study of a patient whom the table puts into more than one split."""
    splits: dict[str, set[str | None]] = defaultdict(set)
    for item in studies:
        splits[item.study.patient].add(item.study.split)
    for item in studies:
        if len(splits[item.study.patient]) == 1:
            yield item
        else:
            places = tuple(item.locations.values())
            why = REASONS["patient_in_two_splits"]
            yield Rejection(item.study.id, "patient_in_two_splits", why, places, item.original_id)
