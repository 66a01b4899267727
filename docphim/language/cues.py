"""What is denied, hedged or changed: cues before a predicate run on through a list, cues behind it reach back through one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from docphim.language.grammar import Clause, Context, Draft, Item

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

_GRADES = frozenset(("severity", "size", "suv", "affirm", "negation", "change"))
_EXTENTS = frozenset(("scattered", "diffuse"))
_BEFORE = frozenset(("negation", "change", "affirm", "certainty"))
_BEHIND = frozenset(("negation", "certainty", "change"))


def carry(clause: Clause, runs_on: bool, context: Context, lexicon: Lexicon) -> None:
    """Whether a negation or hedge from before still holds: across "hay" and "và", across a comma only onto a bare noun.

    `runs_on`: another predicate follows the noun without a comma ("…, khối đè đẩy phế quản"), so that it is none of a list.
    """
    holds = clause.link not in ("end", "colon") and not clause.bracket
    if (
        holds
        and clause.link == "comma"
        and context.denied
        and not clause.either
        and lexicon.modifiers_after
        and _spread(clause)
    ):
        holds = False  # "không thấy nốt, dày tổ chức kẽ rải rác": what is spread is there
    elif holds and clause.link == "comma":
        holds = (clause.either and context.denied) or (bare(clause, lexicon) and not runs_on)
    elif holds and not clause.link:
        holds = (clause.either and context.denied) or bare(clause, lexicon, hedged=context.denied)
    elif clause.link == "and":
        holds = holds and not _has_subject(clause)
    stated = clause.predicate is not None and clause.predicate.kind == "state"
    if not holds or (context.of_state and not stated):
        context.denied, context.hedge = False, None
    context.of_state = context.of_state and context.denied


def _spread(clause: Clause) -> bool:
    return any(item.kind == "descriptor" and item.name in _EXTENTS for item in clause.items)


def _has_subject(clause: Clause) -> bool:
    predicate = clause.predicate
    return bool(predicate and predicate.kind == "state" and (clause.has("anatomy") or (predicate.term and predicate.term.says)))


def bare(clause: Clause, lexicon: Lexicon, hedged: bool = False) -> bool:
    """A finding without a side, lobe, size or grade of its own: the list before it goes on.  `hedged`: though it is hedged."""
    predicate = clause.predicate
    if predicate is None or (predicate.kind != "finding" and not (predicate.term and predicate.term.says)):
        return False
    if lexicon.modifiers_after and predicate.term and predicate.term.led:
        return False
    if not clause.kinds.isdisjoint(_GRADES) or (not hedged and "certainty" in clause.kinds):
        return False
    return not [i for i in clause.items if i.locations or (i.kind == "side" and i.name != "both")]


def take_hold(clause: Clause, before: Iterable[Item], context: Context) -> bool:
    """Let the cues before a clause's predicate take hold; whether there was one."""
    held = False
    if clause.kinds.isdisjoint(_BEFORE):
        return held
    for item in before:
        if item.kind == "negation" or (item.kind == "change" and item.name == "resolved"):
            context.denied, held = True, True
        elif item.kind == "affirm":
            context.denied, context.hedge = False, None
        elif item.kind == "certainty":
            # "không loại trừ" after a negation does not deny what it hedges
            context.hedge, held = item.name, True
    return held


def states(clause: Clause, before: Sequence[Item], lexicon: Lexicon) -> bool:
    """Whether a clause says how an anatomy is ("tim không to", "khí quản không lệch"), and does not look for a finding."""
    predicate = clause.predicate
    if predicate is None or predicate.kind != "finding":
        # "no enlarged heart, effusion …" looks for things, "heart not enlarged, effusion …" does not
        return not before or before[0].kind != "negation"
    named = bool(before) and before[0].kind in ("anatomy", "part", "side")
    return named and predicate.name in lexicon.as_state and not _seeks(clause, before, lexicon)


