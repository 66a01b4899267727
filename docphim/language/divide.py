"""Divides a report into its sections, piece by piece and without a gap; what is none of them is set aside under a name.

Headings, forms of a letterhead and what may be known before a film stand in sections.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from docphim.language.fact import Fact
from docphim.language.headings import REGIONS, Heading, headings
from docphim.language.normalize import clean
from docphim.language.sections import (
    SECTIONS,
    known_before,
    letterhead_form,
    names_device,
    says_seen,
    sentence_ends,
)

_CLAUSE_END = re.compile(r"(?<=,)\s+")
#: What is set aside: `unclear` is what stands behind an indication or above the findings and may be a finding.
ASIDE = ("letterhead", "history", "indication", "technique", "comparison", "unclear")
#: What was known before the film.
_BEFORE_FILM = ("history", "indication")
#: A part of a text: where it starts and ends.
Span = tuple[int, int]


class Section(NamedTuple):
    """A piece of a report: it starts with its heading, if it has one, and its own text begins behind that.

    `name` is of `SECTIONS` or `ASIDE`; `region` the part of the body (`regions` of sections.yaml) under which the report lists
    it, else empty; `heading` what the heading above it is listed as in sections.yaml, empty above the first.
    """

    start: int
    begin: int
    end: int
    name: str
    region: str = ""
    heading: str = ""


def divide(text: str, read: Callable[[str], Sequence[Fact]], column: str = "text") -> list[Section]:
    """Divide a report, or one cell of it, at its headings; a text without headings is findings altogether.

    The pieces follow one another without a gap: they rebuild `clean(text)`.

    In a whole report, lines before a heading of the findings are letterhead, from the first sentence of each on that speaks
    of a finding at a place or of a device (`Tim to. Kết quả: …`) they are findings; where only a word speaks for it, `unclear`.
    A history or an indication goes on to the findings' heading where one follows.  Else these, a technique or a comparison end
    with their line, or in it before a sentence that speaks of a finding: `Chỉ định: ho. Tim to.`

    In a column that is named, letterhead is only what has the form of it, and what is set aside ends with its sentence.  A
    technique ends before a finding in that too: `Kỹ thuật: chụp thẳng, tim to.`  A recommendation may be called an indication
    or a technique (`Chỉ định: chụp CLVT`), an impression a diagnosis: these stay.

    Parameters
    ----------
    read : callable
        The facts of a sentence, which tell whether it is a finding.
    column : str
        `text` for a whole report; one of `SECTIONS` for the cell of such a column, where `findings` stands for what has no
        heading.
    """
    text = clean(text).replace("\r\n", " \n").replace("\r", "\n")
    marks = headings(text)
    cell = _Cell(text, _named_for(column, text, marks, read), column, read)
    return [section for section in (*_before(cell), *_behind(cell)) if section.start < section.end]


@dataclass(frozen=True)
class _Cell:
    """A cell's text, its headings as sections that end where the next begins, its column, and how sentences are read."""

    text: str
    marks: list[Section]
    column: str
    read: Callable[[str], Sequence[Fact]]

    @cached_property
    def last_findings(self) -> int:
        """Where the last heading of findings, or of a region in them, starts; -1 where there is none."""
        return max((mark.start for mark in self.marks if mark.name == "findings"), default=-1)

    @cached_property
    def first_findings(self) -> int:
        """Where the first heading of findings itself starts, no region's; -1 where there is none."""
        return next((mark.start for mark in self.marks if mark.heading == "findings"), -1)

    def shows(self, span: Span) -> bool:
        """Whether it says what only a film can have shown: `Tim to.`"""
        return any(map(_is_finding, self.read(self.text[slice(*span)])))

    def shows_or_device(self, span: Span) -> bool:
        """The same, or it speaks of a tube, a line or the like."""
        return names_device(self.text[slice(*span)]) or self.shows(span)

    def may_show(self, span: Span) -> bool:
        """Whether it speaks of a finding at a place, or of a device: `NKQ đúng vị trí.` has no place, and is lost otherwise."""
        return names_device(self.text[slice(*span)]) or any(map(_may_be_finding, self.read(self.text[slice(*span)])))

    def names_finding(self, span: Span) -> bool:
        """Whether there is a word of findings in it, wherever that is: `Không thấy tổn thương trên phim.`"""
        words = self.text[slice(*span)]
        named = names_device(words) or says_seen(words)
        return named or any(fact.finding or fact.state for fact in self.read(words))

    def sentences(self, start: int, end: int) -> list[Span]:
        """Its sentences, with the blanks behind each."""
        ends = [start + place for place in sentence_ends(self.text[start:end])]
        return list(pairwise([start, *ends]))

    def line_end(self, start: int, end: int) -> int:
        """Where the line ends in which it starts."""
        stop = self.text.find("\n", start, end)
        return end if stop < 0 else stop


