"""Which parts of a sentence say what they say whatever stands beside them, so that they are read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docphim.language.measures import of_uptake
from docphim.language.numbers import is_number, is_numeral, level
from docphim.language.read.chunk import JOINING, PLACE

if TYPE_CHECKING:
    from docphim.language.item import Item
    from docphim.language.lexicon import Lexicon
    from docphim.language.read.chunk import Clause

#: Kinds of item by which a part is read together with its neighbours.
_TIED = frozenset(("comma", "colon", "end", "advice", "shown"))
#: Signs of brackets, questions and check boxes.
_PAIRED = frozenset("()[]?☐□☒☑")
#: Numbered places whose kind their neighbours decide.
_NUMBERED = frozenset(("", "station", "level"))


def stands_alone(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Whether a part's words do not lean on a neighbour by themselves: brackets, numerals at its ends, levels, an uptake.

    What an uptake is called holds for bare numbers and comparisons behind the next commas; nodes make levels of numerals.
    """
    if not words or not words[0].isalpha() or is_numeral(words[0]):
        return False
    if not (words[-1].isalnum() or is_number(words[-1])) or not _PAIRED.isdisjoint(words):
        return False
    return not any(level(words, n) for n in range(len(words))) and not of_uptake(words, lexicon)


def heads_list(clause: Clause, lexicon: Lexicon) -> bool:
    """Whether a state before its anatomy may belong to a noun behind the comma: "no enlarged mediastinal, hilar nodes"."""
    if lexicon.modifiers_after or clause.at is None or clause.at.kind != "state":
        return False
    return clause.items[-1].kind in ("anatomy", "location") or not clause.has("anatomy")


def leans(listed: Sequence[Item], lexicon: Lexicon) -> bool:
    """Whether the items of a part may belong to a neighbour's."""
    if listed[0].kind in JOINING or (not lexicon.modifiers_after and listed[-1].name in lexicon.with_states):
        return True  # "neck nodes, lungs and skeleton show no uptake": nodes at the end may only say where
    return any(_tied(item, lexicon) for item in listed) or _of_nodes(listed, lexicon)


def _tied(item: Item, lexicon: Lexicon) -> bool:
    """Whether how the clauses are cut may depend on what stands behind the next or before the last comma."""
    if item.kind == "ratio":
        return not item.name  # its number, or a word for it, may stand behind the comma
    after = item.kind == "negation" and item.name == "after"
    beside = item.kind == "descriptor" and item.name in lexicon.sides  # the side spoken of before the comma
    return after or beside or item.kind in _TIED or (item.kind in ("anatomy", "location") and item.name in _NUMBERED)


def _of_nodes(listed: Sequence[Item], lexicon: Lexicon) -> bool:
    """Whether what stands beyond the comma may say more of nodes: "…, in the lymph nodes", "di căn gan, hạch …"."""
    if lexicon.modifiers_after and any(item.name in lexicon.spreads for item in listed):
        return True
    return any(item.kind == "of" for item in listed) and any(item.name in lexicon.with_states for item in listed)


def lists(listed: Sequence[Item], lexicon: Lexicon) -> bool:
    """Whether the list of where nodes are may go on behind the comma: "hạch trung thất, rốn phổi không to"."""
    return listed[-1].kind in PLACE and any(item.name in lexicon.with_states for item in listed)
