"""Documents about one patient each: Word, text, RTF and PDF."""

import zipfile

import docx
import pytest
from films import Ingested, write_png
from protected import encrypted_shell

from docphim.errors import Refused, UsageError
from docphim.ingest.reports import read_documents, read_table

GOOD = "Bóng tim không to. Phổi hai bên sáng đều."


def word(path, paragraphs, table=None, first=False):
    made = docx.Document()
    if table and first:
        fill(made, table)
    for text in paragraphs:
        made.add_paragraph(text)
    if table and not first:
        fill(made, table)
    made.save(path)
    return path


def fill(made, table):
    cells = made.add_table(rows=len(table), cols=len(table[0]))
    for line, texts in zip(cells.rows, table, strict=True):
        for cell, text in zip(line.cells, texts, strict=True):
            cell.text = text


def pdf(path, pages):
    """A PDF of one font, as small as may be; a page of None holds nothing but a line."""
    import pypdf
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    for text in pages:
        page = writer.add_blank_page(200, 200)
        font = DictionaryObject({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")})
        font[NameObject("/BaseFont")] = NameObject("/Helvetica")
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
        content = DecodedStreamObject()
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in (text or "").split("\n"))
        content.set_data((f"BT /F1 10 Tf 10 180 Td {lines}ET" if text else "0 0 m 9 9 l S").encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(content)
    writer.write(path)
    return path


def only(path, **how):
    [row] = read_documents([path], **how).rows
    return row


LABELLED = [
    (f"Mã BN: 0012345\n{GOOD}", {"id": "0012345", "patient": "0012345"}),
    (f"Số phiếu: CR.24-001    Mã BN: 77\nMô tả:\n{GOOD}", {"id": "CR.24-001", "patient": "77"}),
    (f"Họ tên: TRẦN VĂN B   Tuổi: 45   Giới: Nam\n{GOOD}", {"id": "P1", "name": "TRẦN VĂN B", "age": "45", "sex": "Nam"}),
    (f"Họ và tên: Lê Thị C, Tuổi: 60\nNgày chụp: 05/03/2023\n{GOOD}", {"name": "Lê Thị C", "age": "60", "date": "05/03/2023"}),
    (f"{GOOD}\nBác sĩ đọc: BS. Nguyễn Văn D", {"id": "P1", "doctor": "BS. Nguyễn Văn D"}),
    (f"MÃ BỆNH NHÂN : 99\n{GOOD}\nMã BN: 99", {"id": "99"}),
    (f"Số bệnh án: 24/1\nMã BN: 77\n{GOOD}", {"patient": "77", "id": "77"}),
    (f"Mã BN: 77 Tên: A\n{GOOD}", {"id": "77"}),
    (f"Mã BN: 77 Địa chỉ: Xã A\n{GOOD}", {"id": "77"}),
    (f"Họ tên: TRẦN VĂN B Năm sinh: 1960 Khoa: Nội\n{GOOD}", {"name": "TRẦN VĂN B"}),
    (f"Mã BN: ........\nHọ tên: ......\n{GOOD}", {"id": "P1", "name": ""}),
    ("Bệnh nhân: nam, 67 tuổi, tràn dịch màng phổi phải. Tim to.", {"id": "P1"}),
    ("Tim to. Mã số: không rõ\nKết luận: tim to", {"id": "P1"}),
]


@pytest.mark.parametrize(("text", "cells"), LABELLED)
@pytest.mark.parametrize("kind", ["txt", "docx"])
def test_a_document_is_a_row_and_its_labels_are_cells(tmp_path, text, cells, kind):
    path = tmp_path / f"P1.{kind}"
    if kind == "txt":
        path.write_text(text, encoding="utf-8")
    else:
        word(path, text.split("\n"))
    row = only(path)
    assert row.reason == "" and row.place == str(path) and row.get("image") == "P1"
    assert {field: row.get(field) for field in cells} == cells
    assert GOOD in row.get("text") or "Tim to." in row.get("text")


def test_two_patients_in_one_document_are_nobodys(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(f"Mã BN: 1\n{GOOD}\nMã BN: 2\nTim to.", encoding="utf-8")
    row = only(path)
    assert (row.reason, row.get("text"), row.get("id")) == ("document_mixed", "", "a")


MIXED = [
    "Bệnh nhân: Lê Thị Lan\nTuổi: 45\nMô tả: Tim to.\n\nBệnh nhân: Trần Văn Bình\nTuổi: 60\nMô tả: Tràn dịch màng phổi phải.",
    "Họ tên: Lê Thị Lan\nMã BN: 1\nMô tả: Tim to.\nHọ và tên: Lê Thị Lan\nMã người bệnh: 2\nMô tả: Tràn dịch màng phổi phải.",
    "Họ tên: LÊ THỊ LAN\nMô tả: Tim to.\nNgười bệnh: TRẦN VĂN BÌNH\nMô tả: Tràn dịch màng phổi phải.",
    "Họ tên: Nguyễn Văn An\nMô tả: Tim to.\nHọ và tên: Nguyễn Văn Bình\nMô tả: Tràn dịch màng phổi phải.",
    "Patient: x\nPatient name: Le Thi Lan\nMô tả: Tim to.\nFull name: Tran Van Binh\nMô tả: Tràn dịch màng phổi phải.",
    "Bệnh nhân: Lê Thị Lan, 45 tuổi\nMô tả: Tim to.\nNgười bệnh: Trần Bình (60 tuổi)\nMô tả: Tràn dịch màng phổi phải.",
]
OF_ONE = [
    "Bệnh nhân: Lê Thị Lan\nMô tả: Tim to.\nBệnh nhân: không hợp tác",
    "Họ tên: LÊ THỊ LAN\nMã BN: 77\nSố bệnh án: 24/1\nMô tả: Tim to.\nMã NB: 077\nHọ và tên: Le Thi Lan",
    "Bệnh nhân: nam, 67 tuổi.\nHọ tên: Trần Văn B\nKết luận: Tim to.",
    "Họ tên: Lê Thị Lan\nMô tả: Tim to.\nBệnh nhân: Nam 67 tuổi\nMô tả: Tràn dịch màng phổi phải.",
    "Mô tả: Tim to.",
    "Họ tên: Lê Thị Lan\nMô tả: Tim to.\nNgười bệnh: Lan\nMô tả: Tràn dịch màng phổi phải.",
    "Họ tên: Lê Thị Lan\nBệnh nhân: hợp tác kém",
]


@pytest.mark.parametrize(("text", "reason"), [(t, "document_mixed") for t in MIXED] + [(t, "") for t in OF_ONE])
def test_a_document_or_text_cell_is_one_patients_whatever_labels_name_him(tmp_path, text, reason):
    path, table = tmp_path / "a.txt", tmp_path / "r.csv"
    path.write_text(text, encoding="utf-8")
    table.write_text(f'id,text\n1,"{text}"\n', encoding="utf-8")
    assert (only(path).reason, read_table(table, columns={}).rows[0].reason) == (reason, reason)


def test_a_table_inside_a_word_document_is_read_in_its_place(tmp_path):
    row = only(word(tmp_path / "a.docx", [GOOD], [["Mã BN:", "77"], ["Họ tên:", "LÊ THỊ C"]], first=True))
    assert (row.get("id"), row.get("name")) == ("77", "LÊ THỊ C")
    assert row.get("text") == f"Mã BN:\t77\nHọ tên:\tLÊ THỊ C\n{GOOD}"


def margined(path, paragraphs, header=(), footer=(), first=False):
    """A Word document with headers and footers on its pages, or on the first one alone."""
    made = docx.Document()
    for text in paragraphs:
        made.add_paragraph(text)
    section = made.sections[0]
    section.different_first_page_header_footer = first
    above, below = (section.first_page_header, section.first_page_footer) if first else (section.header, section.footer)
    for part, texts in ((above, header), (below, footer)):
        for text in texts:
            part.add_paragraph(text)
    made.save(path)
    return path


@pytest.mark.parametrize("first", [True, False])
def test_labels_in_the_headers_of_pages_are_the_documents_and_their_text_is_no_report(tmp_path, first):
    header, footer = (
        ["Họ tên: QUÁCH THỊ MÃO   Mã BN: 7712", "Bệnh viện Sao Mai"],
        ["Bác sĩ đọc: Ong Thế Viễn", "Kết luận: x"],
    )
    row = only(margined(tmp_path / "a.docx", [GOOD], header, footer, first))
    expected = {"id": "7712", "patient": "7712", "name": "QUÁCH THỊ MÃO", "doctor": "Ong Thế Viễn", "text": GOOD}
    assert {field: row.get(field) for field in expected} == expected
    assert only(margined(tmp_path / "b.docx", ["Mã BN: 1", GOOD], ["Mã BN: 2"], first=first)).reason == "document_mixed"


def test_whom_the_headers_of_pages_name_goes_from_the_report(tmp_path):
    write_png(tmp_path / "source/a.png")
    body = ["Mô tả: Tim không to. Ong Thế Viễn xem lại."]
    margined(tmp_path / "source/a.docx", body, footer=["Bác sĩ đọc: Ong Thế Viễn"])
    assert "Viễn" not in Ingested(tmp_path).studies[0]["report"]["sections"]["findings"]


def test_a_word_document_of_tables_alone_is_refused(tmp_path):
    assert only(word(tmp_path / "a.docx", [], [["Mô tả", GOOD]])).reason == "report_not_text"


def test_text_that_was_deleted_or_stands_twice_for_old_programs_is_not_read(tmp_path):
    path = word(tmp_path / "a.docx", [GOOD, "Tràn dịch."])
    box = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice Requires="wps">'
        "<w:txbxContent><w:p><w:r><w:t>Khung</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r>"
        "<w:t>Khung</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent>"
    )
    edit = (
        b"<w:del w:id='1'><w:r><w:delText>Tr\xc3\xa0n d\xe1\xbb\x8bch.</w:delText></w:r></w:del><w:r>"
        + box.encode()
        + b"</w:r>"
    )
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "b.docx", "w") as changed:
        for name in whole.namelist():
            old = "<w:r><w:t>Tràn dịch.</w:t></w:r>".encode()
            changed.writestr(name, whole.read(name).replace(old, edit))
    assert only(tmp_path / "b.docx").get("text") == f"{GOOD}\nKhung"


def test_a_text_pdf_is_read_and_a_scan_refused(tmp_path):
    row = only(pdf(tmp_path / "P7.pdf", ["Ma BN: 77\nTim to. Phoi sang.", "Ket luan: tim to"]))
    assert row.get("text").split() == ["Ma", "BN:", "77", "Tim", "to.", "Phoi", "sang.", "Ket", "luan:", "tim", "to"]
    assert row.get("image") == "P7"
    assert only(pdf(tmp_path / "b.pdf", [None])).reason == "report_not_text"
    assert only(pdf(tmp_path / "c.pdf", ["Tim to. Phoi sang.", None])).reason == "report_not_text"


BROKEN = [
    ("a.docx", b"PK\x03\x04 no", "file_unreadable"),
    ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "file_protected"),
    ("a.pdf", b"%PDF-1.7 no", "file_unreadable"),
    ("a.txt", b"", "file_empty"),
    ("a.txt", b" \n\n 12 ", "report_not_text"),
    ("a.rtf", rb"{\rtf1\ansi Tim to.\par Ph\u7893?i s\u225?ng.}", ""),
    ("a.txt", "Boùng tim khoâng to. Phoåi hai beân saùng ñeàu.".encode(), "report_encoding"),
]


