"""Layer: names with blanks between their letters (`N g u y ễ n  V ă n  A n`), as recognised or ornamental text has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from docphim.ingest.names.letters import folded
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.words import bare, labels, vocabulary

_SPACED = re.compile(r"(?<![^\W\d_])[^\W\d_](?:[^\S\n]{1,3}[^\W\d_](?![^\W\d_])){3,}")


def spaced_people(page: Page) -> Iterator[Span]:
    """Rows of single letters that spell no heading and are no words of reports: "K Ế T   L U Ậ N" stays."""
    for match in _SPACED.finditer(page.text):
        words = [folded(re.sub(r"\s", "", word)) for word in re.split(r"\s{2,}", match.group())]
        known = all(word in vocabulary(page.language, False) for word in words) and words[0] not in bare("families")
        if not known and "".join(words) not in _headings():
            yield Span(match.start(), match.end(), "name")


@cache
def _headings() -> frozenset[str]:
    """Labels and headings as one word without accents."""
    return frozenset(folded("".join(label)) for label in labels())
