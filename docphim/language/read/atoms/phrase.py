"""Atoms of the table `phrase`: does an item of place go on the phrase before it, or begin one?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docphim.language.read.chunk import PLACE, Phrase, organ, organ_of, says

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon


NODE = "lymph_node"


class PhraseView:
    """An item of place, and the phrase that is being put together before it."""

    __slots__ = ("anatomy", "current", "is_node", "item", "items", "joined_", "lexicon", "locations", "n", "part", "side")

    def __init__(self, current: Phrase | None, items: Sequence[Item], n: int, joined: bool, lexicon: Lexicon) -> None:
        item, meaning = items[n], says(items[n])
        self.current, self.items, self.n, self.item, self.joined_, self.lexicon = (
            current or Phrase(n, n),
            items,
            n,
            item,
            joined,
            lexicon,
        )
        self.anatomy = item.name or None if item.kind == "anatomy" else None
        self.side = item.name if item.kind == "side" else meaning.get("side")
        self.part = item.name if item.kind == "part" else meaning.get("part")
        self.locations = item.locations
        self.is_node = self.anatomy == NODE

    def joined(self) -> bool:
        """A comma, "and" or "or" stands before it."""
        return self.joined_

    def cur_tissue(self) -> bool:
        """The phrase names a tissue that is everywhere: "soft tissues of the chest wall"."""
        return self.current.anatomy in self.lexicon.tissues

    def tissue(self) -> bool:
        """It names a tissue that is everywhere."""
        return self.anatomy in self.lexicon.tissues

    def cur_soft(self) -> bool:
        """The phrase names a part of the body that has soft tissue of its own: "left forearm"."""
        return self.current.anatomy in self.lexicon.soft

    def beyond(self) -> bool:
        """A grade stands between the phrase and it: "the left ureter with mild left …"."""
        return self.n > self.current.last and self.items[self.n - 1].kind in ("severity", "descriptor", "count")

    def apart(self) -> bool:
        """A word such as "with" stands before it: "the left hemithorax with mediastinal shift"."""
        return self.n > 0 and self.items[self.n - 1].end < self.item.start

    def anat(self) -> bool:
        """It names an organ."""
        return self.anatomy is not None

    def located(self) -> bool:
        """It names a place within an organ."""
        return bool(self.locations)

    def other_station(self) -> bool:
        """It names where other nodes lie than those of the phrase: "right paratracheal and subcarinal nodes"."""
        known, stations = self.current, self.lexicon.stations
        nodal = known.anatomy in self.lexicon.nodes or not stations.isdisjoint(known.locations)
        return nodal and not stations.isdisjoint(set(self.locations) - set(known.locations))

    def sided(self) -> bool:
        """It names a side."""
        return self.side is not None

    def cur_anat(self) -> bool:
        """The phrase names an organ."""
        return self.current.anatomy is not None

    def cur_sided(self) -> bool:
        """The phrase names a side."""
        return self.current.side is not None

    def cur_led(self) -> bool:
        """The phrase begins with its side: "hai góc …"."""
        return self.current.led

    def node(self) -> bool:
        """Nodes and their region: "hạch cổ", "mediastinal nodes"."""
        return self.anat() and self.cur_anat() and (self.is_node or self.current.anatomy == NODE)

    def same(self) -> bool:
        """It names the phrase's organ again."""
        return self.anatomy == self.current.anatomy

    def larger(self) -> bool:
        """It names what the phrase's organ lies in."""
        return self.anat() and self.lexicon.within(self.current.anatomy, self.anatomy or "")

    def smaller(self) -> bool:
        """It names what lies in the phrase's organ: "lồng ngực: phổi"."""
        return self.cur_anat() and self.lexicon.within(self.anatomy, self.current.anatomy or "")

    def same_side(self) -> bool:
        """It names the phrase's side again."""
        return self.side == self.current.side

    def leads(self) -> bool:
        """It is a side or number that stands before its noun: "hai góc sườn hoành", not "hai bên"."""
        item = self.item
        both = item.kind == "side" and item.name == "both" and item.end - item.start == 1
        return both and self.n + 1 < len(self.items) and self.items[self.n + 1].kind in PLACE

    def leads_into(self) -> bool:
        """The noun that it leads is the phrase's organ, or what that lies in: "tổ chức kẽ hai phổi"."""
        after = self.items[self.n + 1] if self.n + 1 < len(self.items) else None
        noun = organ_of(after, self.lexicon) if after else None
        return noun is not None and self.lexicon.within(self.current.anatomy, noun)

    def cur_elsewhere(self) -> bool:
        """The phrase's place is that of another organ: "đáy phổi | góc sườn hoành"."""
        home = organ(self.current, self.lexicon)
        if home is None or self.anatomy is None:
            return False
        return not self.lexicon.within(self.anatomy, home) and not self.lexicon.within(home, self.anatomy)
