"""What may be a name in lines of one case without accents, where nearly every name is words of reports: it raises doubt.

`vo kim trieu duoc chup lai` may be Võ Kim Triều or what broke: the place of the words and what stands around them decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from docphim.ingest.names.behind import goes_on, looks_like_a_title
from docphim.ingest.names.chains import chain_end
from docphim.ingest.names.labels import label_marks
from docphim.ingest.names.page import Page
from docphim.ingest.names.person import COMMON_FAMILIES, in_compound, is_family, is_in, is_word, of_reports
from docphim.ingest.names.words import LONGEST, listed, phrases

#: Words of a name, at least and at most.
_SHORTEST, _LONGEST = 3, 5
#: Letters of a family name, and of a word that no report has, at least.
_LETTERS = 2
#: Letters of a syllable of Vietnamese, or of a foreigner's name, at most; longer ones are words that lack a blank.
_LONGEST_WORD = 8
#: Words behind a title among which a stranger is looked for.
_SOON = 3
#: Of the kin, those that are hardly other words: ông, bà, chị, cháu.
_KIN = frozenset(["ong", "ba", "chi", "chau"])
_SENTENCE_ENDS = re.compile(r"[.!?;\n]")
#: What says that somebody's home follows: nhà ở, nơi ở, ngụ tại, đến từ, TYT xã.
_AT_HOME = frozenset([("nha", "o"), ("noi", "o"), ("ngu", "tai"), ("den", "tu"), ("tyt", "xa")])
#: Middle names that belong to many words of reports as well, such as thành khối, and count behind a title.
_BEFORE_ANY = frozenset(["van", "thi", "thanh", "the", "thu"])
#: Kin that, without accents, are written like family names: they begin no name.
_NO_FAMILY = frozenset(["ong", "ba", "me", "chi", "chau", "co", "anh", "cu", "con"])
#: Family names of two words, which may stand anywhere.
_DOUBLE = frozenset([("dang", "tran"), ("au", "duong"), ("ton", "that"), ("ton", "nu"), ("cong", "tang")])
_DOUBLE_FIRST = frozenset(first for first, _ in _DOUBLE)
#: Titles of two words that are hardly anything else; "con trai" is one, and còn trái.
_CLEAR_TITLES = frozenset(
    [("benh", "nhan"), ("cong", "nhan"), ("con", "gai"), ("em", "gai"), ("chi", "gai"), ("con", "trai"), ("em", "trai")]
)
#: Between the names of several people.
_JOINTS = frozenset(["-", "–", ",", "&", "+", "/", ";"])
#: Words before `huyện` where no place follows: bệnh viện huyện.
_PLACE = frozenset(["vien", "te", "tuyen", "bv"])


def doubtful_in_one_case(page: Page, ends: Mapping[int, int]) -> bool:
    """Whether words of a line of one case, typed without accents, may be a name.

    Parameters
    ----------
    ends : mapping
        The words that are taken out, with the word behind each.
    """
    if page.language != "vi" or not page.unaccented or not page.any_flat:
        return False
    if any(_called(page, word, ends) or _lives(page, word, ends) for word in page.among(listed("plain_leads"))):
        return True
    if any(_kin(page, word, ends) for word in page.among(listed("plain_kin"))):
        return True
    if any(_signs(page, word, ends) for word in page.bare_among(phrases("signers", "degrees"))):
        return True
    if any(_labelled(page, value, ends) for kind, _, value in label_marks(page) if kind in ("name", "doctor")):
        return True
    if any(_half(page, word, ends) for word in page.among(_DOUBLE_FIRST)):
        return True
    if any(_another(page, end, ends) for end in set(ends.values()) if end > 0):
        return True
    return any(_name(page, word, last, ends) for word, last in _starts(page))


def _free(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether a word is there, is left, and stands in a line of one case."""
    return word < len(page.words) and word not in ends and page.flat(page.words[word][0])


