"""Where a person's name begins and ends: by capitals, and in lines of one case by family names and the words of reports."""

from __future__ import annotations

import re

from docphim.ingest.names.labels import begins_a_label
from docphim.ingest.names.page import Page
from docphim.ingest.names.words import bare, compounds, listed, terms, vocabulary

#: Words of a name at most: "Công Tằng Tôn Nữ Thị Hồng Loan".
_LONGEST = 7
_GAP = re.compile(r"[^\S\n]{1,2}|[-_^]")
# Behind an initial a full stop may stand: "N. V. An", "Ng.V.An", "Th.Hoa".
_INITIAL_GAP = re.compile(r"[^\S\n]?\.?[^\S\n]{0,2}|-")
_INITIALS = frozenset(["ng", "th", "ph", "tr", "kh", "nh", "ch", "gi", "qu"])

#: What stands before a name: nothing; a letterhead's label (behind the name a sentence may begin with any word); a patient's
#: title; that of whoever signs; or a title such as "bà", behind which a capital is always a name.
NOTHING, FIELD, PATIENT, SIGNER, KIN = range(5)


def name_end(page: Page, first: int, before: int = NOTHING) -> int:
    """The number of the word behind the name that begins with word `first`; `first` itself where no name does.

    Parameters
    ----------
    before : int
        `NOTHING`, `FIELD`, `PATIENT`, `SIGNER` or `KIN`; behind a title one word is enough.
    """
    if first >= len(page.words):
        return first
    if before and (last := _behind_initials(page, first)) > first:
        return last
    flat = page.flat(page.words[first][0]) or not page.capital(first)
    if before == SIGNER and flat and (last := slot_end(page, first)) > first:
        return last
    if before == NOTHING and flat and (last := _whole_line(page, first)) > first:
        return last
    return _end_in_one_case(page, first, before) if flat else _end_by_capitals(page, first, before)


def of_reports(page: Page, word: int) -> bool:
    """Whether a word is one of reports."""
    low = page.lows[word]
    return low in vocabulary(page.language, not page.unaccented) or (
        page.language == "vi" and len(low) > 3 and low in vocabulary("en", True)
    )


def is_in(page: Page, word: int, name: str) -> bool:
    """Whether a word is in a list of words.yaml; typed without accents, also one that has them, if it is no word of reports."""
    low = page.lows[word]
    if low in listed(name):
        return True
    return low == page.bares[word] and low in bare(name) and (page.unaccented or not of_reports(page, word))


def is_word(page: Page, word: int, name: str) -> bool:
    """Whether a word is in a list of words that are no names, with its accents where the report has any."""
    return page.lows[word] in (bare(name) if page.unaccented else listed(name))


def nameish(page: Page, word: int) -> bool:
    """Whether a word can be part of a name: it is listed as one, or no report has it."""
    return not of_reports(page, word) or any(is_in(page, word, name) for name in ("givens", "middles", "families"))


def is_family(page: Page, word: int) -> bool:
    """Whether a word is a family name."""
    return is_in(page, word, "families")


def in_compound(page: Page, word: int) -> bool:
    """Whether a word and the next, typed in one case, are two that belong together: "Trung thất", "TRUNG THẤT"."""
    if word + 1 >= len(page.words):
        return False
    pair = (page.lows[word], page.lows[word + 1])
    if pair not in compounds(True) and (not page.unaccented or pair not in compounds(False)):
        return False
    if not page.gap(word).isspace() or "\n" in page.gap(word):
        return False
    # "Đường Kerley": what is called after somebody keeps its capital.
    return not page.capital(word + 1) or page.flat(page.words[word][0]) or page.bares[word + 1] in listed("eponyms")


def joined(page: Page, word: int) -> bool:
    """Whether the next word may belong to the same name."""
    gap = page.gap(word)
    if _GAP.fullmatch(gap):
        return not begins_a_label(page, word + 1)
    return is_initial(page, word) and bool(_INITIAL_GAP.fullmatch(gap))


def is_initial(page: Page, word: int) -> bool:
    """Whether a word is a letter or two that stand for a name's part: N, Đ, Ng, Th."""
    return len(page.bares[word]) == 1 or page.bares[word] in _INITIALS


def _behind_initials(page: Page, first: int) -> int:
    """The end of initials and the word they stand before: "N. V. Khang", in capitals too."""
    last = first
    while last < len(page.words) - 1 and is_initial(page, last) and page.gap(last).startswith(".") and joined(page, last):
        last += 1
    return last + 1 if last > first and page.capital(last) else first


