"""What one worker does: the series of one group, read, prepared and written, each under its own name."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docphim.errors import Refused
from docphim.imaging import store

Row = dict[str, Any]

#: Counts up when the same film would give other pixels; part of every prepared file.
VERSION = 2
#: How each modality is prepared: a module with `prepare(location, long_side) -> (pixels, facts)` and `thumbnail(pixels)`.
MODALITIES: dict[str, str] = {"xray": "docphim.prepare.xray"}
#: Refusals that are not about one film: the stage stops.
_FATAL = ("disk_full",)


@dataclass(frozen=True)
class Job:
    """One film to prepare; `path` is relative to the dataset, `view` what the source says of it."""

    study: str
    series: str
    location: str
    path: str
    view: str
    modality: str = "xray"


@dataclass
class Outcome:
    """A row of index.jsonl with its thumbnail, or the reason there is none."""

    job: Job
    row: Row | None = None
    thumb: np.ndarray | None = None
    reason: str = ""
    why: str = ""


def prepare_group(dataset: Path, jobs: list[Job], long_side: int) -> list[Outcome]:
    """Prepare films one after the other; a refused one does not stop the rest.

    Raises
    ------
    Refused
        `disk_full`.
    """
    return [prepare_film(dataset, job, long_side) for job in jobs]


def prepare_film(dataset: Path, job: Job, long_side: int) -> Outcome:
    """Prepare one film, or take up the file that an interrupted run has left whole; raises as `prepare_group` does."""
    path = dataset / job.path
    made = {"version": VERSION, "long_side": long_side}
    done = _finished(path, made)
    try:
        if done is None:
            pixels, facts = _module(job).prepare(job.location, long_side)
            meta: Row = {"shape": list(pixels.shape), **facts, "sha256": _digest(pixels), "made": made}
            store.write(path, pixels, meta)
        else:
            pixels, meta = done
    except Refused as refusal:
        if refusal.reason in _FATAL:
            raise
        return Outcome(job, reason=refusal.reason, why=refusal.why)
    except Exception as error:  # a fault of ours must cost one film, not the run; its class says more than its text may
        return Outcome(job, reason="file_unreadable", why=f"reading the film failed ({type(error).__name__})")
    view = meta["view"] if meta["view"] != "unknown" or job.view not in ("PA", "AP") else job.view
    row = {"study": job.study, "series": job.series, "modality": job.modality, "path": job.path}
    row |= {"shape": meta["shape"], "spacing": meta["spacing"], "unit": meta["unit"], "view": view}
    return Outcome(job, row | {"sha256": meta["sha256"], "how": meta["how"]}, _module(job).thumbnail(pixels))


def crashed(job: Job) -> Outcome:
    """The outcome of a film that kills its process."""
    return Outcome(job, reason="pixels_undecodable", why="decoding the film crashes the decoder")


def _module(job: Job) -> Any:
    if job.modality not in MODALITIES:
        raise Refused("modality_unsupported", job.series, f"this version prepares {', '.join(MODALITIES)}")
    return importlib.import_module(MODALITIES[job.modality])


def _finished(path: Path, made: Row) -> tuple[np.ndarray, Row] | None:
    """Pixels and metadata of a file made earlier under the same settings, if its pixels are still those it was made with."""
    if not path.exists():
        return None
    try:
        pixels, meta = store.read_both(path)
    except Refused:
        return None
    return (pixels, meta) if meta.get("made") == made and meta.get("sha256") == _digest(pixels) else None


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
