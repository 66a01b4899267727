"""The reports of a folder: a table and documents together, files that cannot be read, and what is never joined."""

import json
import os
import unicodedata
import zipfile
from pathlib import Path

import pytest
from films import Ingested, write_csv, write_dicom, write_png
from protected import encrypted_shell
from test_documents import pdf, word
from test_tables import book

from docphim.errors import Refused, UsageError

A, B = "Bóng tim không to. Phổi hai bên sáng đều.", "Tràn dịch màng phổi phải."
TABLE = {"r.xlsx": [["Mã", "Mô tả"], ["a", A]]}
OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 700 + "WordDocument".encode("utf-16-le")
OLD_FONT = "Bãng tim kh«ng to. Phæi hai bªn s¸ng ®Òu.".encode("latin-1")
MIXED = f"Họ tên: LÊ VĂN AN\n{A}\nHọ tên: TRẦN THỊ BÌNH\n{B}"
RTF = rb"{\rtf1\ansi Tim to.\par Ph\u7893?i s\u225?ng.}"


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


WRITERS = {
    ".png": lambda path, content: write_png(path, len(path.name) + ord(path.name[0])),
    ".dcm": lambda path, content: write_dicom(path, ord(path.name[0]), **content),
    ".xlsx": lambda path, content: book(path, {"S": content}),
    ".csv": lambda path, content: write_csv(path, *content),
    ".docx": word,
    ".doc": word,
    ".pdf": pdf,
    ".zip": zipped,
}


