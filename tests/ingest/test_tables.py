"""Tables of reports as information systems write them: header, encoding, quoting, formats, rows not to be trusted."""

import json
import re
import zipfile

import pytest
from films import write_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from workbooks import workbook

from docphim.errors import Refused, UsageError
from docphim.ingest.reports import FIELDS, Row, merged, open_table, read_table, sheets_of
from docphim.ingest.reports.table import Reading, opened, table_of

GOOD = "Bóng tim không to. Phổi hai bên sáng đều."


def written(tmp_path, content, name="r.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(path, **how):
    return read_table(path, **({"columns": {}} | how))


def rows(path, field="text", **how):
    """(id, text, reason) of each row."""
    return [(row.get("id"), row.get(field), row.reason) for row in read(path, **how).rows]


def book(path, sheets, after=None):
    workbook(path, sheets, after)
    return path


# Quoting: what is refused, by the numbers of its lines; every other row is whole.
QUOTING = {
    "stray mark opens a cell": ('id;text;KL\n1;a b;c\n2;"d e;f\n3;g h;i\n4;j k;l\n', {1}, {2, 3, 4}),
    "two stray marks": ('id;text;KL\n1;a b;c\n2;"d e;f\n3;g h;i\n4;"j k;l\n5;m n;o\n', {1}, {2, 3, 4, 5}),
    "stray marks that close": ('id;text;KL\n1;a b;c\n2;"d e;f\n3;g h";i\n4;j k;l\n', {1, 4}, {2}),
    "swallowed to the last cell": ('id;text;KL\n1;a b;c\n2;e f;"d e\n3;g h;i"\n4;j k;l\n', {1, 4}, {2}),
    "cut inside quotes": ('id,text,KL\n1,a b,c\n2,"d e\nf', {1}, {2, 3}),
    "cut inside a row": ("id,text,KL\n1,a b,c\n2,d e", {1}, {2}),
    "comma not quoted": ("id,text,tuoi,gioi\n1,a b,72,Nam\n2,c, d e,65,Nu\n3,f g,50,F\n", {1, 3}, {2}),
    "comma eaten by an empty cell": (
        "id,text,tuoi,gioi,KL\n1,a b,72,Nam,c\n2,c, d e,65,Nu\n3,f g,50,F,c\n4,h,51,F,c\n",
        {1, 3, 4},
        {2},
    ),
    "line end not quoted": ("id,text,KL\n1,a b,c\n2,d e.\nf g,h\n3,i,j\n", {1, 3}, {2}),
    "line end in the last cell": ("id,KL,text\n1,c,a b\n2,h,d e.\nf g\n3,j,i k\n", {1, 3}, {2}),
    "marks inside words": ('id,text,KL\n1,ong 12" dai,c\n2,d "ro" e,f\n', {1, 2}, set()),
    "doubled marks": ('id,text,KL\n1,"ong ""to"", dai",c\n2,d,f\n', {1, 2}, set()),
    "quoted lines": ('id,text,KL\n1,"a, b\n2 not\n- c d",c\n2,d,f\n', {1, 2}, set()),
    "list numbers in quoted lines": ('id,text,KL\n1,"a b\n1. c, d\n2. e",c\n2,d,f\n', {1, 2}, set()),
    "trailing empty cells left out": ("id,text,KL\n1,a b\n2,d,f\n3,e,g\n", {1, 2, 3}, set()),
    "backslash marks": ('id,text,KL\n1,a b,c\n2,"d \\"e\\" f",g\n3,h,i\n', {1}, {2, 3}),
    "sum below the table": ("id,text,KL\n1,a b,c\nTổng số: 1,,\n", {1}, set()),
    "sum below a longer table": (
        "id,text,KL\n1,a b,c\n2,a b,c\n3,a b,c\n4,a b,c\n5,a b,c\nTổng số: sáu,,\n",
        {1, 2, 3, 4, 5},
        set(),
    ),
    "age and sex swapped": ("id,age,sex,text\n1,72,Nam,a b\n2,Nam,65,c d\n3,50,F,e f\n4,51,F,g h\n", {1, 3, 4}, {2}),
    "ages in words": ("id,text,age\n1,a b,7 tháng\n2,c d,không rõ\n3,e f,>90\n", {1, 2, 3}, set()),
    "text under a date": ("id,text,date\n1,a b,05/03/2023\n2,c,d e\n3,f,06/03/2023\n", {1, 3}, {2}),
    "text under an id": ("text,id,age\na b,1,60\nc,d,2\ne f,3,70\ng h,4,50\n", {1, 3, 4}, {2}),
    "text behind a mark": ('id,text,KL\n1,"a b"x,c\n2,d,e\n', set(), {1, 2}),
    "a mark behind a blank": ('id,text,KL\n1, "a b",c\n2,d,e\n', {1, 2}, set()),
    "a zero byte": ("id,text,KL\n1,a\x00b,c\n2,d,e\n", {1, 2}, set()),
    "one column more": ("id,text\n1,a b\n2,c,d\n", {1}, {2}),
    "a header printed twice": ("id,text,KL\n1,a b,c\nid,text,KL\n2,d,f\n", {1, 2}, set()),
}


@pytest.mark.parametrize("name", QUOTING)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_broken_row_is_refused_and_no_row_takes_anothers_text(tmp_path, name, end):
    content, good, bad = QUOTING[name]
    table = read(written(tmp_path, content.replace("\n", end)))
    assert {int(row.get("id")) for row in table.rows if not row.reason and row.get("text")} == good
    refused = [row for row in table.rows if row.reason]
    assert bool(refused) == bool(bad) and len(refused) >= len(bad)
    assert {row.reason for row in refused} <= {"row_unreadable"}
    assert all(not row.get("text") and not row.get("impression") for row in refused)


def test_a_refused_row_is_named_by_the_line_an_editor_shows(tmp_path):
    table = read(written(tmp_path, 'id,text\n1,"a\nb"\n\n2,"c\n3,d\n'))
    assert [(row.number, row.reason) for row in table.rows] == [(2, ""), (5, "row_unreadable"), (6, "row_unreadable")]


def patients_table(separator, end, multiline):
    """A table whose every cell of text holds its own patient's number, and its bytes."""
    lines = [separator.join(["Accession", "Mô tả", "Tuổi", "Giới", "Kết luận"])]
    for n in range(101, 107):
        findings = f"Tim to {n}.{end if multiline else ' '}Phổi sáng {n}, bờ rõ {n}; đều {n}"
        cells = [f"A{n}", f'"{findings}"', str(n - 60), "Nam", f"Tim to {n}"]
        lines.append(separator.join(cells))
    return end.join([*lines, ""])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_mark_put_anywhere_or_a_cut_anywhere_never_gives_a_patient_anothers_text(data):
    separator, end = data.draw(st.sampled_from(",;\t|")), data.draw(st.sampled_from(["\n", "\r\n"]))
    text = patients_table(separator, end, data.draw(st.booleans()))
    at = data.draw(st.integers(text.index("A101"), len(text)))
    damage = data.draw(st.sampled_from(["mark", "cut", "no mark", "separator", "line end", "lost end"]))
    if damage == "no mark":
        at = data.draw(st.sampled_from([i for i, c in enumerate(text) if c == '"']))
    if damage == "lost end":
        at = data.draw(st.sampled_from([i for i, c in enumerate(text) if c == end[-1] and i > at - 200]))
    added = {"mark": '"', "separator": separator, "line end": end}.get(damage, "")
    rest = {"cut": "", "no mark": text[at + 1 :], "lost end": text[at + 1 :]}.get(damage, text[at:])
    name = "r.tsv" if separator == "\t" else "r.csv"
    table = table_of(opened(sheets_of((text[:at] + added + rest).encode(), name, None), Reading({})).best, Reading({}))
    for row in table.rows:
        numbers = set(re.findall(r"\d{3}", row.get("findings") + row.get("impression")))
        assert row.reason or numbers <= {row.get("accession")[1:4]} or (damage == "mark" and len(numbers) == 1)


HEADERS = [
    ["MA_BN", "HO_TEN", "MO_TA", "KET_LUAN", "DE_NGHI"],
    ["Số phiếu", "Mô tả", "Kết luận"],
    ["SO_PHIEU", "MOTA", "KETLUAN", "NGAY_CD", "BS_DOC"],
    ["MaPhieu", "KetQua", "KetLuan"],
    ["MÃ BA", "Mô tả\nhình ảnh", "Kết luận:"],
    ["ma benh nhan", "ket qua", "bac si doc", "ngay chi dinh"],
    ["Số phiếu (CĐHA)", "Mô tả [bằng chữ]"],
    ["Accession Number", "REPORT_TEXT"],
    ["StudyInstanceUID", "Nội dung KQ".replace(" KQ", "")],
]


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_hospitals_names_of_columns_are_known(tmp_path, header):
    line = ["1"] + ["a b"] * (len(header) - 1)
    table = read(book(tmp_path / "r.xlsx", {"Sheet1": [header, line]}))
    assert len(table.columns) == len(header)
    assert table.columns & {"findings", "text"}


TITLES = {
    "none": [],
    "one": [["BỆNH VIỆN ĐA KHOA X"]],
    "blank lines": [["BỆNH VIỆN X"], [], ["Từ ngày 01/01/2024 đến 31/01/2024"], []],
    "cells apart": [["Khoa CĐHA", None, "Báo cáo"], [None, "Mã", "Ngày"], []],
    "a word of the table": [["Kết quả"], ["Người lập:", "A"]],
}


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
@pytest.mark.parametrize("name", TITLES)
def test_the_header_is_found_below_title_lines(tmp_path, name, kind):
    lines = [*TITLES[name], ["STT", "Mã phiếu", "Mô tả", "Kết luận"], [1, "P1", GOOD, "Bình thường"]]
    if kind == "xlsx":
        path = book(tmp_path / "r.xlsx", {"Sheet1": lines})
    else:
        path = written(tmp_path, "\n".join(";".join("" if c is None else str(c) for c in line) for line in lines))
    assert open_table(path, Reading({})).tables
    assert rows(path, "findings") == [("P1", GOOD, "")]
    assert read(path).rows[0].number == len(lines)


def test_reports_are_found_on_any_sheet_and_on_several(tmp_path):
    month = [["Mã phiếu", "Nội dung"], ["P1", GOOD]]
    other = [["Mã phiếu", "Nội dung"], ["P2", "Tim to."]]
    path = book(tmp_path / "r.xlsx", {"Hướng dẫn": [["Xin điền"]], "T1": month, "T2": other, "Trống": []})
    assert rows(path) == [("P1", GOOD, ""), ("P2", "Tim to.", "")]
    assert [row.sheet for row in read(path).rows] == ["T1", "T2"]
    assert rows(path, sheet="T2") == [("P2", "Tim to.", "")]
    with pytest.raises(UsageError, match="no sheet 'T3'"):
        read(path, sheet="T3")


def test_a_hidden_sheet_is_not_read_unless_it_is_named(tmp_path):
    def hide(made):
        made["Cũ"].sheet_state = "hidden"

    lines = {"Mới": [["Mã", "Nội dung"], ["P1", GOOD]], "Cũ": [["Mã", "Nội dung"], ["P1", "Tim to."]]}
    path = book(tmp_path / "r.xlsx", lines, hide)
    assert rows(path) == [("P1", GOOD, "")]
    assert rows(path, sheet="Cũ") == [("P1", "Tim to.", "")]


def test_the_recipe_can_say_where_the_header_is(tmp_path):
    lines = [["Mã", "Nội dung"], ["(cột 1)", "(cột 2)"], ["số", "chữ"], ["P1", GOOD]]
    path = book(tmp_path / "r.xlsx", {"Sheet1": lines})
    assert rows(path, columns={"id": "số", "text": "chữ"}, header_row=3) == [("P1", GOOD, "")]
    with pytest.raises(UsageError, match="header_row"):
        read(path, header_row=50)
    several = book(tmp_path / "s.xlsx", {"Hướng dẫn": [["x"]], "T1": lines})
    assert rows(several, columns={"id": "số", "text": "chữ"}, header_row=3) == [("P1", GOOD, "")]


def test_columns_that_the_recipe_names_find_the_header_too(tmp_path):
    path = book(tmp_path / "r.xlsx", {"Sheet1": [["Danh sách"], [], ["Cột A", "Cột B"], ["P1", GOOD]]})
    assert rows(path, columns={"id": "Cột A", "text": "Cột B"}) == [("P1", GOOD, "")]
    with pytest.raises(UsageError, match="no column 'Cột C'"):
        read(path, columns={"id": "Cột A", "text": "Cột C"})


def test_a_sheet_without_the_columns_that_the_recipe_names_is_passed_over(tmp_path):
    sheets = {"Hướng dẫn": [["Mã", "Nội dung"], ["1", "x"]], "T1": [["Cột A", "Cột B"], ["P1", GOOD]]}
    assert rows(book(tmp_path / "r.xlsx", sheets), columns={"id": "Cột A", "text": "Cột B"}) == [("P1", GOOD, "")]


def test_a_column_that_the_recipe_names_counts_more_than_one_that_is_known(tmp_path):
    path = book(tmp_path / "r.xlsx", {"S": [["id", "Mô tả", "Cột B"], ["P1", "x y", GOOD]]})
    assert rows(path, "findings", columns={"findings": "Cột B"}) == [("P1", GOOD, "")]


def test_a_merged_cell_is_found_where_the_table_begins_further_right(tmp_path):
    lines = [[None, None, "Mã phiếu", "Mô tả"], [None, None, "P1", GOOD], [None, None, None, "Bổ sung"]]
    path = book(tmp_path / "r.xlsx", {"S": lines}, lambda made: made["S"].merge_cells("C2:C3"))
    assert rows(path, "findings") == [("P1", GOOD, ""), ("P1", "Bổ sung", "")]


def test_a_title_names_no_column(tmp_path):
    path = book(tmp_path / "r.xlsx", {"S": [["Kết luận"], [None, "Mã phiếu", "Mô tả"], [1, "P1", GOOD]]})
    assert read(path).rows[0].cells == {"id": "P1", "findings": GOOD}


def test_merged_cells_of_header_and_rows_are_read(tmp_path):
    def merge(made):
        sheet = made["Sheet1"]
        sheet.merge_cells("A1:A2")
        sheet.merge_cells("B1:C1")
        sheet.merge_cells("A3:A4")

    lines = [
        ["Mã phiếu", "Kết quả chụp X quang", None],
        [None, "Mô tả", "Kết luận"],
        ["P1", GOOD, "BT"],
        [None, "Bổ sung", "BT"],
    ]
    table = read(book(tmp_path / "r.xlsx", {"Sheet1": lines}, merge))
    assert [(row.get("id"), row.get("findings"), row.get("impression")) for row in table.rows] == [
        ("P1", GOOD, "BT"),
        ("P1", "Bổ sung", "BT"),
    ]


ENCODINGS = {
    "utf-16": ("utf-16-le", GOOD),
    "cp1258": ("cp1258", None),
    "tcvn3": (None, "Bãng tim kh«ng to. Phæi hai bªn s¸ng ®Òu."),
    "vni": (None, "Boùng tim khoâng to. Phoåi hai beân saùng ñeàu."),
}


def in_cp1258(text):
    """As Windows writes Vietnamese: letters that cp1258 has, then the tone as a letter of its own."""
    import unicodedata

    out = b""
    for letter in text:
        try:
            out += letter.encode("cp1258")
        except UnicodeEncodeError:
            apart = unicodedata.normalize("NFD", letter)
            tone = next(c for c in apart if c in "\u0300\u0301\u0303\u0309\u0323")
            out += (unicodedata.normalize("NFC", apart.replace(tone, "")) + tone).encode("cp1258")
    return out


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_other_encodings_are_named_and_read_when_told(tmp_path, encoding):
    codec, shown = ENCODINGS[encoding]
    head, text = "id,text\n1,", GOOD
    content = in_cp1258(head + text) if encoding == "cp1258" else (head + shown).encode(codec or "latin-1")
    path = written(tmp_path, content)
    with pytest.raises(UsageError, match=f"encoding: {encoding}"):
        read(path)
    assert rows(path, encoding=encoding) == [("1", text, "")]


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16", "utf-8-sig"])
def test_marked_and_swapped_unicode_is_read(tmp_path, encoding):
    path = written(tmp_path, f"id,text\n1,{GOOD}\n", encoding=encoding)
    assert rows(path, encoding="utf-16" if encoding == "utf-16-be" else None) == [("1", GOOD, "")]


@pytest.mark.parametrize("encoding", ["tcvn3", "vni"])
def test_old_fonts_inside_a_workbook_or_utf_8_are_named_and_read_when_told(tmp_path, encoding):
    shown = ENCODINGS[encoding][1]
    for path in (book(tmp_path / "r.xlsx", {"S": [["id", "text"], ["1", shown]]}), written(tmp_path, f"id,text\n1,{shown}\n")):
        with pytest.raises(UsageError, match=f"encoding: {encoding}"):
            read(path)
        assert rows(path, encoding=encoding) == [("1", GOOD, "")]


def test_one_damaged_row_costs_itself_alone(tmp_path):
    damaged = GOOD.encode().decode("cp1252", "replace")
    path = written(tmp_path, f"id,text\n1,{GOOD}\n2,{damaged}\n3,{GOOD}\n")
    assert rows(path) == [("1", GOOD, ""), ("2", "", "report_encoding"), ("3", GOOD, "")]


@pytest.mark.parametrize("word", ["nan", "NULL", "None", "#NAME?", "N/A", "-"])
@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_words_for_nothing_are_no_cells(tmp_path, word, kind):
    cells = ["7", word, word, word]
    if kind == "csv":
        path = written(tmp_path, "id,text,age,accession\n" + ",".join(cells) + "\n8,a b,,\n")
    elif kind == "jsonl":
        path = written(tmp_path, json.dumps(dict(zip(["id", "text", "age", "accession"], cells, strict=True))), "r.jsonl")
    else:
        path = book(tmp_path / "r.xlsx", {"S": [["id", "text", "age", "accession"], cells]})
    assert read(path).rows[0].cells == {"id": "7"}


XML = """<?xml version="1.0" encoding="utf-8"?>
<DANHSACH ngay="05/03/2023"><DONVI>X</DONVI>
<PHIEU><MA_BN>P1</MA_BN><SO_PHIEU>1</SO_PHIEU>
<KQ><MO_TA>&lt;p&gt;Tim to.&lt;/p&gt;</MO_TA><KET_LUAN>Tim to</KET_LUAN></KQ></PHIEU>
<PHIEU><MA_BN>P2</MA_BN><SO_PHIEU>2</SO_PHIEU><KQ><MO_TA><![CDATA[Phổi <b>sáng</b>.]]></MO_TA><KET_LUAN/></KQ></PHIEU>
</DANHSACH>"""


def test_an_information_systems_xml_is_read(tmp_path):
    path = written(tmp_path, XML, "r.xml")
    assert open_table(path, Reading({})).tables
    assert rows(path, "findings") == [("1", "Tim to.", ""), ("2", "Phổi sáng.", "")]
    assert read(path).rows[0].get("patient") == "P1"
    one = written(tmp_path, "<KQ><SO_PHIEU>9</SO_PHIEU><MO_TA>Tim to.</MO_TA></KQ>", "one.xml")
    assert rows(one, "findings") == [("9", "Tim to.", "")]
    attributes = '<r xmlns="urn:x"><x id="1" text="Tim to."/><x id="2" text="Phổi sáng."/></r>'
    assert rows(written(tmp_path, attributes, "a.xml")) == [("1", "Tim to.", ""), ("2", "Phổi sáng.", "")]


def test_what_repeats_in_an_xml_and_is_not_read_does_no_harm(tmp_path):
    row = "<KQ><SOPHIEU>{0}</SOPHIEU><MOTA>Tim to {0}.</MOTA><VATTU>x</VATTU><VATTU>y</VATTU></KQ>"
    path = written(tmp_path, f"<R>{row.format(1)}{row.format(2)}</R>", "r.xml")
    assert rows(path, "findings") == [("1", "Tim to 1.", ""), ("2", "Tim to 2.", "")]


def test_rows_of_an_xml_are_those_that_hold_reports(tmp_path):
    people = "".join(f"<BN><MABN>{n}</MABN><HOTEN>A</HOTEN><TUOI>7</TUOI><GIOI>Nam</GIOI></BN>" for n in range(5))
    path = written(tmp_path, f"<R><DS>{people}</DS><KQ><SOPHIEU>1</SOPHIEU><MOTA>Tim to.</MOTA></KQ></R>", "r.xml")
    assert rows(path, "findings") == [("1", "Tim to.", "")]


def test_requests_inside_a_patient_are_rows_of_that_patient(tmp_path):
    requests = "".join(f"<CD><SOPHIEU>{n}</SOPHIEU><MOTA>Tim to {n}.</MOTA></CD>" for n in (1, 2))
    path = written(tmp_path, f"<R><BN><MABN>P1</MABN>{requests}</BN></R>".encode("utf-16"), "r.xml")
    assert [(row.get("id"), row.get("patient")) for row in read(path).rows] == [("1", "P1"), ("2", "P1")]


def test_an_element_that_repeats_with_another_text_makes_the_row_doubtful(tmp_path):
    content = XML.replace("<KET_LUAN/>", "<KET_LUAN/><MO_TA>Tim to.</MO_TA>")
    assert rows(written(tmp_path, content, "r.xml"), "findings") == [("1", "Tim to.", ""), ("2", "", "row_unreadable")]


#: What stands in an element of a report, and its text, or '' where the row is refused.
MARKED_CELLS = [
    ("Tim to.<br/>Phổi <b>sáng</b>.", "Tim to.\nPhổi sáng."),
    ("<p>Tim to.</p>\n  <p>Phổi sáng.</p>", "Tim to.\nPhổi sáng."),
    ('<DIV><FONT color="red">Tim <B>to</B>.</FONT><BR/>Nốt &lt;5 mm.</DIV>', "Tim to.\nNốt <5 mm."),
    ('<h:p xmlns:h="urn:h">Tim to.</h:p><h:p xmlns:h="urn:h">Phổi sáng.</h:p>', "Tim to.\nPhổi sáng."),
    ("Tim to.<?page?> Phổi<!-- x --> sáng.", "Tim to. Phổi sáng."),
    ("Tim to. <NOT>8 mm</NOT> phải.", ""),
    ("<TIM>To.</TIM><PHOI>Sáng.</PHOI>", ""),
    ("<p>Tim <NOT>8 mm</NOT> to.</p>", ""),
]


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize(("inside", "text"), MARKED_CELLS)
@pytest.mark.parametrize("name", ["MO_TA", "ND1"])
def test_an_element_with_marks_of_text_is_read_whole_or_its_row_refused(tmp_path, inside, text, at, name):
    cells = [f"<KQ><MA>{n}</MA><{name}>Tim to.</{name}><KET_LUAN>Tim to.</KET_LUAN></KQ>" for n in (1, 2)]
    cells[at] = cells[at].replace("Tim to.", inside, 1)
    table = read(written(tmp_path, f"<DS>{''.join(cells)}</DS>", "r.xml"), columns={"findings": name})
    expected = [("1", "Tim to.", ""), ("2", "Tim to.", "")]
    expected[at] = (str(at + 1), text, "" if text else "row_unreadable")
    assert [(row.get("id"), row.get("findings"), row.reason) for row in table.rows] == expected


def test_a_recipe_may_reach_into_an_element_and_a_container_is_no_text(tmp_path):
    inner = "".join(f"<KQ><MA>{n}</MA><MO_TA><ND>Tim to.</ND></MO_TA></KQ>" for n in (1, 2))
    table = read(written(tmp_path, f"<DS>{inner}</DS>", "r.xml"), columns={"findings": "ND"})
    assert [row.get("findings") for row in table.rows] == ["Tim to.", "Tim to."]
    nested = "".join(f"<X><MA>{n}</MA><KET_QUA><MO_TA>Tim to.</MO_TA></KET_QUA></X>" for n in (1, 2))
    assert rows(written(tmp_path, f"<DS>{nested}</DS>", "r.xml"), "findings") == [("1", "Tim to.", ""), ("2", "Tim to.", "")]


#: What stands in an export, and (id, findings, impression) of its rows; None where they are refused.
USUAL = "<CA><ID>2</ID><MO_TA>Phổi sáng.</MO_TA><KET_LUAN>BT</KET_LUAN></CA>"
READ = ("2", "Phổi sáng.", "BT")
DATED = "<CA><BN><MA_BN>P</MA_BN></BN><ID>{0}</ID><KQ><NGAY>05/06/2022</NGAY><MO_TA>Tim {0}.</MO_TA></KQ>{1}</CA>"
EARLIER_VISITS = {
    "a conclusion of another day": (
        "<CA><ID>1</ID><MO_TA>Tim to.</MO_TA><LAN_TRUOC><NGAY>05/06/2019</NGAY><KET_LUAN>Lao cũ</KET_LUAN></LAN_TRUOC></CA>"
        + USUAL,
        [None, READ],
    ),
    "a conclusion in a wrapper": (
        "<CA><ID>1</ID><MO_TA>Tim to.</MO_TA><X><KET_LUAN>Lao cũ</KET_LUAN></X></CA>" + USUAL,
        [None, READ],
    ),
    "of attributes": (
        '<CA><ID>1</ID><MO_TA>Tim to.</MO_TA><X NGAY="05/06/2019" KET_LUAN="Lao cũ"/></CA>' + USUAL,
        [None, READ],
    ),
    "another day alone": ("<CA><ID>1</ID><X><NGAY>05/06/2019</NGAY><MO_TA>Lao cũ.</MO_TA></X></CA>" + USUAL, [None, READ]),
    "another number": (
        "<CA><ID>1</ID><MO_TA>Tim to.</MO_TA><CU><ID>9</ID><KET_LUAN>Lao cũ</KET_LUAN></CU></CA>" + USUAL,
        [None, READ],
    ),
    "another number, and one row": (
        "<CA><ID>1</ID><MO_TA>Tim to.</MO_TA><CU><ID>9</ID><KET_LUAN>Cũ</KET_LUAN></CU></CA>",
        [None],
    ),
    "another number alone": ("<CA><ID>1</ID><CU><ID>9</ID><KET_LUAN>Lao cũ</KET_LUAN></CU></CA>" + USUAL, [None, READ]),
    "in every row": (
        "".join(f"<CA><ID>{n}</ID><MO_TA>Tim to.</MO_TA><CU><KET_LUAN>Lao {n}</KET_LUAN></CU></CA>" for n in (1, 2)),
        [None, None],
    ),
    "called alike in every row": (
        "".join(f"<CA><ID>{n}</ID><MO_TA>Tim to.</MO_TA><CU><MO_TA>Lao {n}</MO_TA></CU></CA>" for n in (1, 2)),
        [None, None],
    ),
    "alone, where another has it beside its own": (
        "<CA><ID>1</ID><CU><X><KET_LUAN>Lao.</KET_LUAN></X></CU></CA>"
        + "<CA><ID>3</ID><MO_TA>Tim to.</MO_TA><CU><X><KET_LUAN>Lao.</KET_LUAN></X></CU></CA>"
        + "".join(USUAL.replace("2", str(n)) for n in (4, 5, 6)),
        [None, None, *((str(n), *READ[1:]) for n in (4, 5, 6))],
    ),
    "two wrappers of one part": (
        "".join(f"<CA><ID>{n}</ID><A><MO_TA>Lao {n}</MO_TA></A><B><MO_TA>Tim {n}</MO_TA></B></CA>" for n in (1, 2)),
        [None] * 4,
    ),
    "a part beside an earlier one with a day of its own": (
        "".join(f"<CA><ID>{n}</ID><A><NGAY>05/06/2019</NGAY><MO_TA>Lao</MO_TA></A><MO_TA>Tim</MO_TA></CA>" for n in (1, 2)),
        [None] * 2,
    ),
    "the same, and one has a single part": (
        "<CA><ID>1</ID><A><X><MO_TA>Lao</MO_TA></X></A></CA>"
        + "".join(f"<CA><ID>{n}</ID><A><X><MO_TA>Lao {n}</MO_TA></X></A><MO_TA>Tim</MO_TA></CA>" for n in (2, 3)),
        [None] * 3,
    ),
    "a layout with days": (DATED.format(1, "") + DATED.format(2, ""), [("1", "Tim 1.", ""), ("2", "Tim 2.", "")]),
    "that layout, and one row with a part beside it": (
        "".join(DATED.format(n, "<KET_LUAN>Lao</KET_LUAN>" if n == 4 else "") for n in (1, 2, 3, 4)),
        [("1", "Tim 1.", ""), ("2", "Tim 2.", ""), ("3", "Tim 3.", ""), None],
    ),
    "two wrappers": (
        "".join(f"<CA><ID>{n}</ID><A><MO_TA>To {n}</MO_TA></A><B><KET_LUAN>Lao</KET_LUAN></B></CA>" for n in (1, 2)),
        [None, None],
    ),
    "two wrappers, one row": ("<CA><ID>1</ID><A><MO_TA>To.</MO_TA></A><B><KET_LUAN>Lao</KET_LUAN></B></CA>", [None]),
    "a part in another place": (
        USUAL + USUAL.replace("2", "3") + "<KHAC><X><MO_TA>Tim to.</MO_TA></X></KHAC>",
        [READ, ("3", *READ[1:]), None],
    ),
}


@pytest.mark.parametrize("name", EARLIER_VISITS)
def test_a_part_of_a_report_that_may_be_an_earlier_visits_refuses_its_row(tmp_path, name):
    content, expected = EARLIER_VISITS[name]
    table = read(written(tmp_path, f"<DS>{content}</DS>", "r.xml"))
    rows = [None if row.reason else (row.get("id"), row.get("findings"), row.get("impression")) for row in table.rows]
    assert rows == expected
    assert {row.get("patient") for row in table.rows if name.startswith(("a layout", "that layout"))} <= {"P"}
    assert {row.reason for row in table.rows} <= {"", "row_unreadable"}


HTML = """<html><head><meta charset="utf-8"></head><body><table border=1><tr><th colspan=3>BỆNH VIỆN X</th></tr>
<tr><th>Mã phiếu</th><th>Mô tả</th><th>Kết luận</th></tr>
<tr><td rowspan=2>P1</td><td>Tim to.<br>Phổi sáng.</td><td>Tim to</td></tr><tr><td>Bổ sung</td><td>BT</td></tr>
<tr><td>P2</td><td colspan=2><table><tr><td>Phổi sáng.</td></tr></table></td></tr></table></body></html>"""


@pytest.mark.parametrize("name", ["r.html", "r.xls", "r.HTM"])
def test_html_is_read_also_where_it_is_called_xls(tmp_path, name):
    path = written(tmp_path, HTML, name)
    assert open_table(path, Reading({})).tables
    table = read(path)
    assert [(row.get("id"), row.get("findings"), row.get("impression"), row.number) for row in table.rows] == [
        ("P1", "Tim to.\nPhổi sáng.", "Tim to", 3),
        ("P1", "Bổ sung", "BT", 4),
        ("P2", "Phổi sáng.", "", 5),
    ]


def test_a_cell_of_html_that_spans_several_lines_and_columns_shifts_no_other(tmp_path):
    spans = "<tr><td rowspan=3 colspan=2>P1</td><td>a b</td></tr><tr><td>c d</td></tr><tr><td>e f</td></tr>"
    content = f"<table><tr><th>id</th><th>KL</th><th>text</th></tr>{spans}<tr><td>P2</td><td></td><td>g h</td></tr></table>"
    assert rows(written(tmp_path, content, "r.xls")) == [("P1", w, "") for w in ("a b", "c d", "e f")] + [("P2", "g h", "")]


BAD_XML = {
    "entities": '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;">]><a><r><id>1</id><text>&c;</text></r></a>',
    "a file": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a><r><id>1</id><text>&b;</text></r></a>',
    "cut": XML[:300],
}


@pytest.mark.parametrize("name", BAD_XML)
def test_an_xml_that_is_damaged_or_declares_entities_is_refused(tmp_path, name):
    path = written(tmp_path, BAD_XML[name], "r.xml")
    with pytest.raises(Refused, match="file_unreadable"):
        read(path)


JSON = [
    ('{"id": 1, "text": "a b"}\n{"id": 2, "text": "c', [("1", "a b", ""), ("", "", "row_unreadable")]),
    ('{"id": 1, "text": "a b", "text": "c"}\n'.join(["", ""]) + '{"id": 2, "text": "d"}', None),
    ('{"id": 1, "text": null}\n{"id": "2", "text": "d"}\n[]', [("1", "", ""), ("2", "d", ""), ("", "", "row_unreadable")]),
]


@pytest.mark.parametrize(("content", "expected"), JSON)
def test_a_line_that_is_no_object_is_refused_by_itself(tmp_path, content, expected):
    path = written(tmp_path, content, "r.jsonl")
    if expected is None:
        with pytest.raises(Refused, match="line 1"):
            read(path)
    else:
        assert rows(path) == expected


def test_an_object_in_an_object_is_named_by_its_path(tmp_path):
    path = written(tmp_path, '{"id": 1, "kq": {"mo_ta": "a b"}}', "r.jsonl")
    assert rows(path, "findings", columns={"findings": "kq.mo_ta"}) == [("1", "a b", "")]


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def test_a_table_in_an_archive_is_read_without_unpacking(tmp_path):
    members = {"x/T1.csv": "id,text\n1,a b\n", "x/readme.txt": "Xin chào", "__MACOSX/x/._T1.csv": "?", "film.png": b"\x89PNG"}
    path = archive(tmp_path / "r.zip", members)
    assert open_table(path, Reading({})).tables
    assert [(row.get("id"), row.get("text"), row.sheet) for row in read(path).rows] == [("1", "a b", "x/T1.csv")]
    assert [item.name for item in tmp_path.iterdir()] == ["r.zip"]


def test_documents_in_an_archive_are_rows_and_a_broken_one_costs_itself(tmp_path):
    path = archive(tmp_path / "r.zip", {"P1.txt": GOOD, "P2.docx": b"no zip", "P3.txt": "Mã BN: 77\nTim to."})
    assert rows(path) == [("P1", GOOD, ""), ("P2", "", "file_unreadable"), ("77", "Mã BN: 77\nTim to.", "")]


def test_a_table_of_an_archive_that_cannot_be_read_is_named_beside_the_others(tmp_path):
    members = {"T1.csv": "Cột A,Cột B\nP1,a b\n", "T2.xlsx": "no", "readme.txt": "Xin chào"}
    table = read(archive(tmp_path / "r.zip", members), columns={"id": "Cột A", "text": "Cột B"})
    assert [(row.sheet, row.reason) for row in table.rows] == [("T1.csv", ""), ("T2.xlsx", "file_unreadable")]


BAD_ARCHIVES = {
    "slip": ({"../r.csv": "id,text\n1,a"}, "unsafe_path"),
    "slip of Windows": ({"x\\..\\..\\r.csv": "id,text\n1,a"}, "unsafe_path"),
    "absolute": ({"/etc/r.csv": "id,text\n1,a"}, "unsafe_path"),
    "drive": ({"C:/r.csv": "id,text\n1,a"}, "unsafe_path"),
    "nested": ({"r.csv": "id,text\n1,a", "in.zip": "x"}, "file_unreadable"),
    "nothing": ({"film.png": "x"}, "file_unreadable"),
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_an_archive_that_leads_out_or_hides_another_is_refused(tmp_path, name):
    members, reason = BAD_ARCHIVES[name]
    with pytest.raises(Refused, match=reason):
        read(archive(tmp_path / "r.zip", members))


def test_bombs_are_refused_before_they_take_memory(tmp_path):
    bomb = archive(tmp_path / "r.zip", {"r.csv": b"id,text\n1," + b"a" * (300 << 20)})
    with pytest.raises(Refused, match="unpacks to more"):
        read(bomb)
    small = archive(tmp_path / "s.zip", {"r.csv": b"id,text\n1," + b"a b" * 10_000})
    lying = small.read_bytes().replace((30_010).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    assert [row.reason for row in read(written(tmp_path, lying, "lying.zip")).rows] == ["file_unreadable"]


def test_a_protected_archive_is_refused_by_name(tmp_path):
    path = archive(tmp_path / "r.zip", {"r.csv": "id,text\n1,a b"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Refused, match="file_protected"):
        read(written(tmp_path, bytes(data), "p.zip"))


@pytest.mark.parametrize("place", ["XFD1048576", "CV1048576", "A1048576", "XFD2"])
def test_a_lone_cell_far_outside_costs_no_memory(tmp_path, place):
    def far(made):
        made["S"][place] = "x"

    path = book(tmp_path / "r.xlsx", {"S": [["id", "text"], ["1", "a b"]]}, far)
    with pytest.raises(Refused, match="delete what lies outside"):
        read(path)


def test_dates_and_numbers_of_a_workbook_are_written_plainly(tmp_path):
    import datetime

    lines = [
        ["id", "text", "date", "age"],
        [7.0, "a b", datetime.datetime(2023, 3, 5, 8, 30), 72.0],
        ["007", "a b", 44990, "72"],
    ]
    table = read(book(tmp_path / "r.xlsx", {"S": lines}))
    assert [[row.get(f) for f in ("id", "date", "age")] for row in table.rows] == [
        ["7", "2023-03-05", "72"],
        ["007", "44990", "72"],
    ]


MERGES = [
    ("refused", ["Tim to.", "Bổ sung"], ["Tim to.", "Bổ sung"]),
    ("last", ["Tim to.", "Bổ sung"], ["Bổ sung"]),
    ("last", ["Tim to.", ""], ["Tim to."]),
    ("joined", ["Tim to.", "Bổ sung", "Tim to."], ["Tim to.\nBổ sung"]),
    ("joined", ["", "Tim to."], ["Tim to."]),
    ("joined", [], []),
]


@pytest.mark.parametrize(("rule", "texts", "expected"), MERGES)
def test_rows_of_one_study_are_merged_by_rule(rule, texts, expected):
    of_study = [Row(n, {"id": "7", **({"text": text} if text else {})}) for n, text in enumerate(texts, 2)]
    assert [row.get("text") for row in merged(of_study, rule) if row.get("text")] == expected
    assert {row.get("id") for row in merged(of_study, rule)} <= {"7"}


def test_joined_rows_keep_each_others_other_cells():
    [row] = merged([Row(2, {"id": "7", "findings": "Tim to."}), Row(3, {"id": "7", "findings": "Thêm", "age": "72"})], "joined")
    assert row.cells == {"id": "7", "age": "72", "findings": "Tim to.\nThêm"}
    [row] = merged([Row(2, {"text": "a", "age": "71"}), Row(3, {"text": "b", "age": "72"})], "joined")
    assert (row.get("age"), row.number) == ("71", 2)


def test_a_format_is_known_by_its_suffix_alone(tmp_path):
    assert not open_table(written(tmp_path, "id,text\n1,a", "r.txt"), Reading({})).tables
    with pytest.raises(UsageError, match=r"must be one of \.csv"):
        read(written(tmp_path, "id,text\n1,a", "r.odt"))
    with pytest.raises(Refused, match="file_empty"):
        read(written(tmp_path, b""))
    with pytest.raises(Refused, match="file_empty"):
        read(written(tmp_path, "\n\n"))


def test_no_name_of_a_column_stands_under_two_fields():
    from docphim.ingest.reports.header import key_of, labels

    assert set(labels().values()) == {*FIELDS, "other"}
    keys: dict[str, set[str]] = {}
    for name, field in labels().items():
        keys.setdefault(key_of(name), set()).add(field)
    assert {key: fields for key, fields in keys.items() if len(fields) > 1} == {}


def test_a_films_name_without_a_digit_is_no_shifted_cell(tmp_path):
    names = ["chest.png", "IM01.png", "IM02.png", "phim Hoa.jpg", "IM03.png", "IM04.png"]
    path = write_csv(tmp_path / "r.csv", ["image", "age", "findings"], *[[name, "60", "Tim to."] for name in names])
    table = read_table(path, columns={})
    assert [(row.get("image"), row.reason) for row in table.rows] == [(name, "") for name in names]