def slot_end(page: Page, first: int) -> int:
    """In a line of one case: the end of all that stands between a title and the next stop, where it begins like a name."""
    last = first + 1
    while last < len(page.words) and joined(page, last - 1):
        last += 1
    if last - first == 1 or page.bares[first + 1] in _BEHIND_NAMES:
        if not page.capital(first):
            return first
        return first if in_compound(page, first) or is_word(page, first, "departments") else first + 1
    begins = is_family(page, first) and not in_compound(page, first) and _continues(page, first, first + 1)
    short = last - first <= 5 and not any(in_compound(page, word) for word in range(first + 1, last - 1))
    return last if begins and short else first


# What stands around a line or a cell: "12 | NGUYỄN VĂN AN | 67", "[NGUYỄN VĂN AN]".
_APART = ("", "\n", "\t", "|", ";", "[", "]", "<", ">")
#: Words that go on behind a signer's name: "BS Hùng đọc", "BS Hùng khoa Ngoại".
_BEHIND_NAMES = frozenset(["doc", "khoa", "ky", "chup", "duyet", "va", "phong", "bv", "benh", "luc"])


def _whole_line(page: Page, first: int) -> int:
    """The end of a name that is a line or a cell of its own, in one case; `first` where there is none."""
    if not begins_a_cell(page, first) or (page.unaccented and page.bares[first] not in COMMON_FAMILIES):
        return first
    last = slot_end(page, first)
    return last if last > first + 1 and page.text[page.words[last - 1][1] :].lstrip(" ")[:1] in _APART else first


def begins_a_cell(page: Page, word: int) -> bool:
    """Whether a line or a cell begins with a word."""
    before = page.text[max(0, page.words[word][0] - 3) : page.words[word][0]].rstrip(" ")
    return word == 0 or not before or before[-1] in _APART


def _end_by_capitals(page: Page, first: int, before: int) -> int:
    last = first
    while (
        last < min(first + _LONGEST, len(page.words))
        and page.capital(last)
        and (
            _after_van(page, first, last)
            or not (in_compound(page, last) or (before == FIELD and _goes_on_without(page, first, last)))
        )
    ):
        last += 1
        if not joined(page, last - 1):
            break
    while last - first > (1 if before else 2) and _is_a_sentence(page, last - 1, before):
        last -= 1
    if last - first >= 2 and (before or is_family(page, first) or not of_reports(page, first)):
        return last if sum(nameish(page, word) for word in range(first, last)) >= (1 if before else 2) else first
    return first + 1 if last > first and _alone(page, first, before) else first


def _goes_on_without(page: Page, first: int, word: int) -> bool:
    """Whether behind two words of a name or more a word begins something else: "Họ tên: Kim Sa Rêl Bác sĩ lâm sàng …"."""
    goes_on = bool(re.fullmatch(r"[^\S\n]", page.gap(word))) and not is_in(page, word - 1, "inner")
    return word - first >= 2 and goes_on and is_word(page, word, "openers") and not nameish(page, word)


def _is_a_sentence(page: Page, word: int, before: int) -> bool:
    """Whether a sentence begins with a word at the end of a run of capitals: "BN Nguyễn Văn An Mờ phổi"."""
    if not _small_follows(page, word) or is_in(page, word - 1, "inner"):
        return False
    if before == KIN:  # behind "Bà …" a verb follows, in small letters
        return False
    if before == FIELD:
        return not nameish(page, word) or _opens(page, word)
    if not page.unaccented and (page.lows[word], page.lows[word + 1]) in terms() and not nameish(page, word):
        return True  # "Zalo Nguyễn Văn Hòa Giãn phế quản"
    return _opens(page, word) and not (before == SIGNER and page.unaccented)


def _alone(page: Page, word: int, before: int) -> bool:
    """Whether one capitalised word is a name by what stands before it."""
    if before in (FIELD, PATIENT):
        listed_name = is_in(page, word, "givens") or is_in(page, word, "middles")
        return nameish(page, word) and (listed_name or not of_reports(page, word)) and not _opens(page, word)
    if before == KIN:
        return page.words[word][1] - page.words[word][0] > 1 or page.gap(word).startswith(".")
    department = is_word(page, word, "departments") and page.bares[word + 1 : word + 2] != ["doc"]
    return before == SIGNER and not department and not (_opens(page, word) and _small_follows(page, word))


