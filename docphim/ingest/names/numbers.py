"""Layer: numbers that lead to a person: phones, insurance and identity cards, numbers behind their label, e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.words import LONGEST, labels, last_words_of_labels

_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]++[^\S\n]?(?:@|\(at\)|\[at\])[^\S\n]?[\w-]+(?:\.[\w-]+)+")
# 0912345678, 0912.345.678, 09 12 34 56 78, (028) 3822 1234, +84 912 345 678, (+84) 912345678, 84-912-345-678
_PHONE = re.compile(r"(?<![\w.,+])\(?(?:\+?84|0)\)?[ .\-]?\(?\d{0,4}\)?(?:[ .\-–]{0,2}\d{1,7}){1,5}(?![\w%]|[.,]\d)")
# Behind its label any number of a phone's length: Phone: (212) 555-0123, Tel +1 212 555 0123, Gọi 3822 1234
_LABELLED_PHONE = re.compile(
    r"(?<!\w)(?:tele?phone|phone|tel|mobile|cell|fax|call(?:ed)?(?: at)?|pager?|hotline|zalo"
    r"|s?dt|dthoai|dd|(?:so )?dien thoai|di dong|lien he|goi)"
    r"(?: so)?[.:]?[^\S\n]{0,2}(?P<number>[+(]?\d[\d ().-]{5,20}\d)(?![\w%]|[.,]\d)"
)
# An identity card or insurance number in groups: 012 345 678, 0123 4567 8901, GD 4 01 01 234 56789
_GROUPS = re.compile(
    r"(?<![\w.,])\d{3}([ .-])\d{3}\1\d{3}(?:\1\d{3})?(?![\w%]|[.,]\d)|(?<![\w.,])\d{4}([ .-])\d{4}\2\d{4}(?![\w%]|[.,]\d)"
)
_INSURANCE = re.compile(r"(?<![^\W_])[^\W\d_]{2}[ .-]?\d(?:[ .-]?\d){9,14}(?!\w)")
# Nothing measured on a film has seven digits, nor letters glued to five: BN0098765, XQ-23115.
_LONG = re.compile(
    r"(?<![\w,])(?<!\d\.)\+?\d{7,}(?![\w%]|[.,]\d)|(?<![^\W_])[^\W\d_]{1,6}[-_.]?\d{5,}\w*(?:[./-]\d+)*|(?<!\w)\d{2,}[-./][^\W\d_]{1,4}[-./]?\d{4,}"
)
_LABELLED = re.compile(r"(?<!\w)(?=[\w./-]*\d)[\w][\w./-]*\w(?:[ .]\d{2,4}(?![\w%]))*")
#: Digits that a phone number has, with its zero or country code.
_PHONE_DIGITS = range(9, 13)
#: Digits of one behind its label.
_LABELLED_DIGITS = range(7, 16)
#: Digits of a number that stands behind its label without a colon, at least.
_FEWEST_DIGITS = 3
_LABEL_GAP = re.compile(r"[^\S\n]*(?:số|so|no|n°|#)?[^\S\n]*[#.:№]?[^\S\n]*(?:là[^\S\n]+)?", re.IGNORECASE)


def personal_numbers(page: Page) -> Iterator[Span]:
    """Numbers by their shape or by the label before them."""
    if "@" in page.text or "(at)" in page.text or "[at]" in page.text:
        yield from (Span(m.start(), m.end(), "number") for m in _MAIL.finditer(page.text))
    if not _HAS_DIGITS.search(page.text):
        return
    if _HAS_ROW.search(page.text):
        yield from _in_rows(page)
    if _HAS_FOUR.search(page.text):
        yield from (Span(m.start(), m.end(), "number") for m in _LONG.finditer(page.text))
    yield from _labelled_numbers(page)


# What none of these is without: looked for first, for speed.
_HAS_DIGITS = re.compile(r"\d{2}")
_HAS_ROW = re.compile(r"\d[\d ().–-]{5,}\d")
_HAS_FOUR = re.compile(r"\d{4}")


def _in_rows(page: Page) -> Iterator[Span]:
    """Phones and cards: seven digits or more with blanks, dots, dashes and brackets between them."""
    for match in _PHONE.finditer(page.text):
        if sum(c.isdigit() for c in match.group()) in _PHONE_DIGITS:
            yield Span(match.start(), match.end(), "number")
    for match in _LABELLED_PHONE.finditer(page.bare):
        if sum(c.isdigit() for c in match["number"]) in _LABELLED_DIGITS:
            yield Span(*match.span("number"), "number")
    for pattern in (_GROUPS, _INSURANCE):
        yield from (Span(m.start(), m.end(), "number") for m in pattern.finditer(page.text))


def _labelled_numbers(page: Page) -> Iterator[Span]:
    """A number's label with the number, and no colon between them: `PID 0098765`, `HSBA số 23115`, `MBN. 23115`."""
    for match in _LABELLED.finditer(page.text):
        last = page.word_at(match.start())
        if last == 0 or page.lows[last - 1] not in last_words_of_labels() or not _enough(page.lows[last - 1], match.group()):
            continue
        for first in range(max(0, last - LONGEST), last):
            label = tuple(page.lows[first:last])
            gap = page.text[page.words[last - 1][1] : match.start()]
            if labels().get(label) == "number" and len(label[-1]) > 1 and _LABEL_GAP.fullmatch(gap) and "\n" not in gap:
                yield Span(page.words[first][0], match.end(), "number")
                break


def _enough(label: str, number: str) -> bool:
    """Whether a number behind a label's last word is long enough; a row of a list may have any: `STT 12`, `số thứ tự 7`."""
    return label in ("stt", "tự", "tu") or sum(map(str.isdigit, number)) >= _FEWEST_DIGITS
