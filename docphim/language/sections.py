"""Divides a report's text: into sections by their headings, into sentences, and into this film and earlier ones.

What counts as a heading or as a comparison is in sections.yaml, for a radiologist to read and correct.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from docphim.language.normalize import clean, normalize
from docphim.package_data import packaged

#: The sections a report is made of; the others (`indication`, `technique`, `comparison`) are read and set aside.
SECTIONS = ("findings", "impression", "recommendation")

# A full stop ends a sentence before a space, but not inside a number (1.5 cm), after an initial (BS. N. V.) or a list number.
_SENTENCE_END = re.compile(r"(?<=[.!?;])(?<!\b[A-ZĐ]\.)(?<!\bBS\.)(?<!\bDr\.)(?<!^\d\.)\s+|\s*\n+\s*", re.MULTILINE)
_BULLET = r"[\s>#*•·+–—-]*(?:(?:\d{1,2}|[IVX]{1,4}|[a-d])[.)/]\s*)?[\s*_]*"


def split_sections(text: str, column: str = "text") -> dict[str, str]:
    """Divide one free text at its headings.

    What stands before the first heading is a letterhead where `findings` has a heading of its own, and the findings
    where it has none; a text without headings is findings altogether.  A section that is set aside ends at the next heading
    where findings have one further on; else with its line, so that findings behind it (`Kỹ thuật: …⏎Bóng tim to.`) are not
    set aside with it, and with its sentence in a column of findings or where no findings would be left.

    Parameters
    ----------
    column : str
        `text` for a whole report; one of `SECTIONS` for the cell of such a column, where `findings` stands for what has no
        heading.

    Returns
    -------
    dict
        Section name → text, in the order first met: the names in `SECTIONS`, and `indication`, `technique`, `comparison`.
        Sections without text are left out.
    """
    text = clean(text).replace("\r\n", "\n").replace("\r", "\n")
    marks = [(m.start(), m.end(), _names()[normalize(m["opening"] or m["inner"])]) for m in _heading().finditer(text)]
    divided = _divided(text, marks, by_sentence=column != "text")
    # An indication on lines of its own may have several sentences: nothing of it is a finding.
    closed = any(name == "indication" and "\n" in text[start:] for _, start, name in marks)
    return divided if "findings" in divided or closed else _divided(text, marks, by_sentence=True)


def _divided(text: str, marks: list[tuple[int, int, str]], by_sentence: bool) -> dict[str, str]:
    parts: dict[str, list[str]] = {}
    before = text[: marks[0][0]] if marks else text
    if not any(name == "findings" for _, _, name in marks):
        parts["findings"] = [before]
    ends = [start for start, _, _ in marks[1:]] + [len(text)]
    last = max((start for start, _, name in marks if name == "findings"), default=-1)
    resumed = "findings"
    for (_, start, name), end in zip(marks, ends, strict=bool(marks)):
        piece, rest = text[start:end], ""
        if name in SECTIONS:
            resumed = name
        elif start > last:
            piece, rest = _first(piece, by_sentence)
        parts.setdefault(name, []).append(piece)
        if rest:
            parts.setdefault(resumed, []).append(rest)
    joined = {name: tidy("\n".join(pieces)) for name, pieces in parts.items()}
    return {name: value for name, value in joined.items() if value}


def _first(text: str, by_sentence: bool) -> tuple[str, str]:
    """The first line or sentence, and what follows it."""
    text = text.strip()
    end = _SENTENCE_END.search(text) if by_sentence else re.search(r"\n", text)
    return (text[: end.start()], text[end.end() :]) if end else (text, "")


def leave_out_comparisons(text: str, language: str) -> tuple[str, list[str]]:
    """Take out the sentences that compare with an earlier film, which a model that sees one film cannot know.

    Parameters
    ----------
    language : str
        `vi` or `en`; Vietnamese reports are searched for English comparisons too, since phrases are borrowed.

    Returns
    -------
    tuple
        The text that is left, and the sentences taken out, in their order.
    """
    lines, left_out = [], []
    for line in text.split("\n"):
        pieces = sentences(line)
        compares = [is_comparison(piece, language) for piece in pieces]
        left_out += [piece for piece, c in zip(pieces, compares, strict=True) if c]
        lines.append(" ".join(piece for piece, c in zip(pieces, compares, strict=True) if not c) if any(compares) else line)
    return tidy("\n".join(lines)), left_out


def is_comparison(sentence: str, language: str) -> bool:
    """Whether a sentence speaks of an earlier film or of change."""
    return _comparison(language).search(normalize(sentence)) is not None


def sentences(text: str) -> list[str]:
    """Sentences with their punctuation; a line end, a semicolon or a full stop before a space ends one."""
    return [piece.strip() for piece in _SENTENCE_END.split(text) if piece.strip()]


def tidy(text: str) -> str:
    """One space, no empty lines, no bullets that bullet nothing."""
    lines = (" ".join(line.split()) for line in text.replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if re.search(r"\w", line))


def heading_names() -> list[str]:
    """Every heading that opens a section, normalised."""
    return [normalize(heading) for headings in _data()["headings"].values() for heading in headings]


@cache
def _data() -> Any:
    return packaged(Path(__file__).with_suffix(".yaml"))


@cache
def _names() -> dict[str, str]:
    names = {normalize(h): section for section, headings in _data()["headings"].items() for h in headings}
    # As old systems write them, without accents: `KET LUAN`.  A short word would then be too many others.
    return {_bare(h): section for h, section in names.items() if " " in h} | names


def _bare(heading: str) -> str:
    """Without accents; ASCII, as `normalize` leaves it."""
    return "".join(c for c in unicodedata.normalize("NFD", heading) if not unicodedata.combining(c)).replace("đ", "d")


@cache
def _heading() -> re.Pattern[str]:
    """A heading alone on its line, or before a colon: at a line's start, or inside one with a capital or after a stop."""
    longest_first = sorted(_names(), key=len, reverse=True)
    words = "|".join(re.escape(name).replace(r"\ ", r"[^\S\n]+") for name in longest_first)
    colon = r"[*_]*[^\S\n]*[:\uff1a][*_]*"
    opens_line = rf"^{_BULLET}(?P<opening>(?i:{words}))(?:{colon}|[*_]*[^\S\n]*$)"
    in_line = rf"(?:(?<=[\s.;,*_-])(?=[A-ZĐ])|(?<=[.;]\s))(?P<inner>(?i:{words})){colon}"
    return re.compile(f"{opens_line}|{in_line}", re.MULTILINE)


@cache
def _comparison(language: str) -> re.Pattern[str]:
    listed = _data()["comparisons"]
    chosen = listed["vi"] + listed["en"] if language == "vi" else listed.get(language, listed["en"])
    return re.compile(rf"(?<!\w)(?:{'|'.join(chosen)})(?!\w)")
