"""The reports of a folder: its one table, its documents, and the files that should hold reports and cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docphim.errors import REASONS, Refused, UsageError
from docphim.ingest.reports import Table, open_documents, open_table
from docphim.ingest.reports.encodings import WrongEncoding, check_encoding
from docphim.ingest.reports.table import Opened, Reading, table_of


@dataclass(frozen=True)
class Reports:
    """What there is to be matched.

    Attributes
    ----------
    table : Table, optional
        Rows of the one table.
    documents : Table, optional
        Documents, a row each.
    unreadable : list
        Files that should be tables, and sheets, each with why it cannot be read.
    """

    table: Table | None = None
    documents: Table | None = None
    unreadable: Sequence[tuple[Path, Refused]] = ()

    @property
    def tables(self) -> list[Table]:
        """The table first: a document may add to what the table knows, and not the other way."""
        return [table for table in (self.table, self.documents) if table is not None]


def of_file(path: Path, reading: Reading) -> Reports:
    """The reports of the file that the recipe names; raises as `reports.read_table` does."""
    file = open_table(path, reading)
    if not (file.tables and file.documents):
        return Reports(table_of(file.best, reading, beside=len(file.others) if file.tables else 0), None, _passed_over(file))
    table = table_of(file.tables + file.unread, reading, beside=len(file.others))
    return Reports(table, table_of(file.documents, reading), _passed_over(file))


def _passed_over(file: Opened) -> list[tuple[Path, Refused]]:
    """The sheets of reports beside those that are read, as `FILE#SHEET`."""
    refusal = Refused("columns_unclear", "", REASONS["columns_unclear"])
    return [(Path(f"{sheet.file}#{sheet.name}"), refusal) for sheet in file.passed_over]


def gather(tables: Sequence[Path], documents: Sequence[Path], reading: Reading, *, needed: bool) -> Reports:
    """The reports of a folder; each file is opened once.

    Parameters
    ----------
    tables : sequence of Path
        Files that may be tables, or archives of tables and documents; one of them may hold report text.
    documents : sequence of Path
        Documents of one patient each.
    needed : bool
        A folder without reports is a mistake.

    Raises
    ------
    UsageError
        Several tables hold report text; none does, and reports are needed; the one that does is in another encoding; or there
        is no such encoding.
    Refused
        The only table cannot be read, reports are needed, and there is no document.
    """
    check_encoding(reading.encoding)
    files, wrong, unreadable = _opened(tables, reading)
    holding = [file for file in files if file.tables]
    if len(holding) + len(wrong) > 1:
        raise _unclear(f"holds {len(holding) + len(wrong)} tables")
    if wrong:
        raise wrong[0]
    texts = _documents(files, documents, reading, alone=not holding)
    if holding:
        table = table_of(holding[0].best, reading, beside=len(holding[0].others))
        return Reports(table, texts, [*unreadable, *_passed_over(holding[0])])
    if texts is None and needed:
        if len(tables) != 1:
            raise _unclear(f"holds no table with report text{_reasons(unreadable)}")
        return of_file(tables[0], reading)  # says why the only table is none
    return Reports(None, texts, unreadable)


def _opened(paths: Sequence[Path], reading: Reading) -> tuple[list[Opened], list[WrongEncoding], list[tuple[Path, Refused]]]:
    """The files that open; what reports in another encoding say; files that do not open, with why."""
    files: list[Opened] = []
    wrong: list[WrongEncoding] = []
    unreadable: list[tuple[Path, Refused]] = []
    for path in paths:
        try:
            files.append(open_table(path, reading))
        except WrongEncoding as error:
            if _holds_reports(path, replace(reading, encoding=error.looks_like)):
                wrong.append(error)
            else:
                unreadable.append((path, Refused("report_encoding", "", "the table is in another encoding")))
        except Refused as refusal:
            unreadable.append((path, refusal))
        except UsageError:
            continue  # it has not the sheet that the recipe names
    return files, wrong, unreadable


def _documents(files: Sequence[Opened], paths: Sequence[Path], reading: Reading, *, alone: bool) -> Table | None:
    """Documents of the folder and of archives, and the members of archives that should be tables and cannot be read."""
    bodies = [below for file in files for below in file.documents]
    bodies += [below for file in files if not file.tables for below in file.unread]
    bodies += open_documents(paths, reading, alone=alone).documents
    return table_of(bodies, reading, alone=alone) if bodies else None


def _holds_reports(path: Path, reading: Reading) -> bool:
    """Whether a text would hold reports if it were read in the encoding that it looks like."""
    try:
        return bool(reading.encoding and open_table(path, reading).tables)
    except (Refused, UsageError):
        return False


def _reasons(unreadable: Sequence[tuple[Path, Refused]]) -> str:
    """The codes of what cannot be read, as part of a sentence."""
    counts = Counter(refusal.reason for _, refusal in unreadable)
    return "".join(f", and {n} file that cannot be read ({reason})" for reason, n in counts.items())


def _unclear(why: str) -> UsageError:
    return UsageError(f"source.reports: the folder {why}; name the one with the reports, and its columns under source.columns")
