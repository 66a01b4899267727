"""The heading before a sentence, and whether it is where that lies of which the sentence speaks.

A heading of regions (`Ổ bụng - khung chậu: …`, `CHEST - …`, `Hệ cơ xương:` on a line of its own) is the place of a statement
that names none, and then one place; of one that names its own it is none.  A heading of an organ (`Gan: …`) is the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from docphim.language.fact import Fact
from docphim.language.headings import begins_region, region_named, region_place, without_bullet
from docphim.language.item import Item
from docphim.language.lexicon import Lexicon

#: What lies between stops, semicolons and line ends; a full stop inside a number, or behind "vs", is no stop.
SENTENCE = re.compile(r"(?:[^;\n\r!.]+|(?<=\d)\.(?=\d)|(?<=\b[vV][sS])\.)+")
#: Signs before a heading, and behind its colon.
_BULLETS, _BLANK = " -–—*•+>#", " *_"
_MARKS = frozenset("-–—•*+")
#: What may part a heading from the sentence behind it.
_DASH = re.compile(r"\s[-–—]\s+(?=[^\W\d_])")
#: A number or a letter before a heading, which its full stop makes a sentence.
_NUMBER = re.compile(r"\(?(?:\d{1,2}|[IVX]{1,4}|[a-hA-H])\)?")
#: Signs behind a heading's words, and what it says in brackets: `**NGỰC (có tiêm thuốc)**`.
_BEHIND = re.compile(r"\s*(?:\([^()]*\))?[\s\]*_\"”]*$")
#: A label before a number, and the items that it is made of if it is that of a size.
_LABEL = re.compile(r"([^:]{1,40}):(?=\s*(?:[~≈<>≤≥]|khoảng|chừng|about|approximately|up to)?\s*\d)", re.IGNORECASE)
_SIZE = frozenset((("part", "size"), ("descriptor", "largest"), ("of", "of")))
#: What a heading of places is made of.
_PLACES = frozenset(("anatomy", "part", "location", "of", "and", "or", "comma"))
#: No heading of a region is longer.
_LONGEST = 60


class Sentence(NamedTuple):
    """A sentence as it is read: behind a semicolon with the organ that the line began with ("Phổi trái: …; rốn phổi …").

    `begin` is where it would begin in the clean text, so that its own words, from `lead` on, are where they stand.
    """

    begin: int
    text: str
    lead: int


class Lead(NamedTuple):
    """The heading of a region before a sentence: its words, and how much of the sentence it takes."""

    words: str
    end: int


@dataclass(frozen=True, eq=False)
class Reader:
    """How a sentence is read: its facts, with their ends alone; its items; whether it names an organ and nothing else."""

    lexicon: Lexicon
    facts: Callable[[str], Sequence[Fact]]
    items: Callable[[str], Sequence[Item]]
    only_where: Callable[[str], bool]


def led(text: str, start: int, end: int, reader: Reader) -> Iterator[Sentence]:
    """The sentences of a part of a clean text, each with the place that a heading gives it, if one does."""
    if not may_have_leads(text):
        for m in SENTENCE.finditer(text, start, end):
            sentence = m.group().lstrip()
            yield Sentence(m.end() - len(sentence), sentence, 0)
        return
    heads, last = _Heads(reader), start
    for m in SENTENCE.finditer(text, start, end):
        sentence, follows = m.group().lstrip(), text[m.end() : m.end() + 1]
        if "\n" in text[last : m.end() - len(sentence)]:
            heads.begin_line(sentence)
        last = m.end()
        if not (follows == "." and _NUMBER.fullmatch(sentence)) and not heads.hold(sentence, follows):
            added, words = heads.add(sentence)
            yield Sentence(m.end() - len(words) - len(added), added + words, len(added))
            heads.go_on(sentence, follows)


@dataclass(slots=True)
class _Heads:
    """The heading that holds for the next sentence: of a region, or of an organ as words that are read ("Gan: ")."""

    reader: Reader
    region: str = ""
    organ: str = ""
    above: tuple[str, str] = ("", "")  # both, where they stand on a line of their own above a list

    def begin_line(self, sentence: str) -> None:
        """Let the heading above a list hold for each of its lines, which bullets or numbers tell."""
        if sentence[:1] in _MARKS or _NUMBER.fullmatch(sentence):
            self.region, self.organ = self.above if any(self.above) else (self.region, self.organ)
        else:
            self.above = ("", "")

    def hold(self, sentence: str, follows: str) -> bool:
        """Whether a sentence is a heading and nothing else, which the next line stands under."""
        lead, line = lead_of(sentence), follows in "\r\n"
        first = sentence.rstrip().removesuffix(":").lstrip(_BULLETS)
        if lead and lead.end == len(sentence):
            self.region, self.organ = lead.words if line else "", ""
        elif line and sentence.rstrip().endswith(":") and self.reader.only_where(first):
            self.region, self.organ = "", first + ": "
        else:
            return False
        self.above = self.region, self.organ
        return True

    def add(self, sentence: str) -> tuple[str, str]:
        """What is read before a sentence, and how much of the sentence is read."""
        lead = lead_of(sentence)
        if not lead:
            place = place_of(self.region, sentence, self.reader) if self.region else ""
            words = _labelled(sentence[_organs_before(sentence, self.reader) :], self.reader)
            return place or ("" if ":" in sentence else self.organ), words
        body = sentence[lead.end :].lstrip(_BLANK)
        place = place_of(lead.words, body, self.reader)
        return ("", sentence) if place == lead.words + ": " else (place, body)

    def go_on(self, sentence: str, follows: str) -> None:
        """Let a heading hold behind a semicolon, and end with anything else."""
        if follows != ";":
            self.region = self.organ = ""
            return
        if lead := lead_of(sentence):
            self.region, self.organ, sentence = lead.words, "", sentence[lead.end :].lstrip(_BLANK)
        if ":" in sentence:
            first = sentence.partition(":")[0]
            self.organ = first + ": " if self.reader.only_where(first) else ""
            self.region = "" if self.organ or not lead else self.region


@lru_cache(maxsize=10_000)
def _labelled(sentence: str, reader: Reader) -> str:
    """A sentence that begins with the label of a size, with a blank for its colon: `Kích thước: 12 mm` is no place."""
    label = _LABEL.match(sentence, without_bullet(sentence))
    items = reader.items(label[1]) if label else ()
    if not (label and items and all((item.kind, item.name) in _SIZE for item in items)):
        return sentence
    return f"{sentence[: label.end() - 1]} {sentence[label.end() :]}"


def may_have_leads(text: str) -> bool:
    """Whether it is worth while to look for headings of regions before its sentences."""
    return ":" in text or "\n" in text or _DASH.search(text) is not None


@lru_cache(maxsize=10_000)
def lead_of(sentence: str) -> Lead | None:
    """The region's heading that a sentence begins with; its whole text may be one."""
    begin = without_bullet(sentence)
    for end, behind in _ends(sentence, begin):
        if words := _region(sentence[begin:end]):
            return Lead(words, behind)
    return None


