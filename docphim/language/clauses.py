"""Cuts a sentence's items into clauses: each with one finding or state, and the words that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from docphim.language.grammar import Clause, Item
from docphim.language.lexicon import Lexicon

#: What ends a stretch in which words belong together without question.
BOUNDARIES = frozenset(("comma", "colon", "end"))
LINKS = ("colon", "end", "comma", "or", "and")
_PLACE = frozenset(("anatomy", "part", "side", "location"))
_LISTED = _PLACE | {"negation", "and", "or", "comma", "severity", "descriptor", "count"}
_BEFORE = frozenset(("negation", "certainty", "affirm"))


def clauses(items: Sequence[Item], lexicon: Lexicon) -> list[Clause]:
    """The clauses of a sentence, in order."""
    items = _nodes_as_places(_without_advice(items), lexicon)
    at = _predicates(items, lexicon)
    cuts = [0, *(_cut(items, a, b, lexicon) for a, b in pairwise(at)), len(items)]
    parts: list[Clause] = []
    for n, (start, end) in enumerate(pairwise(cuts)):
        parts += _segments(items, start, end, at[n] if at else None, lexicon)
    for clause in parts:
        clause.kinds = frozenset([item.kind for item in clause.items])
        clause.predicate = None if clause.at is None else clause.items[clause.at]
    look_ahead(parts)
    return parts


def look_ahead(parts: Sequence[Clause]) -> None:
    """Tell each clause whether an "or" comes behind it."""
    later = False
    for clause in reversed(parts):
        clause.either = later
        later = (later or clause.link == "or" or "or" in clause.kinds) and clause.link != "end"


def _without_advice(items: Sequence[Item]) -> list[Item]:
    """Leave out advice and technique, from its first words to the next comma or the end."""
    if "advice" not in [item.kind for item in items]:
        return list(items)
    rest, skipping = [], False
    for n, item in enumerate(items):
        skipping = item.kind == "advice" or (skipping and item.kind not in ("comma", "end") and not _heads(items, n))
        if not skipping:
            rest.append(item)
    return rest


def _heads(items: Sequence[Item], n: int) -> bool:
    """Whether an organ between two colons begins here: "so sánh với phim ngày 3/5: phổi phải: …" ends the advice."""
    if items[n].kind != "anatomy" or not n or items[n - 1].kind != "colon":
        return False
    behind = next((item.kind for item in items[n + 1 :] if item.kind != "side"), "")
    return behind == "colon"


def _nodes_as_places(items: list[Item], lexicon: Lexicon) -> list[Item]:
    """In "no uptake was detected in the mediastinal lymph nodes" and "tăng chuyển hóa FDG hạch cổ" the nodes are where."""
    for n, item in enumerate(items):
        if takes_state(item, lexicon) and item.name in lexicon.anatomy:
            back = n - 1
            while back >= 0 and items[back].kind in _PLACE | {"descriptor"}:
                back -= 1
            held = back >= 0 and items[back].kind == "of" and any(i.kind == "finding" for i in items[:back])
            if held or (n and lexicon.modifiers_after and items[n - 1].name in lexicon.as_state):
                items[n] = replace(item, kind="anatomy", term=None)
    return items


def takes_state(item: Item, lexicon: Lexicon) -> bool:
    """Whether a state beside this finding is its own: "hạch trung thất to" speaks of one thing."""
    return item.kind == "finding" and item.name in lexicon.with_states


def _predicates(items: Sequence[Item], lexicon: Lexicon) -> list[int]:
    """Indexes of the findings, and of the states that are not a finding's own."""
    return [
        i
        for i, item in enumerate(items)
        if item.kind in ("finding", "ratio") or (item.kind == "state" and not _owner(items, i, lexicon))
    ]


