"""Vietnamese that was typed without some of its accents: cues and sides are given theirs back where that is not a guess."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from docphim.language.suspect import vietnamese_words

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

#: Of so many words it is remembered that they have their accents.
_REMEMBERED = 100_000


def accented(text: str, lexicon: Lexicon) -> str:
    """The text with its accents on words of `unaccented` that lack them; as many characters, each in its place.

    Only where the text bears accents otherwise: in "Bóng tim khong to" the bare word is a slip, and there is no other word like
    it.  A text without any accents stays as it is, its words unknown; nothing in it is guessed.

    Examples
    --------
    >>> from docphim.language.lexicon import load_lexicon
    >>> accented("Bóng tim khong to", load_lexicon("vi"))
    'Bóng tim không to'
    """
    bare, whole = _bare(lexicon)
    words = text.split()
    if bare is None or whole.issuperset(words):
        return text
    whole.update(word for word in words[: _REMEMBERED - len(whole)] if not bare.search(word))
    if not bare.search(text) or not vietnamese_words(text):
        return text
    return bare.sub(lambda m: _in_case(lexicon.bare[m[0].lower()], m[0]), text)


def may_lack(word: str, lexicon: Lexicon) -> bool:
    """Whether a word, as it is typed between two blanks, may lack its accents."""
    bare = _bare(lexicon)[0]
    return bare is not None and bare.search(word) is not None


def _in_case(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word.capitalize() if like[0].isupper() else word


@functools.cache
def _bare(lexicon: Lexicon) -> tuple[re.Pattern[str] | None, set[str]]:
    """Words without their accents, and what was met between blanks that is none of them: reports use the same few thousand."""
    words = "|".join(sorted(lexicon.bare))
    return (re.compile(rf"\b(?:{words})\b", re.IGNORECASE) if words else None), set()
