"""Where a draft and its reference agree: the longest common subsequence of their tokens, laid back onto the written text."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from rapidfuzz.distance import LCSseq

from docphim.language.normalize import clean
from docphim.language.tokens import TOKENS, tokens
from docphim.page.words import turning

Kind = Literal["same", "differ", "turn", "between"]
#: A report longer than this is shortened: nobody reads it on a page, and the page has a size to keep.
LONGEST = 6000
#: So many differing tokens in a row are still a changed word, not another sentence.
TURNING_RUN = 3


@dataclass(frozen=True)
class Piece:
    """A run of text: words in both texts, words in this one only (`turn`: one that turns the meaning), or what lies between."""

    text: str
    kind: Kind


@dataclass(frozen=True)
class Comparison:
    """Both texts in pieces; `score` is their ROUGE-L F1 (0 … 100); `clipped` counts characters not shown."""

    reference: list[Piece]
    draft: list[Piece]
    score: float
    clipped: tuple[int, int] = (0, 0)


def compare(reference: str, draft: str, language: str) -> Comparison:
    """Mark in both texts which tokens the other has too, in the same order (Lin 2004, ROUGE-L)."""
    first, second = (clean(text).strip() for text in (reference, draft))
    clipped = (max(0, len(first) - LONGEST), max(0, len(second) - LONGEST))
    first, second = first[:LONGEST], second[:LONGEST]
    left, right = _located(first, language), _located(second, language)
    blocks = LCSseq.editops([t for t, _, _ in left], [t for t, _, _ in right]).as_matching_blocks()
    in_left = {block.a + i for block in blocks for i in range(block.size)}
    in_right = {block.b + i for block in blocks for i in range(block.size)}
    score = 200.0 * len(in_left) / max(len(left) + len(right), 1)
    words = turning(language)
    return Comparison(_pieces(first, left, in_left, words), _pieces(second, right, in_right, words), score, clipped)


@functools.lru_cache(maxsize=4096)
def _folded(word: str, language: str) -> str:
    return "".join(tokens(word, language))


def _located(text: str, language: str) -> list[tuple[str, int, int]]:
    """(normalised token, start, end) of every token of the text as written."""
    pattern: re.Pattern[str] = TOKENS[language][1]
    return [(_folded(m.group(), language), m.start(), m.end()) for m in pattern.finditer(text)]


def _kinds(found: list[str], shared: set[int], words: frozenset[str]) -> list[Kind]:
    """The kind of every token; a turning word counts as one only amid agreement, not in a passage that is missing whole."""
    kinds: list[Kind] = []
    for same, run in groupby(range(len(found)), key=lambda i: i in shared):
        places = list(run)
        turns = not same and len(places) <= TURNING_RUN
        kinds += ["same" if same else "turn" if turns and found[i] in words else "differ" for i in places]
    return kinds


def _pieces(text: str, located: list[tuple[str, int, int]], shared: set[int], words: frozenset[str]) -> list[Piece]:
    """Cut the text at its tokens and join neighbours of one kind, with the spaces and stops between them."""
    kinds = _kinds([token for token, _, _ in located], shared, words)
    runs: list[tuple[Kind, int, int]] = []
    for kind, (_, start, end) in zip(kinds, located, strict=True):
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1], end)
        else:
            runs.append((kind, start, end))
    edges: list[tuple[Kind, int, int]] = [("between", 0, 0), *runs, ("between", len(text), len(text))]
    pieces: list[Piece] = []
    for (_, _, end), (kind, start, stop) in pairwise(edges):
        pieces += [Piece(text[end:start], "between"), Piece(text[start:stop], kind)]
    return [piece for piece in pieces if piece.text]
