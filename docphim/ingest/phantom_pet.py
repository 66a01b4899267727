"""Phantom PET/CT for the source `phantom`: scan one patient twice and write the study; read a written one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from docphim.errors import Refused
from docphim.files import read_json
from docphim.imaging.io.locations import SeriesFiles
from docphim.ingest.phantom_files import damaged, sections_of
from docphim.ingest.records import Rejection, SourceStudy
from docphim.phantom.reports import LANGUAGES
from docphim.study import Report, Series, Study

#: What of truth.json goes into studies.jsonl, besides the rewording of the report's language.
TRUTH = ("findings", "labels", "label_set", "regions", "records", "lesions", "landmarks", "arms", "signs", "scanner")


def write(
    folder: Path,
    index: int,
    *,
    seed: int,
    profile: str,
    size: int,
    step_mm: float,
    ct_size: int | None,
    field_mm: float | None,
    bed_seams: bool,
    with_ct: bool,
    masks: bool,
) -> None:
    """Scan a patient, word what is visible, and write the study into `folder`; the arguments are the source's options."""
    from docphim.phantom.pet.reports import compose
    from docphim.phantom.pet.study import take, truth_of
    from docphim.phantom.pet.write import write_study

    taken = take(
        index, seed, profile, size=size, step_mm=step_mm, ct_size=ct_size, field_mm=field_mm, seams=bed_seams, ct=with_ct
    )
    both = [
        {
            language: compose(taken.patient, taken.emission.lesions, language, wording, profile, taken.signs)
            for language in LANGUAGES
        }
        for wording in (0, 1)
    ]
    truth = truth_of(taken) | {"reworded": both[1]}
    write_study(folder, taken.patient, taken.visit, taken.emission, taken.transmission, both[0], truth, masks=masks)


def study(folder: Path, language: Literal["vi", "en"]) -> SourceStudy | Rejection:
    """A written study: its PET, and its CT laid on the PET's grid where it has one."""
    name = folder.name
    try:
        truth: dict[str, Any] = read_json(folder / "truth.json")
        sections = sections_of((folder / f"report.{language}.txt").read_text(encoding="utf-8"))
        known = {key: truth[key] for key in TRUTH} | {"reworded": truth["reworded"][language]}
        who = truth["patient"]
        pet = _files(folder / "pet")
        day = f"{who['day'][:4]}-{who['day'][4:6]}-{who['day'][6:]}"
    except (Refused, OSError, ValueError, KeyError, TypeError):
        return damaged(name)
    series, places = [Series(f"{name}-pet", "pet", f"prepared/{name}-pet.b2nd", "SUV")], [pet]
    if (folder / "ct").is_dir():
        series.append(Series(f"{name}-ct", "pet_ct", f"prepared/{name}-ct.b2nd", "HU"))
        places.append(_pair(_files(folder / "ct"), pet))
    report = Report(language, sections)
    row = Study(name, who["id"], who["sex"], who["age"], day, series, report, None, None, "phantom", known)
    return SourceStudy(row, dict(zip((s.id for s in series), places, strict=True)), name)


def _pair(ct: str, pet: str) -> str:
    """The location of the CT that is laid on the grid of the PET."""
    return "pair:" + json.dumps([ct, pet], ensure_ascii=False)


def _files(folder: Path) -> str:
    """The location of the series in a folder."""
    names = tuple(sorted(p.name for p in folder.glob("IM*")))
    if not names:
        raise FileNotFoundError(folder)
    return str(SeriesFiles(str(folder), names))
