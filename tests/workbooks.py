"""Workbooks as tests write them: rows, sheet by sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from openpyxl import Workbook


def workbook(
    path: Path | IO[bytes],
    sheets: Mapping[str, Sequence[Sequence[object]]],
    after: Callable[[Workbook], object] | None = None,
) -> None:
    """Write a workbook; `after` may change it before."""
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    if after:
        after(book)
    book.save(path)
