"""What may be a name and was not understood: words behind titles that nothing explains, rests of names, lines like signatures.

Where a title is followed by a word that is both a name and a word of reports ("KTV Chấn", "ÔNG XEN ĐÃ MỔ"), rules cannot tell.
Such a report stops: what reports go on with behind a title is listed (`behind_doctors`, `behind_people` of words.yaml), and
everything else raises doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from docphim.ingest.names.behind import blank, goes_on
from docphim.ingest.names.chains import chain_end
from docphim.ingest.names.labels import begins_a_label, label_marks
from docphim.ingest.names.letters import folded
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.person import COMMON_FAMILIES, in_compound, is_family, is_in, is_word, nameish, of_reports
from docphim.ingest.names.titles import is_title
from docphim.ingest.names.words import listed

_SLOT = re.compile(r"[^\S\n]*[.:]?[^\S\n]*[\"'“(]?")
_SENTENCE_ENDS = re.compile(r"[.!?;:,\n(]")
#: Degrees that stand for other words too (TS tiền sử, CN chức năng …): they announce a name where one is, and raise no doubt.
_OTHER_WORDS = frozenset(["ts", "cn", "gs", "ds", "ys", "nt", "ck", "dd", "md", "rn", "prof", "attending", "resident", "reader"])
_DOCTORS = frozenset(["dr", "doctor"])
#: Titles that end with a full stop before a name.
_ABBREVIATIONS = frozenset(["bs", "ths", "pgs", "bsck", "bscki", "bsckii", "bsnt", "ktv", "dr"])
#: Whoever is spoken of, by words that are nothing else; behind others ("cô đặc", "chồng hình") a verb must follow the name.
_PATIENTS = frozenset(["bn", "nb", "nhân", "bệnh", "phụ", "patient", "pt"])
_KIN = frozenset(["ông", "bà", "cụ", "cháu", "chị", "anh", "thím", "mợ"])
_UNACCENTED = frozenset(["bn", "nb", "nhan", "benh", "patient", "pt"])
#: Behind these somebody is spoken of though no sentence begins: "của ông", "con bà".
_BEFORE_KIN = frozenset(["chào", "nhờ", "ơn", "thưa", "gửi", "cùng", "theo", "hỏi", "lời", "phim", "thầy", "của", "cho", "với", "con", "vợ", "chồng", "mẹ", "bố", "là", "nhà", "báo", "gặp", "nhân", "bệnh"])
#: Words of a line that may be a name alone, at most.
_LONGEST_NAME = 5
#: Words behind a title among which a stranger's name is looked for.
_SOON = 4
_AGE = re.compile(
    r"[^\S\n]*[,(/|;-]?[^\S\n]*(?:(?:19|20)\d\d\b|\d{1,3}[^\S\n]*(?:t|tuoi)\b|(?:nam|nu)\b[^\S\n]*,?[^\S\n]*\d|(?:sn|sinh nam)\b)"
    r"|[^\S\n]*[/|;][^\S\n]*\d{1,3}\b"
)
_LINE = re.compile(r"[^\W\d_]+(?:[ .'’-]+[^\W\d_]+)*")


def doubtful(page: Page, spans: Iterable[Span]) -> bool:
    """Whether a text still seems to name somebody when its spans are gone.

    Parameters
    ----------
    page : Page
        The text as it was, before anything is taken out.
    spans : iterable of Span
        What is taken out, `merged`.
    """
    ends = _ends(page, spans)
    return (
        any(_is_doubtful(page, word, kind, ends) for word, kind in _slots(page))
        or _stranger_in_a_clause(page, ends)
        or any(_rest_of_a_name(page, end, ends) for end in set(ends.values()))
        or _doubtful_lines(page, ends)
        or any(_name_alone(page, first, last, ends) for first, last in _pieces(page))
    )


def _ends(page: Page, spans: Iterable[Span]) -> dict[int, int]:
    """Word that is taken out → the number of the word behind its span."""
    ends: dict[int, int] = {}
    for span in spans:
        behind = page.word_at(span.end)
        ends |= dict.fromkeys(range(page.word_at(span.start), behind), behind if span.kind == "name" else -1)
    return ends


def _slots(page: Page) -> Iterator[tuple[int, str]]:
    """The words behind titles, where a name may stand, and what list of words.yaml says what else may."""
    word = 0
    while word < len(page.words):
        behind = chain_end(page, word)
        if behind > word and not (behind == word + 1 and page.bares[word] in _OTHER_WORDS):
            if behind < len(page.words) and _leads_to_a_name(page, behind - 1):
                yield behind, "behind_doctors"
        elif behind == word and is_title(page, word) and _speaks_of_somebody(page, word):
            yield word + 1, "behind_people"
        word = max(behind, word + 1)


def _leads_to_a_name(page: Page, word: int) -> bool:
    """Whether only a blank or a colon stands behind a title; a full stop ends a sentence, but behind an abbreviation."""
    return bool(_SLOT.fullmatch(page.gap(word))) and ("." not in page.gap(word) or page.bares[word] in _ABBREVIATIONS)


def _speaks_of_somebody(page: Page, word: int) -> bool:
    """Whether a title is followed by its slot, and is no other word: "cô đặc", "ống dẫn lưu" without accents."""
    if word + 1 >= len(page.words) or not _SLOT.fullmatch(page.gap(word)) or "." in page.gap(word):
        return False
    flat = page.flat(page.words[word][0])
    if page.lows[word] in (_UNACCENTED if page.unaccented else _PATIENTS):
        return page.bares[word] != "nhan" or page.bares[word - 1] == "benh"  # "chay than nhan tao"
    begins = word == 0 or bool(_SENTENCE_ENDS.search(page.gap(word - 1)))
    if not flat:
        return page.capital(word + 1) and not page.unaccented or (page.unaccented and _title_case(page, word + 1))
    if page.lows[word] in _KIN and not page.unaccented:
        return begins or page.lows[word - 1] in _BEFORE_KIN
    strange = not page.unaccented or is_in(page, word + 1, "givens")
    following = word + 2
    verb = following < len(page.words) and blank(page, word + 1) and goes_on(page, following, "behind_people")
    return begins and strange and bool(verb)


def _stranger_in_a_clause(page: Page, ends: dict[int, int]) -> bool:
    """Whether two words that no report has follow soon behind a patient's title: "bệnh nhân người Lào Somphet Vongkham"."""
    titles = _UNACCENTED if page.unaccented else _PATIENTS
    for word in (w for w, low in enumerate(page.lows) if low in titles):
        for following in range(word + 1, min(word + 1 + _SOON, len(page.words) - 1)):
            if not blank(page, following - 1):
                break
            if blank(page, following) and all(w not in ends and _foreign(page, w) for w in (following, following + 1)):
                return True
    return False


