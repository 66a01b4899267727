"""Reads a sentence as facts: items → segments → clauses → what holds for each → who lends a place → facts.

Reports say the same sentences again and again, and the same parts between commas.  A part that says the same whatever its
neighbours are is read to clauses once; a sentence with any other part is read as a whole.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from re import Match
from typing import Any, NamedTuple

from docphim.language.fact import Fact
from docphim.language.item import Item
from docphim.language.items import tokenize
from docphim.language.lexicon import Lexicon
from docphim.language.measures import measured
from docphim.language.read.alone import heads_list, leans, lists, stands_alone
from docphim.language.read.amounts import Draft
from docphim.language.read.attach import attach
from docphim.language.read.chunk import PLACE, Clause, Place, Scope, Sentence
from docphim.language.read.chunks import chunk
from docphim.language.read.lexer import LONGEST, Pieces, lex, lists_nodes, looked_up, sifted
from docphim.language.read.project import project
from docphim.language.read.scope import held_apart, scopes
from docphim.language.read.settle import Topic
from docphim.language.read.share import loans, may_lend
from docphim.language.read.tables import Grammar, load_grammar
from docphim.language.referral import as_known, is_referral, may_ask

#: Where a clause's words stand: tokens of its part, and the characters before that part in the sentence.
Origin = tuple[Sequence[Match[str]], int]
#: Where a fact begins and ends in its part, and the fields of `Fact` behind these.
Read = tuple[int, int, tuple[Any, ...]]
#: Where a part of a sentence begins, and its facts.
Span = tuple[int, tuple[Read, ...]]
_VALUES = attrgetter(*[f.name for f in fields(Fact)][3:])
#: So many scopes and topics in which a clause was met are remembered; so many different facts share their fields.
_REMEMBERED, _SHARED = 200, 50_000
#: A part of more characters is not met twice.
_CHARACTERS = 500
_COMMA = ", "
_LAST = Item("comma", ",", -1, 0)
#: What stands before a part, as far as its words ask: nothing, a comma, a finding and a comma.
_BEFORE: tuple[tuple[Item, ...], ...] = ((), (_LAST,), (Item("finding", "nodule", -2, -1), _LAST))
_NOTHING, _NO_FINDING, _FINDING = range(3)


def read_once(sentence: str, lexicon: Lexicon) -> tuple[Span, ...]:
    """The facts of a sentence by its parts, for who keeps them."""
    together = by_parts(sentence, lexicon)
    spans = ((0, tuple(facts_by(sentence, lexicon, load_grammar(lexicon.language)))),) if together is None else together
    if may_ask(sentence) and is_referral(values for _, listed in spans for *_, values in listed):
        return tuple([(start, tuple([(a, b, as_known(values)) for a, b, values in listed])) for start, listed in spans])
    return spans


@functools.lru_cache(maxsize=50_000)
def read_sentence(sentence: str, lexicon: Lexicon) -> tuple[Span, ...]:
    """The facts of a sentence by its parts.  Reports say the same sentences again and again."""
    return read_once(sentence, lexicon)


@functools.lru_cache(maxsize=10_000)
def only_where(text: str, lexicon: Lexicon) -> bool:
    """Whether words name an organ, or nodes, and nothing else: what stands before the colon of "Phổi trái: …"."""
    listed = lex(text, lexicon)[0][0] if text else []
    nodes = bool(listed) and listed[0].name in lexicon.with_states
    if not (nodes or any(item.kind == "anatomy" for item in listed)):
        return False
    return all(item.kind in PLACE or (nodes and item.name in (listed[0].name, *lexicon.evidence)) for item in listed)


def facts_by(sentence: str, lexicon: Lexicon, grammar: Grammar) -> list[Read]:
    """The facts of a sentence, read by these tables; offsets are within it."""
    listed: list[Read] = []
    for items, tokens, drafts in stretches(sentence, lexicon, grammar):
        listed += of_stretch(items, tokens, drafts, lexicon)
    return listed


def of_stretch(
    items: Sequence[Item], tokens: Sequence[Match[str]], drafts: Sequence[Draft], lexicon: Lexicon
) -> Iterator[Read]:
    """The facts of one of `stretches`."""
    return reads(drafts, [(tokens, 0)] * (len(items) + 1), _sentence(lexicon))  # there are no more clauses than that


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


class Alone(NamedTuple):
    """What a part says, where no other speaks of the same thing.

    Parameters
    ----------
    facts : tuple of Read
    again : frozenset of str
        Findings that it names: if a part before names one of them, the two may speak of one thing.
    names : frozenset of str
        What it names or is about altogether.
    topic : (Place, tuple), optional
        What is spoken of behind it, and its fields; None: what was spoken of before.
    beside : bool
        Its first finding may be where the thing before is.
    """

    facts: tuple[Read, ...]
    again: frozenset[str]
    names: frozenset[str | None]
    topic: tuple[Place, tuple[Any, ...]] | None
    beside: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two commas.

    Parameters
    ----------
    tokens, first, last, items, clauses
        Its tokens, its first and last word, its items and clauses.
    looked_up : list of Item
        Its items as they were before they were sifted.
    finds, lists, listed : bool
        It names a finding; it ends in a list of where nodes are, which may go on behind it; it may go on with such a list.
    held : tuple of Scope, optional
        What holds for each clause, where nothing holds on behind it and no cue reaches back.
    lends : bool
        One of its clauses may take over a place.
    known : dict
        What it was read to say, by what held for it and what was spoken of before, as far as that was asked for.
    """

    tokens: Sequence[Match[str]]
    first: str
    last: str
    finds: bool
    lists: bool
    listed: bool
    looked_up: list[Item]
    items: list[Item]
    clauses: tuple[Clause, ...]
    held: tuple[Scope, ...] | None
    lends: bool
    known: dict[Any, Alone] = field(default_factory=dict)