@pytest.mark.parametrize(("name", "content", "reason"), BROKEN)
def test_a_document_that_cannot_be_used_is_a_row_with_its_reason_and_the_rest_goes_on(tmp_path, name, content, reason):
    for other in ("x.txt", "y.txt"):
        (tmp_path / other).write_text(GOOD, encoding="utf-8")
    path = tmp_path / name
    path.write_bytes(content)
    table = read_documents([tmp_path / "x.txt", path, tmp_path / "y.txt"])
    assert [row.reason for row in table.rows] == ["", reason, ""]
    assert [row.place for row in table.rows] == [str(tmp_path / "x.txt"), str(path), str(tmp_path / "y.txt")]


def test_a_protected_pdf_is_refused(tmp_path):
    import pypdf

    writer = pypdf.PdfWriter(clone_from=pdf(tmp_path / "a.pdf", ["Tim to."]))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "b.pdf")
    assert only(tmp_path / "b.pdf").reason == "file_protected"


def test_texts_of_another_encoding_are_named_and_read_when_told(tmp_path):
    paths = []
    for name in "ab":
        paths.append(tmp_path / f"{name}.txt")
        paths[-1].write_bytes("Bãng tim kh«ng to. Phæi hai bªn s¸ng ®Òu.".encode("latin-1"))
    with pytest.raises(UsageError, match="encoding: tcvn3"):
        read_documents(paths)
    assert [row.get("text") for row in read_documents(paths, encoding="tcvn3").rows] == [GOOD, GOOD]


def test_a_protected_workbook_is_refused_by_name(tmp_path):
    path = tmp_path / "r.xlsx"
    path.write_bytes(encrypted_shell())
    with pytest.raises(Refused, match="file_protected"):
        read_table(path, columns={})
