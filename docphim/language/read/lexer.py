"""A sentence as items: its words looked up, advice left out, brackets that only measure opened, check boxes read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import Match

from docphim.language.item import Item
from docphim.language.items import items, tokenize
from docphim.language.lexicon import Lexicon, unaccented

#: No sentence has more words; what has is cut here, so that a text without stops stays linear.
LONGEST = 400
_MEASURES = frozenset(("size", "suv", "severity", "count", "colon", "and", "or"))
_STARTS = frozenset(("anatomy", "negation", "affirm"))
_VOWELS = re.compile(r"[aeiouy]+")
_TICKED, _EMPTY = frozenset("x✓✔v"), frozenset("☐□")


def lex(sentence: str, lexicon: Lexicon) -> list[tuple[list[Item], Sequence[Match[str]]]]:
    """The items of a sentence and its tokens; of one that is too long, those of each stretch of `LONGEST` words."""
    words, tokens = tokenize(sentence, lexicon)
    stretches: list[tuple[list[Item], Sequence[Match[str]]]] = []
    for first in range(0, len(words), LONGEST):
        these, places = words[first : first + LONGEST], tokens[first : first + LONGEST]
        listed = items(_without_unticked(these), lexicon, closes=True)
        stretches.append((_opened(_without_advice(_broken(listed, places, lexicon))), places))
    return stretches


def _without_unticked(words: Sequence[str]) -> Sequence[str]:
    """The words, those behind an empty check box made silent up to the next box: "[ ] Tràn khí" is not said."""
    if not ("[" in words or not _EMPTY.isdisjoint(words)):
        return words
    listed, silent = list(words), False
    for n, word in enumerate(words):
        box = word in _EMPTY or word in "☒☑" or (word == "[" and "]" in words[n + 1 : n + 3])
        if box:
            silent = word in _EMPTY or (word == "[" and words[n + 1] == "]")
        if box or silent or (n and listed[n - 1] == "_" and word in _TICKED | {"]"}):
            listed[n] = "_"
    return listed


def _broken(listed: list[Item], tokens: Sequence[Match[str]], lexicon: Lexicon) -> list[Item]:
    """A stop before each phrase that a capital begins after a small letter: "… hai phổi Mờ vùng …" is two sentences."""
    broken: list[Item] = []
    for item in listed:
        if item.start and _begins(item, tokens[item.start][0], tokens[item.start - 1][0], lexicon):
            broken.append(Item("end", "break", item.start, item.start))
        broken.append(item)
    return broken


def _begins(item: Item, word: str, before: str, lexicon: Lexicon) -> bool:
    """Whether a capital begins a sentence here, and no name such as Covid or Hodgkin, which is no one Vietnamese syllable."""
    if not (word[0].isupper() and word[1:].islower() and before.islower()):
        return False
    if not lexicon.modifiers_after:
        return item.kind in _STARTS
    return item.kind in _STARTS | {"finding", "state"} and len(_VOWELS.findall(unaccented(word.lower()))) == 1


def _without_advice(listed: Sequence[Item]) -> Sequence[Item]:
    """Leave out advice and technique, from its first words to the next comma or the end."""
    if "advice" not in [item.kind for item in listed]:
        return listed
    rest, skipping = [], False
    for n, item in enumerate(listed):
        skipping = item.kind == "advice" or (skipping and item.kind not in ("comma", "end", "close") and not _heads(listed, n))
        if not skipping:
            rest.append(item)
    return rest


def _heads(listed: Sequence[Item], n: int) -> bool:
    """Whether an organ between two colons begins here: "so sánh với phim ngày 3/5: phổi phải: …" ends the advice."""
    if listed[n].kind != "anatomy" or not n or listed[n - 1].kind != "colon":
        return False
    behind = next((item.kind for item in listed[n + 1 :] if item.kind != "side"), "")
    return behind == "colon"


def _opened(listed: Sequence[Item]) -> list[Item]:
    """Without the signs of brackets that only measure: "tăng chuyển hóa FDG (SUVmax: 6,7) ở dạ dày" runs on."""
    if "close" not in [item.kind for item in listed]:
        return list(listed)
    rest: list[Item] = []
    opened: list[int] = []
    for item in listed:
        if item.name in ("(", "[") and item.kind == "comma":
            opened.append(len(rest))
        elif item.kind == "close" and opened:
            at = opened.pop()
            inner = rest[at + 1 :]
            if inner and all(i.kind in _MEASURES for i in inner):
                rest[at:] = [i for i in inner if i.kind in ("size", "suv", "severity", "count")]
                continue
        rest.append(item)
    return rest
