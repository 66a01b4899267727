"""Divides one cell of a report into its sections; what is none of them is set aside under a name, so that no word is lost.

Headings, forms of a letterhead and what may be known before a film stand in sections.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from docphim.language.fact import Fact
from docphim.language.normalize import clean
from docphim.language.sections import SECTIONS, headings, is_letterhead, known_before, sentences, tidy

_CLAUSE_END = re.compile(r"(?<=,)\s+")
#: What is set aside: `unclear` is what stands behind an indication and may be a finding, or still the indication.
ASIDE = ("letterhead", "indication", "technique", "comparison", "unclear")


def split_sections(text: str, column: str = "text", language: str = "vi") -> dict[str, str]:
    """Divide one cell at its headings; a text without headings is findings altogether.

    What is none of `SECTIONS` is set aside under a name of `ASIDE`: every word but the headings' own stands in what comes back.

    In a whole report, lines before a heading of the findings are letterhead, from the first sentence of each on that speaks
    of a finding (`Tim to. Kết quả: …`) they are findings.  An indication goes on to the findings' heading where one follows.
    Else it, a technique or a comparison end with their line, or in it before a sentence that speaks of a finding:
    `Chỉ định: ho. Tim to.`

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

    @property
    def last_findings(self) -> int:
        """Where the last heading of findings starts, -1 where there is none."""
        return max((start for start, _, name in self.marks if name == "findings"), default=-1)


def _named_for(column: str, text: str, language: str) -> list[tuple[int, int, str]]:
    """The headings, each with the section that it opens in this column."""
    marks = headings(text)
    names = [name for *_, name in marks]
    listed = []
    for number, (start, end, name) in enumerate(marks):
        if column == "recommendation" and name not in SECTIONS:
            name = "recommendation"
        elif name == "diagnosis" and column == "impression":
            name = "impression"
        elif name == "diagnosis":
            shown = "findings" in names[:number] or _speaks(text[:start], language, _is_finding)
            # Below findings, in a report without another conclusion, it is that: `Mô tả: Tim to. Chẩn đoán: Suy tim`.
            name = "impression" if column == "text" and shown and "impression" not in names else "indication"
        listed.append((start, end, name))
    return listed


def _before(cell: _Cell) -> Iterator[tuple[str, str]]:
    """What stands before the first heading: findings, where these have no heading of their own."""
    before = cell.text[: cell.marks[0][0]] if cell.marks else cell.text
    if cell.last_findings < 0:
        yield "findings", before
        return
    for line in before.split("\n"):
        shaped = is_letterhead(line)
        if cell.column != "text" and not shaped:
            yield "findings", line
            continue
        head, tail = _until_finding(sentences(line), cell.language, clearly=shaped)
        yield "letterhead", " ".join(head)
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
            yield from ((_unclear(name, sentence, cell.language, _is_finding), sentence) for sentence in rest)
        else:
            yield from _set_aside(name, piece, resumed, cell, followed=start < cell.last_findings)


def _set_aside(name: str, piece: str, resumed: str, cell: _Cell, *, followed: bool) -> Iterator[tuple[str, str]]:
    """What is set aside behind a heading, its first sentence at least, and what of it is findings."""
    first, *_ = sentences(piece) or [""]
    rest = piece.removeprefix(first)
    if name == "technique":  # `Kỹ thuật: chụp thẳng, tim to.`
        clauses, tail = _until_finding(_CLAUSE_END.split(first), cell.language, clearly=True)
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
    head, tail = _until_finding(sentences(line), cell.language, clearly=name == "indication")
    for sentence in head:
        yield _unclear(name, sentence, cell.language, _may_be_finding), sentence
    yield resumed, tail
    if not followed:
        yield resumed, below
        return
    for line in below.split("\n"):
        head, tail = _until_finding(sentences(line), cell.language, clearly=False)
        yield name, " ".join(head)
        yield resumed, tail


def _unclear(name: str, sentence: str, language: str, of: Callable[[Fact], bool]) -> str:
    """The name under which a sentence is set aside: `unclear` where it stands behind an indication and may be a finding."""
    return "unclear" if name == "indication" and _speaks(sentence, language, of) else name


def _until_finding(pieces: list[str], language: str, *, clearly: bool) -> tuple[list[str], str]:
    """The sentences before the first that speaks of a finding, and that one with all behind it."""
    finding = _is_finding if clearly else _may_be_finding
    at = next((n for n, piece in enumerate(pieces) if _speaks(piece, language, finding)), len(pieces))
    return pieces[:at], " ".join(pieces[at:])


def _speaks(text: str, language: str, of: Callable[[Fact], bool]) -> bool:
    from docphim.language.facts import facts  # here: the chain of imports stays short, and most cells need no lexicon

    languages = dict.fromkeys((language, "en") if text.isascii() else (language,))  # English stands in Vietnamese reports too
    return any(of(fact) for spoken in languages for fact in facts(text, spoken))


def _may_be_finding(fact: Fact) -> bool:
    """Whether a fact says of a part of the body what is or is not seen there."""
    return bool(fact.anatomy and (fact.finding or fact.state))


def _is_finding(fact: Fact) -> bool:
    """Whether only a film can have shown it: certain, all its words known, and nothing that is known before as well."""
    known = fact.finding not in known_before() and fact.certainty == "certain" and not fact.leftover
    return _may_be_finding(fact) and known