def _named_for(column: str, text: str, marks: list[Heading], read: Callable[[str], Sequence[Fact]]) -> list[Section]:
    """The headings, each with the section that it opens in this column, to the next."""
    marks = counted(marks)
    diagnoses = column == "text" and any(mark.name == "diagnosis" for mark in marks)
    shown = _first_finding(text, marks, read) if diagnoses else len(text)
    last = max((mark.start for mark in marks if mark.name == "findings"), default=-1)
    listed: list[Section] = []
    described = False
    for mark, end in zip(marks, [*(mark.start for mark in marks), len(text)][1:], strict=True):
        described = described or mark.name in ("findings", *REGIONS)
        # Below findings it is of the film: `Mô tả: Tim to. Chẩn đoán: Suy tim`; above their heading it came before it.
        of_film = column == "impression" or (column == "text" and (described or last < shown < mark.start))
        name = _opened(mark.name, column, listed[-1].name if listed else "", of_film=of_film)
        listed.append(Section(mark.start, mark.end, end, name, mark.name if mark.name in REGIONS else "", mark.name))
    return listed


def _opened(heading: str, column: str, before: str, *, of_film: bool) -> str:
    """The section that a heading opens in a column, behind the section `before`."""
    if column == "recommendation" and heading not in SECTIONS:
        return "recommendation"
    if heading in REGIONS:
        return before if before in SECTIONS else "findings"
    if heading == "diagnosis":
        return "impression" if of_film else "indication"
    return heading


def counted(marks: list[Heading]) -> list[Heading]:
    """The headings that count: all sections', and regions' where there are two of them and no findings' heading follows."""
    regions = {mark.name for mark in marks if mark.name in REGIONS and not mark.organ}
    first = next((mark.start for mark in marks if mark.name == "findings"), -1)
    return [mark for mark in marks if mark.name not in REGIONS or (len(regions) > 1 and mark.start > first)]


def _first_finding(text: str, marks: list[Heading], read: Callable[[str], Sequence[Fact]]) -> int:
    """Where the part of the text starts that first says what a film shows, its length if none does; each is read once."""
    cell = _Cell(text, [], "text", read)
    ends = [mark.start for mark in marks[1:]] + [len(text)]
    parts = [(0, marks[0].start, 0)]
    parts += [(mark.end, end, int(mark.name not in SECTIONS)) for mark, end in zip(marks, ends, strict=True)]
    for begin, end, first in parts:  # what stands in the first sentence behind `Chỉ định:` was known before the film
        if any(map(cell.shows, cell.sentences(begin, end)[first:])):
            return begin
    return len(text)


def _before(cell: _Cell) -> Iterator[Section]:
    """What stands before the first heading: findings, where these have no heading of their own."""
    end = cell.marks[0].start if cell.marks else len(cell.text)
    if cell.first_findings < 0:
        yield Section(0, 0, end, "findings")
    else:
        yield from _above(cell, 0, end)


def _above(cell: _Cell, start: int, end: int, heading: str = "") -> Iterator[Section]:
    """Lines above a heading of the findings: letterhead, or findings from a sentence on that speaks of one."""
    doubtful = "unclear" if cell.column == "text" else "findings"
    while start < end:
        stop = min(cell.line_end(start, end) + 1, end)
        form = letterhead_form(cell.text[start:stop].rstrip("\n"))
        if cell.column != "text" and not form:
            yield Section(start, start, stop, "findings", heading=heading)
        else:
            head, tail = _until(cell.sentences(start, stop), cell.shows if form == "sure" else cell.may_show)
            for span in head:
                name = doubtful if form != "sure" and cell.names_finding(span) else "letterhead"
                yield Section(span[0], *span, name, heading=heading)
            yield Section(tail, tail, stop, "findings", heading=heading)
        start = stop


