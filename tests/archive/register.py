"""The archive's main part: an Excel register with title rows and one free-text column, films as DICOM and pictures."""

from __future__ import annotations

import datetime
from pathlib import Path

from case import Case, Fault, Lost, case
from film_faults import FILM_FAULTS
from part import NAMES, Part
from row_faults import ROW_FAULTS
from signatures import SIGNATURES
from workbooks import workbook

FAULTS: dict[str, Fault] = {**FILM_FAULTS, **ROW_FAULTS, **SIGNATURES}
TITLES: list[list[object]] = [
    ["BỆNH VIỆN ĐA KHOA PHANTOM"],
    ["KHOA CHẨN ĐOÁN HÌNH ẢNH"],
    ["Sổ X-quang ngực", "", "", "năm 2024"],
    [],
]
FIELDS = ("id", "name", "patient", "age", "sex", "date", "image", "text")
FILE, SHEET = "Sổ XQ 2024.xlsx", "Sổ"
#: The first days of Excel's count, of which one never was (1900-02-29).
_ZERO = datetime.date(1899, 12, 30)


def write_register(folder: Path, studies: int, seed: int) -> Part:
    """Each kind of fault comes once, or twice where there is room; the studies behind them have none."""
    part, lines = Part(folder), []
    kinds = list(FAULTS)
    rounds = studies // len(kinds)
    for number in range(studies):
        kind = kinds[number % len(kinds)] if number < min(rounds, 2) * len(kinds) else ""
        made = _faulty(folder, number, seed, FAULTS[kind]) if kind else case(folder, number, seed, number % 2 == 0)
        part.cases.append(made)
        for row in made.rows:
            row["date"] = _date(made)
        first = len(lines)
        lines += made.rows
        places = tuple(f"{FILE}#{SHEET}!{len(TITLES) + 2 + n}" for n in range(first, len(lines)))
        if kind:
            _expect(made, FAULTS[kind], (*places, *made.papers))
    header = ["STT", *(NAMES[name] for name in FIELDS)]
    rows = [[n, *(row[name] for name in FIELDS)] for n, row in enumerate(lines, 1)]
    workbook(folder / FILE, {SHEET: [*TITLES, header, *rows]})
    return part


def _faulty(folder: Path, number: int, seed: int, fault: Fault) -> Case:
    made = case(folder, number, seed, fault.picture)
    fault.change(made)
    return made


def _expect(made: Case, fault: Fault, rows: tuple[str, ...]) -> None:
    """Write down what the fault costs: a film of its own fault leads to its file, a study to its film and its rows."""
    made.stays = not (fault.reason or fault.rest)
    if fault.reason:
        alone = fault.drafts or fault.reason == "report_missing"
        made.lost.append(Lost(fault.reason, (made.place,) if alone else (made.place, *rows), fault.drafts, fault.looks))
    if fault.rest:
        made.lost.append(Lost(fault.rest, rows))


def _date(made: Case) -> object:
    """The day as such registers hold it: a date, a time before a day, or Excel's number of the day."""
    day = datetime.date(*made.day)
    shapes = (day, f"08:30 {day:%d/%m/%Y}", (day - _ZERO).days, f"{day:%d/%m/%Y} 14:05")
    return shapes[made.number % len(shapes)]