def _opens(page: Page, word: int) -> bool:
    """Whether a word opens sentences of reports, and is not followed by what goes on behind a name."""
    if page.language == "en" or (page.unaccented and is_in(page, word, "givens")):
        return False
    return is_word(page, word, "openers") and (word + 1 >= len(page.words) or page.bares[word + 1] not in _BEHIND_NAMES)


def _small_follows(page: Page, word: int) -> bool:
    """Whether a word in small letters follows: "Mờ phổi"."""
    return "\n" not in page.gap(word) and page.gap(word).isspace() and not page.capital(word + 1)


def _end_in_one_case(page: Page, first: int, before: int) -> int:
    """The name in a line of one case: a family name and what follows it, up to a word of reports."""
    if not is_family(page, first):
        alone = before and page.capital(first) and _unknown(page, first) and not in_compound(page, first)
        return _unknown_end(page, first) if alone else first
    if in_compound(page, first):
        return first
    last = first + 1
    while last < min(first + _LONGEST, len(page.words)) and joined(page, last - 1) and _continues(page, first, last):
        last += 1
    # "BS LÊ THANH BÔNG KHOA NGOẠI": what stands before the department is the name, be it a word of reports.
    if before == SIGNER and last < len(page.words) and joined(page, last - 1) and page.bares[last + 1 : last + 2] == ["khoa"]:
        last += 1
    if last - first < 2:
        return first + 1 if before and _unknown(page, first) else first
    return last if before or _likely(page, first, last) else first


def _continues(page: Page, first: int, word: int) -> bool:
    """Whether a word of a line of one case still belongs to the name."""
    if not of_reports(page, word) or _after_van(page, first, word):
        return True
    if in_compound(page, word):
        return False
    after_inner = page.bares[word - 1] in bare("inner") and word - first >= 2
    return after_inner or is_in(page, word, "middles") or is_in(page, word, "givens")


def _after_van(page: Page, first: int, word: int) -> bool:
    """Whether Văn or Thị stands before a word, which then is a name whatever follows: "TRẦN VĂN LAN VÀO VIỆN"."""
    return word - first >= 2 and page.lows[word - 1] in ("văn", "thị")


def _likely(page: Page, first: int, last: int) -> bool:
    """Whether words that nothing announces are a name: they hold Văn or Thị, no report has them, or they are a line."""
    start, end = page.words[first][0], page.words[last - 1][1]
    strange = not any(of_reports(page, word) for word in range(first + 1, last))
    if page.unaccented:  # "hở van hai lá" is "ho van hai la" here
        common = page.bares[first] in COMMON_FAMILIES and last - first >= 3 and page.bares[first + 1] in _COMMON_MIDDLES
        return common or (strange and not of_reports(page, first))
    line_start, line_end = page.line(start)
    if (start, end) == (line_start, line_end):
        return True
    # "KIM VĂN HIỆP, NAM, 67 TUỔI" at the beginning of a line
    apart = start == line_start and page.text[end : end + 2].strip()[:1] in tuple(",(-/|0123456789") and last - first >= 3
    if apart and page.lows[first + 1] in listed("middles"):
        return True
    if last - first >= 3 and page.lows[first + 1] in ("văn", "thị"):
        return True
    if page.lows[first] in listed("weak"):
        return False
    strong = page.bares[first] in COMMON_FAMILIES or (not of_reports(page, first) and is_in(page, first + 1, "middles"))
    known = strong or page.lows[first + 1] in listed("inner")
    return strange or (last - first >= 3 and known and page.flat(start))


# Family names and middles that, typed without accents, are no other words of reports side by side.
COMMON_FAMILIES = frozenset(["nguyen", "pham", "huynh", "tran", "le", "bui", "hoang", "vu", "trinh"])
_COMMON_MIDDLES = frozenset(["van", "thi", "huu", "duc", "quoc", "xuan", "ngoc", "minh", "dinh"])


def _unknown(page: Page, word: int) -> bool:
    return not of_reports(page, word) or (page.lows[word] in listed("givens") and page.capital(word) and not page.unaccented)


def _unknown_end(page: Page, first: int) -> int:
    last = first + 1
    while last < min(first + _LONGEST, len(page.words)) and joined(page, last - 1) and not of_reports(page, last):
        last += 1
    return last
