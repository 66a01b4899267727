"""A sentence as items: its words looked up, advice left out, brackets that only measure opened, check boxes read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from re import Match
from typing import NamedTuple

from docphim.language.item import Item
from docphim.language.items import items, tokenize
from docphim.language.lexicon import Lexicon
from docphim.language.read.chunk import PLACE
from docphim.language.read.together import lessened, lobes_of_lists, sizes_of_lists

#: No sentence has more words; what has is cut here, so that a text without stops stays linear.
LONGEST = 400
#: Steps that put together what means something only together.
TOGETHER = (lobes_of_lists, sizes_of_lists, lessened)
_AMOUNTS = ("size", "suv", "measure", "severity", "count")
_MEASURES = frozenset((*_AMOUNTS, "colon", "and", "or"))
_STARTS = frozenset(("anatomy", "negation", "affirm", "finding", "state"))
_TICKED, _EMPTY, _BOXES = frozenset("x✓✔v]"), frozenset("☐□"), frozenset("☐□☒☑")
_SILENT = "_"
_OTHER = {"right": "left", "left": "right"}
#: What may stand between an organ and what is said of it.
_WITHIN = frozenset(("side", "location", "part", "and", "or", "negation", "affirm", "severity"))
#: Signs and words at which advice and causes end.
_STOPS = frozenset(("comma", "end", "close"))


class Pieces(NamedTuple):
    """The words of a sentence in the lexicon's spelling, as they stand in it, and what it measures (`measured`)."""

    words: Sequence[str]
    tokens: Sequence[Match[str]]
    measures: Mapping[int, Item]


def lex(sentence: str, lexicon: Lexicon) -> list[tuple[list[Item], Sequence[Match[str]]]]:
    """The items of a sentence and its tokens; of one that is too long, those of each stretch of `LONGEST` words."""
    words, tokens = tokenize(sentence, lexicon)
    stretches: list[tuple[list[Item], Sequence[Match[str]]]] = []
    for first in range(0, len(words), LONGEST):
        these, places = words[first : first + LONGEST], tokens[first : first + LONGEST]
        heard, boxes = _without_unticked(these)
        stretches.append((sifted(items(heard, lexicon), places, lexicon, boxes), places))
    return stretches


def looked_up(pieces: Pieces, before: Sequence[Item], lexicon: Lexicon) -> list[Item]:
    """The items of a short part without check boxes that stands behind some items, not yet `sifted`."""
    return items(pieces.words, lexicon, before, pieces.measures)[len(before) :]


def sifted(
    listed: list[Item], tokens: Sequence[Match[str]], lexicon: Lexicon, boxes: frozenset[int] = frozenset()
) -> list[Item]:
    """Items without what says nothing of the image, such as advice; sides and brackets read by what stands beside them."""
    listed = _broken(listed, tokens, boxes, lexicon)
    for step in (_headed_nodes, _fused, _without_advice, _without_causes, _sides_apart, *TOGETHER):
        listed = step(listed, lexicon)
    return _opened(_of_nodes(_here(_sided(listed, lexicon), lexicon), lexicon))