def _foreign(page: Page, word: int) -> bool:
    return page.words[word][1] - page.words[word][0] > 2 and page.capital(word) and not of_reports(page, word)


def _title_case(page: Page, word: int) -> bool:
    start, end = page.words[word]
    return page.capital(word) and not page.text[start:end].isupper()


def _is_doubtful(page: Page, word: int, kind: str, ends: dict[int, int]) -> bool:
    return word not in ends and _may_be_a_name(page, word, kind)


def _may_be_a_name(page: Page, word: int, kind: str) -> bool:
    """Whether a word behind a title is not what reports go on with there."""
    start, end = page.words[word]
    if end - start < 2 or page.lows[word] in listed("degrees") or goes_on(page, word, kind) or begins_a_label(page, word):
        return False
    stranger = not of_reports(page, word)
    if page.language == "en":
        typed = page.flat(start) or page.capital(word) or page.lows[word - 1] in _DOCTORS
        return typed and (stranger or (kind == "behind_doctors" and page.lows[word - 1] in _DOCTORS))
    if stranger:
        return True
    if is_in(page, word, "roles") or chain_end(page, word) > word or is_title(page, word) and not page.capital(word):
        return False
    if page.flat(start):
        return True
    if not page.capital(word):
        return kind == "behind_doctors" and is_in(page, word, "givens")
    return not _begins_a_sentence(page, word) and not _abbreviation(page.text[start:end])


def _begins_a_sentence(page: Page, word: int) -> bool:
    """Whether a sentence begins behind a title: "Đã báo BS. Tim to"."""
    return "." in page.gap(word - 1) and is_word(page, word, "openers") and word + 1 < len(page.words) and not page.capital(word + 1)


def _abbreviation(word: str) -> bool:
    """Whether a word is letters without a vowel, such as TKMP."""
    return word.isupper() and not re.search("[aeiouy]", folded(word))


