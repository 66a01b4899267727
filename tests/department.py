"""A department's archive with faults at known places: films as DICOM and pictures, an Excel export with title rows and one
free-text column, names of invented people everywhere.

    python tests/department.py FOLDER [--studies 300] [--seed 1]

Each study has one fault of `FAULTS`, or none; a fault's line says what must come of it: a reason, or None where it stays.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import pydicom
from openpyxl import Workbook
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "corpus"))
from invented_people import Person, bare, person

from docphim.phantom.film import render
from docphim.phantom.patient import sample_patient
from docphim.phantom.reports import compose
from docphim.phantom.write import write_dicom

HEADER = ["STT", "Số phiếu", "Họ và tên", "Mã BN", "Tuổi", "Giới", "Tên ảnh", "Kết quả đọc"]
TITLES = [["BỆNH VIỆN ĐA KHOA PHANTOM"], ["KHOA CHẨN ĐOÁN HÌNH ẢNH"], ["Sổ X-quang ngực", "", "", "năm 2024"], []]


@dataclass
class Case:
    """One study as it is about to be written: its row of the export (more than one for an addendum), its film."""

    number: int
    patient: Person
    doctor: Person
    rng: Random
    text: str
    picture: bool
    rows: list[list[str]] = field(default_factory=list)
    film: Path | None = None
    planted: set[str] = field(default_factory=set)

    @property
    def slip(self) -> str:
        return f"XQ24{self.number:05d}"

    @property
    def file(self) -> str:
        return f"{self.slip}.{'png' if self.picture else 'dcm'}"


def _changed(keyword: str, value: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        film = pydicom.dcmread(case.film)
        setattr(film, keyword, value)
        film.save_as(case.film)

    return change


def _redrawn(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Case], None]:
    def redraw(case: Case) -> None:
        with Image.open(case.film) as film:
            pixels = np.asarray(film)
        Image.fromarray(np.ascontiguousarray(change(pixels))).save(case.film)

    return redraw


def _cell(change: Callable[[Case, str], str]) -> Callable[[Case], None]:
    def fill(case: Case) -> None:
        case.rows[0][-1] = change(case, case.rows[0][-1])

    return fill


def _named(change: Callable[[Case], str]) -> Callable[[Case], None]:
    def name(case: Case) -> None:
        case.rows[0][-2] = change(case)

    return name


def _another_patient(case: Case) -> None:
    case.rows[0][3] = f"BN{case.number + 50_000}"
    case.rows[0][2] = person(case.rng).name


def _cut(case: Case) -> None:
    data = case.film.read_bytes()
    case.film.write_bytes(data[: len(data) // 2])


def _addendum(case: Case) -> None:
    case.rows.append([*case.rows[0][:-1], case.rows[0][-1] + "\nBổ sung: Gãy xương sườn 5 phải."])


def _numbers(case: Case, text: str) -> str:
    digits = case.patient.digits
    return f"{text}\nĐT: 09{digits[:2]} {digits[2:5]} {digits[5:8]}\nBHYT: GD4{digits[:12]}"


def _drawing(_: np.ndarray) -> np.ndarray:
    page = np.full((600, 800), 255, np.uint8)
    for bar in range(5):
        page[500 - 80 * bar : 560, 100 + 120 * bar : 180 + 120 * bar] = 40 * bar
    return page


def _html(case: Case, text: str) -> str:
    lines = "".join(f"<p>{line}</p>" for line in text.replace("&", "&amp;").split("\n"))
    return f"<html><body><b>BS. {case.doctor.name}</b>{lines}</body></html>"


#: Fault → (whether the film is a picture, what is done, the reason that must come of it).
FAULTS: dict[str, tuple[bool, Callable[[Case], None], str | None]] = {
    "film of another patient": (False, _another_patient, "patient_mismatch"),
    "knee by the study's description": (False, _changed("BodyPartExamined", "KNEE"), "body_part_out_of_scope"),
    "lateral": (False, _changed("ViewPosition", "LL"), "view_out_of_scope"),
    "cut file": (False, _cut, "file_truncated"),
    "report nan": (False, _cell(lambda case, text: "nan"), "report_empty"),
    "row without film": (True, lambda case: case.film.unlink(), "image_missing"),
    "film without row": (True, lambda case: case.rows.clear(), "report_missing"),
    "addendum": (True, _addendum, "report_duplicate"),
    "upside down": (True, _redrawn(np.flipud), "upside_down"),
    "sideways": (True, _redrawn(np.rot90), "sideways"),
    "negative": (True, _redrawn(lambda pixels: 255 - pixels), "polarity_contradicts"),
    "drawing": (True, _redrawn(_drawing), "not_a_chest_film"),
    "doubtful signature": (True, _cell(lambda case, text: text + "\nBS CKII quýnh thoảng"), "identity_doubtful"),
    "report as HTML": (True, _cell(_html), None),
    "report misread": (True, _cell(lambda case, text: text.encode().decode("latin-1")), None),
    "Windows path": (True, _named(lambda case: f"D:\\Phim\\2024\\{case.file}"), None),
    "another case and suffix": (True, _named(lambda case: case.slip.lower() + ".JPG"), None),
    "signed in a chain": (True, _cell(lambda case, text: f"{text}\nThS.BS.CKII. {case.doctor.name}"), None),
    "patient in the text": (False, _cell(lambda case, text: f"Bệnh nhân {case.patient.name.upper()}, {text}"), None),
    "patient without accents": (False, _cell(lambda case, text: f"BN {bare(case.patient.name)}. {text}"), None),
    "telephone and insurance": (True, _cell(_numbers), None),
}  # fmt: skip


def write(folder: Path, studies: int, seed: int = 1) -> tuple[Counter[str], set[str], dict[str, str]]:
    """Write the archive.

    Returns
    -------
    tuple
        How many refusals of each reason must come, every name and number that may stand in no output, and each refused
        study's film or slip with its reason.
    """
    expected: Counter[str] = Counter()
    planted: set[str] = set()
    lost: dict[str, str] = {}
    lines: list[list[str]] = []
    kinds = list(FAULTS)
    for number in range(studies):
        fault = kinds[number // 3 % len(kinds)] if number % 3 == 2 else ""
        case = _case(folder, number, seed, FAULTS[fault][0] if fault else number % 2 == 0)
        if fault:
            _, change, reason = FAULTS[fault]
            change(case)
            if reason:
                expected[reason] += 1
                lost[case.slip] = reason
        lines += case.rows
        planted |= {case.patient.name, bare(case.patient.name), case.doctor.name, f"BN{case.number + 10_000}"}
    book = Workbook()
    sheet = book.active
    for line in [*TITLES, HEADER, *([str(n), *line] for n, line in enumerate(lines, 1))]:
        sheet.append(line)
    book.save(folder / "Sổ XQ 2024.xlsx")
    return expected, planted, lost


def _case(folder: Path, number: int, seed: int, picture: bool) -> Case:
    rng = Random(f"{seed}/{number}")
    who = sample_patient(number, seed, "demo")
    rendered = render(who, 256)
    sections = compose(who, [f for f in rendered.findings if f.visible], rendered.ctr, "vi", 0, "demo")
    text = f"MÔ TẢ:\n{sections['findings']}\nKẾT LUẬN:\n{sections['impression']}"
    case = Case(number, person(rng), person(rng), rng, text, picture)
    case.film = folder / ("anh" if picture else "dicom") / case.file
    case.film.parent.mkdir(parents=True, exist_ok=True)
    if picture:
        pixels = rendered.pixels.astype(float)
        Image.fromarray((255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8)).save(case.film)
    else:
        write_dicom(case.film, rendered, who)
        film = pydicom.dcmread(case.film)
        film.PatientName, film.PatientID = bare(case.patient.name).upper().replace(" ", "^", 1), f"BN{number + 10_000}"
        film.AccessionNumber = case.slip
        film.ReferringPhysicianName = bare(case.doctor.name)
        film.save_as(case.film)
    sex = {"F": "Nữ", "M": "Nam"}[who.sex]
    case.rows = [[case.slip, case.patient.name, f"BN{number + 10_000}", str(who.age), sex, case.file, text]]
    return case


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    expected, _, _ = write(given.folder, given.studies, given.seed)
    for reason, count in sorted(expected.items()):
        print(f"{reason:26} {count}")


if __name__ == "__main__":
    main()
