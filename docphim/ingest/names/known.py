"""Layer: what header and table know of these people: names in any spelling, as initials or glued, and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from docphim.ingest.names.behind import goes_on
from docphim.ingest.names.fields import announced_on
from docphim.ingest.names.labels import label_marks
from docphim.ingest.names.letters import folded
from docphim.ingest.names.page import Page, Span, opened
from docphim.ingest.names.person import COMMON_FAMILIES, in_compound, is_family, is_initial, of_reports
from docphim.ingest.names.titles import behind_a_title
from docphim.ingest.names.words import bare, compounds, listed

_LETTERS = re.compile(r"[^\W\d_]+")
#: Digits of a number that is looked for at least: shorter ones are sizes and levels.
_SHORTEST_NUMBER = 4
#: Words of a name that, all of them side by side, are this person in any order, at least.
_WHOLE = 3
#: Words of a long name, at least.
_LONG = 4
_JOINT = re.compile(r"[\s,^_-]{1,3}|\.")
_INITIAL_JOINT = re.compile(r"\.?\s?")
# N.V.A. and N. V. A; N.V. An and Ng.V.An
_INITIALS = (
    re.compile(r"(?<![^\W_])(?:[^\W\d_]{1,2}\.[^\S\n]?){2,7}(?:[^\W\d_](?![^\W_]))?"),
    re.compile(r"(?<![^\W_])(?:[^\W\d_]{1,2}\.[^\S\n]?){1,6}[^\W\d_]{2,8}(?![^\W_])"),
)
# Digits in groups, with letters before or behind: 00 98.765, BN0098765, ACC-4321.
_NUMBER = re.compile(r"(?<!\w)\w*\d\w*(?:[ .\-/]\w*\d\w*)*")
_CODE = re.compile(r"(?<![^\W\d_])[^\W\d_]++[ .\-/]?[^\W\d]*+\d[\w.\-/]*")


def known_people(page: Page) -> Iterator[Span]:
    """Names and numbers that header, table and the text's own letterhead know."""
    names, numbers = announced_on(page)
    for name in (*page.names, *names):
        name_parts = _parts(name)
        if name_parts:
            yield from _words_of(page, name_parts)
            yield from _glued(page, [folded(part) for part in name_parts])
            yield from _initials(page, [folded(part) for part in name_parts])
    yield from _numbers(page, (*page.numbers, *numbers))


def _parts(name: str) -> list[str]:
    """A name's words, without those that are none: "CHEST^PA", "NGUYEN^VAN A^^BS"."""
    words = _LETTERS.findall(_without_placeholders(opened(name)))
    if len(words) == 3 and words[0].lower() in listed("families") | bare("families"):
        return words  # Lung and Pa are given names, too
    return [word for word in words if word.lower() not in listed("not_names")]


def _without_placeholders(name: str) -> str:
    """A name without what stands for one: "TAI NAN GIAO THONG 3", "CAP^CUU^12", "CHUA^RO"."""
    bare_name = re.sub(r"[\W_]", " ", folded(name))
    for phrase in bare("placeholders"):
        for match in re.finditer(rf"(?<!\w){phrase}(?!\w)", bare_name):
            name = name[: match.start()] + " " * len(phrase) + name[match.end() :]
    return name


def _words_of(page: Page, name_parts: list[str]) -> Iterator[Span]:
    ours, bare_parts = _matches(page, name_parts), [folded(part) for part in name_parts]
    first = 0
    while first < len(ours):
        last = first
        while last < len(ours) and ours[last] and (last == first or _joined(page, last - 1)):
            last += 1
        whole = _is_whole(page, first, last, bare_parts)
        if whole and _may_be_a_finding(page, first, last, name_parts) and _left(page, first, last):
            first = last
            continue
        while not whole and last - first > 1 and _is_no_part(page, last - 1, short=last - first < _LONG):
            last -= 1
        if last > first and _is_the_person(page, first, last, name_parts):
            yield Span(page.words[first][0], page.words[last - 1][1], "name")
        elif last > first and _may_be_the_person(page, first, last, name_parts):
            page.unsure.add(first)
        first = max(last, first + 1)


def _is_whole(page: Page, first: int, last: int, bare_parts: list[str]) -> bool:
    """Whether words are the whole name: from any of its words on, "Nở Nông Thị"; typed without accents, in any order."""
    words = page.bares[first:last]
    if last - first < _WHOLE or len(words) != len(bare_parts):
        return False
    turned = any(words == bare_parts[n:] + bare_parts[:n] for n in range(len(words)))
    return turned or (page.unaccented and sorted(words) == sorted(bare_parts))


