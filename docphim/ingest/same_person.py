"""Whether two ways of writing a name, or a patient's number, can be one person's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import combinations

_SYLLABLE = re.compile(r"[^\W\d_]+")
_STAND_IN = re.compile(r"\d|^(?:anon\w*|unknown|test|patient|subject|case|none|no name|removed)\b", re.IGNORECASE)


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


def same_syllables(one: str, other: str) -> bool:
    """Whether all of one name stands in the other (`Lan`, `LE THI LAN`); brothers' names do not."""
    first, second = set(_syllables(one)), set(_syllables(other))
    return first <= second or second <= first


def numbers_differ(headers: Collection[str], cells: Collection[str]) -> bool:
    """Whether the header's patient ids and the table's have none in common; zeros before and signs inside do not count."""
    one, other = ({_number(text) for text in texts} - {""} for texts in (headers, cells))
    return bool(one and other and not one & other)


def several_people(people: Collection[tuple[str, str]]) -> bool:
    """Whether the headers or the rows of one study, each with a patient's number and name or '', are of several patients.

    Numbers count, as in `numbers_differ`; where a film or a row has none, its name does.

    >>> several_people([("P1", "LE^LAN"), ("P1", "TRAN^BINH")]), several_people([("P1", "LE^LAN"), ("", "TRAN^BINH")])
    (False, True)
    """
    if any(numbers_differ([one], [other]) for one, other in combinations({number for number, _ in people}, 2)):
        return True
    numberless = {name for number, name in people if name and not number}
    names = {name for _, name in people if name}
    return any(names_differ(one, other) for one in numberless for other in names)


def _syllables(name: str) -> list[str]:
    bare = "".join(c for c in unicodedata.normalize("NFD", name.casefold()) if not unicodedata.combining(c))
    return _SYLLABLE.findall(bare.replace("đ", "d"))


def _glued(syllables: list[str]) -> set[str]:
    """A name written in one word, given name first or last."""
    return {"".join(syllables), "".join([syllables[-1], *syllables[:-1]])}


def _number(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold().lstrip("0")