def _seeks(clause: Clause, before: Sequence[Item], lexicon: Lexicon) -> bool:
    """Whether something is looked for in a subject: "hai phổi không có dày màng phổi, …", "the lungs show no fracture, …".

    The finding names its own anatomy; or it has no place of its own and is denied by more than a bare "không" or "not".
    """
    predicate = clause.predicate
    if predicate and predicate.term and ("anatomy" in predicate.term.says or predicate.term.carries):
        return True
    at = next((n for n, item in enumerate(before) if item.kind == "negation"), 0)
    shown = before[at].end - before[at].start > 1 if lexicon.modifiers_after else before[at - 1].kind == "affirm"
    placed = predicate is not None and "usually" in lexicon.findings.get(predicate.name, {}) and lexicon.modifiers_after
    behind = (*before[at:], *clause.items[len(before) + 1 :])
    return bool(at) and shown and (not placed or any(item.kind == "anatomy" for item in behind))


def judge(fact: Draft, clause: Clause, context: Context, lexicon: Lexicon) -> None:
    """Polarity, certainty and change of a fact, from the cues that hold for it."""
    fact.polarity = _polarity(fact, context.denied, lexicon)
    if context.hedge and not context.denied:
        _hedge(fact, context.hedge)
    if "change" not in clause.kinds:
        return
    for item in clause.items:
        if item.kind == "change":
            _change(fact, item.name, lexicon)


def _polarity(fact: Draft, denied: bool, lexicon: Lexicon) -> str:
    if fact.finding:
        return "absent" if denied else "present"
    normal = fact.normal or lexicon.states.get(fact.state or "", "abnormal") == "normal"
    return "normal" if normal != denied else "abnormal"


def _hedge(fact: Draft, hedge: str) -> None:
    fact.certainty = hedge
    if hedge == "obscured" and not fact.finding:
        fact.state, fact.polarity, fact.certainty = "obscured", "abnormal", "certain"


def _change(fact: Draft, change: str, lexicon: Lexicon) -> None:
    fact.change = change
    if change == "resolved":
        fact.polarity = _polarity(fact, True, lexicon)


def afterwards(
    clause: Clause, after: Sequence[Item], n: int, parts: Sequence[Clause], context: Context, lexicon: Lexicon
) -> None:
    """Cues that follow what they are about: "… was not observed", "…: không", "… cannot be excluded", "… has resolved"."""
    if clause.kinds.isdisjoint(_BEHIND):
        return
    for item in after:
        if item.kind == "negation" and not (clause.at is not None and _of_state(clause, item)):
            everything = clause.link == "colon"
            for index in _chain(n, parts, context, lexicon, everything):
                fact = context.facts[index]
                fact.polarity = _polarity(fact, True, lexicon)
            context.denied = False
        elif item.kind == "certainty":
            for index in _chain(n, parts, context, lexicon, None):
                _hedge(context.facts[index], item.name)
        elif item.kind == "change" and clause.at is None:
            for index in _chain(n, parts, context, lexicon, False):
                _change(context.facts[index], item.name, lexicon)


def _of_state(clause: Clause, negation: Item) -> bool:
    """Whether a negation denies a state that belongs to the clause's finding: "nodes are not enlarged"."""
    return any(i.kind == "state" and i.start >= negation.end for i in clause.items)


def _chain(n: int, parts: Sequence[Clause], context: Context, lexicon: Lexicon, everything: bool | None) -> list[int]:
    """Facts that a cue behind clause `n` is about: its own, and those listed before it.

    `everything` back to the sentence's start, or (False) what reads as a list, or (None) what "and" and "or" join.
    """
    chosen = list(context.of_clause[n])
    k = n
    while k > 0:
        clause, before = parts[k], parts[k - 1]
        if clause.link == "end" or (clause.link == "colon" and not (everything and k == n)):
            break
        listed = clause.link in ("and", "or") or everything or (everything is not None and bare(before, lexicon))
        settled = before.has("negation", "shown", "affirm", "certainty") or before.at is None
        if (settled or not listed) and (k < n or context.of_clause[n]):
            break
        chosen += context.of_clause[k - 1]
        k -= 1
    return chosen
