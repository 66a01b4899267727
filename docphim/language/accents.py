"""Vietnamese that was typed without some of its accents: cues and sides are given theirs back where that is not a guess."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from docphim.language.suspect import vietnamese_words

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon


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
    bare, small = _bare(lexicon), text.lower()
    if bare is None or not any(map(small.__contains__, lexicon.bare)) or not bare.search(text) or not vietnamese_words(text):
        return text
    return bare.sub(lambda m: _in_case(lexicon.bare[m[0].lower()], m[0]), text)


def _in_case(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word.capitalize() if like[0].isupper() else word


@functools.cache
def _bare(lexicon: Lexicon) -> re.Pattern[str] | None:
    words = "|".join(sorted(lexicon.bare))
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE) if words else None