def _may_be_a_finding(page: Page, first: int, last: int, name_parts: list[str]) -> bool:
    """Whether a whole name's words are words of reports as well: "Hở van động" of "Hở van động mạch chủ", of HO^VAN^DONG.

    They are no finding behind Nguyen and the like, beside Văn or Thị, with capitals of their own, or with the accents of
    the header.
    """
    words, lows = range(first, last), page.lows[first:last]
    if all(map(page.capital, words)) and not page.flat(page.words[first][0]):
        return False
    if not any(in_compound(page, word) for word in words) and not all(of_reports(page, word) for word in words):
        return False
    if lows[0] in COMMON_FAMILIES or not {"văn", "thị"}.isdisjoint(lows):
        return False
    exact = {part.lower() for part in name_parts}
    return all(part.isascii() for part in exact) or not exact.issuperset(lows)


def _left(page: Page, first: int, last: int) -> bool:
    """Whether words that may be a known name and may be a finding stay; where neither is sure, the page is `unsure` of them."""
    titled = behind_a_title(page, first)
    if page.lows[first:last] != page.bares[first:last]:
        family, compound = is_family(page, first), any(in_compound(page, word) for word in range(first, last))
        if (titled and not compound) or (family and page.lows[first] not in listed("weak")):
            return False
        if family:  # Tăng, Hà
            page.unsure.add(first)
        return True
    if not any(in_compound(page, word) for word in range(first, last)):
        return False
    announced = titled or any(kind != "heading" and page.word_at(end) == first for kind, _, end in label_marks(page))
    # "ho van hai la nhe", "ho van dong mach chu"; but "bn ho van dong vao vien"
    follows = page.blank(last - 1) and of_reports(page, last)
    goes_further = follows and not (announced and goes_on(page, last, "behind_people"))
    # "bn ho van hai la …": somebody's name, or what is seen of the patient
    both = announced and follows and page.lows[last] not in listed("plain_verbs")
    if goes_further or both or not (announced or page.gap(last - 1).strip()[:1] in tuple(",(-/|")):
        page.unsure.add(first)
    return goes_further


def _is_no_part(page: Page, word: int, *, short: bool) -> bool:
    """Whether the last word of a name begins two that belong together: "van hai lá"; a long name in capitals keeps it."""
    return in_compound(page, word) and (short or not page.capital(word))


def _joined(page: Page, word: int) -> bool:
    return bool(_JOINT.fullmatch(page.gap(word)) or (is_initial(page, word) and _INITIAL_JOINT.fullmatch(page.gap(word))))


def _matches(page: Page, name_parts: list[str]) -> list[bool]:
    """Which words are parts of the name: equal, or equal but for accents where one side was typed without any."""
    bares = {folded(p) for p in name_parts}
    if bares.isdisjoint(page.bares):
        return []
    exact = {p.lower() for p in name_parts}
    typed_bare = {folded(p) for p in name_parts if p.isascii()}
    return [
        b in bares and (b in typed_bare or low == b or low in exact or _same_but_for_place(low, exact))
        for low, b in zip(page.lows, page.bares, strict=True)
    ]


def _same_but_for_place(word: str, exact: set[str]) -> bool:
    """Whether the tone sits on another letter: hoà, hòa."""
    from docphim.language.normalize import normalize

    return normalize(word) in {normalize(part) for part in exact}


def _is_the_person(page: Page, first: int, last: int, name_parts: list[str]) -> bool:
    n = last - first
    capital = all(page.capital(word) for word in range(first, last)) or page.flat(page.words[first][0])
    if n >= 2:
        compound = n == 2 and in_compound(page, first)
        if all(of_reports(page, word) for word in range(first, last)) and not _spelled_alike(page, first, last, name_parts):
            return False
        if n == 2 and not page.unaccented and (page.lows[first], page.lows[first + 1]) in compounds(True):
            return behind_a_title(page, first)  # "Van Hai Lá" where the header has NGUYEN VAN HAI
        return n >= 3 or (capital and not compound) or not (of_reports(page, first) and of_reports(page, first + 1))
    if not capital or in_compound(page, first):
        return False
    if of_reports(page, first):  # "BN Trung", but not the "SAU" of "BN SAU MỔ" where the name is Sậu
        exact = page.lows[first] in {part.lower() for part in name_parts}
        return exact and not page.flat(page.words[first][0]) and behind_a_title(page, first)
    return page.words[first][1] - page.words[first][0] > 1 or behind_a_title(page, first)


def _may_be_the_person(page: Page, first: int, last: int, name_parts: list[str]) -> bool:
    """Whether words that are words of reports too may be the person, in small letters behind a title or before a verb.

    "cháu nắng chụp lại", "bn tran dich mang phoi", "Xếp ho"; not "bệnh nhân nam", where the name is Nam.
    """
    titled = behind_a_title(page, first)
    if last - first > 1 or page.unaccented:
        return page.unaccented and last - first == len(name_parts) > 1 and titled and page.flat(page.words[first][0])
    if page.capital(first) and not page.flat(page.words[first][0]):
        return page.blank(first) and page.bares[last] in listed("plain_verbs") and not in_compound(page, first)
    return titled and not goes_on(page, first, "behind_people")


