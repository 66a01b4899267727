"""What counts as a token: syllables for Vietnamese and English, characters for Chinese, after `normalize`."""

from __future__ import annotations

import re

from docphim.errors import UsageError
from docphim.language.normalize import normalize

#: Language → (name in the signature, what one token is).  Punctuation is no token.
TOKENS: dict[str, tuple[str, re.Pattern[str]]] = {
    "vi": ("syllable", re.compile(r"\w+")),
    "en": ("syllable", re.compile(r"\w+")),
    "zh": ("char", re.compile(r"\w")),
}


def tokens(text: str, language: str) -> list[str]:
    """The tokens of a report, normalised first.

    Raises
    ------
    UsageError
        The language is not one of `TOKENS`.
    """
    return _rule(language)[1].findall(normalize(text))


def token_name(language: str) -> str:
    """What a token is called in a signature: `syllable` or `char`."""
    return _rule(language)[0]


def _rule(language: str) -> tuple[str, re.Pattern[str]]:
    if language not in TOKENS:
        raise UsageError(f"language: {language!r} is not one of {', '.join(TOKENS)}")
    return TOKENS[language]
