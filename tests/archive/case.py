"""One study of a department's archive as it is written: its film, its row, and what must become of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import pydicom
from invented_people import Person, bare, person
from PIL import Image

from docphim.phantom.film import render
from docphim.phantom.patient import sample_patient
from docphim.phantom.reports import compose
from docphim.phantom.write import write_dicom

SIZE = 128  # pixels of a film's side


@dataclass(frozen=True)
class Lost:
    """A refusal that must come.

    Attributes
    ----------
    reason : str
        Its code.
    places : tuple of str
        How the places that private.csv gives for it end: `anh/XQ2400001.png`, `Sổ.xlsx#Sheet!12`.
    drafts, looks : bool
        It is the film's own fault, which `docphim draft` meets too; and `docphim inspect`, which reads one file at a time.
    """

    reason: str
    places: tuple[str, ...]
    drafts: bool = False
    looks: bool = False


@dataclass
class Case:
    """A study; a fault changes its film, its `row`, or both, and `plant`s what may stand in no output."""

    number: int
    folder: Path
    patient: Person
    doctor: Person
    rng: Random
    film: Path
    sections: dict[str, str]
    age: int | None
    sex: str
    day: tuple[int, int, int]
    text: str = ""
    rows: list[dict[str, object]] = field(default_factory=list)
    papers: list[str] = field(default_factory=list)  # documents about it beside the table
    planted: set[str] = field(default_factory=set)
    lost: list[Lost] = field(default_factory=list)
    stays: bool = True
    unchecked: bool = False  # comes in though its pixels do not tell how it lies

    @property
    def slip(self) -> str:
        return f"XQ24{self.number:05d}"

    @property
    def patient_id(self) -> str:
        return f"BN{self.number + 10_000}"

    @property
    def row(self) -> dict[str, object]:
        return self.rows[0]

    @property
    def place(self) -> str:
        """The end of the film's path."""
        return self.film.relative_to(self.folder).as_posix()

    def plant(self, text: str) -> str:
        """The text, which may stand in no output."""
        self.planted.add(text)
        return text

    def rename(self, name: str) -> None:
        """Give the film another name; the row goes with it."""
        self.film = self.film.rename(self.film.with_name(name))
        self.row["image"] = self.film.name


#: What is done to a study.
Change = Callable[[Case], None]


@dataclass(frozen=True)
class Fault:
    """What is done to a study, on a picture or a DICOM file, and what must come of it.

    Attributes
    ----------
    reason : str, optional
        Of the study's refusal; None where it stays.
    drafts, looks : bool
        As of `Lost`.
    rest : str, optional
        The reason of what the refused thing leaves alone: the row of a refused film, the film of a refused row.
    """

    picture: bool
    change: Change
    reason: str | None = None
    drafts: bool = False
    looks: bool = False
    rest: str | None = None


def case(folder: Path, number: int, seed: int, picture: bool) -> Case:
    """A study without fault: its film lies in `folder`, under `anh` as PNG or under `dicom`."""
    rng = Random(f"{seed}/{number}")
    who = sample_patient(number, seed, "demo")
    rendered = render(who, SIZE)
    sections = compose(who, [f for f in rendered.findings if f.visible], rendered.ctr, "vi", 0, "demo")
    slip = f"XQ24{number:05d}"
    film = folder / ("anh" if picture else "dicom") / f"{slip}.{'png' if picture else 'dcm'}"
    film.parent.mkdir(parents=True, exist_ok=True)
    day = (2018 + rng.randrange(7), 1 + rng.randrange(12), 13 + rng.randrange(15))
    sex = {"F": "Nữ", "M": "Nam"}[who.sex]
    made = Case(number, folder, person(rng), person(rng), rng, film, sections, who.age, sex, day)
    made.text = f"MÔ TẢ:\n{sections['findings']}\nKẾT LUẬN:\n{sections['impression']}"
    if picture:
        pixels = rendered.pixels.astype(float)
        Image.fromarray((255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8)).save(film)
    else:
        write_dicom(film, rendered, who)
        header(made, PatientName=bare(made.patient.name).upper().replace(" ", "^", 1), PatientID=made.patient_id)
        header(made, AccessionNumber=slip, ReferringPhysicianName=bare(made.doctor.name))
        header(made, StudyDate="{:04d}{:02d}{:02d}".format(*day))
    year, month, date = day
    made.plant(f"{year}{month:02d}{date:02d}"), made.plant(f"{year}-{month:02d}-{date:02d}")
    made.plant(f"{date:02d}/{month:02d}/{year}")
    made.planted |= {made.patient.name, bare(made.patient.name), made.doctor.name, bare(made.doctor.name)}
    made.planted |= {made.patient_id, slip}
    made.rows = [
        {
            "id": slip,
            "name": made.patient.name,
            "patient": made.patient_id,
            "age": str(who.age),
            "sex": sex,
            "date": f"{date:02d}/{month:02d}/{year}",
            "image": film.name,
            "text": made.text,
        }
    ]
    return made


def header(made: Case, **tags: object) -> None:
    """Change attributes of a DICOM film by keyword."""
    film = pydicom.dcmread(made.film)
    with pydicom.config.disable_value_validation():
        for keyword, value in tags.items():
            setattr(film, keyword, value)
        film.save_as(made.film)
