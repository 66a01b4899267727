"""The clauses of a sentence, put together of the parts between its commas: reports say the same parts again and again."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from re import Match

from docphim.language.clauses import clauses, look_ahead
from docphim.language.grammar import JOINING, Clause, Item
from docphim.language.items import items, tokenize
from docphim.language.lexicon import Lexicon
from docphim.language.numbers import is_numeral

#: No sentence has more words; what has is cut here, so that a text without stops stays linear.
LONGEST = 400
#: A part of more characters is not met twice.
_CHARACTERS = 500
_COMMA = ", "
#: Kinds of item by which a part is read together with its neighbours.
_TIED = frozenset(("comma", "colon", "end", "advice", "shown", "ratio", "of"))
_BRACKETS = frozenset("()[]?")
_PLACES = frozenset(("anatomy", "location"))
#: What may stand before a part that is not the first.
_BEFORE = ((), (Item("comma", ",", -1, 0),), (Item("finding", "nodule", -2, -1), Item("comma", ",", -1, 0)))


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two commas and is cut into the same clauses wherever it stands."""

    words: int
    first: str
    last: str
    clauses: tuple[Clause, ...]


def by_commas(sentence: str, lexicon: Lexicon) -> Iterator[list[Clause]]:
    """The clauses of a sentence: those of its parts if each is read alone, else those of the whole."""
    known = _together(sentence, lexicon)
    if known:
        yield known
    else:
        yield from as_a_whole(sentence, lexicon)


def as_a_whole(sentence: str, lexicon: Lexicon) -> Iterator[list[Clause]]:
    """The clauses of a sentence from all of its words; of one that is too long, those of each stretch of `LONGEST` words."""
    words, tokens = tokenize(sentence, lexicon)
    for first in range(0, len(words), LONGEST):
        yield _located(clauses(items(words[first : first + LONGEST], lexicon), lexicon), tokens[first : first + LONGEST])


def _together(sentence: str, lexicon: Lexicon) -> list[Clause]:
    """The clauses of a sentence from those of its parts; none if one of them is not read alone."""
    joined: list[Clause] = []
    begin, words, last = 0, 0, ""
    for text in sentence.split(_COMMA):
        part = read_alone(text, lexicon)
        if part is None or (last, part.first) in lexicon.across:
            return []
        words, last = words + part.words + 1, part.last
        link = "comma" if begin else ""
        for c in part.clauses:
            joined.append(
                Clause(c.items, c.at, link or c.link, False, False, c.kinds, c.predicate, begin + c.begin, begin + c.end)
            )
            link = ""
        begin += len(text) + len(_COMMA)
    if words > LONGEST:
        return []
    look_ahead(joined)
    return joined


@functools.lru_cache(maxsize=20_000)
def read_alone(text: str, lexicon: Lexicon) -> Part | None:
    """The clauses of a part that says what it says whatever stands before and behind the commas around it; else None.

    Such a part has a finding or state of its own; it does not begin or end with what may belong to a neighbour's list or
    number; and its words mean the same at a sentence's start, after a comma, and after a finding and a comma.
    """
    if len(text) > _CHARACTERS:
        return None
    words, tokens = tokenize(text, lexicon)
    if not words or len(words) > LONGEST or not words[-1].isalnum() or not _BRACKETS.isdisjoint(words):
        return None
    if not words[0].isalpha() or is_numeral(words[0]):
        return None
    alone = items(words, lexicon)
    if not alone or alone[0].kind in JOINING or any(_tied(item) for item in alone):
        return None
    if any(items(words, lexicon, before)[len(before) :] != alone for before in _BEFORE[1:]):
        return None
    cut = _located(clauses(alone, lexicon), tokens)
    if not all(clause.predicate for clause in cut) or _heads_list(cut[-1], lexicon):
        return None
    return Part(len(words), words[0], words[-1], tuple(cut))


def _heads_list(clause: Clause, lexicon: Lexicon) -> bool:
    """Whether a state before its anatomy may belong to a noun behind the comma: "no enlarged mediastinal, hilar nodes"."""
    stated = clause.predicate is not None and clause.predicate.kind == "state"
    return not lexicon.modifiers_after and stated and (clause.items[-1].kind in _PLACES or not clause.has("anatomy"))


def _tied(item: Item) -> bool:
    """Whether how the clauses are cut may depend on what stands behind the next or before the last comma."""
    after = item.kind == "negation" and item.name == "after"
    # a finding before "… in the mediastinal lymph nodes" makes the nodes a place
    return after or item.kind in _TIED or (item.kind in _PLACES and not item.name)


def _located(cut: list[Clause], tokens: Sequence[Match[str]]) -> list[Clause]:
    """The same clauses, with the characters that they span."""
    for clause in cut:
        if clause.items:
            clause.begin = tokens[clause.items[0].start].start()
            last = max([i.end for i in clause.items if i.kind not in JOINING], default=0)
            clause.end = tokens[last - 1].end() if last else 0
    return cut
