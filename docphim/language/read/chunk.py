"""What a sentence is taken apart into (phrases of place, segments between signs, clauses around a predicate), and what each
means to the lexicon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon

#: Kinds of item that name a place.
PLACE = frozenset(("anatomy", "part", "side", "location"))
#: Kinds of item that join what stands around them.
JOINING = frozenset(("comma", "and", "or", "end", "colon", "close"))
#: Signs and words at which a segment ends.
BOUNDARIES = frozenset(("comma", "colon", "end", "close"))
#: Kinds of item that say how much or how, and stand between a thing and its place.
AMOUNTS = frozenset(("severity", "descriptor", "count", "size", "suv", "measure"))
#: Cues that stand before what they deny, hedge or affirm.
BEFORE = frozenset(("negation", "certainty", "affirm"))
#: What a list of places or findings is made of.
LISTED = PLACE | {"negation", "and", "or", "comma", "severity", "descriptor", "count"}
NONE: frozenset[str] = frozenset()
NOTHING: Mapping[str, Any] = {}
#: What was decided, by which rule (none where its own words say it), and by what: a phrase, segment, clause or cue.
Reason = tuple[str, str, Any]
#: Kinds of item that stand between an adjective and its noun.
_QUALIFIERS = frozenset(("descriptor", "severity", "word", "count", "size"))
_GRADES = frozenset(("severity", "size", "suv", "affirm", "change"))
#: Kinds of item that deny, hedge, affirm or compare; most clauses have none.
CUES = frozenset(("negation", "certainty", "affirm", "change"))


def links_of(item: Item) -> frozenset[str]:
    """What a sign or joining word adds to the links of what follows it: its kind, or that it begins a sentence."""
    if item.name == "break":
        return frozenset(("break",))
    return frozenset((item.kind, item.name)) if item.name in ("versus", "with", "except") else frozenset((item.kind,))


@dataclass(frozen=True, slots=True)
class Sentence:
    """The items of a sentence, and what they are read with."""

    items: list[Item]
    lexicon: Lexicon
    grammar: Mapping[str, Any]  # the tables of read/tables.py
    settled: dict[Any, Any] = field(default_factory=dict)  # what settle.py was asked before
    values: dict[Any, Any] = field(default_factory=dict)  # the fields of facts that were read before


@dataclass(slots=True)
class Phrase:
    """A place as it is worded: "thùy trên phổi phải".

    Parameters
    ----------
    first, last : int
        Its items: from `first` up to, not including, `last`.
    joined : bool
        A comma, "and" or "or" leads from the phrase before to this one.
    of : bool
        A preposition stands before it: "of the aortic arch".
    led : bool
        It begins with a side or number before its noun: "hai góc sườn hoành".
    """

    first: int
    last: int
    anatomy: str | None = None
    part: str | None = None
    side: str | None = None
    locations: tuple[str, ...] = ()
    joined: bool = False
    of: bool = False
    led: bool = False


@dataclass(slots=True)
class Segment:
    """Items between two signs (comma, colon, bracket, or a word such as "but"), the signs left out.

    Parameters
    ----------
    first, last : int
        Its items, `last` not included.
    links : frozenset of str
        The kinds of the signs and joining words before it.
    bracket : bool
        It stands in brackets.
    predicates : tuple of int
        Indexes of its findings and states.
    gaps : list of list of Phrase
        The places before the first predicate, between each two, and behind the last.
    """

    first: int
    last: int
    links: frozenset[str]
    bracket: bool
    predicates: tuple[int, ...] = ()
    gaps: list[list[Phrase]] = field(default_factory=list)


@dataclass(slots=True)
class Clause:
    """A predicate with all that is said of it, or (`at` None) a segment without predicate and what is done with it.

    Parameters
    ----------
    do : str
        `predicate`, or a verb of the table `lone`.
    at : Item, optional
        Its finding or state.
    before, after : sequence of Item
        Its items on either side of the predicate.
    added : list of Item
        Items of later segments that go on about it as if they stood in it: "…, bờ không đều".
    ahead, behind : list of Phrase
        Places before the predicate and behind it.
    extra, more : list of Item, list of Phrase
        What later segments add to its last fact where that does not say it: "…, 12 mm", "… (S8)".
    links : frozenset of str
        Kinds of the signs and joining words that lead to it.
    bracket : bool
        It stands in brackets.
    why : list of Reason
        What was decided of it, and by which rule.
    kinds : frozenset of str
        Kinds of its items.
    state : Item, optional
        The state that stands beside its finding: "hạch trung thất to".
    holds : (Scope, Hold), optional
        What holds for it and behind it where nothing holds before it, once that was asked for; none where its cues reach back.
    reached : Table, optional
        The rows of the table `scope` that may fit it whatever its neighbours are, once that was asked for.
    plan : Plan, optional
        What it says wherever it stands (plan.py), once that was asked for.
    lends : Table, optional
        The rows of the table `share` that may fit it whatever its neighbours are, once that was asked for.
    """

    do: str
    at: Item | None
    before: list[Item]
    after: list[Item]
    ahead: list[Phrase]
    behind: list[Phrase]
    links: frozenset[str]
    bracket: bool
    why: list[Reason]
    added: list[Item] = field(default_factory=list)
    extra: list[Item] = field(default_factory=list)
    more: list[Phrase] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    kinds: frozenset[str] = NONE
    state: Item | None = None
    holds: Any = None
    reached: Any = None
    plan: Any = None
    lends: Any = None

    def settle(self) -> None:
        """Set what follows from its parts, once it is whole."""
        self.items = [*self.before, *([self.at] if self.at else ()), *self.after, *self.added]
        self.kinds = frozenset([item.kind for item in self.items])
        if "state" in self.kinds:
            self.state = next((i for i in self.items if i.kind == "state" and i is not self.at), None)

    def has(self, *kinds: str) -> bool:
        """Whether an item of one of these kinds is in the clause."""
        return not self.kinds.isdisjoint(kinds)


class Scope(NamedTuple):
    """What holds for a clause's predicate: a denial, a hedge, changes, and the rules by which."""

    denied: bool = False
    hedge: str | None = None
    changes: tuple[str, ...] = ()
    why: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Loan:
    """The clause whose place a clause takes over, how much of it (`all` or `anatomy`), and by which rule."""

    lender: int
    do: str
    row: str


