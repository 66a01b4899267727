"""What a report's text is divided by beside headings: the ends of sentences, words about earlier films, forms of a letterhead.

What counts as one of them is in sections.yaml, for a radiologist to read and correct.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from docphim.language.normalize import normalize
from docphim.package_data import packaged

#: The sections a report is made of.
SECTIONS = ("findings", "impression", "recommendation")
#: Those that say what the images show.
REPORTED = ("findings", "impression")

# A full stop ends a sentence before a space, but not inside a number (1.5 cm), after an initial (BS. N. V.) or a list number.
_SENTENCE_END = re.compile(
    r"(?<=[.!?;])(?<!\b[A-ZĐ]\.)(?<!\bBS\.)(?<!\bDr\.)(?<!^\d\.)\s+|(?<!\s)[^\S\n]*+\n\s*+", re.MULTILINE
)
# Possessive and within a line: thousands of empty lines are passed over once.
_BULLET = r"(?:[^\S\n]|[>#*•·+–—=\"“\[-])*+(?:(?:\d{1,2}|[IVX]{1,4}|[a-d])[.)/](?:[^\S\n])*+)?(?:[^\S\n]|[*_])*+"


def letterhead_form(line: str) -> str:
    """Which form of a letterhead's a line has: `sure`, `unless_finding` where a word of findings speaks against it, or none."""
    return next((name for name in _data()["letterhead"] if _pattern("letterhead", name).search(normalize(line))), "")


def names_device(text: str) -> bool:
    """Whether it names a tube, a line, a pacemaker, clips: what is seen on the film but has no anatomy of its own."""
    return _pattern("shown", "device").search(normalize(text)) is not None


def says_seen(text: str) -> bool:
    """Whether it says that something is seen: `Phim chụp ngày 12/3/2020 cho thấy …`."""
    return _pattern("shown", "seen").search(normalize(text)) is not None


def known_before() -> frozenset[str]:
    """Findings (concepts.yaml) that are as often known before the film as seen on it: diseases, operations, devices."""
    return frozenset(_data()["known_before"])


def listed_patterns(table: str) -> list[str]:
    """The regular expressions of a list in sections.yaml."""
    return list(_data()[table])


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


def sentence_ends(text: str) -> list[int]:
    """Where each sentence ends, with the blanks behind it; the last ends with the text."""
    ends = [m.end() for m in _SENTENCE_END.finditer(text)]
    return ends if ends and ends[-1] == len(text) else [*ends, len(text)]


def tidy(text: str) -> str:
    """One space, no empty lines, no bullets that bullet nothing."""
    lines = (" ".join(line.split()) for line in text.replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if re.search(r"\w", line))


@cache
def _data() -> Any:
    return packaged(Path(__file__).with_suffix(".yaml"))


@cache
def _pattern(table: str, name: str) -> re.Pattern[str]:
    opens = {"letterhead": f"^{_BULLET}", "shown": r"(?<!\w)"}[table]
    return re.compile(rf"{opens}(?:{'|'.join(_data()[table][name])})(?!\w)", re.MULTILINE)


@cache
def _comparison(language: str) -> re.Pattern[str]:
    listed = _data()["comparisons"]
    chosen = listed["vi"] + listed["en"] if language == "vi" else listed.get(language, listed["en"])
    return re.compile(rf"(?<!\w)(?:{'|'.join(chosen)})(?!\w)")
