"""Parts of the archive whose tables are other ones: damaged CSV, old encodings, several sheets, XML, HTML, archives."""

from __future__ import annotations

import datetime
import html
import io
import json
import unicodedata
import zipfile
from pathlib import Path

from case import Lost, header
from film_faults import write_on
from invented_people import bare
from openpyxl import Workbook
from part import NAMES, Part, cases, divided, lose, written
from protected import encrypted_shell
from workbooks import workbook

FIELDS = ("id", "name", "patient", "age", "sex", "image", "findings", "impression")


def damaged_csv(folder: Path, first: int, seed: int) -> Part:
    """Commas that shift cells, a row that a line end has broken, and a stray quotation mark above another patient."""
    made = cases(folder, first, 15, seed)
    head, *lines = written(map(divided, made), FIELDS)
    lines[1] = lines[1].replace(" ", ", ", 1)  # in the name, which no quotation marks hold together
    lines[3] = lines[3].replace(f",{made[3].patient_id}", "", 1)  # all that follow stand one column to the left
    lines[5] = ".\n".join(lines[5].replace('"', "").split(". ", 1))
    lines[13] = lines[13].replace(f"{made[13].row['image']},", f'{made[13].row["image"]},"" ', 1)
    (folder / "xuat.csv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    for at, numbers in {1: (3,), 3: (5,), 5: (7, 8), 13: (16,), 14: (17,)}.items():
        made[at].lost += [Lost("row_unreadable", (f"xuat.csv#{number}",)) for number in numbers]
        lose(made[at], "report_missing")
    return Part(folder, {"reports": "xuat.csv"}, made)


def cut_csv(folder: Path, first: int, seed: int) -> Part:
    """A file that ends inside a quoted cell."""
    made = cases(folder, first, 3, seed)
    lines = written(map(divided, made), FIELDS)
    lines[3] = f'{lines[3].partition(".png,")[0]}.png,"Bóng tim không'
    (folder / "xuat.csv").write_text("\n".join(lines), encoding="utf-8")
    made[2].lost.append(Lost("row_unreadable", ("xuat.csv#4",)))
    lose(made[2], "report_missing")
    return Part(folder, {}, made)


def encoded(folder: Path, first: int, seed: int, encoding: str) -> list[Part]:
    """A table in an old encoding: named without a recipe that says so, read with it."""
    made = cases(folder, first, 2, seed)
    data = "\n".join(written(map(divided, made), FIELDS))
    (folder / "bang.csv").write_bytes(_ENCODE[encoding](data))
    return [Part(folder, whole=f"encoding: {encoding}"), Part(folder, {"encoding": encoding}, made)]


def _vietnamese_windows(text: str) -> bytes:
    """In cp1258 a tone stands behind its letter, which keeps its other marks."""
    letters: list[str] = []
    for c in unicodedata.normalize("NFD", text):
        if unicodedata.combining(c):
            letters[-1] += c
        else:
            letters.append(c)
    tones = "\u0300\u0301\u0303\u0309\u0323"
    parts = (("".join(c for c in letter if c not in tones), "".join(c for c in letter if c in tones)) for letter in letters)
    return "".join(unicodedata.normalize("NFC", letter) + tone for letter, tone in parts).encode("cp1258")


def _old_font(text: str) -> bytes:
    """In the letters of a TCVN3 font, which has few capitals with accents."""
    return "".join(_TCVN3.get(c, _TCVN3.get(c.lower(), c)) for c in text).encode("latin-1")


_TCVN3 = dict(
    zip(
        "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵĂÂÊÔƠƯĐ",
        "µ¶·¸¹¨»¼½¾Æ©ÇÈÉÊË®ÌÎÏÐÑªÒÓÔÕÖ×ØÜÝÞßáâãä«åæçèé¬êëìíîïñòóô\xadõö÷øùúûüýþ¡¢£¤¥¦§",
        strict=True,
    )
)
_ENCODE = {"utf-16": lambda text: text.encode("utf-16-le"), "cp1258": _vietnamese_windows, "tcvn3": _old_font}


def months(folder: Path, first: int, seed: int) -> Part:
    """A cover, a sheet a month, a day merged over the rows of its patients, days as Excel's numbers, a hidden old copy."""
    made = cases(folder, first, 4, seed, picture=False)
    for case, day in zip(made, ((2023, 3, 17), (2023, 3, 17), (2023, 4, 18), (2023, 4, 19)), strict=True):
        case.day = day
        header(case, StudyDate="{:04d}{:02d}{:02d}".format(*day), AccessionNumber="")
    fields = ("date", "patient", "name", "age", "sex", "text")
    book = Workbook()
    book.active.title = "Bìa"
    book.active.append(["SỔ X-QUANG"])
    for title, of in (("Tháng 3", made[:2]), ("Tháng 4", made[2:]), ("Nháp", made[:1])):
        sheet = book.create_sheet(title)
        sheet.append([f"Sổ {title.lower()}"])
        sheet.append([NAMES[name] for name in fields])
        for case in of:
            number = (datetime.date(*case.day) - datetime.date(1899, 12, 30)).days
            sheet.append([number, *(case.row[name] for name in fields[1:])])
    book["Tháng 3"].merge_cells("A3:A4")
    book["Nháp"]["F3"] = "MÔ TẢ:\nBản nháp, sai."
    book["Nháp"].sheet_state = "hidden"
    book.save(folder / "Sổ theo tháng.xlsx")
    return Part(folder, {"match": "patient_date"}, made)


def addenda(folder: Path, first: int, seed: int, rule: str) -> Part:
    """An addendum, two patients on one slip, two patients' films under one number.

    Of a rule `last` the addendum's row holds the whole report again, else the addendum alone.
    """
    made = cases(folder, first, 5, seed, picture=False)
    _, again, shared, one, other = made
    header(other, AccessionNumber=one.slip)
    rows = [{**case.row, "accession": case.slip} for case in made[:4]]
    added = "Bổ sung: Gãy xương sườn 5 phải."
    rows.append({**rows[1], "text": f"{again.text}\n{added}" if rule == "last" else added})
    rows.append({**rows[2], "patient": other.patient_id, "name": other.patient.name, "text": other.text})
    workbook(folder / "Sổ.xlsx", {"Sổ": [[NAMES[name] for name in _BY_NUMBER], *([r[n] for n in _BY_NUMBER] for r in rows)]})
    if rule == "refused":
        lose(again, "report_duplicate", again.place, "Sổ.xlsx#Sổ!3", "Sổ.xlsx#Sổ!6")
    else:
        again.sections = {**again.sections, "impression": f"{again.sections['impression']}\n{added}"}
    lose(shared, "patient_mismatch", shared.place, "Sổ.xlsx#Sổ!4", "Sổ.xlsx#Sổ!7")
    one.lost.append(Lost("report_ambiguous", ("Sổ.xlsx#Sổ!5",)))
    lose(one, "report_missing")
    lose(other, "report_missing")
    return Part(folder, {"rows": rule}, made)


_BY_NUMBER = ("accession", "name", "patient", "age", "sex", "text")


def written_on(folder: Path, first: int, seed: int) -> Part:
    """Films large enough for their words to be read: a name, a number with a day, and a marker, which may stay."""
    made = cases(folder, first, 3, seed)
    name, number, marker = made
    write_on(name, bare(name.patient.name).upper(), 768)
    write_on(number, f"{number.patient_id} {number.row['date']}", 768)
    write_on(marker, "R", 768)
    workbook(folder / "Sổ.xlsx", {"Sổ": [[NAMES[field] for field in FIELDS], *([divided(c)[f] for f in FIELDS] for c in made)]})
    return Part(folder, {}, made)


def other_formats(folder: Path, first: int, seed: int) -> list[Part]:
    """An information system's XML, JSON lines, HTML called .xls, and a workbook in an archive; a folder and a study each."""
    parts = []
    for number, (name, source) in enumerate(_FORMATS.items()):
        inner = folder / Path(name).suffix[1:]
        [made] = cases(inner, first + number, 1, seed)
        (inner / name).write_bytes(_WRITERS[name](divided(made)))
        made.age = made.age if name in ("trang.xls", "xuat.zip") else None  # the others do not say it
        parts.append(Part(inner, source, [made]))
    return parts


def _xml(row: dict[str, object]) -> bytes:
    cells = "".join(f"<{tag}>{html.escape(str(row[name]))}</{tag}>" for tag, name in _TAGS.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><DS><CA>{cells}</CA><CA><MO_TA/></CA></DS>'.encode()


def _object(row: dict[str, object]) -> bytes:
    inner = {"kq": {"mo_ta": row["findings"], "ket_luan": row["impression"]}}
    return json.dumps({name: row[name] for name in ("id", "name", "image")} | inner).encode()


def _page(row: dict[str, object]) -> bytes:
    lines = ([NAMES[name] for name in FIELDS], [row[name] for name in FIELDS])
    cells = "".join(f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in line)}</tr>" for line in lines)
    return f"<html><meta charset=utf-8><table>{cells}</table></html>".encode()


def _zip(row: dict[str, object]) -> bytes:
    table, archive = io.BytesIO(), io.BytesIO()
    workbook(table, {"Sổ": [[NAMES[name] for name in FIELDS], [row[name] for name in FIELDS]]})
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("xuat/so.xlsx", table.getvalue())
    return archive.getvalue()


_TAGS = {"SO_PHIEU": "id", "HO_TEN": "name", "MA_BN": "patient", "ANH": "image", "MO_TA": "findings", "KET_LUAN": "impression"}
_FORMATS: dict[str, dict[str, object]] = {
    "HIS.xml": {"columns": {"findings": "MO_TA", "impression": "KET_LUAN", "id": "SO_PHIEU"}},
    "kq.jsonl": {"columns": {"findings": "kq.mo_ta", "impression": "kq.ket_luan"}},
    "trang.xls": {},
    "xuat.zip": {},
}
_WRITERS = {
    "HIS.xml": _xml,
    "kq.jsonl": _object,
    "trang.xls": _page,
    "xuat.zip": _zip,
}


def refused_whole(folder: Path) -> list[Part]:
    """Tables that stop the part that they belong to: a protected workbook, a member that leads out, an archive in another."""
    parts = []
    for name, data, whole in (
        ("khoa.xlsx", encrypted_shell(), "file_protected"),
        ("slip.zip", _archive("../so.csv", b"id,text\n"), "unsafe_path"),
        ("nested.zip", _archive("xuat.zip", _archive("so.csv", b"id,text\n")), "file_unreadable"),
        ("empty.csv", b"", "file_empty"),
    ):
        inner = folder / Path(name).stem
        inner.mkdir(parents=True)
        (inner / name).write_bytes(data)
        parts.append(Part(inner, {"reports": name}, whole=whole))
    return parts


def _archive(member: str, data: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr(member, data)
    return archive.getvalue()