@dataclass(slots=True)
class Place:
    """Where: anatomy, part, side, locations."""

    anatomy: str | None = None
    part: str | None = None
    side: str | None = None
    locations: tuple[str, ...] = ()


def says(item: Item | None) -> Mapping[str, str]:
    """What the words of an item mean besides their concept."""
    return item.term.says if item is not None and item.term else NOTHING


def organ(phrase: Phrase, lexicon: Lexicon) -> str | None:
    """The organ that a phrase names, or of which its place is: a lobe is the lung's."""
    return phrase.anatomy or next((lexicon.location_of[x] for x in phrase.locations if x in lexicon.location_of), None)


def organ_of(item: Item, lexicon: Lexicon) -> str | None:
    """The organ that an item of place names, or of which its place is."""
    if item.kind == "anatomy" and item.name:
        return item.name
    return next((lexicon.location_of[x] for x in item.locations if x in lexicon.location_of), None)


def has_states(item: Item | None, lexicon: Lexicon) -> bool:
    """Whether a state beside this finding is its own: "hạch trung thất to" speaks of one thing."""
    return item is not None and (item.kind == "ratio" or (item.kind == "finding" and item.name in lexicon.with_states))


def home(item: Item | None, lexicon: Lexicon) -> str | None:
    """The organ that a finding means, or where it usually is."""
    about = lexicon.findings.get(item.name, NOTHING) if item else NOTHING
    organ: str | None = says(item).get("anatomy") or about.get("of") or about.get("usually")
    return organ


def leads_into(clause: Clause, after: Clause, lexicon: Lexicon) -> bool:
    """Whether a finding stands right before the next one and its place, as an adjective does before its noun.

    "hypermetabolic left axillary nodes", and not "nodule in the left lung", "nodes, effusion" or "mass invading the pleura".
    """
    one, other = clause.at, after.at
    if one is None or other is None or not (one.kind == other.kind == "finding") or after.links:
        return False
    if other.name in lexicon.relational:
        return False
    between = [i for i in after.before if i.start >= one.end]
    words = sum(i.end - i.start for i in between)  # fewer where a word that says nothing, such as "with", stands between
    touches = not clause.after and not clause.behind and words == other.start - one.end
    return touches and all(i.kind in PLACE or i.kind in _QUALIFIERS for i in between)


def bare(clause: Clause, lexicon: Lexicon, hedged: bool = False, denies: bool = False) -> bool:
    """A finding without a side, lobe, size or grade of its own: the list before it goes on.

    `hedged`, `denies`: though it has a hedge or a denial of its own.
    """
    at = clause.at
    if at is None or (at.kind != "finding" and not says(at)):
        return False
    if lexicon.modifiers_after and at.term and at.term.led:
        return False
    if not clause.kinds.isdisjoint(_GRADES) or (not hedged and "certainty" in clause.kinds):
        return False
    if not denies and "negation" in clause.kinds:
        return False
    return not [i for i in clause.items if i.locations or (i.kind == "side" and i.name != "both")]
