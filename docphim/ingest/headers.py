"""Reads of a DICOM header what the allow-list names; the identities among it serve matching and removal, and go no further."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset

from docphim import files
from docphim.errors import Refused
from docphim.imaging.header_words import mended
from docphim.imaging.io.dicom import check_deflated, quiet
from docphim.ingest.values import age_in, day_of, sex_of, view_of

#: Attributes kept in studies.jsonl.  Geometry is read with the pixels, in `docphim.imaging`.
STORED = ("PatientAge", "PatientSex", "ViewPosition", "Modality")
#: Attributes read to find which report belongs to which film, or to derive a kept one (age, year), and then dropped.
MATCHING = (
    "AccessionNumber",
    "StudyInstanceUID",
    "SOPInstanceUID",
    "PatientID",
    "StudyDate",
    "PatientBirthDate",
)
#: Attributes read to take their values out of the report's text, and then dropped.
NAMES = (
    "PatientName",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "ResponsiblePerson",
    "ReferringPhysicianName",
    "RequestingPhysician",
    "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy",
    "PhysiciansOfRecord",
    "OperatorsName",
)
NUMBERS = ("OtherPatientIDs", "StudyID", "AdmissionID", "PatientTelephoneNumbers")
ALLOWED = (*STORED, *MATCHING, *NAMES, *NUMBERS)

#: Modalities (PS3.3 C.7.3.1.1.1) that are no single film; what else is out of scope is said when pixels are prepared.
NOT_A_FILM = frozenset(
    "CT/MR/PT/NM/US/SR/PR/KO/SEG/REG/DOC/ECG/AU/PLAN/FID/RTSTRUCT/RTDOSE/RTPLAN/RTRECORD/RTIMAGE".split("/")  # noqa: SIM905
)
#: Patient ids that stand for nobody.
_NOBODY = re.compile(
    r"|0+|x+|-+|anon(ymous|ymized|ymised|ym)?\d?|unknown|none|null|n/?a|test|de-?identified|removed", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Header:
    """What ingest learns from one DICOM file; only `sex`, `age`, `view` and the year of `day` leave it in clear."""

    modality: str
    sex: Any
    age: int | None
    view: str
    day: str
    patient: str
    accession: str
    study_uid: str
    sop_uid: str
    name: str
    names: tuple[str, ...]
    numbers: tuple[str, ...]


def read_header(path: Path) -> Header:
    """Read the allow-listed attributes of a DICOM file; pixels are not touched.

    Raises
    ------
    Refused
        `file_unreadable`, or `image_too_large` for a deflated bomb.
    """
    try:
        with quiet(), open(path, "rb") as file:
            check_deflated(file)
            file.seek(0)
            header = _header(pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(ALLOWED)))
    except Refused:
        raise
    except Exception:  # a broken file makes pydicom raise anything, with its values in the message
        raise Refused("file_unreadable", "", "the DICOM header cannot be read") from None
    if not (header.modality or header.sop_uid or header.study_uid):
        raise Refused("file_unreadable", "", "the file has no DICOM header")
    return header


def pixel_digest(path: Path) -> str:
    """SHA-256 of a file's pixel data as it is stored, to tell whether two files of one UID hold the same image.

    Raises
    ------
    Refused
        `file_unreadable`.
    """
    try:
        with quiet():
            dataset = pydicom.dcmread(path, force=True, specific_tags=["Rows", "Columns", "PixelData"])
            return hashlib.sha256(dataset.PixelData).hexdigest()
    except Exception:
        raise Refused("file_unreadable", "", "the pixel data of a repeated UID cannot be read") from None


def same_image(paths: Iterable[Path]) -> bool:
    """Whether files hold one image: the same bytes, or at least the same pixel data."""
    paths = list(paths)
    try:
        return len({files.sha256(path) for path in paths}) == 1 or len({pixel_digest(path) for path in paths}) == 1
    except (OSError, Refused):
        return False


def known_patient(text: str) -> str:
    """A patient id, or '' for one that stands for nobody (ANON, 0000, unknown …)."""
    return "" if _NOBODY.fullmatch(text.strip()) else text.strip()


def _header(dataset: Dataset) -> Header:
    def one(keyword: str) -> str:
        return next(_values(dataset, keyword), "")

    day = day_of(one("StudyDate"))
    return Header(
        modality=one("Modality").upper(),
        sex=sex_of(one("PatientSex")),
        age=age_in(one("PatientAge"), one("PatientBirthDate"), day),
        view=view_of(one("ViewPosition")),
        day=day,
        patient=known_patient(one("PatientID")),
        accession=one("AccessionNumber"),
        study_uid=one("StudyInstanceUID"),
        sop_uid=one("SOPInstanceUID"),
        name=mended(one("PatientName")),
        names=tuple(mended(v) for keyword in NAMES for v in _values(dataset, keyword)),
        numbers=tuple(v for keyword in ("PatientID", "AccessionNumber", *NUMBERS) for v in _values(dataset, keyword)),
    )


def _values(dataset: Dataset, keyword: str) -> Iterator[str]:
    value = dataset.get(keyword)
    values = value if isinstance(value, list | tuple | pydicom.multival.MultiValue) else [value]
    for item in values:
        text = str(item).strip(" \x00") if item is not None else ""
        if text:
            yield text
