"""Faults of films: headers of another scope, damaged pixels, films that lie wrong, names that cannot be read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from case import Case, Change, Fault, Lost, header
from invented_people import bare
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset


def _tags(**tags: object) -> Change:
    return lambda case: header(case, **tags)


def _redrawn(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    def redraw(case: Case) -> None:
        with Image.open(case.film) as film:
            pixels = np.asarray(film)
        Image.fromarray(np.ascontiguousarray(change(pixels))).save(case.film)

    return redraw


def _words(change: Callable[[np.ndarray, int], np.ndarray]) -> Change:
    """Change the stored words of a DICOM film, given how many bits its header says."""

    def rewrite(case: Case) -> None:
        film = pydicom.dcmread(case.film)
        film.PixelData = change(film.pixel_array.astype(np.uint16), film.BitsStored).astype("<u2").tobytes()
        film.save_as(case.film)

    return rewrite


def _overlay(words: np.ndarray, _: int) -> np.ndarray:
    words = words.copy()
    words[20:60, 30:90] |= 0x8000
    return words


def _short_table(case: Case) -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    table.add_new("LUTData", "US", np.linspace(0, 4095, 4096).astype(int).tolist()[:4000])
    header(case, VOILUTSequence=[table])


def _swapped(case: Case) -> None:
    now = pydicom.dcmread(case.film).PhotometricInterpretation
    header(case, PhotometricInterpretation="MONOCHROME2" if now == "MONOCHROME1" else "MONOCHROME1", PresentationLUTShape="")


def _cut(case: Case) -> None:
    data = case.film.read_bytes()
    case.film.write_bytes(data[: len(data) // 2])


def _transparent(pixels: np.ndarray) -> np.ndarray:
    return np.dstack([pixels, np.zeros_like(pixels)])


def _drawing(_: np.ndarray) -> np.ndarray:
    page = np.full((600, 800), 255, np.uint8)
    for bar in range(5):
        page[500 - 80 * bar : 560, 100 + 120 * bar : 180 + 120 * bar] = 40 * bar
    return page


def _second_patient(case: Case) -> None:
    """Another patient's film beside the first, in the same study."""
    film = pydicom.dcmread(case.film)
    film.PatientID, film.SOPInstanceUID = f"BN{case.number + 70_000}", f"2.25.{case.number + 9_000_000}"
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    film.save_as(_beside(case))


