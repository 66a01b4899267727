"""Atoms of the table `role`: is a state, or are nodes, something said, or part of what stands beside them?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from docphim.language.read.chunk import BOUNDARIES, LISTED, PLACE, has_states, says

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon


_PREDICATES = frozenset(("finding", "state", "ratio"))
_SPREAD_TO = PLACE | {"and", "or", "comma", "of", "close"}
_ADJECTIVES = frozenset(("severity", "descriptor", "count", "size", "affirm"))


class RoleView:
    """A state, or nodes: do they say something by themselves, or belong to a finding beside them?"""

    __slots__ = ("ahead", "behind", "items", "left", "lexicon", "n", "right")

    def __init__(self, items: Sequence[Item], n: int, lexicon: Lexicon) -> None:
        self.items, self.n, self.lexicon = items, n, lexicon
        self.behind, self.left = _look(items, range(n - 1, -1, -1))
        self.ahead, self.right = _look(items, range(n + 1, len(items)))

    def node(self) -> bool:
        """It is nodes."""
        return self.items[self.n].kind == "finding"

    def lists_evidence(self) -> bool:
        """A list of organs leads from it to a sign: "neck nodes, lungs and skeleton show no uptake"."""
        rest = self.items[self.n + 1 :]
        last = next((n for n, i in enumerate(rest) if i.kind not in LISTED | {"affirm"}), len(rest))
        listed = any(i.kind in ("comma", "and", "or") for i in rest[:last]) and any(i.kind == "anatomy" for i in rest[:last])
        return listed and last < len(rest) and rest[last].name in self.lexicon.evidence

    def of_before(self) -> bool:
        """A preposition leads to it: "in the mediastinal lymph nodes"."""
        back = next((i for i in reversed(self.items[: self.n]) if i.kind not in PLACE and i.kind != "descriptor"), None)
        return back is not None and back.kind == "of"

    def finding_before(self) -> bool:
        """A finding stands before it in the sentence."""
        return any(i.kind == "finding" for i in self.items[: self.n])

    def after_evidence(self) -> bool:
        """It follows at once a finding that is said of an organ: "tăng chuyển hóa FDG hạch cổ"."""
        return self.n > 0 and self.items[self.n - 1].name in self.lexicon.as_state

    def heading(self) -> bool:
        """It stands alone before a colon, behind which something is said: "Hạch: trung thất không to"."""
        ahead = self.items[self.n + 1 :]
        behind = next((i for i in reversed(self.items[: self.n]) if i.kind not in PLACE), None)
        if (behind is not None and behind.kind not in BOUNDARIES) or not any(i.kind == "colon" for i in ahead):
            return False
        colon = next(n for n, i in enumerate(ahead) if i.kind == "colon")
        following = next((i for i in ahead[colon + 1 :] if i.kind in BOUNDARIES or i.kind in _PREDICATES), None)
        return all(i.kind in PLACE for i in ahead[:colon]) and following is not None and following.kind in _PREDICATES

    def after_spread(self) -> bool:
        """It follows at once a disease that comes to nodes: "di căn hạch", "lao hạch"."""
        return self.n > 0 and self.items[self.n - 1].name in self.lexicon.of_nodes

    def in_spread(self) -> bool:
        """A list of organs leads to it from a disease that has come to them, and nothing else is said of it.

        "di căn gan, hạch trung thất và xương", but not "di căn gan, hạch trung thất 12 mm".
        """
        back = next((i for i in reversed(self.items[: self.n]) if i.kind not in _SPREAD_TO and not self._is_node(i)), None)
        if back is None or back.name not in self.lexicon.spreads:
            return False
        ahead = next((i for i in self.items[self.n + 1 :] if i.kind not in _SPREAD_TO and not self._is_node(i)), None)
        return ahead is None or ahead.kind in ("end", "colon", "certainty")

    def _is_node(self, item: Item) -> bool:
        return item.kind == "finding" and item.name in self.lexicon.with_states

    def names_anatomy(self) -> bool:
        """The words of the state name its organ: "bóng tim to"."""
        return "anatomy" in says(self.items[self.n])

    def left_has_states(self) -> bool:
        """What stands before it is nodes, or a ratio."""
        return has_states(self.left, self.lexicon)

    def left_relational(self) -> bool:
        """What stands before it is a finding that happens to another organ: "kéo rốn phổi lên cao"."""
        return self.left is not None and self.left.name in self.lexicon.relational

    def left_denied(self) -> bool:
        """A denial stands right before what stands before it."""
        return any(a.kind == "negation" and b is self.left for a, b in pairwise(self.items[: self.n]))

    def moved(self) -> bool:
        """It says where something has moved to: "lên cao"."""
        return self.items[self.n].name in self.lexicon.moved

    def left_fuses(self) -> bool:
        """With the finding before it, it is one thing: uptake that is physiologic."""
        item = self.items[self.n]
        return self.left is not None and (self.left.name, item.name) in self.lexicon.fuse

    def right_fuses(self) -> bool:
        """With the finding behind it, it is one thing, with no denial between: "physiologic bowel uptake"."""
        item = self.items[self.n]
        return (
            self.right is not None
            and (self.right.name, item.name) in self.lexicon.fuse
            and all(i.kind in PLACE or i.kind in ("and", "or") for i in self.ahead)
            and not self.behind_organ()
        )

    def behind_organ(self) -> bool:
        """It is said of an organ before it: "liver normal bowel uptake"."""
        return any(i.kind == "anatomy" for i in self.behind)

    def subject(self) -> bool:
        """An organ stands between it and what was said before."""
        return any(item.kind == "anatomy" for item in self.behind)

    def left_touches(self) -> bool:
        """It follows a finding at once."""
        return self.left is not None and self.left.kind == "finding" and not self.behind

    def right_organ(self) -> bool:
        """An organ follows at once."""
        return bool(self.ahead) and self.ahead[0].kind in ("anatomy", "part")

    def right_of_organ(self) -> bool:
        """A preposition and an organ follow: "flattening of the diaphragm"."""
        kinds = [i.kind for i in self.ahead if i.kind != "side"]
        return kinds[:2] == ["of", "anatomy"]

    def after_nodes(self) -> bool:
        """The finding before it is nodes as well: "mediastinal nodes and hilar nodes"."""
        before = next((i for i in reversed(self.items[: self.n]) if i.kind == "finding"), None)
        return has_states(before, self.lexicon)

    def right_touches(self) -> bool:
        """A finding follows, with no organ or denial between: "irregular nodule"."""
        between = any(item.kind in ("anatomy", "negation") for item in self.ahead)
        return self.right is not None and self.right.kind == "finding" and not between

    def heads_list(self) -> bool:
        """Adjectives in a list lead from it to nodes: "no enlarged mediastinal, hilar or axillary nodes"."""
        noun = next((item for item in self.items[self.n + 1 :] if item.kind not in LISTED), None)
        return has_states(noun, self.lexicon)


def _look(items: Sequence[Item], way: range) -> tuple[list[Item], Item | None]:
    """Items along the way up to a sign or predicate, without grades and the like, and the predicate."""
    passed: list[Item] = []
    for n in way:
        item = items[n]
        if item.kind in BOUNDARIES:
            return passed, None
        if item.kind in _PREDICATES:
            return passed, item
        if item.kind not in _ADJECTIVES:
            passed.append(item)
    return passed, None
