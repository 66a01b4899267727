"""Clauses → facts, from left to right, with what is spoken of remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from docphim.language.read.amounts import Draft, amounts, apart, more_amounts
from docphim.language.read.atoms.again import AgainView
from docphim.language.read.chunk import CUES, Clause, Loan, Place, Scope, Sentence, home, says
from docphim.language.read.place import of_locations, one_each, places
from docphim.language.read.plan import cases, plan
from docphim.language.read.settle import Cues, Topic, settle

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon


@dataclass(slots=True)
class Fold:
    """The walk over a sentence's clauses: what holds for each, who lends it a place, what is spoken of, the facts so far."""

    clauses: Sequence[Clause]
    held: Sequence[Scope]
    loans: Sequence[Loan | None]
    sentence: Sentence
    topic: Topic
    facts: list[Draft]


def project(
    clauses: Sequence[Clause],
    held: Sequence[Scope],
    loans: Sequence[Loan | None],
    sentence: Sentence,
    topic: Topic | None = None,
) -> list[Draft]:
    """The facts of all clauses, in order; `topic` is what was spoken of before."""
    fold = Fold(clauses, held, loans, sentence, topic or Topic(), [])
    for n, clause in enumerate(clauses):
        if "break" in clause.links:
            fold.topic = Topic()
        first = len(fold.facts)
        _DO[clause.do](fold, n, clause)
        for fact in fold.facts[first:]:
            fact.since = fact.until = n
    return fold.facts


def _predicate(fold: Fold, n: int, clause: Clause) -> None:
    """The facts of a finding or state, judged by the cues that hold for it."""
    assert clause.at is not None
    if n and _is_named(fold, n, clause.at):
        row = fold.sentence.grammar["again"].decide(AgainView(clause, fold.clauses[n - 1], fold.facts, fold.sentence.lexicon))
        if row.do == "merge":
            _again(fold, n, row.name)
            return
    new = _OF[clause.at.kind](fold, n, clause, clause.at)
    if "colon" in clause.links and len(fold.topic.headed) > 1:
        new = [*_of_each(new, fold.topic.headed, clause, fold.sentence.lexicon), *new]
    for fact in new:
        _judge(fact, fold.held[n], fold.sentence.lexicon)
        fact.why = [*fact.why, *clause.why, *fold.held[n].why]
    fold.facts += new
    if new and (clause.extra or clause.more):
        _add(fold, n, clause, new)


def _is_named(fold: Fold, n: int, at: Item) -> bool:
    """Whether a finding was named before, so that the table `again` has something to decide."""
    if at.kind != "finding":
        return False
    before = fold.clauses[n - 1].at
    same = before is not None and before.name == at.name
    return bool(fold.facts) and (same or any(fact.finding == at.name for fact in fold.facts))


def _again(fold: Fold, n: int, rule: str) -> None:
    """More about the finding just named: "khối thùy trên phổi phải, khối có kích thước 36 mm"."""
    lexicon, clause = fold.sentence.lexicon, fold.clauses[n]
    name, spot = clause.at.name if clause.at else "", plan(clause, lexicon).spots[0]
    for fact in [fact for fact in fold.facts if fact.finding == name]:
        fact.until, fact.end = n, 0  # it ends here, in tokens of this clause's part
        for listed in filter(None, (clause.items, clause.extra)):
            more_amounts(fact, listed, lexicon)
        fact.why = [*fact.why, ("again", rule, clause)]
        fact.anatomy, fact.side = fact.anatomy or spot.anatomy, fact.side or spot.side
        fact.location = tuple(sorted({*fact.location, *spot.locations}))


