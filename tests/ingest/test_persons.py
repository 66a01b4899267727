"""One patient in header and table: other spellings are no other people, other people are never joined."""

import pytest
from films import Ingested, write_csv, write_dicom

from docphim.ingest.persons import FEWEST
from docphim.ingest.same_person import names_differ, numbers_differ

SAME = [
    ("Nguyễn Văn An", "NGUYEN^VAN AN"), ("Nguyễn Văn An", "AN^NGUYEN VAN"), ("Nguyễn Văn An", "nguyenvanan"),
    ("Nguyễn Văn An", "NGUYEN V A"), ("Nguyễn Văn An", "N.V. An"), ("Trần Thị Bích-Ngọc", "TRAN^THI BICH NGOC"),
    ("Lê Hoàng", "LE^HOANG^^^"), ("Đỗ Đức", "DO^DUC"), ("Tôn Nữ Thị Ninh", "TON NU T NINH"), ("H'Linh Êban", "H LINH EBAN"),
    ("Phạm Thị Hoà", "PHẠM THỊ HÒA"), ("Bà Nguyễn Thị Lan", "NGUYEN^THI LAN"), ("Nguyễn Thị Lan (62t)", "NGUYEN^THI LAN"),
    ("Lê Bình", "ANON12"), ("Lê Bình", "Patient 7"), ("Lê Bình", "BN0012"), ("Smith, John", "SMITH^JOHN"),
    ("CON BÀ TRẦN THỊ HẠNH", "TRAN THI HANH SO SINH"),
]  # fmt: skip
OTHERS = [
    ("Nguyễn Văn An", "TRAN^THI BICH"), ("Nguyễn Văn An", "LE^DINH CUONG"), ("Trần Thị Hoa", "NGUYEN^VAN HUNG"),
    ("Phạm Minh Đức", "VO^THI SAU"), ("Lê Hoàng", "TRAN^DUNG"), ("Smith, John", "DOE^JANE"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_person_written_in_two_ways(one, other):
    assert not names_differ(one, other) and not names_differ(other, one)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_two_people(one, other):
    assert names_differ(one, other) and names_differ(other, one)


@pytest.mark.parametrize(
    ("headers", "cells", "differ"),
    [
        ({"0012345"}, {"12345"}, False), ({"BN-12345"}, {"bn12345"}, False), ({"12345"}, {"12346"}, True),
        ({"12345", "777"}, {"777"}, False), ({"000"}, {"12345"}, False), ({"12 345"}, {"12.345"}, False),
    ],
)  # fmt: skip
def test_numbers(headers, cells, differ):
    assert numbers_differ(headers, cells) is differ


def archive(folder, header_of, row_of, count):
    rows = []
    for number in range(count):
        name, patient = header_of(number)
        write_dicom(folder / f"source/{number}.dcm", number, AccessionNumber=f"A{number}", PatientName=name, PatientID=patient)
        rows.append([f"A{number}", *row_of(number), "Bóng tim to."])
    write_csv(folder / "source/r.csv", ["Số phiếu", "Họ tên", "Mã BN", "Mô tả"], *rows)
    return Ingested(folder)


NAMES = ("LE^VAN AN", "TRAN^THI BINH", "PHAM^VAN CHI")


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        (("Lê Văn An", "P0"), []),
        (("Võ Thị Sáu", "P0"), []),  # one number: another way of naming her
        (("Lê Văn An", "P9"), ["patient_mismatch"]),
        (("Võ Thị Sáu", "P9"), ["patient_mismatch"]),
        (("Võ Thị Sáu", ""), ["patient_mismatch"]),
        (("", "P9"), ["patient_mismatch"]),
        (("", ""), []),
    ],
)
def test_a_film_of_another_patient_than_its_row_is_refused_and_named(tmp_path, row, reasons):
    rows = [row, ("Trần Thị Bình", "P1"), ("Phạm Văn Chi", "P2")]
    got = archive(tmp_path, lambda n: (NAMES[n], f"P{n}"), lambda n: rows[n], 3)
    assert got.reasons == reasons and len(got.studies) == 3 - len(reasons)
    if reasons:
        private = (got.dataset / "private.csv").read_text(encoding="utf-8")
        assert any("0.dcm" in line and line.rstrip().endswith("patient_mismatch") for line in private.splitlines())


def test_where_nearly_all_differ_header_and_table_count_people_in_two_ways(tmp_path):
    got = archive(tmp_path, lambda n: ("ANON", f"X{n}"), lambda n: ("Lê Văn An", f"P{n}"), FEWEST)
    assert got.reasons == [] and len(got.studies) == FEWEST
    assert got.notes["counts"]["patient_numbers_unlike"] == FEWEST


P1, P2 = {"PatientID": "P1"}, {"PatientID": "P2"}
LAN, BINH = {"PatientName": "LE^THI LAN"}, {"PatientName": "TRAN^VAN BINH"}


@pytest.mark.parametrize("named", [{}, {"patient": "MaBN"}, {"patient": "MaBN", "name": "Ten"}])
@pytest.mark.parametrize(
    ("films", "mixed"),
    [
        ((P1, P2), True),
        ((P1 | LAN, P2 | LAN), True),
        ((LAN, BINH), True),
        ((P1 | LAN, BINH), True),
        ((LAN, {}, BINH), True),
        (({"PatientID": "0000"} | LAN, {"PatientID": "ANON"} | BINH), True),
        ((P1, P1), False),
        ((P1 | LAN, P1 | BINH), False),  # one number: another way of naming her
        ((P1 | LAN, LAN), False),
        ((P1, LAN), False),
        ((LAN, {"PatientName": "Lê Thị Lan"}), False),
        ((LAN, {"PatientName": "ANON"}), False),
        (({}, {}), False),
    ],
)
def test_films_of_two_patients_are_no_study_whatever_the_row_says(tmp_path, films, mixed, named):
    for number, tags in enumerate(films):
        write_dicom(tmp_path / f"source/{number}.dcm", number, AccessionNumber="A", StudyInstanceUID="1.2", **tags)
    write_dicom(tmp_path / "source/w.dcm", 9, AccessionNumber="B")
    header = ["Số phiếu", "MaBN", "Ten", "Mô tả"]
    write_csv(tmp_path / "source/r.csv", header, ["A", "P1", "", "Bóng tim to."], ["B", "P7", "", "Tim to."])
    got = Ingested(tmp_path, columns=named)
    assert (got.reasons, len(got.studies)) == ((["study_mixed_patients"], 1) if mixed else ([], 2))
