"""What counts as a token: syllables for Vietnamese and English, characters for Chinese, after `normalize`; or another rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from docphim.errors import UsageError
from docphim.language.normalize import normalize

#: Language → (name in the signature, what one token is).  Punctuation is no token.
TOKENS: dict[str, tuple[str, re.Pattern[str]]] = {
    "vi": ("syllable", re.compile(r"\w+")),
    "en": ("syllable", re.compile(r"\w+")),
    "zh": ("char", re.compile(r"\w")),
}

#: Name → function of the language that gives the `Rule`: Docphim's own, words of a segmenter, and those of other tools.
RULES: dict[str, str] = {
    "syllable": "docphim.language.tokens:syllables",
    "word": "docphim.language.words:words",
    "rouge-score": "docphim.language.foreign_tokens:rouge_score",
    "rouge-score-stemmer": "docphim.language.foreign_tokens:rouge_score_stemmer",
    "13a": "docphim.language.foreign_tokens:mteval_13a",
    "chrf": "docphim.language.foreign_tokens:chrf",
    "whitespace": "docphim.language.foreign_tokens:whitespace",
    "blank": "docphim.language.foreign_tokens:blank",
}


@dataclass(frozen=True)
class Rule:
    """How a text becomes tokens, and the fields by which a signature says so.

    `units` divides a text into parts that no token looks past, and `cut` gives a part's tokens: an equal part is cut once.
    """

    signed: Mapping[str, str]
    cut: Callable[[str], Sequence[str]]
    units: Callable[[str], Sequence[str]] = str.split


def rule(name: str, language: str) -> Rule:
    """The rule of that name in `RULES`.

    Raises
    ------
    UsageError
        There is no such rule, it does not cut this language, or the package it needs is not installed.
    """
    if name not in RULES:
        raise UsageError(f"tokens: {name!r} is not one of {', '.join(RULES)}")
    module, _, function = RULES[name].partition(":")
    made: Rule = getattr(import_module(module), function)(language)
    return made


def syllables(language: str) -> Rule:
    """Docphim's own rule: syllables, or characters for Chinese, of normalised text."""
    signed = {"norm": "nfc+tone-old", "case": "lower", "tok": token_name(language), "punct": "drop"}
    return Rule(signed, lambda word: tokens(word, language))


def tokens(text: str, language: str) -> list[str]:
    """The tokens of a report, normalised first.

    Raises
    ------
    UsageError
        The language is not one of `TOKENS`.
    """
    return _of(language)[1].findall(normalize(text))


def token_name(language: str) -> str:
    """What a token is called in a signature: `syllable` or `char`."""
    return _of(language)[0]


def _of(language: str) -> tuple[str, re.Pattern[str]]:
    if language not in TOKENS:
        raise UsageError(f"language: {language!r} is not one of {', '.join(TOKENS)}")
    return TOKENS[language]
