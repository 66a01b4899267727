"""Reads a sentence as facts: items → segments → clauses → what holds for each → who lends a place → facts.

Reports say the same sentences again and again, and the same parts between commas.  A part that says the same whatever its
neighbours are is read to clauses once; a sentence with any other part is read as a whole.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from re import Match
from typing import Any

from docphim.language.fact import Fact
from docphim.language.item import Item
from docphim.language.items import tokenize
from docphim.language.lexicon import Lexicon
from docphim.language.measures import measured
from docphim.language.read.alone import heads_list, leans, lists, stands_alone
from docphim.language.read.amounts import Draft
from docphim.language.read.attach import attach
from docphim.language.read.chunk import PLACE, Clause, Loan, Place, Scope, Sentence
from docphim.language.read.chunks import chunk
from docphim.language.read.lexer import LONGEST, Pieces, lex, lists_nodes, looked_up, sifted
from docphim.language.read.project import project
from docphim.language.read.scope import Apart, asked_by, held_apart, reaches_into, scopes
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
_NOBODY: frozenset[str] = frozenset()


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


@dataclass(frozen=True, slots=True, eq=False)  # told apart by what they are, so that numbers can be kept by them
class Alone:
    """What a part says, where no other speaks of the same thing; or all that a sentence says that is not read by its parts.

    Parameters
    ----------
    facts : tuple of Read
    again : frozenset of str
        Findings that it names: if a part before names one of them, the two may speak of one thing.
    names : frozenset of str
        What it names or is about altogether; empty of a whole sentence.
    topic : (Place, tuple), optional
        What is spoken of behind it, and its fields; None: what was spoken of before.
    beside : bool
        Its first finding may be where the thing before is.
    """

    facts: tuple[Read, ...]
    again: frozenset[str] = _NOBODY
    names: frozenset[str | None] = _NOBODY
    topic: tuple[Place, tuple[Any, ...]] | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True, eq=False)
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
    lends : bool
        One of its clauses may take over a place.
    joins : bool
        There is an "or" in it.
    apart : Apart, optional
        What holds for its clauses and behind them where nothing holds before it, if that does not ask its neighbours.
    known : dict
        What it was read to say, by what held for it and what was spoken of before, as far as that was asked for.
    reached : dict
        Whether what holds before it still holds in it, by what that asks of it.
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
    lends: bool
    joins: bool
    apart: Apart | None
    known: dict[Any, Alone] = field(default_factory=dict)
    reached: dict[Any, bool] = field(default_factory=dict)


def _parts(text: str, lexicon: Lexicon) -> list[Part] | None:
    """The parts of a sentence; None if one of them is not read alone."""
    parts: list[Part] = []
    before, last = _NOTHING, None
    for piece in text.split(_COMMA):
        part = read_alone(piece, before, lexicon)
        if part is None:
            return None
        if last is not None and ((last.lists and part.listed) or (last.last, part.first) in lexicon.across):
            return None
        parts.append(part)
        before, last = _FINDING if part.finds or before == _FINDING else _NO_FINDING, part
    # a token has a character at least
    return None if len(text) >= LONGEST and sum(len(part.tokens) + 1 for part in parts) > LONGEST else parts


def _stand_apart(parts: Sequence[Part], lexicon: Lexicon) -> bool:
    """Whether what holds for one of some parts holds for no other, and none may lend another its place."""
    reached = False
    last: Part | None = None
    for part in parts:
        if part.lends or part.apart is None:
            return False
        if last is not None and last.apart is not None and last.apart.onward is not None:
            known = part.reached.get(last.apart.onward)
            if known is None:
                known = reaches_into(last.clauses[-1], last.apart.behind, part.clauses, _sentence(lexicon))
                part.reached[last.apart.onward] = known
            if known:
                return False
            reached = True
        last = part
    return not (reached and any(part.joins for part in parts))


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
    first = read_alone(text, _NOTHING, lexicon) if before else None
    if first and first.looked_up == listed:  # most words ask nothing of what stands before them
        return _behind_comma(first)
    alone = sifted(listed, pieces.tokens, lexicon)
    if not alone or leans(alone, lexicon):
        return None
    sentence = replace(_sentence(lexicon), items=list(alone))
    clauses = tuple(attach(chunk(sentence), sentence))
    if not clauses or not all(clause.at for clause in clauses) or heads_list(clauses[-1], lexicon):
        return None
    words, tokens, _ = pieces
    finds = any(item.kind == "finding" for item in alone)
    joins = any("or" in clause.links or "or" in clause.kinds for clause in clauses)
    of_nodes = lists(alone, lexicon), lists_nodes(alone[0], lexicon)
    lends, apart = may_lend(clauses, sentence), held_apart(clauses, lexicon)
    part = Part(tokens, words[0], words[-1], finds, *of_nodes, listed, alone, clauses, lends, joins, apart)
    return _behind_comma(part) if before else part


@functools.lru_cache(maxsize=10_000)
def _cut(text: str, lexicon: Lexicon) -> Pieces | None:
    """The words of a part that may be read alone, as far as these say."""
    if len(text) > _CHARACTERS:
        return None
    words, tokens = tokenize(text, lexicon)
    alone = len(words) <= LONGEST and stands_alone(words, lexicon)
    return Pieces(words, tokens, measured(words, lexicon)) if alone else None


def spelled(text: str, lexicon: Lexicon) -> tuple[Sequence[str], Sequence[Item]]:
    """The words of a part in the lexicon's spelling, and its items where nothing stands before it; both as they were read."""
    pieces, part = _cut(text, lexicon), read_alone(text, _NOTHING, lexicon)
    if pieces and part:
        return pieces.words, part.looked_up
    words, tokens = tokenize(text, lexicon)
    return words, looked_up(Pieces(words, tokens, measured(words, lexicon)), _BEFORE[_NOTHING], lexicon)


