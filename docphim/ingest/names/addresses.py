"""Layer: addresses that no label announces (`số nhà 12 đường … phường … quận …`), and where a labelled one ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.person import nameish, of_reports
from docphim.ingest.names.words import address_words, bare, parts

# Pieces of an address: by commas, stops, dashes, wide blanks and line ends.
_STOP = re.compile(r"[,;:\n]|\.(?=\s|$)|[^\S\n][-–][^\S\n]|[^\S\n]{3,}|\t")
_BETWEEN = re.compile(r"[^\S\n]*[,.-]?[^\S\n]*")
_NUMBER = re.compile(r"[^\S\n]*\.?[^\S\n]*\d[\w/-]*")
_PLAIN = frozenset(["duong", "pho", "phuong", "quan", "xa", "huyen", "tinh"])
#: Words that a word of addresses names, at most: "phường Bình Hưng Hòa".
_LONGEST = 4


def address_end(page: Page, start: int) -> int:
    """Where an address that begins at `start` ends: before the first piece of its line that is no part of an address."""
    end, line_end = start, page.line(start)[1]
    while end < line_end:
        piece = end + len(page.text[end:line_end]) - len(page.text[end:line_end].lstrip(" ,.;-–\t"))
        stop = _next_stop(page, piece, line_end)
        if end > start and page.text[end] == "," and stop == line_end and page.word_at(stop) - page.word_at(piece) < _LONGEST:
            return stop  # what ends the line behind a comma: "12/5 Trang Niêu, Hồ Vượt"
        if page.text[stop : stop + 1] == ":" or not _is_part(page, piece, stop, first=end == start):
            break
        end = stop
    return end


def _next_stop(page: Page, place: int, line_end: int) -> int:
    """The next stop that is not the one of an abbreviation: P. Bến, TP. Huế."""
    while match := _STOP.search(page.text, place, line_end):
        before = page.word_at(match.start()) - 1
        short = before >= 0 and page.words[before][1] == match.start() and page.words[before][1] - page.words[before][0] <= 2
        abbreviated = (
            short and not re.search("[aeiouy]", page.bares[before]) and page.bares[before] in address_words("words", "bare")
        )
        if match.group() != "." or not abbreviated:
            return match.start()
        place = match.end()
    return line_end


def _spelling(page: Page, place: int) -> str:
    """How words of addresses are looked up: by capitals they are told from others even where no accents are typed."""
    return "accented" if not page.unaccented else "plain" if page.flat(place) else "bare"


def _is_part(page: Page, start: int, end: int, *, first: bool) -> bool:
    """Whether a piece is a part of an address: a number, a word of addresses, or a name that is no word of reports."""
    words = range(page.word_at(start), page.word_at(end))
    if not words:
        return any(c.isdigit() for c in page.text[start:end])
    if (
        page.bares[words[0]] in address_words("first", "bare")
        and (page.unaccented or page.lows[words[0]] in address_words("first", "accented"))
    ) or _is_place(page, words[0]):
        return True
    if first and page.text[start].isdigit() and len(words) <= _LONGEST and page.capital(words[0]):
        return True
    named = [not of_reports(page, w) or (page.capital(w) and not page.flat(start)) for w in words]
    if page.flat(start) and (named[0] or any(named)) and len(words) < _LONGEST:
        return True
    return all(named) or (first and page.capital(words[0]) and not page.flat(start) and 2 * sum(named) > len(words))


def _is_place(page: Page, word: int) -> bool:
    return tuple(page.bares[word : word + 2]) in {parts(place)[:2] for place in bare("places")}


def unlabelled_addresses(page: Page) -> Iterator[Span]:
    """Addresses in the text: words of addresses with what they name, one soon after the other."""
    word = 0
    begins = address_words("first", "accented" if not page.unaccented else "bare")
    while word < len(page.words):
        if page.lows[word] not in begins:
            word += 1
            continue
        behind, strong, pieces = _chain(page, word)
        # One piece alone is an address where its word is nothing else and its line shows capitals: "phường Hòa Thuận".
        if strong and (pieces > 1 or not page.flat(page.words[word][0]) or page.bares[word : word + 2] == ["so", "nha"]):
            start = page.words[word][0]
            behind = _last_piece(page, behind) if pieces > 1 or page.bares[word : word + 2] == ["so", "nha"] else behind
            yield Span(start, behind, "address")
            word = page.word_at(behind)
        else:
            word += 1


def _last_piece(page: Page, behind: int) -> int:
    """The end of a line that ends with a word which only addresses have and what it names: "… QUẬN CHUNG THAN"."""
    word, line_end = page.word_at(behind), page.line(behind)[1]
    last = page.word_at(line_end)
    strong = word < last and page.lows[word] in address_words("strong", _spelling(page, behind))
    named = strong and 1 < last - word <= _LONGEST
    # Without accents, in one case: "SO NHA 147 DUONG MUT KHUNG PHUONG TAU QUAN COI NHU"
    rest = [page.bares[w] for w in range(word, last)] if page.unaccented and page.flat(behind) else []
    plain = 0 < len(rest) <= 3 * _LONGEST and sum(w in _PLAIN for w in rest) > 1 and rest[0] in _PLAIN
    return page.words[last - 1][1] if named or plain else behind


def _chain(page: Page, word: int) -> tuple[int, bool, int]:
    """End, whether a word stands in it that only addresses have, and the number of its pieces."""
    behind, strong, pieces = page.words[word][0], False, 0
    while word < len(page.words):
        end, is_strong = _piece(page, word)
        if end <= page.words[word][0]:
            break
        behind, strong, pieces = end, strong or is_strong, pieces + 1
        word = page.word_at(end)
        between = page.text[end : page.words[word][0]] if word < len(page.words) else ""
        sentence = between.startswith(".") and page.words[word - 1][1] - page.words[word - 1][0] > 2
        if sentence or not _BETWEEN.fullmatch(between):
            break
    return behind, strong, pieces


def _piece(page: Page, word: int) -> tuple[int, bool]:
    """Where a word of addresses with what it names ends, and whether it is one that only addresses have."""
    start = page.words[word][0]
    spelling = _spelling(page, start)
    if page.lows[word] not in address_words("first", spelling):
        return start, False
    names = address_words("words", spelling)
    length = next((n for n in (3, 2, 1) if word + n <= len(page.words) and " ".join(page.lows[word : word + n]) in names), 0)
    if not length:
        return start, False
    strong = " ".join(page.lows[word : word + length]) in address_words("strong", spelling)
    behind = page.words[word + length - 1][1]
    number = _NUMBER.match(page.text, behind)
    if number and page.bares[word + length - 1] == "quan" and "/" in number.group():
        return start, False  # "nieu quan 1/3 duoi"
    if number:
        following = page.word_at(number.end())
        named = _named_end(page, following) if _street(page, number.end(), following) else number.end()
        return max(number.end(), named, _before_a_ward(page, following)), strong
    following = word + length
    gap = page.text[behind : page.words[following][0]] if following < len(page.words) else "\n"
    # P. Bến, TP.Huế; behind a whole word, be it as short as "xã", a full stop ends a sentence.
    short = behind - start <= 2 and not re.search("[aeiouy]", page.bares[word])
    if not re.fullmatch(r"\.[^\S\n]?" if short else r"[^\S\n]{1,2}", gap):
        return start, False
    end = _named_end(page, following)
    return (end, strong) if end > page.words[following][0] else (start, False)


def _before_a_ward(page: Page, word: int) -> int:
    """The end of a street's name before a comma and a word that only addresses have, "SÂN PHON, PHƯỜNG HOA"; 0 for none."""
    last = word
    while last < min(word + _LONGEST, len(page.words) - 1) and page.capital(last):
        if page.gap(last) == ", " and page.lows[last + 1] in address_words("strong", _spelling(page, page.words[last][0])):
            return page.words[last][1]
        if not page.blank(last):
            break
        last += 1
    return 0


