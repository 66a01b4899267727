"""Atoms of the table `lone`: what is a segment without finding or state?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from docphim.language.read.chunk import LISTED, PLACE, Clause, Segment, Sentence, organ, says

if TYPE_CHECKING:
    from docphim.language.item import Item


class LoneView:
    """A segment without finding or state, the clause before it, and the segment behind it."""

    __slots__ = ("after", "before", "content", "items", "kinds", "lexicon", "phrases", "segment")

    def __init__(self, segment: Segment, before: Clause | None, after: Sequence[Segment], sentence: Sentence) -> None:
        self.segment, self.before, self.after = segment, before, after
        self.items, self.lexicon = sentence.items, sentence.lexicon
        self.content = self.items[segment.first : segment.last]
        self.kinds = frozenset([i.kind for i in self.content])
        self.phrases = segment.gaps[0]

    def then_colon(self) -> bool:
        """A colon follows."""
        return bool(self.after) and "colon" in self.after[0].links

    def describes_only(self) -> bool:
        """It holds nothing but adjectives, grades and measures."""
        return bool(self.kinds) and self.kinds <= {"descriptor", "severity", "count", "size", "suv", "measure"}

    def next_comma(self) -> bool:
        """A finding follows behind a comma."""
        after = self.after[0] if self.after else None
        if after is None or not after.predicates or after.links != {"comma"} or after.bracket:
            return False
        return self.items[after.predicates[0]].kind == "finding"

    def then_bracket(self) -> bool:
        """A bracket follows: "the lung is not seen (pneumonectomy)"."""
        return bool(self.after) and self.after[0].bracket and not self.bracket()

    def only_looks_denied(self) -> bool:
        """Only how a finding looks is denied: "…, không tua gai"."""
        kinds = [i.kind for i in self.content]
        denied = any(pair == ("negation", "descriptor") for pair in pairwise(kinds))
        return denied and self.kinds <= {"negation", "descriptor", "and", "or", "comma", "severity"}

    def has_cue(self) -> bool:
        """It denies, hedges, affirms or compares."""
        return not self.kinds.isdisjoint(("negation", "shown", "change", "certainty"))

    def anat(self) -> bool:
        """It names an organ."""
        return "anatomy" in self.kinds

    def goes_on(self) -> bool:
        """It names a place in the organ of the clause before: "…, abutting the pleura: most likely a carcinoma"."""
        inside = bool(self.phrases) and not any(p.anatomy or p.side for p in self.phrases)
        return inside and self.prev_predicate() and self.comma()

    def placed(self) -> bool:
        """It names a place."""
        return any(p.anatomy or p.side or p.locations for p in self.phrases)

    def word(self) -> bool:
        """It holds a word that the lexicon does not know, or a descriptor."""
        return not self.kinds.isdisjoint(("word", "descriptor"))

    def unknown(self) -> bool:
        """It holds a word that the lexicon does not know."""
        return "word" in self.kinds

    def words(self) -> bool:
        """It holds words of its own; numbers count where it names a place."""
        words = [i for i in self.content if i.kind == "word" and (self.phrases or not i.name[0].isdecimal())]
        return bool(words) or "descriptor" in self.kinds

    def speaks(self) -> bool:
        """It holds an unknown word, or a cue."""
        return not self.kinds.isdisjoint(("word", "negation", "certainty", "shown", "affirm", "change"))

    def only_where(self) -> bool:
        """It holds nothing but a place."""
        return bool(self.kinds) and self.kinds <= PLACE | {"and", "or", "of"}

    def where_changed(self) -> bool:
        """It holds nothing but a change and places: "decrease in mediastinal, …"."""
        return self.kinds <= PLACE | {"and", "or", "of", "change"}

    def listed(self) -> bool:
        """It holds nothing but places, denials and adjectives: "no axillary, …"."""
        return self.kinds <= LISTED | {"state", "of"}

    def measured(self) -> bool:
        """It says how much."""
        return not self.kinds.isdisjoint(("size", "suv", "measure", "severity", "count"))

    def sized(self) -> bool:
        """It holds a size or an uptake."""
        return not self.kinds.isdisjoint(("size", "suv", "measure"))

    def changed(self) -> bool:
        """It says how something has changed."""
        return "change" in self.kinds

    def tip(self) -> bool:
        """It names the end of a tube: "…, đầu ở tĩnh mạch chủ trên"."""
        return any(i.kind == "part" and i.name in self.lexicon.tube_ends for i in self.content)

    def colon(self) -> bool:
        """A colon leads to it."""
        return "colon" in self.segment.links

    def plain(self) -> bool:
        """Its words say nothing of how it looks, but that it is the largest and the like."""
        return all(i.name in self.lexicon.empty for i in self.content if i.kind in ("word", "descriptor"))

    def largest(self) -> bool:
        """It speaks of the largest of several."""
        return any(i.kind == "descriptor" and i.name in self.lexicon.dimensions for i in self.content)

    def prev_as_state(self) -> bool:
        """What was said before it is said of an organ as a state is: it is wide, or thick."""
        at = self.before.at if self.before is not None else None
        return at is not None and at.name in self.lexicon.as_state and at.name not in self.lexicon.evidence

    def prev_placed(self) -> bool:
        """The clause before names a place."""
        return self.before is not None and bool(self.before.ahead or self.before.behind)

    def next_bare(self) -> bool:
        """What follows behind a comma is a finding or state that names no place: "…, không giãn"."""
        after = self.after[0] if self.after else None
        return after is not None and bool(after.predicates) and after.links == {"comma"} and not any(after.gaps)

    def next_state_like(self) -> bool:
        """The next thing said is a state, or a finding that is said of an organ as a state is."""
        return self._next() is not None and (self._next().kind == "state" or self._next().name in self.lexicon.as_state)  # type: ignore[union-attr]

    def negation(self) -> bool:
        """It denies."""
        return "negation" in self.kinds

    def obscured(self) -> bool:
        """It says that something is hard to see."""
        return any(i.kind == "certainty" and i.name == "obscured" for i in self.content)

    def bracket(self) -> bool:
        """It stands in brackets."""
        return self.segment.bracket

    def comma(self) -> bool:
        """A comma leads to it."""
        return "comma" in self.segment.links

    def end(self) -> bool:
        """A word such as "but", or a stop, leads to it."""
        return not self.segment.links.isdisjoint(("end", "break"))

    def excepted(self) -> bool:
        """A word such as "except" leads to it."""
        return "except" in self.segment.links

    def prev(self) -> bool:
        """Something was said before it in the sentence."""
        return self.before is not None

    def prev_predicate(self) -> bool:
        """What was said before it is a finding or state, of the clause just before."""
        return self.before is not None and self.before.at is not None

    def after_copy(self) -> bool:
        """What stands before it is another side of the finding before that: "…, bên phải giảm, bên trái tăng"."""
        return self.before is not None and self.before.do == "copy"

    def in_organ(self) -> bool:
        """It names a place that only one organ has: the base and the apex are the lung's."""
        return any(organ(p, self.lexicon) for p in self.phrases)

    def prev_words(self) -> bool:
        """What was said before it holds words that the lexicon does not know."""
        return self.before is not None and self.before.do == "words"

    def prev_trailing(self) -> bool:
        """The clause before names its place behind its finding."""
        return self.before is not None and bool(self.before.behind)

    def prev_measured(self) -> bool:
        """The clause before says how much."""
        before = self.before
        if before is None:
            return False
        return any(i.kind in ("size", "suv", "count", "severity") for i in (*before.before, *before.after, *before.added))

    def prev_hedged(self) -> bool:
        """What was said before it is a suspicion: "…, nghĩ đến di căn, …"."""
        return self.before is not None and self.before.at is not None and any(i.kind == "certainty" for i in self.before.before)

    def prev_relational(self) -> bool:
        """The clause before says what the finding before that does to another organ: "… xâm lấn màng phổi, …"."""
        return self.before is not None and self.before.at is not None and self.before.at.name in self.lexicon.relational

    def next_finer(self) -> bool:
        """What follows behind a comma begins with a place in an organ that it does not name: "…, sát màng phổi có khối"."""
        if not (self.after and self.after[0].predicates and self.after[0].links == {"comma"}):
            return False
        first = self.after[0].gaps[0]
        return bool(first) and all(p.locations and not (p.anatomy or p.side) for p in first)

    def prev_finding(self) -> bool:
        """The clause before is about a finding."""
        return self.before is not None and self.before.at is not None and self.before.at.kind == "finding"

    def after_lone(self) -> bool:
        """What stands before it is a segment without predicate."""
        return self.before is not None and self.before.at is None

    def sided(self) -> bool:
        """It names a side."""
        return any(p.side for p in self.phrases)

    def organ_other(self) -> bool:
        """It names another organ than the clause before."""
        before = (*self.before.ahead, *self.before.behind) if self.before else ()
        return any(p.anatomy and p.anatomy not in {q.anatomy for q in before} for p in self.phrases)

    def part_other(self) -> bool:
        """It names another part of the organ of the clause before: the descending aorta."""
        before = (*self.before.ahead, *self.before.behind) if self.before else ()
        return any(p.part and p.part not in {q.part for q in before} for p in self.phrases) and not self.organ_other()

    def organ_again(self) -> bool:
        """It names the organ of the clause before on the other side: "phổi phải có nốt, phổi trái không"."""
        return self.prev_predicate() and self.anat() and self.side_other() and not self.organ_other()

    def side_other(self) -> bool:
        """It names a side that the clause before does not."""
        if self.before is None:
            return False
        mine = {p.side for p in self.phrases if p.side}
        theirs = {p.side for p in (*self.before.ahead, *self.before.behind, *self.before.more) if p.side}
        return bool(mine) and bool(theirs) and not mine & theirs

    def one_of_both(self) -> bool:
        """It names one side, and the last place that was named is on both."""
        sides = {p.side for p in self.phrases if p.side}
        ahead = next((i for i in reversed(self.items[: self.segment.first]) if i.kind == "side"), None)
        return bool(sides) and "both" not in sides and ahead is not None and ahead.name == "both"

    def next_subject(self) -> bool:
        """What follows is said of the organ before it: "gan, lách, tụy không thấy bất thường"."""
        for segment in self.after:
            if not segment.predicates:
                if not (segment.links <= {"comma", "and", "or"}) or self._without_place(segment):
                    return False
                continue
            return any(p.anatomy for p in segment.gaps[0]) and segment.links <= {"comma", "and", "or"}
        return False

    def _without_place(self, segment: Segment) -> bool:
        return not {i.kind for i in self.items[segment.first : segment.last]} <= PLACE | {"and", "or"}

    def next_places(self) -> bool:
        """A finding follows that names a place before it, or by its words: "no axillary, mediastinal nodes"."""
        if not (self.after and self.after[0].predicates and self.after[0].links <= {"comma", "and", "or"}):
            return False
        at = self.items[self.after[0].predicates[0]]
        return at.kind == "finding" and ("anatomy" in says(at) or any(p.anatomy or p.locations for p in self.after[0].gaps[0]))

    def next_joins(self) -> bool:
        """ "and" or "or" stands before the finding that follows."""
        segment = self.after[0]
        inner = self.items[segment.first : segment.predicates[0]] if segment.predicates else ()
        return any(i.kind in ("and", "or") for i in inner) or not segment.links.isdisjoint(("and", "or"))

    def close(self) -> bool:
        """A bracket ends before it."""
        return "close" in self.segment.links

    def next_state(self) -> bool:
        """The next thing said is a state."""
        return self._next() is not None and self._next().kind == "state"  # type: ignore[union-attr]

    def next_general(self) -> bool:
        """The next thing said is an abnormality or lesion in general."""
        return self._next() is not None and self._next().name in self.lexicon.general  # type: ignore[union-attr]

    def next_denied(self) -> bool:
        """The next thing said is a finding that is denied: "màng phổi, màng tim không có dịch"."""
        segment = next((s for s in self.after if s.predicates), None)
        if segment is None or self.items[segment.predicates[0]].kind != "finding":
            return False
        return any(i.kind == "negation" for i in self.items[segment.first : segment.predicates[0]])

    def next_sign(self) -> bool:
        """The next thing said is an uptake or enhancement, or that all is well."""
        findings = self.lexicon.findings
        at = self._next()
        return at is not None and (at.name in self.lexicon.evidence or bool(findings.get(at.name, {}).get("normal")))

    def _next(self) -> Item | None:
        return next((self.items[s.predicates[0]] for s in self.after if s.predicates), None)
