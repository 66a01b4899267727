"""What a sentence measures: sizes, distances, volumes, densities, uptake; each with relation, range, phase and reference."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from docphim.language import numbers
from docphim.language.fact import Measure
from docphim.language.item import Item
from docphim.language.numbers import MINUS, Number, latest, quantity
from docphim.language.phrases import EMPTY, LONGEST, SIGNS, Lead, lead_of, names, organ_at, phrase

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

_NONE: Mapping[tuple[str, ...], str] = {}
#: What no name of a measure reaches across to its number.
_BREAKS = frozenset((",", "(", ")", ":", "?", "[", "]"))
#: What parts a number of an earlier examination from today's: "11 mm trước đây, nay 8 mm".
_UNITS = frozenset(("mm", "cm"))
_JOINS = _UNITS | {"x", "×", ",", ";", ":", "=", "và", "and"}
_APART = _BREAKS | {"và", "and", "but", "nhưng"}
_DIGIT = re.compile(r"[0-9]")
#: Scores of response that are numbers, and the highest (Deauville: Barrington et al., J Clin Oncol 2014).
_SCORES = {"deauville": 5}
_HEADS = frozenset(("suv", "sul"))
_BEHIND = frozenset(("(", "ở", "tại", "in", "at", "on", "the"))
#: Words between the name of a measure, or of what it is compared with, and its number.
_REACH = 7
#: The letters and numbers of a stage of cancer: T2N0M0.
_STAGES, _GRADES = frozenset("tnm"), frozenset("01234")
_PARTED = frozenset((",", ";", "(", ")", "[", "]"))
#: What stands before a number that is listed after another.
_LISTING = frozenset((",", ";", "-", "–", "(", "và", "and", "đến", "tới", "to", "lượt", "respectively", "/"))
_PHASES = frozenset(("early", "delayed", "native", "arterial", "venous"))
_NAMED = frozenset(("finding", "anatomy", "state", "side", "location"))


class Head(NamedTuple):
    """What was named before a number and holds for it: which uptake, in which phase, and whether a number of it came yet."""

    kind: str = ""
    phase: str | None = None
    read: bool = False


def measured(words: Sequence[str], lexicon: Lexicon) -> dict[int, Item]:
    """The measures of a sentence by the index of their first word, each an item that spans its words.

    Items of kind `size` and `suv` are the lesion's own; `measure` is any other: a distance, a volume, a density, an uptake of
    another kind or phase, or of the organ that the lesion is compared with.  `ignored` is the name of a measure whose number
    stands further on.
    """
    listed: dict[int, Item] = {}
    text = " ".join(words)
    speaks = not lexicon.measures["uptake"].isdisjoint(words) or " su" in f" {text}"
    if not speaks and not _DIGIT.search(text):
        return listed
    head, i, starts = Head(), 0, lexicon.measures["first"]
    readers: tuple[Callable[..., Item | None], ...] = (_ratio, _compared) if speaks else (_ratio,)
    readers += (_timed, _distance, _led, _phase, _score)
    while i < len(words):
        word = words[i]
        if word not in starts and not word[0].isdecimal() and word[:3] not in _HEADS:
            i += 1
            continue
        if word[:3] in _HEADS:
            head, end = _head(words, i, head, lexicon)
            item = _of_head(words, i, end, head, lexicon)
        else:
            item = next((read for reader in readers if (read := reader(words, i, head, lexicon))), None)
        if item:
            # whatever phrase ends before its number ("dày khoảng 5 mm"), the number is met
            listed.update(dict.fromkeys(range(item.start, _first_number(words, item) + 1), item))
            head = Head(head.kind, item.name if item.name in _PHASES else None, head.read or _is_uptake(item))
        i = item.end if item else i + 1
    return listed


def _is_uptake(item: Item) -> bool:
    return bool(item.measures) and item.measures[0].kind[:3] in _HEADS


def of_uptake(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Whether words name an uptake, or compare something with an organ as an uptake is: "cao hơn gan"."""
    starts, groups = lexicon.measures["first"], [lexicon.measures[name] for name in ("compared", "scores")]
    named = any(word[:3] in _HEADS for word in words)
    return named or any(word in starts and phrase(words, i, group) for group in groups for i, word in enumerate(words))


