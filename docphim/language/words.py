"""Vietnamese words of several syllables, as underthesea cuts them: a second opinion beside syllables (the `[vi]` extra)."""

from __future__ import annotations

import re
from importlib.metadata import version

from docphim.errors import UsageError
from docphim.language.normalize import normalize_with_case
from docphim.language.tokens import Rule

_SYLLABLES = re.compile(r"\w+")
#: No word is so long, and the segmenter's time on one grows with its square: it is one token as it stands.
_RUN = re.compile(r"(\S{200,})")


def words(language: str) -> Rule:
    """Words of normalised text, lower case, syllables joined by `_`, punctuation dropped.

    The segmenter is shown a whole line in its own case: capitals tell it where names are.

    Raises
    ------
    UsageError
        The language is not Vietnamese, or underthesea is not installed.
    """
    if language != "vi":
        raise UsageError(f"--tokens word: is for vi, not for {language}")
    try:
        from underthesea import word_tokenize
    except ImportError:
        raise UsageError("--tokens word needs underthesea: pip install 'docphim[vi]'") from None

    def cut(line: str) -> list[str]:
        cut_words = []
        for i, part in enumerate(_RUN.split(normalize_with_case(line))):
            parts = [part] if i % 2 else word_tokenize(part, use_token_normalize=False)  # our spelling stays
            cut_words += ["_".join(syllables) for word in parts if (syllables := _SYLLABLES.findall(word.lower()))]
        return cut_words

    name = f"word-underthesea-{version('underthesea')}"
    return Rule({"norm": "nfc+tone-old", "case": "lower", "tok": name, "punct": "drop"}, cut, str.splitlines)
