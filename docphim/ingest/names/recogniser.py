"""Optional layer: a library that recognises names (the `[deid]` extra; its model lies in its wheel) reads the text too.

`source.recogniser: underthesea` asks for it.  It knows names of newspapers, not of reports, so of what it calls a person
only words that no report has are taken out: it calls BN one, and the Cobb of an angle a place.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from docphim.errors import UsageError
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.person import is_family, of_reports

#: Recogniser → the function that cuts a text into (word, part of speech, chunk, entity).
RECOGNISERS: dict[str, str] = {"underthesea": "underthesea:ner"}


@cache
def recogniser(name: str) -> Callable[[str], list[tuple[str, ...]]]:
    """The function of a recogniser.

    Raises
    ------
    UsageError
        None is called so, or it is not installed.
    """
    if name not in RECOGNISERS:
        raise UsageError(f"source.recogniser: no recogniser {name!r}; known: {', '.join(RECOGNISERS)}")
    module, _, function = RECOGNISERS[name].partition(":")
    try:
        library: Any = importlib.import_module(module)
    except ImportError:
        raise UsageError(f"source.recogniser needs {module}: pip install 'docphim[deid]'") from None
    return getattr(library, function)


def recognised(page: Page, name: str) -> Iterator[Span]:
    """Names of people that a recogniser sees, without the words of reports among them."""
    cut, place = recogniser(name), 0
    for line in page.text.split("\n"):
        place = page.text.index(line, place)
        behind = place
        for word, *_, entity in cut(line) if line.strip() else []:
            start = page.text.find(word, behind, place + len(line))
            if start < 0:  # a word that the library has respelled
                continue
            behind = start + len(word)
            if entity.endswith("PER"):
                yield from _strangers(page, start, behind)


def _strangers(page: Page, start: int, end: int) -> Iterator[Span]:
    words = range(page.word_at(start), page.word_at(end))
    if not words or not page.capital(words[0]):
        return
    if is_family(page, words[0]) and len(words) > 1:
        yield Span(start, end, "name")
        return
    yield from (Span(*page.words[word], "name") for word in words if not of_reports(page, word))
