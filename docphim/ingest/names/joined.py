"""Layer: names as machines write them: `Nguyen_Van_An`, `NguyenVanAn`, `user: an.nguyen`, `N g u y ễ n  V ă n  A n`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from docphim.ingest.names.letters import folded
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.words import bare, labels, table, vocabulary

_SPACED = re.compile(r"(?<![^\W\d_])[^\W\d_](?:[^\S\n]{1,3}[^\W\d_](?![^\W\d_])){3,}")
_JOINED = re.compile(r"(?<![^\W_])[^\W\d_]+([_.-])[^\W\d_]+(?:\1[^\W\d_]+){1,4}")
_CAMEL = re.compile(r"(?<![^\W_])(?:[A-Z][a-z]+){3,6}(?![a-zA-Z])")
# What none of these is without: looked for first, for speed.
_HAS_JOINT = re.compile(r"[_.-][^\W\d_]")
_HAS_HUMP = re.compile(r"[a-z][A-Z]")
#: Letters apart that spell a name, at least.
_FEWEST_LETTERS = 4


def joined_people(page: Page) -> Iterator[Span]:
    """Names with their words joined or their letters apart, and the names that people sign in with."""
    if sum(end - start == 1 for start, end in page.words) >= _FEWEST_LETTERS:
        yield from (Span(m.start(), m.end(), "name") for m in _SPACED.finditer(page.text) if _spelled(page, m.group()))
    for match in _JOINED.finditer(page.text) if _HAS_JOINT.search(page.text) else ():
        if _is_a_name(folded(match.group()).split(match[1])):
            yield Span(match.start(), match.end(), "name")
    for match in _CAMEL.finditer(page.text) if _HAS_HUMP.search(page.text) else ():
        if _is_a_name(re.findall("[A-Z][a-z]+", match.group())):
            yield Span(match.start(), match.end(), "name")
    for match in _users().finditer(page.bare) if any(phrase in page.bare for phrase in bare("user_names")) else ():
        if _signs_in(page, match):
            yield Span(match.start("name"), match.end("name"), "name")


def _spelled(page: Page, letters: str) -> bool:
    """Whether a row of single letters spells a name; "K Ế T   L U Ậ N" spells a heading."""
    words = [folded(re.sub(r"\s", "", word)) for word in re.split(r"\s{2,}", letters)]
    known = all(word in vocabulary(page.language, False) for word in words) and words[0] not in bare("families")
    return not known and "".join(words) not in _headings()


def _is_a_name(words: list[str]) -> bool:
    """Whether the first word is a family name and the second another part of a name."""
    first, second = words[0].lower(), words[1].lower()
    return first in bare("families") and second in bare("middles") | bare("givens") | bare("families")


def _signs_in(page: Page, match: re.Match[str]) -> bool:
    """Whether what stands behind "user" or "tài khoản" is no word: it is dotted, behind a colon, or no report has it."""
    name = page.text[match.start("name") : match.end("name")]
    glued = name.isascii() and name.lower() not in vocabulary(page.language, False)
    return "." in name or "_" in name or (glued and (match["colon"] is not None or len(name) > 7))


@cache
def _users() -> re.Pattern[str]:
    before = "|".join(re.escape(folded(phrase)) for phrase in table("user_names"))
    return re.compile(rf"(?<![^\W_])(?:{before})(?P<colon>[^\S\n]*[:=])?[^\S\n]+(?P<name>[a-z][\w.-]*\w)")


@cache
def _headings() -> frozenset[str]:
    """Labels and headings as one word without accents."""
    return frozenset(folded("".join(label)) for label in labels())