def _owner(items: Sequence[Item], i: int, lexicon: Lexicon) -> bool:
    """Whether the state at `i` describes a finding beside it rather than an anatomy."""
    if items[i].term and "anatomy" in items[i].term.says:  # type: ignore[union-attr]
        return False
    left, stop = _look(items, range(i - 1, -1, -1))
    if stop and (stop.kind == "ratio" or takes_state(stop, lexicon)):
        return True
    right, ahead = _look(items, range(i + 1, len(items)))
    subject = any(item.kind == "anatomy" for item in left)
    if not subject and ahead and (ahead.kind == "ratio" or takes_state(ahead, lexicon)):
        return True
    if not subject and _heads_list(items, i, lexicon):
        return True
    if subject:
        return False
    if stop and stop.kind == "finding" and not left:
        return not (right and right[0].kind in ("anatomy", "part"))
    following = not any(item.kind in ("anatomy", "negation") for item in right)
    return bool(ahead and ahead.kind == "finding" and following and not lexicon.modifiers_after)


def _heads_list(items: Sequence[Item], i: int, lexicon: Lexicon) -> bool:
    """Whether adjectives in a list lead from the state at `i` to nodes: "no enlarged mediastinal, hilar or axillary nodes"."""
    if lexicon.modifiers_after:
        return False
    noun = next((item for item in items[i + 1 :] if item.kind not in _LISTED), None)
    return noun is not None and takes_state(noun, lexicon)


def _look(items: Sequence[Item], way: range) -> tuple[list[Item], Item | None]:
    """Items along the way up to a boundary or predicate, without grades and the like, and the predicate."""
    passed: list[Item] = []
    for j in way:
        item = items[j]
        if item.kind in BOUNDARIES:
            return passed, None
        if item.kind in ("finding", "state", "ratio"):
            return passed, item
        if item.kind not in ("severity", "descriptor", "count", "size", "affirm"):
            passed.append(item)
    return passed, None


def _subject_before(items: Sequence[Item], b: int, lexicon: Lexicon) -> bool:
    """Whether the predicate at `b` takes the anatomy before it: states do, and "dày", "giãn", "lệch" where none follows."""
    item = items[b]
    if item.kind in ("state", "ratio"):
        return True
    about = lexicon.findings.get(item.name, {})
    if "of" in about and _named_before(items, b, about["of"]):
        return True
    term = item.term
    if not about.get("as_state") or (term and ("anatomy" in term.says or (term.carries and not term.led))):
        return False
    after = [n for n in items[b + 1 :] if n.kind not in ("severity", "descriptor", "side", "negation")][:2]
    if not after or after[0].kind not in _PLACE:
        return True
    # "khí quản không lệch bóng tim to": the anatomy behind has a state of its own
    behind = len(after) > 1 and _stands_behind(after[0], after[1], lexicon)
    return behind and _named_before(items, b) and not _taken_before(items, b, lexicon)


def _taken_before(items: Sequence[Item], b: int, lexicon: Lexicon) -> bool:
    """Whether the anatomy before `b` is that of a finding before it."""
    a = next((j for j in range(b - 1, -1, -1) if items[j].kind in ("finding", "state") or items[j].kind in BOUNDARIES), None)
    if a is None or items[a].kind != "finding":
        return False
    # "màng phổi dày khí quản không lệch bóng tim to": the one before has its own before it
    stated = lexicon.findings.get(items[a].name, {}).get("as_state") and _named_before(items, a)
    return not stated and _needed_before(items, a, b, lexicon)


def _stands_behind(anatomy: Item, item: Item, lexicon: Lexicon) -> bool:
    """Whether a state or a finding that follows an anatomy is said of it."""
    about = lexicon.findings.get(item.name, {}) if item.kind == "finding" else {}
    return item.kind == "state" or bool(about.get("as_state")) or about.get("of", "") == anatomy.name


def _named_before(items: Sequence[Item], b: int, anatomy: str = "") -> bool:
    """Whether the item before `b`, but for negations, sides and grades, is an anatomy, or the one named."""
    back = next((i for i in reversed(items[:b]) if i.kind not in ("severity", "descriptor", "side", "negation")), None)
    return bool(back and back.kind == "anatomy" and anatomy in ("", back.name))