def _finding(fold: Fold, n: int, clause: Clause, at: Item) -> list[Draft]:
    """Facts about a finding, one for each place that it is said to be in."""
    lexicon, scope, loan = fold.sentence.lexicon, fold.held[n], fold.loans[n]
    made = plan(clause, lexicon)
    listed, shares, lender, why = made.cases, made.shares, None, []
    if loan:
        spots = _lent(fold, clause, loan, made.spots)
        shares = apart(clause.items, spots) if len(spots) > 1 else []
        listed = cases(clause, made, spots, lexicon)
        lender, why = home(fold.clauses[loan.lender].at, lexicon), [("lent", loan.row, fold.clauses[loan.lender])]
    cues = Cues(scope.denied, scope.hedge is not None, lender)
    shows = at.name in lexicon.evidence or at.name in lexicon.inside
    if shows and not (loan or clause.ahead or clause.behind) and (beside := _beside(fold, n)):
        listed = cases(clause, made, beside, lexicon)
    facts = []
    for m, (name, claim) in enumerate(listed):
        fact = made.fact.copy()
        fact.why = why
        settle(fact, clause, claim, cues, fold.topic, fold.sentence)
        # fluid in the pleura is an effusion
        fact.finding = lexicon.here.get((name or "", fact.anatomy or ""), name)
        if m < len(shares):
            fact.size_mm, fact.suv, fact.measures = shares[m]
        facts.append(fact)
    return facts


def _beside(fold: Fold, n: int) -> list[Place]:
    """The places of the thing before, where it is in several: its uptake or calcification is in all of them."""
    fold.topic.beside = fold.topic.beside or not n
    at, lexicon = fold.clauses[n].at, fold.sentence.lexicon
    joins = at is not None and at.name in lexicon.evidence  # "dày tổ chức kẽ và các nốt vôi hóa": only these are
    first = _first_of_list(fold.clauses, n - 1) if joins else n - 1
    before = [fact for fact in fold.facts if first <= fact.until < n]
    findings = {fact.finding for fact in before}
    several = first == n - 1 and len(findings) > 1
    if several or not findings.isdisjoint((None, *lexicon.relational)):
        return []
    spots = {(fact.anatomy, fact.side, fact.location): fact for fact in before}
    return [Place(fact.anatomy, None, fact.side, fact.location) for fact in spots.values()] if len(spots) > 1 else []


def _first_of_list(clauses: Sequence[Clause], n: int) -> int:
    """The first of the things of which clause `n` is the last, joined by "and", or nodes by commas.

    "nốt phổi phải và hạch rốn phổi bắt FDG", "hạch cổ, hạch nách trái, hạch trung thất bắt FDG"; what is measured is done with.
    """
    while n > 0 and clauses[n - 1].at and clauses[n - 1].kinds.isdisjoint({*CUES, "shown"}):
        one, other = clauses[n - 1].at, clauses[n].at
        alike = one and other and one.name == other.name and not clauses[n - 1].has("size", "suv", "state")
        if clauses[n].links != {"and"} and not (alike and clauses[n].links == {"comma"}):
            break
        n -= 1
    return n


def _lent(fold: Fold, clause: Clause, loan: Loan, spots: list[Place]) -> list[Place]:
    """The places of a finding that takes over those of another: all of them, or only their side and what fits its organ."""
    lexicon, lender = fold.sentence.lexicon, fold.clauses[loan.lender]
    lent = plan(lender, lexicon).spots
    if loan.do == "side":
        here = home(clause.at, lexicon)
        fits = tuple(x for spot in lent for x in spot.locations if of_locations((x,), lexicon) in (None, here))
        return [Place(spot.anatomy, spot.part, spot.side or lent[-1].side, spot.locations or fits) for spot in spots]
    if loan.do == "all" and not any(spot.anatomy or spot.locations for spot in spots):
        return [Place(spot.anatomy, None, spot.side, spot.locations) for spot in lent]
    return spots


def _of_each(new: Sequence[Draft], listed: Sequence[Place], clause: Clause, lexicon: Lexicon) -> list[Draft]:
    """What is said of all that was listed: "gan, lách: không thấy bất thường"."""
    if len(new) != 1 or clause.behind or not (new[0].finding in lexicon.general or new[0].state == "normal"):
        return []
    fact = new[0]
    return [
        replace(fact, anatomy=spot.anatomy, part=spot.part, side=spot.side, location=tuple(sorted(spot.locations)))
        for spot in listed
        if spot.anatomy and spot.anatomy != fact.anatomy
    ]


