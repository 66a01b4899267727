"""Phantom CT for the source `phantom`: scan one patient and write the study; read a written one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from docphim.errors import Refused
from docphim.files import read_json
from docphim.ingest.phantom_files import damaged, sections_of
from docphim.ingest.records import Rejection, SourceStudy
from docphim.phantom.ct.names import POST_OPERATIVE, ct_rate_labels, scanned, truth_labels
from docphim.phantom.patient import sample_patient
from docphim.phantom.reports import LANGUAGES, compose
from docphim.study import Labels, Report, Row, Series, Study, to_row

#: What of truth.json goes into studies.jsonl, besides the rewording of the report's language.
TRUTH = ("findings", "labels", "label_set", "lesions", "phase", "kernel", "post_operative")


def write(
    folder: Path,
    index: int,
    *,
    seed: int,
    profile: str,
    size: int,
    step_mm: float,
    format: str,
    masks: bool,
    both_kernels: bool,
) -> None:
    """Scan a patient, word what is visible, and write the study into `folder`; the arguments are the source's options."""
    from docphim.phantom.ct.scan import scan
    from docphim.phantom.ct.write import when, write_study

    patient = sample_patient(index, seed, profile)
    phase, kernel = scanned(patient, profile)
    kernels = [kernel] + [k for k in ("smooth", "sharp") if both_kernels and k != kernel]
    scans = [scan(patient, size, step_mm, kernel=k, phase=phase, masks=masks and k == kernel) for k in kernels]
    findings = scans[0].findings
    both = [
        {language: compose(patient, findings, None, language, wording, profile, "ct") for language in LANGUAGES}
        for wording in (0, 1)
    ]
    truth: Row = {
        "patient": {"id": patient.id, "sex": patient.sex, "age": patient.age, "day": when(patient)[0]},
        "findings": [to_row(f) for f in findings],
        "labels": truth_labels(findings),
        "label_set": "phantom_ct",
        "lesions": scans[0].lesions,
        "phase": phase,
        "kernel": kernel,
        "post_operative": any(f.name in POST_OPERATIVE for f in findings),
        "reworded": both[1],
    }
    write_study(folder, patient, scans, both[0], truth, format=format)


def study(folder: Path, language: Literal["vi", "en"]) -> SourceStudy | Rejection:
    """A written study, its scan one series of the dataset however many reconstructions there are."""
    from docphim.language.labels import label_names

    name = folder.name
    try:
        truth: dict[str, Any] = read_json(folder / "truth.json")
        sections = sections_of((folder / f"report.{language}.txt").read_text(encoding="utf-8"))
        known = {key: truth[key] for key in TRUTH} | {"reworded": truth["reworded"][language]}
        who, location = truth["patient"], _location(folder)
        shown = {f["name"] for f in truth["findings"] if f["visible"]}
        day = f"{who['day'][:4]}-{who['day'][4:6]}-{who['day'][6:]}"
        values = ct_rate_labels(shown, label_names("ct_rate"))
    except (Refused, OSError, ValueError, KeyError, TypeError):
        return damaged(name)
    series = Series(f"{name}-1", "ct", f"prepared/{name}-1.b2nd", "HU")
    report, labels = Report(language, sections), Labels("ct_rate", "given", values)
    row = Study(name, who["id"], who["sex"], who["age"], day, [series], report, labels, None, "phantom", known)
    return SourceStudy(row, {series.id: location}, name)


def _location(folder: Path) -> str:
    """The NIfTI file, or every file of every series, as `docphim.imaging.io.locations` reads it."""
    volume = folder / "series1.nii.gz"
    if volume.exists():
        return str(volume)
    names = sorted(p.relative_to(folder).as_posix() for p in folder.glob("series*/IM*"))
    if not names:
        raise FileNotFoundError(folder)
    return "series:" + json.dumps([str(folder), *names])