@functools.lru_cache(maxsize=10_000)
def _behind_comma(part: Part) -> Part:
    """The part with a comma before it, which only asks whether what held before it still does: all else is the same."""
    clause = part.clauses[0]
    first = replace(clause, links=clause.links | {"comma"}, reached=None)
    return replace(part, clauses=(first, *part.clauses[1:]), reached={})


def statements(sentence: str, lexicon: Lexicon) -> list[Alone]:
    """What a sentence says, part by part where these say it alone: equal parts say one object."""
    parts = _parts(sentence, lexicon)
    if parts is None:
        return [Alone(tuple(facts_by(sentence, lexicon, load_grammar(lexicon.language))))]
    return _stated(sentence, parts, _sentence(lexicon))


def by_parts(text: str, lexicon: Lexicon) -> tuple[Span, ...] | None:
    """The facts of a sentence from the clauses of its parts; None if one of them is not read alone."""
    parts = _parts(text, lexicon)
    listed = [] if parts is None else _stated(text, parts, _sentence(lexicon))
    return None if parts is None else tuple(zip(_starts(text), [alone.facts for alone in listed], strict=False))


def _starts(text: str) -> list[int]:
    """Where each part of a sentence begins."""
    lengths = [len(piece) + len(_COMMA) for piece in text.split(_COMMA)]
    return list(itertools.accumulate(lengths[:-1], initial=0))


def _stated(text: str, parts: Sequence[Part], sentence: Sentence) -> list[Alone]:
    """What each part says; where two may speak of one thing, or one lends another its place, all of them together."""
    held, lent = (None, None) if _stand_apart(parts, sentence.lexicon) else _held(parts, sentence)
    alone = None if lent else _one_by_one(parts, held, sentence)
    if alone is not None:
        return alone
    clauses = [clause for part in parts for clause in part.clauses]
    held = scopes(clauses, sentence) if held is None else held
    origins = [(part.tokens, start) for start, part in zip(_starts(text), parts, strict=True) for _ in part.clauses]
    return [Alone(tuple(reads(project(clauses, held, lent or [None] * len(clauses), sentence), origins, sentence)))]


def _held(parts: Sequence[Part], sentence: Sentence) -> tuple[list[Scope], list[Loan | None] | None]:
    """What holds for each clause, and who lends it a place; None where nobody lends any."""
    clauses = [clause for part in parts for clause in part.clauses]
    held = scopes(clauses, sentence)
    lent = loans(clauses, held, sentence) if any(part.lends for part in parts) else []
    return held, lent if any(lent) else None


def _one_by_one(parts: Sequence[Part], held: Sequence[Scope] | None, sentence: Sentence) -> list[Alone] | None:
    """What parts say of which none borrows a place; None where two may speak of one thing.

    `held`: what holds for each of their clauses; None where the parts stand apart.
    """
    listed: list[Alone] = []
    names: set[str | None] = set()
    topic, n = _TOPIC, 0
    for part in parts:
        if held is None:
            assert part.apart is not None
            these, key = part.apart.held, part.apart.says
        else:
            these = tuple(held[n : n + len(part.clauses)])
            n, key = n + len(part.clauses), asked_by(these)
        known = part.known
        alone = known.get(key) or known.get((key, topic[1])) or _remember(part, key, these, topic, sentence)
        if listed and (alone.beside or not names.isdisjoint(alone.again)):
            return None
        names |= alone.names
        listed.append(alone)
        topic = alone.topic or topic
    return listed


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
