"""What a source hands to `ingest`: a study with the places of its images, or a rejection; and the notes it takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from docphim.study import Study


@dataclass(frozen=True, slots=True)
class SourceStudy:
    """A study of the source, and where its pixels are.

    Attributes
    ----------
    study : Study
        As it goes into studies.jsonl; no original id, name or path in it.
    locations : dict
        Series id → where its pixels are, as `docphim.imaging.io.locations` reads it.
    original_id : str
        The id the study came with; private.csv alone holds it.
    """

    study: Study
    locations: dict[str, str]
    original_id: str


@dataclass(frozen=True, slots=True, order=True)
class Rejection:
    """Something that is left out: hashed id, reason code (`errors.REASONS`), one sentence without names or paths.

    `places` and `original_id` are for private.csv alone: where its files or its row of the table are, as
    `SourceStudy.locations` says it (a row is `table:PATH#ROW`), and the id it came with.
    """

    study: str
    reason: str
    why: str
    places: tuple[str, ...] = ()
    original_id: str = ""


@dataclass
class Notes:
    """What a source decided or counted on its way, for ingest_notes.json: no id, name or path in it."""

    record: dict[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def count_people(self, removed: Counter[str]) -> None:
        """Add what was taken out of a text, by kind: `people_names`, `people_addresses`, …"""
        self.counts.update({f"people_{kind}{'es' if kind.endswith('s') else 's'}": n for kind, n in removed.items()})
