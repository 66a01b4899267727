"""A report's text as it is searched: letter by letter as long as the text itself, in lower case, and without accents."""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Container
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from docphim.ingest.names.letters import folded, lowered
from docphim.language.normalize import clean

# A word; H'Mông and K'Brếp are one, and so is O'Brien.  A rank belongs to its title: BSCK2, KTV1, "chuyên khoa 1".
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ`][^\W\d_]+)*")
_HAS_RANK = re.compile(r"(?:ck|ktv|bs|khoa) ?[1-3]")
_RANKED_WORD = re.compile(
    r"(?<![^\W\d_])(?:(?:bs)?ck|ktv|bs)[1-3](?![\w/]|[.,]\d)|(?:(?<=ck )|(?<=n khoa )|(?<=ktv )|(?<=bs ))[12](?![\w/%]|[.,]\d)"
    r"|[^\W\d_]+(?:['’ʼ`][^\W\d_]+)*",
    re.IGNORECASE,
)
#: Words of a long line, at least; of so many, in Title Case, all but one begin with a capital, and in a shorter one all.
_LONG_LINE, _MOST = 6, 4
_TITLES = frozenset(["bs", "ktv", "đd", "bn"])
_BLANKS = frozenset([" ", "  "])
#: `&#7877;`, `&eacute;`, and RTF's `\u7877?`, which tables sometimes hold in place of letters.
_ENTITY = re.compile(r"&(?:#\d{2,7}|#[xX][0-9a-fA-F]{2,6}|[A-Za-z]{2,8});")
# Signs that are not seen and may cut a name: format characters (category Cf), the grapheme joiner, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
_FULL_WIDTH = re.compile("[\uff01-\uff5e]+")
_RTF_LETTER = re.compile(r"\\u(-?\d{2,5})(?:\\'3f|\?| )?")


class Span(NamedTuple):
    """Letters to be taken out, what they are (`name`, `number`, `date`, `address`, `field`), and what stands in their place."""

    start: int
    end: int
    kind: str
    instead: str = ""


def opened(text: str) -> str:
    """The text without what hides a name: entities, RTF letters, invisible signs, full-width letters, decomposed accents."""
    if "&" in text:
        text = _ENTITY.sub(lambda m: html.unescape(m.group()), text)
    if "\\u" in text:
        text = _RTF_LETTER.sub(lambda m: chr(int(m[1]) % 65536), text)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not text.isascii() else text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text
    text = _INVISIBLE.sub("", text)
    return clean(_FULL_WIDTH.sub(lambda m: unicodedata.normalize("NFKC", m.group()), text))


