"""What one worker does: the series of one group, read, prepared and written, each under its own name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from docphim.errors import ENVIRONMENT, Refused, machine
from docphim.files import atomic, content_key
from docphim.imaging import modality, store
from docphim.recipe import Section
from docphim.records import Sum, summed
from docphim.study import Row

#: Just below the most that glibc's threshold may grow to (mallopt(3), M_MMAP_THRESHOLD).
_LARGEST_HELD = 31 << 20


@dataclass(frozen=True)
class Job:
    """One series to prepare; `path` is relative to the dataset, `view` what the source says of it."""

    study: str
    series: str
    location: str
    path: str
    view: str
    modality: str = "xray"


@dataclass
class Outcome:
    """A row of index.jsonl with its thumbnail and the sum of its file, or the reason there is none."""

    job: Job
    row: Row | None = None
    thumb: np.ndarray | None = None
    sum: Sum | None = None
    reason: str = ""
    why: str = ""


def prepare_group(jobs: list[Job], dataset: Path, settings: Mapping[str, Section]) -> list[Outcome]:
    """Prepare series one after the other; a refused one does not stop the rest, a fault of this machine does.

    Parameters
    ----------
    settings : mapping
        Modality → its section of the recipe; a series of another modality is refused.

    Raises
    ------
    Refused
        `disk_full`, `memory_full`, or `folder_unusable` (no permission, a disk that cannot be read, too many open files, …) for
        what keeps a series from being read: the series is named, and nothing is recorded of it, so that it is tried again.
    OSError
        It cannot be written.
    """
    _hold_freed_memory()
    return [prepare_series(job, dataset, settings) for job in jobs]


def _hold_freed_memory() -> None:
    """Have a film's memory serve the next film: without it each faults some 700 pages of the system anew.

    glibc gives the end of its heap back once twice the largest block that it ever mapped and freed is free, 128 KiB at first.
    Elsewhere this does nothing, and nothing of it is ever touched.
    """
    np.empty(_LARGEST_HELD, np.uint8)


def prepare_series(job: Job, dataset: Path, settings: Mapping[str, Section]) -> Outcome:
    """Prepare one series, or take up the file that an interrupted run has left whole; raises as `prepare_group` does."""
    try:
        thumb, meta, file_sum = _prepared(job, dataset / job.path, settings)
    except Refused as refusal:
        if refusal.reason == "disk_full":
            raise
        _stop_for_machine(refusal, job)
        return Outcome(job, reason=refusal.reason, why=refusal.why)
    except Exception as error:  # a fault of ours must cost one series, not the run; its class says more than its text may
        if isinstance(error, OSError) and error.errno in ENVIRONMENT:
            raise
        _stop_for_machine(error, job)
        return Outcome(job, reason="file_unreadable", why=f"reading the pixels failed ({type(error).__name__})")
    row = {"study": job.study, "series": job.series, "modality": job.modality, "path": job.path}
    row |= {name: meta[name] for name in ("shape", "spacing", "unit", "view", "frame_of_reference", "sha256", "how")}
    if "affine" in meta:
        row["affine"] = meta["affine"]
    return Outcome(job, row, thumb, file_sum)


def _stop_for_machine(error: Exception, job: Job) -> None:
    """Raise what this machine is to blame for, by the series' id, which private.csv leads back to its files."""
    refusal = machine(error, f"series {job.series}")
    if refusal is not None:
        raise refusal from error


def crashed(job: Job) -> Outcome:
    """The outcome of a series that kills its process."""
    return Outcome(job, reason="pixels_undecodable", why="decoding the pixels crashes the decoder")


def _prepared(job: Job, path: Path, settings: Mapping[str, Section]) -> tuple[np.ndarray, Row, Sum]:
    """Thumbnail and metadata of one series, in its file when this returns, and the sum of that."""
    if job.modality not in settings:
        raise Refused("modality_unsupported", "", f"this run prepares {', '.join(settings)}")
    module, mine = modality(job.modality), settings[job.modality]
    written = mine.model_dump(mode="json", exclude={"show"})  # what is shown of them changes no prepared pixels
    made = {"series": job.series, "version": module.VERSION, "settings": written, "view": job.view}
    earlier = _finished(path, made)
    if earlier is not None:
        return module.thumbnail(earlier.slices, earlier.shape), earlier.meta, summed(path)
    pixels, facts = module.prepare(job.location, mine, job.view)
    stored = store.compressed(pixels)  # a volume is read here, and its facts are whole only now
    frame = facts.get("frame_of_reference")
    # The frame's UID would lead into the hospital's archive; within a study its digest tells frames apart as well.
    facts = {**facts, "frame_of_reference": content_key([job.study, frame]) if frame else None}
    blocks, meta = store.packed(stored, {"shape": list(pixels.shape), **facts, "made": made})
    with atomic(path, "wb") as handle:
        handle.writelines(blocks)
    film = pixels if isinstance(pixels, np.ndarray) else None
    slices = store.open_prepared(path).slices if film is None else film.reshape(-1, *film.shape[-2:]).__getitem__
    return module.thumbnail(slices, pixels.shape), meta, summed(path, blocks)


def _finished(path: Path, made: Row) -> store.Prepared | None:
    """A file made earlier of this series under the same settings, if it is whole."""
    if not path.exists():
        return None
    try:
        prepared = store.open_whole(path)
    except Refused:
        return None
    return prepared if prepared.meta.get("made") == made else None
