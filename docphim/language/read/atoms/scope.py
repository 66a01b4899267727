"""Atoms of the tables `scope` and `back`: how far does a denial or hedge reach?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docphim.language.read.chunk import Clause, bare, leads_into, says

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class Hold:
    """What holds on from before: a denial (`of_state`: that of a state, "tim không to"), a hedge; and the words (`cue`)."""

    denied: bool = False
    hedge: str | None = None
    of_state: bool = False
    change: str | None = None
    cue: Item | None = None


class ScopeView:
    """Whether a denial or hedge from before still holds at a clause."""

    __slots__ = ("before", "clause", "either_", "hold", "lexicon", "next")
    #: Atoms that ask the clause alone.
    ITSELF = (
        *("end", "colon", "bracket", "comma", "conj", "conj_and", "disjunction", "nolink", "state", "bare", "bare_but_hedged"),
        *("spread", "with_place", "with_subject", "cause"),
    )
    #: Atoms that ask what stands before the clause, where a comma leads to it.
    BEFORE_COMMA = ("denied", "of_state", "denies_itself", "after_evidence")

    def __init__(self, around: tuple[Clause | None, Clause, Clause | None], hold: Hold, either: bool, lexicon: Lexicon) -> None:
        """`around`: the clause before, the clause, the next; `either`: an "or" comes behind it in the list."""
        self.before, self.clause, self.next = around
        self.hold, self.either_, self.lexicon = hold, either, lexicon

    def denied(self) -> bool:
        """A denial holds before it."""
        return self.hold.denied

    def of_state(self) -> bool:
        """The denial is that of a state: "tim không to"."""
        return self.hold.of_state

    def either(self) -> bool:
        """An "or" comes behind it in the list."""
        return self.either_

    def end(self) -> bool:
        """A word such as "but", or a stop, leads to it."""
        return not self.clause.links.isdisjoint(("end", "break"))

    def colon(self) -> bool:
        """A colon leads to it."""
        return "colon" in self.clause.links

    def bracket(self) -> bool:
        """It stands in brackets."""
        return self.clause.bracket

    def comma(self) -> bool:
        """A comma leads to it."""
        return "comma" in self.clause.links

    def conj(self) -> bool:
        """ "and" or "or" leads to it."""
        return not self.clause.links.isdisjoint(("and", "or"))

    def conj_and(self) -> bool:
        """ "and" leads to it."""
        return "and" in self.clause.links

    def disjunction(self) -> bool:
        """ "or" leads to it."""
        return "or" in self.clause.links

    def nolink(self) -> bool:
        """Nothing leads to it."""
        return not self.clause.links

    def state(self) -> bool:
        """It is about a state."""
        return self.clause.at is not None and self.clause.at.kind == "state"

    def bare(self) -> bool:
        """A finding without a side, lobe, size, grade, denial or hedge of its own."""
        return bare(self.clause, self.lexicon)

    def bare_but_hedged(self) -> bool:
        """Bare, but that it may be hedged."""
        return bare(self.clause, self.lexicon, hedged=True)

    def runs_on(self) -> bool:
        """Another predicate follows without a comma: "…, khối đè đẩy phế quản"."""
        return self.next is not None and not self.next.links and self.next.at is not None

    def adjective(self) -> bool:
        """What was said before is its adjective: "no hypermetabolic left axillary nodes"."""
        return self.before is not None and leads_into(self.before, self.clause, self.lexicon)

    def denies_itself(self) -> bool:
        """What was said before denies itself and nothing else: "non-avid cyst"."""
        return self.before is not None and "denies" in says(self.before.at)

    def spread(self) -> bool:
        """It is said to be scattered or everywhere."""
        return any(i.kind == "descriptor" and i.name in self.lexicon.extent for i in self.clause.items)

    def with_place(self) -> bool:
        """It names a place."""
        return bool(self.clause.ahead or self.clause.behind)

    def with_subject(self) -> bool:
        """It names an organ."""
        return self.clause.has("anatomy") or bool(says(self.clause.at))

    def cause(self) -> bool:
        """A hedge stands before it: it explains what was said before."""
        return any(i.kind == "certainty" for i in self.clause.before)

    def after_evidence(self) -> bool:
        """What was said before is a sign that needs explaining: uptake, enhancement."""
        return self.before is not None and self.before.at is not None and self.before.at.name in self.lexicon.evidence


class BackView:
    """Whether a cue behind a clause reaches on to the clause before it."""

    __slots__ = ("answers_", "before", "clause", "first", "kind", "lexicon")

    def __init__(self, clause: Clause, before: Clause, kind: str, cue: tuple[bool, bool], lexicon: Lexicon) -> None:
        """`before`: the clause before; `kind` of the cue; `cue`: it stands here or behind remarks; it answers a colon."""
        self.clause, self.before, self.kind, self.lexicon = clause, before, kind, lexicon
        self.first, self.answers_ = cue

    def end(self) -> bool:
        """A word such as "but" stands between."""
        return not self.clause.links.isdisjoint(("end", "break"))

    def colon(self) -> bool:
        """A colon stands between."""
        return "colon" in self.clause.links

    def comma(self) -> bool:
        """A comma stands between."""
        return "comma" in self.clause.links

    def answers(self) -> bool:
        """The cue answers a colon: "Tràn khí màng phổi: không"."""
        return self.answers_

    def first_clause(self) -> bool:
        """The cue stands in this clause."""
        return self.first

    def answered(self) -> bool:
        """The clause that the cue stands in has nothing of its own."""
        return self.first and self.clause.at is None

    def conj(self) -> bool:
        """ "and" or "or" stands between."""
        return not self.clause.links.isdisjoint(("and", "or"))

    def hedge(self) -> bool:
        """The cue hedges."""
        return self.kind == "certainty"

    def compares(self) -> bool:
        """The cue says what has changed: "Viêm phổi: không thay đổi"."""
        return self.kind == "change"

    def before_bare(self) -> bool:
        """The clause before is a finding without place or grade."""
        return bare(self.before, self.lexicon)

    def settled(self) -> bool:
        """The clause before has a cue of its own, or no predicate."""
        return self.before.at is None or self.before.has("negation", "shown", "affirm", "certainty")
