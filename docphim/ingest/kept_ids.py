"""Which studies cannot keep their ids (`ids: keep`): an id that names no file, or two that become one as a file's name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from docphim.ingest.drafts import Draft
from docphim.ingest.identities import is_public, public

_NO_NAME = "with ids: keep an id may hold letters, digits, '.', '_' and '-' alone, and be no device of Windows; use ids: hash"
_TWICE = "with ids: keep its id, or its patient's, becomes another one's when it names a file; use ids: hash"


def unkept(drafts: Sequence[Draft], patients_of: Callable[[Draft], Collection[str]]) -> dict[str, str]:
    """Study → why its ids cannot be kept.

    `7/1` and `7--1` both become `7--1`, and on Windows and macOS the files of `A` and `a` are one: all studies of such an id
    are refused, since nobody could tell them, or their patients, apart.  A study of nobody known is its own patient, so its id
    may not be another patient's number.

    Parameters
    ----------
    patients_of : callable
        The patients' numbers that a study's headers or rows give.
    """
    studies: dict[str, set[str]] = defaultdict(set)
    patients: dict[str, set[tuple[str, str]]] = defaultdict(set)
    owned: dict[str, tuple[str, list[str]]] = {}
    for draft in drafts:
        people = [("patient", number) for number in patients_of(draft)] or [("study", draft.original)]
        owned[draft.name] = draft.original, [number for _, number in people]
        studies[_file_of(draft.original)].add(draft.name)
        for person in people:
            patients[_file_of(person[1])].add(person)
    refused: dict[str, str] = {}
    for name, (study, numbers) in owned.items():
        if not all(is_public(public(original)) for original in (study, *numbers)):
            refused[name] = _NO_NAME
        elif len(studies[_file_of(study)]) > 1 or any(len(patients[_file_of(number)]) > 1 for number in numbers):
            refused[name] = _TWICE
    return refused


def _file_of(original: str) -> str:
    """What is one for all ids whose files are one: letters' case does not count."""
    return public(original).casefold()
