"""Items that mean what they mean only together: lobes and sizes of a list, an organ's motion and how much of it there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from docphim.language.item import Item

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

_JOINS = frozenset(("comma", "and", "or"))
#: Signs and words at which a part of a sentence ends.
_STOPS = frozenset(("comma", "end", "close", "colon", "and"))
#: Kinds of word that say how much of a motion there is.
_MUCH = frozenset(("state", "change", "certainty", "descriptor"))
#: Lobes and zones, by the adjectives that stand for them in a list.
_RANKS = {"upper": "upper", "middle": "middle", "lower": "lower", "mid": "mid"}


def lobes_of_lists(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """Lobes and zones whose noun stands at the end of their list: "the right upper and left lower lobes"."""
    if lexicon.modifiers_after:
        return listed
    rest = list(listed)
    for n in range(len(rest) - 1, -1, -1):
        rank, kind = _rank(rest[n])
        if kind or rank not in _RANKS:
            continue
        ahead = _next_of_list(rest, n)
        noun = _rank(ahead)[1] if ahead else ""
        if noun:
            name = f"{'mid' if (rank, noun) == ('middle', 'zone') else rank}_{noun}"
            rest[n] = replace(rest[n], name=name, term=None, locations=(name,))
    return rest


def _rank(item: Item) -> tuple[str, str]:
    """`upper` and `lobe` of an item that names such a place; the second is empty where the noun is left out."""
    rank, _, noun = (item.locations[0] if item.kind == "location" and len(item.locations) == 1 else "").partition("_")
    return (rank, noun) if rank in _RANKS and noun in ("", "lobe", "zone") else ("", "")


def _next_of_list(listed: Sequence[Item], n: int) -> Item | None:
    """The next place of the list that item `n` stands in, past a comma, "and" and a side."""
    m = n + 1
    while m < len(listed) and listed[m].kind in _JOINS:
        m += 1
    if m == n + 1:
        return None
    m += m < len(listed) and listed[m].kind == "side"
    return listed[m] if m < len(listed) else None


def sizes_of_lists(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """Commas between sizes whose last is joined by "and", as "and": "lần lượt 5 mm, 7 mm và 12 mm" are three things."""
    rest = list(listed)
    joined = False
    for n in range(len(rest) - 2, 0, -1):
        between = rest[n - 1].kind == rest[n + 1].kind == "size"
        joined = between and (rest[n].kind == "and" or joined) if rest[n].kind in ("comma", "and") else joined
        if joined and between and rest[n].kind == "comma":
            rest[n] = replace(rest[n], kind="and")
    return rest


def lessened(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """A motion with the word that says how much of it there is as one state: "di động vòm hoành phải giảm" is not mobile."""
    if not any(item.name in lexicon.lessened for item in listed):
        return listed
    organs = {item.name for item in listed if item.kind == "anatomy"}
    # "respiratory motion" is the patient's
    rest = [i for i in listed if not (i.name in lexicon.lessened and i.term and i.term.states) or organs & i.term.states.keys()]
    for motion in [item for item in rest if item.kind == "state" and item.name in lexicon.lessened]:
        n = rest.index(motion)
        part = _part(rest, n)
        less = next((i for i in part if i.kind in _MUCH and i.name in lexicon.lessened[motion.name]), None)
        well = next((i for i in part if i.kind == "state" and i.name == "normal"), None)
        if less is not None and not any(i.kind == "negation" for i in part):
            rest.remove(less)
            n = rest.index(motion)
            rest.insert(n, Item("negation", "before", motion.start, motion.start + 1))
        elif well is not None:
            rest.remove(well)
    return rest


def _part(listed: Sequence[Item], n: int) -> list[Item]:
    """The items between two signs among which item `n` stands."""
    first = next((m + 1 for m in range(n - 1, -1, -1) if listed[m].kind in _STOPS), 0)
    last = next((m for m in range(n, len(listed)) if listed[m].kind in _STOPS), len(listed))
    return list(listed[first:last])
