"""Vietnamese that was typed without its accents: words are given theirs back where that is not a guess."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from docphim.language.restore import in_case, lacks_accents, restored
from docphim.language.suspect import vietnamese_words

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

#: Of so many words it is remembered that they have their accents.
_REMEMBERED = 100_000


def accented(text: str, lexicon: Lexicon) -> str:
    """The text with its accents on words that lack them; as many characters, each in its place.

    Words of `unaccented` where the text bears accents otherwise: in "Bóng tim khong to" the bare word is a slip, and there is
    no other word like it.  And whole stretches that the lexicon leaves one way to read
    (`restored`); what may be two words stays.

    Examples
    --------
    >>> from docphim.language.lexicon import load_lexicon
    >>> accented("Bóng tim khong to, tran dich mang phoi", load_lexicon("vi"))
    'Bóng tim không to, tràn dịch màng phổi'
    """
    bare, whole = _bare(lexicon)
    words = text.split()
    if bare is None or whole.issuperset(words):
        return text
    lacking = [word for word in dict.fromkeys(words) if word not in whole and lacks_accents(word, lexicon)]
    whole.update(set(words[: _REMEMBERED - len(whole)]).difference(lacking))
    if not lacking:
        return text
    made = restored(text, lexicon)
    if vietnamese_words(text):
        made = bare.sub(lambda m: in_case(lexicon.bare[m[0].lower()], m[0]), made)
    return made


def may_lack(word: str, lexicon: Lexicon) -> bool:
    """Whether a word, as it is typed between two blanks, may lack its accents."""
    return _bare(lexicon)[0] is not None and lacks_accents(word, lexicon)


@functools.cache
def _bare(lexicon: Lexicon) -> tuple[re.Pattern[str] | None, set[str]]:
    """Words without their accents, and what was met between blanks that is none of them: reports use the same few thousand."""
    words = "|".join(sorted(lexicon.bare))
    return (re.compile(rf"\b(?:{words})\b", re.IGNORECASE) if words else None), set()
