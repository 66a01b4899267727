"""Read the labels of a chest film report: which findings it affirms, denies, suspects, or leaves out, and on which side.

`read_labels("Góc sườn hoành phải tù.", "vi")["effusion_right"]` is `"positive"`.  What it knows stands in lexicon/*.yaml.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from docphim.language.normalize import normalize
from docphim.language.phrases import WORD, Lexicon, load_lexicon

State = Literal["positive", "negative", "uncertain", "unmentioned"]

#: Every label, in the order of tables.
LABELS: tuple[str, ...] = (
    "cardiomegaly",
    *(
        f"{name}_{side}"
        for name in ("effusion", "consolidation", "nodule", "mass", "pneumothorax")
        for side in ("right", "left")
    ),
    "interstitial",
    "aortic_calcification",
    "aortic_unfolding",
    *(f"{n}_{side}" for n in ("rib_fracture", "hilar_prominence") for side in ("right", "left")),
)

_SIDES = {"right": ("right",), "left": ("left",), "both": ("right", "left")}
_RANK: dict[State, int] = {"unmentioned": 0, "negative": 1, "uncertain": 2, "positive": 3}
_SENTENCE = re.compile(r"\n|;|!|\.(?!\d)|(?<!\d)\.(?=\d)")
_NUMBER = re.compile(r"[^\d]{0,30}?(\d+(?:\.\d+)?)\s*(?:/\s*(\d+))?\s*(%?)")
_LONG = re.compile(r".{1,2000}(?!\S)|\S{2000}")  # no sentence is longer; what is, is no sentence
_NEAR = 2  # words that may stand between a negation and the anatomy it reverses: "không thấy hình ảnh góc sườn hoành tù"


@dataclass(frozen=True)
class Span:
    """A stretch of an item's text: a side, a cue, or a finding's phrase with its `head` (the anatomy before a gap)."""

    start: int
    end: int
    kind: str
    name: str = ""
    head: str = ""


def read_labels(text: str, language: str) -> dict[str, State]:
    """Every label of `LABELS` with its state.

    Of several mentions the most affirmative counts.  A sided finding that is affirmed without a side is uncertain on both,
    unless the report gives its side elsewhere; one that is denied without a side is absent on both.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    lexicon = load_lexicon(language)
    states: dict[str, State] = dict.fromkeys(LABELS, "unmentioned")
    unsided: set[str] = set()
    for name, side, state in _mentions(text, lexicon):
        labels = [name] if name not in lexicon.sided else [f"{name}_{s}" for s in _SIDES[side or "both"]]
        if name in lexicon.sided and not side and state != "negative":
            unsided.add(name)
            continue
        for label in labels:
            states[label] = max(states[label], state, key=_RANK.__getitem__)
    for name in unsided:
        labels = [f"{name}_right", f"{name}_left"]
        if all(_RANK[states[label]] < _RANK["uncertain"] for label in labels):
            states.update(dict.fromkeys(labels, "uncertain"))
    return states


def _mentions(text: str, lexicon: Lexicon) -> Iterator[tuple[str, str, State]]:
    """Each finding that is spoken of: its name, its side or nothing, its state."""
    for line in text.splitlines():
        clean = re.sub(r"(?<=\d)\s?,\s?(?=\d)", ".", normalize(line))
        for sentence in _SENTENCE.split(clean):
            for part in _LONG.findall(sentence):
                yield from _read(part, lexicon)


@functools.lru_cache(maxsize=10_000)
def _read(sentence: str, lexicon: Lexicon) -> tuple[tuple[str, str, State], ...]:
    """Mentions of a sentence; reports say the same ones again and again."""
    masked = lexicon.masked.sub(lambda m: "_" * len(m.group()), sentence)
    return (*_ratio(sentence, lexicon), *_sentence(masked, lexicon))


def _sentence(sentence: str, lexicon: Lexicon) -> Iterator[tuple[str, str, State]]:
    header, last, head, cue = "", "", "", ""
    waiting: tuple[str, State] | None = None
    for number, item in enumerate(_items(sentence, lexicon)):
        spans = _findings(item, lexicon)
        if not spans and head and not lexicon.anatomy.search(item):
            # "góc sườn hoành phải tù, bên trái nhọn": the anatomy is that of the item before
            item = f"{head} {item.lstrip()}"
            spans = _findings(item, lexicon)
        sides = _side_spans(item, lexicon)
        if number == 0 and sides and (not spans or sides[0].end <= spans[0].start):
            header = sides[0].name
        if waiting and (spans or sides):
            # "gãy cung sau xương sườn V, VI bên phải": the side comes in the next item
            late = not spans and sides and not lexicon.midline.search(item)
            yield waiting[0], sides[0].name if late else "", waiting[1]
            waiting = None
        if not _continues(item, spans, sides, lexicon):
            cue = ""
        cues = _cues(item, spans, lexicon)
        for i, span in enumerate(spans):
            state = _state(item, span, cues, cue, lexicon)
            before, after = (spans[i - 1].end if i else 0), (spans[i + 1].start if i + 1 < len(spans) else len(item))
            found = _side(item, span, before, after, sides, lexicon)
            if found and span.name in lexicon.sided:
                sides = [s for s in sides if s not in found]
                last = found[0].name if len({s.name for s in found}) == 1 else "both"
            where = last if found else (header if state == "negative" else last or header)
            if where or state == "negative" or i + 1 < len(spans):
                yield span.name, where, state
            else:
                waiting = span.name, state
            head = "" if span.kind == "things" else span.head
        cue = _running(cues, cue)
    if waiting:
        yield waiting[0], "", waiting[1]


