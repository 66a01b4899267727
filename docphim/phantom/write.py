"""Write a synthetic study as a hospital's files would lie: film.dcm, the reports as text, and truth.json."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from docphim.files import atomic, write_json
from docphim.phantom.body import rng_of
from docphim.phantom.patient import Patient

if TYPE_CHECKING:
    from docphim.phantom.film import Rendered

#: Invented readers: (maker, model, bits stored, modality).
DEVICES = (
    ("Docphim Phantom Works", "PHANTOM CR-12", 12, "CR"),
    ("Docphim Phantom Works", "PHANTOM CR-14", 14, "CR"),
    ("Docphim Phantom Works", "PHANTOM CR-10", 12, "CR"),
    ("Docphim Phantom Works", "PHANTOM DX-14", 14, "DX"),
)
#: SOP class of each modality (PS3.4 B.5).
CLASSES = {"CR": ComputedRadiographyImageStorage, "DX": DigitalXRayImageStorageForPresentation}


def uid_of(*parts: object) -> str:
    """A UID under the UUID root 2.25 (DICOM PS3.5 B.2), the same for the same parts."""
    return f"2.25.{int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:16], 'big') % (1 << 127)}"


def write_study(
    folder: Path, patient: Patient, rendered: Rendered, reports: dict[str, dict[str, str]], truth: dict[str, Any]
) -> None:
    """Write a study's files into `folder`, each atomically, truth.json last: where it lies, the study is whole.

    Parameters
    ----------
    folder : Path
        The study's own folder, made if absent.
    patient, rendered
        The patient and the film taken of it.
    reports : dict
        Language to sections to text; a section is written as a line with its name and the text below.
    truth : dict
        JSON-ready; written as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_dicom(folder / "film.dcm", rendered, patient)
    write_words(folder, reports, truth)


def write_words(folder: Path, reports: dict[str, dict[str, str]], truth: dict[str, Any]) -> None:
    """Write a study's reports and, last, its truth.json; the arguments are those of `write_study`."""
    for language, sections in reports.items():
        with atomic(folder / f"report.{language}.txt") as handle:
            handle.write("\n".join(f"{name}\n{text}\n" for name, text in sections.items()))
    write_json(folder / "truth.json", truth)


def write_dicom(path: Path, rendered: Rendered, patient: Patient) -> None:
    """Write a film as DICOM CR (some as DX), explicit VR little endian; the same bytes for the same patient and film.

    A third is stored as MONOCHROME1, some with 14 bits; all carry the window that shows the film as it was rendered.
    """
    rng = rng_of(patient, "dicom")
    maker, model, bits, modality = DEVICES[rng.integers(len(DEVICES))]
    inverted = bool(rng.random() < 1 / 3)
    dataset = _header(patient, rng, modality)
    dataset.Manufacturer, dataset.ManufacturerModelName = maker, model
    dataset.SoftwareVersions = "1"
    _geometry(dataset, rendered, modality)
    _pixels(dataset, rendered.pixels, bits, inverted)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    with atomic(path, "wb") as handle:
        handle.write(buffer.getvalue())


def _header(patient: Patient, rng: np.random.Generator, modality: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CLASSES[modality]
    meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(uid_of("image", patient.id, patient.seed))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = pydicom.uid.UID(uid_of("docphim"))
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = uid_of("study", patient.id, patient.seed)
    dataset.SeriesInstanceUID = uid_of("series", patient.id, patient.seed)
    dataset.Modality = modality
    day = f"20{rng.integers(18, 25):02d}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}"
    time = f"{rng.integers(7, 18):02d}{rng.integers(60):02d}{rng.integers(60):02d}"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = time
    dataset.AccessionNumber = f"PH{patient.seed % 10**12:012d}"
    dataset.ReferringPhysicianName = ""
    dataset.InstitutionName = "Docphim Phantom Hospital"
    dataset.PatientName, dataset.PatientID = f"PHANTOM^{patient.id}"[:64], patient.id
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "", patient.sex, f"{patient.age:03d}Y"
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", 1, 1
    dataset.StudyDescription = "X-QUANG NGỰC THẲNG"
    return dataset


def _geometry(dataset: Dataset, rendered: Rendered, modality: str) -> None:
    """How the film lies: rows run to the patient's left, columns to the feet (PS3.3 C.7.6.1.1.1)."""
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = rendered.view
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageLaterality = "U"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"] if modality == "CR" else ["ORIGINAL", "PRIMARY", ""]
    dataset.ImagerPixelSpacing = [f"{mm:.6f}" for mm in rendered.spacing]
    dataset.PixelSpacing = dataset.ImagerPixelSpacing
    dataset.BurnedInAnnotation = "NO"
    dataset.KVP = "117" if rendered.view == "PA" else "90"
    if modality == "DX":
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.PresentationLUTShape = "IDENTITY"
        dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", 1


def _pixels(dataset: Dataset, pixels: np.ndarray, bits: int, inverted: bool) -> None:
    top = (1 << bits) - 1
    stored = pixels.astype(np.uint16) << (bits - 12) | pixels >> (24 - bits)
    if inverted:
        stored = top - stored
        if "PresentationLUTShape" in dataset:
            dataset.PresentationLUTShape, dataset.PixelIntensityRelationshipSign = "INVERSE", -1
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, bits, bits - 1, 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.WindowCenter, dataset.WindowWidth = f"{(top + 1) / 2:g}", f"{top + 1:g}"
    dataset.PixelData = stored.astype("<u2").tobytes()