def _cut(items: Sequence[Item], a: int, b: int, lexicon: Lexicon) -> int:
    """Where the clause of the predicate at `b` begins, after the predicate at `a`."""
    between, kinds = range(a + 1, b), {item.kind for item in items[a + 1 : b]}
    if "shown" in kinds or "negation" in kinds:
        shown = [j for j in between if items[j].kind == "shown" or _denies_before(items[j])]
        if shown:
            rest = [j for j in between if j > shown[-1] and items[j].kind in LINKS]
            return rest[-1] if rest else shown[-1] + 1
    needed = _needed_before(items, a, b, lexicon) and not _complete(items, a, lexicon)
    subject = not needed and _subject_before(items, b, lexicon)
    if not kinds.isdisjoint(BOUNDARIES):
        return _at_boundary(items, [j for j in between if items[j].kind in BOUNDARIES], b, subject)
    negation = next((j for j in between if items[j].kind in _BEFORE), None)
    joins = [j for j in between if items[j].kind in ("and", "or")]
    if negation is not None:
        return _subject_start(items, a, negation, lexicon) if subject or _complete(items, a, lexicon) else negation
    if joins and (subject or not lexicon.modifiers_after or not _places(items[joins[-1] + 1 : b])):
        return joins[-1]
    if lexicon.modifiers_after:
        return _subject_start(items, a, b, lexicon) if subject or _complete(items, a, lexicon) else b
    if subject:
        return _subject_start(items, a, b, lexicon)
    return b if "of" in kinds else a + 1


def _needed_before(items: Sequence[Item], a: int, b: int, lexicon: Lexicon) -> bool:
    """Whether the only anatomy between two findings is the first one's: "tổn thương gan tăng chuyển hóa FDG"."""
    if items[a].kind != "finding" or items[b].kind != "finding":
        return False
    names = [i.name if i.kind == "anatomy" else lexicon.location_of.get(i.name, "") for i in items[a + 1 : b]]
    # a lobe and its lung are one; the same anatomy again, with a side between, is another
    named = sum(bool(name) and not (n and names[n - 1] == name) for n, name in enumerate(names))
    says = bool(items[a].term and items[a].term.carries) or "of" in lexicon.findings.get(items[a].name, {})  # type: ignore[union-attr]
    return named + says < 2


def _denies_before(item: Item) -> bool:
    """Whether an item is a negation that follows what it denies."""
    return item.kind == "negation" and item.name == "after"


def _places(items: Sequence[Item]) -> bool:
    return any(item.kind in _PLACE for item in items)


def _complete(items: Sequence[Item], a: int, lexicon: Lexicon) -> bool:
    """Whether the predicate at `a` has its anatomy before it, as a state has, so that what follows is something new."""
    if items[a].kind == "ratio" or not _subject_before(items, a, lexicon):
        return False
    return any(item.kind == "anatomy" for item in _look(items, range(a - 1, -1, -1))[0])


def _at_boundary(items: Sequence[Item], marks: Sequence[int], b: int, subject: bool) -> int:
    """The last boundary; before a state, the one that opens its list of anatomies: "khí quản, phế quản gốc thông thoáng"."""
    cut = marks[-1]
    if not subject:
        return cut
    for mark in reversed(marks[:-1]):
        inner = items[mark + 1 : cut]
        if items[cut].kind != "comma" or not any(i.kind == "anatomy" for i in items[cut + 1 : b]):
            break
        if not any(i.kind == "anatomy" for i in inner) or any(i.kind not in _PLACE | {"and", "of"} for i in inner):
            break
        cut = mark
    return cut


def _subject_start(items: Sequence[Item], a: int, b: int, lexicon: Lexicon) -> int:
    """The first item of the anatomy that stands before `b`, if the predicate at `a` does not need it for itself."""
    start = next((j for j in range(a + 1, b) if items[j].kind in ("anatomy", "part")), b)
    if items[a].kind == "finding" and lexicon.modifiers_after:
        anatomies = [j for j in range(a + 1, b) if items[j].kind == "anatomy"]
        # "hình đông đặc góc sườn hoành hai bên sáng": a state right after the anatomy makes it the state's
        start = anatomies[-1] if anatomies else b
        while start - 1 > a and items[start - 1].kind == "part":
            start -= 1
    while start - 1 > a and start < b and items[start - 1].kind in ("side", "count") and _leads(items[start - 1], lexicon):
        start -= 1
    return start