def _street(page: Page, behind: int, word: int) -> bool:
    """Whether a street's name follows a house's number without a word before it: "số 12 Lê Lợi"."""
    if word >= len(page.words) or page.flat(behind) or page.text[behind : page.words[word][0]] != " ":
        return False
    return page.capital(word) and not (of_reports(page, word) and not nameish(page, word))


def _named_end(page: Page, word: int) -> int:
    """The end of the capitalised words from here on; in a line of one case, of words that no report has."""
    first, flat = word, page.flat(page.words[word][0])
    spelling = _spelling(page, page.words[word][0])
    if flat:
        ends = (
            w
            for w in range(word + 1, min(word + _LONGEST, len(page.words)))
            if page.lows[w] in address_words("strong", spelling)
        )
        following = next(ends, 0)
        if following and "\n" not in page.text[page.words[word][0] : page.words[following][0]]:
            return page.words[following - 1][1]
        last = word + 1  # up to the next stop, where that is near and one of the words is no word of reports
        while last < len(page.words) and page.gap(last - 1) == " ":
            last += 1
        if last - word < _LONGEST and not all(of_reports(page, w) for w in range(word, last)):
            return page.words[last - 1][1]
    while word < min(first + _LONGEST, len(page.words)) and not (flat and page.lows[word] in address_words("first", spelling)):
        if not (nameish(page, word) if flat else page.capital(word)) or (word > first and not page.gap(word - 1).isspace()):
            break
        word += 1
        if "\n" in page.gap(word - 1):
            break
    return page.words[word - 1][1] if word > first else page.words[first][0]
