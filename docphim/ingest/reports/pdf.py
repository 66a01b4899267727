"""PDF that holds text: one patient a document; a scan is refused, since nothing reads its letters."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

from docphim.errors import Refused
from docphim.ingest.reports.documents import sheet_of
from docphim.ingest.reports.rows import Sheet

_MOST_PAGES = 50
_LARGEST = 64 << 20  # bytes


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The one report of a PDF.

    Raises
    ------
    Refused
        `file_protected`, `file_unreadable` (more than 50 pages or 64 MiB, too); `report_not_text`: a page has no text;
        `document_mixed`.
    """
    if len(data) > _LARGEST:
        raise Refused("file_unreadable", "", f"the PDF has more than {_LARGEST >> 20} MiB")
    pages = _pages(data)
    if not all(any(c.isalpha() for c in page) for page in pages):
        raise Refused("report_not_text")
    yield sheet_of("\n".join(pages), name, encoding, {"format": "pdf"})


def _pages(data: bytes) -> list[str]:
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings speak of the file's inside
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not _opens(reader):
            raise Refused("file_protected", "", "the PDF is protected by a password")
        if len(reader.pages) > _MOST_PAGES:
            raise Refused("file_unreadable", "", f"the PDF has more than {_MOST_PAGES} pages")
        return [page.extract_text() for page in reader.pages]
    except Refused:
        raise
    except Exception:  # the reader raises what its parts raise, on a damaged file
        raise Refused("file_unreadable", "", "the PDF cannot be read") from None


def _opens(reader: Any) -> bool:
    """Whether it opens without a password, as one that only may not be printed does."""
    try:
        return bool(reader.decrypt(""))
    except Exception:  # its cipher needs a package that is not there
        return False
