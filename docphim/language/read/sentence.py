"""Reads a sentence as facts: items → segments → clauses → what holds for each → who lends a place → facts.

Reports say the same sentences again and again, and the same parts between commas.  A part that says the same whatever its
neighbours are is read to clauses once; a sentence with any other part is read as a whole.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from re import Match
from typing import Any

from docphim.language.fact import Fact
from docphim.language.item import Item
from docphim.language.items import tokenize
from docphim.language.lexicon import Lexicon
from docphim.language.measures import of_uptake
from docphim.language.numbers import is_number, is_numeral, level
from docphim.language.read.amounts import Draft
from docphim.language.read.attach import attach
from docphim.language.read.chunk import JOINING, PLACE, Clause, Sentence
from docphim.language.read.chunks import chunk
from docphim.language.read.lexer import LONGEST, lex
from docphim.language.read.project import project
from docphim.language.read.scope import scopes
from docphim.language.read.share import loans
from docphim.language.read.tables import Grammar, load_grammar

#: The words of a fact, where they begin and end in their sentence, and the fields of `Fact` after these.
Read = tuple[str, int, int, tuple[Any, ...]]
_VALUES = attrgetter(*[f.name for f in fields(Fact)][3:])
#: A part of more characters is not met twice.
_CHARACTERS = 500
_COMMA = ", "
#: Kinds of item by which a part is read together with its neighbours.
_TIED = frozenset(("comma", "colon", "end", "advice", "shown"))
#: Signs of brackets, questions and check boxes.
_PAIRED = frozenset("()[]?☐□☒☑")
#: Numbered places whose kind their neighbours decide.
_NUMBERED = frozenset(("", "station", "level"))
_LAST = Item("comma", ",", -1, 0)
#: What stands before a part, as far as its words ask: nothing, a comma, a finding and a comma.
_BEFORE: tuple[tuple[Item, ...], ...] = ((), (_LAST,), (Item("finding", "nodule", -2, -1), _LAST))
_NOTHING, _NO_FINDING, _FINDING = range(3)


@functools.lru_cache(maxsize=50_000)
def read_sentence(sentence: str, lexicon: Lexicon) -> tuple[Read, ...]:
    """The facts of a sentence; offsets are within it.  Reports say the same sentences again and again."""
    together = by_parts(sentence, lexicon)
    return tuple(facts_by(sentence, lexicon, load_grammar(lexicon.language)) if together is None else together)


@functools.lru_cache(maxsize=10_000)
def only_where(text: str, lexicon: Lexicon) -> bool:
    """Whether words name an organ and nothing else: what stands before the colon of "Phổi trái: …"."""
    listed = lex(text, lexicon)[0][0] if text else []
    return any(item.kind == "anatomy" for item in listed) and all(item.kind in PLACE for item in listed)


def facts_by(sentence: str, lexicon: Lexicon, grammar: Grammar) -> list[Read]:
    """The facts of a sentence, read by these tables."""
    listed = []
    for _, tokens, drafts in stretches(sentence, lexicon, grammar):
        for draft in drafts:
            begin, end = tokens[draft.begin].start(), tokens[draft.end - 1].end()
            listed.append((sentence[begin:end], begin, end, _VALUES(draft)))
    return listed


def stretches(
    text: str, lexicon: Lexicon, grammar: Grammar
) -> Iterator[tuple[Sequence[Item], Sequence[Match[str]], list[Draft]]]:
    """Items, tokens, and facts with the rules that made them; of all but the longest sentences there is one stretch."""
    for items, tokens in lex(text, lexicon):
        sentence = Sentence(items, lexicon, grammar)
        clauses = attach(chunk(sentence), sentence)
        held = scopes(clauses, sentence)
        yield items, tokens, project(clauses, held, loans(clauses, held, sentence), sentence)


@functools.cache
def _sentence(lexicon: Lexicon) -> Sentence:
    """What every sentence's clauses are read with, and what was settled before."""
    return Sentence([], lexicon, load_grammar(lexicon.language))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a clause's words stand: tokens of its part, and the characters before that in the sentence."""

    tokens: Sequence[Match[str]]
    start: int

    def first(self, n: int) -> int:
        """Where token `n` begins in the sentence."""
        return self.start + self.tokens[n].start()

    def last(self, n: int) -> int:
        """Where the token before token `n` ends in the sentence."""
        return self.start + self.tokens[n - 1].end()


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two commas: tokens, first and last word, whether it names a finding, items and clauses."""

    tokens: Sequence[Match[str]]
    first: str
    last: str
    finds: bool
    items: list[Item]
    clauses: tuple[Clause, ...]


def by_parts(text: str, lexicon: Lexicon) -> list[Read] | None:
    """The facts of a sentence from the clauses of its parts; None if one of them is not read alone."""
    clauses: list[Clause] = []
    origins: list[Origin] = []
    start, words, last, before = 0, 0, "", _NOTHING
    for piece in text.split(_COMMA):
        part = read_alone(piece, before, lexicon)
        if part is None or (last, part.first) in lexicon.across:
            return None
        clauses += part.clauses
        origins += [Origin(part.tokens, start)] * len(part.clauses)
        words, last = words + len(part.tokens) + 1, part.last
        start += len(piece) + len(_COMMA)
        before = _FINDING if part.finds or before == _FINDING else _NO_FINDING
    return _read(text, clauses, origins, _sentence(lexicon)) if words <= LONGEST else None


def _read(text: str, clauses: list[Clause], origins: list[Origin], sentence: Sentence) -> list[Read]:
    """The facts of clauses, each of which has its origin."""
    listed = []
    held = scopes(clauses, sentence)
    for draft in project(clauses, held, loans(clauses, held, sentence), sentence):
        begin, end = origins[draft.since].first(draft.begin), origins[draft.until].last(draft.end)
        listed.append((text[begin:end], begin, end, _VALUES(draft)))
    return listed


@functools.lru_cache(maxsize=10_000)
def read_alone(text: str, before: int, lexicon: Lexicon) -> Part | None:
    """The clauses of a part that says what it says whatever its neighbours are; else None.

    Such a part has a finding or state of its own; it does not begin or end with what may belong to a neighbour's list or
    number.  Of what stands before it its words ask no more than whether there is a comma and a finding (`before`).
    """
    if len(text) > _CHARACTERS:
        return None
    words, tokens = tokenize(text, lexicon)
    if not _stands_alone(words, lexicon):
        return None
    alone = lex(text, lexicon, _BEFORE[before])[0][0]
    if before == _FINDING and (plain := read_alone(text, _NO_FINDING, lexicon)) and plain.items == alone:
        return plain
    if not alone or alone[0].kind in JOINING or any(_tied(item, lexicon) for item in alone) or _of_nodes(alone, lexicon):
        return None
    clauses = _attached(list(alone), lexicon)
    if not clauses or not all(clause.at for clause in clauses) or _heads_list(clauses[-1], lexicon):
        return None
    if before:
        clauses[0].links |= {"comma"}
    finds = any(item.kind == "finding" for item in alone)
    return Part(tokens, words[0], words[-1], finds, alone, tuple(clauses))


def _stands_alone(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Whether a part's words do not lean on a neighbour by themselves: brackets, numerals at its ends, levels, an uptake.

    What an uptake is called holds for bare numbers and comparisons behind the next commas; nodes make levels of numerals.
    """
    if not words or len(words) > LONGEST or not words[0].isalpha() or is_numeral(words[0]):
        return False
    if not (words[-1].isalnum() or is_number(words[-1])) or not _PAIRED.isdisjoint(words):
        return False
    return not any(level(words, n) for n in range(len(words))) and not of_uptake(words, lexicon)