def _first_number(words: Sequence[str], item: Item) -> int:
    return next((j for j in range(item.start, item.end) if numbers.is_number(words[j])), item.start)


def _phase(words: Sequence[str], i: int, head: Head, lexicon: Lexicon) -> Item | None:
    """A phase whose number stands further on: "arterial phase attenuation of 85 HU"."""
    named = phrase(words, i, lexicon.measures["phases"])
    if not named or not _number_ahead(words, named[0]):
        return None
    return Item("ignored", named[1], i, named[0])


def _score(words: Sequence[str], i: int, head: Head, lexicon: Lexicon) -> Item | None:
    """A response score: "Deauville 4", "DS 3"."""
    named = phrase(words, i, lexicon.measures["scores"])
    lead = lead_of(words, named[0], lexicon) if named else None
    read = quantity(words, lead.end) if lead and lead.end < len(words) else None
    if named is None or lead is None or read is None or read.kind or read.high[0] > _SCORES[named[1]]:
        return None
    return _item(words, i, read, lead, lexicon, named[1])


def _timed(words: Sequence[str], i: int, head: Head, lexicon: Lexicon) -> Item | None:
    """A number of an earlier examination, which says nothing of today, or one that is said to be today's."""
    named = phrase(words, i, lexicon.measures["times"])
    before = words[i - 1] if i else ","
    if named is None or (named[1] == "left" and before not in _UNITS) or (named[1] == "apart" and before not in _BREAKS):
        return None
    lead = lead_of(words, named[0], lexicon)
    read = latest(words, lead.end)
    if read is None or (not read.kind and (not head.kind or _counts(words, lead.end, read.end, lexicon))):
        return None
    item = _item(words, i, read, _within(lead, head), lexicon, read.kind or head.kind)
    if item.kind == "ignored" or named[1] == "now":
        return replace(item, name=named[1]) if item.kind == "size" else item
    return Item("ignored", "earlier", i, _in_bracket(words, i, item.end))


def _in_bracket(words: Sequence[str], i: int, end: int) -> int:
    """Where the numbers of an earlier examination end that goes on in its bracket: "(trước đây 28 mm, SUVmax 14)"."""
    close = words.index(")", end) if "(" in words[max(0, i - 1) : i + 1] and ")" in words[end:] else end
    return close if all(w in _JOINS or w[0].isdecimal() or w[:3] in _HEADS for w in words[end:close]) else end


def _past(words: Sequence[str], end: int, lexicon: Lexicon) -> int:
    """Where words behind a number end that say that it was so before: "60 mm trước đây"; nothing where there are none."""
    named = phrase(words, end, lexicon.measures["times"])
    if named is None or named[1] != "past":
        return 0
    behind = words[named[0]] if named[0] < len(words) else ","
    return named[0] if behind in _APART or phrase(words, named[0], lexicon.measures["times"]) else 0


def _number_ahead(words: Sequence[str], i: int) -> bool:
    """Whether a number stands near, before any sign that parts it."""
    ahead = next((w for w in words[i : i + _REACH] if w in _BREAKS or numbers.is_number(w)), ",")
    return ahead not in _BREAKS


def _head(words: Sequence[str], i: int, head: Head, lexicon: Lexicon) -> tuple[Head, int]:
    """`SUVmax`, `SUV trung bình`, `SULpeak`: which uptake token `i` names, and where the name ends."""
    before = lexicon.measures["suv"].get(words[i - 1], _NONE).get((words[i - 1],), "") if i else ""  # "maximum SUV"
    kind = next((name for name in ("peak", "mean", "max") if name in words[i]), before)
    j = i + 1
    while named := phrase(words, j, lexicon.measures["suv"]):
        j, kind = named[0], kind or named[1]
    return Head(words[i][:3] + (f"_{kind}" if kind else ""), head.phase, head.read), j