def _called(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether somebody's name follows `tên`: "chong ten ta"."""
    if page.lows[word] != "ten" or not page.blank(word) or not _free(page, word + 1, ends):
        return False
    return page.lows[word + 1] not in listed("behind_ten")


def _lives(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether a place follows that was not understood: "den tu xa can non", "huyen goi", "nha o so 9 hu phinh"."""
    if page.lows[word] == "huyen" and page.blank(word) and (word == 0 or page.lows[word - 1] not in _PLACE):
        return _free(page, word + 1, ends) and not goes_on(page, word + 1, "behind_people")
    if tuple(page.lows[word : word + 2]) not in _AT_HOME or page.lows[word + 2 : word + 3] == ["tuyen"]:
        return False
    for following in range(word + 2, min(word + 2 + _SOON, len(page.words))):
        if _SENTENCE_ENDS.search(page.gap(following - 1)):
            return False
        if _free(page, following, ends):
            return True
    return False


def _kin(page: Page, title: int, ends: Mapping[int, int]) -> bool:
    """Whether a name follows one of the kin: "chau ngoai ong tham", "ba lan sot nhe", "anh dung va chi cang"."""
    word = title + 1
    if not page.blank(title) or not _free(page, word, ends) or page.lows[word] in listed("plain_kin"):
        return False
    name, before = page.lows[title], page.lows[title - 1] if title and page.blank(title - 1) else ""
    behind = page.lows[word + 1] if page.blank(word) else ""
    if name in ("trai", "gai"):
        return before in ("con", "em", "anh", "chi") and behind in ("di", "dua", "khai", "ke", "bao")
    helps = behind == "xem" or (behind, *page.lows[word + 2 : word + 3]) in (("cham", "soc"), ("doc", "lai"))
    if helps and name not in ("vo", "be", "em") and page.lows[word] not in listed("behind_kin"):
        return True
    if behind == "va" and page.blank(word + 1) and page.lows[word + 2] in listed("plain_kin"):
        return page.lows[word + 2] != name  # not "anh t1 va anh t2", which are pictures
    if page.gap(word).strip() == "(" and page.lows[word + 1] in listed("plain_relatives"):
        return True  # "chi man (con gai)"
    if before == "chao" or name in ("mr", "mrs"):
        return True
    return name in _KIN and _grown_up(page, title, before, behind)


def _grown_up(page: Page, title: int, before: str, behind: str) -> bool:
    """Whether a name follows `ông`, `bà`, `chị` or `cháu`, by the words before and behind it."""
    word = title + 1
    if before:
        return before in listed("plain_relatives") and not behind
    if behind in listed("deeds") and (is_in(page, word, "givens") or not looks_like_a_title(page, title)):
        return not goes_on(page, word, "behind_people")
    soon = range(word, min(word + _SOON, len(page.words)))
    return any(_stranger(page, w) for w in soon if all(map(page.blank, range(title, w))))


def _another(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether behind a name that is taken out another begins: "bs nguyen thi hoa - nong the tay"."""
    joint = page.gap(word - 1).strip() in _JOINTS
    return joint and _free(page, word + 1, ends) and page.blank(word) and _begins(page, word)


def _signs(page: Page, title: int, ends: Mapping[int, int]) -> bool:
    """Whether one word stands behind a signer's title and nothing else, or a signer's verb: "ktv nho", "bs tham doc"."""
    word = chain_end(page, title)
    if word == title or not _free(page, word, ends) or page.bares[title] in listed("other_titles"):
        return False
    if page.gap(word - 1).strip(" .:") or is_word(page, word, "departments"):
        return False
    if page.blank(word):
        return page.lows[word + 1] in ("doc", "gioi", "duyet")
    return page.gap(word).lstrip(" ")[:1] in ("\n", ":", "+", "/", "(", "")


def _half(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether the first of two family names was left before a name that is taken out: "[dang] tran thi minh"."""
    return _free(page, word, ends) and ends.get(word + 1, 0) > 0 and (page.lows[word], page.lows[word + 1]) in _DOUBLE


def _begins(page: Page, word: int, *, titled: bool = False) -> bool:
    """Whether a family name stands here and a middle name, or another family name, behind it.

    Two words that belong together ("van dong") are none, but behind a title or a family name that is nothing else.
    """
    pair = (page.lows[word], page.lows[word + 1])
    if len(pair[0]) < _LETTERS or not is_family(page, word) or (pair[0] in _NO_FAMILY and not titled):
        return False
    if pair not in _DOUBLE and pair[1] not in COMMON_FAMILIES and not is_in(page, word + 1, "middles"):
        return False
    sure = pair[0] in COMMON_FAMILIES or not of_reports(page, word)
    apart = sure or not in_compound(page, word + 1) or (titled and pair[1] in _BEFORE_ANY)
    return apart and (sure or not in_compound(page, word))


def _stranger(page: Page, word: int) -> bool:
    """Whether no report has a word, which is no longer than a syllable or a foreigner's name."""
    start, end = page.words[word]
    return _LETTERS < end - start <= _LONGEST_WORD and not of_reports(page, word)


def _starts(page: Page) -> Iterator[tuple[int, int]]:
    """Words that a name may begin with, at the beginning of a clause or behind a title, and the end of their clause."""
    first = 0
    for word in range(len(page.words)):
        if not page.blank(word):
            yield from ((start, word + 1) for start in range(first, word - 1) if start == first or _may_start(page, start))
            first = word + 1


def _may_start(page: Page, word: int) -> bool:
    """Whether a name may begin inside a clause: behind a title or a word that leads to one, or with two family names."""
    before = page.lows[word - 1]
    return before in listed("plain_leads") or _titled(page, word) or (page.lows[word], page.lows[word + 1]) in _DOUBLE


def _titled(page: Page, word: int) -> bool:
    """Whether a patient's, a relative's or a signer's title stands before a word: "bn", "benh nhan", "vo la"."""
    before = tuple(page.lows[max(0, word - 2) : word])
    if not before or not page.blank(word - 1):
        return False
    if before in _CLEAR_TITLES or (before[-1] == "la" and before[0] in listed("plain_kin")):
        return True
    if before[-1] in listed("plain_titles"):
        return not looks_like_a_title(page, word - 1) and not goes_on(page, word, "behind_people")
    signer = any(chain_end(page, first) == word for first in range(max(0, word - LONGEST), word))
    sure = page.lows[word] in COMMON_FAMILIES or (page.lows[word], page.lows[word + 1]) in _DOUBLE
    return signer and (sure or not goes_on(page, word, "behind_doctors"))


def _name(page: Page, word: int, last: int, ends: Mapping[int, int]) -> bool:
    """Whether a family name, another part of a name and one to three words stand before a stop or a verb."""
    titled = _titled(page, word)
    if _free(page, word, ends) and (_signed(page, word) or _surely(page, word)):
        return True
    if not _free(page, word, ends) or not _begins(page, word, titled=titled):
        return False
    if any(ends.get(w, 0) > 0 for w in (word + 1, word + 2)):
        return True  # the rest of it went: "ngo phuong [thach boa]"
    if titled or (page.lows[word], page.lows[word + 1]) in _DOUBLE:
        return True
    for end in range(word + 2, min(word + _LONGEST, last) + 1):
        if end - word >= _SHORTEST and (end == last or page.lows[end] in listed("plain_verbs")):
            return True
        if end < last and (page.lows[end] in listed("plain_words")):
            return False
    return False


def _signed(page: Page, word: int) -> bool:
    """Whether a family name and a word or two stand before `ký tên`: "tran binh ky ten"."""
    ends = (page.lows[word + 2 : word + 4], page.lows[word + 3 : word + 5])
    return is_family(page, word) and ["ky", "ten"] in ends


def _surely(page: Page, word: int) -> bool:
    """Whether a common family name stands before Van or Thi: "nguyen van hai la benh nhan cu"."""
    return page.lows[word] in COMMON_FAMILIES and page.lows[word + 1] in ("van", "thi")


def _labelled(page: Page, value: int, ends: Mapping[int, int]) -> bool:
    """Whether a name may stand behind a label of names that was not understood: "ho ten: ha thanh mai"."""
    word = page.word_at(value)
    if not _free(page, word, ends) or word + 1 == len(page.words) or page.words[word][0] != value:
        return False
    return _begins(page, word, titled=True)
