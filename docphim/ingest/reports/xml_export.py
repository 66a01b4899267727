"""An information system's XML: rows are the element that repeats, columns the elements and attributes inside it."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.ingest.reports.cells import from_html
from docphim.ingest.reports.header import key_of, labels
from docphim.ingest.reports.rows import REPORTS, Line, Sheet

_LARGEST = 128 << 20  # bytes, of which a tree is made
#: Element → names and texts directly under it.
Around = dict[Any, list[tuple[str, str | None]]]
_NUMBERS = {"id", "accession", "study_uid", "patient"}
_OF_A_VISIT = {"id", "accession", "study_uid", "date"}
#: Elements that are a part of a report, each with those between it and its row, without those called as a part of a report.
Parts = list[tuple[Any, list[Any]]]
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
    rows, passed_over, parts = _repeated(root, around)
    for row in _sharing(rows, parts, around):
        rows[row] |= {name for name, _ in _inside(row) if _field(name) in REPORTS}
    contents = [_fields(row, around, names) for row, names in rows.items()]
    header = list(dict.fromkeys(key for cells in contents for key in cells))
    lines = [Line(0, header)]
    for row, cells in zip(rows, contents, strict=True):
        unclear = frozenset(at for at, key in enumerate(header) if cells.get(key, "") is None)
        lines.append(Line(row.sourceline or 0, [cells.get(key) or "" for key in header], unclear=unclear))
    lines += [Line(cell.sourceline or 0, [], "row_unreadable") for cell in passed_over]
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


def _repeated(root: Any, around: Around) -> tuple[dict[Any, set[str]], list[Any], list[Any]]:
    """The elements, of one name under parents of one name, that are the rows; parts of reports that are in none; all parts.

    With each row stand the names of those of its parts that may be another visit's.

    They are those with a report's text that pass over no other report, contradict themselves least and know most (their
    ancestors' fields are theirs too), the most numerous of these, the outermost of these.  In a patient with two requests, the
    requests are the rows; one report alone is the whole.
    """
    groups: dict[tuple[str, str], list[Any]] = {}
    parts: list[Any] = []
    for element in root.iter("*"):
        if len(element) or element.attrib:
            parent = element.getparent()
            groups.setdefault(("" if parent is None else parent.tag, element.tag), []).append(element)
        if _is_part(element):
            parts.append(element)
    best: tuple[bool, bool, int, int, int] = (False, False, -1, -1, -1)
    rows: dict[Any, set[str]] = {}
    outside: list[Any] = []
    for elements in groups.values():
        telling = [element for element in elements[:_LOOKED_AT] if _tells_reports(element)]
        inside, others = _sorted(elements, parts) if telling else ({}, parts)
        layout = _layout(inside)
        history = _history(inside, layout)
        others_of = {row: _of_other_visits(inside.get(row, []), layout, history) for row in telling or elements[:1]}
        contents = [_fields(row, around, names) for row, names in others_of.items()]
        clear = [cells for cells in contents if not _is_doubtful(cells)]
        known = {_field(name) for name, text in (clear or contents)[0].items() if text is not None} - {"other"}
        # All rows together have many numbers, hence none, and would hold every part too.
        whole = bool(telling and (clear or known & _NUMBERS)) and not others
        weight = (bool(telling), whole, 100 * len(clear) // len(contents), len(known), len(elements))
        if weight > best:
            best, outside = weight, others
            rows = {row: _of_other_visits(inside.get(row, []), layout, history) for row in elements}
    return rows, outside, parts


def _sharing(rows: dict[Any, set[str]], parts: list[Any], around: Around) -> list[Any]:
    """The rows whose number or day is an ancestor's, where other parts of reports have the same and stand in no row.

    `<CA><ID/><CU><MO_TA/></CU><KQ><MO_TA/></KQ></CA>`: either may be the report.  Where more than a third of the rows share
    theirs, the others do not know what they are either.
    """
    shared: set[Any] = set()
    for part in parts:
        line = [part, *part.iterancestors()]
        if not any(element in rows for element in line):
            shared.update(line)
    if not shared:
        return []
    marked = {row: above for row in rows if (above := _marked(row, around)) is not None}
    sharing = [row for row, above in marked.items() if above in shared]
    return sharing if 3 * len(sharing) <= len(rows) else list(marked)


def _marked(row: Any, around: Around) -> Any:
    """The nearest ancestor directly under which a row's number stands, else its day or patient; None where it has its own."""
    for marks in (_NUMBERS - {"patient"}, _OF_A_VISIT | _NUMBERS):
        if any(_field(name) in marks - {"patient"} and text for name, text in _inside(row)):
            return None
        for above in row.iterancestors():
            if any(_field(name) in marks and text for name, text in _directly_under(above, around)):
                return above
    return None