def _of_head(words: Sequence[str], i: int, end: int, head: Head, lexicon: Lexicon) -> Item | None:
    """The uptake named at token `i`; its name alone where the number stands further on ("SUVmax hạch 5,1")."""
    if words[end : end + 1] == ["/"]:
        return _ratio_of(words, i, end, lexicon)  # "SUVmax/gan 1,3"
    if beside := _beside(words, i, end, head, lexicon):
        return beside
    lead = lead_of(words, end, lexicon)
    read = latest(words, lead.end)
    if read and not read.kind:
        if _is_aside(words, read.end, lexicon):  # "SUVmax thì sớm (60 phút) 3,2"
            return Item("ignored", lead.phase or head.kind, i, read.end + 1)
        return _item(words, i, read, _within(lead, head), lexicon, head.kind)
    return Item("ignored", head.kind, i, end) if _number_ahead(words, end) else None


def _beside(words: Sequence[str], i: int, end: int, head: Head, lexicon: Lexicon) -> Item | None:
    """The uptake of an organ that others are compared with, named behind a lesion's own: "…SUVmax 6,2, SUVmax gan 2,1"."""
    start = next((j for j in range(end, len(words)) if words[j] not in lexicon.measures["of"]), end)
    behind, organ = organ_at(words, start, lexicon.tree)
    before = (organ_at(words, j, lexicon.tree)[1] for j in range(i))
    if (
        not head.read or not names(words, start, lexicon, "anatomy") or organ not in lexicon.references or organ in before
    ):  # of a lesion in that organ it is its own
        return None
    lead = lead_of(words, behind, lexicon)
    read = latest(words, lead.end)
    return _item(words, i, read, lead, lexicon, head.kind, organ) if read and not read.kind else None


def _ratio(words: Sequence[str], i: int, head: Head, lexicon: Lexicon) -> Item | None:
    """The ratio of an uptake to an organ's, which is no SUV: "tỉ lệ u/gan 2,1", "tumor-to-liver ratio of 2.1"."""
    named = phrase(words, i, lexicon.measures["ratios"])
    if not named:
        return None
    reach = range(named[0], min(named[0] + _REACH, len(words)))
    slash = next((j for j in reach if words[j] == "/"), None)
    if slash:
        return _ratio_of(words, i, slash, lexicon)
    of_organ = any(organ_at(words, j, lexicon.tree)[1] in lexicon.references for j in range(max(0, i - 2), i))
    read = latest(words, lead_of(words, named[0], lexicon).end)
    return Item("ignored", "ratio", i, read.end) if of_organ and read and not read.kind else None


def _ratio_of(words: Sequence[str], i: int, slash: int, lexicon: Lexicon) -> Item | None:
    ground = phrase(words, slash + 1, lexicon.measures["compared"])  # "u/nền gan"
    behind, organ = organ_at(words, ground[0] if ground else slash + 1, lexicon.tree)
    lead = lead_of(words, behind, lexicon)
    read = latest(words, lead.end)
    if organ not in lexicon.references or read is None or read.kind:
        return None
    return Item("ignored", "ratio", i, read.end)


def _within(lead: Lead, head: Head) -> Lead:
    """What leads to a number, with the phase that was named before."""
    return lead._replace(phase=lead.phase or head.phase)


