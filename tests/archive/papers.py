"""The part of the archive whose reports are documents, one a patient: Word, RTF, text, PDF; some of them are none."""

from __future__ import annotations

from pathlib import Path

import docx
import pypdf
from case import Case
from invented_people import bare
from part import Part, cases, lose
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject


def documents(folder: Path, first: int, seed: int) -> Part:
    """A document of each kind; `lost` says which are refused."""
    made = cases(folder, first, 9, seed)
    plain, headed, text, rtf, pdf, tables, scan, mixed, locked = made
    word(folder / f"{plain.slip}.docx", plain.text)
    word(folder / f"{headed.patient.name} {headed.number}.docx", f"{letterhead(headed)}\n{headed.text}")
    (folder / f"{text.slip}.txt").write_text(f"{text.text}\nBS. {text.doctor.name}", encoding="utf-8")
    (folder / f"{rtf.slip}.rtf").write_text(_rtf(f"{letterhead(rtf)}\n{rtf.text}"), encoding="ascii")
    _pdf(folder / f"{pdf.slip}.pdf", bare(pdf.text))
    pdf.sections = {name: bare(text) for name, text in pdf.sections.items()}
    word(folder / f"{tables.slip}.docx", "", [[tables.text, "1"]])
    _pdf(folder / f"{scan.slip}.pdf", "")
    word(folder / f"{mixed.slip}.docx", f"{letterhead(mixed)}\n{mixed.text}\n{letterhead(text)}\n{text.text}")
    _pdf(folder / f"{locked.slip}.pdf", bare(locked.text), password="mat khau")
    plain.age = text.age = pdf.age = None  # no label in them says it
    for case, suffix, reason in (
        (tables, "docx", "report_not_text"),
        (scan, "pdf", "report_not_text"),
        (mixed, "docx", "document_mixed"),
        (locked, "pdf", "file_protected"),
    ):
        lose(case, reason, f"{case.slip}.{suffix}")
        lose(case, "report_missing")
    return Part(folder, {}, made)


def letterhead(case: Case) -> str:
    """The fields above a report."""
    return f"Số phiếu: {case.slip}\nHọ tên: {case.patient.name}   Tuổi: {case.age}   Giới: {case.sex}\nMã BN: {case.patient_id}"


def word(path: Path, text: str, table: list[list[str]] | None = None) -> None:
    """A Word file: a paragraph a line, then a table."""
    made = docx.Document()
    for line in text.split("\n") if text else ():
        made.add_paragraph(line)
    for row in table or ():
        cells = made.add_table(rows=1, cols=len(row)).rows[0].cells
        for cell, words in zip(cells, row, strict=True):
            cell.text = words
    made.core_properties.author = "Docphim Phantom"
    made.save(path)


def _rtf(text: str) -> str:
    letters = "".join(c if ord(c) < 128 else f"\\u{ord(c)}?" for c in text)
    return r"{\rtf1\ansi " + letters.replace("\n", r"\par ") + "}"


def _pdf(path: Path, text: str, password: str = "") -> None:
    """A page of lines in one font; without text, a scan: a page with nothing but a line."""
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(600, 800)
    font = DictionaryObject({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")})
    font[NameObject("/BaseFont")] = NameObject("/Helvetica")
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
    content = DecodedStreamObject()
    lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.replace("(", r"\(").replace(")", r"\)").split("\n"))
    content.set_data((f"BT /F1 10 Tf 10 780 Td {lines}ET" if text else "0 0 m 9 9 l S").encode("latin-1", "replace"))
    page[NameObject("/Contents")] = writer._add_object(content)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(path)
