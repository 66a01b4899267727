"""Divides one cell of a report into its sections; what is none of them is set aside under a name, so that no word is lost.

Headings, forms of a letterhead and what may be known before a film stand in sections.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from docphim.language.fact import Fact
from docphim.language.normalize import clean
from docphim.language.sections import (
    SECTIONS,
    headings,
    known_before,
    letterhead_form,
    names_device,
    says_seen,
    sentences,
    tidy,
)

_CLAUSE_END = re.compile(r"(?<=,)\s+")
#: What is set aside: `unclear` is what stands behind an indication or above the findings and may be a finding.
ASIDE = ("letterhead", "indication", "technique", "comparison", "unclear")


def split_sections(text: str, column: str = "text", language: str = "vi") -> dict[str, str]:
    """Divide one cell at its headings; a text without headings is findings altogether.

    What is none of `SECTIONS` is set aside under a name of `ASIDE`: every word but the headings' own stands in what comes back.

    In a whole report, lines before a heading of the findings are letterhead, from the first sentence of each on that speaks
    of a finding at a place or of a device (`Tim to. Kết quả: …`) they are findings; where only a word speaks for it, `unclear`.
    An indication goes on to the findings' heading where one follows.  Else it, a technique or a comparison end with their
    line, or in it before a sentence that speaks of a finding: `Chỉ định: ho. Tim to.`

    In a column that is named, letterhead is only what has the form of it, and what is set aside ends with its sentence.  A
    technique ends before a finding in that too: `Kỹ thuật: chụp thẳng, tim to.`  A recommendation may be called an indication
    or a technique (`Chỉ định: chụp CLVT`), an impression a diagnosis: these stay.

    Parameters
    ----------
    column : str
        `text` for a whole report; one of `SECTIONS` for the cell of such a column, where `findings` stands for what has no
        heading.
    language : str
        Whose lexicon tells what a finding is: `vi` or `en`.

    Returns
    -------
    dict
        Section name → text, in the order first met: the names in `SECTIONS` and `ASIDE`.  Sections without text are left out.
    """
    text = clean(text).replace("\r\n", "\n").replace("\r", "\n")
    cell = _Cell(text, _named_for(column, text, language), column, language)
    parts: dict[str, list[str]] = {}
    for name, piece in (*_before(cell), *_behind(cell)):
        parts.setdefault(name, []).append(piece)
    joined = {name: tidy("\n".join(pieces)) for name, pieces in parts.items()}
    return {name: value for name, value in joined.items() if value}


@dataclass(frozen=True)
class _Cell:
    """A cell's text, its headings as (start, end, section), its column and its language."""

    text: str
    marks: list[tuple[int, int, str]]
    column: str
    language: str

    @cached_property
    def last_findings(self) -> int:
        """Where the last heading of findings starts, -1 where there is none."""
        return max((start for start, _, name in self.marks if name == "findings"), default=-1)


def _named_for(column: str, text: str, language: str) -> list[tuple[int, int, str]]:
    """The headings, each with the section that it opens in this column."""
    marks = headings(text)
    diagnoses = {start for start, _, name in marks if name == "diagnosis"}
    shown = _first_finding(text, marks, language) if column == "text" and diagnoses else len(text)
    last = max((start for start, _, name in marks if name == "findings"), default=-1)
    listed, described = [], False
    for start, end, name in marks:
        described = described or name == "findings"
        if column == "recommendation" and name not in SECTIONS:
            name = "recommendation"
        elif name == "diagnosis":
            # Below findings it is of the film: `Mô tả: Tim to. Chẩn đoán: Suy tim`; above their heading it came before it.
            below = column == "text" and (described or last < shown < start)
            name = "impression" if below or column == "impression" else "indication"
        listed.append((start, end, name))
    return listed


def _first_finding(text: str, marks: list[tuple[int, int, str]], language: str) -> int:
    """Where the part of the text starts that first says what a film shows, its length if none does; each is read once."""
    ends = [start for start, _, _ in marks[1:]] + [len(text)]
    parts = [(0, text[: marks[0][0]], 0)]
    parts += [(begin, text[begin:end], int(name not in SECTIONS)) for (_, begin, name), end in zip(marks, ends, strict=True)]
    for begin, part, first in parts:  # what stands in the first sentence behind `Chỉ định:` was known before the film
        if any(_shows(sentence, language) for sentence in sentences(part)[first:]):
            return begin
    return len(text)