@dataclass
class Page:
    """A text that has been `opened`, its language (`vi` or `en`), and what header and table know of its people."""

    text: str
    language: str = "vi"
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    #: Its labels, once they are read (`labels.label_marks`).
    marks: list[tuple[str, int, int]] | None = None
    #: Its fields, once they are read (`fields.fields`).
    fields: list[Any] | None = None
    #: Of words that begin chains of titles, the word behind the chain, once it is read (`chains.chain_end`).
    chains: dict[int, int] = field(default_factory=dict)
    #: The same, of words that such chains go on with.
    chain_rests: dict[int, int] = field(default_factory=dict)
    #: Words with which a known name or a finding begins, and nothing tells which (`known.known_people`).
    unsure: set[int] = field(default_factory=set)

    @cached_property
    def low(self) -> str:
        """In lower case."""
        return lowered(self.text)

    @cached_property
    def bare(self) -> str:
        """In lower case without accents."""
        return folded(self.text)

    @cached_property
    def words(self) -> list[tuple[int, int]]:
        """Start and end of each word."""
        return [m.span() for m in (_RANKED_WORD if _HAS_RANK.search(self.bare) else _WORD).finditer(self.text)]

    @cached_property
    def lows(self) -> list[str]:
        """Each word in lower case."""
        low = self.low
        return [low[start:end] for start, end in self.words]

    @cached_property
    def bares(self) -> list[str]:
        """Each word in lower case without accents."""
        bare = self.bare
        return [bare[start:end] for start, end in self.words]

    @cached_property
    def unaccented(self) -> bool:
        """Typed without accents: nothing is told by their absence."""
        return self.low == self.bare

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _ in self.words]

    def word_at(self, place: int) -> int:
        """The number of the first word that starts at or behind a place."""
        return bisect_left(self._starts, place)

    def line(self, place: int) -> tuple[int, int]:
        """Start and end of the line that a place is in."""
        end = self.text.find("\n", place)
        return self.text.rfind("\n", 0, place) + 1, len(self.text) if end < 0 else end

    def capital(self, word: int) -> bool:
        """Whether a word begins with a capital."""
        return self.text[self.words[word][0]].isupper()

    @cached_property
    def _lines(self) -> list[int]:
        """Where each line starts."""
        starts = [0]
        while (end := self.text.find("\n", starts[-1])) >= 0:
            starts.append(end + 1)
        return starts

    @cached_property
    def _flat_lines(self) -> list[bool]:
        ends = [start - 1 for start in self._lines[1:]] + [len(self.text)]
        return [self._flat(start, end) for start, end in zip(self._lines, ends, strict=True)]

    def flat(self, place: int) -> bool:
        """Whether a line's capitals say nothing of names: it is typed in capitals alone, with none, or in Title Case."""
        return self._flat_lines[bisect_right(self._lines, place) - 1]

    @cached_property
    def any_flat(self) -> bool:
        """Whether the capitals of any line say nothing of names."""
        return any(self._flat_lines)

    def _flat(self, start: int, end: int) -> bool:
        line = self.text[start:end]
        return line == line.lower() or line == line.upper() or self._title_case(start, end)

    def _title_case(self, start: int, end: int) -> bool:
        """Whether nearly each word begins with a capital, and is one of reports: "Tăng Đậm Rốn Phổi Hai Bên. Tim To."."""
        if self.language == "vi" and self.unaccented:
            return False  # without accents nearly any name is a word of reports: "BN Lo Bao Tham Hiep/1956/F"
        first, last = self.word_at(start), self.word_at(end)
        strange = sum(not self.text[start].isupper() for start, _ in self.words[first:last])
        behind_a_label = self.text.rfind(":", start, end) + 1  # "Họ tên: Lò Văn Pánh   Giới: Nam" says who is who by capitals
        # Of a short line each word counts: "Phúc Mạc Bình Thường.", but "BN Quỳnh".
        most = _MOST if last - self.word_at(max(start, behind_a_label)) >= _LONG_LINE else last - first + 1
        if last - first < 2 or most * strange > last - first:
            return False
        from docphim.ingest.names.words import compounds, vocabulary  # here: the chain of imports stays short

        known, lows = vocabulary(self.language, True), [low for low in self.lows[first:last] if low not in _TITLES]
        if most != _MOST and not compounds(True).isdisjoint(pairwise(lows)):
            most = len(lows)  # "Bình Thường" says that the rest is no name: "Dung Tích Bình Thường."
        strange = sum(low not in known for low in lows)
        return most * strange <= len(lows)

    @cached_property
    def _blanks(self) -> list[bool]:
        gaps = (self.text[end:start] for (_, end), (start, _) in pairwise(self.words))
        return [gap in _BLANKS or (0 < len(gap) < 3 and gap.isspace() and "\n" not in gap) for gap in gaps]

    def blank(self, word: int) -> bool:
        """Whether nothing but a blank or two stands between a word and the next."""
        return word + 1 < len(self.words) and self._blanks[word]

    def among(self, words: Container[str]) -> list[int]:
        """The numbers of the words that, in lower case, are among some."""
        return [number for number, low in enumerate(self.lows) if low in words]

    def bare_among(self, words: Container[str]) -> list[int]:
        """The numbers of the words that, without accents, are among some."""
        return [number for number, word in enumerate(self.bares) if word in words]

    def gap(self, word: int) -> str:
        """What stands between a word and the next."""
        if word + 1 >= len(self.words):
            return "\n"
        return self.text[self.words[word][1] : self.words[word + 1][0]]
