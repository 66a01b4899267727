"""What a clause says wherever it stands: its amounts, its places, and for each what a finding has of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from docphim.language.read.amounts import Draft, Measured, amounts, apart
from docphim.language.read.chunk import Clause, Place, says
from docphim.language.read.place import Claim, choose, claim, one, one_each, places

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon

_ADJECTIVES = frozenset(("severity", "descriptor", "count", "side"))
_NOTHING: Mapping[str, Any] = {}


class Case(NamedTuple):
    """A finding at one of its places."""

    finding: str | None
    claim: Claim


@dataclass(slots=True)
class Plan:
    """What a clause says wherever it stands.

    Parameters
    ----------
    fact : Draft
        Its amounts; of a finding also its name and what its words mean.
    ahead, behind : list of Place
        The places that it names on either side of its predicate.
    spots : list of Place
        Those of a finding that borrows none.
    cases : list of Case
        The finding at each of its spots.
    shares : list
        What is measured at each spot, where a number follows each.
    """

    fact: Draft
    ahead: list[Place]
    behind: list[Place]
    spots: list[Place]
    cases: list[Case] = field(default_factory=list)
    shares: list[Measured] = field(default_factory=list)


def plan(clause: Clause, lexicon: Lexicon) -> Plan:
    """The plan of a clause, made when it is first asked for: the same clause stands in many sentences."""
    known: Plan | None = clause.plan
    if known is None:
        known = clause.plan = _plan(clause, lexicon)
    return known


def _plan(clause: Clause, lexicon: Lexicon) -> Plan:
    ahead, behind = places(clause.ahead, lexicon), places(clause.behind, lexicon)
    at = clause.at or clause.items[0]
    made = Plan(amounts(clause, at, lexicon), ahead, behind, choose(ahead, behind, lexicon))
    if at is clause.at and at.kind == "finding":
        if at.name in lexicon.devices:
            made.spots = one(made.spots)
        _name(made.fact, clause, at, lexicon)
        made.shares = apart(clause.items, made.spots)
        made.cases = cases(clause, made, _each(made.spots, made.shares), lexicon)
    return made


def _name(fact: Draft, clause: Clause, at: Item, lexicon: Lexicon) -> None:
    """Set the finding, and what its words mean besides."""
    meaning = says(at)
    fact.finding, fact.state = at.name, clause.state.name if clause.state else None
    if together := lexicon.fuse.get((at.name, fact.state or "")):
        # "hạch trung thất to" and "hạch to" are one thing
        fact.finding, fact.state = together, None
    if fact.state in lexicon.describing:
        fact.leftover, fact.state = tuple(sorted({*fact.leftover, fact.state or ""})), None
    for key in ("state", "severity", "count"):
        if key in meaning and not getattr(fact, key):
            setattr(fact, key, meaning[key])
    fact.certainty = meaning.get("certainty", fact.certainty)
    if "descriptor" in meaning:
        fact.leftover = tuple(sorted({*fact.leftover, meaning["descriptor"]}))


def _each(spots: list[Place], shares: Sequence[Measured]) -> list[Place]:
    """One place for each of several things measured at it: "nodules of 5 mm and 12 mm in the left lower lobe"."""
    return one_each(spots[0], len(shares)) if len(spots) == 1 and shares else spots


def cases(clause: Clause, made: Plan, spots: Sequence[Place], lexicon: Lexicon) -> list[Case]:
    """A clause's finding at each of these places, with what its words imply there."""
    at = clause.at
    assert at is not None
    meaning, finding = says(at), made.fact.finding
    listed = [(spot, finding, at.name, meaning) for spot in spots]
    if "anatomy" in meaning and _last_joins(clause) and all(spot.anatomy for spot in spots):
        # "pleural or pericardial effusion": the adjective before shares the noun
        listed = [(spot, finding, at.name, _NOTHING) for spot in spots] + [(Place(), finding, at.name, meaning)]
    if "also" in meaning:
        listed += [(spot, meaning["also"], meaning["also"], _NOTHING) for spot in spots]
    findings = lexicon.findings
    return [
        Case(name, claim(clause, findings.get(concept, _NOTHING), implied, spot, lexicon))
        for spot, name, concept, implied in listed
    ]


def _last_joins(clause: Clause) -> bool:
    """Whether the finding is the next of a list, but for adjectives."""
    kind = next((i.kind for i in reversed(clause.before) if i.kind not in _ADJECTIVES), "")
    return kind in ("and", "or", "comma")
