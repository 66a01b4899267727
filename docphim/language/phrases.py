"""The longest phrase of a lexicon's tree of words that begins at a word of a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Under this key of the tree stand the meanings of the words on the way to it.
END = ""
#: A dash without blanks, as `items.tokenize` writes it: it joins a word, where a free one lists.
HYPHEN = "\u2010"
#: So many characters has a numeral, or its letter.
_NUMERAL = 2


def longest(words: Sequence[str], i: int, tree: Mapping[str, Any]) -> tuple[int, Any]:
    """The longest phrase of a lexicon that begins at word `i`: where it ends, and its `Meanings`, or None."""
    node: Mapping[str, Any] | None = tree.get(words[i])
    j, n = i + 1, len(words)
    end, meanings = i, None
    while node is not None:
        if END in node:
            end, meanings = j, node[END]
        if j == n:
            break
        below = node.get(words[j])
        if below is None and words[j] == HYPHEN and j + 1 < n:
            # "ground-glass" is the phrase "ground glass", and "x-quang" is "x - quang"
            below = node.get("-") or node
            j += 1
            below = below.get(words[j])
        node = below
        j += 1
    return end, meanings


def organ_at(words: Sequence[str], i: int, tree: Mapping[str, Any]) -> tuple[int, str]:
    """The organ or place that a phrase at word `i` names, past prepositions and words that say nothing.

    Returns
    -------
    tuple
        Where the phrase ends and its concept; `i` and nothing where something else comes first.
    """
    while i < len(words):
        end, meanings = longest(words, i, tree)
        if meanings is None and len(words[i]) <= _NUMERAL:
            i += 1  # "of the T10 vertebra"
            continue
        terms = meanings.terms if meanings else {}
        if term := terms.get("anatomy") or terms.get("location"):
            return end, term.name or term.says.get("location", "")
        if terms.keys().isdisjoint(("ignored", "of", "side")):
            break
        i = end
    return i, ""
