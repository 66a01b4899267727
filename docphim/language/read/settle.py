"""Where a finding is: its own place, what its concept implies, or one taken over (tables `anatomy`, `side`, `location`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from docphim.language.read.amounts import Draft
from docphim.language.read.atoms.inherit import InheritView
from docphim.language.read.chunk import Clause, Place, Sentence
from docphim.language.read.place import Claim

#: Findings in their surroundings of which it is remembered where they are.
_REMEMBERED = 50_000


@dataclass(slots=True)
class Topic:
    """What a clause may inherit: the last place, and the heading before a colon with all that it lists."""

    last: Place = field(default_factory=Place)
    header: Place | None = None
    headed: list[Place] = field(default_factory=list)
    listed: list[Place] = field(default_factory=list)
    # the clauses that spoke of the last place and of the heading
    spoken: Clause | None = None
    heading: Clause | None = None


class Cues(NamedTuple):
    """What holds for a finding: whether it is denied or hedged, and the organ that the next of its list means."""

    denied_: bool
    hedged_: bool
    lender_: str | None


class Settled(NamedTuple):
    """Where a finding is, what it makes the topic (None: that stays); for each field the rule and what it does."""

    anatomy: str | None
    side: str | None
    location: tuple[str, ...]
    topic: Place | None
    rows: tuple[tuple[str, str, str], ...]


def settle(fact: Draft, clause: Clause, claim: Claim, cues: Cues, topic: Topic, sentence: Sentence) -> None:
    """Set anatomy, side, location and part of a finding; it becomes the topic."""
    last, header, spoken, lexicon = topic.last, topic.header, topic.spoken, sentence.lexicon
    if header and claim.usual_ and not lexicon.within(last.anatomy, header.anatomy or ""):
        last, spoken = header, topic.heading
    asked = claim, cues, (last.anatomy, last.side, last.locations, header is not None, header.side if header else None)
    fact.part = claim.part
    fact.anatomy, fact.side, fact.location, taken, rows = sentence.settled.get(asked) or _remember(asked, sentence)
    sources = {"topic": spoken, "header": topic.heading}
    fact.why = [*fact.why, *[(field_, row, sources.get(do, clause)) for field_, row, do in rows]]
    if taken:
        topic.last, topic.spoken = taken, clause


#: What tables are asked of: a finding; its cues; anatomy, side, locations spoken of, whether there is a heading, and its side.
Asked = tuple[Claim, Cues, tuple[str | None, str | None, tuple[str, ...], bool, str | None]]


def _remember(asked: Asked, sentence: Sentence) -> Settled:
    """What the tables say, kept: they ask nothing but what is given here, and are asked the same again and again."""
    if len(sentence.settled) >= _REMEMBERED:
        sentence.settled.clear()
    sentence.settled[asked] = settled = _settled(asked, sentence)
    return settled


def _settled(asked: Asked, sentence: Sentence) -> Settled:
    """What the tables say."""
    claim, cues, (anatomy, side, locations, headed, of_header) = asked
    view, grammar = InheritView(sentence.lexicon), sentence.grammar
    vars(view).update(claim._asdict(), **cues._asdict())
    view.topic_, view.header_ = Place(anatomy, None, side, locations), Place(side=of_header) if headed else None
    rows = []
    for field_, choose in (("anatomy", _anatomies), ("side", _sides), ("location", _locations)):
        row = grammar[field_].decide(view)
        setattr(view, f"{field_}_", choose(view)[row.do])
        if field_ == "side":
            view.took = row.do
        rows.append((field_, row.name, row.do))
    takes = grammar["topic"].decide(view).do == "take"
    taken = Place(view.anatomy_, None, view.side_, view.location_) if takes else None
    return Settled(view.anatomy_, view.side_, view.location_, taken, tuple(rows))


def _anatomies(view: InheritView) -> dict[str, str | None]:
    return {
        "word": view.word_, "of": view.of_, "place": view.place_, "usual": view.usual_, "topic": view.topic_.anatomy,
        "lender": view.lender_, "none": None,
    }  # fmt: skip


def _sides(view: InheritView) -> dict[str, str | None]:
    header = view.header_.side if view.header_ else None
    return {"place": view.side_, "word": view.word_side_, "topic": view.topic_.side, "header": header, "none": None}


def _locations(view: InheritView) -> dict[str, tuple[str, ...]]:
    return {"place": tuple(sorted(view.location_)), "topic": tuple(sorted(view.topic_.locations)), "none": ()}