def _state(fold: Fold, n: int, clause: Clause, at: Item) -> list[Draft]:
    """Facts about an anatomy's state, one for each anatomy."""
    lexicon, topic = fold.sentence.lexicon, fold.topic
    spots, side, locations = _subjects(clause, at, topic, lexicon)
    if loan := fold.loans[n]:
        lender = plan(fold.clauses[loan.lender], lexicon)
        spots = [replace(spot) for spot in (*lender.ahead, *lender.behind) if spot.anatomy] or spots
    first = plan(clause, lexicon).fact
    inherits = not (clause.ahead or clause.behind or "anatomy" in says(at))
    why = [("anatomy", "", topic.spoken)] if inherits else []
    facts = [first.copy() for _ in spots]
    for fact, spot in zip(facts, spots, strict=True):
        fact.why = why
        fact.anatomy, fact.state = spot.anatomy, _state_of(at, spot.anatomy)
        fact.side = _side_of(spot, side if len(spots) == 1 or lexicon.paired(spot.anatomy) else None, topic, lexicon)
        fact.part = None if (fact.state, spot.part) in lexicon.meant else spot.part
        fact.location = tuple(sorted({*spot.locations, *locations}))
        topic.last = Place(spot.anatomy, fact.part, fact.side, spot.locations)
    topic.spoken = clause
    return facts


def _subjects(clause: Clause, at: Item, topic: Topic, lexicon: Lexicon) -> tuple[list[Place], str | None, tuple[str, ...]]:
    """The organs that a state is said of, and the side and place that are said besides."""
    meaning = says(at)
    made = plan(clause, lexicon)
    leading, trailing = made.ahead, made.behind
    spots = [p for p in leading if p.anatomy]
    if not spots and "anatomy" not in meaning:
        spots = [p for p in trailing if p.anatomy]
        trailing = leading if spots else trailing
    side = next((p.side for p in (*trailing, *leading) if p.side), None)
    if "anatomy" in meaning:
        location = (meaning["location"],) if "location" in meaning else ()
        spots = [Place(meaning["anatomy"], meaning.get("part"), meaning.get("side"), location)]
    elif not spots:
        near, topic.asked = topic.last, True
        of = [of_locations(p.locations, lexicon) for p in leading]
        organ = next(filter(None, of), near.anatomy)
        named = next((p for p, x in zip(leading, of, strict=True) if x == organ), Place())
        near = near if organ == near.anatomy else Place(organ)  # "the heart is normal and the right apex is obscured"
        spots = [Place(organ, named.part or near.part, side or near.side, named.locations or near.locations)]
    return spots, side, tuple(x for p in trailing for x in p.locations)


def _side_of(spot: Place, side: str | None, topic: Topic, lexicon: Lexicon) -> str | None:
    """The side of an organ whose state is told; of what there is but one, no "both"."""
    side = spot.side or side
    paired = lexicon.paired(spot.anatomy)
    if side == "both" and not paired:
        side = None
    return topic.header.side if not side and topic.header and paired else side


def _state_of(at: Item, anatomy: str | None) -> str:
    return at.term.states.get(anatomy or "", at.term.name) if at.term else at.name


def _ratio(fold: Fold, n: int, clause: Clause, at: Item) -> list[Draft]:
    """A cardiothoracic ratio: the heart is enlarged, or not, by its number or in words."""
    lexicon, word = fold.sentence.lexicon, _state_of(clause.state, "heart") if clause.state else ""
    verdict = at.name or lexicon.states.get(word, "")
    fact = amounts(clause, at, lexicon)
    fact.anatomy, fact.state = "heart", word if word and not at.name else "enlarged"
    fact.normal = verdict == "normal"
    return [fact] if verdict else []