def by_parts(text: str, lexicon: Lexicon) -> tuple[Span, ...] | None:
    """The facts of a sentence from the clauses of its parts; None if one of them is not read alone."""
    parts: list[tuple[int, Part]] = []
    start, words, last, before, apart, lists = 0, 0, "", _NOTHING, True, False
    for piece in text.split(_COMMA):
        part = read_alone(piece, before, lexicon)
        if part is None or (last, part.first) in lexicon.across or (lists and part.listed):
            return None
        parts.append((start, part))
        words, last, lists = words + len(part.tokens) + 1, part.last, part.lists
        start += len(piece) + len(_COMMA)
        before = _FINDING if part.finds or before == _FINDING else _NO_FINDING
        apart = apart and part.held is not None and not part.lends
    if words > LONGEST:
        return None
    sentence = _sentence(lexicon)
    return (apart and one_by_one(parts, None, sentence)) or _together(parts, sentence)


def _together(parts: Sequence[tuple[int, Part]], sentence: Sentence) -> tuple[Span, ...]:
    """The facts of parts of which what holds for one may hold for the next, or one may lend the other its place."""
    clauses = [clause for _, part in parts for clause in part.clauses]
    held = scopes(clauses, sentence)
    lent = loans(clauses, held, sentence) if any(part.lends for _, part in parts) else [None] * len(clauses)
    apart = None if any(lent) else one_by_one(parts, held, sentence)
    if apart is not None:
        return apart
    origins = [(part.tokens, start) for start, part in parts for _ in part.clauses]
    return ((0, tuple(reads(project(clauses, held, lent, sentence), origins, sentence))),)


@functools.lru_cache(maxsize=10_000)
def read_alone(text: str, before: int, lexicon: Lexicon) -> Part | None:
    """The clauses of a part that says what it says whatever its neighbours are; else None.

    Such a part has a finding or state of its own; it does not begin or end with what may belong to a neighbour's list or
    number.  Of what stands before it its words ask no more than whether there is a comma and a finding (`before`).
    """
    pieces = _cut(text, lexicon)
    if pieces is None:
        return None
    listed = looked_up(pieces, _BEFORE[before], lexicon)
    same = read_alone(text, before - 1, lexicon) if before else None
    if same and same.looked_up == listed:  # most words ask nothing of what stands before them
        return same if before == _FINDING else _behind_comma(same, lexicon)
    alone = sifted(listed, pieces.tokens, lexicon)
    if not alone or leans(alone, lexicon):
        return None
    sentence = replace(_sentence(lexicon), items=list(alone))
    clauses = tuple(attach(chunk(sentence), sentence))
    if not clauses or not all(clause.at for clause in clauses) or heads_list(clauses[-1], lexicon):
        return None
    words, tokens, _ = pieces
    finds = any(item.kind == "finding" for item in alone)
    lends = may_lend(clauses, sentence)
    of_nodes = lists(alone, lexicon), lists_nodes(alone[0], lexicon)
    held = held_apart(clauses, lexicon)
    part = Part(tokens, words[0], words[-1], finds, *of_nodes, listed, alone, clauses, held, lends)
    return _behind_comma(part, lexicon) if before else part


