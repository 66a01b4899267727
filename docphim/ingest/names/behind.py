"""What reports go on with behind a title where no name stands: `BS lâm sàng`, `BN đau ngực`; and words that only look like titles."""

from __future__ import annotations

import re

from docphim.ingest.names.page import Page
from docphim.ingest.names.person import in_compound, is_family, is_in
from docphim.ingest.names.words import bare, continuations, listed

_BLANK = re.compile(r"[^\S\n]{1,2}")
_SEX = frozenset(["nam", "nữ", "nu"])


def blank(page: Page, word: int) -> bool:
    """Whether only a blank or two stand between a word and the next."""
    return bool(_BLANK.fullmatch(page.gap(word)))


def goes_on(page: Page, word: int, behind: str) -> bool:
    """Whether reports go on with a word behind a title.

    Parameters
    ----------
    behind : str
        The list of words.yaml: `behind_doctors`, `behind_people`.

    Returns
    -------
    bool
        A word that is a name as well counts only with the word behind it: "sinh năm", but not "sinh".
    """
    singles, pairs = continuations(behind, not page.unaccented)
    low = page.lows[word]
    if blank(page, word) and (low, page.lows[word + 1]) in pairs:
        return True
    return low in _SEX or in_compound(page, word) or (low in singles and not _is_a_name(page, word))


def looks_like_a_title(page: Page, word: int) -> bool:
    """Whether a word only looks like a title: "cô đặc", "chú ý", and "ống dẫn lưu" without accents."""
    if not blank(page, word):
        return False
    return (page.lows[word], page.lows[word + 1]) in continuations("no_titles", not page.unaccented)[1]


def _typed_as_a_name(page: Page, word: int) -> bool:
    """Whether a capital says so: "BN Nang ngay 12" without accents; "BN Choc dau", where what follows goes on; "(BN Chọc)"."""
    if page.bares[word] in listed("eponyms"):
        return False
    following = continuations("behind_people", True)[0]
    return page.unaccented or page.gap(word).startswith(")") or (blank(page, word) and page.lows[word + 1] in following)


def _is_a_name(page: Page, word: int) -> bool:
    low = page.lows[word]
    if low in (bare("givens") if page.unaccented else listed("givens")):
        return True
    start, end = page.words[word]
    if page.capital(word) and not page.flat(start) and not page.text[start:end].isupper() and _typed_as_a_name(page, word):
        return True
    return is_family(page, word) and (blank(page, word) and is_in(page, word + 1, "middles") and not in_compound(page, word + 1))
