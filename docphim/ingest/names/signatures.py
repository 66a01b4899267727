"""Layer: who signed, read, took or typed the report, with chained titles, roles and line breaks before the name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docphim.ingest.names.behind import goes_on
from docphim.ingest.names.chains import LINK, chain_end
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.person import COMMON_FAMILIES, NOTHING, SIGNER, is_family, name_end, nameish, of_reports, slot_end
from docphim.ingest.names.words import bare, phrases

# Behind the last title, on its line: colons, dots to write on, "(ký, ghi rõ họ tên)".
_TAIL = re.compile(r"(?:[^\S\n]*(?:\([^()\n]{0,60}\)|[:.,_…–—=*/-]+))*[^\S\n]*")
_EMPTY_LINE = re.compile(r"[^\S\n]*(?:\([^()\n]{0,60}\)|\[[^\[\]\n]{0,60}\]|[.…_*-]+|(?i:đã ký|da ky|signed))?[^\S\n]*\n")
#: Lines without a word between a title and the name below it, at most: room for a stamp.
_ROOM = 6
# "Corwin Dunmore, MD", "C. Dunmore, M.D., PhD"
_DEGREE = r"(?:MD|M\.D\.?|Ph\.?D\.?|FRCR|F\.R\.C\.R\.?|FACR|MBBS)(?!\w)"
_BEHIND = re.compile(
    r",[^\S\n]*(?:MD|M\.D\.?|DO|D\.O\.?|Ph\.?D\.?|FRCR|F\.R\.C\.R\.?|FACR|MBBS|R\.?T\.?\(R\)|RN|NP|PA-C)(?!\w)"
    r"|,[^\S\n]*(?i:(?:attending |consultant |staff |resident )?"
    r"(?:radiologist|physician|resident|radiographer|technologist))(?=[.\s]*(?:\n|\Z))"
    rf"|[^\S\n]+{_DEGREE}(?:,?[^\S\n]+{_DEGREE})*"  # "Corwin Dunmore MD PhD"
)
# Between the names of several people.
_JOINT = re.compile(r"[^\S\n]*[/+,;&–-][^\S\n]*")
_COLON = re.compile(r":[^\S\n]*")
#: Letters of an abbreviated title, behind which a full stop ends no sentence, at most: BSCKII.
_ABBREVIATED = 6
#: Words of a name before its degrees, at most.
_LONGEST = 4


def signing_people(page: Page) -> Iterator[Span]:
    """Names behind the titles of those who sign, and before their degrees."""
    read = 0
    for word in page.bare_among(phrases("signers", "degrees")):
        behind = chain_end(page, word) if word >= read else word
        if behind > word:
            first, last = signed_name(page, behind)
            if last > first:
                yield Span(page.words[first][0], page.words[last - 1][1], "name")
                yield from _further_people(page, last)
            read = max(behind, last)
    yield from _behind_colons(page)
    for match in _BEHIND.finditer(page.text):
        last = page.word_at(match.start())
        first = last
        while (
            first > 0
            and last - first < _LONGEST
            and page.capital(first - 1)
            and (first == last or LINK.fullmatch(page.gap(first - 1)))
        ):
            first -= 1
        stranger = match.group().startswith(",") or not all(of_reports(page, word) for word in range(first, last))
        if first < last and stranger and page.words[last - 1][1] == match.start():
            yield Span(page.words[first][0], match.end(), "name")


def _further_people(page: Page, word: int) -> Iterator[Span]:
    """Names that follow a signer's: "BS Hùng/Lan", "BS Lò Văn Nụ, Ung Thị Lành và Sùng A Dế"."""
    announced = ":" in page.text[page.line(page.words[word - 1][0])[0] : page.words[word - 1][0]]
    while word < len(page.words) and (joint := _JOINT.fullmatch(page.gap(word - 1))):
        # "KTV: Hùng, Mai", but "BS đọc: Hùng, chụp lại" and "KTV: Hùng, Tim to"
        listed_too = announced and page.capital(word) and not page.blank(word)
        alone = "/" in joint.group() or "+" in joint.group() or listed_too
        last = name_end(page, word, SIGNER if alone else NOTHING)
        if last == word or (last == word + 1 and not alone) or chain_end(page, word) > word:
            break
        yield Span(page.words[word][0], page.words[last - 1][1], "name")
        word = last


def _behind_colons(page: Page) -> Iterator[Span]:
    """In a line of capitals: all between any colon and the next stop, where that is a family name and what follows one."""
    for colon in _COLON.finditer(page.text) if page.any_flat else ():
        first = page.word_at(colon.end())
        if first < len(page.words) and page.words[first][0] == colon.end() and page.flat(colon.end()) and page.capital(first):
            last = slot_end(page, first)
            if last > first + 1 and (not page.unaccented or page.bares[first] in COMMON_FAMILIES):
                yield Span(page.words[first][0], page.words[last - 1][1], "name")
                yield from _further_people(page, last)


def signed_name(page: Page, behind: int) -> tuple[int, int]:
    """First word and end of the name that follows a chain, on its line or alone on a line below; (behind, behind) for none."""
    place = page.words[behind - 1][1]
    tail = _TAIL.match(page.text, place)
    place = tail.end() if tail else place
    first = page.word_at(place)
    if first >= len(page.words):
        return behind, behind
    if not page.text.startswith("\n", place):
        if page.words[first][0] != place or _reports_go_on(page, behind - 1, first):
            return behind, behind
        return first, name_end(page, first, SIGNER)
    return _below(page, place)


def _reports_go_on(page: Page, last: int, first: int) -> bool:
    """Whether no name follows a chain (its last word is given): "BS lâm sàng", "the physician. Normal heart"."""
    in_one_case = page.flat(page.words[first][0]) or not page.capital(first)
    known = of_reports(page, first) and not is_family(page, first)
    abbreviated = page.bares[last] in bare("degrees") and len(page.bares[last]) <= _ABBREVIATED
    if page.gap(last).startswith(". ") and not abbreviated:
        return True
    if not in_one_case:
        return False
    if page.language == "en":
        return of_reports(page, first)
    behind_a_role = known and page.bares[last] in bare("roles")
    return page.blank(last) and (behind_a_role or goes_on(page, first, "behind_doctors"))


def _below(page: Page, place: int) -> tuple[int, int]:
    """The name on the next line that has words, if that line is nothing but titles and a name."""
    place += 1
    for _ in range(_ROOM):
        empty = _EMPTY_LINE.match(page.text, place)
        if not empty:
            break
        place = empty.end()
    first = page.word_at(place)
    if first >= len(page.words):
        return first, first
    end = page.line(place)[1]
    titled = chain_end(page, first)
    if titled > first and page.words[titled - 1][1] <= end:
        if titled < len(page.words) and page.words[titled][0] < end:
            first = titled
        else:
            return first, first
    last = name_end(page, first, SIGNER)
    alone = last > first and not page.text[page.words[last - 1][1] : end].strip(" .,;_-*()")
    if alone and (last - first > 1 or nameish(page, first)):
        return first, last
    return first, first
