"""Reports as a command is given them: the text itself, `-` for what is piped in, or a FILE.jsonl of `{"id", "text"}` lines."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from docphim.errors import Refused, UsageError
from docphim.language.report import report_text
from docphim.lines import rows

#: No file has a longer name, in bytes.
_LONGEST_NAME = 256


def given(what: str) -> Iterator[tuple[str | None, str]]:
    """(id, text) of each report that the words of a command line mean; the id is None where there is no file.

    A report that is a JSON object, or a line whose `text` is one, comes as text with its keys as headings.

    Raises
    ------
    Refused
        `file_missing`: it is named like a file and there is none; `texts_unreadable`: a line is not an object of id and
        text, with its number; what is piped in is not UTF-8.
    UsageError
        It is a file of another kind: its name would be read as a report.
    """
    if what == "-":
        try:
            yield None, report_text(sys.stdin.buffer.read().decode("utf-8-sig"))
        except UnicodeDecodeError:  # a lost letter may have been the one of a negation
            raise Refused("texts_unreadable", "-", "what was piped in is not UTF-8") from None
    elif what.endswith(".jsonl") and "\n" not in what:
        yield from _rows(Path(what))
    elif len(what.encode()) < _LONGEST_NAME and Path(what).is_file():
        raise UsageError(f"{what}: is a file that is no .jsonl; to read one report from it, pipe it in: - < {what}")
    else:
        yield None, report_text(what)


def batches(what: str, size: int = 64) -> Iterator[list[tuple[str | None, str]]]:
    """The same, so many at a time."""
    reports = given(what)
    while batch := list(itertools.islice(reports, size)):
        yield batch


def _rows(path: Path) -> Iterator[tuple[str | None, str]]:
    for number, row in rows(path, path.name, "texts_unreadable"):
        if not isinstance(row, dict) or not isinstance(row.get("id"), str | int) or not isinstance(row.get("text"), str | dict):
            raise Refused("texts_unreadable", path.name, f"line {number} is not an object of id and text")
        yield str(row["id"]), report_text(row["text"])
