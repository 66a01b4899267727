"""Whether a draft declines to answer: "Tôi không thể đọc phim này.", "As an AI, I can't interpret medical images."

What it says in words, in either language, whatever language was asked for; the phrases stand in declined.yaml.  A report
that cannot exclude, see or judge one thing declines nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from docphim.language.normalize import clean

Declined = Literal["no", "first", "wholly"]

#: Words that begin a clause of its own: "I can't diagnose, but the lungs are clear".
_CLAUSE = re.compile(
    r"[,:]?\s+(?:but|however|though|nevertheless|still|nhưng|tuy nhiên|tuy vậy|song|dù vậy)\b[,:]?\s*|(?<=[.!?;:])\s+|\n"
)
_WORD = re.compile(r"[\w']+")
_APOSTROPHES = "’‘´`"


def declined(text: str) -> Declined:
    """Whether a draft declines: not at all, at first and then describes the image, or wholly.

    A disclaimer after a description declines nothing: what it follows was an answer.

    Examples
    --------
    >>> declined("I'm sorry, I can't provide a medical interpretation.")
    'wholly'
    >>> declined("Tôi không thể đọc phim này. Tuy nhiên, bóng tim to.")
    'first'
    >>> declined("Không thể loại trừ tràn dịch màng phổi trái.")
    'no'
    """
    plain = _plain(text)
    if not _may_decline(plain) or not _any(plain, "declines"):
        return "no"
    declines = False
    for clause in _clauses(text):
        if _any(clause, "declines"):
            declines = True
        elif not _any(clause, "aside") and _describes(clause):
            return "first" if declines else "no"
    return "wholly" if declines else "no"


def _plain(text: str) -> str:
    """NFC, lower case, one apostrophe, one blank; the tone's place is left, for no phrase has a tone that may stand in two."""
    text = clean(text).lower()
    for curly in _APOSTROPHES:
        text = text.replace(curly, "'")
    return " ".join(text.split())


def _clauses(text: str) -> Iterator[str]:
    from docphim.language.sections import sentences  # here, so that scores start without YAML

    for sentence in sentences(text):
        yield from (clause for part in _CLAUSE.split(sentence) if (clause := _plain(part)))


def _any(clause: str, what: str) -> bool:
    return any(pattern.search(clause) for pattern in _patterns(what))


def _describes(clause: str) -> bool:
    """Whether a clause says something of an image: the lexicon of either language reads a finding or a state in it."""
    from docphim.language.facts import LANGUAGES, facts  # here: only a text that declines is read

    return any(fact.finding or fact.state for language in LANGUAGES for fact in facts(clause, language))


def _may_decline(plain: str) -> bool:
    """Whether a text holds the beginning of any phrase that a decline needs: most hold none, and are not searched."""
    words, signs = _WORD.findall(plain), _signs()
    return any(not grams.isdisjoint(zip(*(words[i:] for i in range(n)), strict=False)) for n, grams in signs.items())


@functools.cache
def _signs() -> dict[int, frozenset[tuple[str, ...]]]:
    """The first three words of every phrase of which one stands in every text that declines, by how many words they are."""
    tables = _tables().values()
    phrases = (_plain(p) for table in tables for name in ("cannot", "unreadable", "phrases") for p in table[name])
    signs = {tuple(_WORD.findall(phrase)[:3]) for phrase in phrases}
    return {n: frozenset(sign for sign in signs if len(sign) == n) for n in (1, 2, 3)}


@functools.cache
def _patterns(what: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of what `declines`, or is `aside`, one a language."""
    return tuple(re.compile(_aside(table) if what == "aside" else _declines(table)) for table in _tables().values())


@functools.cache
def _tables() -> dict[str, dict[str, Any]]:
    """The phrases by language."""
    from docphim.language.lexicon import read_table  # here, so that scores start without YAML

    tables: dict[str, dict[str, Any]] = read_table(Path(__file__).with_suffix(".yaml"))
    return tables


def _aside(table: dict[str, Any]) -> str:
    return _one_of(table["aside"])


def _declines(table: dict[str, Any]) -> str:
    who, cannot, act, judge, film, unreadable, phrases = (
        _one_of(table[name]) for name in ("who", "cannot", "act", "judge", "film", "unreadable", "phrases")
    )
    near, far = r"[^.;!?\n]{0,40}?", r"[^.;!?\n]{0,60}?"
    # What is seen "on the film" is of the film; what is read "the film" is the film itself.
    whole = rf"(?<!trên )(?<!on )(?<!in ){film}"
    ways = [
        phrases,
        f"{who}{far}{cannot}{near}{act}",
        f"{cannot}{near}{act}{near}{whole}",
        rf"{cannot}\s+(?:to\s+)?{judge}\s+{film}",
        f"{film}{near}{unreadable}",
    ]
    return "|".join(ways)


def _one_of(phrases: Iterable[str]) -> str:
    words = sorted((_plain(phrase) for phrase in phrases), key=len, reverse=True)
    return rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)"
