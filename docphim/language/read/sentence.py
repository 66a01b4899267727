"""Reads a sentence as facts: items → segments → clauses → what holds for each → who lends a place → facts.

Reports say the same sentences again and again, and the same parts between commas.  A part that says the same whatever its
neighbours are is read to clauses once; a sentence with any other part is read as a whole.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from re import Match
from typing import Any, NamedTuple

from docphim.language.fact import Fact
from docphim.language.item import Item
from docphim.language.items import tokenize
from docphim.language.lexicon import Lexicon
from docphim.language.read.alone import heads_list, leans, stands_alone
from docphim.language.read.amounts import Draft
from docphim.language.read.attach import attach
from docphim.language.read.chunk import PLACE, Clause, Place, Scope, Sentence
from docphim.language.read.chunks import chunk
from docphim.language.read.lexer import LONGEST, lex
from docphim.language.read.plan import plan
from docphim.language.read.project import project
from docphim.language.read.scope import scopes
from docphim.language.read.settle import Topic
from docphim.language.read.share import loans
from docphim.language.read.tables import Grammar, load_grammar

#: Where a clause's words stand: tokens of its part, and the characters before that part in the sentence.
Origin = tuple[Sequence[Match[str]], int]
#: Where a fact begins and ends in its sentence, and the fields of `Fact` behind these.
Read = tuple[int, int, tuple[Any, ...]]
_VALUES = attrgetter(*[f.name for f in fields(Fact)][3:])
#: So many scopes and topics in which a clause was met are remembered; so many different facts share their fields.
_REMEMBERED, _SHARED = 200, 50_000
_NOWHERE = Place()
#: A part of more characters is not met twice.
_CHARACTERS = 500
_COMMA = ", "
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
    listed: list[Read] = []
    for items, tokens, drafts in stretches(sentence, lexicon, grammar):
        listed += reads(drafts, [(tokens, 0)] * (len(items) + 1), _sentence(lexicon))  # there are no more clauses than that
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
        origins += [(part.tokens, start)] * len(part.clauses)
        words, last = words + len(part.tokens) + 1, part.last
        start += len(piece) + len(_COMMA)
        before = _FINDING if part.finds or before == _FINDING else _NO_FINDING
    return _read(text, clauses, origins, _sentence(lexicon)) if words <= LONGEST else None


def _read(text: str, clauses: list[Clause], origins: list[Origin], sentence: Sentence) -> list[Read]:
    """The facts of clauses, each of which has its origin."""
    held = scopes(clauses, sentence)
    lent = loans(clauses, held, sentence)
    alone = None if any(lent) else one_by_one(clauses, origins, held, sentence)
    return list(reads(project(clauses, held, lent, sentence), origins, sentence)) if alone is None else alone


@functools.lru_cache(maxsize=10_000)
def read_alone(text: str, before: int, lexicon: Lexicon) -> Part | None:
    """The clauses of a part that says what it says whatever its neighbours are; else None.

    Such a part has a finding or state of its own; it does not begin or end with what may belong to a neighbour's list or
    number.  Of what stands before it its words ask no more than whether there is a comma and a finding (`before`).
    """
    pieces = _cut(text, lexicon)
    if pieces is None:
        return None
    alone = lex(text, lexicon, _BEFORE[before], pieces)[0][0]
    if not alone or leans(alone, lexicon):
        return None
    same = read_alone(text, before - 1, lexicon) if before else None
    if same and same.items == alone:
        return same if before == _FINDING else replace(same, clauses=(_after_comma(same.clauses[0]), *same.clauses[1:]))
    clauses = _attached(list(alone), lexicon)
    if not clauses or not all(clause.at for clause in clauses) or heads_list(clauses[-1], lexicon):
        return None
    if before:
        clauses[0] = _after_comma(clauses[0])
    words, tokens = pieces
    finds = any(item.kind == "finding" for item in alone)
    return Part(tokens, words[0], words[-1], finds, alone, tuple(clauses))


@functools.lru_cache(maxsize=10_000)
def _cut(text: str, lexicon: Lexicon) -> tuple[list[str], list[Match[str]]] | None:
    """The words and tokens of a part that may be read alone, as far as its words say."""
    if len(text) > _CHARACTERS:
        return None
    words, tokens = tokenize(text, lexicon)
    return (words, tokens) if len(words) <= LONGEST and stands_alone(words, lexicon) else None


def _after_comma(clause: Clause) -> Clause:
    """The clause with a comma before it."""
    return replace(clause, links=clause.links | {"comma"}, holds=None, reached=None, plan=None, lends=None)


def _attached(listed: list[Item], lexicon: Lexicon) -> list[Clause]:
    sentence = Sentence(listed, lexicon, load_grammar(lexicon.language))
    return attach(chunk(sentence), sentence)


class Alone(NamedTuple):
    """What a clause says; offsets are within its part.

    Parameters
    ----------
    facts : tuple of Read
    names : frozenset of str
        Its findings: if another clause names one again, the two may speak of one thing.
    topic : Place, optional
        What is spoken of behind it; None: what was spoken of before.
    """

    facts: tuple[Read, ...]
    names: frozenset[str | None]
    topic: Place | None


def one_by_one(
    clauses: Sequence[Clause], origins: Sequence[Origin], held: Sequence[Scope], sentence: Sentence
) -> list[Read] | None:
    """The facts of clauses of which none borrows a place; None where two may speak of one thing: they are read together."""
    listed: list[Read] = []
    names: set[str | None] = set()
    topic = _NOWHERE
    for clause, (tokens, start), scope in zip(clauses, origins, held, strict=True):
        if clause.at is None or (clause.at.kind == "finding" and clause.at.name in names) or _of_before(clause, sentence):
            return None
        known = plan(clause, sentence.lexicon).known
        alone = (
            known.get(scope[:3])
            or known.get((*scope[:3], *_spoken(topic)))
            or _remember(clause, scope, topic, tokens, sentence)
        )
        for begin, end, values in alone.facts:
            listed.append((start + begin, start + end, values))
        names |= alone.names
        topic = alone.topic or topic
    return listed


def _of_before(clause: Clause, sentence: Sentence) -> bool:
    """Whether it is an uptake that names no place: it is in all places of the thing before."""
    bare = not (clause.ahead or clause.behind)
    return bare and clause.at is not None and clause.at.name in sentence.lexicon.evidence


def _remember(clause: Clause, scope: Scope, before: Place, tokens: Sequence[Match[str]], sentence: Sentence) -> Alone:
    """What a clause says, kept by what holds for it, and by what was spoken of before where that was asked for."""
    known, topic = plan(clause, sentence.lexicon).known, Topic(last=before)
    drafts = project([clause], [scope], [None], sentence, topic)
    names = frozenset([clause.at.name if clause.at else None, *[draft.finding for draft in drafts]])
    listed = tuple(reads(drafts, [(tokens, 0)], sentence))
    if len(known) >= _REMEMBERED:
        known.clear()
    key = (*scope[:3], *_spoken(before)) if topic.asked else scope[:3]
    known[key] = alone = Alone(listed, names, None if topic.last is before else topic.last)
    return alone


def _spoken(topic: Place) -> tuple[Any, ...]:
    return topic.anatomy, topic.part, topic.side, topic.locations


def reads(drafts: Sequence[Draft], origins: Sequence[Origin], sentence: Sentence) -> Iterator[Read]:
    """Facts as they are given back; equal ones share their fields."""
    if len(sentence.values) >= _SHARED:
        sentence.values.clear()
    for draft in drafts:
        (first, before), (last, until) = origins[draft.since], origins[draft.until]
        values = _VALUES(draft)
        yield first[draft.begin].start() + before, last[draft.end - 1].end() + until, sentence.values.setdefault(values, values)
