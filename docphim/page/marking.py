"""What a reader marks on the page: the sentences of a draft and where they stand, and the key that a draft is known by."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from docphim.language.normalize import clean
from docphim.language.sections import sentences
from docphim.page.diff import LONGEST

#: Characters that show what follows them from right to left, and so another report than was written; the page shows none.
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Sentence:
    """One sentence of a draft; `start` and `end` are offsets into the clean draft, as a fact's are."""

    text: str
    start: int
    end: int

    @property
    def altered(self) -> bool:
        """Whether HTML would hand the text to the script otherwise than it is."""
        return "\r" in self.text or "\0" in self.text or bool(BIDI.search(self.text))


def marked(draft: str) -> list[Sentence]:
    """The sentences to mark, of as much of the draft as the page shows."""
    text, at, pieces = clean(draft)[:LONGEST], 0, []
    for sentence in sentences(text):
        start = text.index(sentence, at)
        at = start + len(sentence)
        pieces.append(Sentence(sentence, start, at))
    return pieces


def digest(draft: str) -> str:
    """SHA-256 of the draft as the model wrote it, in hexadecimal."""
    return hashlib.sha256(draft.encode("utf-8", "surrogatepass")).hexdigest()