def _other_pixels(case: Case) -> None:
    """Another film under the same SOPInstanceUID."""
    film = pydicom.dcmread(case.film)
    film.PixelData = (film.pixel_array // 2).astype("<u2").tobytes()
    film.save_as(_beside(case))
    case.lost.append(Lost("duplicate_uid", (_beside(case).name,), drafts=True))


def _beside(case: Case) -> Path:
    return case.film.with_name(f"{case.film.stem}b.dcm")


def _unreadable_name(case: Case) -> None:
    """A file whose name is no UTF-8, beside the film, which stays."""
    shutil.copy(case.film, os.fsencode(case.film.parent) + f"/ph\xecm {case.number}.png".encode("latin-1"))
    case.lost.append(Lost("unsafe_path", (f"ph\\udcecm {case.number}.png",), drafts=True, looks=True))


def _link(case: Case) -> None:
    """A film that is a link out of the archive."""
    outside = case.folder.parent.with_name(f"{case.folder.parent.name} outside")
    outside.mkdir(exist_ok=True)
    case.film.rename(outside / case.film.name)
    case.film.symlink_to(outside / case.film.name)


def _name_on_film(case: Case) -> None:
    write_on(case, bare(case.patient.name).upper())


def write_on(case: Case, words: str, side: int = 0) -> None:
    """Burn words into the upper left corner of a picture, which may first be enlarged."""
    with Image.open(case.film) as film:
        large = film.resize((side or film.width, side or film.height))
    ImageDraw.Draw(large).text((8, 8), words, fill=255, font=ImageFont.load_default(max(10, side // 24)))
    large.save(case.film)


def _lateral_by_name(case: Case) -> None:
    case.rename(f"{case.slip}_lat.png")


def _half(case: Case) -> None:
    """One half of a film, enlarged: its pixels do not tell how it lies."""
    _redrawn(lambda pixels: np.repeat(np.repeat(pixels[:, : pixels.shape[1] // 2], 2, 0), 2, 1))(case)
    case.unchecked = True


def _named_after_the_patient(case: Case) -> None:
    case.rename(f"{case.patient.name} {case.number}.png")


def _contradicting_age(case: Case) -> None:
    header(case, PatientAge="003Y", PatientBirthDate="19500101")
    case.row["age"], case.age = "", None


def _months(case: Case) -> None:
    header(case, PatientAge="006M")
    case.row["age"], case.age = "", 0


def _film(picture: bool, change: Change, reason: str) -> Fault:
    return Fault(picture, change, reason, drafts=True, looks=True)


_TEETH = {"BodyPartExamined": "", "StudyDescription": "", "RequestedProcedureDescription": "CHỤP RĂNG TOÀN CẢNH"}
FILM_FAULTS: dict[str, Fault] = {
    "knee by its part": _film(False, _tags(BodyPartExamined="KNEE"), "body_part_out_of_scope"),
    "knee by its study": _film(
        False, _tags(BodyPartExamined="", StudyDescription="X-QUANG KHỚP GỐI PHẢI"), "body_part_out_of_scope"
    ),
    "teeth by what was asked for": _film(False, _tags(**_TEETH), "body_part_out_of_scope"),
    "lateral by its view": _film(False, _tags(ViewPosition="LL"), "view_out_of_scope"),
    "lateral by its study": _film(
        False, _tags(ViewPosition="", StudyDescription="X-QUANG NGỰC NGHIÊNG TRÁI"), "view_out_of_scope"
    ),
    "lateral by its name": Fault(True, _lateral_by_name, "view_out_of_scope", drafts=True),
    "animal": _film(False, _tags(PatientSpeciesDescription="Canis lupus familiaris"), "species_out_of_scope"),
    "test of the machine": _film(False, _tags(QualityControlImage="YES"), "quality_control"),
    "raw values": _film(False, _tags(PresentationIntentType="FOR PROCESSING"), "for_processing"),
    "mammogram": _film(False, _tags(Modality="MG"), "modality_unsupported"),
    "cut file": _film(False, _cut, "file_truncated"),
    "values that need more bits": _film(False, _tags(BitsStored=9, HighBit=8), "pixels_undecodable"),
    "short look-up table": _film(False, _short_table, "pixels_undecodable"),
    "negative by its header": _film(False, _swapped, "polarity_contradicts"),
    "negative": _film(True, _redrawn(lambda pixels: 255 - pixels), "polarity_contradicts"),
    "upside down": _film(True, _redrawn(np.flipud), "upside_down"),
    "sideways": _film(True, _redrawn(np.rot90), "sideways"),
    "drawing": _film(True, _redrawn(_drawing), "not_a_chest_film"),
    "transparent": _film(True, _redrawn(_transparent), "pixels_constant"),
    "stamp": _film(True, _redrawn(lambda pixels: pixels[:40, :40]), "image_too_small"),
    "no bytes": Fault(True, lambda case: case.film.write_bytes(b""), "file_empty", True, True, rest="image_missing"),
    "link out of the archive": Fault(True, _link, "unsafe_path", True, False, rest="image_missing"),
    "two patients in a study": Fault(False, _second_patient, "study_mixed_patients", drafts=True),
    "other pixels under one UID": Fault(False, _other_pixels, "duplicate_uid", True, False, rest="image_missing"),
    "half a film": Fault(True, _half),
    "copy under another name": Fault(False, lambda case: shutil.copy(case.film, _beside(case))),
    "name that is no UTF-8": Fault(True, _unreadable_name),
    "name burned in": Fault(True, _name_on_film),
    "file named after the patient": Fault(True, _named_after_the_patient),
    "bits above the stored ones": Fault(False, _words(_overlay)),
    "chest and abdomen": Fault(False, _tags(BodyPartExamined="CHESTABDOMEN")),
    "three years old, born in 1950": Fault(False, _contradicting_age),
    "six months old": Fault(False, _months),
}
