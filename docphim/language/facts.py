"""Atomic facts of a report: what, whether, where, how much.  `docphim facts TEXT`.

`facts("Góc sườn hoành phải tù.", "vi")` is one fact: costophrenic_angle, blunted, abnormal, right.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from docphim.language.accents import accented, may_lack
from docphim.language.divide import ASIDE, Section, divide
from docphim.language.fact import Fact, Measure
from docphim.language.headings import may_begin_heading, may_have_headings
from docphim.language.item import Item
from docphim.language.leads import SENTENCE, Reader, Sentence, led, may_have_leads
from docphim.language.lexicon import LANGUAGES, Lexicon, load_lexicon
from docphim.language.normalize import clean, without_pictures
from docphim.language.read.lexer import lex
from docphim.language.read.sentence import Alone, Read, only_where, read_sentence, spelled, statements
from docphim.language.sections import REPORTED

__all__ = [
    "LANGUAGES",
    "Alone",
    "Coverage",
    "Fact",
    "Measure",
    "Sentence",
    "coverage",
    "facts",
    "facts_of",
    "is_plain",
    "meanings",
    "passage_reader",
    "reported",
    "sentence_texts",
    "sentences",
]

#: What lies between stops, semicolons and line ends; a full stop inside a number, or behind "vs", is no stop.
_STOP, _NO_STOP = re.compile(r"[;\n\r!.]"), re.compile(r"\d\.\d|[vV][sS]\.")


def facts(text: str, language: str) -> list[Fact]:
    """The facts of a report, in the order of its words.

    Parameters
    ----------
    text : str
        A report or a sentence; sides, anatomy and negations hold at most to the end of their sentence.  Of a report with
        headings the findings and the impression are read (`reported`), of a picture written as letters (base64) nothing.
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
    return [
        fact for sentence in sentences(text, language) for fact in facts_of(sentence, read_sentence(sentence.text, lexicon))
    ]


def meanings(sentence: str, language: str) -> list[Alone]:
    """What a sentence (the text of one of `sentences`) says, wherever its words stand; equal parts of sentences are one object.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    return statements(sentence, load_lexicon(language))


def sentences(text: str, language: str) -> Iterator[Sentence]:
    """The sentences of a report that say what was found, as they are read, and where each begins in `clean(text)`.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    lexicon = load_lexicon(language)
    text = accented(without_pictures(clean(text)), lexicon)
    return (sentence for start, end in reported(text, language) for sentence in led(text, start, end, _reader(lexicon)))


def sentence_texts(text: str, language: str, plain: bool = False) -> list[str]:
    """The texts of the sentences of a report (`sentences`), for who does not ask where they stand.

    `plain`: all its words are (`is_plain`), so that there is less to look for.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    if plain and "\n" not in text:
        parts = _STOP.split(without_pictures(unicodedata.normalize("NFC", text)))  # there are blanks that NFC exchanges
        return [part.lstrip() for part in parts if part]
    if may_have_leads(text):
        return [sentence for _, sentence, _ in sentences(text, language)]
    text = accented(without_pictures(clean(text)), load_lexicon(language))
    listed = [SENTENCE.findall(text, start, end) for start, end in reported(text, language)]
    return [sentence.lstrip() for part in listed for sentence in part]


def is_plain(word: str, language: str) -> bool:
    """Whether a word, as it is typed between two blanks, is read as it stands: it needs no accents, and begins no heading.

    Nor is one of its full stops none, as in "1.5" and "vs.".
    """
    given = clean(word) == word and not may_lack(word, load_lexicon(language))
    return given and not _NO_STOP.search(word) and not may_begin_heading(word)


@functools.cache
def _reader(lexicon: Lexicon) -> Reader:
    """How what stands under a heading is read to see whether it names a place."""

    def ends(text: str) -> list[Fact]:
        return [Fact("", 0, at + end, *values) for at, read in read_sentence(text, lexicon) for _, end, values in read]

    def listed(text: str) -> list[Item]:
        return [item for items, _ in lex(text, lexicon) for item in items]

    return Reader(lexicon, ends, listed, lambda text: only_where(text, lexicon))


def facts_of(sentence: Sentence, parts: Iterable[tuple[int, Iterable[Read]]]) -> Iterator[Fact]:
    """What was read in the parts of a sentence, each with where it begins: with its words and their place in the clean text."""
    begin, text, lead = sentence
    for start, read in parts:
        for first, last, values in read:
            inside, end = max(start + first, lead), start + last
            yield Fact(text[inside:end], begin + inside, begin + max(end, inside), *values)


def reported(text: str, language: str) -> list[tuple[int, int]]:
    """Where a clean report says what was found: its findings and impression, not what was known before, done or advised.

    A text without headings is all of it; so is a diagnosis that stands alone.  Behind a history, an indication, a technique
    or a comparison only what the lexicon takes for a finding is read, and nothing where a heading of findings follows.  The
    headings of regions are part of it, for `CƠ XƯƠNG KHỚP: bình thường.` says nothing without them.
    """
    if not may_have_headings(text):
        return [(0, len(text))]
    sections = divide(text, passage_reader(language))
    last = max((section.start for section in sections if section.heading == "findings" or section.region), default=-1)
    read = [section for section in sections if _is_read(section, last)]
    read = read or [section for section in sections if section.heading == "diagnosis"]
    return [(section.start if section.region else section.begin, section.end) for section in read]


def _is_read(section: Section, last_findings: int) -> bool:
    if section.name == "unclear":  # what may be a finding is one, unless a heading of findings follows
        return not section.heading or section.start > last_findings
    return section.name in REPORTED and (section.heading not in ASIDE or section.start > last_findings)


def passage_reader(language: str) -> Callable[[str], list[Fact]]:
    """A function from a passage to its facts, whatever headings it has; English stands in Vietnamese reports too."""

    def read(text: str) -> list[Fact]:
        languages = dict.fromkeys((language, "en") if text.isascii() else (language,))
        return [fact for spoken in languages for fact in _passage(text, load_lexicon(spoken))]

    return read


def _passage(text: str, lexicon: Lexicon) -> Iterator[Fact]:
    text = accented(without_pictures(clean(text)), lexicon)
    return _between(text, 0, len(text), lexicon)


def _between(text: str, start: int, end: int, lexicon: Lexicon) -> Iterator[Fact]:
    """The facts of a part of a clean text; their offsets are the text's."""
    for sentence in led(text, start, end, _reader(lexicon)):
        yield from facts_of(sentence, read_sentence(sentence.text, lexicon))


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
        for _, sentence, lead in sentences(text, language):
            for part in sentence[lead:].split(", "):
                some, names = _words(part, lexicon)
                words += some
                unknown.update(names)
    return Coverage(words - sum(unknown.values()), words, unknown)


@functools.lru_cache(maxsize=10_000)
def _words(part: str, lexicon: Lexicon) -> tuple[int, tuple[str, ...]]:
    """How many words a part of a sentence has, and those that the lexicon does not know; reports say the same parts again."""
    words, listed = spelled(part, lexicon)
    unknown = [item.name for item in listed if item.kind == "word" and not item.name[0].isdecimal()]
    return sum(word.isalnum() for word in words), tuple(unknown)
