"""One spelling of Vietnamese report text, so that equal words compare equal: the convention under every score."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping

_MARKS = re.compile(r"[\u0300-\u036f]+")
_VOWELS = re.compile(r"[aeiouy]+")
_LETTER_OR_MARK = r"[^\W\d_]|[\u0300-\u036f]"
_TONES = {"a": "àáảãạ", "e": "èéẻẽẹ", "o": "òóỏõọ", "u": "ùúủũụ", "y": "ỳýỷỹỵ"}

#: Pairs whose tone the old spelling writes on the first vowel: hoà → hòa, khoẻ → khỏe, thuỷ → thủy.
_PAIRS = (("o", "a"), ("o", "e"), ("u", "y"))


def _old_places() -> dict[str, str]:
    places = {}
    for first, second in _PAIRS:
        for new, old in zip(_TONES[second], _TONES[first], strict=True):
            for a, b in ((str.lower, str.lower), (str.upper, str.lower), (str.upper, str.upper), (str.lower, str.upper)):
                places[a(first) + b(new)] = a(old) + b(second)
    return places


_OLD_PLACE = _old_places()
# Only where the pair ends the syllable (hoàn, ngoài, khuỷu stay) and not after q, where u belongs to the consonant (quý).
_NEW_PLACE = re.compile(rf"(?<![qQ])(?:{'|'.join(_OLD_PLACE)})(?!{_LETTER_OR_MARK})")
_ETH_AND_INVISIBLE = str.maketrans({"\u00d0": "Đ", "\u00f0": "đ"} | dict.fromkeys("\ufeff\u200b\u200c\u200d\u2060\u00ad"))
_HAS_THEM = re.compile("[\u00d0\u00f0\ufeff\u200b\u200c\u200d\u2060\u00ad]")

#: A picture written as letters (base64), in one run or in lines: no report has such a run, however its words are joined.
_PICTURE = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{1000,}+|(?:[A-Za-z0-9+/]{60,120}+\r?\n){4,}+[A-Za-z0-9+/]*+)={0,2}")
#: Fewer characters hold no picture.
_SMALLEST_PICTURE = 250


def clean(text: str) -> str:
    """NFC, đ for the look-alike ð, no invisible characters; case, spelling and line ends are kept.

    Composing again after invisible characters are gone makes the result the same for every way the text was written.
    """
    text = unicodedata.normalize("NFC", text)
    if _HAS_THEM.search(text):
        text = unicodedata.normalize("NFC", text.translate(_ETH_AND_INVISIBLE))
    return text


def has_picture(text: str) -> bool:
    """Whether a picture written as letters stands in a text."""
    return len(text) >= _SMALLEST_PICTURE and _PICTURE.search(text) is not None


def without_pictures(text: str) -> str:
    """The text with blanks in the place of pictures written as letters, so that what stands behind them keeps its place."""
    return _PICTURE.sub(lambda m: " " * len(m[0]), text) if has_picture(text) else text


def normalize_with_case(text: str) -> str:
    """The convention but for the case: NFC, ð → đ, old-style tone place, one space."""
    text = clean(text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", _NEW_PLACE.sub(lambda m: _OLD_PLACE[m.group()], text))
    return " ".join(text.split())


def normalize(text: str) -> str:
    """The convention under which reports are compared: NFC, ð → đ, lower case, old-style tone place, one space.

    Idempotent, and the same for composed and decomposed input.

    Examples
    --------
    >>> normalize("Bóng  TIM không to, vòm hoành đều, HOÀ")
    'bóng tim không to, vòm hoành đều, hòa'
    """
    # NFC first: lowering a letter whose marks are still apart can give another letter than lowering the whole.
    return normalize_with_case(clean(text).lower())


class Spelling(dict[str, str]):
    """Each token as it is looked up: normalised, then corrected; reports use the same few thousand again and again.

    `syllables`: the words of a language that writes each syllable by itself.  Two of them written as one are given back parted.
    """

    def __init__(self, corrections: Mapping[str, str], syllables: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.corrections, self.syllables = corrections, syllables

    def __missing__(self, token: str) -> str:
        word = normalize(token)
        word = self.corrections.get(word, word)
        if self.syllables and len(token) == len(word) > 4 and word not in self.syllables:
            word = parted(word, self.syllables)
        if len(self) < 200_000:
            self[token] = word
        return word


def unaccented(word: str) -> str:
    """The letters of a word without their marks: "hoành" → "hoanh"; đ stays, and as many letters."""
    return _MARKS.sub("", unicodedata.normalize("NFD", word))


def bare_form(word: str) -> str:
    """A word as it is typed without accents: "đáy" is day."""
    return unaccented(word).replace("đ", "d")


def parted(word: str, syllables: frozenset[str]) -> str:
    """Two syllables that were written as one ("đặcgóc"), with a blank between them; the word itself where that is not plain."""
    longest = _longest(syllables)
    # A picture in a report is a run of thousands of letters: it is not halved at each of them.
    if len(word) > 2 * longest or not word.isalpha():
        return word
    if len(_VOWELS.findall(unaccented(word))) < 2:
        return word
    halves = [(word[:n], word[n:]) for n in range(2, len(word) - 1)]
    known = [f"{first} {second}" for first, second in halves if first in syllables and second in syllables]
    return known[0] if len(known) == 1 else word


@functools.cache
def _longest(syllables: frozenset[str]) -> int:
    """Letters of the longest syllable."""
    return max(map(len, syllables), default=0)