@functools.lru_cache(maxsize=10_000)
def _cut(text: str, lexicon: Lexicon) -> Pieces | None:
    """The words of a part that may be read alone, as far as these say."""
    if len(text) > _CHARACTERS:
        return None
    words, tokens = tokenize(text, lexicon)
    alone = len(words) <= LONGEST and stands_alone(words, lexicon)
    return Pieces(words, tokens, measured(words, lexicon)) if alone else None


def _behind_comma(part: Part, lexicon: Lexicon) -> Part:
    """The part with a comma before it."""
    clause = part.clauses[0]
    first = replace(clause, links=clause.links | {"comma"}, holds=None, reached=None, plan=None, lends=None)
    clauses = (first, *part.clauses[1:])
    lends = may_lend(clauses, _sentence(lexicon))
    return replace(part, clauses=clauses, held=held_apart(clauses, lexicon), lends=lends, known={})


def one_by_one(parts: Sequence[tuple[int, Part]], held: Sequence[Scope] | None, sentence: Sentence) -> tuple[Span, ...] | None:
    """The facts of parts of which none borrows a place; None where two may speak of one thing: they are read together.

    `held`: what holds for each of their clauses; None where that is what each part says itself.
    """
    spans: list[Span] = []
    names: set[str | None] = set()
    topic, n = _TOPIC, 0
    for start, part in parts:
        these, n = (part.held or () if held is None else held[n : n + len(part.clauses)]), n + len(part.clauses)
        key = these[0][:3] if len(these) == 1 else tuple([scope[:3] for scope in these])
        known = part.known
        alone = known.get(key) or known.get((key, topic[1])) or _remember(part, key, these, topic, sentence)
        if not names.isdisjoint(alone.again) or (alone.beside and spans):
            return None
        names |= alone.names
        spans.append((start, alone.facts))
        topic = alone.topic or topic
    return tuple(spans)


def _remember(part: Part, key: Any, held: Sequence[Scope], before: tuple[Place, tuple[Any, ...]], sentence: Sentence) -> Alone:
    """What a part says, kept by what holds for it, and by what was spoken of before where that was asked for."""
    clauses, topic = part.clauses, Topic(last=before[0])
    drafts = project(clauses, held, [None] * len(clauses), sentence, topic)
    again = frozenset([clause.at.name for clause in clauses if clause.at and clause.at.kind == "finding"])
    names = frozenset([*[clause.at.name for clause in clauses if clause.at], *[draft.finding for draft in drafts]])
    listed = tuple(reads(drafts, [(part.tokens, 0)] * len(clauses), sentence))
    if len(part.known) >= _REMEMBERED:
        part.known.clear()
    alone = Alone(listed, again, names, None if topic.last is before[0] else _topic(topic.last), topic.beside)
    part.known[(key, before[1]) if topic.asked else key] = alone
    return alone


def _topic(place: Place) -> tuple[Place, tuple[Any, ...]]:
    return place, (place.anatomy, place.part, place.side, place.locations)


_TOPIC = _topic(Place())


def reads(drafts: Sequence[Draft], origins: Sequence[Origin], sentence: Sentence) -> Iterator[Read]:
    """Facts as they are given back; equal ones share their fields."""
    if len(sentence.values) >= _SHARED:
        sentence.values.clear()
    for draft in drafts:
        (first, before), (last, until) = origins[draft.since], origins[draft.until]
        values = _VALUES(draft)
        yield first[draft.begin].start() + before, last[draft.end - 1].end() + until, sentence.values.setdefault(values, values)
