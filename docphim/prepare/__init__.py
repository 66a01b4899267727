"""Stage 2, `docphim prepare RECIPE`: every film of studies.jsonl to prepared/, in parallel, resumable, byte-stable."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import numpy as np

from docphim import files
from docphim.errors import Refused
from docphim.imaging.io.locations import Cell, parse
from docphim.prepare.films import VERSION, Job, Outcome, crashed, prepare_group
from docphim.progress import bar
from docphim.study import Study, from_row
from docphim.workers import each

__all__ = ["VERSION", "prepare"]
#: Films a worker takes at once: enough to read a parquet row group forwards, few enough to share the work out.
_GROUP = 32


def prepare(dataset: Path, *, long_side: int, workers: int | None = None) -> None:
    """Prepare every film of a dataset.

    Reads studies.jsonl and private.csv; writes prepared/*.b2nd, then prepared/thumbs.npy (float32, one 32 x 32 per row
    of the index), rejected.jsonl (earlier rows of this stage replaced) and last prepared/index.jsonl.  Run again after a
    kill, it takes up the films that are whole.

    Parameters
    ----------
    dataset : Path
        The dataset folder.
    long_side : int
        Longer side of a prepared film at most, pixels.
    workers : int or None
        Processes; None: one per core, 1: this process.  The result does not depend on it.

    Raises
    ------
    Refused
        `file_missing` where ingest has not run; `disk_full`.
    """
    jobs = _jobs(dataset)
    folder = files.private_folder(dataset / "prepared")
    for part in folder.glob(".*.part"):  # left by a killed worker
        part.unlink(missing_ok=True)
    prepare_some = functools.partial(prepare_group, dataset, long_side=long_side)
    made = each(prepare_some, groups(jobs), workers=workers, crashed=crashed)
    by_series = {outcome.job.series: outcome for outcome in bar(made, len(jobs), "prepare")}
    _write(dataset, [by_series[job.series] for job in jobs])


def _jobs(dataset: Path) -> list[Job]:
    """One job per film, in the order of studies.jsonl."""
    for name in ("studies.jsonl", "private.csv"):
        if not (dataset / name).exists():
            raise Refused("file_missing", name, "prepare needs what ingest writes")
    with open(dataset / "private.csv", encoding="utf-8", newline="") as handle:
        locations = {row["series"]: row["location"] for row in csv.DictReader(handle)}
    jobs: dict[str, Job] = {}
    for row in files.read_jsonl(dataset / "studies.jsonl"):
        study = from_row(Study, row)
        for series in study.series:
            job = Job(study.id, series.id, locations.get(series.id, ""), series.path, series.view, series.modality)
            jobs.setdefault(series.id, job)
    return list(jobs.values())


def groups(jobs: Iterable[Job]) -> list[list[Job]]:
    """Share jobs out: rows of one parquet row group together and in their order, files as they come."""
    placed = [(_place(job.location), number, job) for number, job in enumerate(jobs)]
    placed.sort(key=lambda item: item[:2])
    shared: list[list[Job]] = []
    for _, members in groupby(placed, key=lambda item: item[0][:3]):
        together = [job for *_, job in members]
        shared += [together[i : i + _GROUP] for i in range(0, len(together), _GROUP)]
    return shared


def _place(location: str) -> tuple[str, str, int, int]:
    """What sorts jobs: a table's file, column, row group and row; the same for all single files."""
    try:
        place = parse(location)
    except Refused:
        return ("", "", 0, 0)
    return (place.path, place.column, place.group, place.row) if isinstance(place, Cell) else ("", "", 0, 0)


def _write(dataset: Path, results: list[Outcome]) -> None:
    folder = dataset / "prepared"
    rows = [o.row for o in results if o.row is not None]
    thumbs = [o.thumb for o in results if o.thumb is not None]
    with files.atomic(folder / "thumbs.npy", "wb") as handle:
        np.save(handle, np.stack(thumbs) if thumbs else np.zeros((0, 32, 32), np.float32))
    refused = [
        {"study": o.job.study, "series": o.job.series, "stage": "prepare", "reason": o.reason, "why": o.why}
        for o in results
        if o.row is None
    ]
    earlier = [r for r in files.read_jsonl(dataset / "rejected.jsonl") if r.get("stage") != "prepare"]
    files.write_jsonl(dataset / "rejected.jsonl", [*earlier, *refused])
    kept = {row["path"] for row in rows}
    for path in folder.glob("*.b2nd"):  # of films that are refused now, or no longer in the dataset
        if f"prepared/{path.name}" not in kept:
            path.unlink()
    files.write_jsonl(folder / "index.jsonl", rows)
