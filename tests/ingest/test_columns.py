"""Which column is the report, on every sheet: nothing is taken for something else, and nothing is dropped without a word."""

import json
import zipfile

import pytest
from films import Ingested, write_csv, write_png
from workbooks import workbook

from docphim.errors import UsageError
from docphim.ingest.look import reports_in

PROSE = ("Bóng tim to.", "Hai phổi sáng đều", "Tràn dịch màng phổi phải lượng ít.")
PICTURES = {
    "prose under Hình ảnh": (["id", "Hình ảnh", "Kết luận"], lambda n: [n, PROSE[0], "Tim to"], "Bóng tim to."),
    "prose under ẢNH alone": (["Mã phiếu", "ẢNH"], lambda n: [n, PROSE[1]], PROSE[1]),
    "prose beside the files": (["Tên file", "Hình ảnh"], lambda n: [f"{n}.png", PROSE[2]], PROSE[2]),
    "small letters, no full stop": (["id", "Hinh_anh"], lambda n: [n, "tim to, phổi sáng"], "tim to, phổi sáng"),
    "all capitals": (["id", "Hình ảnh"], lambda n: [n, "TIM KHÔNG TO, HAI PHỔI SÁNG ĐỀU"], "TIM KHÔNG TO, HAI PHỔI SÁNG ĐỀU"),
    "names of files": (["Hình ảnh", "Mô tả"], lambda n: [f"{n}.png", PROSE[0]], PROSE[0]),
    "names without suffix": (["Ảnh", "Mô tả"], lambda n: [n, PROSE[0]], PROSE[0]),
    "paths": (["Hình ảnh", "Nhận xét"], lambda n: [f"kho\\{n}.png", PROSE[0]], PROSE[0]),
    "several files a cell": (["Ảnh", "Mô tả"], lambda n: [f"{n}.png; {n}.png", PROSE[0]], PROSE[0]),
    "blank cells": (["id", "Hình ảnh", "Mô tả"], lambda n: [n, "", PROSE[0]], PROSE[0]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_column_of_pictures_is_findings_where_it_holds_prose_and_names_of_files_elsewhere(tmp_path, name):
    header, row, findings = PICTURES[name]
    for number in range(3):
        write_png(tmp_path / f"source/f{number}.png", number)
    write_csv(tmp_path / "source/r.csv", header, *[row(f"f{number}") for number in range(3)])
    got = Ingested(tmp_path)
    assert [study["report"]["sections"]["findings"] for study in got.studies] == [findings] * 3


def test_a_film_named_after_a_person_is_found_by_its_name(tmp_path):
    write_png(tmp_path / "source/Nguyễn Thị Bưởi.png")
    write_csv(tmp_path / "source/r.csv", ["Hình ảnh", "Mô tả"], ["Nguyễn Thị Bưởi", "Tim to."])
    assert len(Ingested(tmp_path).studies) == 1


def test_a_recipe_says_what_a_column_of_pictures_is(tmp_path):
    write_png(tmp_path / "source/f0.png")
    write_csv(tmp_path / "source/r.csv", ["id", "Hình ảnh", "Mô tả"], ["f0", "Tim không to.", "Phim chụp thẳng."])
    got = Ingested(tmp_path, columns={"findings": "Hình ảnh"})
    assert got.studies[0]["report"]["sections"]["findings"] == "Tim không to."


TWO = {
    "two of findings": (["id", "Mô tả", "Nhận xét"], ["f0", "Tim to.", "Phổi sáng."], "findings"),
    "the first is blank": (["id", "Mô tả", "Nhận xét"], ["f0", "", "Phổi sáng."], "findings"),
    "in two languages": (["id", "Findings", "Mô tả"], ["f0", "The heart is large.", "Tim to."], "findings"),
    "two impressions": (["id", "Mô tả", "Kết luận", "Conclusion"], ["f0", "Tim to.", "Tim to.", "Bình thường."], "impression"),
    "two whole texts": (["id", "Nội dung", "Báo cáo"], ["f0", "Tim to.", "Phổi sáng."], "text"),
    "two of one name": (["id", "Mô tả", "MO_TA"], ["f0", "Tim to.", "Phổi sáng."], "findings"),
    "pictures and findings": (["id", "Hình ảnh", "Nhận xét"], ["f0", "Bóng tim to.", "Phổi sáng đều."], "findings"),
    "two of advice": (["id", "Mô tả", "Đề nghị", "Lời dặn"], ["f0", "Tim to.", "Chụp lại.", "Tái khám."], "recommendation"),
}


@pytest.mark.parametrize("name", TWO)
def test_two_columns_of_one_text_that_differ_stop_and_the_recipe_says_which(tmp_path, name):
    header, row, field = TWO[name]
    write_png(tmp_path / "source/f0.png")
    write_csv(tmp_path / "source/r.csv", header, row)
    with pytest.raises(UsageError, match=rf"source\.columns\.{field}: columns \d and \d .* differ") as caught:
        Ingested(tmp_path)
    assert not any(cell in str(caught.value) for cell in row[1:] if cell)
    [report], refused = reports_in(tmp_path / "source")
    assert report["rows"] == 0 and [row["reason"] for row in refused] == ["columns_unclear"]
    if field != "recommendation":
        assert len(Ingested(tmp_path, columns={field: header[-1]}).studies) == 1


@pytest.mark.parametrize("second", ["", "NULL", "Tim to.", " Tim to. ", "-"])
def test_a_second_column_that_says_nothing_else_stops_nothing(tmp_path, second):
    write_png(tmp_path / "source/f0.png")
    write_csv(tmp_path / "source/r.csv", ["id", "Mô tả", "Kết quả"], ["f0", "Tim to.", second])
    assert Ingested(tmp_path).studies[0]["report"]["sections"] == {"findings": "Tim to."}


def book(path, **sheets):
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook(path, sheets)


FIRST = [["id", "Mô tả", "BS"], ["f0", "Tim to.", "Lò Thị Nụ"]]
NOTES = [["STT", "Lương"], ["1", "2"]]
SHEETS = {
    "an optional column is missing": ({"doctor": "BS"}, [["id", "Mô tả"], ["f1", "Phổi sáng."]], 2, [], None),
    "two optional columns": ({"doctor": "BS", "sex": "BS"}, [["id", "Mô tả"], ["f1", "Phổi sáng."]], 2, [], None),
    "the column of findings is missing": (
        {"findings": "Mô tả"},
        [["id", "Nhận xét"], ["f1", "Phổi sáng."]],
        1,
        ["columns_unclear", "report_missing"],
        None,
    ),
    "the column of the id is missing": (
        {"id": "id"},
        [["Mã phiếu", "Mô tả"], ["f1", "Phổi sáng."]],
        1,
        ["columns_unclear", "report_missing"],
        None,
    ),
    "a sheet without reports": ({}, NOTES, 1, ["report_missing"], 1),
    "a sheet without reports and a named column": ({"findings": "Mô tả"}, NOTES, 1, ["report_missing"], 1),
    "a blank sheet": ({"doctor": "BS"}, [], 1, ["report_missing"], None),
}


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_is_read_named_or_counted(tmp_path, name):
    columns, second, studies, reasons, passed = SHEETS[name]
    for number in range(2):
        write_png(tmp_path / f"source/f{number}.png", number)
    book(tmp_path / "source/r.xlsx", one=FIRST, two=second)
    got = Ingested(tmp_path, columns=columns)
    assert (len(got.studies), got.reasons) == (studies, reasons)
    assert got.notes["table"].get("sheets_passed_over") == passed
    places = [row["location"] for row in got.private if row["refused"] == "columns_unclear"]
    assert [place.rpartition("#")[2] for place in places] == ["two"] * reasons.count("columns_unclear")


def test_a_column_that_is_on_no_sheet_is_a_mistake_of_the_recipe(tmp_path):
    write_png(tmp_path / "source/f0.png")
    book(tmp_path / "source/r.xlsx", one=FIRST, two=[["id", "Mô tả"], ["f1", "Phổi sáng."]])
    with pytest.raises(UsageError, match="no column 'Người ký'"):
        Ingested(tmp_path, columns={"doctor": "Người ký"}, reports="r.xlsx")


def test_of_two_tables_the_one_with_the_columns_that_the_recipe_names_is_read(tmp_path):
    write_png(tmp_path / "source/f0.png")
    write_csv(tmp_path / "source/a.csv", ["id", "Mô tả"], ["f0", "Cũ."])
    write_csv(tmp_path / "source/b.csv", *FIRST)
    got = Ingested(tmp_path, columns={"doctor": "BS"})
    assert got.studies[0]["report"]["sections"] == {"findings": "Tim to."}


@pytest.mark.parametrize(
    "findings",
    [[{"name": "Phổi", "text": "Phổi sáng."}], [["Tim to.", "Phổi sáng."]], ["Tim to.", {"x": 1}], [[]], [{}]],
    ids=range(5),
)
def test_a_list_of_objects_is_no_cell(tmp_path, findings):
    for number in range(2):
        write_png(tmp_path / f"source/f{number}.png", number)
    rows = [{"id": "f0", "findings": ["Tim to.", None, "Phổi sáng."]}, {"id": "f1", "findings": findings}]
    (tmp_path / "source/r.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    got = Ingested(tmp_path)
    assert [study["report"]["sections"]["findings"] for study in got.studies] == ["Tim to.;;Phổi sáng."]
    assert got.reasons == ["report_missing", "row_unreadable"]


@pytest.mark.parametrize("encoding", ["utf8x", "utf-99", "vietnamese", "tcvn4"])
@pytest.mark.parametrize("files", [["r.csv"], ["r.csv", "s.csv"], ["f0.txt"]], ids=len)
def test_an_encoding_that_does_not_exist_is_named(tmp_path, encoding, files):
    write_png(tmp_path / "source/f0.png")
    for name in files:
        write_csv(tmp_path / "source" / name, ["id", "text"], ["f0", "Tim to."])
    with pytest.raises(UsageError, match=f"no encoding is called '{encoding}'"):
        Ingested(tmp_path, encoding=encoding)


def test_inspect_names_all_that_ingest_finds_in_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.writestr("r.csv", "id,text\nf0,Tim to.\nf1,\n")
        archive.writestr("f2.txt", "Mô tả: Phổi sáng.")
        archive.writestr("f3.docx", "no document")
        archive.writestr("q.xlsx", "PK\3\4 no workbook")
    [report], refused = reports_in(tmp_path)
    assert (report["rows"], report["usable"]) == (5, 2)
    assert sorted((row["reason"], row["where"]) for row in refused) == [
        ("file_unreadable", "r.zip#f3.docx"),
        ("file_unreadable", "r.zip#q.xlsx"),
        ("report_empty", "r.zip#r.csv!3"),
    ]