def _attached(listed: list[Item], lexicon: Lexicon) -> list[Clause]:
    sentence = Sentence(listed, lexicon, load_grammar(lexicon.language))
    return attach(chunk(sentence), sentence)


def _heads_list(clause: Clause, lexicon: Lexicon) -> bool:
    """Whether a state before its anatomy may belong to a noun behind the comma: "no enlarged mediastinal, hilar nodes"."""
    if lexicon.modifiers_after or clause.at is None or clause.at.kind != "state":
        return False
    return clause.items[-1].kind in ("anatomy", "location") or not clause.has("anatomy")


def _tied(item: Item, lexicon: Lexicon) -> bool:
    """Whether how the clauses are cut may depend on what stands behind the next or before the last comma."""
    if item.kind == "ratio":
        return not item.name  # its number, or a word for it, may stand behind the comma
    after = item.kind == "negation" and item.name == "after"
    beside = item.kind == "descriptor" and item.name in lexicon.sides  # the side spoken of before the comma
    return after or beside or item.kind in _TIED or (item.kind in ("anatomy", "location") and item.name in _NUMBERED)


def _of_nodes(listed: Sequence[Item], lexicon: Lexicon) -> bool:
    """Whether what stands beyond the comma may say more of nodes: "…, in the lymph nodes", "hạch trung thất, …"."""
    of = any(item.kind == "of" for item in listed) or (lexicon.modifiers_after and listed[-1].kind in PLACE)
    return of and any(item.name in lexicon.with_states for item in listed)