def _judge(fact: Draft, scope: Scope, lexicon: Lexicon) -> None:
    """Polarity, certainty and change of a fact, from the cues that hold for it."""
    fact.polarity = _polarity(fact, scope.denied, lexicon)
    if scope.hedge and not scope.denied:
        fact.certainty = scope.hedge
        if scope.hedge == "obscured" and not fact.finding:
            fact.state, fact.polarity, fact.certainty = "obscured", "abnormal", "certain"
    for change in scope.changes:
        if change == "earlier":
            # "was seen before, not now" has resolved; "was seen before" says nothing of now
            fact.change = "resolved" if scope.denied else fact.change
            continue
        fact.change = change if fact.change != "resolved" else fact.change
        if change == "resolved":
            fact.polarity = _polarity(fact, True, lexicon)


def _polarity(fact: Draft, denied: bool, lexicon: Lexicon) -> str:
    if fact.finding:
        return "absent" if denied else "present"
    normal = fact.normal or lexicon.states.get(fact.state or "", "abnormal") == "normal"
    return "normal" if normal != denied else "abnormal"


def _add(fold: Fold, n: int, clause: Clause, new: Sequence[Draft]) -> None:
    """Give the facts of a clause what later segments say of them; the last is spoken of as it is then."""
    sizes = [item for item in clause.extra if item.kind == "size"]
    if len(new) == 1 and new[0].finding and not new[0].size_mm and len(apart(clause.extra, [Place()])) == len(sizes) > 1:
        new = _several(fold, clause, new[0], len(sizes))
    spots, last = places(clause.more, fold.sentence.lexicon), new[-1]
    each = len(sizes) == len(new) > 1  # "…, lần lượt 8 mm và 11 mm"
    for fact, size in zip(new, sizes if each else new, strict=True):
        listed = [item for item in clause.extra if item is size or item.kind != "size"] if each else clause.extra
        more_amounts(fact, listed, fold.sentence.lexicon)
    if spots:
        shown = clause.at is not None and clause.at.name in fold.sentence.lexicon.evidence
        # "hạch tăng chuyển hóa FDG: cạnh thực quản": where the uptake is, is what shows it
        bare = [fact for fact in fold.facts if shown and fact.until == n - 1 and not (fact.side or fact.location)]
        for fact in (*bare, last):
            fact.side = fact.side or spots[0].side
            fact.location = tuple(sorted({*fact.location, *spots[0].locations}))
        fold.topic.last, fold.topic.spoken = Place(last.anatomy, None, last.side, last.location), clause


def _several(fold: Fold, clause: Clause, fact: Draft, number: int) -> list[Draft]:
    """As many facts as things were measured: "các nốt phổi phải, lần lượt 5 mm và 7 mm"."""
    spots = plan(clause, fold.sentence.lexicon).spots
    listed = one_each(spots[0], number) if len(spots) == 1 else [Place()] * number
    new = [replace(fact, location=place.locations or fact.location, why=[*fact.why]) for place in listed]
    fold.facts[-1:] = new
    return new


# What the other verbs of the table `lone` do.


def _header(fold: Fold, n: int, clause: Clause) -> None:
    """A heading before a colon: what follows is about it."""
    topic, spots = fold.topic, places(clause.ahead, fold.sentence.lexicon)
    if spots:
        topic.header = topic.last = spots[-1]
        topic.heading = topic.spoken = clause
        topic.headed = topic.listed + spots
    topic.listed = []


def _context(fold: Fold, n: int, clause: Clause) -> None:
    """A place by itself: what follows may be there."""
    spots = places(clause.ahead, fold.sentence.lexicon)
    if spots:
        fold.topic.last, fold.topic.spoken = spots[-1], clause
        fold.topic.listed += spots


#: What the opposite of a polarity is.
_OPPOSITE = {"present": "absent", "absent": "present", "normal": "abnormal", "abnormal": "normal"}


