"""Layer: names behind a title (`BN Quỳnh`, `ông Trần Văn Ánh`), and whole names that begin with a family name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from docphim.ingest.names.behind import goes_on, looks_like_a_title
from docphim.ingest.names.letters import folded
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.person import (
    COMMON_FAMILIES,
    FIELD,
    KIN,
    NOTHING,
    PATIENT,
    begins_a_cell,
    in_compound,
    is_family,
    name_end,
    of_reports,
)
from docphim.ingest.names.words import bare, listed, parts, table

_GAP = re.compile(r"[^\S\n]*[:–-]?[^\S\n]*(?:là[^\S\n]+)?", re.IGNORECASE)
_DOTTED_GAP = re.compile(r"[^\S\n]*[.:]?[^\S\n]*")
#: Words that say a patient's sex, not a name, behind BN.
_SEX = frozenset({"nam", "nữ", "nu"})
#: Titles behind which reports go on with capitals that are no names: "BN Đau ngực".
_PATIENT = frozenset({"bn", "nb", "nhân", "nhan", "bệnh", "benh", "patient", "pt", "tên", "ten"})
#: Titles that, typed without accents, are other words too: ảnh, ba, mà, cũ, có, bộ, bé …
_OTHER_WORDS = frozenset(
    ["chau", "anh", "ba", "ma", "cu", "co", "bo", "be", "em", "con", "me", "vo", "chu", "bac", "di", "cha"]
)
#: Titles that, typed in one case without accents, are no other words.
_UNMISTAKABLE = frozenset(["bn", "nb", "nhan", "benh", "phu", "ten", "nha", "mr", "mrs", "ms", "miss", "patient"])
_CALLS = frozenset(["ơi", "oi"])
#: What stands before `ối`, typed without accents: nước ối.
_BEFORE_WATER = frozenset(["nuoc", "vo", "mang", "da"])
#: Given names that are numbers, or follow BN in capitals as other words.
_COUNTS = frozenset(
    ["ba", "hai", "tư", "năm", "sáu", "bảy", "tám", "chín", "mười", "bé", "gái", "sang", "kết", "thêm", "hướng", "hoạt"]
)


def titled_people(page: Page) -> Iterator[Span]:
    """Names that a title announces, and whole names that nothing does."""
    behind, titles = 0, last_words(page.unaccented)
    for word in page.among(_beginnings(page.unaccented)):
        if word < behind:
            continue
        last, low = word, page.lows[word]
        if low in titles and is_title(page, word):
            last = _titled_end(page, word + 1)
            first = word + 1
        if page.unaccented and low in _OTHER_WORDS and page.capital(word) and name_end(page, word) > word + 1:
            last, first = name_end(page, word), word  # "Be Thi Hung": Bế, no bé
        if last <= word and _may_begin(page, word):
            last, first = name_end(page, word), word
        if last > word:
            yield Span(page.words[first][0], page.words[last - 1][1], "name")
            behind = last
    yield from (Span(*page.words[word - 1], "name") for word in page.among(_CALLS) if word and _is_called(page, word - 1))


def _is_called(page: Page, word: int) -> bool:
    """Whether somebody is called by a word before `ơi`, which begins a clause: "Hùng ơi, xem giúp ca này."; not "Bác sĩ ơi"."""
    begins = word == 0 or not page.blank(word - 1)
    typed = page.capital(word) or page.flat(page.words[word][0])
    if page.unaccented and (page.gap(word + 1) != ", " or page.lows[word] in _BEFORE_WATER):
        return False
    return begins and page.blank(word) and typed and page.lows[word] not in last_words(page.unaccented)


def is_title(page: Page, word: int) -> bool:
    """Whether a title ends with this word, and it is no other one: "cô đặc"."""
    titles = last_words(page.unaccented).get(page.lows[word])
    if not titles or looks_like_a_title(page, word):
        return False
    return any(tuple(page.lows[max(0, word + 1 - len(title)) : word + 1]) == title for title in titles)


def behind_a_title(page: Page, word: int) -> bool:
    """Whether a title stands right before a word."""
    if word == 0:
        return False
    before = page.lows[word - 1]
    if before not in last_words(page.unaccented) and before not in listed("degrees"):
        return False
    return bool(_gap(before).fullmatch(page.gap(word - 1))) and (before in listed("degrees") or is_title(page, word - 1))


def _titled_end(page: Page, first: int) -> int:
    """The end of a name behind a title that ends before word `first`; 0 where there is none."""
    title = page.lows[first - 1]
    if first >= len(page.words) or not _gap(title).fullmatch(page.gap(first - 1)):
        return 0
    if (page.lows[first] in _SEX and title in _PATIENT) or (
        page.lows[first] in last_words(page.unaccented) and is_title(page, first)
    ):
        return 0
    if (page.flat(page.words[first][0]) or _before(page, title) == PATIENT) and goes_on(page, first, "behind_people"):
        return 0
    if not page.capital(first) and (page.unaccented or not is_family(page, first)):
        return 0
    if not page.flat(page.words[first][0]):
        # Behind "bà" a capital is a name, if it opens no sentence; behind "BN" a sentence may begin with any word.
        before = FIELD if ":" in page.gap(first - 1) else _before(page, title)
        return _behind(name_end(page, first, before if page.capital(first) else NOTHING), first)
    if page.unaccented and title not in _UNMISTAKABLE:
        last = name_end(page, first)
        return _behind(last, first) if page.bares[first] in COMMON_FAMILIES else 0
    likely = is_family(page, first) or not of_reports(page, first)
    given = page.lows[first] in listed("givens") and not page.unaccented and page.lows[first] not in _COUNTS
    return _behind(name_end(page, first, PATIENT if likely or given else NOTHING), first)


def _before(page: Page, title: str) -> int:
    return PATIENT if title in _PATIENT or (page.unaccented and title in _OTHER_WORDS) else KIN


def _behind(end: int, first: int) -> int:
    return end if end > first else 0


def _gap(title: str) -> re.Pattern[str]:
    return _DOTTED_GAP if title in listed("dotted") or title in listed("degrees") else _GAP


def _may_begin(page: Page, word: int) -> bool:
    """Whether a word that nothing announces may begin a whole name: a family name, and what follows is no compound."""
    if word + 1 >= len(page.words) or not is_family(page, word):
        return False
    likely = _strong(page, word) or page.bares[word + 1] in ("van", "thi") or _three_capitals(page, word)
    return likely and not in_compound(page, word) and not (word and in_compound(page, word - 1))


def _strong(page: Page, word: int) -> bool:
    return page.lows[word] not in listed("weak") or begins_a_cell(page, word)


def _three_capitals(page: Page, word: int) -> bool:
    flat = page.flat(page.words[word][0])
    return not flat and word + 2 < len(page.words) and all(page.capital(w) for w in range(word, word + 3))


@cache
def _beginnings(unaccented: bool) -> frozenset[str]:
    """Last words of titles, and words that a name may begin with."""
    return bare("families") | listed("families") | _OTHER_WORDS | last_words(unaccented).keys()


@cache
def last_words(unaccented: bool) -> dict[str, list[tuple[str, ...]]]:
    """Last word → titles that end with it; for a report that was typed without accents, without them."""
    ends: dict[str, list[tuple[str, ...]]] = {}
    for title in table("titles"):
        words = parts(folded(title) if unaccented else title)
        ends.setdefault(words[-1], []).append(words)
    return ends
