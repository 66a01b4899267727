"""What is denied, hedged or changed: cues before a predicate hold on through a list (table `scope`), cues behind it reach back
through one (table `back`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from docphim.language.read.atoms.scope import BackView, Hold, ScopeView
from docphim.language.read.chunk import CUES, Clause, Reason, Scope, Sentence, has_states

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon
    from docphim.language.read.rows import Row

#: Verbs of the table `lone` whose clauses say nothing that could be denied.
_SILENT = frozenset(("cue", "header", "context"))
_NO_HOLD, _NOTHING = Hold(), Scope()
#: What `Scope.why` calls what a cue behind its clause says.
_REASON = {"negation": "denied", "certainty": "hedge", "change": "change"}


def scopes(clauses: Sequence[Clause], sentence: Sentence) -> list[Scope]:
    """What holds for each clause."""
    held = [_NOTHING] * len(clauses)
    hold, either = _NO_HOLD, None
    for n, clause in enumerate(clauses):
        if clause.at is None and clause.do != "cue":
            continue
        if _holds(hold):
            either = either or _either(clauses)
            row = _reaches(clauses, n, hold, either[n], sentence)
            held[n] = _because(held[n], ("denied" if hold.denied else "hedge", row.name, hold.cue))
            hold = _NO_HOLD if row.do == "stop" else hold
        if hold is _NO_HOLD and (known := clause.holds or _by_itself(clause, sentence.lexicon)):
            held[n], hold = _because(known[0], *held[n].why), known[1]
            continue
        if clause.at is not None:
            held[n], hold = _at_predicate(clause, clause.at, hold, held[n], sentence.lexicon)
        if _reach_back(clauses, n, held, sentence):
            hold = Hold(hedge=hold.hedge, cue=hold.cue)
    _versus(clauses, held)
    return held


def _reaches(clauses: Sequence[Clause], n: int, hold: Hold, either: bool, sentence: Sentence) -> Row:
    """Whether what holds before a clause still holds there; the rows that cannot fit it are left out once and for all."""
    clause = clauses[n]
    around = (clauses[n - 1] if n else None, clause, clauses[n + 1] if n + 1 < len(clauses) else None)
    view = ScopeView(around, hold, either, sentence.lexicon)
    if clause.reached is None:
        clause.reached = sentence.grammar["scope"].narrowed(view, ScopeView.ITSELF)
    return clause.reached.decide(view)


def _by_itself(clause: Clause, lexicon: Lexicon) -> tuple[Scope, Hold] | None:
    """What holds for a clause and behind it where nothing holds before it; None where its cues reach back."""
    if clause.at is None or _behind(clause):
        return None
    clause.holds = known = _at_predicate(clause, clause.at, _NO_HOLD, _NOTHING, lexicon)
    return known


class Apart(NamedTuple):
    """What holds for the clauses of a part of a sentence, where nothing holds before it.

    Parameters
    ----------
    held : tuple of Scope
        What holds for each clause.
    says : tuple
        The same without the reasons: what the facts of the part are asked by.
    behind : Hold
        What holds on behind it.
    onward : tuple of bool, optional
        What the next part asks of that and of its last clause; None where nothing holds on.
    """

    held: tuple[Scope, ...]
    says: tuple[Any, ...]
    behind: Hold
    onward: tuple[bool, ...] | None


def held_apart(clauses: Sequence[Clause], lexicon: Lexicon) -> Apart | None:
    """What holds for the clauses of a part; None where a cue reaches back, or holds on from one of its clauses to the next."""
    if any("versus" in clause.links for clause in clauses):
        return None
    listed: list[Scope] = []
    hold = _NO_HOLD
    for clause in clauses:
        known = clause.holds or _by_itself(clause, lexicon)
        if known is None or _holds(hold):
            return None
        listed.append(known[0])
        hold = known[1]
    view = ScopeView((clauses[-1], clauses[-1], None), hold, False, lexicon)
    onward = tuple([bool(getattr(view, name)()) for name in ScopeView.BEFORE_COMMA]) if _holds(hold) else None
    return Apart(tuple(listed), asked_by(listed), hold, onward)


def asked_by(held: Sequence[Scope]) -> tuple[Any, ...]:
    """What holds for some clauses, without the reasons."""
    return held[0][:3] if len(held) == 1 else tuple([scope[:3] for scope in held])


def _holds(hold: Hold) -> bool:
    return bool(hold.denied or hold.hedge or hold.change)


def reaches_into(before: Clause, hold: Hold, clauses: Sequence[Clause], sentence: Sentence) -> bool:
    """Whether what holds behind a clause still holds in the part behind the next comma; no "or" stands in the sentence."""
    return _reaches([before, *clauses], 1, hold, False, sentence).do != "stop"


def _because(scope: Scope, *reasons: Reason) -> Scope:
    """A scope with these reasons before its own."""
    return Scope(scope.denied, scope.hedge, scope.changes, (*reasons, *scope.why)) if reasons else scope


def _versus(clauses: Sequence[Clause], held: list[Scope]) -> None:
    """Hedge both sides of "versus": "atelectasis vs. pneumonia"."""
    for n, clause in enumerate(clauses):
        if "versus" in clause.links and n:
            for k in (n - 1, n):
                why = *held[k].why, ("versus", "", None)
                held[k] = held[k]._replace(why=why, hedge=held[k].hedge or "possible")


def _either(clauses: Sequence[Clause]) -> list[bool]:
    """Whether an "or" comes behind each clause in its list."""
    later, listed = False, []
    for clause in reversed(clauses):
        listed.append(later)
        later = (later or "or" in clause.links or "or" in clause.kinds) and clause.links.isdisjoint(("end", "break"))
    return listed[::-1]


def _at_predicate(clause: Clause, at: Item, hold: Hold, scope: Scope, lexicon: Lexicon) -> tuple[Scope, Hold]:
    """What holds at a predicate: its own cues, else those from before; and what holds behind it."""
    denied, hedge, cue, why = hold.denied, hold.hedge, None, [*scope.why]
    for item in clause.before if not clause.kinds.isdisjoint(CUES) else ():
        if item.kind == "negation" or (item.kind == "change" and item.name == "resolved"):
            denied, cue = True, item
            why.append(("denied", "", item))
        elif item.kind == "affirm":
            denied, hedge = False, None
            why.append(("affirmed", "", item))
        elif item.kind == "certainty":
            hedge, cue = item.name, item
            why.append(("hedge", "", item))
    of_state = _of_state(clause, at, lexicon) if cue and denied else hold.of_state
    if at.kind != "finding" and not cue and clause.links.isdisjoint(("and", "or")):
        denied, hedge = False, None
    denied = denied or (clause.state is not None and _denied_state(clause, at, lexicon))
    changed = [i for i in clause.items if i.kind == "change"] if "change" in clause.kinds else []
    # a change holds on through a list: "no change in the nodule and effusion"
    changes = tuple([i.name for i in changed]) or ((hold.change,) if hold.change else ())
    scope = Scope(denied, hedge, changes, (*why, *[("change", "", item) for item in changed]))
    change, cue = _change_behind(clause, hold), cue or hold.cue
    return scope, Hold(denied, hedge, of_state and denied, change, cue) if denied or hedge or change or cue else _NO_HOLD


def _change_behind(clause: Clause, hold: Hold) -> str | None:
    """The change that holds behind a clause: its own, or the one from before."""
    return next((i.name for i in clause.before if i.kind == "change" and i.name != "resolved"), hold.change)


def _of_state(clause: Clause, at: Item, lexicon: Lexicon) -> bool:
    """Whether a clause says how an organ is ("tim không to", "khí quản không lệch"), and does not look for a finding."""
    before = clause.before
    if at.kind != "finding":
        # "no enlarged heart, effusion …" looks for things, "heart not enlarged, effusion …" does not
        return not before or before[0].kind != "negation"
    named = bool(before) and before[0].kind in ("anatomy", "part", "side")
    return named and at.name in lexicon.as_state and not _seeks(clause, at, lexicon)


def _seeks(clause: Clause, at: Item, lexicon: Lexicon) -> bool:
    """Whether something is looked for in a subject: "hai phổi không có dày màng phổi, …", "the lungs show no fracture, …".

    The finding names its own anatomy; or it has no place of its own and is denied by more than a bare "không" or "not".
    """
    before = clause.before
    if at.term and ("anatomy" in at.term.says or at.term.carries):
        return True
    n = next((n for n, item in enumerate(before) if item.kind == "negation"), 0)
    shown = before[n].end - before[n].start > 1 if lexicon.modifiers_after else before[n - 1].kind == "affirm"
    usual = "usually" in lexicon.findings.get(at.name, {}) and lexicon.modifiers_after
    return bool(n) and shown and (not usual or any(i.kind == "anatomy" for i in (*before[n:], *clause.after)))


def _denied_state(clause: Clause, at: Item, lexicon: Lexicon) -> bool:
    """ "lymph nodes are not enlarged": between the finding and its state stands a negation."""
    state = clause.state if has_states(at, lexicon) else None
    if state is None or lexicon.states.get(state.name) == "normal":
        return False
    first, last = sorted((at.start, state.start))
    return any(i.kind == "negation" and first < i.start < last for i in clause.items)


def _reach_back(clauses: Sequence[Clause], n: int, held: list[Scope], sentence: Sentence) -> bool:
    """Give the cues behind a predicate, or alone between signs, to what they are about; whether one denies."""
    denies = False
    for item in _behind(clauses[n]):
        for k, row in _chain(clauses, n, item.kind, sentence):
            why = *held[k].why, (_REASON[item.kind], row, item)
            if item.kind == "negation":
                held[k] = held[k]._replace(why=why, denied=True)
            elif item.kind == "certainty":
                held[k] = held[k]._replace(why=why, hedge=item.name)
            else:
                held[k] = held[k]._replace(why=why, changes=(*held[k].changes, item.name))
        denies = denies or item.kind == "negation"
    return denies


def _behind(clause: Clause) -> list[Item]:
    """The cues that stand behind what they are about; a denied state of a finding is the finding's."""
    if clause.kinds.isdisjoint(CUES) and not clause.extra:
        return []
    if clause.at is None:
        return [i for i in clause.after if i.kind in ("negation", "certainty", "change")]
    # a change reaches back from behind ("edema and effusions have resolved"), and not from before ("new nodule")
    last = max([i.start for i in clause.items if i.kind == "state"], default=-1)
    behind = (*clause.after, *clause.added, *clause.extra)
    return [i for i in behind if i.kind in ("certainty", "change") or (i.kind == "negation" and i.end > last)]


