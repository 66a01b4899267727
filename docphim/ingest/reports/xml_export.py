"""An information system's XML: rows are the element that repeats, columns the elements and attributes inside it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.ingest.reports.header import key_of, labels
from docphim.ingest.reports.rows import REPORTS, Line, Sheet

_LARGEST = 128 << 20  # bytes, of which a tree is made


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The one table of an XML.

    Raises
    ------
    UsageError
        The encoding that the recipe says does not exist.
    Refused
        `file_unreadable`: damaged, or it declares a document type, by which entities could grow without end or read files.
    """
    root = _root(data, encoding)
    rows = _repeated(root)
    contents = [_fields(row) for row in rows]
    header = list(dict.fromkeys(key for cells in contents for key in cells))
    lines = [Line(0, header)]
    for row, cells in zip(rows, contents, strict=True):
        doubtful = _is_doubtful(cells)
        lines.append(Line(row.sourceline or 0, [cells.get(key) or "" for key in header], "row_unreadable" if doubtful else ""))
    yield Sheet("", iter(lines if header else []), decoded=False, record={"format": "xml"})


def _root(data: bytes, encoding: str | None) -> Any:
    from lxml import etree

    from docphim.ingest.reports.encodings import is_legacy

    if len(data) > _LARGEST:
        raise Refused("file_unreadable", "", f"the XML of reports has more than {_LARGEST >> 20} MiB")
    spelled = None if is_legacy(encoding) else encoding
    try:
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, encoding=spelled, remove_comments=True
        )
    except LookupError:
        raise UsageError(f"source.encoding: no encoding is called {encoding!r}") from None
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise Refused("file_unreadable", "", "the XML of reports is damaged, or in another encoding than it says") from None
    if root.getroottree().docinfo.doctype:
        raise Refused("file_unreadable", "", "the XML of reports declares a document type; none is needed, and it may do harm")
    return root


def _repeated(root: Any) -> list[Any]:
    """The elements, of one name under parents of one name, that are the rows.

    They are those with a report's text that contradict themselves least and know most (their ancestors' fields are theirs
    too), the most numerous of these, the outermost of these.  In a patient with two requests, the requests are the rows; one
    report alone is the whole.
    """
    groups: dict[tuple[str, str], list[Any]] = {}
    for element in root.iter("*"):
        if len(element) or element.attrib:
            parent = element.getparent()
            groups.setdefault(("" if parent is None else parent.tag, element.tag), []).append(element)
    best: tuple[bool, bool, int, int] = (False, False, -1, 0)
    rows: list[Any] = []
    for elements in groups.values():
        contents = _fields(elements[0])
        known = {field for name in contents if (field := _by_key().get(key_of(name), "other")) != "other"}
        weight = (bool(known & REPORTS), not _is_doubtful(contents), len(known), len(elements))
        if weight > best:
            best, rows = weight, elements
    return rows


@cache
def _by_key() -> dict[str, str]:
    return {key_of(name): field for name, field in labels().items()}


def _is_doubtful(contents: dict[str, str | None]) -> bool:
    """Whether a row says something that Docphim reads twice, and differently."""
    return any(text is None and _by_key().get(key_of(name), "other") != "other" for name, text in contents.items())


def _fields(row: Any) -> dict[str, str | None]:
    """Name → text of a row's attributes and innermost elements, and of those directly under its ancestors.

    None where a name stands twice inside the row, with different texts.
    """
    fields: dict[str, str | None] = {}
    for element in row.iter("*"):
        leaves = [] if len(element) or element is row else [(element.tag, "".join(element.itertext()))]
        for name, text in [*element.attrib.items(), *leaves]:
            key, text = _local(str(name)), str(text).strip()
            fields[key] = text if fields.get(key, text) in ("", text) else None
    for above in row.iterancestors():
        leaves = [(e.tag, "".join(e.itertext())) for e in above if isinstance(e.tag, str) and not len(e)]
        for name, text in [*above.attrib.items(), *leaves]:
            fields.setdefault(_local(str(name)), str(text).strip())
    return fields


def _local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]
