"""Plain text and RTF: one patient a document."""

from __future__ import annotations

from collections.abc import Iterator

from docphim.ingest.reports.cells import cell_text
from docphim.ingest.reports.documents import sheet_of
from docphim.ingest.reports.encodings import decoded
from docphim.ingest.reports.rows import Sheet


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The one report of a text.

    Raises
    ------
    UsageError
        The text is in another encoding.
    Refused
        `report_not_text`, `report_encoding`, `document_mixed`.
    """
    text, used = decoded(data, encoding)
    kind = name.rpartition(".")[2].lower()
    text = text.removeprefix("\ufeff")
    marked = text.lstrip().startswith(("{\\rtf", "<"))
    yield sheet_of(cell_text(text) if marked else text, name, None, {"format": kind, "encoding": used})