def _leads(item: Item, lexicon: Lexicon) -> bool:
    """Whether a side or count stands before its noun: "hai góc sườn hoành", not "hai bên"; "right lung"."""
    return not lexicon.modifiers_after or item.kind == "count" or (item.name == "both" and item.end - item.start == 1)


def _segments(items: Sequence[Item], start: int, end: int, at: int | None, lexicon: Lexicon) -> list[Clause]:
    """One clause with its predicate, and clauses of their own for parts between commas that say something else."""
    remark = items[start].name == "(" if start < end else False
    link, start = _link(items, start, end)
    inside = items[start:end]
    if BOUNDARIES.isdisjoint([item.kind for item in inside]):
        return [Clause(list(inside), at - start if at is not None and at >= start else None, link, remark)] if inside else []
    parts: list[tuple[int, int]] = []
    begin = start
    for j in range(start, end):
        if items[j].kind in BOUNDARIES:
            parts.append((begin, j))
            begin = j
    parts.append((begin, end))
    segments: list[Clause] = []
    for first, last in parts:
        mark, inner = _link(items, first, last) if first != start else (link, first)
        whole = list(items[inner:last])
        index = at - inner if at is not None and inner <= at < last else None
        if segments and index is None and mark == "comma" and not _speaks(whole) and not _other_side(segments[-1], whole):
            segments[-1].items += [items[first], *whole]
        elif (
            index is not None
            and segments
            and segments[-1].at is None
            and mark == "comma"
            and _leads_to(segments[-1], whole, index, lexicon)
        ):
            before = segments[-1]
            before.at = len(before.items) + 1 + index
            before.items += [items[first], *whole]
        elif whole or mark == "colon":
            segments.append(Clause(whole, index, mark, bracket=remark if first == start else items[first].name == "("))
    return segments


def _speaks(items: Sequence[Item]) -> bool:
    """Whether a part between commas says something by itself: unknown words, a negation, a hedge."""
    return any(i.kind in ("word", "negation", "certainty", "shown", "affirm", "change") for i in items)


def _other_side(clause: Clause, items: Sequence[Item]) -> bool:
    """Whether a part grades the other side: "tràn dịch màng phổi phải lượng ít, trái lượng nhiều"."""
    sides = {i.name for i in items if i.kind == "side"}
    graded = any(i.kind in ("severity", "size", "suv", "count") for i in items)
    before = {i.name for i in clause.items if i.kind == "side"}
    return graded and bool(sides) and bool(before) and not sides & before


def _leads_to(clause: Clause, items: Sequence[Item], at: int, lexicon: Lexicon) -> bool:
    """Whether a part only names anatomy of a list: "tim, trung thất bình thường", "no axillary, mediastinal or hilar nodes"."""
    kinds = {i.kind for i in clause.items}
    if items[at].kind == "finding":
        listed = (
            _LISTED | ({"of"} if "negation" in kinds else set()) | ({"state"} if takes_state(items[at], lexicon) else set())
        )
        if lexicon.modifiers_after or not kinds & {"anatomy", "location"} or not kinds <= listed:
            return False
        names_anatomy = bool(items[at].term and "anatomy" in items[at].term.says)  # type: ignore[union-attr]
        leading = {i.kind for i in items[:at]}
        return bool(kinds & {"negation"} or leading & {"and", "or"}) and (
            names_anatomy or bool(leading & {"anatomy", "location"})
        )
    return items[at].kind == "state" and "anatomy" in kinds and kinds <= _PLACE | {"and", "or", "of", "comma"}


def _link(items: Sequence[Item], start: int, end: int) -> tuple[str, int]:
    """The strongest of the signs and joining words that a stretch begins with, and where its own words begin."""
    link = ""
    while start < end and items[start].kind in LINKS:
        if not link or LINKS.index(items[start].kind) < LINKS.index(link):
            link = items[start].kind
        start += 1
    return link, start
