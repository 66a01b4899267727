"""A report's text otherwise worded or cut, taken only where it still says what it should: its facts and lesions are read anew.

Headings and layouts of regions are in alter.yaml, for a radiologist to read and correct.
"""

from __future__ import annotations

import functools
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from docphim.files import seed_of
from docphim.language.fact import Fact
from docphim.language.facts import facts
from docphim.language.normalize import clean
from docphim.language.regions import Part, parts
from docphim.language.sections import sentence_ends, tidy
from docphim.package_data import packaged
from docphim.study import Lesion

#: Sentences that are counted keep their order.
_NUMBERED = re.compile(r"^\W*(?:\d{1,2}|[IVX]{1,4}|[a-d])[.)/]\s", re.MULTILINE)
#: A place in a text: its first character, and the one behind its last.
Span = tuple[int, int]
#: All that a fact says but its numbers, whose order says nothing.
_WHAT = operator.attrgetter(*(name for name in Fact.__slots__ if name not in ("text", "start", "end", "measures")))
#: What a text says: its facts and its lesion records, whatever their order.
Meaning = tuple[Counter[Any], Counter[str]]


def _lesions(text: str, language: str) -> list[Lesion]:
    from docphim.language.lesions import lesions_of  # here: the chain of imports stays short

    return lesions_of(text, language)


@functools.lru_cache(maxsize=4096)
def _meaning(text: str, language: str) -> Meaning:
    return Counter(_stated(fact) for fact in facts(text, language)), Counter(map(plain, _lesions(text, language)))


def _stated(fact: Fact) -> tuple[Any, ...]:
    return (*_WHAT(fact), *sorted(map(repr, fact.measures)))


def meaning(text: str, language: str) -> Meaning:
    """All facts and lesion records that a text states.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    return _meaning(text, language)


def plain(lesion: Lesion) -> str:
    """A lesion record without where its words stand, so that two can be compared."""
    return repr(replace(lesion, text=None))


def same(text: str, other: str, language: str) -> bool:
    """Whether two texts state the same facts and the same lesions, in whatever order and words."""
    return meaning(text, language) == meaning(other, language)


def sentence_spans(text: str) -> list[Span]:
    """Every sentence of a clean text, without the blanks around it and the heading of a region before it."""
    spans: list[Span] = []
    for part in parts(text) or [Part(0, 0, len(text), "")]:
        begin = part.begin
        for end in sentence_ends(text[part.begin : part.end]):
            words = text[begin : part.begin + end]
            if words.strip():
                first = begin + len(words) - len(words.lstrip())
                spans.append((first, first + len(words.strip())))
            begin = part.begin + end
    return spans


def without(text: str, spans: Iterable[Span], language: str) -> str | None:
    """A text without some of its sentences; None where what is left does not say all the rest, and nothing else.

    Parameters
    ----------
    text : str
        Clean (`normalize.clean`).
    spans : iterable of (int, int)
        Of `sentence_spans`.

    Returns
    -------
    str or None
        Empty where nothing is left.  A region of which nothing is left loses its heading.
    """
    cut = sorted(spans)
    left = tidy(_cut(text, cut))
    stay = [lesion for lesion in _lesions(text, language) if not _meets(lesion.text or [0, 0], cut)]
    states = Counter(_stated(fact) for fact in facts(text, language) if not _meets((fact.start, fact.end), cut))
    return left if meaning(left, language) == (states, Counter(map(plain, stay))) else None


def _meets(place: Sequence[int], spans: Iterable[Span]) -> bool:
    return any(place[0] < stop and start < place[1] for start, stop in spans)


def _cut(text: str, spans: Sequence[Span]) -> str:
    pieces = []
    for part in parts(text):
        done, pieces_of = part.begin, []
        for start, stop in spans:
            if part.begin <= start < part.end:
                pieces_of.append(text[done:start])
                done = stop
        pieces_of.append(text[done : part.end])
        body = "".join(pieces_of)
        if re.search(r"\w", body):
            pieces.append(text[part.start : part.begin] + body)
    return "".join(pieces)


def reordered(text: str, language: str, seed: object) -> tuple[str, str]:
    """A text with the sentences of each region, or of all of it, in an order that the seed draws.

    Returns
    -------
    tuple of str
        The text, and the reason by which it stayed as it was (empty: it did not): `nothing_to_order`; `meaning_changed`, where
        in another order a sentence means something else.
    """
    return _checked(text, _shuffled(clean(text), np.random.default_rng(seed_of("order", seed))), language, "nothing_to_order")


def _shuffled(text: str, random: np.random.Generator) -> str:
    out = []
    for part in parts(text):
        body = text[part.begin : part.end]
        spans = [(s, e) for s, e in sentence_spans(body) if body[s:e]]
        whole = all(body[e - 1] == "." for _, e in spans)
        if len(spans) > 1 and whole and not _NUMBERED.search(body):
            ordered = [body[slice(*spans[n])] for n in random.permutation(len(spans))]
            between = [body[a:b] for a, b in zip([0, *(e for _, e in spans)], [*(s for s, _ in spans), len(body)], strict=True)]
            body = between[0] + "".join(words + gap for words, gap in zip(ordered, between[1:], strict=True))
        out.append(text[part.start : part.begin] + body)
    return "".join(out)


def relaid(text: str, language: str, seed: object) -> tuple[str, str]:
    """A text that lists regions under other headings and in another layout, as the seed draws.

    Returns
    -------
    tuple of str
        The text, and the reason by which it stayed as it was (empty: it did not): `no_regions`; `meaning_changed`.
    """
    return _checked(
        text, _relaid(clean(text), language, np.random.default_rng(seed_of("layout", seed))), language, "no_regions"
    )


def _relaid(text: str, language: str, random: np.random.Generator) -> str:
    listed = parts(text)
    table = layouts()
    known: Mapping[str, Sequence[str]] = table["headings"].get(language, {})
    if not listed or any(part.region not in known for part in listed):
        return text
    layout = str(table["layouts"][int(random.integers(len(table["layouts"])))])
    lines = []
    for part in listed:
        wordings = known[part.region]
        heading = str(wordings[int(random.integers(len(wordings)))])
        lines.append(layout.format(heading=heading, text=text[part.begin : part.end].strip()))
    return "\n".join(lines)


@functools.cache
def layouts() -> Mapping[str, Any]:
    """alter.yaml."""
    table: Mapping[str, Any] = packaged(Path(__file__).with_suffix(".yaml"))
    return table


def _checked(text: str, made: str, language: str, unchanged: str) -> tuple[str, str]:
    if made == clean(text):
        return text, unchanged
    return (made, "") if same(text, made, language) else (text, "meaning_changed")


#: What changes a text, in the order in which it is done.
STEPS: dict[str, Callable[[str, str, object], tuple[str, str]]] = {"order": reordered, "layout": relaid}
