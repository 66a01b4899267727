"""Labels before a colon: the fields of a letterhead and the headings of sections."""

from __future__ import annotations

import re

from docphim.ingest.names.page import Page
from docphim.ingest.names.words import LONGEST, labels, last_words_of_labels

_COLON = re.compile(r"[:\uff1a](?!//)[*_]*[^\S\n]*")

#: Signs between a label and its colon, beside blanks and stars, at most: "Họ tên (*):".
_BETWEEN = 2


def label_marks(page: Page) -> list[tuple[str, int, int]]:
    """Kind, start and end of each label with its colon; headings of sections are among them."""
    if page.marks is not None:
        return page.marks
    marks = []
    for colon in _COLON.finditer(page.text):
        last = page.word_at(colon.start())
        first = _label_start(page, last, colon.start())
        if first < last:
            marks.append((labels()[tuple(page.lows[first:last])], page.words[first][0], colon.end()))
    page.marks = marks
    return marks


def _label_start(page: Page, last: int, colon: int) -> int:
    """The first word of the longest label that ends at a colon; `last` where there is none."""
    if last == 0 or page.lows[last - 1] not in last_words_of_labels():
        return last
    between = page.text[page.words[last - 1][1] : colon]
    if len(between.rstrip().rstrip("*_")) > _BETWEEN:
        return last
    line = page.text.rfind("\n", 0, colon)
    for first in range(max(0, last - LONGEST), last):
        if page.words[first][0] > line and tuple(page.lows[first:last]) in labels():
            return first
    return last


def begins_a_label(page: Page, word: int) -> bool:
    """Whether a label with its colon begins with a word: a name ends before it."""
    return any(start == page.words[word][0] for _, start, _ in label_marks(page))
