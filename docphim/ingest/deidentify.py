"""Takes people out of a report's text: names and numbers known from header and table, letterheads, phones, exact dates.

It lowers the risk and does not remove it: a name that no header, table or title announces stays (docs/data.md).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from docphim.language.normalize import clean, normalize
from docphim.language.sections import heading_names, tidy
from docphim.package_data import packaged

_WORD = re.compile(r"[^\W\d_]+")
# A syllable that Vietnamese could spell; a name's other words (Smith, Kowalski) cannot be words of the report.
_SYLLABLE = re.compile(r"(ngh|ng|nh|ch|gh|gi|kh|ph|th|tr|qu|[bcdghklmnpqrstvx])?[aeiouy]{1,3}(ch|ng|nh|[cmnpt])?")
_SHORTEST_NUMBER = 4
# Nothing that is measured on a film has nine digits; a Vietnamese phone number has ten, an identity card nine or twelve.
_LONG_NUMBER = re.compile(r"(?<![\w.,])\+?\d{9,}(?!\w)|(?<!\d)(?:\+84|0)\d{2,3}([ .-])\d{3}\1?\d{3,4}(?!\d)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\.?"
_DAY = re.compile(
    # 12/03/2023, 12 tháng 3 năm 2023; 2023-03-12; 12 March 2023; March 12, 2023; and with the word `ngày` also 12/3 or 12/3/23
    r"(?:ngày\s+)?(?<![\d/])\d{1,2}\s*(?:[/.-]|\s*tháng\s*)\s*\d{1,2}\s*(?:[/.-]|\s*năm\s*)\s*((?:19|20)\d\d)(?!\d)"
    r"|(?<!\d)((?:19|20)\d\d)[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)"
    rf"|(?<!\d)\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH},?\s+((?:19|20)\d\d)(?!\d)"
    rf"|(?<!\w){_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+((?:19|20)\d\d)(?!\d)"
    r"|ngày\s+\d{1,2}\s*(?:[/-]|tháng)\s*\d{1,2}(?:[/-]\d\d)?(?![\d/])",
    re.IGNORECASE,
)


def remove_identities(text: str, names: Iterable[str] = (), numbers: Iterable[str] = (), *, language: str = "vi") -> str:
    """Take known and announced identities out of a text.

    Parameters
    ----------
    names, numbers : iterable of str
        Names and ids of the people of this study, as header and table give them, in any order of their parts.

    language : str
        In `en`, any capitalised word of a name goes; in `vi`, one that is also a syllable (thành, an) needs a title.

    Returns
    -------
    str
        The text, tidied; of a full date the year is left.
    """
    text = clean(text)
    announced_names, announced_numbers = announced(text)
    text = _field().sub("\n", text)
    text = _EMAIL.sub(" ", text)
    for number in sorted({n.strip() for n in (*numbers, *announced_numbers)}, key=len, reverse=True):
        text = _remove_number(text, number)
    text = _DAY.sub(_year, text)
    text = _reference().sub(" ", _LONG_NUMBER.sub(" ", text))
    text = _remove_titled_names(text)
    for name in (*names, *announced_names):
        text = _remove_name(text, name, language)
    return tidy(_mend(text))


def announced(text: str) -> tuple[list[str], list[str]]:
    """The names and numbers that a text's own letterhead announces (`Họ tên: …`, `Mã BN: …`)."""
    fields = [_parted(field) for field in _field().findall(clean(text))]
    kinds = _labels()
    names = [value.strip(" .;") for label, value in fields if kinds.get(label) in ("name", "doctor")]
    return names, [value.strip(" .,;") for label, value in fields if kinds.get(label) == "number"]


def _year(match: re.Match[str]) -> str:
    year = next(filter(None, match.groups()), "")
    return f"năm {year}" if year and match[0].lower().startswith("ngày") else year


def _remove_number(text: str, number: str) -> str:
    core = number.lstrip("0") if number.isdigit() else number
    if len(core) < _SHORTEST_NUMBER:
        return text
    return re.sub(rf"(?<!\w)0*{re.escape(core)}(?!\w)", " ", text, flags=re.IGNORECASE)


def _remove_name(text: str, name: str, language: str) -> str:
    parts = [w for w in _WORD.findall(clean(name)) if normalize(w) not in _not_names()]
    if not parts:
        return text
    lower_only = text == text.lower()
    words = list(_WORD.finditer(text))
    ours = _matches([m.group() for m in words], parts)
    doomed = [False] * len(words)
    for first, last in _runs(text, words, ours):
        n = last - first
        capital = all(m.group()[0].isupper() for m in words[first:last])
        if n >= 3 or (n == 2 and (capital or lower_only)):
            doomed[first:last] = [True] * n
        elif n == 1 and capital:
            doomed[first] = _is_a_person(text, words[first], language)
    pieces, end = [], 0
    for match, gone in zip(words, doomed, strict=True):
        if gone:
            pieces.append(text[end : match.start()])
            end = match.end()
    return "".join([*pieces, text[end:]])


def _matches(words: list[str], parts: list[str]) -> list[bool]:
    """Which words are parts of the name: equal, or equal but for accents where one side was typed without any."""
    exact, folded = {_normal(p) for p in parts}, {_fold(p) for p in parts}
    typed_bare = {_fold(p) for p in parts if p.isascii()}
    return [_normal(w) in exact or _fold(w) in (folded if w.isascii() else typed_bare) for w in words]


