"""Where a finding is: its own place, what its concept implies, or one taken over (tables `anatomy`, `side`, `location`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from docphim.language.read.amounts import Draft
from docphim.language.read.atoms.inherit import InheritView
from docphim.language.read.chunk import Clause, Place, Sentence
from docphim.language.read.place import Claim

_ASKED = (*Claim._fields, "denied_", "hedged_", "lender_")
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
    asked: bool = False  # whether something was decided by what was spoken of before
    beside: bool = False  # whether the first clause asked for the facts before it


class Cues(NamedTuple):
    """What holds for a finding: whether it is denied or hedged, and the organ that the next of its list means."""

    denied_: bool
    hedged_: bool
    lender_: str | None


class Settled(NamedTuple):
    """Where a finding is, what it makes the topic (None: that stays); for each field the rule and what it does.

    `asked`: whether what was spoken of before was asked for.
    """

    anatomy: str | None
    side: str | None
    location: tuple[str, ...]
    topic: Place | None
    rows: tuple[tuple[str, str, str], ...]
    asked: bool


def settle(fact: Draft, clause: Clause, claim: Claim, cues: Cues, topic: Topic, sentence: Sentence) -> None:
    """Set anatomy, side, location and part of a finding; it becomes the topic."""
    last, header, spoken, lexicon = topic.last, topic.header, topic.spoken, sentence.lexicon
    if header and claim.usual_ and not lexicon.within(last.anatomy, header.anatomy or ""):
        last, spoken = header, topic.heading
    asked = claim, cues, (last.anatomy, last.side, last.locations, header is not None, header.side if header else None)
    inherits = cues.denied_ and last.part and not (claim.part or claim.place_ or claim.word_)
    fact.part = claim.part
    fact.anatomy, fact.side, fact.location, taken, rows, heir = sentence.settled.get(asked) or _remember(asked, sentence)
    topic.asked = topic.asked or heir or header is not None or bool(inherits)
    if inherits and fact.anatomy == last.anatomy and last.part not in lexicon.outer:
        fact.part = last.part  # "động mạch chủ lên 36 mm, không bóc tách" says nothing of the descending aorta
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
    view = InheritView(sentence.lexicon, Place(anatomy, None, side, locations), Place(side=of_header) if headed else None)
    vars(view).update(zip(_ASKED, (*claim, *cues), strict=True))
    rows = []
    for field_, values in _VALUES.items():
        row = sentence.grammar[field_].narrowed(view, InheritView.ITSELF).decide(view)
        setattr(view, f"{field_}_", values[row.do](view))
        if field_ == "side":
            view.took = row.do
        rows.append((field_, row.name, row.do))
    takes = sentence.grammar["topic"].decide(view).do == "take"
    taken = Place(view.anatomy_, None, view.side_, view.location_) if takes else None
    return Settled(view.anatomy_, view.side_, view.location_, taken, tuple(rows), view.asked)


def _none(view: InheritView) -> None:
    return None


#: For each field of a fact what the verbs of its table set it to.
_VALUES: Mapping[str, Mapping[str, Callable[[InheritView], Any]]] = {
    "anatomy": {
        "word": attrgetter("word_"), "of": attrgetter("of_"), "place": attrgetter("place_"), "usual": attrgetter("usual_"),
        "topic": attrgetter("topic_.anatomy"), "lender": attrgetter("lender_"), "none": _none,
    },
    "side": {
        "place": attrgetter("side_"), "word": attrgetter("word_side_"), "topic": attrgetter("topic_.side"),
        "header": lambda view: view.header_.side if view.header_ else None, "none": _none,
    },
    "location": {
        "place": lambda view: tuple(sorted(view.location_)), "topic": lambda view: tuple(sorted(view.topic_.locations)),
        "none": lambda view: (),
    },
}  # fmt: skip
