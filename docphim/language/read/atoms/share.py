"""Atoms of the table `share`: who lends a place in a list?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docphim.language.read.chunk import Clause, bare, home, leads_into, organ, says

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon


class ShareView:
    """Whether a finding in a list takes over the place of the next."""

    __slots__ = ("before", "clause", "denials", "lender", "lexicon", "next")
    #: Atoms that ask the clause alone.
    ITSELF = ("placed", "bare", "bare_first", "plain", "homeless")

    def __init__(
        self, around: tuple[Clause | None, Clause, Clause], lender: Clause, denials: tuple[bool, bool], lexicon: Lexicon
    ) -> None:
        """`around`: the clause before, the clause, the next; `lender`: the one that the next borrows from, or itself;
        `denials`: whether each of the two is denied."""
        self.before, self.clause, self.next = around
        self.lender, self.denials, self.lexicon = lender, denials, lexicon

    def placed(self) -> bool:
        """It names a place."""
        return bool(self.clause.ahead or self.clause.behind)

    def bare(self) -> bool:
        """It has no side, size or grade of its own."""
        return bare(self.clause, self.lexicon)

    def bare_first(self) -> bool:
        """It has no side, size or grade of its own, though it may have a denial: it is the first of its list."""
        return bare(self.clause, self.lexicon, denies=True)

    def same(self) -> bool:
        """Both are denied, or neither is."""
        return self.denials[0] == self.denials[1]

    def denied(self) -> bool:
        """The next is denied."""
        return self.denials[1]

    def finding(self) -> bool:
        """Both are findings."""
        return all(c.at is not None and c.at.kind == "finding" for c in (self.clause, self.next))

    def home(self) -> bool:
        """The next is where it usually is, and this one usually is elsewhere: "không thấy nốt, tràn dịch màng phổi"."""
        usual, other = (home(c.at, self.lexicon) for c in (self.lender, self.clause))
        lent = {organ(p, self.lexicon) for p in (*self.lender.behind, *self.lender.ahead)} - {None}
        return usual is not None and other is not None and usual != other and (not lent or usual in lent)

    def neighbour(self) -> bool:
        """It usually is in another organ of the chest than the next: "dải xơ - dày màng phổi"."""
        other = home(self.clause.at, self.lexicon)
        if other is None and self.before is not None and not self.clause.links:
            other = home(self.before.at, self.lexicon)  # "nốt vôi - dày màng phổi": the calcification is the nodule's
        lent = {organ(p, self.lexicon) for p in (*self.lender.behind, *self.lender.ahead)} - {None}
        region = {"chest"}
        return bool(lent) and other not in lent and all(self.lexicon.within(x, "chest") for x in {*lent, other} - region)

    def relational(self) -> bool:
        """The next is what this one does to another organ: "khối đè đẩy phế quản"."""
        return self.next.at is not None and self.next.at.name in self.lexicon.relational

    def next_borrows(self) -> bool:
        """The next takes over a place itself."""
        return self.lender is not self.next

    def plain(self) -> bool:
        """It has no place, hedge or change of its own; it may be measured."""
        placed = any(i.locations or i.kind in ("side", "anatomy") for i in self.clause.items)
        return not placed and not self.clause.has("certainty", "change")

    def side_only(self) -> bool:
        """The next names no more than its side: "right chest tube"."""
        phrases = (*self.lender.behind, *self.lender.ahead)
        return bool(phrases) and not any(p.anatomy or p.locations for p in phrases)

    def homeless(self) -> bool:
        """Its concept has no usual organ."""
        return home(self.clause.at, self.lexicon) is None

    def trailing(self) -> bool:
        """The next names its place behind it."""
        return bool(self.lender.behind)

    def conj(self) -> bool:
        """ "and" or "or" leads to the next."""
        return not self.next.links.isdisjoint(("and", "or"))

    def comma(self) -> bool:
        """A comma leads to the next."""
        return "comma" in self.next.links

    def accompanied(self) -> bool:
        """A word such as "kèm" leads to the next: the two are seen together."""
        return "with" in self.next.links

    def same_home(self) -> bool:
        """Both are in the same organ, by their words or as usual: "effusion with pneumothorax on the right"."""
        return home(self.clause.at, self.lexicon) == home(self.next.at, self.lexicon) is not None

    def nolink(self) -> bool:
        """Nothing leads to the next."""
        return not self.next.links

    def heads(self) -> bool:
        """It is an adjective by itself at the head of a sentence, and the next names an organ: "tortuous, calcified aorta"."""
        at = self.clause.at
        says_how = at is not None and (at.name in self.lexicon.as_state or (at.kind == "state" and not says(at)))
        alone = says_how and self.before is None and self.clause.kinds <= {"state", "finding", "severity"}
        named = any(p.anatomy for p in (*self.next.ahead, *self.next.behind))
        return alone and named and self.next.kinds.isdisjoint(("negation", "certainty"))

    def adjective(self) -> bool:
        """It stands right before the next and its place, as an adjective does: "hypermetabolic left axillary nodes"."""
        lent = self.lender.ahead or self.lender.behind
        return leads_into(self.clause, self.next, self.lexicon) and bool(lent or (self.homeless() and not self.nodes()))

    def nodes(self) -> bool:
        """The next is nodes."""
        return home(self.lender.at, self.lexicon) in self.lexicon.with_states
