"""Atoms of the table `place`: whose is a phrase of place between two predicates?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docphim.language.read.chunk import NOTHING, PLACE, Phrase, Segment, Sentence, home, organ, says

if TYPE_CHECKING:
    from docphim.language.item import Item


class PlaceView:
    """A phrase of place between two predicates of a segment: whose is it?"""

    __slots__ = ("gap", "items", "left_", "left_ahead", "lexicon", "m", "owned", "phrase", "phrases", "right_", "segment")

    def __init__(
        self, segment: Segment, gap: int, m: int, left: tuple[Sequence[Phrase], Sequence[Phrase]], sentence: Sentence
    ) -> None:
        """`m` of the phrases in a gap; `left`: the places before and behind the left predicate that are its so far."""
        self.segment, self.gap, self.m, self.items, self.lexicon = segment, gap, m, sentence.items, sentence.lexicon
        self.phrases, (self.left_ahead, self.owned) = segment.gaps[gap], left
        self.phrase = self.phrases[m]
        at = segment.predicates
        self.left_ = self.items[at[gap - 1]] if gap else None
        self.right_ = self.items[at[gap]] if gap < len(at) else None

    def left(self) -> bool:
        """A predicate stands before it in the segment."""
        return self.left_ is not None

    def right(self) -> bool:
        """A predicate stands behind it in the segment."""
        return self.right_ is not None

    def right_state(self) -> bool:
        """What stands behind it is a state."""
        return self.right_ is not None and self.right_.kind != "finding"

    def touches_left(self) -> bool:
        """Nothing stands between what is before it and it: "hyperinflated lungs"."""
        return self.left_ is not None and self.left_.end == self.items[self.phrase.first].start

    def left_as_state(self) -> bool:
        """What is before it is said of an organ as an adjective is: "thickened pericardium"."""
        return self.left_ is not None and self.left_.name in self.lexicon.as_state

    def left_placed(self) -> bool:
        """What is before it has its own place before it: "pleural thickening"."""
        return bool(self.left_ahead or self.owned) or "anatomy" in says(self.left_)

    def right_leads(self) -> bool:
        """An organ follows at once what stands behind it: "flattened hemidiaphragms"."""
        if self.right_ is None:
            return False
        behind = next(iter(self.items[self.segment.predicates[self.gap] + 1 :]), None)
        return behind is not None and behind.kind == "anatomy" and behind.start == self.right_.end

    def touches_right(self) -> bool:
        """Nothing stands between it and what is behind it: "of left mastectomy"."""
        return self.right_ is not None and self.items[self.phrase.last - 1].end == self.right_.start

    def side_only(self) -> bool:
        """It names a side and nothing else."""
        return self.phrase.side is not None and not (self.phrase.anatomy or self.phrase.locations)

    def right_finding(self) -> bool:
        """What stands behind it is a finding."""
        return self.right_ is not None and self.right_.kind == "finding"

    def left_finding(self) -> bool:
        """What stands before it is a finding."""
        return self.left_ is not None and self.left_.kind == "finding"

    def right_evidence(self) -> bool:
        """What stands behind it is a sign such as uptake, which is where the thing before it is."""
        return self.right_ is not None and self.right_.name in self.lexicon.evidence

    def touches(self) -> bool:
        """It stands right behind the predicate before it."""
        return bool(self.gap) and self.phrase.first == self.segment.predicates[self.gap - 1] + 1

    def right_names_anatomy(self) -> bool:
        """The words of what stands behind it name its organ."""
        return "anatomy" in says(self.right_)

    def left_open(self) -> bool:
        """What stands before it is a state that still lacks its organ: "tăng đậm rốn phổi"."""
        if self.left_ is None or self.left_.kind != "state" or "anatomy" in says(self.left_):
            return False
        return not any(p.anatomy for p in (*self.left_ahead, *self.owned))

    def left_needs(self) -> bool:
        """What stands before it is a finding that says nothing without an organ, and has none: "dày …"."""
        if self.left_ is None or self.left_.kind != "finding" or self.left_full():
            return False
        return home(self.left_, self.lexicon) is None and not self.left_ahead

    def followed(self) -> bool:
        """Another phrase is joined to it."""
        return self.m + 1 < len(self.phrases) and self.phrases[self.m + 1].joined

    def left_subject(self) -> bool:
        """What stands before it was said of the organ before that: "màng phổi dày …"."""
        return self.left_can_follow() and any(p.anatomy for p in self.left_ahead)

    def left_with_subject(self) -> bool:
        """What stands before it has an organ before it: "lách có nang …"."""
        return any(p.anatomy for p in self.left_ahead)

    def left_can_follow(self) -> bool:
        """What stands before it can be said of an organ before it, or is."""
        about = self.lexicon.findings.get(self.left_.name, NOTHING) if self.left_ else NOTHING
        of = about.get("of")
        return bool(about.get("as_state")) or any(p.anatomy == of for p in self.left_ahead if of)

    def left_full(self) -> bool:
        """What stands before it names its organ, or has it already."""
        if self.left_ is None:
            return False
        about = self.lexicon.findings.get(self.left_.name, NOTHING)
        carries = bool(self.left_.term and self.left_.term.carries) or "of" in about
        return carries or any(p.anatomy or organ(p, self.lexicon) for p in self.owned)

    def left_elsewhere(self) -> bool:
        """What stands before it is of an organ of its own, which it neither is nor lies in: "xẹp đốt sống D12 gan …"."""
        of, here = home(self.left_, self.lexicon), self.phrase.anatomy or organ(self.phrase, self.lexicon)
        if of is None or here is None:
            return False
        return not (self.lexicon.within(here, of) or self.lexicon.within(of, here))

    def kin(self) -> bool:
        """It is about the organ of the phrase before it, which what stands before has."""
        return bool(self.owned) and self.phrase.anatomy in (self.owned[-1].anatomy, organ(self.owned[-1], self.lexicon))

    def repeats(self) -> bool:
        """It names the place again that what stands before has already."""
        return bool(self.owned) and (self.phrase.anatomy, self.phrase.side) == (self.owned[-1].anatomy, self.owned[-1].side)

    def other_side(self) -> bool:
        """It names a side, and the phrase before it that what stands before has names another."""
        return (
            bool(self.owned) and None not in (self.phrase.side, self.owned[-1].side) and self.phrase.side != self.owned[-1].side
        )

    def last(self) -> bool:
        """No phrase follows before the next predicate but what is joined to it."""
        return all(p.joined for p in self.phrases[self.m + 1 :])

    def anat(self) -> bool:
        """It names an organ."""
        return self.phrase.anatomy is not None

    def goes_on(self) -> bool:
        """It goes on a list of which the member before is the left predicate's."""
        if not (self.phrase.joined and self.owned and self.owned[-1] is self.phrases[self.m - 1]):
            return False
        return all(i.kind in ("and", "or", "of") for i in self.items[self.owned[-1].last : self.phrase.first])

    def organ_after_side(self) -> bool:
        """It names an organ, and the phrase before it no more than a side: "on the right and the mediastinum"."""
        before = self.owned[-1] if self.owned else None
        return self.phrase.anatomy is not None and before is not None and not (before.anatomy or before.locations)

    def cue_before(self) -> bool:
        """A cue stands between the predicate before and it: "… có vỏ đặc xương"."""
        start = self.segment.predicates[self.gap - 1] if self.gap else self.phrase.first
        between = self.items[start : self.phrase.first]
        return any(i.kind == "affirm" or (i.kind == "negation" and i.name != "after") for i in between)

    def cue_after(self) -> bool:
        """A cue stands between it and the next predicate: "… bilaterally may represent infection"."""
        end = self.segment.predicates[self.gap] if self.right_ is not None else self.segment.last
        return any(i.kind in ("certainty", "negation", "affirm") for i in self.items[self.phrase.last : end])

    def join_before(self) -> bool:
        """ "and" or "or" stands before it."""
        return self.phrase.joined

    def join_after(self) -> bool:
        """ "and" or "or" stands between it and the next predicate."""
        end = self.segment.predicates[self.gap] if self.right_ is not None else self.segment.last
        return any(i.kind in ("and", "or") for i in self.items[self.phrase.last : end])

    def right_affirmed(self) -> bool:
        """A word such as "có" or "không" stands between it and the next predicate."""
        if self.right_ is None:
            return False
        between = self.items[self.phrase.last : self.segment.predicates[self.gap]]
        return any(i.kind in ("affirm", "negation") for i in between)

    def denied_elsewhere(self) -> bool:
        """What is denied behind it names its organ itself: "the lungs show no pleural thickening"."""
        if self.right_ is None:
            return False
        end = self.segment.predicates[self.gap]
        denial = next((n for n in range(self.phrase.last, end) if self.items[n].kind == "negation"), None)
        return denial is not None and any(i.kind == "anatomy" for i in self.items[denial:end])

    def of_before(self) -> bool:
        """A preposition leads to it: "of the aortic arch"."""
        return self.phrase.of

    def right_can_follow(self) -> bool:
        """What stands behind it can be said of an organ before it, and no place behind it is its own.

        A place behind it is not where that has a state of its own: "khí quản không lệch bóng tim to".
        """
        if self.right_ is None or self.right_.kind != "finding":
            return False
        about, term = self.lexicon.findings.get(self.right_.name, NOTHING), self.right_.term
        if not about.get("as_state") or (term and ("anatomy" in term.says or (term.carries and not term.led))):
            return False
        behind = self._behind_right()[:2]
        return not behind or behind[0].kind not in PLACE or self._has_state(behind)

    def _has_state(self, behind: Sequence[Item]) -> bool:
        """Whether an organ is followed by what is said of it."""
        if len(behind) < 2 or behind[0].kind != "anatomy":
            return False
        about = self.lexicon.findings.get(behind[1].name, NOTHING) if behind[1].kind == "finding" else NOTHING
        return behind[1].kind == "state" or bool(about.get("as_state")) or about.get("of", "") == behind[0].name

    def _behind_right(self) -> list[Item]:
        start = self.segment.predicates[self.gap] + 1
        return [i for i in self.items[start : start + 12] if i.kind not in ("severity", "descriptor", "side", "negation")]

    def right_of_it(self) -> bool:
        """What stands behind it is by its meaning this organ's."""
        of = self.lexicon.findings.get(self.right_.name, NOTHING).get("of") if self.right_ else None
        return of is not None and of == self.phrase.anatomy