def _rest_of_a_name(page: Page, word: int, ends: dict[int, int]) -> bool:
    """Whether the word behind a name that is taken out may belong to it: "BN SÙNG THANH [KHO] ĐAU NGỰC"."""
    if not 0 < word < len(page.words) or word in ends or not blank(page, word - 1):
        return False
    if any(goes_on(page, word, kind) for kind in ("behind_people", "behind_doctors")) or begins_a_label(page, word):
        return False
    if chain_end(page, word) > word or is_in(page, word, "roles") or is_title(page, word) or page.words[word][1] - page.words[word][0] < 2:
        return False
    if page.flat(page.words[word][0]):
        return page.language == "vi" or not of_reports(page, word)
    if page.capital(word) and blank(page, word) and goes_on(page, word + 1, "behind_people"):
        return True  # "BN Hoàng Kim [Nang] ngày …" is no sentence that begins with "Nang"
    between = word + 1 in ends and ends[word + 1] > 0 and blank(page, word)
    return page.capital(word) and (between or (nameish(page, word) and not is_word(page, word, "openers")))


def _doubtful_lines(page: Page, ends: dict[int, int]) -> bool:
    """Lines that look like a signature or a name with its age, though no word of them was understood."""
    headings = [start for kind, start, _ in label_marks(page) if kind == "heading"]
    below, place, lines = max(headings, default=0), 0, page.text.rstrip().split("\n")
    titled = greeted = False
    for number, line in enumerate(lines):
        first = page.word_at(place)
        last = page.word_at(place + len(line))
        bottom = number == len(lines) - 1 or (bool(headings) and place > below)
        if first < last and ends.keys().isdisjoint(range(first, last)):
            if _named_with_age(page, first) or (
                (titled or (bottom and number > 0)) and _signature(page, line, first, last, titled or greeted)
            ):
                return True
        if first < last:
            titled = chain_end(page, first) == last and ":" not in line
            greeted = line.rstrip().endswith(",")  # "Trân trọng,"
        place += len(line) + 1
    return False


def _signature(page: Page, line: str, first: int, last: int, titled: bool) -> bool:
    """Whether a line holds nothing but a few capitalised words, such as a signature; below a title any such words."""
    line = line.strip(" .-_*()")
    words = range(first, last)
    if not _LINE.fullmatch(line) or not 0 < len(words) <= _LONGEST_NAME or not all(page.capital(w) for w in words):
        return False
    if titled:
        return not all(goes_on(page, w, "behind_doctors") for w in words) and chain_end(page, first) == first
    if any(in_compound(page, w) for w in words):
        return False
    strangers = sum(not of_reports(page, w) for w in words)
    if page.flat(page.words[first][0]):
        return strangers > 0 and all(nameish(page, w) for w in words)
    if len(words) == 1:
        return strangers == 1 or is_in(page, first, "givens")
    return strangers == len(words) or (len(words) > 1 and (strangers > 0 or all(nameish(page, w) for w in words)))


def _pieces(page: Page) -> Iterator[tuple[int, int]]:
    """Words between stops, commas, colons, dashes, slashes, brackets and line ends: their first and the one behind the last."""
    first = 0
    for word in range(len(page.words)):
        if not blank(page, word):
            if 2 <= word + 1 - first <= _LONGEST_NAME:
                yield first, word + 1
            first = word + 1


def _name_alone(page: Page, first: int, last: int, ends: dict[int, int]) -> bool:
    """Whether words of one case between two stops are a name that nothing else told from words of reports: "KIM ĐỨC THEN:"."""
    if first in ends or not is_family(page, first) or last - first < 3 or not page.flat(page.words[first][0]):
        return False
    if page.unaccented and page.bares[first] not in COMMON_FAMILIES:
        return False
    names = is_in(page, first + 1, "middles") or is_in(page, first + 1, "givens")
    return names and not any(in_compound(page, word) for word in range(first, last))


def _named_with_age(page: Page, first: int) -> bool:
    """Whether a line begins like "QUÀNG BẢO HỌC 67T": a family name, one to four more words, and an age or a sex."""
    if not is_family(page, first) or in_compound(page, first):
        return False
    for last in range(first + 1, min(first + _LONGEST_NAME, len(page.words))):
        if not blank(page, last - 1) or not page.capital(last):
            return False
        if _AGE.match(page.bare, page.words[last][1]):
            return True
    return False
