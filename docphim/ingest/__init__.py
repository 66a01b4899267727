"""Stage 1, `docphim ingest RECIPE`: any source becomes studies.jsonl, rejected.jsonl and private.csv.

A source is a module with `Options` (what may stand under `source:` in a recipe), `fingerprint(options)` (a cheap key of
its content) and `read(options, dataset, notes, *, language, split_by_source)`, which yields `records.SourceStudy` and
`records.Rejection`.  `Options` may have `needs`: of keys that are set, the modality that the recipe must prepare for each.
It may have `LICENCE`, a sentence for the cards of models that are trained on it.
To add one, write the module and add its line to `SOURCES`.
"""

from __future__ import annotations

import csv
import difflib
import importlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docphim.errors import REASONS, Refused, UsageError
from docphim.files import atomic, private_folder, write_json, write_jsonl
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.recipe import Section, validated
from docphim.study import to_row

SOURCES: dict[str, str] = {
    "phantom": "docphim.ingest.phantom",
    "folder": "docphim.ingest.folder",
    "vix_ray": "docphim.ingest.vix_ray",
    "ct_rate": "docphim.ingest.ct_rate",
    "vimed_pet": "docphim.ingest.vimed_pet",
    "joined": "docphim.ingest.joined",
}
#: The columns of private.csv; see docs/data.md.
PRIVATE = ("series", "study", "location", "original_id", "refused")


def check(kind: str, options: dict[str, Any]) -> Section:
    """The validated options of a source.

    Raises
    ------
    UsageError
        No source is called `kind`, or an option is unknown, missing or wrong; the message names it.
    """
    checked: Section = validated(_source(kind).Options, options, "source")
    return checked


def fingerprint(kind: str, options: dict[str, Any]) -> str:
    """A key that changes when the source does: names, sizes and times of its files, never their content."""
    return str(_source(kind).fingerprint(check(kind, options)))


def licence(kind: str, options: dict[str, Any]) -> str:
    """Under which terms a source is used, for a model's card; of joined ones that which is trained on.  Empty: not known."""
    kind = options.get("train", {}).get("kind", kind)
    return str(getattr(_source(kind), "LICENCE", ""))


def ingest(kind: str, options: dict[str, Any], dataset: Path, *, language: str, split_by_source: bool) -> None:
    """Read a source into `dataset`: studies.jsonl, rejected.jsonl, private.csv (0600) and ingest_notes.json.

    Files are sorted by id, so the same source gives the same bytes.

    Parameters
    ----------
    language : str
        The reports' language, `vi` or `en`.
    split_by_source : bool
        Keep the source's own train, val and test; else every study's split is left open.

    Raises
    ------
    UsageError
        An option is wrong.
    Refused
        `empty_dataset` when no study is left (rejected.jsonl is written and says why), `file_missing` when the source is gone.
    """
    checked, notes = check(kind, options), Notes()
    private_folder(dataset)
    studies: dict[str, SourceStudy] = {}
    rejections: set[Rejection] = set()
    try:
        for item in _source(kind).read(checked, dataset, notes, language=language, split_by_source=split_by_source):
            if isinstance(item, Rejection):
                rejections.add(item)
            elif item.study.id in studies:
                raise RuntimeError(f"source {kind} gave study {item.study.id} twice")
            else:
                studies[item.study.id] = item
    except OSError as error:
        # The message of an OSError holds a path; only what the system said is passed on.
        raise Refused("file_unreadable", "", f"the source cannot be read: {os.strerror(error.errno or 0)}") from None
    _write(dataset, sorted(studies.values(), key=lambda item: item.study.id), sorted(rejections), notes)


def _source(kind: str) -> Any:
    if kind not in SOURCES:
        near = difflib.get_close_matches(kind, SOURCES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(SOURCES)}"
        raise UsageError(f"source.kind: no source {kind!r}; {hint}")
    return importlib.import_module(SOURCES[kind])


def _write(dataset: Path, studies: list[SourceStudy], rejections: list[Rejection], notes: Notes) -> None:
    # A study may be refused for the same reason at several places: one row here, one line each in private.csv.
    refused = sorted({(r.study, r.reason, r.why) for r in rejections})
    reasons = Counter(reason for _, reason, _ in refused)
    unknown = set(reasons) - set(REASONS)
    if unknown:
        raise ValueError(f"unknown reason code {min(unknown)!r}")
    rows = [{"study": study, "stage": "ingest", "reason": reason, "why": why} for study, reason, why in refused]
    write_jsonl(dataset / "rejected.jsonl", rows)
    _write_private(dataset, [*_places_of_studies(studies), *_places_of_refused(rejections)])
    if not studies:
        listed = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common()) or "the source holds none"
        raise Refused("empty_dataset", "", f"no study is left: {listed}")
    reported = sum(item.study.report is not None for item in studies)
    counts = {"studies": len(studies), "with_report": reported, "without_report": len(studies) - reported}
    record = {**notes.record, **counts, "rejected": dict(sorted(reasons.items()))}
    write_json(dataset / "ingest_notes.json", {**record, "counts": dict(sorted(notes.counts.items()))})
    write_jsonl(dataset / "studies.jsonl", (to_row(item.study) for item in studies))


def _places_of_studies(studies: Iterable[SourceStudy]) -> Iterator[tuple[str, ...]]:
    for item in studies:
        for series in item.study.series:
            yield series.id, item.study.id, item.locations[series.id], item.original_id, ""


def _places_of_refused(rejections: Iterable[Rejection]) -> Iterator[tuple[str, ...]]:
    """One line for each place of what was refused; `series` is empty, and `refused` holds the reason."""
    for r in rejections:
        for place in r.places or ("",):
            yield "", r.study, place, r.original_id, r.reason


def _write_private(dataset: Path, rows: Iterable[tuple[str, ...]]) -> None:
    """Write private.csv, which its owner alone can read: it leads every id, of refused ones too, back to its file."""
    with atomic(dataset / "private.csv") as handle:
        if hasattr(os, "fchmod"):
            os.fchmod(handle.fileno(), 0o600)
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(PRIVATE)
        # A name that is no UTF-8 (`unsafe_path`) stands with its bytes written out.
        writer.writerows([cell.encode("utf-8", "backslashreplace").decode() for cell in row] for row in rows)
