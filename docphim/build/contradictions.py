"""Where a report's impression denies what its findings say, or says it of the other side.  Silence is no contradiction."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from typing import Literal, NamedTuple

from docphim.language.fact import Fact

Kind = Literal["side", "polarity"]

#: Words that say nothing in particular: "no lesion" is about what the sentence is about, and denies no finding by name.
GENERIC = frozenset({"abnormality", "lesion", "disease", "anomaly"})

#: A state that is called normal, and the states of the same anatomy that cannot be true beside it.
OPPOSITES: dict[str, frozenset[str]] = {
    "clear": frozenset({"hazy", "opacified", "blunted", "obscured", "obliterated"}),
    "sharp": frozenset({"blunted", "obscured", "obliterated"}),
    "smooth": frozenset({"irregular"}),
    "symmetric": frozenset({"asymmetric"}),
    "homogeneous": frozenset({"heterogeneous"}),
    "well_ventilated": frozenset({"hypoventilated", "collapsed"}),
}

#: Places that reports use for one another: a film shows heights, not lobes.
_ALIKE = {
    **dict.fromkeys(("upper_lobe", "upper_zone", "apex", "superior"), "upper"),
    **dict.fromkeys(("middle_lobe", "mid_zone", "lingula"), "middle"),
    **dict.fromkeys(("lower_lobe", "lower_zone", "base", "inferior"), "lower"),
    **{f"{place}_arc": place for place in ("anterior", "posterior", "lateral")},
}
#: Words that confine a denial to what was not spoken of yet: "no other node" denies none that was named.
_OTHERWISE = re.compile(r"\b(?:other|otherwise|new|further|additional|elsewhere|remaining|rest|khác|mới|thêm|còn lại)\b")

#: No report says more different things in one section; what does is read so far.
_MOST = 200


class Contradiction(NamedTuple):
    """A fact of the findings, and the fact of the impression that cannot be true beside it."""

    kind: Kind
    findings: Fact
    impression: Fact


def contradictions(findings: Sequence[Fact], impression: Sequence[Fact]) -> list[Contradiction]:
    """What the two sections of one report cannot both mean, in the order of the impression's words.

    `polarity`: one section says that a thing is there, the other that it is not, of the same anatomy and a place and side
    that the denial covers.  `side`: the findings have it on one side only and the impression on the other only.  What is
    hedged contradicts nothing, nor does a denial with a restriction ("no acute fracture", "elsewhere no opacity").
    """
    findings, impression = _distinct(findings), _distinct(impression)
    rows = [Contradiction("polarity", a, b) for a, b in _pairs(findings, impression) if _denied(a, b, findings, impression)]
    rows += [Contradiction("side", a, b) for a, b in _pairs(findings, impression) if _sides(a, b, findings, impression)]
    return rows


def _distinct(facts: Sequence[Fact]) -> list[Fact]:
    """Facts that say different things, not endlessly many: every pair is looked at."""
    return list({fact.strict: fact for fact in reversed(facts)}.values())[::-1][:_MOST]


def _pairs(findings: Sequence[Fact], impression: Sequence[Fact]) -> Iterator[tuple[Fact, Fact]]:
    """Facts of both that are certain and about one anatomy."""
    certain = [fact for fact in findings if fact.certainty == "certain"]
    for b in impression:
        if b.certainty == "certain":
            yield from ((a, b) for a in certain if a.anatomy == b.anatomy)


def _denied(a: Fact, b: Fact, findings: Sequence[Fact], impression: Sequence[Fact]) -> bool:
    """Whether one of them denies the other, and neither section says itself what the other says."""
    if _covers(a, b):
        denial, claim, denying, claiming = a, b, findings, impression
    elif _covers(b, a):
        denial, claim, denying, claiming = b, a, impression, findings
    else:
        return False
    also_claimed = any(_is(fact) and _overlap(fact, claim) and _like(fact, claim, _same(denial, claim)) for fact in denying)
    also_denied = any(_covers(fact, claim) for fact in claiming)
    return not also_claimed and not also_denied


def _like(fact: Fact, claim: Fact, same: bool) -> bool:
    """Whether a fact says the `same` thing, or else anything bad of that anatomy: then "otherwise normal" is no denial."""
    return _thing(fact) == _thing(claim) or (not same and fact.finding is None and fact.anatomy == claim.anatomy)


def _covers(denial: Fact, claim: Fact) -> bool:
    """Whether a fact, as far as it reaches, excludes another."""
    if _is(denial) or not _is(claim) or denial.anatomy != claim.anatomy or denial.finding in GENERIC:
        return False
    if not (_same(denial, claim) or _opposite(denial, claim)) or not _whole(denial, claim):
        return False
    sides = denial.side in (None, "both", claim.side) or claim.side == "both"
    return sides and _place(denial) <= _place(claim)


def _same(denial: Fact, claim: Fact) -> bool:
    """Whether both speak of one thing; to deny "enlarged nodes" is not to deny nodes."""
    return _thing(denial) == _thing(claim) and denial.state in (None, claim.state)


def _opposite(denial: Fact, claim: Fact) -> bool:
    """Whether one is a good state and the other a bad one that it excludes; an anatomy called normal excludes every bad one."""
    if denial.finding or claim.finding or denial.part not in (None, claim.part):
        return False
    if denial.state is None or claim.state is None:
        return False
    return denial.state == "normal" or claim.state in OPPOSITES.get(denial.state, frozenset())


def _whole(denial: Fact, claim: Fact) -> bool:
    """Whether the denial is of the thing itself, and not only of a large, a new or an otherwise described one."""
    plain = denial.change in (None, "resolved") and denial.suv is None and denial.certainty == "certain"
    measures = all(getattr(denial, f) in (None, (), getattr(claim, f)) for f in ("severity", "count", "size_mm"))
    confined = _OTHERWISE.search(denial.text.lower())
    return plain and measures and not confined and set(denial.leftover) <= set(claim.leftover)


def _sides(a: Fact, b: Fact, findings: Sequence[Fact], impression: Sequence[Fact]) -> bool:
    """Whether a thing is on one side in the findings and only on the other in the impression."""
    if {a.side, b.side} != {"right", "left"} or not (_is(a) and _is(b)) or _thing(a) != _thing(b) or not _one_place(a, b):
        return False
    return all(
        fact.side == claim.side
        for claim, section in ((a, findings), (b, impression))
        for fact in section
        if _thing(fact) == _thing(claim) and _is(fact)
    )


def _is(fact: Fact) -> bool:
    return fact.polarity in ("present", "abnormal")


def _thing(fact: Fact) -> Hashable:
    return fact.anatomy, fact.part, fact.finding or fact.state, fact.finding is None


def _overlap(a: Fact, b: Fact) -> bool:
    """Whether two things may be at one place, on one side."""
    return (a.side == b.side or not {a.side, b.side} <= {"right", "left"}) and _one_place(a, b)


def _one_place(a: Fact, b: Fact) -> bool:
    return not a.location or not b.location or bool(_place(a) & _place(b))


def _place(fact: Fact) -> set[str]:
    return {_ALIKE.get(name, name) for name in fact.location}
