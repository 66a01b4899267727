"""What formats give (a `Sheet` of `Line`s) and what matching takes (a `Table` of `Row`s)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

#: What Docphim knows to do with a column; see columns.yaml.
FIELDS = (
    *("id", "accession", "study_uid", "patient", "name", "doctor", "date", "image"),
    *("text", "findings", "impression", "recommendation", "age", "sex", "view", "split"),
)
#: By these a film is found: they stay as they are spelled, since a file's name may be spelled in any way.
KEYS = ("id", "accession", "study_uid", "patient", "image")
#: What a report's text may stand in.
TEXTS = ("text", "findings", "impression", "recommendation")
#: A table without any of these holds no reports.
REPORTS = frozenset({"findings", "impression", "text"})
#: Files that hold one patient's report each; other files of reports hold tables.
DOCUMENTS = (".docx", ".doc", ".txt", ".rtf", ".pdf")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet as its format gives it: its number in the file (from 1), its cells, '' or why it is unreadable.

    `unclear` are places of cells that cannot be told; a row of which one is read is `row_unreadable`.
    """

    number: int
    cells: list[str]
    reason: str = ""
    unclear: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook, the one table of a text file, or the one report of a document.

    Attributes
    ----------
    lines : iterator
        Lines that are not blank, header and title lines among them; read as they are asked for.
    separator : str
        Between the cells, where a text file is read; '' where cells cannot shift into one another.
    hidden : bool
        Not to be read unless the recipe names it.
    decoded : bool
        Its letters are Unicode; false where a workbook's cells may be in those of a font that the recipe names.
    document : bool
        A document about one patient.
    named : bool
        Its columns have Docphim's names, as those of documents do: the recipe's names are not looked for.
    unread : bool
        It stands for a table that cannot be read, and holds one line with the reason.
    file : str
        The path of the file it is of.
    margins : str
        What stands in the headers and footers of a document's pages: whom it names is known, and it is never read.
    record : dict
        How it was read, for ingest_notes.json: no name, no id.
    """

    name: str
    lines: Iterator[Line]
    separator: str = ""
    hidden: bool = False
    decoded: bool = True
    document: bool = False
    named: bool = False
    unread: bool = False
    file: str = ""
    margins: str = ""
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of reports.

    Attributes
    ----------
    number : int
        Of its line in the sheet, from 1; where a quoted cell holds line ends, of its first line.  0 for a whole file or member.
    cells : dict
        Field → text, of known columns, without the empty ones.
    reason : str
        A code of `errors.REASONS` where the row cannot be used, else ''; then `cells` holds `KEYS` alone.
    sheet : str
        The sheet of a workbook, or the member of an archive; '' where there is but one.  Not to be shown: it may hold a name.
    file : str
        The path of its file; not to be shown either.
    margins : str
        As of `Sheet`.
    """

    number: int
    cells: dict[str, str]
    reason: str = ""
    sheet: str = ""
    file: str = ""
    margins: str = ""

    @property
    def place(self) -> str:
        """Where it is, for private.csv: a file's path, or `table:FILE#LINE`, `table:FILE#SHEET!LINE`, `table:FILE#MEMBER`."""
        inside = f"{self.sheet}!{self.number}" if self.sheet and self.number else self.sheet or str(self.number or "")
        return f"table:{self.file}#{inside}" if inside else self.file

    def get(self, field: str) -> str:
        """A cell, '' where there is none."""
        return self.cells.get(field, "")


@dataclass(frozen=True)
class Table:
    """Rows, or documents a row each; the fields that were found, those the recipe named, and how the files were read."""

    rows: list[Row]
    columns: frozenset[str]
    named: frozenset[str]
    record: dict[str, Any]
    documents: bool = False


def image_names(cell: str) -> Iterable[str]:
    """The files that one cell names, separated by ';' or '|'."""
    return (name.strip().replace("\\", "/").removeprefix("./") for name in re.split(r"[;|]", cell) if name.strip())


def merged(rows: Sequence[Row], rule: Literal["refused", "last", "joined"]) -> list[Row]:
    """The rows about one study, by the recipe's rule for addenda.

    Parameters
    ----------
    rows : sequence of Row
        Good rows, in the order of the table.
    rule : str
        `refused`: as they are, and whoever takes them refuses those that differ.  `last`: the last one that holds text, as of a
        system that writes the corrected report below the first.  `joined`: one row, each of its texts followed by what later
        rows add; a text that stands there already is not repeated.
    """
    texts = [row for row in rows if any(row.get(name) for name in TEXTS)]
    if rule == "refused" or len(texts) < 2:
        return list(rows)
    if rule == "last":
        return [texts[-1]]
    cells: dict[str, str] = {}
    for row in rows:
        cells |= {name: cell for name, cell in row.cells.items() if name not in cells}  # the first row's word counts
    for name in TEXTS:
        pieces = dict.fromkeys(row.get(name) for row in texts if row.get(name))
        if pieces:
            cells[name] = "\n".join(pieces)
    return [replace(texts[0], cells=cells)]
