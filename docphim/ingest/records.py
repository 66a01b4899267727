"""What a source hands to `ingest`: a study with the places of its images, or a rejection; and the notes it takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from docphim.study import Study


@dataclass(frozen=True, slots=True)
class Found:
    """A study that is kept.

    Attributes
    ----------
    study : Study
        As it goes into studies.jsonl; no original id, name or path in it.
    locations : dict
        Series id → where its pixels are: an absolute path, `parquet:PATH#COLUMN/ROW GROUP/ROW` or
        `arrow:PATH#COLUMN/BATCH/ROW`.
    original_id : str
        The id the study came with; private.csv alone holds it.
    """

    study: Study
    locations: dict[str, str]
    original_id: str


@dataclass(frozen=True, slots=True, order=True)
class Rejection:
    """Something that is left out: hashed id, reason code (`errors.REASONS`), one sentence without names or paths."""

    study: str
    reason: str
    why: str


@dataclass
class Notes:
    """What a source decided or counted on its way, for ingest_notes.json: no id, name or path in it."""

    said: dict[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
