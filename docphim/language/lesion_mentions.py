"""The lesions that one sentence speaks of: its facts folded from left to right, each into the lesion that it is said of."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Callable, Iterable
from typing import NamedTuple

from docphim.language.fact import KNOWN, Fact
from docphim.language.facts import Sentence, facts_of
from docphim.language.lesion_draft import Draft, level, records_of
from docphim.language.lesion_fit import compatible, count_of, now, respectively, same_place, sides_apart, size_of
from docphim.language.lesion_words import LesionWords, lesion_words, spaced
from docphim.language.read.sentence import read_sentence
from docphim.study import Lesion

#: In which order facts of the same words are taken: what is there, its uptake, what it is, what else is said of it.
_RANKS = ("head", "uptake", "nature", "inside", "invasion", "loose", "")
#: Letters that a word "again" may stand behind a thing.
_NEAR = 16


class Mention(NamedTuple):
    """A lesion of a sentence, which nobody changes, and its records."""

    draft: Draft
    records: tuple[Lesion, ...]


@functools.lru_cache(maxsize=20_000)
def mentions(sentence: str, language: str) -> tuple[Mention, ...]:
    """The lesions of a sentence; reports say the same sentences again and again.

    Offsets are within the sentence.
    """
    words = lesion_words(language)
    read = read_sentence(sentence, words.lexicon)
    if not any(part for _, part in read):
        return ()
    fold = _Fold(sentence, words)
    fold.take(facts_of(Sentence(0, sentence, 0), read))
    fold.drafts = sides_apart(fold.drafts)
    return tuple([Mention(draft, records_of(draft, sentence, words) if draft.type else ()) for draft in fold.drafts])


class _Fold:
    """The lesions of a sentence so far; `drafts[-1]` is the one that is spoken of."""

    def __init__(self, sentence: str, words: LesionWords) -> None:
        self.sentence, self.words = sentence, words
        self.drafts: list[Draft] = []
        self.waiting: list[Fact] = []
        self.starts: list[int] = []
        self.steps: dict[str, Callable[[Fact, str], None]] = {
            "head": self.head,
            "uptake": self.uptake,
            "nature": self.nature,
            "inside": self.inside,
            "invasion": self.invasion,
            "loose": self.loose,
        }

    def take(self, facts: Iterable[Fact]) -> None:
        """Fold a sentence's facts."""
        roles = [(self.role(fact), fact) for fact in respectively(list(facts), self.sentence)]
        self.starts = sorted(fact.start for _, fact in roles)
        for role, fact in sorted(roles, key=lambda pair: (pair[1].start, _RANKS.index(pair[0]))):
            if role:
                self.steps[role](fact, spaced(fact.text, self.words.lexicon))

    def role(self, fact: Fact) -> str:
        """What a fact is to a lesion; "" where nothing."""
        words, finding = self.words, fact.finding
        if KNOWN in fact.leftover:  # why the scan was asked for, not what it shows
            return ""
        if finding is None:
            return "loose" if fact.measures and fact.state is None else ""
        if finding in words.uptake:
            return "uptake"
        if finding == "invasion":
            return "invasion" if fact.polarity == "present" else ""
        name = words.same.get(finding, finding)
        if name in words.lesions or name in words.avid:
            return "head"
        return "nature" if finding in words.nature else "inside" if finding in words.inside else ""

    # What each kind of fact does

    def head(self, fact: Fact, text: str) -> None:
        """A thing that is there begins a lesion, or is one that was spoken of."""
        words, finding = self.words, str(fact.finding)
        name = words.same.get(finding, finding)
        before = self.drafts[-1] if self.drafts else None
        again = next((draft for draft in reversed(self.drafts) if self.names_again(fact, text, name, draft)), None)
        if again:
            self.describe(again, fact, text)
            if finding in words.nature and fact.polarity == "present":
                self.hold(again, fact, text)
        elif fact.polarity != "present" or fact.certainty == "obscured" or fact.change == "resolved":
            return
        elif before and self.is_inside(fact, before):
            self.inside(fact, text)
        else:
            self.thing(fact, text, name, before)

    def thing(self, fact: Fact, text: str, name: str, before: Draft | None) -> None:
        """A thing that is there: a lesion, or more of the one before it, or what the uptake before it is of."""
        words = self.words
        draft = Draft(name, fact.anatomy, fact.start, fact.end, avid=name not in words.lesions)
        draft.side, draft.locations = fact.side, self.places(fact, text)
        draft.largest, draft.again = words.says("largest", text), self.again(fact)
        draft.soft = words.soft(fact.anatomy, text)
        whole = self.whole_of(draft, adds=bool(fact.measures or fact.count))
        if whole is not None:
            whole.largest = whole.largest or draft.largest
            self.describe(whole, fact, text)
            return
        if before and self.is_named_by(before, fact):
            before.type, before.avid = name, draft.avid
            self.describe(before, fact, text)
            return
        while self.drafts and self.is_of(self.drafts[-1], fact, name):  # "hypermetabolic right hilar node": the node's uptake
            draft.take(self.drafts.pop(), words)
        self.drafts.append(draft)
        draft.count = count_of(fact.count) or draft.count
        self.describe(draft, fact, text)
        if fact.finding in words.alone:
            self.hold(draft, fact, text)

    def is_named_by(self, before: Draft, fact: Fact) -> bool:
        """Whether a thing says what kind the lesion right before it is: "tổn thương phá hủy xương …"."""
        bare = before.type == "lesion" and before.size is None and before.uptake is None and not before.nature
        return bare and before.start <= fact.start <= before.end + 1 and compatible(fact, before, self.words)

    def is_of(self, before: Draft, fact: Fact, name: str) -> bool:
        """Whether an uptake that was named first is that of the thing behind it; nodes may be listed by two regions."""
        if before.type != "fdg_uptake" or "," in self.sentence[before.end : fact.start] or fact.start <= before.start:
            return False
        nodes = name == "lymph_node" and {before.place, fact.anatomy} <= self.words.regions.keys()
        return nodes or compatible(fact, before, self.words)

    def hold(self, draft: Draft, fact: Fact, text: str) -> None:
        """Say what a finding says that a lesion is; that it is malignant says not whether it began there."""
        if not self.words.says("malignant", text):
            draft.name(self.words.nature.get(str(fact.finding), "primary"), fact.certainty)

    def names_again(self, fact: Fact, text: str, name: str, before: Draft) -> bool:
        """Whether a thing is only what the one before it is held to be: "…, theo dõi tổn thương nguyên phát"."""
        if name not in (*self.words.general, before.type) or fact.size_mm or fact.count is not None:
            return False
        described = {"primary", "benign"} & {*fact.leftover}
        named = described or any(self.words.says(held, text) for held in ("residual", "primary"))
        held = fact.certainty not in ("certain", "obscured") or bool(named)
        return held and compatible(fact, before, self.words)

    def whole_of(self, draft: Draft, adds: bool) -> Draft | None:
        """The lesion before it that a thing is ("thành hang …"), or is the largest of; None where it is another."""
        before = self.drafts[-1] if self.drafts else None
        if before is None or not same_place(draft, before):
            return None
        if before.type == "lymph_node" and draft.type in self.words.grown:
            return before
        return before if draft.type == before.type and (draft.largest or not adds) else None

    def describe(self, draft: Draft, fact: Fact, text: str) -> None:
        """Give a lesion what a fact says of its looks, size, uptake, nature and change."""
        words = self.words
        draft.reach(fact)
        draft.shape |= words.shape & {*fact.leftover}
        draft.shape |= {name for name in words.worded_shapes if words.says(name, text)}
        draft.size = draft.size or size_of(fact, words, text)
        draft.add_suv(now(fact, self.words, text))
        if fact.change and fact.change != "resolved":
            draft.change = draft.change or fact.change
        draft.extent = draft.extent or self.extent(fact, text)
        self.held(draft, fact, text)

    def held(self, draft: Draft, fact: Fact, text: str) -> None:
        """What adjectives say that a lesion is: "dạng lành tính", "nguyên phát", "tồn dư"."""
        words = self.words
        certainty = "certain" if fact.certainty == "obscured" else fact.certainty
        for name in fact.leftover:
            if name in words.described_as:
                draft.name(words.described_as[name], certainty)
        behind = f"{text} {spaced(self.behind(fact), words.lexicon)}"
        for name in ("residual", "primary", "inflammation"):
            if words.says(name, behind):
                draft.name(name, certainty)

    def behind(self, fact: Fact) -> str:
        """The words behind a fact that are no fact's."""
        following = bisect.bisect_left(self.starts, fact.end)
        return self.sentence[fact.end : self.starts[following] if following < len(self.starts) else None]

    def extent(self, fact: Fact, text: str) -> str | None:
        """How far a thing is spread."""
        named = next((self.words.extent[name] for name in fact.leftover if name in self.words.extent), None)
        return named or next((name for name in ("focal", "diffuse") if self.words.says(name, text)), None)

    def uptake(self, fact: Fact, text: str) -> None:
        """An uptake is that of the lesion before it in its place, else a lesion by itself."""
        target, physiologic = self.without_uptake(fact), self.words.says("physiologic", text)
        if fact.polarity != "present":
            self.denied(fact, target, text)
        elif fact.finding == "enhancement":
            if target and any(measure.kind.startswith("suv") for measure in fact.measures):
                self.describe_uptake(target, fact, text)
        elif fact.finding == "physiologic_uptake" and physiologic:
            self.raised(self.begin(fact, text), fact, text)
        elif fact.finding == "fdg_uptake" and fact.certainty != "obscured":
            self.raised(target or self.begin(fact, text), fact, text)

    def raised(self, draft: Draft, fact: Fact, text: str) -> None:
        """An uptake that is there."""
        if self.words.says("physiologic", text):
            draft.name("physiologic", "certain")
        draft.uptake = level(fact)
        self.narrow(draft, fact, text)
        self.describe_uptake(draft, fact, text)

    def begin(self, fact: Fact, text: str) -> Draft:
        """A lesion that is known by its uptake alone; without a place it may be of what was spoken of before."""
        draft = Draft("fdg_uptake", fact.anatomy, fact.start, fact.end, side=fact.side, locations=self.places(fact, text))
        draft.count, draft.again = count_of(fact.count), fact.anatomy is None
        draft.shape = {*fact.leftover} & self.words.shape  # of what it may be the uptake of
        if draft.extent is None and self.words.says("foci", spaced(self.sentence[: fact.end], self.words.lexicon)):
            draft.extent = "focal"
        self.drafts.append(draft)
        for cause in self.waiting:
            if compatible(cause, draft, self.words):
                draft.name(self.words.nature[str(cause.finding)], cause.certainty)
                draft.reach(cause)
        return draft

    def describe_uptake(self, draft: Draft, fact: Fact, text: str) -> None:
        """Give a lesion the numbers, extent and nature of its uptake."""
        draft.reach(fact)
        draft.add_suv(now(fact, self.words, text))
        draft.size = draft.size or size_of(fact, self.words, text)
        draft.extent = self.extent(fact, text) or draft.extent
        if fact.change and fact.change != "resolved":
            draft.change = draft.change or fact.change
        self.held(draft, fact, text)

    def denied(self, fact: Fact, target: Draft | None, text: str) -> None:
        """No raised uptake: of the lesion before, and of those of which it is the largest."""
        if target is None:
            if not self.drafts and fact.anatomy is None:
                self.drafts.append(Draft("", None, fact.start, fact.end, uptake="none"))
            return
        target.uptake = "none"
        target.reach(fact)
        target.add_suv(fact.measures)
        self.narrow(target, fact, text)
        self.held(target, fact, "")
        if target.largest:
            for draft in self.drafts:
                if draft.type == target.type and draft.uptake is None:
                    draft.uptake = "none"

    def without_uptake(self, fact: Fact) -> Draft | None:
        """The last lesion in the place of an uptake of which nothing was said yet."""
        open_ = (d for d in reversed(self.drafts) if d.uptake is None and compatible(fact, d, self.words))
        return next(open_, None)

    def nature(self, fact: Fact, text: str) -> None:
        """What a lesion is held to be; a metastasis somewhere else is a lesion of its own."""
        words, what = self.words, self.words.nature[str(fact.finding)]
        if fact.polarity != "present" or fact.certainty == "obscured":
            return
        targets = self.explained(fact)
        for draft in targets:
            draft.name(what, fact.certainty)
            draft.reach(fact)
            if fact.measures and draft.size is None:
                draft.size = size_of(fact, words, text)
            draft.add_suv(now(fact, self.words, text))
        if not targets and fact.finding in words.alone:
            self.alone(fact, text, what)
        elif not targets:
            self.waiting.append(fact)

    def alone(self, fact: Fact, text: str, what: str) -> None:
        """A metastasis or recurrence that is no more than that: "di căn gan đa ổ"."""
        # "di căn hạch rốn phổi, gan": a node where one may lie
        kind = "lymph_node" if fact.anatomy in self.words.regions and self.words.says("nodes", text) else "lesion"
        draft = Draft(kind, fact.anatomy, fact.start, fact.end, side=fact.side, locations=self.places(fact, text))
        draft.count, draft.again = count_of(fact.count), fact.anatomy is None
        draft.largest = self.words.says("largest", text)
        self.drafts.append(draft)
        self.describe(draft, fact, text)
        draft.name(what, fact.certainty)

    def explained(self, fact: Fact) -> list[Draft]:
        """The lesions that a nature is said of: the last in its place, and those of the same words."""
        fitting = [draft for draft in self.drafts if compatible(fact, draft, self.words)]
        fitting = [draft for draft in fitting if not draft.avid or draft.uptake] or fitting
        return [draft for draft in fitting if draft.start == fitting[-1].start or draft.start == fact.start]

    def inside(self, fact: Fact, text: str) -> None:
        """Necrosis, calcium or a cavity in a lesion are its looks."""
        draft = self.drafts[-1] if self.drafts else None
        if draft is None or fact.polarity != "present" or not compatible(fact, draft, self.words):
            return
        draft.shape.add(self.words.inside[str(fact.finding)])
        draft.size = draft.size or size_of(fact, self.words, text)
        draft.add_suv(now(fact, self.words, text))
        draft.reach(fact)

    def invasion(self, fact: Fact, text: str) -> None:
        """What the lesion that is spoken of grows into."""
        if self.drafts and fact.anatomy:
            self.drafts[-1].invasion.add(fact.anatomy)
            self.drafts[-1].reach(fact)

    def loose(self, fact: Fact, text: str) -> None:
        """Numbers without a thing: of the lesion before, else of the sentence before."""
        if fact.anatomy is not None:
            return
        if not self.drafts:
            self.drafts.append(Draft("", None, fact.start, fact.end))
        self.describe(self.drafts[-1], fact, text)

    def is_inside(self, fact: Fact, draft: Draft) -> bool:
        """Whether a thing is how the lesion before it looks: calcium, or what is named where that is and has no size.

        "nốt kính mờ", "nốt …, có hang".
        """
        if fact.finding not in self.words.inside or draft.avid or draft.type == fact.finding:
            return False
        there = (fact.anatomy, fact.side) == (draft.place, draft.side) and {*fact.location} <= {*draft.locations}
        nearby = not self.sentence[draft.end : fact.start].strip()
        return fact.finding in self.words.lexicon.inside or (there and (nearby or not (fact.measures or fact.count)))

    def narrow(self, draft: Draft, fact: Fact, text: str) -> None:
        """Where a lesion is, if what is said of its uptake says it more narrowly: "nốt đặc xương …ở chỏm xương đùi phải"."""
        if draft.place and fact.anatomy not in (None, draft.place) and self.words.lexicon.within(fact.anatomy, draft.place):
            draft.place, draft.side = fact.anatomy, draft.side or fact.side
            draft.locations = tuple(sorted({*draft.locations, *self.places(fact, text)}))

    def places(self, fact: Fact, text: str) -> tuple[str, ...]:
        """Where in its organ a thing is: as facts say, its part, and what finer words say."""
        part = [fact.part] if fact.part and fact.part not in self.words.outer else []
        return tuple(sorted({*fact.location, *part, *self.words.finer(fact.anatomy, text)}))

    def again(self, fact: Fact) -> bool:
        """Whether a thing is called one that was spoken of before: "hạch này", "these nodes"."""
        words = self.words
        before = spaced(self.sentence[max(0, fact.start - _NEAR) : fact.start] + " " + fact.text, words.lexicon)
        behind = spaced(self.sentence[fact.start : fact.end + _NEAR], words.lexicon)
        return any(word in behind for word in words.again_behind) or any(word in before for word in words.again_before)
