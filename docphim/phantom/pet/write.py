"""Write a phantom's PET/CT as a hospital's files would lie: two DICOM series of one study, reports, masks, truth.json.

The headers are of two kinds, after what scanners of two makers write: one whose SeriesTime is when the scan began, one whose
SeriesTime is when the series was made, and whose own element holds the beginning.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

from docphim.phantom.body import Body, rng_of
from docphim.phantom.ct.space import Space
from docphim.phantom.ct.write import OFFSET, fixed_uid, write_nifti
from docphim.phantom.patient import Patient
from docphim.phantom.pet.space import beds
from docphim.phantom.slices import Template, Values
from docphim.phantom.write import uid_of, write_words

if TYPE_CHECKING:
    from docphim.phantom.pet.emission import Emission
    from docphim.phantom.pet.transmission import Transmission

#: Half-life of fluorine-18, s, as scanners write it.
HALF_LIFE = 6586.2
#: Kilograms of a whole patient a litre of what lies above the middle of the thighs.
_KG = 1.14
#: Largest stored value.
_TOP = 32767
#: The makers' own elements that hold the beginning of the scan: group, name of the block, element.
_PRIVATE = {"siemens": (0x0071, "SIEMENS MED PT", 0x22), "ge": (0x0009, "GEMS_PETD_01", 0x0D)}
_MODELS = {"siemens": "PHANTOM PET/CT S-20", "ge": "PHANTOM PET/CT G-16"}
_CORRECTED = {
    "siemens": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
    "ge": ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "RADL", "DCAL", "SLSENS", "NORM"],
}


@dataclass(frozen=True)
class Visit:
    """One patient's visit: weight in kg, height in m, dose in Bq, when it was injected and the scan began, s per bed."""

    scanner: str
    weight: float
    height: float
    dose: float
    injected: datetime
    started: datetime
    duration: int

    @property
    def day(self) -> str:
        """YYYYMMDD."""
        return self.started.strftime("%Y%m%d")

    @property
    def factor(self) -> float:
        """SUV = Bq/ml times this: weight over what is left of the dose when the scan begins."""
        waited = (self.started - self.injected).total_seconds()
        return self.weight * 1000 / (self.dose * 2 ** (-waited / HALF_LIFE))


def visit_of(patient: Patient, body: Body, scanner: str, litres: float) -> Visit:
    """Draw a visit: a height for the body's, the weight of the litres in view, a dose by weight, about an hour of waiting."""
    rng = rng_of(patient, "pet visit")
    height = round((1.67 if patient.sex == "M" else 1.70) * body.scale[2], 2)
    weight = round(litres * _KG, 1)
    day = datetime(int(rng.integers(2018, 2025)), int(rng.integers(1, 13)), int(rng.integers(1, 29)))
    injected = day + timedelta(seconds=int(rng.integers(7 * 3600, 15 * 3600)))
    started = injected + timedelta(seconds=int(rng.integers(56 * 60, 74 * 60)))
    dose = float(round(weight * float(rng.uniform(3.7, 5.2)), 1)) * 1e6
    return Visit(scanner, weight, height, dose, injected, started, int(rng.choice([120, 150, 180])))


