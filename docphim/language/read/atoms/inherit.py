"""Atoms of the tables `anatomy`, `side`, `location` and `topic`: what does a fact take over?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docphim.language.read.chunk import Place

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon


class InheritView:
    """A fact in the making: what it names itself, what its concept means, what was spoken of before."""

    word_: str | None  # the organ, and the side, that its words mean
    word_side_: str | None
    of_: str | None  # the organ that its concept means, and the usual one
    usual_: str | None
    place_: str | None  # what it names itself
    side_: str | None
    location_: tuple[str, ...]
    lender_: str | None  # the organ that the next of its list means
    also_in: Sequence[str]
    conj_: bool
    with_: bool
    denied_: bool
    carries_: bool
    relational_: bool
    hedged_: bool
    object_: bool

    #: Atoms that are asked first: where they decide, it does not matter what was spoken of before.
    ITSELF = ("carries", "denied", "took_topic", "took_any")

    def __init__(self, lexicon: Lexicon, topic: Place, header: Place | None) -> None:
        """`topic`: what was spoken of; `header`: the heading."""
        self.lexicon = lexicon
        self._before = topic, header
        self.asked = False  # whether it matters what was spoken of before
        self.anatomy_: str | None = None  # what is decided so far
        self.took = "none"

    @property
    def topic_(self) -> Place:
        """What was spoken of."""
        self.asked = True
        return self._before[0]

    @property
    def header_(self) -> Place | None:
        """The heading."""
        self.asked = True
        return self._before[1]

    def word(self) -> bool:
        """Its words name the organ: "tràn dịch màng tim"."""
        return self.word_ is not None

    def of(self) -> bool:
        """Its concept means an organ, whatever was spoken of: pneumothorax, the pleura."""
        return self.of_ is not None

    def usual(self) -> bool:
        """Its concept has a usual organ."""
        return self.usual_ is not None

    def place(self) -> bool:
        """It names its organ, or a place that is an organ's."""
        return self.place_ is not None

    def rib_level(self) -> bool:
        """It names a rib, and usually is in the lung: how high it lies."""
        return self.place_ == "rib" and self.usual_ == "lung"

    def region(self) -> bool:
        """It names no more than a region of the body."""
        return self.place_ in ("chest", "body")

    def lender(self) -> bool:
        """The next of its list names an organ by its words."""
        return self.lender_ is not None

    def conj(self) -> bool:
        """ "and" or "or" leads to it."""
        return self.conj_

    def accompanies(self) -> bool:
        """ "kèm" leads to it."""
        return self.with_

    def topic_also(self) -> bool:
        """What was spoken of is one of the organs where it can be as well."""
        return self.topic_.anatomy in self.also_in

    def topic(self) -> bool:
        """An organ was spoken of."""
        return self.topic_.anatomy is not None

    def topic_region(self) -> bool:
        """No organ was spoken of, or no more than a region."""
        return self.topic_.anatomy in (None, "chest", "body")

    def topic_inside(self) -> bool:
        """What was spoken of lies in its usual organ."""
        return self.lexicon.within(self.topic_.anatomy, self.usual_ or "")

    def topic_chest(self) -> bool:
        """What was spoken of lies in the chest."""
        return self.lexicon.within(self.topic_.anatomy, "chest")

    def nodal(self) -> bool:
        """It is of nodes."""
        return self.usual_ == "lymph_node"

    def station(self) -> bool:
        """It names a station beside the hilum: "the largest subcarinal node" is not the hilum's."""
        return not self.lexicon.stations.isdisjoint(self.location_)

    def segment_only(self) -> bool:
        """It names no organ, and no place but numbered segments."""
        return not self.carries_ and bool(self.location_) and all(x.startswith("segment_") for x in self.location_)

    def topic_segments(self) -> bool:
        """What was spoken of has numbered segments as the lung has: the liver."""
        return self.topic_.anatomy in self.lexicon.segments

    def topic_nodes(self) -> bool:
        """What was spoken of is a region that has nodes."""
        return self.topic_.anatomy in self.lexicon.nodes

    def topic_abdomen(self) -> bool:
        """What was spoken of lies in the abdomen."""
        return self.lexicon.within(self.topic_.anatomy, "abdomen")

    def usual_abdomen(self) -> bool:
        """Its usual organ lies in the abdomen."""
        return self.lexicon.within(self.usual_, "abdomen")

    def hedged(self) -> bool:
        """It is no more than possible or probable."""
        return self.hedged_

    def object(self) -> bool:
        """Its organ stands behind it: what it happens to."""
        return self.object_

    def header(self) -> bool:
        """A heading stands before the colon."""
        return self.header_ is not None

    def header_sided(self) -> bool:
        """The heading names a side."""
        return self.header_ is not None and self.header_.side is not None

    def sided(self) -> bool:
        """It names its side."""
        return self.side_ is not None

    def topic_sided(self) -> bool:
        """A side was spoken of."""
        return self.topic_.side is not None

    def paired(self) -> bool:
        """There is one of its organ on each side."""
        return self.lexicon.paired(self.anatomy_)

    def same_organ(self) -> bool:
        """Its organ is the one spoken of."""
        return self.anatomy_ == self.topic_.anatomy

    def inside_topic(self) -> bool:
        """Its organ lies in the one spoken of, or is it: the interstitium of the lungs."""
        return self.topic_.anatomy is not None and self.lexicon.within(self.anatomy_, self.topic_.anatomy)

    def carries(self) -> bool:
        """It names its organ, by its words or by a place."""
        return self.carries_

    def denied(self) -> bool:
        """It is denied."""
        return self.denied_

    def located(self) -> bool:
        """It names its place in the organ."""
        return bool(self.location_)

    def took_topic(self) -> bool:
        """Its side is the one spoken of."""
        return self.took == "topic"

    def took_any(self) -> bool:
        """It has a side."""
        return self.took != "none"

    def relational(self) -> bool:
        """It is what something else does to this organ: invasion, compression."""
        return self.relational_
