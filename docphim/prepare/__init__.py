"""Stage 2, `docphim prepare RECIPE`: every series of studies.jsonl to prepared/, in parallel, resumable, byte-stable."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from docphim import files, records
from docphim.errors import Refused
from docphim.imaging import MODALITIES, check_installed, modality, settings_of, thumbs
from docphim.imaging.io import locations
from docphim.prepare.jobs import Job, Outcome, crashed, prepare_group
from docphim.progress import bar
from docphim.study import Row, Study, from_row
from docphim.workers import each


def prepare(dataset: Path, *, settings: dict[str, Row], workers: int | None = None) -> None:
    """Prepare every series of a dataset.

    Reads studies.jsonl and private.csv; writes prepared/*.b2nd, then prepared/thumbs-MODALITY.npy (float32, one a row of
    the index), rejected.jsonl (earlier rows of this stage replaced) and last prepared/index.jsonl.  Run again after a kill,
    it takes up the series that are whole.

    Parameters
    ----------
    dataset : Path
        The dataset folder.
    settings : dict
        Modality → its section of the recipe, as `imaging.settings_of` reads it; series of another modality are refused.
    workers : int or None
        Processes; None: one per core, 1: this process.  The result does not depend on it.

    Raises
    ------
    Refused
        `file_missing` where ingest has not run; `disk_full`.
    UsageError
        A setting is wrong, or needs a package that is not installed.
    """
    sections = settings_of(settings)
    check_installed(sections)
    jobs = _jobs(dataset)
    folder = files.private_folder(dataset / "prepared")
    for part in folder.glob(".*.part"):  # left by a killed worker
        part.unlink(missing_ok=True)
    work = functools.partial(prepare_group, dataset=dataset, settings=sections)
    outcomes = each(work, groups(jobs), workers=workers, crashed=crashed, folder=dataset)
    by_series = {outcome.job.series: outcome for outcome in bar(outcomes, len(jobs), "prepare")}
    _write(dataset, [by_series[job.series] for job in jobs])


def _jobs(dataset: Path) -> list[Job]:
    """One job per series, in the order of studies.jsonl."""
    for name in ("studies.jsonl", "private.csv"):
        if not (dataset / name).exists():
            raise Refused("file_missing", name, "prepare needs what ingest writes")
    places = locations.read_table(dataset / "private.csv")
    jobs: dict[str, Job] = {}
    for row in files.read_jsonl(dataset / "studies.jsonl"):
        study = from_row(Study, row)
        for series in study.series:
            job = Job(study.id, series.id, places.get(series.id, ""), series.path, series.view, series.modality)
            jobs.setdefault(series.id, job)
    return list(jobs.values())


def groups(jobs: Iterable[Job]) -> list[list[Job]]:
    """Share jobs out, as many as their modality says: rows of one part of a table together and in their order."""
    placed = sorted(((job.modality, *_place(job.location)), number, job) for number, job in enumerate(jobs))
    shared: list[list[Job]] = []
    for (name, *_), members in groupby(placed, key=lambda item: item[0][:4]):
        together = [job for *_, job in members]
        size = modality(name).GROUP if name in MODALITIES else len(together)
        shared += [together[i : i + size] for i in range(0, len(together), size)]
    return shared


def _place(location: str) -> tuple[str, str, int, int, int]:
    """What sorts jobs: a table's file, column, row group, row and item; the same for all that are no cells."""
    try:
        place = locations.parse(location)
    except Refused:
        return ("", "", 0, 0, 0)
    if not isinstance(place, locations.Cell):
        return ("", "", 0, 0, 0)
    return (place.path, place.column, place.group, place.row, place.item)


def _write(dataset: Path, outcomes: list[Outcome]) -> None:
    folder = dataset / "prepared"
    rows = [o.row for o in outcomes if o.row is not None]
    thumbs.write(folder, rows, [o.thumb for o in outcomes if o.thumb is not None])
    refused = [
        {"study": o.job.study, "series": o.job.series, "stage": "prepare", "reason": o.reason, "why": o.why}
        for o in outcomes
        if o.row is None
    ]
    earlier = [r for r in files.read_jsonl(dataset / "rejected.jsonl") if r.get("stage") != "prepare"]
    files.write_jsonl(dataset / "rejected.jsonl", [*earlier, *refused])
    listed = {row["path"] for row in rows}
    for path in folder.glob("*.b2nd"):  # of series that are refused now, or no longer in the dataset
        if f"prepared/{path.name}" not in listed:
            path.unlink()
    records.remember(dataset, {o.job.path: o.sum for o in outcomes if o.sum is not None})
    files.write_jsonl(folder / "index.jsonl", rows)
