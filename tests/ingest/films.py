"""Small films and tables for the tests of ingest."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import config
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from docphim.files import read_jsonl
from docphim.ingest import ingest


def write_dicom(path: Path, seed: int = 0, **tags: Any) -> Path:
    """A 64 x 64 CR film whose pixels follow from `seed`; tags by keyword."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = tags.get("SOPInstanceUID", generate_uid(entropy_srcs=[str(path), str(seed)]))
    film = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    film.SpecificCharacterSet = "ISO_IR 192"
    values = {
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": generate_uid(entropy_srcs=["study", str(path)]),
        "SeriesInstanceUID": generate_uid(entropy_srcs=["series", str(path)]),
        "Modality": "CR",
        "ViewPosition": "PA",
        "PatientSex": "M",
        "PatientAge": "072Y",
        "Rows": 64,
        "Columns": 64,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
    }
    with config.disable_value_validation():  # some films are wrong on purpose
        for keyword, value in (values | tags).items():
            setattr(film, keyword, value)
    film.PixelData = np.random.default_rng(seed).integers(0, 4096, (64, 64), dtype=np.uint16).tobytes()
    with config.disable_value_validation():
        film.save_as(path, enforce_file_format=True)
    return path


def write_png(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    return path


def write_csv(path: Path, header: list[str], *rows: list[str], encoding: str = "utf-8", separator: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding=encoding, newline="") as handle:
        csv.writer(handle, delimiter=separator).writerows([header, *rows])
    return path


class Ingested:
    """Runs the folder source in a temporary place and reads what it wrote."""

    def __init__(
        self, tmp: Path, split_by_source: bool = False, language: str = "vi", kind: str = "folder", **options: Any
    ) -> None:
        self.dataset = tmp / "data" / "name" / "key"
        if kind == "folder" and options.get("ids") != "keep":
            options = {"key_file": str(tmp / "secret" / "key")} | options
        options = {"path": str(tmp / "source")} | options
        ingest(kind, options, self.dataset, language=language, split_by_source=split_by_source)
        self.studies = list(read_jsonl(self.dataset / "studies.jsonl"))
        self.rejected = list(read_jsonl(self.dataset / "rejected.jsonl"))
        self.notes = json.loads((self.dataset / "ingest_notes.json").read_text(encoding="utf-8"))
        with open(self.dataset / "private.csv", encoding="utf-8", newline="") as handle:
            self.private = list(csv.DictReader(handle))

    @property
    def reasons(self) -> list[str]:
        return sorted(row["reason"] for row in self.rejected)

    def study(self, original: str) -> dict[str, Any]:
        """The study whose original id this is."""
        names = {row["study"] for row in self.private if row["original_id"] == original}
        return next(s for s in self.studies if s["id"] in names)