def _led(words: Sequence[str], i: int, head: Head, lexicon: Lexicon) -> Item | None:
    """A number with what leads to it: "thì muộn 5,6", "> 10 mm", "lớn hơn 10 mm", "300 ml"."""
    if words[i] in lexicon.measures["fillers"] or words[i] in EMPTY:
        return None
    lead = Lead(i) if words[i] in MINUS else lead_of(words, i, lexicon)
    read = latest(words, lead.end)
    if read and not read.kind and _is_aside(words, read.end, lexicon):
        return Item("ignored", lead.phase or "aside", i, read.end + 1)
    if read is None or (not read.kind and (not head.kind or _counts(words, lead.end, read.end, lexicon))):
        return None
    if not read.kind and not _is_of(words, i, lead, head, lexicon):
        return None
    # "nhỏ hơn 5 mm" says something of the lesion too: there the number alone is the measure's
    start = lead.end if read.kind == "size" and names(words, i, lexicon, "descriptor") else i
    return _item(words, start, read, _within(lead, head), lexicon, read.kind or head.kind)


def _is_aside(words: Sequence[str], end: int, lexicon: Lexicon) -> bool:
    """Whether what follows a bare number says that it is another thing's: "60 phút", "3 cái"."""
    return end < len(words) and words[end] in lexicon.measures["aside"]


def _is_of(words: Sequence[str], i: int, lead: Lead, head: Head, lexicon: Lexicon) -> bool:
    """Whether a bare number is of the uptake that was named before: not "SUVmax 6,2 (lát cắt 120)".

    Behind the first number another is one only after a comma, "and" and the like, a phase or a relation, or what it is measured
    of: "SUVmax 6,2 và 5,1", "thì muộn 5,6", "hạch 3,2".
    """
    before = words[i - 1] if i else ","
    if before in lexicon.measures["aside"] and i > 1 and numbers.is_number(words[i - 2]):
        return True  # "at 60 minutes 6.2", but "minute 60"
    if before in lexicon.measures["labels"]:
        return False
    if before in _STAGES and words[i] in _GRADES:
        return False
    if not head.read or lead.end > i:
        return True
    if before in _LISTING or before == ")" or before in lexicon.measures["fillers"]:
        return True
    start = next((j + 1 for j in range(i - 2, -1, -1) if words[j] in _PARTED), 0)
    return any(names(words, j, lexicon, *_NAMED) for j in range(start, i))


def _counts(words: Sequence[str], i: int, end: int, lexicon: Lexicon) -> bool:
    """Whether a bare number counts something, or is part of a name: "SUVmax cao ở 2 nốt", not "SUVmax hạch 5,1"."""
    decimal = "." in words[i] or "," in words[i]
    return not decimal and (end < len(words) and names(words, end, lexicon, *_NAMED))


def _relation_before(words: Sequence[str], i: int, lexicon: Lexicon) -> str:
    """The relation that the words right before a number say, though they are read by themselves as well."""
    if i and words[i - 1] in SIGNS:
        return SIGNS[words[i - 1]]
    relations = lexicon.measures["relations"]
    leads = (words[max(0, i - n) : i] for n in range(LONGEST, 0, -1))
    return next((name for lead in leads if lead and (name := relations.get(lead[0], _NONE).get(tuple(lead)))), "=")


def _distance(words: Sequence[str], i: int, head: Head, lexicon: Lexicon) -> Item | None:
    """How far something lies from an organ: "cách carina 20 mm", "2 cm from the carina"."""
    words_of = lexicon.measures["distance"]
    if numbers.is_number(words[i]):
        read = quantity(words, i)
        behind = phrase(words, read.end, words_of) if read and read.kind == "size" else None
        if read is None or behind is None or behind[1] != "behind" or quantity(words, behind[0]):
            return None  # "12 mm from 28 mm" is how it has changed
        end, organ = organ_at(words, behind[0], lexicon.tree)
        return _item(words, i, read._replace(end=end), Lead(i), lexicon, "distance", organ)
    named = phrase(words, i, words_of)
    if not named or named[1] != "before":
        return None
    at = next((j for j in range(named[0], min(named[0] + _REACH, len(words))) if numbers.is_number(words[j])), None)
    read = quantity(words, at) if at and _BREAKS.isdisjoint(words[i:at]) else None
    if at is None or read is None or read.kind != "size":
        return None
    lead = Lead(at, None, _relation_before(words, at, lexicon))
    # "cách carina 4 cm", "trên carina 4 cm": the phrase may hold its organ
    inner = (organ_at(words, j, lexicon.tree) for j in range(i, named[0]))
    organ = next((name for end, name in inner if name and end == named[0]), "") or organ_at(words, named[0], lexicon.tree)[1]
    return _item(words, i, read, lead, lexicon, "distance", organ)