def write_study(
    folder: Path,
    patient: Patient,
    visit: Visit,
    emission: Emission,
    transmission: Transmission | None,
    reports: dict[str, dict[str, str]],
    truth: dict[str, Any],
    *,
    masks: bool = False,
) -> None:
    """Write a study's files into `folder`, truth.json last: where it lies, the study is whole.

    Parameters
    ----------
    folder : Path
        The study's own folder, made if absent: `pet/IM0000`, …, `ct/IM0000`, ….
    masks : bool
        Whether each lesion's mask on the PET's grid is written beside it, `mask.NAME.nii.gz`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_pet(folder / "pet", patient, visit, emission.space, emission.volume)
    if transmission is not None:
        write_ct(folder / "ct", patient, visit, transmission.space, transmission.volume)
    for lesion in emission.lesions if masks else ():
        assert lesion.mask is not None  # of a lesion that came out of the scan
        whole = np.zeros(emission.space.shape, np.uint8)
        whole[tuple(slice(f, f + n) for f, n in zip(lesion.first, lesion.mask.shape, strict=True))] = lesion.mask
        write_nifti(folder / f"mask.{lesion.key}_{lesion.number}.nii.gz", whole, emission.space.affine)
    write_words(folder, reports, truth)


def write_pet(folder: Path, patient: Patient, visit: Visit, space: Space, volume: np.ndarray) -> None:
    """Write SUV as Bq/ml, a file a slice, each with its own slope, in an order that names do not tell."""
    folder.mkdir(parents=True, exist_ok=True)
    dataset = _pet_header(patient, visit, space)
    bed = beds(len(volume), space.spacing[0])
    order = rng_of(patient, "pet names").permutation(len(volume))
    template: Template | None = None
    for i, plane in enumerate(volume):
        activity = plane * np.float32(1 / visit.factor)
        slope = f"{max(float(activity.max()), 1e-3) / _TOP:016.10f}"
        values = _pet_values(patient, visit, space, i, int(bed[i]), slope)
        template = template or Template(_with(dataset, values), values)
        stored = np.clip(np.rint(activity * np.float32(1 / float(slope))), 0, _TOP).astype("<u2")
        (folder / f"IM{order[i]:04d}").write_bytes(template.fill(list(values.values())) + stored.tobytes())


def write_ct(folder: Path, patient: Patient, visit: Visit, space: Space, volume: np.ndarray) -> None:
    """Write the CT, a file a slice, in the same frame of reference."""
    folder.mkdir(parents=True, exist_ok=True)
    dataset = _ct_header(patient, visit, space)
    order = rng_of(patient, "pet ct names").permutation(len(volume))
    stored = (volume + OFFSET).astype("<u2")
    template: Template | None = None
    for i in range(len(volume)):
        values = _values(patient, space, "ct", i)
        template = template or Template(_with(dataset, values), values)
        (folder / f"IM{order[i]:04d}").write_bytes(template.fill(list(values.values())) + stored[i].tobytes())


def _with(dataset: FileDataset, values: Values) -> FileDataset:
    """The data set with a slice's values."""
    for (group, element), value in values.items():
        target = dataset.file_meta if group == 2 else dataset
        vr = pydicom.datadict.dictionary_VR((group, element))
        target.add_new((group, element), vr, struct.unpack("<H", value)[0] if vr == "US" else value.decode())
    return dataset


def _values(patient: Patient, space: Space, kind: str, i: int) -> dict[tuple[int, int], bytes]:
    """What differs from slice to slice of either scan: instance UID (twice), number, position, height."""
    uid = fixed_uid(f"pet/{kind}", patient.id, patient.seed, i)
    x, y, z = space.lps(float(space.x[0]), float(space.y[0]), float(space.z[i]))
    position = "\\".join(f"{v:+010.4f}" for v in (x, y, z))  # always as many characters
    texts = {
        (0x0002, 0x0003): uid,
        (0x0008, 0x0018): uid,
        (0x0020, 0x0013): f"{i + 1:06d}",
        (0x0020, 0x0032): position,
        (0x0020, 0x1041): f"{z:+010.4f}",
    }
    return {element: text.encode() for element, text in texts.items()}


def _pet_values(patient: Patient, visit: Visit, space: Space, i: int, bed: int, slope: str) -> dict[tuple[int, int], bytes]:
    """Besides, of a PET: when its bed was taken, when in that time the values hold, its slope and number.

    Beds are taken from the head on; FrameReferenceTime is when the rate is the frame's mean, from the beginning of the scan.
    """
    begun = bed * (visit.duration + 6)
    decayed = math.log(2) / HALF_LIFE * visit.duration
    middle = math.log(decayed / -math.expm1(-decayed)) / (math.log(2) / HALF_LIFE)
    times = {
        (0x0008, 0x0032): f"{visit.started + timedelta(seconds=begun):%H%M%S}.000".encode(),
        (0x0028, 0x1053): slope.encode(),
        (0x0054, 0x1300): f"{(begun + middle) * 1000:012.1f}".encode(),
        (0x0054, 0x1330): struct.pack("<H", i + 1),
    }
    return _values(patient, space, "pet", i) | times


