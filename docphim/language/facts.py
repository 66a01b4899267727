"""Atomic facts of a report: what, whether, where, how much.  `docphim facts TEXT`.

`facts("Góc sườn hoành phải tù.", "vi")` is one fact: costophrenic_angle, blunted, abnormal, right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from docphim.language.accents import accented
from docphim.language.fact import Fact, Measure
from docphim.language.items import items, tokenize
from docphim.language.lexicon import LANGUAGES, load_lexicon
from docphim.language.normalize import clean
from docphim.language.read.sentence import read_sentence

__all__ = ["LANGUAGES", "Coverage", "Fact", "Measure", "coverage", "facts"]

#: What lies between stops, semicolons and line ends; a full stop inside a number, or behind "vs", is no stop.
_SENTENCE = re.compile(r"(?:[^;\n\r!.]+|(?<=\d)\.(?=\d)|(?<=\bvs)\.)+", re.IGNORECASE)


def facts(text: str, language: str) -> list[Fact]:
    """The facts of a report, in the order of its words.

    Parameters
    ----------
    text : str
        A report or a sentence; sides, anatomy and negations hold at most to the end of their sentence.
    language : str
        One of `LANGUAGES`.

    Returns
    -------
    list of Fact
        Offsets count characters of `clean(text)`.  An empty report has no facts.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    lexicon = load_lexicon(language)
    text = accented(clean(text), lexicon)
    listed = []
    for m in _SENTENCE.finditer(text):
        sentence = m.group().lstrip()
        begin = m.end() - len(sentence)
        for words, start, end, values in read_sentence(sentence, lexicon):
            listed.append(Fact(words, begin + start, begin + end, *values))
    return listed


@dataclass(frozen=True)
class Coverage:
    """How many of the words of reports the lexicon knows, and how often each that it does not know was met."""

    known: int = 0
    words: int = 0
    unknown: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float | None:
        """Known words among all; None of no words."""
        return self.known / self.words if self.words else None


def coverage(texts: Iterable[str], language: str) -> Coverage:
    """What the lexicon knows of these reports.  Numbers are known, signs are no words.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    lexicon = load_lexicon(language)
    words, unknown = 0, Counter[str]()
    for text in texts:
        for m in _SENTENCE.finditer(accented(clean(text), lexicon)):
            tokens, _ = tokenize(m.group(), lexicon)
            words += sum(token.isalnum() for token in tokens)
            unknown.update(i.name for i in items(tokens, lexicon) if i.kind == "word" and not i.name[0].isdecimal())
    return Coverage(words - sum(unknown.values()), words, unknown)
