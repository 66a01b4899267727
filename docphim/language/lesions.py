"""Lesions of a report, as versioned records: what, where, how large, how avid, what it is held to be.  `docphim lesions TEXT`.

They are put together from the facts that are read anyhow (docphim.language.facts): clauses on one lesion make one record.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from docphim.language.facts import sentences
from docphim.language.lesion_draft import Draft, records_of
from docphim.language.lesion_mentions import Mention, mentions
from docphim.language.lesion_words import LesionWords, lesion_words
from docphim.study import Lesion

#: The fields of a record but where its words stand: their values, and what puts each into a new one.
_FIELDS = tuple(f.name for f in fields(Lesion) if f.name != "text")
_VALUES = operator.attrgetter(*_FIELDS)
_GIVE = tuple(getattr(Lesion, name).__set__ for name in _FIELDS)
_GIVE_TEXT = getattr(Lesion, "text").__set__  # noqa: B009  # mypy: the slot, and not its value


def lesions_of(text: str, language: str) -> list[Lesion]:
    """The lesions that a report says are there, in the order of its words.

    Parameters
    ----------
    text : str
        A report or a sentence; of a report with headings findings and impression are read.
    language : str
        One of `docphim.language.facts.LANGUAGES`.

    Returns
    -------
    list of Lesion
        Denied and resolved ones are none; `text` counts characters of `clean(text)` (docphim.language.normalize).

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    words = lesion_words(language)
    met: list[_Met] = []
    for begin, sentence, lead in sentences(text, language):
        listed = mentions(sentence, language)
        if lead and not listed:  # "Gan: nốt 24 mm; SUVmax 8,9": numbers alone are no organ's
            listed, begin, lead = mentions(sentence[lead:], language), begin + lead, 0
        for mention in listed:
            draft = mention.draft
            if met and (not draft.type or _is_again(draft, met[-1].mention.draft)):
                met[-1].take_in(draft, begin, lead)
            elif draft.type:
                met.append(_Met(mention, sentence, begin, lead))
    return [record for one in met for record in one.records(words)]


@dataclass(slots=True)
class _Met:
    """A lesion that a report was met to speak of, in which sentence, and where that begins."""

    mention: Mention
    sentence: str
    begin: int
    lead: int
    whole: Draft | None = None  # with what later sentences say of it

    def take_in(self, later: Draft, begin: int, lead: int) -> None:
        """Add what a later sentence says of it."""
        self.whole = self.whole or _copy(self.mention.draft)
        _take_in(self.whole, later)
        self.whole.end = begin + max(later.end, lead) - self.begin

    def records(self, words: LesionWords) -> Iterator[Lesion]:
        """Its records, with their place in the clean text."""
        listed = self.mention.records if self.whole is None else records_of(self.whole, self.sentence, words)
        for record in listed:
            start, end = record.text or (0, 0)
            yield _placed(record, [self.begin + max(start, self.lead), self.begin + max(end, self.lead)])


def _placed(record: Lesion, text: list[int]) -> Lesion:
    """A record with where its words stand; a tenth of the time of `dataclasses.replace`, of which there are thousands."""
    made = object.__new__(Lesion)
    for give, value in zip(_GIVE, _VALUES(record), strict=True):
        give(made, value)
    _GIVE_TEXT(made, text)
    return made


def _copy(draft: Draft) -> Draft:
    return replace(draft, shape=set(draft.shape), invasion=set(draft.invasion))


def _is_again(draft: Draft, before: Draft) -> bool:
    """Whether a lesion is the one before it: "hạch này", or an uptake without any place."""
    if not draft.again:
        return False
    if draft.type in ("fdg_uptake", "lesion") and draft.place is None:
        return before.uptake is None or draft.uptake is None
    return draft.type in (before.type, "lesion")


def _take_in(before: Draft, later: Draft) -> None:
    """Add to a lesion what a later sentence says of it; what was said first stands."""
    for name in ("size", "uptake", "extent", "change", "side"):
        setattr(before, name, getattr(before, name) or getattr(later, name))
    before.largest = before.largest or later.largest
    before.suv = (*before.suv, *(suv for suv in later.suv if suv not in before.suv))
    before.shape |= later.shape
    before.invasion |= later.invasion
    for nature in later.nature:
        before.name(nature.name, nature.certainty)
