"""Whether the header of a study's films and its rows in the table speak of one patient."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

from docphim.ingest.matching import Draft, clean_id

#: From so many studies on, of which nine in ten differ, header and table number or name people in different ways: a pseudonym
#: in every header says nothing of a mistake.
FEWEST, MOST_DIFFERING = 10, 0.9
_SYLLABLE = re.compile(r"[^\W\d_]+")
_STAND_IN = re.compile(r"\d|^(?:anon\w*|unknown|test|patient|subject|case|none|no name|removed)\b", re.IGNORECASE)


def mismatched(drafts: Sequence[Draft], counts: Counter[str]) -> set[str]:
    """The names of the studies whose films are of another patient than their rows.

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
    refused: set[str] = set()
    for kind, verdicts in (("numbers", numbers), ("names", names)):
        differing = {name for name, differ in verdicts.items() if differ}
        if systematic(len(differing), sum(differ is not None for differ in verdicts.values())):
            counts[f"patient_{kind}_unlike"] += len(differing)
        else:
            refused |= differing
    return refused


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


def names_differ(one: str, other: str) -> bool:
    """Whether two names can be no one person's: fewer than half of the shorter one's syllables stand in the other.

    Accents, case, order, hyphens and DICOM's `^` do not count; a stand-in (ANON, `Patient 012`) differs from nobody.

    >>> [names_differ("Nguyễn Văn An", other) for other in ("NGUYEN^VAN AN", "LE^THI BICH", "ANON12")]
    [False, True, False]
    """
    if _STAND_IN.search(one.strip()) or _STAND_IN.search(other.strip()):
        return False
    first, second = _syllables(one), _syllables(other)
    if not first or not second or "".join(sorted(first)) == "".join(sorted(second)) or _glued(first) & _glued(second):
        return False
    shorter, longer = sorted((first, second), key=len)
    alike = sum(
        any(a == b or (len(a) == 1 and b.startswith(a)) or (len(b) == 1 and a.startswith(b)) for b in longer) for a in shorter
    )
    return 2 * alike < len(shorter)


def numbers_differ(headers: Collection[str], cells: Collection[str]) -> bool:
    """Whether the header's patient ids and the table's have none in common; zeros before and signs inside do not count."""
    one, other = ({_number(text) for text in texts} - {""} for texts in (headers, cells))
    return bool(one and other and not one & other)


def systematic(differing: int, compared: int) -> bool:
    """Whether so many studies differ that header and table must count people in two ways."""
    return compared >= FEWEST and differing >= MOST_DIFFERING * compared


def _syllables(name: str) -> list[str]:
    bare = "".join(c for c in unicodedata.normalize("NFD", name.casefold()) if not unicodedata.combining(c))
    return _SYLLABLE.findall(bare.replace("đ", "d"))


def _glued(syllables: list[str]) -> set[str]:
    """A name written in one word, given name first or last."""
    return {"".join(syllables), "".join([syllables[-1], *syllables[:-1]])}


def _number(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold().lstrip("0")