def _spelled_alike(page: Page, first: int, last: int, name_parts: list[str]) -> bool:
    """Whether words of reports are this person: with the name's own accents, behind a title, or in the name's own order.

    Where the header has VU QUANG CAN, "MỜ CẢN QUANG" stays; where it has LE HAI SON, "Lê Hải Sơn" goes.
    """
    exact = {part.lower() for part in name_parts}
    if all(low in exact or _same_but_for_place(low, exact) for low in page.lows[first:last]):
        return True
    capital = all(map(page.capital, range(first, last))) and not page.flat(page.words[first][0])
    if capital and (page.unaccented or last - first > 2):
        return True
    parts_of_it = [folded(part) for part in name_parts]
    if _is_whole(page, first, last, parts_of_it):
        return True  # the whole name in another order: "HOA HAI, HA TRONG"
    return behind_a_title(page, first) or (parts_of_it == page.bares[first:last] and is_family(page, first))


def _glued(page: Page, name_parts: list[str]) -> Iterator[Span]:
    """The name as a computer writes it: nguyenvana, annv, van.an, nguyen-van-an."""
    forms = _glued_forms(tuple(name_parts))
    for word, (start, end) in enumerate(page.words):
        # Hồ … An glued is "hoan", which must not take "hoàn" out of "tuần hoàn".
        if page.bares[word] in forms and page.lows[word] == page.bares[word] and not of_reports(page, word):
            yield Span(start, end, "name")


def _glued_forms(name_parts: tuple[str, ...]) -> set[str]:
    if len(name_parts) < 2:
        return set()
    turned = (*name_parts[1:], name_parts[0]), (name_parts[-1], *name_parts[:-1]), name_parts[::-1]
    initials = "".join(part[0] for part in name_parts[:-1])
    forms = {"".join(order) for order in (name_parts, *turned)} | {
        name_parts[0] + name_parts[-1],
        name_parts[-1] + name_parts[0],
    }
    forms |= {name_parts[-1] + initials, initials + name_parts[-1], "".join(name_parts[1:])}
    return {form for form in forms if len(form) >= 4 and form not in name_parts}


def _initials(page: Page, name_parts: list[str]) -> Iterator[Span]:
    """`N.V.A.`, `N. V. An`, `Ng.V.A`, and `NVA` where it is no abbreviation of reports."""
    letters = "".join(part[0] for part in name_parts)
    if len(letters) < 2:
        return
    orders = {letters, letters[-1] + letters[:-1], letters[1:] + letters[0]}
    for match in (m for pattern in _INITIALS if "." in page.text for m in pattern.finditer(page.text)):
        pieces = [folded(piece) for piece in _LETTERS.findall(match.group())]
        if "".join(piece[0] for piece in pieces) in orders and all(_begins(piece, name_parts) for piece in pieces):
            yield Span(match.start(), match.end(), "name")
    for word in range(len(page.words)) if len(letters) >= 3 else ():
        start, end = page.words[word]
        if (
            page.bares[word] in orders
            and page.text[start:end].isupper()
            and not page.flat(start)
            and not of_reports(page, word)
        ):
            yield Span(start, end, "name")


def _begins(piece: str, name_parts: list[str]) -> bool:
    return any(part.startswith(piece) for part in name_parts)


def _numbers(page: Page, numbers: Iterable[str]) -> Iterator[Span]:
    cores = {_core(number) for number in numbers}
    cores = {core for core in cores if len(core) >= _SHORTEST_NUMBER}
    if not cores:
        return
    for match in _NUMBER.finditer(page.low):
        yield from _in_groups(match, cores)
    for match in _CODE.finditer(page.low):
        if _core(match.group()) in cores:
            yield Span(match.start(), match.end(), "number")


def _in_groups(match: re.Match[str], cores: set[str]) -> Iterator[Span]:
    """Groups of digits, one or several in a row, that are a known number, or hold one whole: "00 98 765", "xq0098765"."""
    groups = [(m.start() + match.start(), m.end() + match.start()) for m in re.finditer(r"\w+", match.group())]
    for first in range(len(groups)):
        for last in range(first, min(first + 6, len(groups))):
            start, end = groups[first][0], groups[last][1]
            if _core(match.string[start:end]) in cores:
                yield Span(start, end, "number")
    for start, end in groups:
        runs = {run.lstrip("0") for run in re.findall(r"\d+", match.string[start:end])}
        if any(len(core) >= 5 and core in runs for core in cores):
            yield Span(start, end, "number")


def _core(number: str) -> str:
    """Letters and digits alone, in lower case, without zeros before them."""
    return re.sub(r"[\W_]+", "", number).lower().lstrip("0")
