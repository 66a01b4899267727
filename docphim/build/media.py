"""What is shown of each study: its media as its modalities make them, and whose pixels an example shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from docphim.errors import REASONS, Refused
from docphim.files import read_jsonl
from docphim.imaging import frames, modality, settings_of, thumbs
from docphim.recipe import Section
from docphim.study import Media, Row


@dataclass(frozen=True)
class Pictures:
    """The prepared series of a dataset.

    Attributes
    ----------
    rows : dict
        Study → its rows of index.jsonl.
    media : dict
        Study → what is shown of it; a study of which nothing can be shown is not here.
    refused : list
        Rows of rejected.jsonl: studies whose volumes cannot be shown together.
    thumbs : dict
        Modality → its rows of index.jsonl, and their thumbnails.
    lost : dict
        Study → rows of rejected.jsonl of those of its series that were not prepared.
    """

    rows: dict[str, list[Row]]
    media: dict[str, list[Media]]
    refused: list[Row]
    thumbs: dict[str, tuple[list[Row], np.ndarray]]
    lost: dict[str, list[Row]]


def read(dataset: Path, settings: dict[str, Row]) -> Pictures:
    """Read what prepare has written; `settings` as prepare takes them."""
    index = list(read_jsonl(dataset / "prepared" / "index.jsonl"))
    checked = settings_of(settings)
    rows: dict[str, list[Row]] = {}
    for row in index:
        rows.setdefault(row["study"], []).append(row)
    lost: dict[str, list[Row]] = {}
    for row in read_jsonl(dataset / "rejected.jsonl"):
        if row["stage"] == "prepare":
            lost.setdefault(row["study"], []).append(row)
    media, refused = {}, []
    for study, of_study in rows.items():
        try:
            check_together({row["modality"] for row in of_study}, checked, lost.get(study, []))
            media[study] = media_of(study, of_study, checked)
        except Refused as refusal:
            refused.append({"study": study, "stage": "build", "reason": refusal.reason, "why": refusal.why})
    return Pictures(
        rows, {study: shown for study, shown in media.items() if shown}, refused, thumbs.read(dataset / "prepared", index), lost
    )


def check_together(prepared: set[str], settings: Mapping[str, Section], lost: list[Row]) -> None:
    """Refuse a study of which only part is there, where modalities of the recipe are shown together alone.

    Parameters
    ----------
    prepared : set of str
        Modalities of its series that were prepared.
    lost : list of dict
        Rows of rejected.jsonl of those that were not.

    Raises
    ------
    Refused
        By the reason that the modality's `TOGETHER` gives, such as `ct_missing`.
    """
    for name in settings:
        together: Mapping[str, str] = getattr(modality(name), "TOGETHER", {})
        if prepared.isdisjoint(together):
            continue
        for needed, reason in together.items():
            if needed not in prepared:
                reasons = ", ".join(sorted({row["reason"] for row in lost} - {reason}))
                raise Refused(reason, "", f"{REASONS[reason]} ({reasons})" if reasons else "")


def media_of(study: str, rows: list[Row], settings: Mapping[str, Section]) -> list[Media]:
    """What the study's modalities make of its prepared series, in the order in which these came.

    Raises
    ------
    Refused, UsageError
        As `frames.check_media`.
    """
    shown = [
        entry
        for name in dict.fromkeys(row["modality"] for row in rows)
        for entry in modality(name).media(study, rows, settings[name])
    ]
    by_path = {row["path"]: row for row in rows}
    for entry in shown:
        frames.check_media(entry, {name: by_path[path] for name, path in entry.volumes.items()})
    return shown


def tags(media: Iterable[Media]) -> str:
    """The tags that stand for media in a message, one each."""
    return "".join(f"<{entry.kind}>" for entry in media)


def studies_shown(study: str, media: Iterable[Media]) -> list[str]:
    """Whose pixels an example of `study` shows: its own, and those of every other study among its media (a prior)."""
    return list(dict.fromkeys([study, *(entry.study for entry in media)]))


def modalities(media: Iterable[Media]) -> tuple[str, ...]:
    """The modalities that are shown, sorted: only a study of the same ones can stand in for another."""
    return tuple(sorted({name for entry in media for name in entry.volumes}))


def missing(pictures: Pictures, study: str, volumes: Iterable[str]) -> tuple[str, str] | None:
    """Why a study cannot serve a task that needs `volumes`, as a sentence after the modality it lacks; None where it can."""
    for name in volumes:
        if name not in modalities(pictures.media[study]):
            reasons = sorted({row["reason"] for row in pictures.lost.get(study, [])})
            return name, f"refused: {', '.join(reasons)}" if reasons else "not in the study"
    return None
