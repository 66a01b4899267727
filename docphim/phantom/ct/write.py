"""Write a synthetic CT as a hospital's files would lie: DICOM series or NIfTI, reports, masks of lesions, and truth.json."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from docphim.files import atomic
from docphim.phantom.body import rng_of
from docphim.phantom.patient import Patient
from docphim.phantom.slices import Template
from docphim.phantom.write import uid_of, write_words

if TYPE_CHECKING:
    from docphim.phantom.ct.scan import Scan

#: What the invented scanner calls its kernels, after the scale that most scanners use: from 46 on they enhance edges.
KERNEL_NAMES = {"smooth": "B31f", "sharp": "B60f"}
#: Elements that differ from slice to slice: both instance UIDs, the number, the position, the height.
_CHANGING = ((0x0002, 0x0003), (0x0008, 0x0018), (0x0020, 0x0013), (0x0020, 0x0032), (0x0020, 0x1041))
#: Stored values are HU plus this.
OFFSET = 1024
#: From voxel (x, y, z) in mm to the left, back and head (DICOM) to NIfTI's right, front and head.
_TO_NIFTI = np.diag([-1.0, -1.0, 1.0, 1.0])
_SERIES = {"native": "NGỰC KHÔNG TIÊM", "arterial": "NGỰC TIÊM ĐỘNG MẠCH", "venous": "NGỰC TIÊM TĨNH MẠCH"}


def write_study(
    folder: Path,
    patient: Patient,
    scans: Sequence[Scan],
    reports: dict[str, dict[str, str]],
    truth: dict[str, Any],
    *,
    format: str,
) -> None:
    """Write a study's files into `folder`, truth.json last: where it lies, the study is whole.

    Parameters
    ----------
    folder : Path
        The study's own folder, made if absent.
    patient, scans
        Who, and one scan a reconstruction.
    reports : dict
        Language to sections to text; a section is written as a line with its name and the text below.
    truth : dict
        JSON-ready; written as it is.
    format : str
        `dicom`: a folder series1, series2, … a scan, with a file a slice; `nifti`: series1.nii.gz, …
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, scan in enumerate(scans, 1):
        if format == "nifti":
            write_nifti(folder / f"series{number}.nii.gz", scan.volume, scan.affine)
        else:
            write_series(folder / f"series{number}", scan, patient, number)
        for name, mask in scan.masks.items():
            write_nifti(folder / f"mask{number}.{name}.nii.gz", mask.astype(np.uint8), scan.affine)
    write_words(folder, reports, truth)


def write_nifti(path: Path, volume: NDArray[Any], affine: NDArray[np.float64]) -> None:
    """Write a volume (z, y, x) as NIfTI-1; `affine` takes voxel (x, y, z) to mm as DICOM counts them (LPS)."""
    import nibabel as nib

    image = nib.nifti1.Nifti1Image(volume.transpose(2, 1, 0), _TO_NIFTI @ affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 1)
    with atomic(path, "wb") as handle:
        handle.write(gzip.compress(image.to_bytes(), 1, mtime=0))


def write_series(folder: Path, scan: Scan, patient: Patient, number: int = 1) -> None:
    """Write a scan as a DICOM series, explicit VR little endian, a file a slice in an order that names do not tell.

    The header is encoded once; what differs from slice to slice (its UID, number, place) is put into it as bytes of
    the same length.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = len(scan.volume)
    order = rng_of(patient, f"ct names {number}").permutation(count)
    dataset = _header(scan, patient, number)
    template = Template(dataset, dict(zip(_CHANGING, _slice_texts(scan, patient, number, 0), strict=True)))
    stored = (scan.volume + OFFSET).astype("<u2")
    for i in range(count):
        head = template.fill(_slice_texts(scan, patient, number, i))
        (folder / f"IM{order[i]:04d}").write_bytes(head + stored[i].tobytes())


def fixed_uid(*parts: object) -> str:
    """A UID of always the same length, so that one can stand where another stood."""
    digits = uid_of(*parts).removeprefix("2.25.").zfill(38)[-38:]
    return f"2.25.1{digits}"


def _slice_texts(scan: Scan, patient: Patient, number: int, i: int) -> tuple[bytes, ...]:
    """What differs from slice to slice: instance UID (in the file's meta group and the data set), number, position, height."""
    uid = fixed_uid("slice", patient.id, patient.seed, number, i)
    x, y, z = (scan.affine @ np.array([0, 0, i, 1.0]))[:3]
    position = "\\".join(f"{v:+010.4f}" for v in (x, y, z))  # always as many characters
    return tuple(text.encode() for text in (uid, uid, f"{i + 1:06d}", position, f"{z:+010.4f}"))


def _header(scan: Scan, patient: Patient, number: int) -> FileDataset:
    texts = [value.decode() for value in _slice_texts(scan, patient, number, 0)]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.ImplementationClassUID = pydicom.uid.UID(uid_of("docphim"))
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = pydicom.uid.UID(texts[0])
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Modality, dataset.BodyPartExamined, dataset.PatientPosition = "CT", "CHEST", "HFS"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Docphim Phantom Works", "PHANTOM CT-64"
    _identity(dataset, scan, patient, number)
    dataset.KVP, dataset.ConvolutionKernel = "120", KERNEL_NAMES[scan.kernel]
    if scan.phase != "native":
        dataset.ContrastBolusAgent = "IODINE"
    depth, row, column = scan.spacing
    dataset.SliceThickness = f"{depth:g}"
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [f"{row:.6f}", f"{column:.6f}"]
    _, rows, columns = scan.volume.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = f"{-OFFSET}", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    dataset.InstanceNumber, dataset.ImagePositionPatient, dataset.SliceLocation = texts[2], texts[3].split("\\"), texts[4]
    dataset.PixelData = bytes(scan.volume[0].nbytes)
    dataset["PixelData"].VR = "OW"
    return dataset


def when(patient: Patient) -> tuple[str, str]:
    """The day (YYYYMMDD) and the time (HHMMSS) of a patient's scan."""
    rng = rng_of(patient, "ct dicom")
    day = f"20{rng.integers(18, 25):02d}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}"
    return day, f"{rng.integers(7, 18):02d}{rng.integers(60):02d}{rng.integers(60):02d}"


def _identity(dataset: Dataset, scan: Scan, patient: Patient, number: int) -> None:
    dataset.StudyInstanceUID = uid_of("ct study", patient.id, patient.seed)
    dataset.SeriesInstanceUID = uid_of("ct series", patient.id, patient.seed, number)
    dataset.FrameOfReferenceUID = uid_of("ct frame", patient.id, patient.seed)
    day, time = when(patient)
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = time
    dataset.AccessionNumber = f"PC{patient.seed % 10**12:012d}"
    dataset.ReferringPhysicianName = ""
    dataset.InstitutionName = "Docphim Phantom Hospital"
    dataset.PatientName, dataset.PatientID = f"PHANTOM^{patient.id}"[:64], patient.id
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "", patient.sex, f"{patient.age:03d}Y"
    dataset.StudyID, dataset.SeriesNumber, dataset.AcquisitionNumber = "1", number, 1
    dataset.StudyDescription = "CHỤP CẮT LỚP VI TÍNH NGỰC"
    dataset.SeriesDescription = _SERIES[scan.phase]
