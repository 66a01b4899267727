"""Whether the header of a study's films and its rows in the table speak of one patient, and its rows of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from docphim.errors import REASONS
from docphim.ingest.drafts import Draft
from docphim.ingest.finder import clean_id
from docphim.ingest.same_person import names_differ, numbers_differ, several_people

#: From so many studies on, of which nine in ten differ, header and table number or name people in different ways: a pseudonym
#: in every header says nothing of a mistake.
FEWEST, MOST_DIFFERING = 10, 0.9


def mismatched(drafts: Sequence[Draft], counts: Counter[str]) -> dict[str, str]:
    """Study → why it is nobody's: its films are of another patient than its rows, or its rows of several.

    Where the numbers are the same, another name is a married one, a nickname, an emergency's; where the names are the same,
    another number is another patient's, for many people bear one name.

    Parameters
    ----------
    counts : Counter
        `patient_numbers_unlike` and `patient_names_unlike` are added: studies that differ where nearly all do, so that
        header and table must number or name people in two ways; these are not refused for it.
    """
    numbers = {draft.name: _numbers(draft) for draft in drafts}
    names = {draft.name: _names(draft) for draft in drafts if numbers[draft.name] is not False}
    refused = {draft.name: "its rows name several patients" for draft in drafts if of_several(draft)}
    for kind, verdicts in (("numbers", numbers), ("names", names)):
        differing = {name for name, differ in verdicts.items() if differ}
        if systematic(len(differing), sum(differ is not None for differ in verdicts.values())):
            counts[f"patient_{kind}_unlike"] += len(differing)
        else:
            refused |= dict.fromkeys(differing, REASONS["patient_mismatch"])
    return refused


def of_several(draft: Draft) -> bool:
    """Whether a study's rows speak of several patients: by their numbers, else by their names.

    Two rows of one request under two patients' numbers are no addendum.
    """
    return several_people([(clean_id(row.get("patient")), row.get("name") or "") for row in draft.rows])


def _numbers(draft: Draft) -> bool | None:
    """Whether the patient ids of header and table differ; None where one of them has none."""
    headers = {image.header.patient for image in draft.images if image.header} - {""}
    cells = {clean_id(row.get("patient")) for row in draft.rows} - {""}
    return numbers_differ(headers, cells) if headers and cells else None


def _names(draft: Draft) -> bool | None:
    """Whether the patient's names of header and table differ; None where one of them has none."""
    headers = {image.header.name for image in draft.images if image.header} - {""}
    cells = {row.get("name") for row in draft.rows} - {""}
    return any(names_differ(one, other) for one in headers for other in cells) if headers and cells else None


def systematic(differing: int, compared: int) -> bool:
    """Whether so many studies differ that header and table must count people in two ways."""
    return compared >= FEWEST and differing >= MOST_DIFFERING * compared
