"""Takes people out of a report's text, layer by layer; docs/data.md says what goes, what stays and what stops a report.

It lowers the risk and does not remove it: a name that no header, table, label, title or list knows may stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from docphim.ingest.names.addresses import unlabelled_addresses
from docphim.ingest.names.dates import dates
from docphim.ingest.names.doubt import doubtful
from docphim.ingest.names.fields import field_spans, fields
from docphim.ingest.names.known import known_people
from docphim.ingest.names.mend import without
from docphim.ingest.names.numbers import personal_numbers
from docphim.ingest.names.page import Page, Span, opened
from docphim.ingest.names.signatures import signing_people
from docphim.ingest.names.titles import titled_people

#: What reads the text by itself, in this order; before it goes what header, table and the text's own letterhead know.
LAYERS: tuple[Callable[[Page], Iterator[Span]], ...] = (
    field_spans,
    signing_people,
    titled_people,
    personal_numbers,
    dates,
    unlabelled_addresses,
)


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
    page = Page(opened(text), language)
    head_names, head_numbers = _announced(page)
    spans = list(known_people(page, [*names, *head_names], [*numbers, *head_numbers]))
    for layer in LAYERS:
        spans += layer(page)
    if recogniser:
        from docphim.ingest.names.recogniser import recognised

        spans += recognised(page, recogniser)
    rest = without(page, spans) if spans else without(page, ())
    return Cleaned(rest, doubtful(Page(rest, language)), Counter(span.kind for span in spans))


def announced(text: str) -> tuple[list[str], list[str]]:
    """The names and numbers that a text's own letterhead announces (`Họ tên: …`, `Mã BN: …`)."""
    return _announced(Page(opened(text)))


def _announced(page: Page) -> tuple[list[str], list[str]]:
    values = [(field.kind, page.text[field.value : field.end].strip(" .,;")) for field in fields(page)]
    return [v for kind, v in values if kind == "name"], [v for kind, v in values if kind == "number"]
