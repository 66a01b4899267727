"""The longest phrase of a lexicon that begins at a word of a sentence, and what leads from a measure's name to its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

#: Under this key of the tree stand the meanings of the words on the way to it.
END = ""
#: A dash without blanks, as `items.tokenize` writes it: it joins a word, where a free one lists.
HYPHEN = "\u2010"
#: So many characters has a numeral, or its letter.
_NUMERAL = 2
#: Phrases by their first word.
Phrases = Mapping[str, Mapping[tuple[str, ...], str]]
#: No phrase of a measure has more words.
LONGEST = 8
#: Signs of relation, the same in every language; the words for them stand in the lexicons.
SIGNS = {"<": "<", "≤": "≤", ">": ">", "≥": "≥", "~": "~", "≈": "~"}
#: Signs that say nothing between the name of a measure and its number; quotes are those of JSON: `"SUVmax": "7,2"`.
EMPTY = frozenset(":=(\"'“”‘’")


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


class Lead(NamedTuple):
    """What stands before a number: where the number should be, and the phase and relation that were passed."""

    end: int
    phase: str | None = None
    relation: str = "="


def lead_of(words: Sequence[str], i: int, lexicon: Any) -> Lead:
    """What may stand between a measure's name and its number: phases, relations and words that say nothing."""
    phase, relation, known = None, "=", lexicon.measures
    while i < len(words):
        if named := phrase(words, i, known["phases"]):
            i, phase = named
        elif compares := phrase(words, i, known["relations"]):
            i, relation = compares
        elif words[i] in SIGNS:
            relation = SIGNS[words[i]]
            i += 1
            if relation in "<>" and words[i : i + 1] == ["="]:
                relation, i = {"<": "≤", ">": "≥"}[relation], i + 1
        elif words[i] in known["fillers"] or words[i] in EMPTY:
            i += 1
        else:
            break
    return Lead(i, phase, relation)


def names(words: Sequence[str], i: int, lexicon: Any, *kinds: str) -> bool:
    """Whether the phrase that begins at token `i` has a meaning of one of these kinds."""
    meanings = longest(words, i, lexicon.tree)[1]
    return bool(meanings) and not meanings.terms.keys().isdisjoint(kinds)


def phrase(words: Sequence[str], i: int, phrases: Phrases) -> tuple[int, str] | None:
    """The longest of some phrases that begins at token `i`: where it ends, and what it stands for."""
    named = phrases.get(words[i]) if i < len(words) else None
    if named is None:
        return None
    for n in range(LONGEST, 0, -1):
        name = named.get(tuple(words[i : i + n])) if i + n <= len(words) else None
        if name is not None:
            return i + n, name
    return None
