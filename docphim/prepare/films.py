"""What one worker does: films of one group, read, prepared and written, each under its own name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from docphim.errors import Refused
from docphim.imaging import store
from docphim.imaging.xray import read_film

Row = dict[str, Any]

#: Counts up when the same film would give other pixels; part of every prepared file.
VERSION = 2
_THUMB = 32
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
            film = read_film(job.location, long_side)
            pixels = film.pixels
            meta: Row = {
                "shape": list(pixels.shape),
                "spacing": list(film.spacing) if film.spacing else None,
                "unit": "display",
                "view": film.view,
                "sha256": _digest(pixels),
                "how": dict(sorted(film.how.items())),  # as it will come back from the file
                "made": made,
            }
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
    row = {"study": job.study, "series": job.series, "path": job.path, "shape": meta["shape"], "spacing": meta["spacing"]}
    row |= {"unit": meta["unit"], "view": view, "sha256": meta["sha256"], "how": meta["how"]}
    return Outcome(job, row, thumbnail(pixels))


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """The film averaged to 32 x 32, float32 0..1: for neighbours and duplicates, so the film's shape is let go."""
    image = Image.fromarray(pixels.astype(np.float32))
    return np.asarray(image.resize((_THUMB, _THUMB), Image.Resampling.BOX)) / np.float32(65535)


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
