"""Atoms of the table `again`: is a finding named again the one before?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docphim.language.read.chunk import Clause, says

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon
    from docphim.language.read.amounts import Draft


class AgainView:
    """A clause about a finding, the clause before, and the last fact."""

    __slots__ = ("before", "clause", "fact", "facts", "lexicon")

    def __init__(self, clause: Clause, before: Clause, facts: Sequence[Draft], lexicon: Lexicon) -> None:
        self.clause, self.before, self.fact, self.facts, self.lexicon = clause, before, facts[-1], facts, lexicon

    def named_before(self) -> bool:
        """Its finding was named before in the sentence."""
        at = self.clause.at
        return at is not None and at.kind == "finding" and any(fact.finding == at.name for fact in self.facts)

    def before_hedged(self) -> bool:
        """The finding before is hedged: "likely a metastatic lymph node"."""
        return any(i.kind == "certainty" for i in self.before.before)

    def before_finding(self) -> bool:
        """The clause before is about a finding."""
        return self.before.at is not None and self.before.at.kind == "finding"

    def arc(self) -> bool:
        """Its place is an arc of a rib: "gãy ở cung trước"."""
        places = [x for p in (*self.clause.ahead, *self.clause.behind) for x in p.locations]
        return bool(places) and all(x.endswith("_arc") for x in places)

    def same(self) -> bool:
        """Both name the same finding."""
        at, before = self.clause.at, self.before.at
        return (
            at is not None and before is not None and (at.kind, at.name) == (before.kind, before.name) == ("finding", at.name)
        )

    def organ(self) -> bool:
        """It names an organ or a side, or means one by its words: "u tuyến ức"."""
        return "anatomy" in says(self.clause.at) or any(p.anatomy or p.side for p in (*self.clause.ahead, *self.clause.behind))

    def device(self) -> bool:
        """It is a tube or a line."""
        return self.clause.at is not None and self.clause.at.name in self.lexicon.devices

    def located(self) -> bool:
        """It names a place in an organ."""
        return any(p.locations for p in (*self.clause.ahead, *self.clause.behind))

    def fact_located(self) -> bool:
        """The fact before has a place in its organ."""
        return bool(self.fact.location)

    def counted(self) -> bool:
        """It is counted anew."""
        return self.clause.has("count")

    def cued(self) -> bool:
        """It has a denial or a word such as "có" before it."""
        return any(i.kind in ("negation", "change") for i in self.clause.items)

    def measured(self) -> bool:
        """It says how much."""
        return self.clause.has("size", "suv", "severity")

    def hedged(self) -> bool:
        """It is hedged: "khả năng hạch viêm"."""
        return self.clause.has("certainty")

    def bare(self) -> bool:
        """It says nothing of how much."""
        return self.clause.kinds.isdisjoint(("size", "suv", "severity", "count", "descriptor", "word"))

    def fact_measured(self) -> bool:
        """The fact before has a size or uptake."""
        return bool(self.fact.size_mm or self.fact.suv is not None)

    def comma(self) -> bool:
        """A comma stands between."""
        return "comma" in self.clause.links

    def conj(self) -> bool:
        """ "and" or "or" stands between."""
        return not self.clause.links.isdisjoint(("and", "or"))

    def nolink(self) -> bool:
        """Nothing stands between."""
        return not self.clause.links

    def denied(self) -> bool:
        """The fact before is denied."""
        return self.fact.polarity == "absent"
