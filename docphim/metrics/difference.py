"""What it costs to say one abnormal thing in place of another, by the shares of weights.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from docphim.language.conditions import is_device, is_general, is_generic, regions
from docphim.language.fact import Fact
from docphim.language.same_rows import lies_in
from docphim.metrics.weights import weights

_GRADES = {"mild": 1, "moderate": 2, "severe": 3}
_PLURAL = ("few", "several", "multiple")
#: What costs no more than that only one text says it.
SLIGHT = frozenset(("", "unsaid", "unsaid_side", "certainty", "detail", "kin"))


class Difference(NamedTuple):
    """A share of the weight (0 … 2) and the costliest kind, a key of `costs` in weights.yaml; "" if nothing differs."""

    share: float
    kind: str


def family(fact: Fact) -> object:
    """Things of one family may stand for each other; each other thing is a family of its own."""
    name = fact.finding or fact.state
    return weights()["kin"].get(name, (name, None if fact.finding else fact.anatomy))


def difference(a: Fact, b: Fact, one_level: bool = True) -> Difference | None:
    """How far two abnormal things in canonical form lie apart; None where the one is no way of saying the other.

    `one_level` says whether both call for the same.
    """
    where = _anatomy(a, b)
    if where is None or not (family(a) == family(b) or is_general(a) or is_general(b)):
        return None
    costs = weights()["costs"]
    placed = () if where and is_device(a) else _place(a, b)  # where it ends is its place; its side comes with that
    kinds = [kind for kind in (where, *_what(a, b, one_level), *placed, *_amount(a, b)) if kind]
    most = max(kinds, key=lambda kind: costs[kind], default="")
    return Difference(min(costs["opposite"], sum(costs[kind] for kind in kinds)), most)


def _anatomy(a: Fact, b: Fact) -> str | None:
    """ "" for one anatomy, `unsaid` where one text says it less closely (or leaves it to the finding), None of two organs.

    A tube that ends in another organ is the same tube, in the wrong place.
    """
    one, other = a.anatomy, b.anatomy
    if one == other:
        return ""
    generic = is_generic(a) or is_generic(b)  # a node is a node; where it lies only one text says
    near = None in (one, other) or one in regions(other) or other in regions(one) or generic
    return "unsaid" if near else "misplaced" if is_device(a) else None


def _what(a: Fact, b: Fact, one_level: bool) -> Iterator[str]:
    if (a.finding, a.state) != (b.finding, b.state):
        yield "kin" if one_level or is_general(a) or is_general(b) else "kin_level"
    if a.certainty != b.certainty:
        yield "certainty"
    if a.change != b.change:
        yield "change" if a.change and b.change else "unsaid"
    if a.leftover != b.leftover:
        yield "contrary" if _contrary(a.leftover, b.leftover) else "detail"


def _contrary(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether the one text says a word that excludes a word of the other: dissection of type A, and of type B."""
    return any({one, other} in weights()["contrary"] for one in ours for other in theirs)


def _place(a: Fact, b: Fact) -> Iterator[str]:
    if a.side != b.side:
        yield "side" if a.side and b.side else "unsaid_side"
    if a.location != b.location:
        yield "unsaid" if near(a.location, b.location) else "place"
    elif a.part != b.part:
        yield "place" if a.part and b.part else "unsaid"


def near(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether two places may be one: either is not said, they share a name, or one lies in the other (apex, upper lobe)."""
    within = any(one == other or lies_in(one, other) or lies_in(other, one) for one in ours for other in theirs)
    return not ours or not theirs or within


def _amount(a: Fact, b: Fact) -> Iterator[str]:
    if a.severity != b.severity:
        steps = abs(_GRADES.get(a.severity or "", 0) - _GRADES.get(b.severity or "", 0))
        yield "unsaid" if None in (a.severity, b.severity) else "grade" if steps < 2 else "grades"
    yield _nearest(a, b)
    yield _ratio(a.suv, b.suv, "suv")


def _nearest(a: Fact, b: Fact) -> str:
    """Each may name an earlier size as well: those that lie nearest are compared."""
    sizes: list[list[Any]] = [
        [max(m.high) for m in fact.measures if m.kind == "size"] or [max(fact.size_mm, default=None)] for fact in (a, b)
    ]
    kinds = {_ratio(one, other, "size") for one in sizes[0] for other in sizes[1]}
    return min(kinds)


def _ratio(one: Any, other: Any, kind: str) -> str:
    if one is None or other is None or not min(one, other):
        return "" if one == other else "unsaid"
    return kind if max(one, other) / min(one, other) > weights()["ratios"][kind] else ""


def is_plural(fact: Fact) -> bool:
    """Whether it speaks of more than one: "several nodules"."""
    return fact.count in _PLURAL or bool(fact.count and fact.count.isdecimal() and int(fact.count) > 1)


def is_wide(fact: Fact) -> bool:
    """Whether it may answer for several: it has no side, or is of several."""
    return is_plural(fact) or fact.side is None


def stands_for(wide: Fact, narrow: Fact) -> bool:
    """Whether something of `is_wide` answers for a single thing: "several nodules" for one of 6 mm, no side for the right.

    A mass does not answer for nodes, nor one of 48 mm for one of 15 mm.
    """
    single = is_plural(wide) or (narrow.side is not None and () in (wide.size_mm, narrow.size_mm))
    one = (wide.finding, wide.state, wide.polarity) == (narrow.finding, narrow.state, narrow.polarity)
    return one and single and wide.side in (None, narrow.side) and near(wide.location, narrow.location)
