"""Whether a text says nothing that a report does not say: each of its sentences states a fact, and each fact follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from docphim.language.alter import sentence_spans
from docphim.language.fact import Fact
from docphim.language.facts import facts
from docphim.language.lexicon import Lexicon, load_lexicon
from docphim.language.normalize import clean

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
#: What a fact says besides what and where it is: it may be left out, and never be otherwise.
_FURTHER = ("part", "count", "severity", "suv", "change")


def fault(text: str, report: str, language: str) -> str:
    """Why a text does not follow from a report; empty where it does.

    Returns
    -------
    str
        `unread`: a sentence states no fact, so that nothing tells whether it follows; `invented_number`: a number that does
        not stand in the report; `not_in_report`: a fact that no fact of the report says or implies.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    stated, known, lexicon = facts(text, language), facts(report, language), load_lexicon(language)
    spans = sentence_spans(clean(text))
    starts = [fact.start for fact in stated if fact.anatomy or fact.finding or fact.state]  # else all its words are unknown
    if not spans or not all(any(start <= place < end for place in starts) for start, end in spans):
        return "unread"
    if not numbers(text) <= numbers(report):
        return "invented_number"
    return "" if all(any(implies(ours, fact, lexicon) for ours in known) for fact in stated) else "not_in_report"


def numbers(text: str) -> set[float]:
    """The numbers that a text writes in figures, with a decimal point or comma."""
    return {float(words.replace(",", ".")) for words in _NUMBER.findall(clean(text))}


def implies(known: Fact, fact: Fact, lexicon: Lexicon) -> bool:
    """Whether what is known says a fact too, in as much or in more detail.

    What is present somewhere is present in all that this lies in ("a nodule of the right upper lobe": of the right lung); what
    is absent from something is absent from all in it ("no effusion": none on the right).  How sure it is stays the same.
    """
    if (known.finding, known.state, known.polarity, known.certainty) != (
        fact.finding,
        fact.state,
        fact.polarity,
        fact.certainty,
    ):
        return False
    there = fact.polarity in ("present", "abnormal")
    more, less = (known, fact) if there else (fact, known)
    if not _lies_in(more, less, lexicon) or not set(less.location) <= set(more.location):
        return False
    if not there and (less.part, less.count, less.severity, less.suv, less.measures) != (None, None, None, None, ()):
        return less.strict == more.strict  # "no large effusion" is no denial of a small one
    return _says_no_other(known, fact)


def _lies_in(more: Fact, less: Fact, lexicon: Lexicon) -> bool:
    """Whether the place of one is the other's or in it, on its side."""
    inside = less.anatomy is None or lexicon.within(more.anatomy, less.anatomy)
    return inside and (less.side in (None, more.side) or more.side == "both")


def _says_no_other(known: Fact, fact: Fact) -> bool:
    """Whether all that a fact says besides, and every number of it, is known to be so."""
    further = all(getattr(fact, name) in (None, getattr(known, name)) for name in _FURTHER)
    return further and _within(fact.measures, known.measures) and _within(fact.leftover, known.leftover)


def _within(some: Iterable[object], all_: Sequence[object]) -> bool:
    return all(one in all_ for one in some)
