"""Lower case and letters without accents, each as long as the text it is of, so that a place in one is a place in the other."""

from __future__ import annotations

import unicodedata


class _Letters(dict[int, str]):
    """Each letter in lower case without its accents; always one letter, so that places in both texts are the same."""

    def __missing__(self, code: int) -> str:
        base = unicodedata.normalize("NFD", chr(code).lower())[:1].replace("đ", "d")
        self[code] = base if len(base) == 1 else chr(code)
        return self[code]


_BARE = _Letters()


def folded(text: str) -> str:
    """Lower case without accents, letter by letter.

    >>> folded("Nguyễn THỊ Đào")
    'nguyen thi dao'
    """
    return text.translate(_BARE)


def lowered(text: str) -> str:
    """Lower case, letter by letter: what would become two letters stays."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