def _items(sentence: str, lexicon: Lexicon) -> Iterator[str]:
    """A sentence cut at commas, and at "và" between two findings: "tortuous and calcified aorta" is one item."""
    for part in sentence.split(","):
        begin = 0
        for join in lexicon.joins.finditer(part):
            if _findings(part[begin : join.start()], lexicon) and _findings(part[join.end() :], lexicon):
                yield part[begin : join.start()]
                begin = join.end()
        yield part[begin:]


def _continues(item: str, spans: list[Span], sides: list[Span], lexicon: Lexicon) -> bool:
    """Whether a list goes on, so that the negation or hedge before the comma holds for this item too."""
    if lexicon.list_ends.search(item):
        return True
    bare = all(s.kind == "things" for s in spans) if spans else not lexicon.anatomy.search(item)
    return bare and all(s.name == "both" for s in sides) and not lexicon.qualifiers.search(item)


def _running(cues: Iterable[Span], cue: str) -> str:
    """The cue that holds after these: a negation stands until something ends it, a hedge does not weaken it."""
    for found in cues:
        if found.kind != "hedges" or cue != "negation":
            cue = "" if found.kind == "ends" else found.kind
    return cue


def _state(item: str, span: Span, cues: list[Span], cue: str, lexicon: Lexicon) -> State:
    """The state of a finding, given the cue that the item began with."""
    cue = _running((c for c in cues if c.start < span.start), cue)
    negations = [c for c in cues if c.kind == "negation"]
    reversed_ = any(
        span.start <= c.start < span.end or (span.start - c.end >= 0 and len(item[c.end : span.start].split()) <= _NEAR)
        for c in negations
    )
    denied = cue == "negation" if span.kind == "things" else reversed_
    denied = denied or bool(lexicon.denied.match(item, span.end))
    if span.kind == "normal":
        denied = not denied
    if denied:
        return "negative"
    return "uncertain" if cue == "hedges" else "positive"


def _cues(item: str, spans: list[Span], lexicon: Lexicon) -> list[Span]:
    """Negations, hedges and what ends them; anatomy with its state ends them as well, for what follows it."""
    found = [Span(m.start(), m.end(), lexicon.cue_kinds[(m.lastindex or 1) - 1]) for m in lexicon.cues.finditer(item)]
    found += [Span(s.end, s.end, "ends") for s in spans if s.kind != "things"]
    return sorted(found, key=lambda s: (s.start, s.end))


def _findings(item: str, lexicon: Lexicon) -> list[Span]:
    """The finding phrases of an item from left to right, without those that a longer one holds or begins with."""
    found = [
        Span(m.start(), m.end(), kind, name, m.groupdict().get("head") or "")
        for name, kind, pattern in {p: None for word in WORD.findall(item) for p in lexicon.phrases.get(word, ())}
        for m in pattern.finditer(item)
    ]
    found.sort(key=lambda s: (s.start - s.end, s.start))
    kept: list[Span] = []
    for span in found:
        if not any(k.start <= span.start and span.end <= k.end and (not k.head or k.start == span.start) for k in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


def _side_spans(item: str, lexicon: Lexicon) -> list[Span]:
    found = [Span(m.start(), m.end(), "side", side) for side, pattern in lexicon.sides for m in pattern.finditer(item)]
    longest = [s for s in found if not any(o != s and o.start <= s.start and s.end <= o.end for o in found)]
    return sorted(longest, key=lambda s: s.start)


def _side(item: str, span: Span, before: int, after: int, sides: list[Span], lexicon: Lexicon) -> list[Span]:
    """The side words of a finding: inside its phrase, else on the language's usual hand, else on the other.

    Several only where "và" joins them: "đông đặc thùy trên phổi phải và thùy dưới phổi trái".
    """
    inside = [s for s in sides if span.start <= s.start and s.end <= span.end]
    following = [s for s in sides if span.end <= s.start and s.end <= after]
    preceding = [s for s in sides if before <= s.start and s.end <= span.start][::-1]
    order = (following, preceding) if lexicon.side_follows else (preceding, following)
    group = next((group for group in (inside, *order) if group), [])
    chosen = group[:1]
    for side in group[1:]:
        first, second = sorted((chosen[-1], side), key=lambda s: s.start)
        between = item[first.end : second.start]
        if not lexicon.joins.search(between) or lexicon.midline.search(between):
            break
        chosen.append(side)
    return chosen


def _ratio(sentence: str, lexicon: Lexicon) -> Iterator[tuple[str, str, State]]:
    """A cardiothoracic ratio that is given as a number, "> 0.5", "52%" or "1/2"."""
    rule = lexicon.ratio
    for name in rule["names"].finditer(sentence):
        number = _NUMBER.match(sentence, name.end())
        if not number:
            continue
        value = float(number[1]) / (float(number[2]) if number[2] and float(number[2]) else 1)
        value = value / 100 if number[3] or value > 1.5 else value
        said = sentence[name.end() : number.start(1)]
        under, over = (any(word in said for word in rule[key]) for key in ("under", "over"))
        if not under and (value > rule["above"] or (over and value == rule["above"])):
            yield rule["finding"], "", "positive"
        elif not (over and not under) and value <= rule["above"]:
            yield rule["finding"], "", "negative"
