"""Lines that look like signatures, and names between two stops, that nothing told from words of reports: they raise doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from docphim.ingest.names.behind import goes_on
from docphim.ingest.names.chains import chain_end
from docphim.ingest.names.labels import label_marks
from docphim.ingest.names.page import Page
from docphim.ingest.names.person import COMMON_FAMILIES, in_compound, is_family, is_in, nameish, of_reports
from docphim.ingest.names.words import listed

#: Words of a line that may be a name alone, at most.
_LONGEST_NAME = 5
# What follows a name at the beginning of a line: "QUÀNG BẢO HỌC 67T", "…/1956/F", "…; 67", "… sinh năm".
_AGE = re.compile(
    r"[^\S\n]*[,(/|;-]?[^\S\n]*(?:(?:19|20)\d\d\b|\d{1,3}[^\S\n]*(?:t|tuoi)\b|(?:sn|sinh nam)\b"
    r"|(?:nam|nu)\b[^\S\n]*,?[^\S\n]*\d)|[^\S\n]*[/|;][^\S\n]*\d{1,3}\b"
)
_LINE = re.compile(r"[^\W\d_]+(?:[ .'’-]+[^\W\d_]+)*")
# Behind these somebody's name may stand inside a sentence: "so với phim …", "ý kiến …".
_BEFORE = frozenset(["phim", "cua", "boi", "kien", "theo", "nay", "cho", "phai"])


def doubtful_lines(page: Page, ends: Mapping[int, int]) -> bool:
    """Whether a line looks like a signature, or words of one case between two stops like a name.

    Parameters
    ----------
    ends : mapping
        The words that are taken out.
    """
    headings = [start for kind, start, _ in label_marks(page) if kind == "heading"]
    place, lines, above = 0, page.text.rstrip().split("\n"), ""
    for number, line in enumerate(lines):
        first, last = page.word_at(place), page.word_at(place + len(line))
        below = number > 0 and (number == len(lines) - 1 or (bool(headings) and place > headings[-1]))
        if first < last and ends.keys().isdisjoint(range(first, last)):
            signed = (above == "title" or below) and _signature(page, line, first, last, above)
            if signed or _named_with_age(page, first) or _before_a_role(page, first):
                return True
        if first < last:  # "Bác sĩ đọc phim", "Trân trọng,"
            titled = chain_end(page, first) == last and ":" not in line
            above = "title" if titled else "greeting" if line.rstrip().endswith(",") else ""
        place += len(line) + 1
    if page.language == "en":
        return any(_two_strangers(page, word, ends) for word in range(len(page.words) - 1))
    return page.any_flat and any(_name_alone(page, first, last, ends) for first, last in _pieces(page))


def _two_strangers(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether two capitalised words stand side by side that no English report has: "Verified: Fenella Inglewood"."""
    if not page.blank(word) or not page.capital(word) or not page.capital(word + 1) or page.flat(page.words[word][0]):
        return False
    return all(w not in ends and page.words[w][1] - page.words[w][0] > 2 and not of_reports(page, w) for w in (word, word + 1))


def _signature(page: Page, line: str, first: int, last: int, above: str) -> bool:
    """Whether a line holds nothing but a few capitalised words, such as a signature; below a title or a greeting any."""
    words = range(first, last)
    if not _LINE.fullmatch(line.strip(" .-_*()")) or len(words) > _LONGEST_NAME or not all(_typed(page, w) for w in words):
        return False
    if above:
        return not all(goes_on(page, w, "behind_doctors") for w in words) and chain_end(page, first) == first
    if any(in_compound(page, w) for w in words):
        return False
    if page.unaccented and page.flat(page.words[first][0]):
        return len(words) > 2 and is_family(page, first) and is_in(page, first + 1, "middles")
    strangers = sum(not of_reports(page, w) for w in words)
    names = all(nameish(page, w) for w in words)
    if page.flat(page.words[first][0]):
        return strangers > 0 and names
    return strangers > 0 or (names if len(words) > 1 else is_in(page, first, "givens"))


