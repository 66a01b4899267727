"""What reports go on with behind a title where no name stands: `BS lâm sàng`, `BN đau ngực`; and false titles."""

from __future__ import annotations

from docphim.ingest.names.page import Page
from docphim.ingest.names.person import in_compound, is_family, is_in
from docphim.ingest.names.words import bare, continuations, listed

_SEX = frozenset(["nam", "nữ", "nu"])


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
    if page.language == "en" and behind == "behind_doctors":
        behind = "behind_doctors_en"
    singles, pairs = continuations(behind, not page.unaccented)
    if behind == "behind_people" and page.unaccented and title_case(page, word) and page.bares[word] not in listed("eponyms"):
        return page.lows[word] in _SEX  # "BN Dau dau nguc" may be Đậu
    low = page.lows[word]
    if page.blank(word) and (low, page.lows[word + 1]) in pairs:
        return True
    return low in _SEX or in_compound(page, word) or (low in singles and not _is_a_name(page, word))


def title_case(page: Page, word: int) -> bool:
    """Whether a word alone of its line begins with a capital and goes on in small letters."""
    start, end = page.words[word]
    return page.capital(word) and not page.text[start:end].isupper() and not page.flat(start)


def looks_like_a_title(page: Page, word: int) -> bool:
    """Whether a word only looks like a title: "cô đặc", "chú ý", and "ống dẫn lưu" without accents."""
    if not page.blank(word) or (page.unaccented and page.capital(word + 1) and not page.flat(page.words[word][0])):
        return False
    return (page.lows[word], page.lows[word + 1]) in continuations("no_titles", not page.unaccented)[1]


def _typed_as_a_name(page: Page, word: int) -> bool:
    """Whether a capital says so: "BN Nang ngay 12" without accents; "BN Chọc đau", where what follows goes on."""
    if page.bares[word] in listed("eponyms"):
        return False
    following = continuations("behind_people", True)[0]
    return page.unaccented or (page.blank(word) and page.lows[word + 1] in following)


def _is_a_name(page: Page, word: int) -> bool:
    low = page.lows[word]
    if page.gap(word).startswith((")", ":", "/")) or (
        page.blank(word) and page.lows[word + 1] in ("ơi", "oi")
    ):  # "(BN Chọc)", "Ý KIẾN ÔNG NGAY: …"
        return True
    if low in (bare("givens") if page.unaccented else listed("givens")):
        return True
    if title_case(page, word) and _typed_as_a_name(page, word):
        return True
    return is_family(page, word) and (page.blank(word) and is_in(page, word + 1, "middles") and not in_compound(page, word + 1))