def _copy(fold: Fold, n: int, clause: Clause) -> None:
    """The last finding again, on another side ("…, bên phải dày 20 mm"), where it may be denied ("…, bên trái không có")."""
    if not fold.facts:
        return
    lexicon, excepted = fold.sentence.lexicon, "except" in clause.links
    # an uptake is said of the thing before it, of which there is another
    last = next((fact for fact in reversed(fold.facts) if fact.finding not in lexicon.evidence or excepted), fold.facts[-1])
    extra, spots = amounts(clause, clause.items[0], lexicon), places(clause.ahead, lexicon) or [Place()]
    values = {key: getattr(extra, key) for key in ("begin", "end", "count", "severity", "size_mm", "suv", "measures")}
    if excepted and last.change:
        values |= {"change": None}  # what is unchanged but on the left is there on the left, and has changed
    elif excepted:
        values |= {"polarity": _OPPOSITE[last.polarity]}
    if "negation" in clause.kinds:
        values |= {"polarity": _OPPOSITE[last.polarity], "change": None, "leftover": ()}
    if "change" in clause.kinds:
        values |= {"change": next(i.name for i in clause.items if i.kind == "change")}
    for spot in spots if excepted else spots[:1]:
        fold.facts.append(_elsewhere(last, spot, clause, values, lexicon))


def _elsewhere(last: Draft, spot: Place, clause: Clause, values: Mapping[str, Any], lexicon: Lexicon) -> Draft:
    """A finding with these values at another place; what is not said of the place is as it was there."""
    anatomy, other = spot.anatomy, {}
    if "except" not in clause.links:  # the pleura is thin "except at the apex": at the pleura's
        anatomy = anatomy or of_locations(spot.locations, lexicon)
    if anatomy and anatomy != last.anatomy:
        other = {"anatomy": anatomy, "part": spot.part, "leftover": ()}
    here = "negation" in clause.kinds or "except" in clause.links or other
    location = tuple(sorted(spot.locations)) or (() if here else last.location)
    return replace(last, side=spot.side, location=location, why=list(clause.why), **(other | dict(values)))


def _words(fold: Fold, n: int, clause: Clause) -> None:
    """Words of no finding or state, so that what is said with them still has to match; an organ that is not seen."""
    lexicon = fold.sentence.lexicon
    spots = places([*clause.ahead, *clause.behind], lexicon)
    spot = spots[-1] if spots else Place()
    fact = amounts(clause, clause.items[0], lexicon)
    fact.anatomy, fact.part, fact.side = spot.anatomy, spot.part, spot.side
    if clause.do == "obscured":
        fact.anatomy = spot.anatomy or of_locations(spot.locations, lexicon)
    fact.location = tuple(sorted(spot.locations))
    if "negation" in clause.kinds and lexicon.modifiers_after:
        fact.polarity = "absent"
    if spot.anatomy and not fact.leftover:  # "thân động mạch phổi 28 mm, không giãn"
        fold.topic.last, fold.topic.spoken = Place(spot.anatomy, spot.part, spot.side, spot.locations), clause
    fact.change = next(reversed(fold.held[n].changes), None)
    fact.why = [*clause.why, *fold.held[n].why]
    if clause.do != "words":
        fact.state, fact.polarity = clause.do, "abnormal"
    fold.facts.append(fact)


def _cue(fold: Fold, n: int, clause: Clause) -> None:
    """A cue by itself; a size beside it is the last fact's, and not that of an uptake."""
    if fold.facts and clause.has("size", "suv", "measure"):
        shown = fold.facts if clause.has("suv") else [f for f in fold.facts if f.finding not in fold.sentence.lexicon.evidence]
        more_amounts((shown or fold.facts)[-1], clause.items, fold.sentence.lexicon)


_DO: Mapping[str, Callable[[Fold, int, Clause], None]] = {
    "predicate": _predicate, "header": _header, "context": _context, "copy": _copy, "absent": _words, "obscured": _words,
    "words": _words, "cue": _cue,
}  # fmt: skip
_OF: Mapping[str, Callable[[Fold, int, Clause, Item], list[Draft]]] = {"finding": _finding, "state": _state, "ratio": _ratio}