def fill(folder, files):
    """A folder of `files`: name → text, bytes, rows of a table, paragraphs of a document, members of an archive, or tags."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str | bytes):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        else:
            WRITERS[path.suffix](path, content)


def films(*names):
    return {f"{name}.png": None for name in names}


# What a folder holds beside the films a and b and the table that speaks of a; how many studies there are; what is refused.
BESIDE = {
    "nothing": ({}, 1, ["report_missing"]),
    "a document": ({"b.docx": [B]}, 2, []),
    "a document deeper down": ({"x/y/b.txt": B}, 2, []),
    "documents of every kind": (films(*"cde") | {"b.docx": [B], "c.txt": B, "d.rtf": RTF, "e.pdf": ["Tim to."]}, 5, []),
    "a document with its number inside": ({"x.docx": ["Số phiếu: b", B]}, 2, []),
    "a document that says the same": ({"a.docx": [A], "b.docx": [B]}, 2, []),
    "a document that says otherwise": ({"a.docx": [B], "b.docx": [B]}, 1, ["report_duplicate"]),
    "a document of no film": ({"b.docx": [B], "c.docx": [B]}, 2, ["image_missing"]),
    "two documents of one film": ({"b.docx": [B], "b.txt": A}, 1, ["report_duplicate"]),
    "two documents of one film under two numbers": (
        {"b.docx": [B], "b.txt": f"Mã BN: 77\n{B}"},
        1,
        ["report_ambiguous", "report_ambiguous", "report_missing"],
    ),
    "tables in Word": ({"b.docx": "PK"}, 1, ["file_unreadable", "report_missing"]),
    "a scan": ({"b.pdf": [None]}, 1, ["report_missing", "report_not_text"]),
    "a protected document": ({"b.docx": encrypted_shell()}, 1, ["file_protected", "report_missing"]),
    "an old document": ({"b.doc": OLD_WORD}, 1, ["file_unreadable", "report_missing"]),
    "a protected old document": ({"b.doc": encrypted_shell()}, 1, ["file_protected", "report_missing"]),
    "a .doc that is RTF": ({"b.doc": RTF}, 2, []),
    "a .doc that is HTML": ({"b.doc": f"<html><body><p>{B}</p></body></html>"}, 2, []),
    "a .doc that is .docx": ({"b.doc": [B]}, 2, []),
    "a document in an old font": ({"b.txt": OLD_FONT}, 1, ["report_encoding", "report_missing"]),
    "an empty document": ({"b.txt": ""}, 1, ["file_empty", "report_missing"]),
    "a document of two patients": ({"b.docx": ["Mã BN: 1", A, "Mã BN: 2", B]}, 1, ["document_mixed", "report_missing"]),
    "a document of two names": ({"b.txt": MIXED}, 1, ["document_mixed", "report_missing"]),
    "two numbers of one patient": ({"b.txt": f"Mã BN: 77\nSố bệnh án: 24/1\n{B}"}, 2, []),
    "a protected workbook": ({"q.xlsx": encrypted_shell()}, 1, ["file_protected", "report_missing"]),
    "a damaged workbook": ({"q.xlsx": "PK\3\4 no"}, 1, ["file_unreadable", "report_missing"]),
    "an empty workbook": ({"q.xlsx": ""}, 1, ["file_empty", "report_missing"]),
    "a damaged old workbook": ({"q.xls": OLD_WORD}, 1, ["file_unreadable", "report_missing"]),
    "an XML with entities": ({"q.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}, 1, ["file_unreadable", "report_missing"]),
    "a table in another alphabet": ({"q.csv": b"x,y\n\xe9,\xff\n"}, 1, ["report_encoding", "report_missing"]),
    "an archive that leads out": ({"q.zip": {"../r.csv": "id,text\nb,x"}}, 1, ["report_missing", "unsafe_path"]),
    "an archive of films": ({"q.zip": {"b.png": "x"}}, 1, ["file_unreadable", "report_missing"]),
    "an archive of documents": ({"q.zip": {"b.txt": B, "c.docx": "no"}}, 2, ["file_unreadable"]),
    "an archive with one text in an old font": (
        films("c") | {"q.zip": {"b.txt": B, "x.txt": B, "c.txt": OLD_FONT}},
        2,
        ["image_missing", "report_encoding", "report_missing"],
    ),
    "a table without reports": ({"staff.csv": [["STT", "Lương"], ["1", "2"]]}, 1, ["report_missing"]),
    "a document whose name and number are two films'": (
        {"a.docx": ["Số phiếu: b", B]},
        1,
        ["report_ambiguous", "report_missing"],
    ),
    "a patient's two numbers": ({"x.txt": f"Mã BN: 5\nSố phiếu: b\n{B}"}, 2, []),
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_folder_is_read_with_all_its_reports_and_what_cannot_be_read_is_named(tmp_path, name):
    files, studies, reasons = BESIDE[name]
    fill(tmp_path / "source", films("a", "b") | TABLE | files)
    got = Ingested(tmp_path)
    assert (len(got.studies), got.reasons) == (studies, reasons)
    lines = [line for line in got.private if line["refused"]]
    assert {line["study"] for line in lines} == {row["study"] for row in got.rejected}
    assert all(Path(line["location"].removeprefix("table:").partition("#")[0]).is_file() for line in lines)


@pytest.mark.parametrize(("rule", "texts"), [("last", B), ("joined", f"{A}\n{B}")])
def test_a_patient_in_table_and_document_goes_by_the_recipes_rule(tmp_path, rule, texts):
    fill(tmp_path / "source", films("a") | TABLE | {"a.docx": [B]})
    [study] = Ingested(tmp_path, rows=rule).studies
    assert study["report"]["sections"] == {"findings": texts}


def test_a_document_meets_the_study_that_the_table_made_of_its_film_under_another_number(tmp_path):
    table = [["Số phiếu", "Ảnh", "Mô tả"], ["X1", "a.png", A], ["X2", "b.png", A]]
    fill(tmp_path / "source", films("a", "b") | {"r.xlsx": table, "b.docx": ["Mã BN: 77", B]})
    got = Ingested(tmp_path)
    assert (len(got.studies), got.reasons) == (1, ["report_duplicate"])
    assert len(Ingested(tmp_path, rows="last").studies) == 2


def test_table_and_documents_find_films_by_rules_of_their_own(tmp_path):
    archive = {f"{n}.dcm": {"AccessionNumber": f"A{n}", "PatientID": f"P{n}"} for n in range(4)}
    table = [["accession", "Mã BN", "Mô tả"], ["A0", "P0", A], ["A1", "P1", A]]
    fill(tmp_path / "source", archive | {"r.csv": table, "2.docx": [B], "x.txt": f"Số phiếu: A3\n{B}"})
    got = Ingested(tmp_path)
    assert got.reasons == [] and len(got.studies) == 4
    assert got.notes["match"]["rule"] == "accession" and got.notes["documents"]["rows_matched"]["file_name"] == 1
    assert (got.notes["table"]["rows"], got.notes["documents"]["rows"]) == (2, 2)


def test_a_document_of_another_patient_than_the_film_is_refused(tmp_path):
    archive = {f"{n}.dcm": {"AccessionNumber": f"A{n}", "PatientID": f"P{n}"} for n in range(2)}
    table = [["accession", "Mã BN", "Mô tả"], ["A0", "P0", A]]
    fill(tmp_path / "source", archive | {"r.csv": table, "1.docx": ["Mã BN: P9", B]})
    assert Ingested(tmp_path).reasons == ["patient_mismatch"]


# Rows about one film under the same id, and whether they may be one patient's.
TWO_ROWS = {
    "one number": ([["P1", ""], ["P1", ""]], True),
    "zeros before": ([["0012", ""], ["12", ""]], True),
    "two numbers": ([["P1", ""], ["P2", ""]], False),
    "two names": ([["", "Lê Văn An"], ["", "Trần Thị Bình"]], False),
    "one name, spelled twice": ([["", "Lê Văn An"], ["", "LE VAN AN"]], True),
    "one number, two names": ([["P1", "Lê Văn An"], ["P1", "Trần Thị Bình"]], True),
    "a number, and another's name": ([["P1", "Lê Văn An"], ["", "Trần Thị Bình"]], False),
    "one row says nobody": ([["P1", "Lê Văn An"], ["", ""]], True),
}


@pytest.mark.parametrize("rule", ["refused", "last", "joined"])
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("name", TWO_ROWS)
def test_rows_of_two_patients_are_never_one_report(tmp_path, name, rule, same):
    rows, of_one = TWO_ROWS[name]
    texts = [A, A if same else B]
    fill(tmp_path / "source", films("a", "b"))
    table = [["a", *row, text] for row, text in zip(rows, texts, strict=True)]
    write_csv(tmp_path / "source/r.csv", ["id", "Mã BN", "Họ tên", "Mô tả"], *table, ["b", "P7", "", A])
    reasons = [] if of_one else ["patient_mismatch"]
    if of_one and rule == "refused" and not same:
        reasons = ["report_duplicate"]
    assert Ingested(tmp_path, rows=rule).reasons == reasons


def visits(one, other):
    """Two documents of one patient, without a number of a study, called so."""
    return {f"{one}.docx": ["Mã BN: 77", A], f"{other}.txt": f"Mã BN: 77\n{B}"}


def dated(number):
    return {"PatientID": "77", "StudyDate": f"2023030{number}"}


LACK = ["report_ambiguous", "report_ambiguous"]
#: Films of a patient, two documents that only the patient's number labels, studies and reasons.
VISITS = {
    "films called as the documents": (films("v1", "v2") | visits("v1", "v2"), 2, []),
    "in the patient's folder": (films("77/v1", "77/v2") | visits("v1", "v2"), 2, []),
    "films called as the patient": (films("77_1", "77_2") | visits("x", "y"), 0, [*LACK, "report_missing", "report_missing"]),
    "one film called as the patient": (films("77") | visits("x", "y"), 0, [*LACK, "report_missing"]),
    "a film called as one of them": (films("77/x") | visits("x", "y"), 1, ["report_ambiguous"]),
    "one document alone": (films("77_1", "77_2") | {"x.txt": f"Mã BN: 77\n{B}"}, 1, []),
    "one text twice": (films("77") | {"x.txt": f"Mã BN: 77\n{B}", "y.txt": f"Mã BN: 77\n{B}"}, 1, []),
    "films of their days": (
        {f"f/d{n}.dcm": dated(n) for n in (1, 2)}
        | {f"{n}x.txt": f"Mã BN: 77\nNgày chụp: 0{n}/03/2023\nMô tả: Tim to {n}." for n in (1, 2)},
        2,
        [],
    ),
    "a film of one of the days": (
        {"77.dcm": dated(2)} | {f"{n}x.txt": f"Mã BN: 77\nNgày chụp: 0{n}/03/2023\nMô tả: Tim to {n}." for n in (1, 2)},
        1,
        ["report_ambiguous"],
    ),
    "a film called as one patient's document and as another patient": (
        films("8") | {"8.txt": f"Mã BN: 78\n{A}", "x.txt": f"Mã BN: 8\n{B}"},
        0,
        [*LACK, "report_missing"],
    ),
    "the same, known by their names": (
        films("8") | {"8.txt": f"Họ tên: LÊ VĂN AN\n{A}", "x.txt": f"Mã BN: 8\nHọ tên: TRẦN THỊ BÌNH\n{A}"},
        0,
        [*LACK, "report_missing"],
    ),
    "a day before the film's": (
        {"77.dcm": dated(2), "x.txt": f"Mã BN: 77\nNgày chụp: 01/03/2023\n{A}"},
        0,
        ["report_ambiguous", "report_missing"],
    ),
    "a day long after the film's": (
        {"77.dcm": dated(2), "r.csv": [["id", "Mã BN", "Ngày chụp", "text"], ["77", "77", "05/06/2023", A]]},
        0,
        ["report_ambiguous", "report_missing"],
    ),
    "a day long after, and the film's own number": (
        {
            "77.dcm": dated(2) | {"AccessionNumber": "A7"},
            "r.csv": [["id", "Mã BN", "accession", "date", "text"], ["77", "77", "A7", "05/06/2023", A]],
        },
        1,
        [],
    ),
    "a day soon after the film's": ({"77.dcm": dated(2), "x.txt": f"Mã BN: 77\nNgày đọc: 05/03/2023\n{A}"}, 1, []),
    "another day, and the film's name": ({"v1.dcm": dated(2), "v1.txt": f"Mã BN: 77\nNgày chụp: 01/03/2023\n{A}"}, 1, []),
    "a day, and a film without one": (films("77") | {"x.txt": f"Mã BN: 77\nNgày chụp: 01/03/2020\n{A}"}, 1, []),
    "the number in the film's header": ({"f/IM1.dcm": dated(2), "x.txt": f"Mã BN: 77\n{A}"}, 1, []),
    "the number in two studies' headers": (
        {"f/IM1.dcm": dated(2), "f/IM2.dcm": dated(3), "x.txt": f"Mã BN: 77\n{A}"},
        0,
        [LACK[0], "report_missing", "report_missing"],
    ),
    "the number in the header of somebody else": (
        {"f/IM1.dcm": dated(2) | {"PatientName": "LE^VAN AN"}, "x.txt": f"Mã BN: 77\nHọ tên: TRẦN THỊ BÌNH\n{A}"},
        0,
        ["report_ambiguous", "report_missing"],
    ),
    "letters and their accents apart": (
        {"f/IM1.dcm": dated(2), "x.txt": unicodedata.normalize("NFD", f"Mã BN: 77\n{A}")},
        1,
        [],
    ),
    "signed soon after": ({"f/IM1.dcm": dated(2), "x.txt": f"Mã BN: 77\n{A}\nHuế, ngày 5 tháng 3 năm 2023"}, 1, []),
    "signed years before": (
        {"77.dcm": dated(2), "x.txt": f"Mã BN: 77\n{A}\nHuế, ngày 2 tháng 3 năm 2021"},
        0,
        ["report_ambiguous", "report_missing"],
    ),
    "in an archive": (films("v1", "v2") | {"q.zip": {f"v{n}.txt": f"Mã BN: 77\nTim to {n}." for n in (1, 2)}}, 2, []),
    "a row of the table speaks of the film": (
        films("77") | {"r.csv": [["id", "Mã BN", "text"], ["77", "77", A]]} | visits("x", "y"),
        1,
        LACK,
    ),
}


@pytest.mark.parametrize("options", [{"rows": "joined"}, {"rows": "refused"}, {"ids": "keep", "rows": "last"}])
@pytest.mark.parametrize("name", VISITS)
def test_two_documents_of_one_patient_are_two_visits_unless_films_or_numbers_tell(tmp_path, name, options):
    files, studies, reasons = VISITS[name]
    fill(tmp_path / "source", films("0", "1") | {"0.txt": "Mã BN: 5\nTim to.", "1.txt": "Mã BN: 6\nTim to."} | files)
    got = Ingested(tmp_path, **options)
    assert (len(got.studies), got.reasons) == (studies + 2, sorted(reasons))


@pytest.mark.parametrize("rule", [None, "file_name"])
def test_a_study_number_in_two_documents_is_one_study_and_a_rule_joins_no_visits(tmp_path, rule):
    numbers = {"p.txt": f"Số phiếu: S1\n{A}", "q.txt": f"Số phiếu: S1\n{A}"}
    fill(tmp_path / "source", films("p", "q", "v1", "v2") | visits("v1", "v2") | numbers)
    assert sorted(len(study["series"]) for study in Ingested(tmp_path, match=rule).studies) == [1, 1, 2]


FOLDERS = {
    "a table and documents": ({"bc/r.csv": [["id", "text"], ["a", A]], "bc/b.docx": [B]}, {"reports": "bc"}, 2, []),
    "only what is named": ({"bc/b.docx": [B], **TABLE}, {"reports": "bc"}, 1, ["report_missing"]),
    "a table alone": ({"b.docx": [B], **TABLE}, {"reports": "r.xlsx"}, 1, ["report_missing"]),
    "the folder itself": ({"b.docx": [B], **TABLE}, {"reports": "."}, 2, []),
    "an archive of both": ({"q.zip": {"r.csv": f"id,text\na,{A}\n", "b.txt": B}}, {"reports": "q.zip"}, 2, []),
    "a damaged table among documents": (
        {"a.docx": [A], "q.xlsx": "PK no"},
        {},
        1,
        ["file_unreadable", "report_missing"],
    ),
    "the table that has the columns": (
        {"r.csv": [["X", "Y"], ["a", A]], "s.csv": [["P", "Q"], ["a", A]]},
        {"columns": {"id": "X", "text": "Y"}},
        1,
        ["report_missing"],
    ),
    "a folder elsewhere": ({"../bc/b.docx": [B], "../bc/r.csv": [["id", "text"], ["a", A]]}, {"reports": "../bc"}, 2, []),
    "films without reports": ({}, {"without_report": "keep"}, 2, []),
    "unreadable, and reports are not needed": (
        {"q.xlsx": encrypted_shell()},
        {"without_report": "keep"},
        2,
        ["file_protected"],
    ),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_recipe_says_where_reports_are(tmp_path, name):
    files, options, studies, reasons = FOLDERS[name]
    fill(tmp_path / "source", films("a", "b") | files)
    got = Ingested(tmp_path, **options)
    assert (len(got.studies), got.reasons) == (studies, reasons)


STOPS = {
    "a protected table alone": ({"q.xlsx": encrypted_shell()}, Refused, "file_protected"),
    "two tables": ({**TABLE, "s.csv": [["id", "text"], ["a", B]]}, UsageError, "holds 2 tables"),
    "two tables that cannot be read": ({"p.xlsx": "PK", "q.xlsx": encrypted_shell()}, UsageError, "file_protected"),
    "no report at all": ({"staff.csv": [["STT", "Lương"], ["1", "2"]]}, UsageError, "source.columns"),
    "an old font": ({"r.csv": b"id,text\na," + OLD_FONT + b"\n"}, UsageError, "encoding: tcvn3"),
    "documents in an old font": ({"a.txt": OLD_FONT, "b.txt": OLD_FONT}, UsageError, "encoding: tcvn3"),
    "an archive of an old font": ({"q.zip": {"r.csv": b"id,text\na," + OLD_FONT}}, UsageError, "encoding: tcvn3"),
    "a sheet that is not there": ({**TABLE}, UsageError, "no sheet 'T9'"),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_folder_whose_reports_cannot_be_told_says_why(tmp_path, name):
    files, error, words = STOPS[name]
    fill(tmp_path / "source", films("a", "b") | files)
    with pytest.raises(error, match=words) as caught:
        Ingested(tmp_path, **({"sheet": "T9"} if "sheet" in name else {}))
    assert str(tmp_path) not in str(caught.value)


def test_a_rule_that_the_recipe_names_is_the_only_one_for_documents_alone(tmp_path):
    fill(tmp_path / "source", films("a") | {"a.docx": [A]})
    assert len(Ingested(tmp_path).studies) == 1
    with pytest.raises(Refused, match="image_missing 1"):
        Ingested(tmp_path, match="accession")


def test_two_rows_that_name_nothing_are_two_refusals_though_they_stand_on_one_line_of_two_sheets(tmp_path):
    write_png(tmp_path / "source/a.png")
    book(tmp_path / "source/r.xlsx", {"S": [["Mã", "Mô tả"], ["", A], ["a", A]], "T": [["Mã", "Mô tả"], ["", B]]})
    got = Ingested(tmp_path)
    assert got.reasons == ["id_missing", "id_missing"]
    assert sorted(line["location"].rpartition("#")[2] for line in got.private if line["refused"]) == ["S!2", "T!2"]


def test_a_document_whose_name_is_no_utf_8_is_refused_and_named(tmp_path):
    fill(tmp_path / "source", films("a", "b") | TABLE | {"b.txt": B})
    (tmp_path / "source/b.txt").rename(os.fsdecode(os.fsencode(tmp_path / "source") + b"/b\xec.txt"))
    got = Ingested(tmp_path)
    assert got.reasons == ["report_missing", "unsafe_path"]
    assert [line["location"][-9:] for line in got.private if line["refused"] == "unsafe_path"] == ["\\udcec.txt"[-9:]]
    assert json.dumps(got.rejected).isascii()
