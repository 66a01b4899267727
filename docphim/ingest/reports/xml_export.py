"""An information system's XML: rows are the element that repeats, columns the elements and attributes inside it."""

from __future__ import annotations

import html
from collections.abc import Iterator
from functools import cache
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.ingest.reports.cells import from_html
from docphim.ingest.reports.header import key_of, labels
from docphim.ingest.reports.rows import REPORTS, Line, Sheet

_LARGEST = 128 << 20  # bytes, of which a tree is made
#: Element → names and texts directly under it.
Around = dict[Any, list[tuple[str, str | None]]]
_LOOKED_AT = 20  # elements of a name, to see whether they are rows
#: Elements inside a cell that say how its text looks: `<MO_TA>Tim <b>to</b>.<br/>Phổi sáng.</MO_TA>`.
_MARKS = {"p", "br", "div", "span", "b", "i", "u", "s", "em", "strong", "strike", "font", "big", "small", "sub", "sup", "hr"}
_MARKS |= {"ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "center"}
_MARKS |= {"table", "thead", "tbody", "tr", "td", "th"}


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
    around: Around = {}
    rows = _repeated(root, around)
    contents = [_fields(row, around) for row in rows]
    header = list(dict.fromkeys(key for cells in contents for key in cells))
    lines = [Line(0, header)]
    for row, cells in zip(rows, contents, strict=True):
        unclear = frozenset(at for at, key in enumerate(header) if cells.get(key, "") is None)
        lines.append(Line(row.sourceline or 0, [cells.get(key) or "" for key in header], unclear=unclear))
    yield Sheet("", iter(lines if header else []), decoded=False, record={"format": "xml"})


def _root(data: bytes, encoding: str | None) -> Any:
    from lxml import etree

    from docphim.ingest.reports.encodings import is_legacy

    if len(data) > _LARGEST:
        raise Refused("file_unreadable", "", f"the XML of reports has more than {_LARGEST >> 20} MiB")
    spelled = None if is_legacy(encoding) else encoding
    try:
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, encoding=spelled, remove_comments=True, remove_pis=True
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


def _repeated(root: Any, around: Around) -> list[Any]:
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
        telling = next((element for element in elements[:_LOOKED_AT] if _tells_reports(element)), None)
        contents = _fields(elements[0] if telling is None else telling, around)
        known = {_field(name) for name, text in contents.items() if text is not None} - {"other"}
        weight = (telling is not None, not _is_doubtful(contents), len(known), len(elements))
        if weight > best:
            best, rows = weight, elements
    return rows


def _tells_reports(element: Any) -> bool:
    """Whether a part of a report stands inside an element, once, and as a text."""
    contents: dict[str, set[str | None]] = {}
    for name, text in _inside(element):
        contents.setdefault(name, set()).add(text)
    return any(_field(name) in REPORTS and len(texts) == 1 and None not in texts for name, texts in contents.items())


@cache
def _by_key() -> dict[str, str]:
    return {key_of(name): field for name, field in labels().items()}


def _field(name: str) -> str:
    """The field of columns.yaml that an element's name means, else `other`."""
    return _by_key().get(key_of(name), "other")


def _is_doubtful(contents: dict[str, str | None]) -> bool:
    """Whether a row says something that Docphim reads twice, and differently, or in a way that is no text."""
    return any(text is None and _field(name) != "other" for name, text in contents.items())


def _fields(row: Any, around: Around) -> dict[str, str | None]:
    """Name → text of a row's attributes and innermost elements, and of those directly under its ancestors.

    None where a name stands twice inside the row, with different texts, and where an element cannot be read as a text.
    `around` keeps what stands under an ancestor, which may have 50,000 rows.
    """
    fields: dict[str, str | None] = {}
    for key, text in _inside(row):
        fields[key] = text if fields.get(key, text) in ("", text) else None
    for above in row.iterancestors():
        if above not in around:
            around[above] = _attributes(above) + [(_local(cell.tag), _text(cell)) for cell in above if _is_cell(cell)]
        for key, text in around[above]:
            fields.setdefault(key, text)
    return fields


def _inside(element: Any) -> Iterator[tuple[str, str | None]]:
    """Names and texts of an element's attributes, and of all cells inside it."""
    yield from _attributes(element)
    for child in element:
        key = _local(child.tag)
        if _is_cell(child):
            yield from _attributes(child)
            yield key, _text(child)
            continue
        may_be_read = not _holds_reports(child) if _field(key) in REPORTS else _field(key) == "other"
        if may_be_read or _holds_text(child):
            yield key, None  # `<MO_TA>Tim to. <NOT>8 mm</NOT></MO_TA>`: in part it would be another report
        yield from _inside(child)


def _attributes(element: Any) -> list[tuple[str, str | None]]:
    return [(_local(str(name)), str(text).strip()) for name, text in element.attrib.items()]


def _is_cell(element: Any) -> bool:
    """Whether an element holds nothing but text and marks of text."""
    return all(map(_is_mark, element.iterdescendants()))


def _is_mark(element: Any) -> bool:
    return _local(element.tag).lower() in _MARKS


def _holds_text(element: Any) -> bool:
    """Whether text or a mark of text stands among the elements inside an element."""
    return any(map(_is_mark, element)) or any((text or "").strip() for text in (element.text, *(e.tail for e in element)))


def _holds_reports(element: Any) -> bool:
    """Whether an element holds others that are called as a part of a report, as `<KET_QUA>` holds `<MO_TA>`."""
    return any(_field(_local(inner.tag)) in REPORTS for inner in element.iterdescendants())


def _text(element: Any) -> str | None:
    """All text of a cell, with a line for each block and line break; None where its marks are nested too deep."""
    if not len(element):
        return str(element.text or "").strip()
    try:
        lines = from_html(_as_html(element)).split("\n")
    except Refused:
        return None
    return "\n".join(filter(None, lines))


def _as_html(element: Any) -> str:
    """What stands inside an element as HTML, its marks without namespaces."""
    pieces = [html.escape(element.text or "", quote=False)]
    for inner in element:
        name = _local(inner.tag).lower()
        mark = f"<{name}>" if name in ("br", "hr") else f"<{name}>{_as_html(inner)}</{name}>"
        pieces += [mark, html.escape(inner.tail or "", quote=False)]
    return "".join(pieces)


def _local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]
