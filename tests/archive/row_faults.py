"""Faults of rows: cells that are none, texts in markup or other letters, file names written otherwise, two patients."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from case import Case, Change, Fault, header
from invented_people import bare, person
from papers import letterhead, word


def _cell(change: Callable[[Case, str], str]) -> Change:
    def fill(case: Case) -> None:
        case.row["text"] = change(case, case.text)

    return fill


def _named(change: Callable[[Case], str]) -> Change:
    def name(case: Case) -> None:
        case.row["image"] = change(case)

    return name


def _another_number(case: Case) -> None:
    case.row["patient"] = case.plant(f"BN{case.number + 50_000}")
    case.row["name"] = case.plant(person(case.rng).name)


def _another_name(case: Case) -> None:
    header(case, PatientID="", PatientName=case.plant(bare(person(case.rng).name).upper()))


def _addendum(case: Case) -> None:
    case.rows.append({**case.row, "text": case.text + "\nBổ sung: Gãy xương sườn 5 phải."})


def _same_again(case: Case) -> None:
    case.rows.append(dict(case.row))


def _no_id(case: Case) -> None:
    case.row["id"] = case.row["image"] = ""


def _html(case: Case, text: str) -> str:
    lines = "".join(f"<p>{line}</p>" for line in text.replace("&", "&amp;").split("\n"))
    return f"<html><body><b>BS. {case.doctor.name}</b>{lines}</body></html>"


def _rtf(_: Case, text: str) -> str:
    letters = "".join(c if ord(c) < 128 else f"\\u{ord(c)}?" for c in text)
    return r"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}\f0\fs24 " + letters.replace("\n", r"\par ") + "}"


def _misread(text: str, encoding: str) -> str:
    """UTF-8 read as an encoding of one byte a letter; what it does not know, as Latin-1, as browsers do."""
    return "".join(bytes([b]).decode(encoding, "ignore") or chr(b) for b in text.encode())


def _accents_apart(case: Case) -> None:
    """A film under a name with accents, one letter and its marks apart in the table."""
    case.rename(f"Ảnh ngực số {case.number}.png")
    case.row["image"] = unicodedata.normalize("NFD", case.film.name)


def _in_word(case: Case) -> None:
    """A Word file beside the table, under the patient's name."""
    case.papers.append(f"{case.patient.name} {case.number}.docx")
    word(case.folder / case.papers[0], f"{letterhead(case)}\n{case.text}\nBS. {case.doctor.name}")


def _in_word_alone(case: Case) -> None:
    _in_word(case)
    case.rows.clear()


def _in_word_otherwise(case: Case) -> None:
    _in_word(case)
    case.row["text"] = case.text + "\nGãy xương sườn 5 phải."


def _age(cell: str, age: int | None) -> Change:
    def fill(case: Case) -> None:
        case.row["age"], case.age = cell, age

    return fill


_VNI = "MOÂ TAÛ:\nBoùng tim khoâng to. Phoåi hai beân saùng ñeàu.\nKEÁT LUAÄN:\nBình thöôøng."
ROW_FAULTS: dict[str, Fault] = {
    "row of another patient's number": Fault(False, _another_number, "patient_mismatch"),
    "row of another patient's name": Fault(False, _another_name, "patient_mismatch"),
    **{
        f"report {word}": Fault(True, _cell(lambda case, text, word=word: word), "report_empty")
        for word in ("nan", "NULL", "N/A", "#NAME?", "None", "-")
    },
    "row without film": Fault(True, lambda case: case.film.unlink(), rest="image_missing"),
    "film without row": Fault(True, lambda case: case.rows.clear(), "report_missing"),
    "addendum": Fault(True, _addendum, "report_duplicate"),
    "row without id": Fault(True, _no_id, "report_missing", rest="id_missing"),
    "path that leads out": Fault(True, _named(lambda case: f"../../{case.film.name}"), "report_missing", rest="unsafe_path"),
    "doubtful signature": Fault(True, _cell(lambda case, text: text + "\nBS CKII quýnh thoảng"), "identity_doubtful"),
    "letters lost": Fault(True, _cell(lambda case, text: text.replace("ổ", "\ufffd").replace("ả", "\ufffd")), "report_missing",
                          rest="report_encoding"),
    "VNI letters": Fault(True, _cell(lambda case, text: _VNI), "report_missing", rest="report_encoding"),
    "report in a Word file too": Fault(True, _in_word_otherwise, "report_duplicate"),
    "report in a Word file alone": Fault(True, _in_word_alone),
    "same row again": Fault(True, _same_again),
    "HTML": Fault(True, _cell(_html)),
    "RTF": Fault(True, _cell(_rtf)),
    "entities": Fault(True, _cell(lambda case, text: "".join(c if ord(c) < 128 else f"&#{ord(c)};" for c in text))),
    "_x000D_": Fault(True, _cell(lambda case, text: text.replace("\n", "_x000D_\n"))),
    "soft breaks": Fault(True, _cell(lambda case, text: text.replace("\n", "_x000B_"))),
    "read as Latin-1": Fault(True, _cell(lambda case, text: _misread(text, "latin-1"))),
    "read as cp1252": Fault(True, _cell(lambda case, text: _misread(text, "cp1252"))),
    "read as Latin-1 twice": Fault(True, _cell(lambda case, text: _misread(_misread(text, "latin-1"), "latin-1"))),
    "Windows path": Fault(True, _named(lambda case: f"D:\\Phim\\2024\\{case.film.name}")),
    "another case and suffix": Fault(True, _named(lambda case: case.slip.lower() + ".JPG")),
    "published prefix": Fault(True, _named(lambda case: f"vindr/v1.0/train/{case.film.name}")),
    "accents apart": Fault(True, _accents_apart),
    "age 123": Fault(True, _age("123", None)),
    "born in a year": Fault(True, lambda case: case.row.update(age=str(case.day[0] - (case.age or 0)))),
}  # fmt: skip