def _is_part(element: Any) -> bool:
    """Whether an element is, or has as an attribute, a part of a report that says something."""
    named = any(_field(name) in REPORTS and text for name, text in _attributes(element))
    return named or (
        _field(_local(element.tag)) in REPORTS and _is_cell(element) and any(text.strip() for text in element.itertext())
    )


def _sorted(rows: list[Any], parts: list[Any]) -> tuple[dict[Any, Parts], list[Any]]:
    """The parts of reports by their row, and those that stand in none nor directly under the ancestors of one."""
    inside: dict[Any, Parts] = {row: [] for row in rows}
    above = {element for row in rows for element in row.iterancestors()}
    outside: list[Any] = []
    for part in parts:
        between: list[Any] = []
        for element in (part, *part.iterancestors()):
            if element in inside:
                inside[element].append((part, between))
                break
            if _field(_local(element.tag)) not in REPORTS:
                between.append(element)
        else:
            outside += [] if part.getparent() in above else [part]
    return inside, outside


def _layout(inside: dict[Any, Parts]) -> set[str]:
    """The elements in which most rows have all parts of a report: `KQ` in `<CA><MA/><KQ><NGAY/><MO_TA/></KQ></CA>`."""
    counts: Counter[str] = Counter()
    for parts in filter(None, inside.values()):
        counts.update(set.intersection(*({_local(element.tag) for element in between} for _, between in parts)))
    telling = sum(map(bool, inside.values()))
    return {tag for tag, count in counts.items() if 3 * count > 2 * telling}


def _history(inside: dict[Any, Parts], layout: set[str]) -> set[str]:
    """The elements in which a row has a part of a report beside other parts: `LICH_SU`, in other rows too."""
    return {_local(element.tag) for parts in filter(None, inside.values()) for element in _apart(parts)} - layout


def _apart(parts: Parts) -> set[Any]:
    """The elements of a row that hold some of its parts of reports, and not all."""
    return {element for _, between in parts for element in between}.difference(set.intersection(*(set(b) for _, b in parts)))


def _of_other_visits(parts: Parts, layout: set[str], history: set[str]) -> set[str]:
    """Names of those parts of reports in a row that may be another visit's, as of `<LAN_TRUOC>` with a conclusion of 2019.

    They are those in an element beside which the row, or other rows in such an element, hold another part, or that has a
    number or day of its own and is not of the layout of most rows.
    """
    doubtful: set[str] = set()
    beside = _apart(parts) if parts else set()
    for part, between in parts:
        apart = any(element in beside or _local(element.tag) in history for element in between)
        if apart or any(_is_dated(element) for element in between if _local(element.tag) not in layout):
            names = {_local(str(name)) for name in (part.tag, *part.attrib)}
            doubtful |= {name for name in names if _field(name) in REPORTS}
    return doubtful


def _is_dated(element: Any) -> bool:
    """Whether an element holds a study's number or a day."""
    return any(_field(name) in _OF_A_VISIT and text for name, text in _inside(element))


def _tells_reports(element: Any) -> bool:
    """Whether a part of a report stands inside an element, once, and as a text."""
    contents: dict[str, set[str | None]] = {}
    for name, text in _inside(element):
        contents.setdefault(name, set()).add(text)
    return any(_field(name) in REPORTS and len(texts) == 1 and None not in texts for name, texts in contents.items())


@cache
def _by_key() -> dict[str, str]:
    return {key_of(name): field for name, field in labels().items()}


@lru_cache(4096)
def _field(name: str) -> str:
    """The field of columns.yaml that an element's name means, else `other`."""
    return _by_key().get(key_of(name), "other")


def _is_doubtful(contents: dict[str, str | None]) -> bool:
    """Whether a row says something that Docphim reads twice, and differently, or in a way that is no text."""
    return any(text is None and _field(name) != "other" for name, text in contents.items())


def _fields(row: Any, around: Around, of_others: set[str]) -> dict[str, str | None]:
    """Name → text of a row's attributes and innermost elements, and of those directly under its ancestors.

    None where a name stands twice inside the row, with different texts, where an element cannot be read as a text, and where
    a part of a report may be another visit's: inside (`of_others`), or under an ancestor, who has more rows.
    """
    fields: dict[str, str | None] = {}
    for key, text in _inside(row):
        fields[key] = text if fields.get(key, text) in ("", text) else None
    for above in row.iterancestors():
        for key, text in _directly_under(above, around):
            fields.setdefault(key, None if text and _field(key) in REPORTS else text)
    return fields | dict.fromkeys(of_others)


def _directly_under(above: Any, around: Around) -> list[tuple[str, str | None]]:
    """Names and texts of an ancestor's attributes and own cells, read once: it may have 50,000 rows."""
    if above not in around:
        around[above] = _attributes(above) + [(_local(cell.tag), _text(cell)) for cell in above if _is_cell(cell)]
    return around[above]


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
