"""Workbooks as tables of reports: read once, and within bounds."""

import re
import zipfile

import openpyxl
import pytest
from films import Ingested, write_png

from docphim.errors import Refused
from docphim.ingest import reports
from docphim.ingest.reports import workbook as parts
from docphim.ingest.reports import zipped


def workbook(path, rows):
    """A workbook written row by row, as quickly as may be."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    book.save(path)


LARGE = {
    "rows": [["image", "text"], *([["a.png", "Phổi sáng."]] * 60)],
    "blank rows": [["image", "text"], *([[]] * 60), ["a.png", "Phổi sáng."]],
    "columns": [["image", "text", *([None] * 60), "x"], ["a.png", "Phổi sáng."]],
}


@pytest.mark.parametrize("rows", LARGE.values(), ids=LARGE)
def test_a_sheet_larger_than_a_table_of_reports_is_refused_and_no_further_row_is_read(tmp_path, rows, monkeypatch):
    monkeypatch.setattr(parts, "MOST_ROWS", 50)
    monkeypatch.setattr(parts, "MOST_COLUMNS", 50)
    write_png(tmp_path / "source/a.png")
    workbook(tmp_path / "source/r.xlsx", rows)
    with pytest.raises(Refused, match="50 rows, 50 columns or 20,000,000 cells, blank ones counted"):
        Ingested(tmp_path, reports="r.xlsx")


def test_of_a_sheet_only_the_first_lines_are_turned_into_cells_to_see_whether_it_holds_reports(tmp_path, monkeypatch):
    cells = []
    monkeypatch.setattr(parts, "_cells", lambda values: cells.extend(values) or [str(value or "") for value in values])
    workbook(tmp_path / "r.xlsx", [["image", "text"], *([["a.png", "Phổi sáng."]] * 100)])
    assert (
        reports.open_table(tmp_path / "r.xlsx", reports.Reading({})).tables
        and cells[:2] == ["image", "text"]
        and len(cells) <= 120
    )
    cells.clear()
    assert len(reports.read_table(tmp_path / "r.xlsx", columns={}).rows) == 100 and len(cells) == 202


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(zipped, "LARGEST", 1 << 10)
    workbook(tmp_path / "r.xlsx", [["image", "text"]])
    with pytest.raises(Refused, match="unpacks to more than"):
        reports.read_table(tmp_path / "r.xlsx", columns={})


def test_rows_beyond_what_the_workbook_says_of_its_size_are_read_too(tmp_path):
    book = openpyxl.Workbook()
    for row in [["image", "text"], *([["a.png", "Phổi sáng."]] * 5)]:
        book.active.append(row)
    book.save(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "r.xlsx", "w") as wrong:
        for name in whole.namelist():
            wrong.writestr(name, re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:A2"', whole.read(name)))
    assert len(reports.read_table(tmp_path / "r.xlsx", columns={}).rows) == 5
    assert all(row.get("text") for row in reports.read_table(tmp_path / "r.xlsx", columns={}).rows)
