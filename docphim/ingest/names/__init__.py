"""Takes people out of a report's text, layer by layer; docs/data.md says what goes, what stays and what stops a report.

It lowers the risk and does not remove it: a name that no header, table, label, title or list knows may stay.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from docphim.ingest.names.fields import announced_on
from docphim.ingest.names.mend import merged, without
from docphim.ingest.names.page import Page, Span, opened
from docphim.ingest.records import Notes

#: The layers in the order in which they read a text: a module of this package and its function, from a page to spans.
LAYERS: tuple[str, ...] = (
    "known:known_people",
    "fields:field_spans",
    "joined:joined_people",
    "signatures:signing_people",
    "titles:titled_people",
    "dates:dates",
    "numbers:personal_numbers",
    "addresses:unlabelled_addresses",
)
#: What says whether somebody may be named in what is left.
DOUBT = "doubt:doubtful"


class Cleaned(NamedTuple):
    """A text without people.

    Attributes
    ----------
    text : str
        What is left, tidied.
    doubtful : bool
        What is left still seems to hold a signature.
    removed : Counter
        How many names, numbers, dates, addresses and other fields were taken out.
    """

    text: str
    doubtful: bool
    removed: Counter[str]


class Removal(NamedTuple):
    """What a source's recipe says of the people in its reports.

    Attributes
    ----------
    on : bool
        Take them out.
    recogniser : str, optional
        See `remove_identities`.
    keep_doubtful : bool
        Keep a report that still seems to hold a signature, instead of refusing it (`identity_doubtful`).
    """

    on: bool = True
    recogniser: str | None = None
    keep_doubtful: bool = False


def removal(deidentify: bool, recogniser: str | None, doubtful: str) -> Removal:
    """What a recipe's `deidentify`, `recogniser` and `doubtful` (`refuse`, `keep`) say.

    Raises
    ------
    UsageError
        The recogniser is not installed or not known; said before a report is read.
    """
    if recogniser:
        from docphim.ingest.names.recogniser import recogniser as load

        load(recogniser)
    return Removal(deidentify, recogniser, doubtful == "keep")


def remove_identities(
    text: str, names: Iterable[str] = (), numbers: Iterable[str] = (), *, language: str = "vi", recogniser: str | None = None
) -> Cleaned:
    """Take known and announced people out of a text.

    Parameters
    ----------
    names, numbers : iterable of str
        Names and ids of the people of this study, as header and table give them, in any order of their parts.
    language : str
        The report's language, `vi` or `en`: which words are no names.
    recogniser : str, optional
        A name recogniser that reads the text beside the rules: `underthesea` (`docphim.ingest.names.recogniser`).

    Returns
    -------
    Cleaned
        Of a date the year is left.

    Raises
    ------
    UsageError
        The recogniser is not installed, or none is called so.
    """
    page = Page(opened(text), language, tuple(names), tuple(numbers))
    spans = [span for layer in _layers() for span in layer(page)]
    if recogniser:
        from docphim.ingest.names.recogniser import recognised

        spans += recognised(page, recogniser)
    spans = merged(spans)
    return Cleaned(without(page, spans), _loaded(DOUBT)(page, spans), Counter(span.kind for span in spans))


def without_people(
    texts: Iterable[str], people: Removal, names: Sequence[str], numbers: Sequence[str], language: str, notes: Notes
) -> tuple[list[str], bool]:
    """The texts of one report without people, where the recipe wants that, and whether one still seems to hold a signature.

    Parameters
    ----------
    names, numbers, language
        As `remove_identities` takes them.
    notes : Notes
        What is taken out is added to its counts, by kind, and the report to `reports_doubtful`.

    Returns
    -------
    tuple
        As many texts as were given, in their order; and whether the report is doubtful.
    """
    if not people.on:
        return list(texts), False
    cleaned = [remove_identities(text, names, numbers, language=language, recogniser=people.recogniser) for text in texts]
    for one in cleaned:
        notes.count_people(one.removed)
    doubtful = any(one.doubtful for one in cleaned)
    notes.counts["reports_doubtful"] += doubtful
    return [one.text for one in cleaned], doubtful


def announced(text: str) -> tuple[list[str], list[str]]:
    """The names and numbers that a text's own letterhead announces (`Họ tên: …`, `Mã BN: …`)."""
    return announced_on(Page(opened(text)))


@cache
def _layers() -> list[Callable[[Page], Iterator[Span]]]:
    return [_loaded(layer) for layer in LAYERS]


@cache
def _loaded(path: str) -> Any:
    module, _, function = path.partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), function)