def _chain(clauses: Sequence[Clause], n: int, kind: str, sentence: Sentence) -> list[tuple[int, str]]:
    """The clauses that a cue behind clause `n` is about, and the rule that led to each."""
    chosen = [(n, "")] if clauses[n].at is not None and kind != "change" else []
    answers = kind == "negation" and "colon" in clauses[n].links
    first = True  # nothing but remarks between: "the nodule, described previously, is not seen"
    for k in range(n, 0, -1):
        first = first and (k == n or clauses[k].do == "cue")
        row = sentence.grammar["back"].decide(BackView(clauses[k], clauses[k - 1], kind, (first, answers), sentence.lexicon))
        if row.do == "stop":
            break
        if clauses[k - 1].do not in _SILENT:
            shown = kind == "change" and _shows(clauses, k - 1, sentence.lexicon)
            chosen.append((k - 2 if shown else k - 1, row.name))
    return chosen


def _shows(clauses: Sequence[Clause], k: int, lexicon: Lexicon) -> bool:
    """Whether a clause is the uptake of the thing before it: "nốt 9 mm, tăng chuyển hóa FDG, to lên" is a larger nodule."""
    uptake, thing = clauses[k].at, clauses[k - 1].at if k else None
    named = clauses[k].ahead or clauses[k].behind
    if uptake is None or thing is None or named:
        return False
    return uptake.name in lexicon.evidence and thing.kind == "finding"
