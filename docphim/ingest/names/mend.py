"""Takes spans out of a text and closes the gaps: empty brackets, stops without words, lines of titles whose name is gone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from docphim.ingest.names.chains import chain_end
from docphim.ingest.names.letters import folded
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.words import bare, phrases
from docphim.language.sections import tidy

# Where something was taken out, until the line is mended; a sign of the private use area, which no text has.
_MARK = "\ue000"
# "(Ký, ghi rõ họ tên)"
_ASKS = re.compile(r"\s*\((?i:đã ký|ký|ghi rõ|da ky|ky|signature)[^()]{0,40}\)\s*")
_MARKED = re.compile(f"{_MARK}+")
# "Tim to. [Phim 12/3]: tim nhỏ hơn" stays two sentences.
_SENTENCE_AND_STOP = re.compile(r"(?<=[^\W\d_A-ZĐ]{2})\.[^\S\n]*[,;:](?!\w)")
_FIRST_WORD = re.compile(r"[^\W\d_]+")


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in their order, none within or across another: what two layers see is one."""
    one_by_one: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if one_by_one and span.start < one_by_one[-1].end:
            one_by_one[-1] = one_by_one[-1]._replace(end=max(one_by_one[-1].end, span.end))
        else:
            one_by_one.append(span)
    return one_by_one


def without(page: Page, spans: Iterable[Span]) -> str:
    """The text without spans, which are `merged`, tidied."""
    pieces, place = [], 0
    text = page.text.replace(_MARK, " ")
    for span in spans:
        pieces += [text[place : span.start], _MARK, span.instead, _MARK]
        place = span.end
    rest = "".join([*pieces, text[place:]])
    if not pieces:
        return tidy(rest)
    return tidy("\n".join(_mended(line) for line in rest.split("\n") if not _only_titles(line)))


def _only_titles(line: str) -> bool:
    """Whether a line is nothing but titles and roles of those who sign, their names gone, or asks them to sign."""
    if _ASKS.fullmatch(line):
        return True
    first = _FIRST_WORD.search(line)
    if not first or folded(first.group()) not in phrases("signers", "degrees"):
        return False
    page = Page(_MARKED.sub(" ", line))
    word = chain_end(page, 0)
    while 0 < word < len(page.words):
        behind = chain_end(page, word)
        if behind == word and page.bares[word] not in bare("roles"):
            return False
        word = max(behind, word + 1)
    return word > 0 and not re.search(r"\d", page.text)


def _mended(line: str) -> str:
    if _MARK not in line:
        return line
    line = _MARKED.sub(" ", line)
    line = re.sub(r"[(\[]\s*[,;:.-]*\s*[)\]]", " ", line)
    line = re.sub(r"(?<![^\S\n])[^\S\n]++([,.;:!?)])", r"\1", line)
    line = _SENTENCE_AND_STOP.sub(".", line)
    line = re.sub(r"[,;:.](?=\s*[,;:.)](?!\w))", "", line)
    return re.sub(r"^[\s,;:.)_-]+(?=\w)", "", line)