def _is_a_person(text: str, word: re.Match[str], language: str) -> bool:
    """Whether one capitalised word of a name stands for the person: after a title, or where it can be no other word."""
    if _after_title(text, word.start()):
        return True
    return len(word.group()) > 2 and (language == "en" or not _SYLLABLE.fullmatch(_fold(word.group())))


def _runs(text: str, words: list[re.Match[str]], ours: list[bool]) -> Iterable[tuple[int, int]]:
    """Stretches (first, last) of words of the name with nothing but spaces, hyphens, commas or ^ between them."""
    first = 0
    while first < len(words):
        if not ours[first]:
            first += 1
            continue
        last = first + 1
        while (
            last < len(words)
            and ours[last]
            and re.fullmatch(r"[\s,^.-]{1,3}", text[words[last - 1].end() : words[last].start()])
        ):
            last += 1
        yield first, last
        first = last


@lru_cache(20_000)
def _normal(word: str) -> str:
    return normalize(word)


@lru_cache(20_000)
def _fold(word: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))
    return bare.replace("đ", "d")


def _after_title(text: str, start: int) -> bool:
    before = normalize(text[max(0, start - 20) : start]).rstrip(" .:")
    return any(before == t or before.endswith((" " + t, "." + t, "," + t)) for t in _data()["titles"])


def _mend(text: str) -> str:
    """Close the gaps that removal leaves."""
    text = re.sub(r"\(\s*[,;:.-]*\s*\)", " ", text)
    text = re.sub(r"[^\S\n]+([,.;:!?)])", r"\1", text)
    text = re.sub(r"[,;:](?=\s*[,;:.)](?!\w))", "", text)
    return re.sub(r"(?m)^[\s,;:.]+(?=\w)", "", text)


@cache
def _data() -> Any:
    return packaged(Path(__file__).with_name("identity_words.yaml"))


@cache
def _not_names() -> set[str]:
    return set(_data()["not_names"])


@cache
def _labels() -> dict[str, str]:
    return {label: kind for kind, labels in _data()["fields"].items() for label in labels}


def _parted(field: str) -> tuple[str, str]:
    label, _, value = field.replace("\uff1a", ":").partition(":")
    return normalize(label.strip("*_ ")), value


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(w).replace(r"\ ", r"[^\S\n]+") for w in sorted(words, key=len, reverse=True))


@cache
def _field() -> re.Pattern[str]:
    """A label, a colon and its value, which ends where the label's kind says or where the next label begins."""
    known = _alternatives([*_labels(), *heading_names()])
    next_label = rf"(?=(?<!\w)(?i:{known})[^\S\n]*[:\uff1a])"
    line_end = r"(?=\n)|\Z"
    ends = {
        "sentence": rf"[^\n;]*?(?:{next_label}|[.;](?=\s|\Z)|{line_end})",
        "line": rf"[^\n]*?(?:{next_label}|{line_end})",
        "word": r"[^\S\n]*[^\s;,]+(?:[^\S\n]+(?:[\d/.:-]+|tuổi)(?!\w))*[.,;]?",
    }
    forms = []
    for end, value in ends.items():
        labels = _alternatives(label for label, kind in _labels().items() if _data()["ends"].get(kind, "sentence") == end)
        forms.append(rf"(?i:{labels})[*_]*[^\S\n]*[:\uff1a](?!//){value}")
    return re.compile(rf"(?<!\w)(?:{'|'.join(forms)})")


@cache
def _reference() -> re.Pattern[str]:
    """A number's label with the number, and no colon between them: `PID 0098765`, `số phiếu XQ-2311`."""
    labels = _alternatives(label for label, kind in _labels().items() if kind == "number")
    return re.compile(rf"(?<!\w)(?i:{labels})[^\S\n]*[#.]?[^\S\n]*(?=[\w./-]*\d{{3}})\w[\w./-]*\w")


def _remove_titled_names(text: str) -> str:
    """Remove whole names that no header gave: after a title, or alone on a line, as under a signature."""
    for title in reversed(list(_title().finditer(text))):
        name = _capitalised(text, title.end())
        if len(name) >= 2 and _is_family_name(name[0].group()):
            text = text[: title.end()] + text[name[-1].end() :]
    lines = [line for line in text.split("\n") if not _is_signature(line)]
    return "\n".join(lines)


def _capitalised(text: str, start: int) -> list[re.Match[str]]:
    """Up to five capitalised words from `start` on, with nothing but spaces between them."""
    words: list[re.Match[str]] = []
    for word in islice(_WORD.finditer(text, start), 5):
        gap = text[words[-1].end() : word.start()] if words else text[start : word.start()]
        if not word.group()[0].isupper() or gap.strip() or "\n" in gap or (gap and not words):
            break
        words.append(word)
    return words


def _is_signature(line: str) -> bool:
    """Whether a line is nothing but a name, or a title whose name is gone."""
    words = _WORD.findall(line)
    if normalize(line).strip(" .:") in _data()["titles"]:
        return True
    named = 2 <= len(words) <= 5 and all(w[0].isupper() for w in words) and _is_family_name(words[0])
    return named and not re.search(r"[^\w\s.-]", line)


def _is_family_name(word: str) -> bool:
    return _fold(word) in _family_names()


@cache
def _title() -> re.Pattern[str]:
    titles = [*_data()["titles"], *_data()["fields"]["name"]]
    return re.compile(rf"(?<!\w)(?i:{_alternatives(titles)})(?!\w)[.:]?[^\S\n]+")


@cache
def _family_names() -> set[str]:
    return {_fold(name) for name in _data()["family_names"]}