def _before(cell: _Cell) -> Iterator[tuple[str, str]]:
    """What stands before the first heading: findings, where these have no heading of their own."""
    before = cell.text[: cell.marks[0][0]] if cell.marks else cell.text
    if cell.last_findings < 0:
        yield "findings", before
        return
    doubtful = "unclear" if cell.column == "text" else "findings"
    for line in before.split("\n"):
        form = letterhead_form(line)
        if cell.column != "text" and not form:
            yield "findings", line
            continue
        head, tail = _until(sentences(line), cell.language, _shows if form == "sure" else _may_show)
        for sentence in head:
            yield doubtful if form != "sure" and _names_finding(sentence, cell.language) else "letterhead", sentence
        yield "findings", tail


def _behind(cell: _Cell) -> Iterator[tuple[str, str]]:
    """What stands behind each heading; what follows a section that is set aside belongs to the section before it."""
    ends = [start for start, _, _ in cell.marks[1:]] + [len(cell.text)]
    resumed = "findings"
    for (start, begin, name), end in zip(cell.marks, ends, strict=bool(cell.marks)):
        piece = cell.text[begin:end].strip()
        if name in SECTIONS:
            resumed = name
            yield name, piece
        elif name == "indication" and start < cell.last_findings and cell.column == "text":
            first, *rest = sentences(piece) or [""]
            yield name, first
            yield from ((_unclear(name, sentence, cell.language, _shows_or_device), sentence) for sentence in rest)
        else:
            yield from _set_aside(name, piece, resumed, cell, followed=start < cell.last_findings)


def _set_aside(name: str, piece: str, resumed: str, cell: _Cell, *, followed: bool) -> Iterator[tuple[str, str]]:
    """What is set aside behind a heading, its first sentence at least, and what of it is findings."""
    first, *_ = sentences(piece) or [""]
    rest = piece.removeprefix(first)
    if name == "technique":  # `Kỹ thuật: chụp thẳng, tim to.`
        clauses, tail = _until(_CLAUSE_END.split(first), cell.language, _shows_or_device)
        first, rest = " ".join(clauses), tail + rest
        yield name, first
        if tail:
            yield resumed, rest
            return
    else:
        yield name, first
    if cell.column != "text":
        yield resumed, rest
        return
    line, _, below = rest.partition("\n")
    head, tail = _until(sentences(line), cell.language, _shows if name == "indication" else _may_show)
    for sentence in head:
        yield _unclear(name, sentence, cell.language, _may_show), sentence
    yield resumed, tail
    if not followed:
        yield resumed, below
        return
    for line in below.split("\n"):
        head, tail = _until(sentences(line), cell.language, _may_show)
        yield name, " ".join(head)
        yield resumed, tail


def _unclear(name: str, sentence: str, language: str, finding: Callable[[str, str], bool]) -> str:
    """The name under which a sentence is set aside: `unclear` where it stands behind an indication and may be a finding."""
    return "unclear" if name == "indication" and finding(sentence, language) else name


def _until(pieces: list[str], language: str, finding: Callable[[str, str], bool]) -> tuple[list[str], str]:
    """The sentences before the first that speaks of a finding, and that one with all behind it."""
    at = next((n for n, piece in enumerate(pieces) if finding(piece, language)), len(pieces))
    return pieces[:at], " ".join(pieces[at:])


def _shows(text: str, language: str) -> bool:
    """Whether it says what only a film can have shown: `Tim to.`"""
    return any(map(_is_finding, _facts(text, language)))


def _shows_or_device(text: str, language: str) -> bool:
    return names_device(text) or _shows(text, language)


def _may_show(text: str, language: str) -> bool:
    """Whether it speaks of a finding at a place, or of a device: `NKQ đúng vị trí.` has no place, and is lost otherwise."""
    return names_device(text) or any(map(_may_be_finding, _facts(text, language)))


def _names_finding(text: str, language: str) -> bool:
    """Whether there is a word of findings in it, wherever that is: `Không thấy tổn thương trên phim.`"""
    named = names_device(text) or says_seen(text)
    return named or any(fact.finding or fact.state for fact in _facts(text, language))


def _facts(text: str, language: str) -> Iterator[Fact]:
    from docphim.language.facts import facts  # here: the chain of imports stays short, and most cells need no lexicon

    languages = dict.fromkeys((language, "en") if text.isascii() else (language,))  # English stands in Vietnamese reports too
    return (fact for spoken in languages for fact in facts(text, spoken))


def _may_be_finding(fact: Fact) -> bool:
    """Whether a fact says of a part of the body what is or is not seen there."""
    return bool(fact.anatomy and (fact.finding or fact.state))


def _is_finding(fact: Fact) -> bool:
    """Whether only a film can have shown it: certain, all its words known, and nothing that is known before as well."""
    known = fact.finding not in known_before() and fact.certainty == "certain" and not fact.leftover
    return _may_be_finding(fact) and known
