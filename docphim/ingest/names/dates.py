"""Layer: dates, of which the year is left, as the HIPAA Safe Harbor list allows (45 CFR 164.514(b)(2)(i)(C))."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docphim.ingest.names.page import Page, Span

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)(?:[a-z]{2,6})?\.?"
_DAYS = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTHS = r"(?:0?[1-9]|1[0-2])"
_SEPARATOR = r"[^\S\n]{0,2}[/.-][^\S\n]{0,2}"
_WORD_DAY = (
    r"(?<!\w)(?:ngay|hom|dated?|on|(?:hom[^\S\n]+)?thu[^\S\n]+(?:hai|ba|tu|nam|sau|bay)"
    r"|(?:chup|phim|kham)[^\S\n]+(?:sang|chieu|toi))[^\S\n]+"
)
# Behind these a day of one digit may be a part: "tới 1/3 dưới", "chụp 1/3 trên", "phim 2/2"; "phim 5/3" is none.
_HOUR_WORD = r"(?<!\w)(?:sang|trua|chieu|toi|dem|chup|kham|phim)[^\S\n]+"
# These stay: "xuất viện 02/11", "trước mổ 28/2".
_BEHIND_WORD = (
    r"(?:(?<=\bvien )|(?<=\bhen )|(?<=\brut )|(?<=\bcn )|(?<=chu nhat )"
    r"|(?<=truoc mo )|(?<=\bsau mo )|(?<=\bda mo )|(?<=duoc mo ))"
)
_TWO_DIGITS = r"(?:0[1-9]|[12]\d|3[01])"
_THE_MONTH = (
    r"(?:january|february|march|april|june|july|august|september"
    r"|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
)
_NUMERAL = r"(?:gieng|hai|ba|tu|bon|nam|sau|bay|tam|chin|muoi(?:[^\S\n]+(?:mot|hai))?|chap)"
_DIGIT_WORD = r"(?:mot|hai|ba|bon|tu|nam|lam|sau|bay|tam|chin)"
# mười hai, hai mươi mốt, mồng ba; hai mốt, hăm ba
_DAY_WORDS = (
    rf"(?:(?:mong|mung)[^\S\n]+)?(?:(?:(?:hai|ba)[^\S\n]+)?muoi(?:[^\S\n]+{_DIGIT_WORD})?"
    rf"|(?:hai|ba|ham)[^\S\n]+{_DIGIT_WORD}|{_DIGIT_WORD})"
)
_MONTH_WORD = r"(?:thang|thg\.?|th\.)"
_FULL = re.compile(
    rf"(?:ngay[^\S\n]+)?(?<![\w/.,-]){_DAYS}(?:{_SEPARATOR}|[^\S\n]*thang[^\S\n]*){_MONTHS}(?:{_SEPARATOR}|[^\S\n]*nam[^\S\n]*)(?P<a>(?:19|20)\d\d)(?!\d)"
    r"|(?<![\w/.,-])(?P<b>(?:19|20)\d\d)[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)"
    rf"|(?<![\w/.,-]){_MONTHS}[/-]{_DAYS}[/-](?P<i>(?:19|20)\d\d)(?!\d)"  # 03/27/2021
    rf"|(?<!\w)\d{{1,2}}(?:st|nd|rd|th)?[\s-]+{_MONTH},?[\s-]+(?P<c>(?:19|20)\d\d)(?!\d)"
    rf"|(?<!\w){_MONTH}[^\S\n]+\d{{1,2}}(?:st|nd|rd|th)?,?[^\S\n]+(?P<d>(?:19|20)\d\d)(?!\d)"
    rf"|(?<!\w)(?P<e>(?:19|20)\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\w)"
    rf"|(?<!\w)(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?P<f>(?:19|20)\d\d)(?!\w)"
    rf"|(?<![\w/.,-])(?:thang[^\S\n]+)?{_MONTHS}[/-](?P<g>(?:19|20)\d\d)(?![\d/])"
    rf"|(?<![\w])thang[^\S\n]+{_MONTHS}[^\S\n]+nam[^\S\n]+(?P<h>(?:19|20)\d\d)(?!\d)"
)
# ngày 12-Thg3-2021, 12 thg 3, 2021, N12 tháng 3 năm 2021
_RARE = re.compile(
    rf"(?:ngay[^\S\n]+|(?<!\w)n)?(?<![^\Wn]){_DAYS}[^\S\n]*-?{_MONTH_WORD}[^\S\n]*{_MONTHS}(?:[^\S\n]*[,-])?[^\S\n]*(?:nam[^\S\n]+)?(?P<year>(?:19|20)\d\d)(?!\d)"
)
# 12 tháng ba năm 2023, the 12th of March 2023
_SPELLED = re.compile(
    rf"(?:ngay[^\S\n]+(?:{_DAY_WORDS}[^\S\n]+)?)?(?:(?<![\w/.,-]){_DAYS}[^\S\n]+)?(?<!\w)thang[^\S\n]+{_NUMERAL}[^\S\n]+nam[^\S\n]+(?P<year>(?:19|20)\d\d)(?!\d)"
    rf"|(?<!\w)(?:the[^\S\n]+)?\d{{1,2}}(?:st|nd|rd|th)?[^\S\n]+of[^\S\n]+{_MONTH},?[^\S\n]+(?P<other>(?:19|20)\d\d)(?!\d)"
)
# ngày mười hai tháng ba, hôm 30 tháng tư, mồng 5 tháng giêng, 12 tháng chạp, tháng ba ngày mười hai; mùng 2 Tết
_A_MONTH = rf"thang[^\S\n]+(?:{_NUMERAL}|{_MONTHS})"
_ON = r"(?:ngay|hom|sang|trua|chieu|toi|dem)[^\S\n]+"
_WORDED = re.compile(
    rf"(?<!\w)(?:{_ON}(?:(?:mong|mung)[^\S\n]+)?|(?:mong|mung)[^\S\n]+)(?:{_DAYS}|{_DAY_WORDS})[^\S\n]+{_A_MONTH}(?!\w)"
    rf"|(?<![\w/.,-])(?:{_ON})?(?:(?:mong|mung)[^\S\n]+)?(?:{_DAYS}|{_DAY_WORDS})[^\S\n]+tet(?!\w)"
    rf"|(?<![\w/.,-])(?:{_DAYS}|ram)[^\S\n]+thang[^\S\n]+(?:gieng|chap)(?!\w)"
    rf"|(?<!\w)ram[^\S\n]+{_A_MONTH}(?!\w)"
    rf"|(?<!\w){_A_MONTH}[^\S\n]+ngay[^\S\n]+{_DAY_WORDS}(?!\w)"
)
# 12-Mar-23, on March 12, the 12th of March, 8h 12/3, 12h45' 12/3, 12.03.23
_SPELLED_SHORT = re.compile(
    rf"(?<![\w/.,-])\d{{1,2}}[ -]{_THE_MONTH}[ -]\d\d(?![\w/]|[.,]\d)"
    rf"|(?<!\w)(?:on[^\S\n]+may|{_THE_MONTH})[^\S\n]+\d{{1,2}}(?:st|nd|rd|th)?(?![\w/%]|[.,]\d|[^\S\n]*(?:mm|cm)\b)"
    rf"|(?<!\w)(?:the[^\S\n]+)?\d{{1,2}}(?:st|nd|rd|th)[^\S\n]+(?:of[^\S\n]+)?(?:{_THE_MONTH}|may)(?!\w)"
    rf"|(?<![\w/.,-])\d{{1,2}}(?:(?:[hg:]|[^\S\n]?gio[^\S\n]?)(?:\d\d(?:['’p]|[^\S\n]?phut)?)?)[^\S\n]+(?:ngay[^\S\n]+)?{_DAYS}/{_MONTHS}(?![\w/]|[.,]\d|[^\S\n]+(?:tren|duoi|giua))"
    rf"|(?<![\w/.,-]){_DAYS}\.{_MONTHS}\.\d\d(?![\w/-]|[.,]\d|[^\S\n]*(?:mm|cm|x)\b)"
)
# Without a year of four digits: 12/3/23, 12-03-23, ngày 12/3, 12 tháng 3.
_SHORT = re.compile(
    rf"(?P<word>{_WORD_DAY})?(?<![\w/.,-])(?:(?:{_DAYS}/{_MONTHS}|{_MONTHS}/{_DAYS})/(?P<year>\d\d)|{_DAYS}-{_MONTHS}-(?:0\d|[1-3]\d))(?![\w/-]|[.,]\d|[^\S\n]*(?:mm|cm|x)\b)"
    rf"|{_WORD_DAY}{_DAYS}[^\S\n]*(?:[/.-]|thang)[^\S\n]*{_MONTHS}(?:[/-]\d\d)?(?![\d/]|[.,]\d|[^\S\n]*(?:mm|cm)\b)"
    rf"|(?<![\w/.,-]){_DAYS}/{_MONTHS}(?=[^\S\n]+luc[^\S\n]+\d)"
    rf"|{_BEHIND_WORD}{_TWO_DIGITS}/{_MONTHS}(?![\d/]|[.,]\d|[^\S\n]*(?:mm|cm)\b)"
    rf"|{_HOUR_WORD}(?:{_TWO_DIGITS}/{_MONTHS}|\d/\d)(?![\d/]|[.,]\d|[^\S\n]*(?:mm|cm)\b)"
    rf"|(?<![\w/.,-])(?:{_WORD_DAY})?{_DAYS}[^\S\n]+thang[^\S\n]+{_MONTHS}(?![\w/]|[.,]\d|[^\S\n]+(?:lan|ngay|tuan|thang|tuoi|nam(?![^\S\n]+(?:\d|nay|ngoai))|tren|duoi|giua|trong|ngoai|truoc|sau|ben|mm|cm))"
)
# What no date is without: looked for first, for speed.
_HAS_DIGIT = re.compile(r"\d")
_HAS_YEAR = re.compile(r"(?:19|20)\d\d")
_HAS_RARE = re.compile(r"\d[ -]?th[g.]|(?<!\w)n\d")
_HAS_DAY = re.compile(r"\d[^\S\n]*(?:[/.-]|thang)[^\S\n]*\d")
_HAS_HOUR = re.compile(r"\d(?:[^\S\n]?[hg:]|\.\d+\.\d)")
_HAS_NUMERAL = re.compile(rf"thang[^\S\n]+{_NUMERAL}")
_HAS_MAY = re.compile(r"(?:on|of|st|nd|rd|th)[^\S\n]+may")
_ABBREVIATED = ("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# "xương sườn 10-11-12", "lớp cắt 10/11/12" are no dates.
_COUNTED = re.compile(
    r"(?:suon|dot|song|khoang|nhom|hach|lop|cat|anh|hinh|so|ribs?|levels?|stations?|images?|(?<!\w)[ldtcs])[^\S\n]*$"
)
# "sườn trái 5, 6, 9-10-11", "phân thùy S6, 8-9-10": numbers that rise, behind what has numbers.
_RISING = re.compile(
    r"(?:suon|cung|dot song|nhom|hach|thuy|ribs?|segments?|levels?|stations?)[^\S\n]+(?:so[^\S\n]+)?"
    r"(?:(?:ben|phai|trai|truoc|sau|nguc|duoi|tu|right|left|lateral|anterior|posterior)[^\S\n]+){0,3}"
    r"(?:[sdltc]?\d{1,2}(?:-\d{1,2}){0,3}(?:[^\S\n]*,[^\S\n]*|[^\S\n]+(?:va|and|den|to)[^\S\n]+)){0,6}$"
)
_RISING_BEFORE = re.compile(r"[^\S\n]+(?:ribs|segments|levels|stations|vertebra)")
_DASHES = re.compile(r"(\d+)-(\d+)-(\d+)")
_LAST_RIB = 12
#: Letters before a date among which what has numbers is looked for.
_BEFORE = 60
#: Words that only a day follows.
_SURE = ("ngày", "hôm", "thứ", "hom", "thu", "date")
# In a text with accents these are no month's number and no time: "ngày 3 tháng năm", but "6 tháng từ năm 2019",
# "tái phát ngay 3 tháng sau mổ", "tới 3 tháng tám".
_NO_MONTHS = frozenset(["sau", "nằm", "nam", "từ", "tự", "bà", "hại", "bay"])
_NO_TIMES = ("ngay", "hom", "tới", "tôi")
# A share of something: "tối 1/3 dưới", "tới 10/12 phân thùy", "on 2/3 views", "on 1.5 magnification".
_SHARE = re.compile(r"(?P<part>\d+)/(?P<whole>\d+)$|(?:on[^\S\n]+)\d+[.-]\d+$")
_SHARED = re.compile(
    r"[^\S\n]+(?:tren|duoi|giua|ngoai|trong|phe truong|truong phoi|phan thuy|thuy|lat|lop|of|views?|images?|slices?"
    r"|projections?|magnification|films|sequences?|levels?|tesla|t|scans|series|phases?)(?!\w)"
)
_PART = re.compile(r"[a-z ]+(\d)/(\d)")
# "6 tháng 2 nốt", but "15 tháng 3 nốt"
_LASTING = re.compile(r"(?:[1-9]|1[0-28]|24)[^\S\n]+thang[^\S\n]+\d+$")
_THINGS = re.compile(r"[^\S\n]+(?:not|dam|khoi|hach|o|ca|dot|mang|nang|u|vet|dai|chu ky)(?!\w)")


def dates(page: Page) -> Iterator[Span]:
    """Dates; the year stays, with the word `năm` where `ngày` went."""
    bare = page.bare
    for match in _WORDED.finditer(bare) if "thang" in bare or "tet" in bare else ():
        if not _in_other_words(page, match.start(), match.end()):
            yield Span(match.start(), match.end(), "date")
    if not _HAS_DIGIT.search(bare):
        return
    with_year, month = _HAS_YEAR.search(bare), _has_month(page)
    rare = _RARE.finditer(bare) if with_year and _HAS_RARE.search(bare) else ()
    full = _FULL.finditer(bare) if with_year else ()
    spelled = _SPELLED.finditer(bare) if with_year and month else ()
    for match in (*rare, *full, *(m for m in spelled if not _in_other_words(page, m.start(), m.end()))):
        year = next(filter(None, match.groups()))
        vietnamese = match.group().startswith(("ngay", "thang"))
        yield Span(match.start(), match.end(), "date", f"năm {year}" if vietnamese and not page.unaccented else year)
    short = _SHORT.finditer(bare) if _HAS_DAY.search(bare) else ()
    spelled = _SPELLED_SHORT.finditer(bare) if month or _HAS_HOUR.search(bare) else ()
    for match in (*short, *spelled):
        if not _is_no_date(page, match.start(), match.end()):
            yield Span(match.start(), match.end(), "date")


def _in_other_words(page: Page, start: int, end: int) -> bool:
    """Whether only without its accents it reads like a date: "6 tháng từ năm 2019", "ngay 3 tháng sau mổ"."""
    low = page.low[start:end]
    month = low.partition("tháng")[2].split()[:1]
    return not page.unaccented and (low.startswith(_NO_TIMES) or not _NO_MONTHS.isdisjoint(month))


def _is_no_date(page: Page, start: int, end: int) -> bool:
    """Whether numbers like a date are ribs or segments, a share of something, or how long it was."""
    bare, numbers = page.bare, page.bare[start:end]
    if _COUNTED.search(bare, max(0, start - 12), start) or _rising(bare, start, end):
        return True
    if page.low.startswith(_SURE, start):
        return False
    part, share = _PART.fullmatch(numbers), _SHARE.search(numbers)
    if part and part[1] <= part[2]:
        return True
    right_at = page.low.startswith("ngay", start) and not page.unaccented  # "ngay 1/3 phổi phải"
    if share and (right_at or _SHARED.match(bare, end)):
        return not share["part"] or int(share["part"]) < int(share["whole"])
    return bool(_LASTING.match(numbers) and _THINGS.match(bare, end))


def _rising(bare: str, start: int, end: int) -> bool:
    dashes = _DASHES.fullmatch(bare, start, end)
    if (
        not dashes
        or not int(dashes[1]) < int(dashes[2]) < int(dashes[3]) <= _LAST_RIB
        or "0" in (n[0] for n in dashes.groups())
    ):
        return False
    return bool(_RISING.search(bare, max(0, start - _BEFORE), start) or _RISING_BEFORE.match(bare, end))


def _has_month(page: Page) -> bool:
    """Whether a month may stand in a text as a word."""
    if any(name in page.bare for name in _ABBREVIATED) or _HAS_NUMERAL.search(page.bare):
        return True
    return "may" in page.bare and bool(_HAS_MAY.search(page.bare))
