"""What looks like a signature and is not understood: a title before a word that no report has, or such words as last line."""

from __future__ import annotations

import re

from docphim.ingest.names.chains import chain_end
from docphim.ingest.names.page import Page
from docphim.ingest.names.person import of_reports
from docphim.ingest.names.words import bare, listed

_SAME_LINE = re.compile(r"[^\S\n]*[.:]?[^\S\n]*")
#: Degrees that stand for other words too (TS tiền sử, CN chức năng …): they announce a name where one is, and raise no doubt.
_OTHER_WORDS = frozenset(["ts", "cn", "gs", "ds", "ys", "nt", "ck", "dd", "md", "rn", "prof"])
#: Titles that end with a full stop before a name.
_ABBREVIATIONS = frozenset(["bs", "ths", "pgs", "bsck", "bscki", "bsckii", "bsnt", "ktv", "dr"])
#: Words of a last line that may be a name alone, at most.
_LONGEST_NAME = 5


def doubtful(page: Page) -> bool:
    """Whether a text, from which all that was understood is gone, still seems to hold a signature."""
    return _doubtful_title(page) or _doubtful_last_line(page)


def _doubtful_title(page: Page) -> bool:
    word = 0
    while word < len(page.words):
        behind = chain_end(page, word)
        if behind == word:
            word += 1
            continue
        ends_in_a_role = page.bares[behind - 1] in bare("roles") and ":" not in page.gap(behind - 1)
        stands_alone = page.bares[word] not in _OTHER_WORDS and not ends_in_a_role
        if stands_alone and behind < len(page.words) and _leads_to_a_name(page, behind - 1) and _stranger(page, behind):
            return True
        word = behind
    return False


def _leads_to_a_name(page: Page, word: int) -> bool:
    """Whether only a blank or a colon stands behind a title; a full stop ends a sentence, but behind an abbreviation."""
    return bool(_SAME_LINE.fullmatch(page.gap(word))) and ("." not in page.gap(word) or page.bares[word] in _ABBREVIATIONS)


def _stranger(page: Page, word: int) -> bool:
    """Whether no report has a word, in either language, and it is no single letter."""
    low = page.lows[word]
    return len(low) > 1 and not of_reports(page, word) and low not in listed("degrees")


def _doubtful_last_line(page: Page) -> bool:
    """Whether the last line holds nothing but a few capitalised words of which none is one of reports."""
    line = page.text.rstrip().rpartition("\n")[2].strip(" .-_*")
    if not page.words or "\n" not in page.text.strip() or not re.fullmatch(r"[^\W\d_]+(?:[ .'’-]+[^\W\d_]+)*", line):
        return False
    first = page.word_at(len(page.text.rstrip().rpartition("\n")[0]))
    words = range(first, len(page.words))
    return 2 <= len(words) <= _LONGEST_NAME and all(page.capital(w) and _stranger(page, w) for w in words)