def _pet_header(patient: Patient, visit: Visit, space: Space) -> FileDataset:
    dataset = _header(patient, visit, space, "pet")
    ge = visit.scanner == "ge"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    made = visit.started + timedelta(minutes=34) if ge else visit.started
    dataset.SeriesTime = f"{made:%H%M%S}.00"
    dataset.ContentTime = f"{visit.started + timedelta(minutes=36):%H%M%S}.00"
    dataset.SeriesDescription = "PET AC" if ge else "PET WB CORRECTED"
    dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = int(ge), 16, 15
    dataset.RescaleIntercept = "0"
    dataset.Units, dataset.DecayCorrection, dataset.CountsSource = "BQML", "START", "EMISSION"
    dataset.SeriesType = ["WHOLE BODY", "IMAGE"]
    dataset.CorrectedImage = _CORRECTED[visit.scanner]
    dataset.RandomsCorrectionMethod, dataset.AttenuationCorrectionMethod = "DLYD", "measured, CT"
    dataset.ScatterCorrectionMethod, dataset.ReconstructionMethod = "Model-based", "OSEM"
    dataset.ActualFrameDuration = visit.duration * 1000
    dataset.NumberOfSlices = space.z.size
    dataset.DecayFactor = "1.0"
    dataset.CollimatorType = "NONE"
    dataset.RadiopharmaceuticalInformationSequence = Items([_injection(visit, ge)])
    group, creator, element = _PRIVATE[visit.scanner]
    block = dataset.private_block(group, creator, create=True)
    block.add_new(element, "DT", f"{visit.started:%Y%m%d%H%M%S}.00")
    return dataset


def _injection(visit: Visit, ge: bool) -> Dataset:
    """The tracer: one maker writes the time of the injection alone, the other its date as well."""
    item = Dataset()
    item.Radiopharmaceutical = "FDG -- fluorodeoxyglucose" if ge else "Fluorodeoxyglucose"
    item.RadiopharmaceuticalStartTime = f"{visit.injected:%H%M%S}.00"
    if not ge:
        item.RadiopharmaceuticalStartDateTime = f"{visit.injected:%Y%m%d%H%M%S}.00"
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = f"{visit.dose:.0f}", f"{HALF_LIFE}"
    item.RadionuclidePositronFraction = "0.967"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C-111A1", "SRT", "^18^Fluorine"
    item.RadionuclideCodeSequence = Items([code])
    return item


def _ct_header(patient: Patient, visit: Visit, space: Space) -> FileDataset:
    dataset = _header(patient, visit, space, "ct")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    taken = visit.started - timedelta(minutes=2)
    dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = f"{taken:%H%M%S}.000"
    dataset.SeriesDescription = "CT WB LOW DOSE"
    dataset.KVP, dataset.ConvolutionKernel, dataset.XRayTubeCurrent = "120", "B31f", "60"
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = f"{-OFFSET}", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    return dataset


def _header(patient: Patient, visit: Visit, space: Space, kind: str) -> FileDataset:
    """What both series share."""
    meta = FileMetaDataset()
    kinds = {"pet": PositronEmissionTomographyImageStorage, "ct": CTImageStorage}
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = kinds[kind], ExplicitVRLittleEndian
    meta.ImplementationClassUID = pydicom.uid.UID(uid_of("docphim"))
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet, dataset.SOPClassUID = "ISO_IR 192", kinds[kind]
    dataset.StudyInstanceUID = uid_of("pet study", patient.id, patient.seed)
    dataset.SeriesInstanceUID = uid_of("pet series", patient.id, patient.seed, kind)
    dataset.FrameOfReferenceUID = uid_of("pet frame", patient.id, patient.seed)
    dataset.PositionReferenceIndicator = ""
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = visit.day
    dataset.StudyTime = f"{visit.started - timedelta(minutes=3):%H%M%S}.00"
    dataset.AccessionNumber = f"PP{patient.seed % 10**12:012d}"
    dataset.ReferringPhysicianName, dataset.InstitutionName = "", "Docphim Phantom Hospital"
    dataset.Modality = {"pet": "PT", "ct": "CT"}[kind]
    dataset.Manufacturer, dataset.ManufacturerModelName = "Docphim Phantom Works", _MODELS[visit.scanner]
    dataset.StudyDescription = "PET/CT TOÀN THÂN"
    dataset.PatientName, dataset.PatientID = f"PHANTOM^{patient.id}"[:64], patient.id
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "", patient.sex, f"{patient.age:03d}Y"
    dataset.PatientSize, dataset.PatientWeight = f"{visit.height:.2f}", f"{visit.weight:.1f}"
    dataset.BodyPartExamined, dataset.PatientPosition = "WHOLEBODY", "HFS"
    dataset.StudyID, dataset.SeriesNumber, dataset.AcquisitionNumber = "1", {"ct": 2, "pet": 4}[kind], 1
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    depth, row, column = space.spacing
    dataset.SliceThickness, dataset.PixelSpacing = f"{depth:g}", [f"{row:.6f}", f"{column:.6f}"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns, dataset.BitsAllocated = space.y.size, space.x.size, 16
    dataset.PixelData = bytes(2 * space.y.size * space.x.size)
    dataset["PixelData"].VR = "OW"
    return dataset
