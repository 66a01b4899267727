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

Kind = Literal["same", "moved", "differ", "turn", "between"]
#: A report longer than this is shortened: nobody reads it on a page, and the page has a size to keep.
LONGEST = 6000
#: So many differing tokens in a row are still a changed word, not another sentence.
TURNING_RUN = 3
#: So many tokens that stand in both texts, in another order, were moved; fewer may agree by chance.
MOVED_RUN = 4
#: Of a run that the draft repeats, only so many places are tried.
SEARCHED = 20


@dataclass(frozen=True)
class Piece:
    """A run of text: words in both texts (`moved`: in another place), in this one only (`turn`: one that turns the meaning).

    What lies between words is `between`.
    """

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
    moved = _moved([t for t, _, _ in left], [t for t, _, _ in right], in_left, in_right)
    reference_pieces = _pieces(first, left, _kinds([t for t, _, _ in left], in_left, moved[0], words))
    draft_pieces = _pieces(second, right, _kinds([t for t, _, _ in right], in_right, moved[1], words))
    return Comparison(reference_pieces, draft_pieces, score, clipped)


@functools.lru_cache(maxsize=4096)
def _folded(word: str, language: str) -> str:
    return "".join(tokens(word, language))


def _located(text: str, language: str) -> list[tuple[str, int, int]]:
    """(normalised token, start, end) of every token of the text as written."""
    pattern: re.Pattern[str] = TOKENS[language][1]
    return [(_folded(m.group(), language), m.start(), m.end()) for m in pattern.finditer(text)]


def _moved(left: list[str], right: list[str], in_left: set[int], in_right: set[int]) -> tuple[set[int], set[int]]:
    """Places of runs that both texts hold outside their common subsequence, the longest match for each start."""
    starts: dict[tuple[str, ...], list[int]] = {}
    for j in range(len(right) - MOVED_RUN + 1):
        starts.setdefault(tuple(right[j : j + MOVED_RUN]), []).append(j)
    from_left: set[int] = set()
    to_right: set[int] = set()
    i = 0
    while i < len(left):
        places = starts.get(tuple(left[i : i + MOVED_RUN]), [])[:SEARCHED]
        lengths = [_run(left, right, i, j, in_left, in_right | to_right) for j in places]
        longest = max(lengths, default=0)
        if longest >= MOVED_RUN:
            j = places[lengths.index(longest)]
            from_left |= set(range(i, i + longest))
            to_right |= set(range(j, j + longest))
        i += longest if longest >= MOVED_RUN else 1
    return from_left, to_right


def _run(left: list[str], right: list[str], i: int, j: int, in_left: set[int], taken: set[int]) -> int:
    """How many tokens from i and j on are equal and matched to no other."""
    length = 0
    while i < len(left) and j < len(right) and left[i] == right[j] and i not in in_left and j not in taken:
        i, j, length = i + 1, j + 1, length + 1
    return length


def _agreed(place: int, shared: set[int], moved: set[int]) -> Kind | None:
    return "same" if place in shared else "moved" if place in moved else None


def _kinds(tokens: list[str], shared: set[int], moved: set[int], words: frozenset[str]) -> list[Kind]:
    """The kind of every token; a turning word counts as one only amid agreement, not in a passage that is missing whole."""
    kinds: list[Kind] = []
    for agreed, run in groupby(range(len(tokens)), key=lambda i: _agreed(i, shared, moved)):
        places = list(run)
        turns = len(places) <= TURNING_RUN
        kinds += [agreed or ("turn" if turns and tokens[i] in words else "differ") for i in places]
    return kinds


def _pieces(text: str, located: list[tuple[str, int, int]], kinds: list[Kind]) -> list[Piece]:
    """Cut the text at its tokens and join neighbours of one kind, with the spaces and stops between them."""
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
