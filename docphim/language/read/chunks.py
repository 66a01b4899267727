"""Items → segments with their predicates and phrases of place (tables `role` and `phrase`)."""

from __future__ import annotations

from dataclasses import replace

from docphim.language.read.atoms.phrase import PhraseView
from docphim.language.read.atoms.role import RoleView
from docphim.language.read.chunk import BOUNDARIES, JOINING, PLACE, Phrase, Segment, Sentence, links_of

_PREDICATES = frozenset(("finding", "state", "ratio"))


def chunk(sentence: Sentence) -> list[Segment]:
    """The segments of a sentence; nodes that are only a place are made items of place."""
    items = sentence.items
    predicates = _predicates(sentence)
    segments: list[Segment] = []
    n, depth, links = 0, 0, set[str]()
    while n < len(items):
        kind = items[n].kind
        if kind in JOINING:
            depth += (kind == "comma" and items[n].name in "([") - (kind == "close")
            links |= links_of(items[n])
            n += 1
            continue
        last = next((j for j in range(n, len(items)) if items[j].kind in BOUNDARIES), len(items))
        at = tuple(j for j in range(n, last) if j in predicates)
        segment = Segment(n, last, frozenset(links), depth > 0, at)
        segment.gaps = [phrases(sentence, a, b) for a, b in zip((n, *(j + 1 for j in at)), (*at, last), strict=True)]
        segments.append(segment)
        n, links = last, set()
    if links & {"colon", "break"}:
        segments.append(Segment(n, n, frozenset(links), False, (), [[]]))
    return segments


def _predicates(sentence: Sentence) -> frozenset[int]:
    """Indexes of the findings, and of the states that are not a finding's."""
    items, lexicon, table = sentence.items, sentence.lexicon, sentence.grammar["role"]
    chosen = [n for n, item in enumerate(items) if item.kind in _PREDICATES]
    nodes = [n for n in chosen if items[n].name in lexicon.with_states and items[n].name in lexicon.anatomy]
    for n in nodes:
        if table.decide(RoleView(items, n, lexicon)).do == "place":
            items[n] = replace(items[n], kind="anatomy", term=None)
    return frozenset(
        n
        for n in chosen
        if items[n].kind in ("finding", "ratio")
        or (items[n].kind == "state" and table.decide(RoleView(items, n, lexicon)).do == "predicate")
    )


def phrases(sentence: Sentence, first: int, last: int) -> list[Phrase]:
    """The places that a stretch of items names, in order: "thùy trên phổi phải và thùy dưới phổi trái" is two."""
    items, table = sentence.items, sentence.grammar["phrase"]
    listed: list[Phrase] = []
    joined = of = False
    for n in range(first, last):
        item = items[n]
        if item.kind not in PLACE:
            joined = joined or item.kind in ("and", "or")
            of = (of or item.kind == "of") and item.kind not in ("size", "suv")
            continue
        view = PhraseView(listed[-1] if listed else None, items, n, joined, sentence.lexicon)
        do = table.decide(view).do if listed else "new"
        if do == "new":
            listed.append(Phrase(n, n + 1, joined=joined and bool(listed), of=of, led=view.leads()))
        _extend(listed[-1], view, do)
        joined = of = False
    return listed


def _extend(phrase: Phrase, view: PhraseView, do: str) -> None:
    """Add an item's words to the phrase that is being put together."""
    phrase.last = view.n + 1
    if do != "stay" and view.anatomy and not (do == "node" and view.is_node):
        phrase.anatomy = view.anatomy
    if view.side:
        phrase.side, phrase.led = view.side, view.leads()
    phrase.locations += tuple(x for x in view.locations if x not in phrase.locations)
    if view.part and (not phrase.part or phrase.part in view.lexicon.outer):
        phrase.part = view.part
