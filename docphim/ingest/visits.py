"""Documents that only a patient's number labels: two of them are two visits, unless their films say that they are one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from docphim.ingest.reports import Row

#: The units of the films that a row speaks of, or why there are none.
Answer = tuple[set[str], str]


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
        films shares one of them with a document that says something else: nobody knows which visit the film is of.
    """
    answers = [_joined(one, other) for one, other in zip(films, patients, strict=True)]
    texts: dict[str, set[str]] = defaultdict(set)
    for row, (units, _) in zip(rows, answers, strict=True):
        for unit in units:
            texts[unit].add(row.get("text"))
    return [
        (set(), "report_ambiguous") if not films[at][0] and any(len(texts[unit]) > 1 for unit in units) else (units, reason)
        for at, (units, reason) in enumerate(answers)
    ]


def _joined(films: Answer, patients: Answer) -> Answer:
    """A document's films; where its own name and date find none, its patient's; two that are not the same are nobody's."""
    if films[0]:
        return films if not patients[0] or films[0] & patients[0] else (set(), "report_ambiguous")
    looked_up = films[1] in ("image_missing", "id_missing") and patients[1] != "id_missing"
    return patients if looked_up else films