def place_of(heading: str, body: str, reader: Reader) -> str:
    """What a heading adds to the sentence behind it, in words that are read: "ổ bụng: "; nothing where that names a place."""
    words = _place(heading, reader)
    named = _anatomy(words, reader)
    return "" if _names_place(body, named, reader) and not _nodes_lie(body, words, named, reader) else words + ": "


@lru_cache(maxsize=10_000)
def _organs_before(sentence: str, reader: Reader) -> int:
    """Where a sentence goes on behind a heading of several organs, if it names its own: `Lungs and pleura: 8 mm nodule …`."""
    first, colon, body = sentence.partition(":")
    if not colon or len(first) > _LONGEST:
        return 0
    listed = _anatomy(first, reader)
    body = body.lstrip(_BLANK)
    return len(sentence) - len(body) if len(listed) > 1 and _names_place(body, listed, reader) else 0


def _ends(sentence: str, begin: int) -> Iterator[tuple[int, int]]:
    """Where a heading may end, and where the sentence goes on behind it."""
    colon = sentence.find(":", begin, begin + _LONGEST)
    if colon >= 0:
        yield colon, colon + 1
    elif len(sentence) - begin <= _LONGEST:
        yield len(sentence), len(sentence)
    dashes = [m.span() for m in _DASH.finditer(sentence, begin, begin + _LONGEST) if colon < 0 or m.start() < colon]
    for start, end in reversed(dashes):
        if sentence[begin].isupper() and sentence[end].isupper() and not begins_region(sentence[end:]):
            yield start, end


def _region(words: str) -> str:
    """Words, without signs and brackets behind them, if they are a region's heading."""
    words = words[: _BEHIND.search(words).start()]  # type: ignore[union-attr]  # it matches nothing, too
    return words if words and region_named(words) else ""


@lru_cache(maxsize=1000)
def _place(words: str, reader: Reader) -> str:
    """One place for a heading: its own words where they name one, else that of its region."""
    return words if len(_anatomy(words, reader)) == 1 else region_place(region_named(words), reader.lexicon.language)


@lru_cache(maxsize=10_000)
def _anatomy(words: str, reader: Reader) -> tuple[str, ...]:
    """What words name that are places and nothing else; nothing where they say a side, which is lost without them."""
    items = reader.items(words) if words else []
    named = tuple([item.name for item in items if item.kind == "anatomy"])
    return named if all(item.kind in _PLACES for item in items) else ()


def _has_anatomy(text: str, reader: Reader) -> bool:
    return any(item.kind == "anatomy" for item in reader.items(text))


@lru_cache(maxsize=10_000)
def _names_place(body: str, listed: tuple[str, ...], reader: Reader) -> bool:
    """Whether a sentence says where that is which it speaks of first, or that usually lies in what is listed above it."""
    fact = next(iter(reader.facts(body)), None)
    if fact is None or fact.anatomy is None:
        return False
    if fact.anatomy != reader.lexicon.findings.get(fact.finding or "", {}).get("usually"):
        return True
    if _has_anatomy(body[: fact.end], reader) or (fact.anatomy == "lymph_node" and fact.location):
        return True
    return any(reader.lexicon.within(fact.anatomy, above) for above in listed)


@lru_cache(maxsize=10_000)
def _nodes_lie(body: str, words: str, named: tuple[str, ...], reader: Reader) -> bool:
    """Whether a heading says where nodes are and nothing else: "Head and neck: normal tonsils, no adenopathy"."""
    alone, under = reader.facts(body), reader.facts(f"{words}: {body}")
    if len(alone) != len(under):
        return False
    moved = [(a.finding, a.location, b.anatomy) for a, b in zip(alone, under, strict=True) if a.strict != b.strict]
    return bool(moved) and all(what in reader.lexicon.with_states and not at and where in named for what, at, where in moved)
