"""Where a finding is: its own place, what its concept implies, or one taken over (tables `anatomy`, `side`, `location`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from docphim.language.read.amounts import Draft
from docphim.language.read.atoms.inherit import InheritView
from docphim.language.read.chunk import Clause, Place, Sentence

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon


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


@dataclass(frozen=True, slots=True)
class Named:
    """A finding before its place is settled: what its concept says (`about`), its words (`meaning`), the place it names
    (`spot`), whether it is denied or hedged, and the organ that the next of its list means (`lender`)."""

    about: Mapping[str, Any]
    meaning: Mapping[str, str]
    spot: Place
    denied: bool
    hedged: bool
    lender: str | None


def settle(fact: Draft, clause: Clause, named: Named, topic: Topic, sentence: Sentence) -> None:
    """Set anatomy, side, location and part of a finding; it becomes the topic."""
    view = _view(clause, named, topic, sentence.lexicon)
    spoken = topic.spoken if view.topic_ is topic.last else topic.heading
    grammar = sentence.grammar
    for field_, choose in (("anatomy", _anatomies), ("side", _sides), ("location", _locations)):
        row = grammar[field_].decide(view)
        value = choose(view)[row.do]
        setattr(fact, field_, value)
        setattr(view, f"{field_}_", value)
        if field_ == "side":
            view.took = row.do
        source = {"topic": spoken, "header": topic.heading}.get(row.do, clause)
        fact.why.append((field_, row.name, source))
    part = named.spot.part or named.meaning.get("part")
    fact.part = None if part in sentence.lexicon.outer else part
    row = grammar["topic"].decide(view)
    if row.do == "take":
        topic.last, topic.spoken = Place(fact.anatomy, None, fact.side, fact.location), clause


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


def _view(clause: Clause, named: Named, topic: Topic, lexicon: Lexicon) -> InheritView:
    """The view that the tables ask."""
    at, about, meaning, spot = clause.at, named.about, named.meaning, named.spot
    view = InheritView(lexicon)
    view.location_ = spot.locations + tuple(x for x in (at.locations if at else ()) if x not in spot.locations)
    view.word_, view.of_, view.usual_ = meaning.get("anatomy"), about.get("of"), about.get("usually")
    view.place_ = spot.anatomy or of_locations(view.location_, lexicon)
    view.lender_, view.denied_ = named.lender, named.denied
    view.topic_, view.header_ = topic.last, topic.header
    if topic.header and view.usual_ and not lexicon.within(topic.last.anatomy, topic.header.anatomy or ""):
        view.topic_ = topic.header
    view.conj_ = not clause.links.isdisjoint(("and", "or"))
    view.also_in = about.get("also_in", ())
    view.side_, view.word_side_ = spot.side, meaning.get("side")
    view.carries_ = bool(spot.anatomy or meaning.get("anatomy") or (at and at.term and at.term.carries))
    view.hedged_, view.object_ = named.hedged, bool(clause.behind)
    view.relational_ = bool(about.get("relational"))
    return view


def of_locations(locations: Sequence[str], lexicon: Lexicon) -> str | None:
    """The anatomy that a place names by itself: a lobe is the lung's."""
    names = (lexicon.location_of.get(re.sub(r"_\d+$", "", place)) for place in locations)
    return next((name for name in names if name), None)
