"""Segments → clauses: each place goes to one predicate (table `place`); a segment without predicate is a heading, more of the
clause before, part of the next, or something by itself (table `lone`)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from docphim.language.item import Item
from docphim.language.lexicon import Lexicon
from docphim.language.read.atoms.lone import LoneView
from docphim.language.read.atoms.place import PlaceView
from docphim.language.read.chunk import BEFORE, NONE, Clause, Phrase, Reason, Segment, Sentence, leads_into, links_of

#: How many segments ahead the table `lone` looks; no list of organs is longer.
_AHEAD = 8


def attach(segments: Sequence[Segment], sentence: Sentence) -> list[Clause]:
    """The clauses of a sentence, in order."""
    clauses: list[Clause] = []
    waiting: list[Clause] = []
    excepted: list[Clause] = []
    for n, segment in enumerate(segments):
        if segment.predicates:
            made = _with_predicates(segment, sentence)
            if waiting:
                _lead(waiting, made[0])
                waiting = []
            clauses += made + excepted
            excepted = []
        else:
            _without_predicate(segment, segments[n + 1 : n + 1 + _AHEAD], clauses, waiting, sentence)
            if len(clauses) == 1 and clauses[0].do == "copy":
                excepted.append(clauses.pop())  # "except for the left apex, the lungs are clear"
    for clause in clauses:
        clause.settle()
    return clauses


def _with_predicates(segment: Segment, sentence: Sentence) -> list[Clause]:
    """A clause for each predicate of a segment."""
    at, items = segment.predicates, sentence.items
    owned = _owners(segment, sentence)
    cuts = [segment.first, *(_cut(segment, n, owned[n - 1], owned[n], sentence) for n in range(1, len(at))), segment.last]
    clauses = []
    for n, (start, end) in enumerate(pairwise(cuts)):
        ahead, behind, why = owned[n]
        links = segment.links if n == 0 else NONE
        while n and items[start].kind in ("and", "or"):
            links |= links_of(items[start])
            start += 1
        before, after = items[start : at[n]], items[at[n] + 1 : end]
        clauses.append(Clause("predicate", items[at[n]], before, after, ahead, behind, links, segment.bracket, why))
    if not sentence.lexicon.modifiers_after:
        for adjective, noun in pairwise(clauses):
            if leads_into(adjective, noun, sentence.lexicon):
                _hand_on(adjective, noun)
    return clauses


def _hand_on(adjective: Clause, noun: Clause) -> None:
    """Give the noun the size and number that stand before its adjective: "25 mm photopenic cyst"."""
    given = [i for i in adjective.before if i.kind in ("size", "count")]
    adjective.before = [i for i in adjective.before if i not in given]
    noun.before = [*given, *noun.before]


#: The phrases before a predicate and behind it that are its, and the rules by which they are.
Owned = tuple[list[Phrase], list[Phrase], list[Reason]]


def _owners(segment: Segment, sentence: Sentence) -> list[Owned]:
    """The places of each predicate of a segment."""
    owned: list[Owned] = [([], [], []) for _ in segment.predicates]
    table = sentence.grammar["place"]
    for gap, phrases in enumerate(segment.gaps):
        left: Owned = owned[gap - 1] if gap else ([], [], [])
        for m, phrase in enumerate(phrases):
            row = table.decide(PlaceView(segment, gap, m, left[:2], sentence))
            if row.do == "left":
                left[1].append(phrase)
                left[2].append(("place", row.name, phrase))
            elif row.do == "right":
                owned[gap][0].append(phrase)
                owned[gap][2].append(("place", row.name, phrase))
    return owned


def _cut(segment: Segment, n: int, left: Owned, right: Owned, sentence: Sentence) -> int:
    """Where the clause of a segment's predicate `n` begins, behind the one before."""
    items, a, b = sentence.items, segment.predicates[n - 1], segment.predicates[n]
    start = max([a + 1, *(p.last for p in left[1])])
    end = min([b, *(p.first for p in right[0])])
    # a cue behind what the next is said of is the next's: "… and the bile ducts are not dilated"
    closed = [m + 1 for m in range(a + 1, end) if _closes(items[m]) and not (m + 1 == b and items[b].kind == "state")]
    start = max([start, *closed])
    for m in range(start, end):
        if items[m].kind in ("and", "or"):
            return m
        if items[m].kind in BEFORE:
            return _adjectives(items, m, start, ("count",))
    if sentence.lexicon.modifiers_after:
        return _adjectives(items, end, start, ("count",))
    if any(i.kind == "of" for i in items[a + 1 : end]):
        # "a nodule of 9 mm with coarse calcification": the size is the nodule's
        return _adjectives(items, end, start, ("count", "severity", "descriptor"))
    return start


def _closes(item: Item) -> bool:
    """Whether a cue follows what it is about: "… was not seen"."""
    return item.kind == "shown" or (item.kind == "negation" and item.name == "after")


def _adjectives(items: Sequence[Item], n: int, start: int, kinds: Sequence[str]) -> int:
    """The first of the adjectives that stand right before item `n`."""
    while n > start and items[n - 1].kind in kinds:
        n -= 1
    return n


def _without_predicate(
    segment: Segment, ahead: Sequence[Segment], clauses: list[Clause], waiting: list[Clause], sentence: Sentence
) -> None:
    """Do with a segment without predicate what the table `lone` says."""
    last = clauses[-1] if clauses else None
    if "close" in segment.links:
        last = next((c for c in reversed(clauses) if not c.bracket), last)
    row = sentence.grammar["lone"].decide(LoneView(segment, last, ahead, sentence))
    items, phrases, why = sentence.items[segment.first : segment.last], segment.gaps[0], [("segment", row.name, segment)]
    if row.do == "owner":
        last = next((c for c in reversed(clauses) if _owns(c, sentence.lexicon)), last)
    if row.do in ("prev", "list") and last is not None:
        last.behind = _listed(last.behind, phrases) if row.do == "list" else last.behind + phrases
        last.added += items
        last.why += why
    elif row.do in ("more", "owner") and last is not None:
        last.extra += items
        last.more += phrases
        last.why += why
    elif row.do != "drop":
        clause = Clause(row.do, None, [], items, phrases, [], segment.links, segment.bracket, why)
        (waiting if row.do in ("next", "lead") else clauses).append(clause)


def _lead(waiting: Sequence[Clause], clause: Clause) -> None:
    """Put the segments that lead to a clause before it: "gan, lách | bình thường"."""
    for before in reversed(waiting):
        comma = Item("comma", ",", before.after[-1].end, before.after[-1].end)
        clause.before = [*before.after, comma, *clause.before]
        clause.ahead = _listed(before.ahead, clause.ahead) if before.do == "next" else before.ahead + clause.ahead
        clause.why += before.why
    clause.links = waiting[0].links


def _listed(first: list[Phrase], then: list[Phrase]) -> list[Phrase]:
    """Two stretches of a list of places as one."""
    if then:
        then[0].joined = True
    return first + then


def _owns(clause: Clause, lexicon: Lexicon) -> bool:
    """Whether a clause is about a thing that is there, and not about what it does to another or what it may be."""
    at = clause.at
    return at is not None and at.name not in lexicon.relational and not any(i.kind == "certainty" for i in clause.before)