def _typed(page: Page, word: int) -> bool:
    """Whether a word is typed like a name: with a capital, or in a line of one case."""
    return page.capital(word) or page.flat(page.words[word][0])


def _before_a_role(page: Page, first: int) -> bool:
    """Whether a line begins with a family name and ends with a role: "DO QUOC YEN - TRUONG KHOA"."""
    last = first
    while last < min(first + _LONGEST_NAME, len(page.words)) - 1 and _typed(page, last) and page.blank(last):
        last += 1
    apart = last + 1 < len(page.words) and page.gap(last).strip() in ("-", "–", "(", ",")
    return last > first and apart and is_family(page, first) and chain_end(page, last + 1) > last + 1


def _pieces(page: Page) -> Iterator[tuple[int, int]]:
    """Words between stops, commas, colons, dashes, slashes, brackets and line ends: their first and the one behind the last."""
    first = 0
    for word in range(len(page.words)):
        if not page.blank(word):
            if word - first >= 1:
                yield first, word + 1
            first = word + 1


def _name_alone(page: Page, first: int, last: int, ends: Mapping[int, int]) -> bool:
    """Whether a name stands in words of one case between two stops that nothing told from words of reports: "KIM ĐỨC THEN:"."""
    if not page.flat(page.words[first][0]):
        return False
    starts = (word for word in range(first, last - 2) if ends.keys().isdisjoint(range(word, word + 3)))
    return any(_begins_a_name(page, word, first, last) and _ends_a_name(page, word, first, last) for word in starts)


def _begins_a_name(page: Page, word: int, first: int, last: int) -> bool:
    """Whether a family name and another part of a name stand here; inside a sentence one that no report has."""
    if not is_family(page, word):
        return False
    common = page.bares[word] in COMMON_FAMILIES or page.lows[word + 1] in ("van", "thi")
    if page.unaccented and not common and not _clear(page, word, first, last):
        return False
    if not _opens(page, word, first) and (of_reports(page, word) or page.lows[word] in listed("weak")):
        return False
    if any(in_compound(page, w) for w in range(word - (word > first), min(word + 3, last))):
        return False
    return any(is_in(page, word + 1, names) for names in ("middles", "givens", "families"))


def _clear(page: Page, word: int, first: int, last: int) -> bool:
    """Whether, without accents, a name is told by its place: "(MUA BA OANH)", "PHIM PHI HUU DAU", "MAI DINH TAO DA GUI"."""
    if not is_in(page, word + 1, "middles"):
        return False
    if word > first or any(page.bares[w] in listed("deeds") for w in range(word + 3, min(word + 5, last))):
        return _opens(page, word, first)
    return last - word < _LONGEST_NAME and (is_in(page, last - 1, "givens") or not of_reports(page, last - 1))


def _opens(page: Page, word: int, first: int) -> bool:
    return word == first or page.bares[word - 1] in _BEFORE


def _ends_a_name(page: Page, word: int, first: int, last: int) -> bool:
    """Whether the words end after a name's length, or a verb follows there: "MA HỒNG LAN ĐÃ GỬI"."""
    opens = _opens(page, word, first)
    if last - word <= _LONGEST_NAME - (not opens):
        return True
    middle = any(is_in(page, w, "middles") for w in (word + 1, word + 2))
    return opens and middle and any(goes_on(page, w, "behind_people") for w in range(word + 3, min(word + 5, last)))


def _named_with_age(page: Page, first: int) -> bool:
    """Whether a line begins like "QUÀNG BẢO HỌC 67T": a family name, one to four more words, and an age or a sex."""
    if not is_family(page, first) or in_compound(page, first):
        return False
    for last in range(first + 1, min(first + _LONGEST_NAME, len(page.words))):
        if not page.blank(last - 1) or not _typed(page, last):
            return False
        if _AGE.match(page.bare, page.words[last][1]):
            return True
    return False
