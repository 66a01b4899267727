"""Takes spans out of a text and closes the gaps: empty brackets, stops without words, lines of titles whose name is gone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.signatures import chain_end
from docphim.ingest.names.words import bare
from docphim.language.sections import tidy

# Where something was taken out, until the line is mended; a sign of the private use area, which no text has.
_MARK = "\ue000"
_MARKED = re.compile(f"{_MARK}+")


def without(page: Page, spans: Iterable[Span]) -> str:
    """The text without the spans, tidied."""
    pieces, place = [], 0
    text = page.text.replace(_MARK, " ")
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if span.end <= place:
            continue
        pieces += [text[place : max(place, span.start)], _MARK, span.instead if span.start >= place else "", _MARK]
        place = span.end
    rest = "".join([*pieces, text[place:]])
    lines = [_mended(line) for line in rest.split("\n") if not _only_titles(line)]
    return tidy("\n".join(lines))


def _only_titles(line: str) -> bool:
    """Whether a line is nothing but the titles of those who sign, their names gone."""
    page = Page(_MARKED.sub(" ", line))
    if not page.words or len(page.words) > 12:
        return False
    word = 0
    while word < len(page.words):
        behind = chain_end(page, word)
        if behind == word:
            if _MARK not in line or page.bares[word] not in bare("titles") | bare("roles") | {"ghi", "ro", "ho"}:
                return False
            behind = word + 1
        word = behind
    return not re.search(r"\d", page.text)


def _mended(line: str) -> str:
    if _MARK not in line:
        return line
    line = _MARKED.sub(" ", line)
    line = re.sub(r"[(\[]\s*[,;:.-]*\s*[)\]]", " ", line)
    line = re.sub(r"[^\S\n]+([,.;:!?)])", r"\1", line)
    line = re.sub(r"[,;:.](?=\s*[,;:.)](?!\w))", "", line)
    return re.sub(r"^[\s,;:.)_-]+(?=\w)", "", line)
