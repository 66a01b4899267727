"""Reports that only a patient's number labels: two of them are two visits, unless their films or days say that they are one."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from docphim.ingest.drafts import Image
from docphim.ingest.reports import Row, image_names
from docphim.ingest.same_person import names_differ, several_people
from docphim.ingest.values import day_of

#: The units of the films that a row speaks of, or why there are none.
Answer = tuple[set[str], str]
#: How long after its film a report may be dated, in days: it is read, or printed, some days later.
_READ_WITHIN = 30
# A line that is the day on which a report was signed: "Hà Nội, ngày 5 tháng 3 năm 2024".
_STAMP = re.compile(
    r"^[^\S\n]*(?:[^\W\d][^\n,;:]{0,40},[^\S\n]*)?(ng[àa]y[^\S\n]+\d{1,2}[^\n]{1,24}\d{4})[^\S\n.]*$", re.I | re.M
)


def is_numbered_by_patient(row: Row) -> bool:
    """Whether a document's id is its patient's number, for no label gives a study's."""
    return bool(row.get("patient")) and row.get("id") == row.get("patient")


def of_visits(rows: Sequence[Row], films: Sequence[Answer], patients: Sequence[Answer]) -> list[Answer]:
    """Documents' films: each visit's own, else all of the patient's where one document alone asks for them.

    Parameters
    ----------
    films : sequence of (set of str, str)
        What a document's own name, date or study number finds.
    patients : sequence of (set of str, str)
        What its patient's number finds; nothing where another number labels it.

    Returns
    -------
    list of (set of str, str)
        `report_ambiguous` where the two ways lead to different films, or where a document whose patient's number alone finds
        films shares one of them with a document that says something else: nobody knows which visit the film is of.  Where that
        is another patient's, both are: `1.png` may be the film of `1.txt` or that of the patient whose number is 1.
    """
    answers = [_joined(one, other) for one, other in zip(films, patients, strict=True)]
    claims: dict[str, list[Row]] = defaultdict(list)
    for row, (units, _) in zip(rows, answers, strict=True):
        for unit in units:
            claims[unit].append(row)
    by_patient = {unit for (units, _), (by_name, _) in zip(answers, films, strict=True) if not by_name for unit in units}
    nobodys = {unit for unit in by_patient if several_people({(row.get("patient"), row.get("name")) for row in claims[unit]})}
    disputed = {unit for unit in by_patient if len({row.get("text") for row in claims[unit]}) > 1}
    return [
        (set(), "report_ambiguous") if units & (nobodys if by_name else nobodys | disputed) else (units, reason)
        for (units, reason), (by_name, _) in zip(answers, films, strict=True)
    ]


def of_their_days(rows: Sequence[Row], answers: Sequence[Answer], units: Mapping[str, Sequence[Image]]) -> list[Answer]:
    """The answers without those by which a report that a patient's number alone labels would get a film of another visit.

    Parameters
    ----------
    answers : sequence of (set of str, str)
        The films of each row.
    units : mapping
        Unit → its films.

    Returns
    -------
    list of (set of str, str)
        `report_ambiguous` where a row's day lies before a film's, or more than 30 days after it, or the two name two people.
    """
    return [
        (set(), "report_ambiguous")
        if any(_is_of_another_visit(row, image) for unit in names for image in units[unit])
        else (names, reason)
        for row, (names, reason) in zip(rows, answers, strict=True)
    ]


def _is_of_another_visit(row: Row, image: Image) -> bool:
    """Whether a row that its patient's number alone leads to a film is dated as no report on it would be, or names another."""
    number, header = row.get("id"), image.header
    if not (number and header) or _is_named_by(row, image):
        return False
    numbered = row.get("accession") == header.accession != "" or row.get("study_uid") == header.study_uid != ""
    if numbered or number not in (row.get("patient"), header.patient):
        return False
    if row.get("name") and header.name and names_differ(row.get("name"), header.name):
        return True
    day = _day(row)
    if not (day and header.day):
        return False
    late = datetime.date.fromisoformat(day) - datetime.date.fromisoformat(header.day)
    return not 0 <= late.days <= _READ_WITHIN


def _day(row: Row) -> str:
    """A row's day, else the one that its text was signed on."""
    signed = _STAMP.findall(row.get("text"))
    return day_of(row.get("date")) or (day_of(signed[-1]) if signed else "")


def _is_named_by(row: Row, image: Image) -> bool:
    """Whether a film is called, or lies in a folder called, as a row's image or document is, and not as its patient."""
    path = PurePosixPath(image.relative)
    names = {PurePosixPath(name).stem for name in image_names(row.get("image"))} - {row.get("id"), ""}
    return any(path.stem.startswith(name) or path.parent.name == name for name in names)


def _joined(films: Answer, patients: Answer) -> Answer:
    """A document's films; where its own name and date find none, its patient's; two that are not the same are nobody's."""
    if films[0]:
        return films if not patients[0] or films[0] & patients[0] else (set(), "report_ambiguous")
    looked_up = films[1] in ("image_missing", "id_missing") and patients[1] != "id_missing"
    return patients if looked_up else films