def _behind(cell: _Cell) -> Iterator[Section]:
    """What stands behind each heading; what follows a section that is set aside belongs to the section before it."""
    resumed = "findings"
    for mark in cell.marks:
        if mark.name in SECTIONS:
            resumed = mark.name
            yield mark
        elif mark.name in _BEFORE_FILM and mark.start < cell.last_findings and cell.column == "text":
            first, *rest = cell.sentences(mark.begin, mark.end)
            yield mark._replace(end=first[1])
            yield from (_aside(mark, span, cell.shows_or_device(span)) for span in rest)
        else:
            yield from _set_aside(mark, resumed, cell)


def _set_aside(mark: Section, resumed: str, cell: _Cell) -> Iterator[Section]:
    """What is set aside behind a heading, its first sentence at least, and what of it is findings."""
    first, *_ = cell.sentences(_past_blank(cell.text, mark), mark.end)
    tail = _until(_clauses(cell.text, *first), cell.shows_or_device)[1] if mark.name == "technique" else first[1]
    yield mark._replace(end=tail)  # `Kỹ thuật: chụp thẳng, tim to.`
    if cell.column != "text" and mark.start < cell.first_findings:
        yield from _above(cell, tail, mark.end, mark.heading)
        return
    if tail < first[1] or cell.column != "text":
        yield Section(tail, tail, mark.end, resumed, heading=mark.heading)
        return
    words = cell.text[first[0] : first[1]].rstrip()
    line = max(cell.line_end(first[0] + len(words), mark.end), tail)
    head, tail = _until(cell.sentences(tail, line), cell.shows if mark.name in _BEFORE_FILM else cell.may_show)
    yield from (_aside(mark, span, cell.may_show(span)) for span in head)
    yield Section(tail, tail, line, resumed, heading=mark.heading)
    yield from _below(mark, line, resumed, cell)


def _below(mark: Section, start: int, resumed: str, cell: _Cell) -> Iterator[Section]:
    """The lines below what is set aside: findings, or where a heading of findings follows only from a finding on."""
    if mark.start > cell.last_findings:
        yield Section(start, start, mark.end, resumed, heading=mark.heading)
        return
    while start < mark.end:
        stop = min(cell.line_end(start, mark.end) + 1, mark.end)
        _, tail = _until(cell.sentences(start, stop), cell.may_show)
        yield Section(start, start, tail, mark.name, heading=mark.heading)
        yield Section(tail, tail, stop, resumed, heading=mark.heading)
        start = stop


def _past_blank(text: str, mark: Section) -> int:
    """Where the first word behind a heading stands, which may be on the next line."""
    return mark.end - len(text[mark.begin : mark.end].lstrip())


def _clauses(text: str, start: int, end: int) -> list[Span]:
    """Its parts between commas."""
    ends = [start + m.end() for m in _CLAUSE_END.finditer(text[start:end])]
    return list(pairwise([start, *ends, end]))


def _aside(mark: Section, span: Span, finding: bool) -> Section:
    """A sentence that is set aside: `unclear` where it stands behind a history or an indication and may be a finding."""
    name = "unclear" if mark.name in _BEFORE_FILM and finding else mark.name
    return Section(span[0], *span, name, heading=mark.heading)


def _until(spans: list[Span], finding: Callable[[Span], bool]) -> tuple[list[Span], int]:
    """The sentences before the first that speaks of a finding, and where that one starts; the end where none does."""
    at = next((n for n, span in enumerate(spans) if finding(span)), len(spans))
    return spans[:at], spans[at][0] if at < len(spans) else (spans[-1][1] if spans else 0)


def _may_be_finding(fact: Fact) -> bool:
    """Whether a fact says of a part of the body what is or is not seen there."""
    return bool(fact.anatomy and (fact.finding or fact.state))


def _is_finding(fact: Fact) -> bool:
    """Whether only a film can have shown it: certain, all its words known, and nothing that is known before as well."""
    known = fact.finding not in known_before() and fact.certainty == "certain" and not fact.leftover
    return _may_be_finding(fact) and known