def _compared(words: Sequence[str], i: int, head: Head, lexicon: Lexicon) -> Item | None:
    """The organ that an uptake is compared with, with its own number or without: "so với gan 2,4", "cao hơn gan"."""
    named = phrase(words, i, lexicon.measures["compared"])
    if not named:
        return None
    end, organ = organ_at(words, named[0], lexicon.tree)
    if organ not in lexicon.references:
        return _compared_number(words, i, named[0], head, lexicon)
    head = Head(head.kind or "suv")
    opened = end + (words[end : end + 1] == ["("])  # "cao hơn gan (SUVmax 2,1)"
    if opened < len(words) and words[opened][:3] in _HEADS:
        head, end = _head(words, opened, head, lexicon)
    lead = lead_of(words, end, lexicon)
    read = latest(words, lead.end)
    if read and not read.kind:
        return _item(words, i, read, lead, lexicon, head.kind, organ)
    if not named[1]:
        return Item("ignored", organ, i, end)
    return Item("measure", "", i, end, measures=(Measure("suv", named[1], reference=organ),))


def _compared_number(words: Sequence[str], i: int, end: int, head: Head, lexicon: Lexicon) -> Item | None:
    """ "compared with 2.2 in the liver": the number before its organ."""
    lead = lead_of(words, end, lexicon)
    read = quantity(words, lead.end) if lead.end < len(words) and head.kind else None
    if read is None or read.kind:
        return None
    behind, organ = organ_at(words, read.end, lexicon.tree)
    if organ not in lexicon.references:
        return None
    return _item(words, i, read._replace(end=behind), lead, lexicon, head.kind, organ)


def _item(
    words: Sequence[str], start: int, read: Number, lead: Lead, lexicon: Lexicon, kind: str, reference: str | None = None
) -> Item:
    """A number as an item: the lesion's own size or uptake, or a measure beside it."""
    phase, end = (lead.phase, read.end) if lead.phase else _phase_behind(words, read.end, lexicon)
    if words[end : end + 1] == [")"] and "(" in words[start:end] and ")" not in words[start:end]:
        end += 1  # "SUVmax (5,2)"
    if past := _past(words, end, lexicon):
        return Item("ignored", "earlier", start, past)
    measure = Measure(kind, lead.relation, read.low, read.high, read.unit, phase, reference or None)
    highest = kind in ("suv", "suv_max") and not reference and phase != "delayed"
    item = "size" if kind == "size" else "suv" if highest else "measure"
    values = read.written if item == "size" else read.high if item == "suv" else ()
    return Item(item, "", start, end, values=values, measures=(measure,))


def _phase_behind(words: Sequence[str], i: int, lexicon: Lexicon) -> tuple[str | None, int]:
    """The phase that follows a number and leads to no other: "4,1 (thì sớm)", "4,1 ở thì sớm"."""
    j = i
    while j < len(words) and words[j] in _BEHIND:
        j += 1
    named = phrase(words, j, lexicon.measures["phases"])
    if not named:
        return None, i
    lead = lead_of(words, named[0], lexicon)
    if lead.end < len(words) and numbers.is_number(words[lead.end]):
        return None, i
    return named[1], named[0] + (words[named[0] : named[0] + 1] == [")"])
