"""Word's .docx, or what is called .doc and is RTF or HTML: one patient a document; paragraphs and tables in their order."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from docphim.errors import Refused
from docphim.ingest.reports import plain
from docphim.ingest.reports.documents import sheet_of
from docphim.ingest.reports.rows import Sheet
from docphim.ingest.reports.zipped import member, opened

#: The shell of an old .doc, by the name of its stream, and of an encrypted .docx (MS-OFFCRYPTO).
_OLE, _OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "WordDocument".encode("utf-16-le")
#: ECMA-376 part 1, 17.3: what text is made of.  Deleted text (w:delText) is none, nor the copy for old programs.
_PIECES = {"br": "\n", "cr": "\n", "tab": "\t", "noBreakHyphen": "-"}
_MARGIN = re.compile(r"wordprocessingml\.(?:header|footer)\+xml$")
_LARGEST = 32 << 20  # bytes of XML, of which a tree is made
_DROPPED = ("Fallback", "del", "moveFrom")


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The one report of a document.

    Raises
    ------
    Refused
        `file_protected`; `file_unreadable`: damaged, or in Word's old form; `report_not_text`: there are only pictures, or only
        tables, whose cells have no certain order; `document_mixed`.
    """
    if data.startswith(_OLE) and _OLD in data:
        raise Refused("file_unreadable", "", "the document is in Word's old form: save it as .docx")
    if data.startswith(_OLE):
        raise Refused("file_protected", "", "the document is protected by a password")
    if data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{\\rtf", b"<")):
        yield from plain.sheets(data, name, encoding)
        return
    with opened(data, "document") as archive:
        written = [part for part in archive.infolist() if part.filename.endswith((".xml", ".rels"))]
        if sum(len(member(archive, part)) for part in written) > _LARGEST:
            raise Refused("file_unreadable", "", f"the document's text takes more than {_LARGEST >> 20} MiB")
    body, margins = _parts(data)
    outside = "".join(_text(block) for block in body if not _is(block, "tbl"))
    if not any(c.isalpha() for c in outside):
        raise Refused("report_not_text")
    text = "\n".join(filter(None, (_text(block).strip("\n") for block in body)))
    yield sheet_of(text, name, encoding, {"format": "docx"}, "\n".join(filter(None, map(_text, margins))))


def _parts(data: bytes) -> tuple[list[Any], list[Any]]:
    """The blocks of the body; the headers and footers of its pages, which name a patient and are no report."""
    from docx import Document

    try:
        document = Document(io.BytesIO(data))
        parts = [part for part in document.part.package.iter_parts() if _MARGIN.search(part.content_type)]
        return list(document.element.body), [part.element for part in parts]
    except Exception:  # the reader raises KeyError, ValueError and others, as parts are missing
        raise Refused("file_unreadable", "", "the document cannot be read") from None


def _text(element: Any) -> str:
    """The text of a paragraph, or of a table: a line for each of its rows, cells apart by a tab."""
    pieces: list[str] = []
    _collect(element, pieces)
    return "".join(pieces)


def _collect(element: Any, pieces: list[str]) -> None:
    tag = _tag(element)
    if tag in _DROPPED:
        return
    if tag == "t":
        pieces.append(element.text or "")
    if tag == "tc":
        inner: list[str] = []
        for child in element:
            _collect(child, inner)
        pieces.append("".join(inner).strip("\n") + "\t")
        return
    pieces.append(_PIECES.get(tag, ""))
    for child in element:
        _collect(child, pieces)
    if tag in ("p", "tr"):
        pieces.append("\n")


def _tag(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _is(element: Any, tag: str) -> bool:
    return _tag(element) == tag