def _sided(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """Right or left for words that mean the side spoken of last, or the other one: "phổi cùng bên", "the opposite side"."""
    if not any(item.name in lexicon.sides for item in listed):
        return listed
    side, sided = "", []
    for item in listed:
        if item.kind == "descriptor" and item.name in lexicon.sides and side:
            same = lexicon.sides[item.name] == "same"
            item = Item("side", side if same else _OTHER[side], item.start, item.end)
        elif "right" in (named := (item.name, item.term and item.term.says.get("side"))) or "left" in named:
            side = "right" if "right" in named else "left"
        sided.append(item)
    return sided


def _headed_nodes(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """Without the colon between nodes at the head and how they are: "Nodes: not enlarged in the mediastinum"."""
    kinds = [item.kind for item in listed]
    at = kinds.index("colon") if "colon" in kinds else 0
    heading = listed[:at]
    if lexicon.modifiers_after or not heading or heading[-1].name not in lexicon.with_states:
        return listed
    how = next((i for i in listed[at + 1 :] if i.kind not in ("severity", "descriptor") and i.name != "before"), None)
    alone = all(item.kind in PLACE for item in heading[:-1])
    one = how is not None and (heading[-1].name, how.name) in lexicon.fuse  # enlarged nodes are one thing
    return [*heading, *listed[at + 1 :]] if alone and one else listed


def _fused(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """Without the comma between uptake and the word that calls it physiologic: "muscle uptake in the neck, physiologic"."""
    rest: list[Item] = []
    for n, item in enumerate(listed):
        state = listed[n + 1] if n + 1 < len(listed) else None
        ends = n + 2 >= len(listed) or listed[n + 2].kind in _STOPS
        sign = next((i.name for i in reversed(rest) if i.kind == "finding"), "")
        if item.kind == "comma" and state and ends and sign in lexicon.evidence and (sign, state.name) in lexicon.fuse:
            continue
        rest.append(item)
    return rest


def _of_nodes(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """Commas between the places of nodes of which one thing is said, as "and": "hạch trung thất, rốn phổi không to"."""
    if not any(item.name in lexicon.with_states for item in listed):
        return listed
    joined = list(listed)
    for n, item in enumerate(listed):
        commas: list[int] = []
        m = n + 1 if item.kind == "finding" and item.name in lexicon.with_states else len(listed)
        while m < len(listed) and lists_nodes(listed[m], lexicon):
            commas += [m] if listed[m].kind == "comma" else []
            m += 1
        placed = commas[:1] != [n + 1]  # "không thấy hạch to, trung thất không rộng": the nodes are nowhere
        if commas and placed and m < len(listed) and commas[-1] < m - 1 and _of_listed_nodes(listed[m], lexicon):
            for comma in commas:
                joined[comma] = Item("and", ",", listed[comma].start, listed[comma].end)
    return joined


def _of_listed_nodes(item: Item, lexicon: Lexicon) -> bool:
    """Whether an item begins what is said of all nodes of a list: "… không to", "… tăng chuyển hóa FDG"."""
    return item.kind in ("negation", "state") or item.name in lexicon.evidence


def _here(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """A finding of another organ by what it is called in the organ before or behind it: "thân đốt sống D9 xẹp"."""
    if not any(item.name in lexicon.elsewhere for item in listed):
        return listed
    organ, renamed = "", []
    for n, item in enumerate(listed):
        behind = next((i for i in listed[n + 1 :] if i.kind not in ("descriptor", "severity")), item)
        organs = (organ, behind.name if behind.kind == "anatomy" else "")  # "xẹp cũ thân đốt sống D9"
        names = [lexicon.here.get((item.name, x)) for x in organs] if item.kind == "finding" else []
        name = next(filter(None, names), None) if item.name in lexicon.elsewhere else None
        renamed.append(Item("finding", name, item.start, item.end) if name else item)
        if item.kind == "anatomy":
            organ = item.name
        elif item.kind not in _WITHIN:
            organ = ""
    return renamed


def lists_nodes(item: Item, lexicon: Lexicon) -> bool:
    """Whether an item may stand in a list of where nodes are."""
    if item.kind == "anatomy":
        return item.name in lexicon.nodes
    return item.kind in ("side", "location", "and", "or") or (item.kind == "comma" and item.name == ",")


def _without_unticked(words: Sequence[str]) -> tuple[Sequence[str], frozenset[int]]:
    """The words, those behind an empty check box made silent up to the next box ("[ ] Tràn khí" is not said), and the boxes."""
    if not ("[" in words or not _BOXES.isdisjoint(words)):
        return words, frozenset()
    listed, boxes, silent = list(words), set(), False
    for n, word in enumerate(words):
        if word in _BOXES or (word == "[" and "]" in words[n + 1 : n + 3]):
            boxes.add(n)
            silent = word in _EMPTY or (word == "[" and words[n + 1] == "]")
        if n in boxes or silent or (n and listed[n - 1] == _SILENT and word in _TICKED):
            listed[n] = _SILENT
    return listed, frozenset(boxes)


def _broken(listed: list[Item], tokens: Sequence[Match[str]], boxes: frozenset[int], lexicon: Lexicon) -> list[Item]:
    """A stop at each box, and before a capital after a small letter: "… hai phổi Mờ vùng …" is two sentences."""
    broken: list[Item] = []
    last = 0
    for item in listed:
        boxed = any(n in boxes for n in range(last, item.start)) if boxes else False
        if boxed or (item.start and _begins(item, tokens[item.start][0], tokens[item.start - 1][0], lexicon)):
            broken.append(Item("end", "break", item.start, item.start))
        broken.append(item)
        last = item.end
    return broken


def _begins(item: Item, word: str, before: str, lexicon: Lexicon) -> bool:
    """Whether a capital begins a sentence here; names such as Covid or Hodgkin have theirs anywhere."""
    if item.kind not in _STARTS or not (word[0].isupper() and word[1:].islower() and before.islower()):
        return False
    return word.lower() not in lexicon.names


def _without_advice(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """Leave out advice and technique, from its first words to the next comma or the end; and the words that are advised."""
    if "advice" not in [item.kind for item in listed]:
        return listed
    rest: list[Item] = []
    skipping = named = False
    for n, item in enumerate(listed):
        if named and item.kind == "colon" and n + 1 < len(listed) and listed[n + 1].kind in _AMOUNTS:
            rest += _named_last(listed[:n])  # "đề nghị siêu âm nốt giáp trái: 14 mm"
            skipping = False
            continue
        # "đề nghị nội soi dạ dày: thành hang vị dày": why it is advised was found
        stops = item.kind in _STOPS or (named and item.kind == "colon") or _heads(listed, n)
        skipping = item.kind == "advice" or (skipping and not stops)
        named = skipping and (named or item.kind in ("anatomy", "finding"))
        if item.kind == "advice":
            while rest and rest[-1].kind == "word":  # "bronchoscopy is advised"
                rest.pop()
        if not skipping:
            rest.append(item)
    return rest


def _named_last(listed: Sequence[Item]) -> list[Item]:
    """The last finding of some items and what stands behind it; nothing where there is none."""
    last = max((n for n, item in enumerate(listed) if item.kind == "finding"), default=len(listed))
    return list(listed[last:])


def _without_causes(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """Leave out what something cannot be judged for: "khó đánh giá tràn khí do chồng bóng tim", "limited by motion"."""
    if not any(item.kind == "cause" for item in listed):
        return listed
    rest: list[Item] = []
    obscured = skipping = False
    for item in listed:
        if item.kind in _STOPS:
            obscured = skipping = False
        obscured = obscured or (item.kind == "certainty" and item.name == "obscured")
        skipping = skipping or (obscured and item.kind == "cause")
        if not skipping and item.kind != "cause":
            rest.append(item)
    return rest


def _sides_apart(listed: list[Item], lexicon: Lexicon) -> list[Item]:
    """A comma for "and" before another side with a change: "the right effusion has decreased and the left is unchanged".

    So it is where the side stands behind: "decreased on the right and increased on the left".
    """
    if "change" not in [item.kind for item in listed]:
        return listed
    rest = list(listed)
    for n, item in enumerate(listed[:-2]):
        kinds = [i.kind for i in (*listed[max(n - 1, 0) : n], *listed[n + 1 : n + 4])]
        before = kinds[:1] in (["change"], ["shown"]) and kinds[1] == "side" and kinds[2] in ("change", "shown")
        if item.kind == "and" and (before or kinds == ["side", "change", "of", "side"]):
            rest[n] = replace(item, kind="comma")
    return rest


def _heads(listed: Sequence[Item], n: int) -> bool:
    """Whether an organ between two colons begins here: "so sánh với phim ngày 3/5: phổi phải: …" ends the advice."""
    if listed[n].kind != "anatomy" or not n or listed[n - 1].kind != "colon":
        return False
    behind = next((item.kind for item in listed[n + 1 :] if item.kind != "side"), "")
    return behind == "colon"


def _is_number(item: Item) -> bool:
    """Whether an item is a station, level or segment by its number: "paratracheal (4R) node"."""
    return item.kind == "location" and item.name in ("station", "level", "segment")


def _opened(listed: Sequence[Item]) -> list[Item]:
    """Without the signs of brackets that only measure or number: "tăng chuyển hóa FDG (SUVmax: 6,7) ở dạ dày" runs on."""
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
            if inner and all(i.kind in _MEASURES or _is_number(i) for i in inner):
                rest[at:] = [i for i in inner if i.kind in _AMOUNTS or _is_number(i)]
                continue
        rest.append(item)
    return rest
