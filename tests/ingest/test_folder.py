"""The folder source: what is matched, kept and refused."""

import io
import os
import unicodedata
import zipfile
import zlib

import openpyxl
import pytest
from films import Ingested, write_csv, write_dicom, write_png
from pydicom.uid import DeflatedExplicitVRLittleEndian

from docphim.errors import Refused, UsageError
from docphim.files import dumps
from docphim.ingest import fingerprint

HEADER = ["id", "findings", "impression"]
OTHER = ["b", "Phổi sáng.", "Bình thường."]


def pair(tmp_path, *rows, header=HEADER, **how):
    """A study that is always well, 'b', and a table with more rows."""
    write_png(tmp_path / "source/b.png", 1)
    write_csv(tmp_path / "source/reports.csv", header, OTHER + [""] * (len(header) - 3), *rows, **how)


def test_a_report_meets_its_film_and_keeps_only_what_is_allowed(tmp_path):
    write_dicom(tmp_path / "source/x/IM1", AccessionNumber="00123", StudyDate="20230312", PatientID="P1")
    write_csv(tmp_path / "source/r.csv", ["Mã phiếu", "Mô tả", "Kết luận"], ["00123", "Tim to.", "Tim to"])
    got = Ingested(tmp_path)
    [study] = got.studies
    assert study | {"id": 0, "patient": 0, "series": 0} == {
        "id": 0,
        "patient": 0,
        "sex": "M",
        "age": 72,
        "date": "2023",
        "series": 0,
        "report": {"language": "vi", "sections": {"findings": "Tim to.", "impression": "Tim to"}, "left_out": {}},
        "labels": None,
        "split": None,
        "source": "folder",
        "truth": None,
    }
    [series] = study["series"]
    assert series == {
        "id": series["id"],
        "modality": "xray",
        "path": f"prepared/{series['id']}.b2nd",
        "unit": "display",
        "view": "PA",
    }
    assert got.private[0]["location"] == str((tmp_path / "source/x/IM1").resolve())
    assert got.notes["match"]["rule"] == "accession"


RULES = [
    ("accession", {"AccessionNumber": "A7"}, {"id": "A7"}),
    ("study_uid", {"StudyInstanceUID": "1.2.3.4"}, {"StudyInstanceUID": "1.2.3.4"}),
    ("patient_date", {"PatientID": "P7", "StudyDate": "20240105"}, {"Mã BN": "P7", "Ngày chụp": "05/01/2024"}),
    ("file_name", {}, {"image": "IM7.dcm"}),
    ("file_name", {}, {"image": "x/IM7.dcm"}),
    ("file_name", {}, {"id": "IM7"}),
]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("rule", "tags", "cells"), RULES)
def test_every_rule_finds_the_film_told_or_not(tmp_path, rule, tags, cells, told):
    write_dicom(tmp_path / "source/x/IM7.dcm", **tags)
    write_csv(tmp_path / "source/r.csv", [*cells, "findings"], [*cells.values(), "Tim to."])
    got = Ingested(tmp_path, **({"match": rule} if told else {}))
    assert (got.notes["match"]["rule"], len(got.studies), got.rejected) == (rule, 1, [])


def test_several_films_make_one_study(tmp_path):
    for name in ("1", "2"):
        write_dicom(tmp_path / f"source/d/{name}.dcm", AccessionNumber="D", StudyInstanceUID="1.2")
        write_png(tmp_path / f"source/P_{name}.png")
        write_png(tmp_path / f"source/folder/{name}.jpg")
        write_png(tmp_path / f"source/L{name}.png")
    rows = [["P", ""], ["folder", ""], ["L", "L1.png;L2.png"]]
    write_csv(tmp_path / "source/r.csv", ["id", "image", "findings"], *[[*r, f"Tim to {r[0]}."] for r in rows])
    got = Ingested(tmp_path)
    assert sorted(len(s["series"]) for s in got.studies) == [2, 2, 2]
    assert got.reasons == ["report_missing"]


def test_rows_that_share_an_id_make_one_study(tmp_path):
    for name in "mn":
        write_png(tmp_path / f"source/{name}.png")
    write_csv(tmp_path / "source/r.csv", ["id", "image", "findings"], ["S", "m.png", "Tim to."], ["S", "n.png", "Tim to."])
    got = Ingested(tmp_path)
    assert [len(s["series"]) for s in got.studies] == [2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_tables_are_read_however_they_are_written(tmp_path, encoding, separator, form):
    header = [unicodedata.normalize(form, name) for name in ("ID", "Mô tả", "Kết luận")]
    text = unicodedata.normalize(form, "Bóng mờ tim to; phổi sáng, vôi hoá")
    write_png(tmp_path / "source/b.png")
    write_csv(tmp_path / "source/r.csv", header, ["b", text, ""], encoding=encoding, separator=separator)
    [study] = Ingested(tmp_path).studies
    assert study["report"]["sections"] == {"findings": "Bóng mờ tim to; phổi sáng, vôi hoá"}


def test_windows_vietnamese_is_read_when_declared_and_refused_when_not(tmp_path):
    write_png(tmp_path / "source/b.png")
    text = unicodedata.normalize("NFC", "Bóng mờ tim to")
    (tmp_path / "source/r.csv").write_bytes(b"id,findings\nb," + "Bo\u0301ng mơ\u0300 tim to".encode("cp1258"))
    with pytest.raises(UsageError, match="cp1258"):
        Ingested(tmp_path, reports="r.csv")
    assert Ingested(tmp_path, reports="r.csv", encoding="cp1258").studies[0]["report"]["sections"]["findings"] == text


def test_excel_and_jsonl_are_read(tmp_path):
    write_png(tmp_path / "source/7.png")
    book = openpyxl.Workbook()
    book.active.append(["id", "Mô tả", "Tuổi"])
    book.active.append([7.0, "Tim to.", 72])
    book.save(tmp_path / "source/r.xlsx")
    assert [(s["age"], s["report"]["sections"]["findings"]) for s in Ingested(tmp_path).studies] == [(72, "Tim to.")]
    (tmp_path / "source/r.xlsx").unlink()
    (tmp_path / "source/r.jsonl").write_text('{"id": 7, "findings": "Tim to.", "age": 72.0}\n', encoding="utf-8")
    assert [(s["age"], s["report"]["sections"]["findings"]) for s in Ingested(tmp_path).studies] == [(72, "Tim to.")]


@pytest.mark.parametrize("strange", ["\x0b", "\u2028", "\x85"])
def test_strange_line_breaks_inside_a_cell_break_no_row_and_stay_lines(tmp_path, strange):
    write_png(tmp_path / "source/b.png")
    table = tmp_path / "source/r.csv"
    table.write_text(f"id,findings\nb,Tim to.{strange}Phổi sáng.\n", encoding="utf-8")
    first = Ingested(tmp_path).studies
    table.unlink()
    (tmp_path / "source/r.jsonl").write_text(
        dumps({"id": "b", "findings": f"Tim to.{strange}Phổi sáng."}) + "\n", encoding="utf-8"
    )
    assert first == Ingested(tmp_path).studies
    assert first[0]["report"]["sections"]["findings"] == "Tim to.\nPhổi sáng."


def test_a_header_below_a_title_is_found_or_named(tmp_path):
    write_png(tmp_path / "source/b.png")
    write_png(tmp_path / "source/Tim to.png", 1)
    book = openpyxl.Workbook()
    for line in [["BỆNH VIỆN X"], [], ["Cột 1", "Cột 2"], ["Mã phiếu", "Mô tả"], ["b", "Tim to."]]:
        book.active.append(line)
    book.save(tmp_path / "source/r.xlsx")
    for how in ({}, {"header_row": 4}):
        assert Ingested(tmp_path, **how).studies[0]["report"]["sections"] == {"findings": "Tim to."}
    columns = {"id": "Cột 1", "findings": "Cột 2"}
    assert "image_missing" in Ingested(tmp_path, header_row=3, columns=columns).reasons


def test_the_only_table_of_a_folder_says_why_it_is_none(tmp_path):
    write_png(tmp_path / "source/b.png")
    (tmp_path / "source/r.csv").write_bytes("id,findings\nb,Bãng tim kh«ng to, phæi s¸ng\n".encode("cp1252"))
    with pytest.raises(UsageError, match="encoding: tcvn3"):
        Ingested(tmp_path)
    (tmp_path / "source/r.csv").unlink()
    (tmp_path / "source/r.xlsx").write_bytes(b"PK no")
    with pytest.raises(Refused, match="file_unreadable"):
        Ingested(tmp_path)


def test_excel_says_its_separator_and_quotes_hold_lines(tmp_path):
    write_png(tmp_path / "source/b.png")
    text = 'sep=|\r\nid|findings\r\nb|"Tim to.\r\nPhổi; sáng, ""rõ""."\r\n'
    (tmp_path / "source/r.csv").write_bytes(text.encode("utf-8-sig"))
    assert Ingested(tmp_path).studies[0]["report"]["sections"]["findings"] == 'Tim to.\nPhổi; sáng, "rõ".'


def test_a_free_text_is_divided_and_comparisons_left_out_and_counted(tmp_path):
    text = "Mô tả: Tim to. So với phim cũ không thay đổi.\nKết luận: Tim to.\nĐề nghị: siêu âm tim"
    write_png(tmp_path / "source/a.png")
    write_csv(tmp_path / "source/r.csv", ["id", "Nội dung"], ["a", text])
    got = Ingested(tmp_path)
    [study] = got.studies
    assert study["report"]["sections"] == {"findings": "Tim to.", "impression": "Tim to.", "recommendation": "siêu âm tim"}
    assert study["report"]["left_out"] == {"comparison": ["So với phim cũ không thay đổi."]}
    assert got.notes["counts"]["comparing_sentences"] == 1
    kept = Ingested(tmp_path, comparisons="keep").studies[0]["report"]
    assert "phim cũ" in kept["sections"]["findings"]
    assert kept["left_out"] == {}


def test_what_is_set_aside_is_counted_and_a_study_without_findings_stays_with_its_impression(tmp_path):
    pair(
        tmp_path,
        ["a", "Kỹ thuật: Chụp thẳng.", "Tim to."],
        ["c", "Chỉ định: ho. Tim to.", "Tim to."],
        ["d", "Phổi mờ.", "Lâm sàng: ho"],
    )
    for name in "acd":
        write_png(tmp_path / f"source/{name}.png", ord(name))
    got = Ingested(tmp_path)
    both = {"findings": "Tim to.", "impression": "Tim to."}
    texts = [study["report"]["sections"] for study in got.studies]
    assert all(one in texts for one in ({"impression": "Tim to."}, both)) and got.rejected == []
    aside = {name: n for name, n in got.notes["counts"].items() if name.endswith("_set_aside")}
    assert aside == {"technique_set_aside": 1, "findings_set_aside": 1, "indication_set_aside": 1, "history_set_aside": 1}


IDS = [
    ("00123", "00123", None),
    ("123.0", "123", None),
    ("'00123", "00123", None),
    ('="00123"', "00123", None),
    ("123", "00123", None),  # leading zeros lost, one film can be meant
    ("1.23457E+15", "1234567890123456", "id_mangled"),
    ("1,23457E+15", "1234567890123456", "id_mangled"),
    ("1234567890123450", "1234567890123456", "id_mangled"),
    ("999", "00123", "image_missing"),
]


@pytest.mark.parametrize(("cell", "accession", "reason"), IDS)
def test_ids_that_a_spreadsheet_changed(tmp_path, cell, accession, reason):
    write_dicom(tmp_path / "source/a.dcm", AccessionNumber=accession)
    write_dicom(tmp_path / "source/w.dcm", AccessionNumber="WELL")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["WELL", "Phổi sáng"], [cell, "Tim to"])
    got = Ingested(tmp_path)
    assert len(got.studies) == (1 if reason else 2)
    assert got.reasons == sorted([reason, "report_missing"] if reason else [])


def test_lost_zeros_that_could_mean_two_films_are_refused(tmp_path):
    for accession in ("0123", "00123"):
        write_dicom(tmp_path / f"source/{accession}.dcm", AccessionNumber=accession)
    write_dicom(tmp_path / "source/w.dcm", AccessionNumber="WELL")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["WELL", "Phổi sáng"], ["123", "Tim to"])
    assert Ingested(tmp_path).reasons == ["id_mangled", "report_missing", "report_missing"]


ROWS = [
    ([["a", "Tim to.", ""], ["a", "Tim không to.", ""]], ["report_duplicate"]),
    ([["a", "Tim to.", ""], ["a", "Tim  to.", ""]], []),
    ([["a", " ", "\ufeff"]], ["report_empty"]),
    ([["a", "So với phim cũ không thay đổi", ""]], ["report_empty"]),
    ([["zz", "Tim to.", ""]], ["image_missing", "report_missing"]),
    ([["", "Tim to.", ""]], ["id_missing", "report_missing"]),
    ([["a", "Tim to.", "", "too", "many"]], ["report_missing", "row_unreadable"]),
    ([], ["report_missing"]),
]


@pytest.mark.parametrize(("rows", "reasons"), ROWS)
def test_what_is_wrong_with_a_row_is_said_and_the_rest_goes_on(tmp_path, rows, reasons):
    write_png(tmp_path / "source/a.png")
    pair(tmp_path, *rows)
    got = Ingested(tmp_path)
    assert got.reasons == reasons
    assert len(got.studies) == (2 if not reasons else 1)


def test_one_accession_number_on_two_studies_is_ambiguous(tmp_path):
    for name in "12":
        write_dicom(tmp_path / f"source/{name}.dcm", AccessionNumber="A")
    write_dicom(tmp_path / "source/w.dcm", AccessionNumber="WELL")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["WELL", "Phổi sáng"], ["A", "Tim to"])
    assert Ingested(tmp_path).reasons == ["report_ambiguous", "report_missing", "report_missing"]


def test_the_same_file_name_in_two_folders_is_ambiguous(tmp_path):
    for name in "12":
        write_png(tmp_path / f"source/{name}/a.png", int(name))
    pair(tmp_path, ["a", "Tim to.", ""])
    assert Ingested(tmp_path).reasons == ["report_ambiguous", "report_missing", "report_missing"]


def test_images_of_two_patients_in_one_study_are_refused(tmp_path):
    for patient in ("P1", "P2"):
        write_dicom(tmp_path / f"source/{patient}.dcm", AccessionNumber="A", StudyInstanceUID="1.2", PatientID=patient)
    write_dicom(tmp_path / "source/w.dcm", AccessionNumber="WELL")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["WELL", "Phổi sáng"], ["A", "Tim to"])
    assert Ingested(tmp_path).reasons == ["study_mixed_patients"]


def test_copies_of_a_file_count_once_and_other_pixels_under_its_uid_are_refused(tmp_path):
    uids = {"SOPInstanceUID": "1.2.3", "StudyInstanceUID": "1.2"}
    write_dicom(tmp_path / "source/1.dcm", 1, AccessionNumber="A", **uids)
    write_dicom(tmp_path / "source/2.dcm", 1, AccessionNumber="A", PatientComments="exported again", **uids)
    write_dicom(tmp_path / "source/w.dcm", AccessionNumber="WELL")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["WELL", "Phổi sáng"], ["A", "Tim to"])
    got = Ingested(tmp_path)
    assert (got.reasons, got.notes["counts"]["copies_ignored"], [len(s["series"]) for s in got.studies]) == ([], 1, [1, 1])
    write_dicom(tmp_path / "source/2.dcm", 2, AccessionNumber="A", **uids)
    assert Ingested(tmp_path).reasons == ["duplicate_uid", "duplicate_uid", "image_missing"]


@pytest.mark.parametrize(
    "other", [{"PatientID": "P2"}, {"PatientName": "Lò^Xíu"}, {"StudyInstanceUID": "1.3"}, {"AccessionNumber": "B"}]
)
def test_equal_pixels_under_one_uid_are_no_copy_where_the_headers_name_another_patient_or_study(tmp_path, other):
    tags = {
        "SOPInstanceUID": "1.2.3",
        "StudyInstanceUID": "1.2",
        "AccessionNumber": "A",
        "PatientID": "P1",
        "PatientName": "Ung^Nụ",
    }
    write_dicom(tmp_path / "source/1.dcm", 1, **tags)
    write_dicom(tmp_path / "source/2.dcm", 1, **tags | other)
    write_dicom(tmp_path / "source/w.dcm", AccessionNumber="WELL")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["WELL", "Phổi sáng"], ["A", "Tim to"])
    got = Ingested(tmp_path)
    assert got.reasons == ["duplicate_uid", "duplicate_uid", "image_missing"]
    assert got.notes["counts"].get("copies_ignored", 0) == 0


def test_splits_of_the_table_are_kept_and_a_patient_in_two_is_refused(tmp_path):
    rows = [("a", "P1", "train"), ("c", "P1", "Test"), ("d", "P2", "validation"), ("e", "P3", "?")]
    for name, *_ in rows:
        write_png(tmp_path / f"source/{name}.png", ord(name))
    write_csv(tmp_path / "source/r.csv", ["id", "patient_id", "split", "findings"], *[[*r, "Tim to."] for r in rows])
    got = Ingested(tmp_path, split_by_source=True)
    assert [s["split"] for s in got.studies] == ["val"]
    assert got.reasons == ["patient_in_two_splits", "patient_in_two_splits", "split_missing"]
    assert len(Ingested(tmp_path).studies) == 4


def deflated_bomb():
    head = b"\0" * 128 + b"DICM\x02\0\0\0UL\x04\0\x1e\0\0\0\x02\0\x10\0UI\x16\0" + DeflatedExplicitVRLittleEndian.encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return head + b"".join(packer.compress(bytes(1 << 24)) for _ in range(14)) + packer.flush()


def damaged_workbook():
    """A workbook that opens, and whose sheet breaks off in the middle."""
    book = openpyxl.Workbook()
    for row in [["id", "findings"], *[["a", f"Tim to {n}."] for n in range(3)]]:
        book.active.append(row)
    whole, cut = io.BytesIO(), io.BytesIO()
    book.save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(cut, "w") as target:
        for part in source.infolist():
            data = source.read(part)
            target.writestr(part, data[: len(data) // 2] if "sheet1" in part.filename else data)
    return cut.getvalue()


def test_a_workbook_that_breaks_off_is_refused_and_excels_lock_beside_one_is_no_table(tmp_path):
    pair(tmp_path)
    (tmp_path / "source/~$reports.xlsx").write_bytes(b"\x07Excel user")
    assert len(Ingested(tmp_path, columns={"id": "id"}).studies) == 1
    (tmp_path / "source/r.xlsx").write_bytes(damaged_workbook())
    with pytest.raises(Refused) as caught:
        Ingested(tmp_path, reports="r.xlsx")
    assert caught.value.reason == "file_unreadable"


FILES = [
    ("bomb.dcm", deflated_bomb(), "image_too_large"),
    ("empty.dcm", b"", "file_empty"),
    ("empty", b"", "file_empty"),
    ("junk.dcm", b"not a film at all" * 50, "file_unreadable"),
    ("junk.png", b"\x00" * 900, "file_unreadable"),
    ("program.dcm", b"MZ" + b"\0" * 126 + b"DICM" + b"\0" * 60, "executable_preamble"),
    ("cut.dcm", b"\0" * 128 + b"DICM", "file_unreadable"),
    ("notes.txt", b"hello", "image_missing"),
    ("notes.odt", b"hello", None),
    ("Thumbs.db", b"\xd0\xcf\x11\xe0", None),
    (".DS_Store", b"", None),
    ("DICOMDIR", b"\0" * 128 + b"DICM../../etc", None),
    ("film.zip", b"PK\x03\x04", "file_unreadable"),
]


@pytest.mark.parametrize(("name", "content", "reason"), FILES)
def test_files_that_are_no_films(tmp_path, name, content, reason):
    pair(tmp_path)
    (tmp_path / "source" / name).write_bytes(content)
    got = Ingested(tmp_path)
    assert got.reasons == ([reason] if reason else [])
    assert len(got.studies) == 1


def test_a_structured_report_beside_the_film_is_refused_alone(tmp_path):
    write_dicom(tmp_path / "source/1.dcm", AccessionNumber="A", StudyInstanceUID="1.2")
    write_dicom(tmp_path / "source/2.dcm", AccessionNumber="A", StudyInstanceUID="1.2", Modality="SR")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["A", "Tim to"])
    got = Ingested(tmp_path)
    assert (got.reasons, [len(s["series"]) for s in got.studies]) == (["modality_unsupported"], [1])
    assert got.rejected[0]["study"] == got.studies[0]["id"]


def test_links_that_loop_lead_out_or_lead_nowhere(tmp_path):
    pair(tmp_path)
    source = tmp_path / "source"
    outside = write_png(tmp_path / "outside/secret.png")
    (source / "sub").mkdir()
    (source / "sub/loop").symlink_to(source)
    (source / "self").symlink_to(source / "self")
    (source / "out.png").symlink_to(outside)
    (source / "outfolder").symlink_to(outside.parent)
    (source / "again.png").symlink_to(source / "b.png")
    (source / "gone.png").symlink_to(source / "nothing.png")
    got = Ingested(tmp_path)
    assert got.reasons == ["file_missing", "file_missing", "unsafe_path", "unsafe_path"]
    assert len(got.studies) == 1


@pytest.mark.parametrize("name", ["../outside/secret.png", "/etc/passwd", "x/../../outside/secret.png"])
def test_a_table_cannot_name_a_file_outside_the_folder(tmp_path, name):
    write_png(tmp_path / "outside/secret.png")
    pair(tmp_path, ["c", "Tim to.", "", name], header=[*HEADER, "image"])
    assert "unsafe_path" in Ingested(tmp_path).reasons


@pytest.mark.skipif(os.name != "posix", reason="needs a file system of bytes")
def test_a_file_name_that_is_no_text_is_refused(tmp_path):
    pair(tmp_path)
    try:
        (tmp_path / "source" / os.fsdecode(b"\xff\xfe.png")).write_bytes(b"x")
    except OSError:
        pytest.skip("the file system takes only text")
    assert Ingested(tmp_path).reasons == ["unsafe_path"]


def test_the_tables_word_on_a_lateral_png_is_taken(tmp_path):
    write_png(tmp_path / "source/a.png")
    pair(tmp_path, ["a", "Tim to.", "", "Nghiêng"], header=[*HEADER, "Tư thế"])
    assert Ingested(tmp_path).reasons == ["view_out_of_scope"]


def test_of_several_films_the_table_calls_lateral_only_the_others_stay(tmp_path):
    for name in ("x", "y"):
        write_png(tmp_path / f"source/{name}.png", ord(name))
    rows = [["a", "x.png", "PA", "Tim to."], ["a", "y.png", "Lateral", "Tim to."]]
    write_csv(tmp_path / "source/r.csv", ["id", "image", "view", "findings"], *rows)
    got = Ingested(tmp_path)
    [study] = got.studies
    assert [s["view"] for s in study["series"]] == ["PA"]
    assert [(r["study"], r["reason"]) for r in got.rejected] == [(study["id"], "view_out_of_scope")]
    assert [(row["location"].rsplit("/", 1)[1], row["refused"]) for row in got.private] == [
        ("x.png", ""),
        ("y.png", "view_out_of_scope"),
    ]


def test_a_films_own_name_can_say_lateral(tmp_path):
    for name in ("a_PA", "a_lat", "a_3"):
        write_png(tmp_path / f"source/{name}.png", len(name) + ord(name[-1]))
    write_csv(tmp_path / "source/r.csv", ["id", "findings"], ["a", "Tim to."])
    got = Ingested(tmp_path)
    assert sorted(s["view"] for s in got.studies[0]["series"]) == ["PA", "unknown"]
    assert got.reasons == ["view_out_of_scope"]


def test_the_header_counts_more_than_a_column_unless_the_recipe_names_it(tmp_path):
    write_dicom(tmp_path / "source/a.dcm", AccessionNumber="A", PatientAge="095Y", PatientSex="F")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings", "Tuổi", "Giới"], ["A", "Tim to", "40", "Nam"])
    [study] = Ingested(tmp_path).studies
    assert (study["age"], study["sex"]) == (90, "F")
    [study] = Ingested(tmp_path, columns={"age": "Tuổi", "sex": "giới"}).studies
    assert (study["age"], study["sex"]) == (40, "M")


def test_an_unknown_patient_is_the_study_and_is_counted(tmp_path):
    for name in "ac":
        write_dicom(tmp_path / f"source/{name}.dcm", AccessionNumber=name, PatientID="ANONYMOUS")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["a", "Tim to"], ["c", "Phổi sáng"])
    got = Ingested(tmp_path)
    assert [s["patient"] for s in got.studies] == [s["id"] for s in got.studies]
    assert got.notes["counts"]["patients_unknown"] == 2


def test_two_studies_of_one_patient_share_the_patient(tmp_path):
    for name in "ac":
        write_dicom(tmp_path / f"source/{name}.dcm", AccessionNumber=name, PatientID="P1")
    write_csv(tmp_path / "source/r.csv", ["accession", "findings"], ["a", "Tim to"], ["c", "Phổi sáng"])
    first, second = Ingested(tmp_path).studies
    assert first["patient"] == second["patient"] not in (first["id"], second["id"])


def test_published_ids_can_be_kept(tmp_path):
    write_dicom(tmp_path / "source/a.dcm", StudyInstanceUID="1.2.3", PatientID="P1", StudyDate="20230312", PatientAge="095Y")
    write_csv(tmp_path / "source/r.csv", ["study_uid", "findings"], ["1.2.3", "Tim to"])
    [study] = Ingested(tmp_path, ids="keep").studies
    assert (study["id"], study["patient"], study["date"], study["age"]) == ("1.2.3", "P1", "2023-03-12", 95)


#: With kept ids: rows of id, patient and film beside one good row, and why they are refused.
UNKEPT = {
    "ids that become one": ([["7/1", "", "p"], ["7--1", "", "q"]], ["id_unsafe"] * 2),
    "files that become one": ([["", "", "a/1"], ["", "", "a--1"]], ["id_unsafe"] * 2),
    "patients that become one": ([["1", "7/1", "p"], ["2", "7--1", "q"]], ["id_unsafe"] * 2),
    "a study that nobody's is, called as a patient": ([["7", "", "p"], ["2", "7", "q"]], ["id_unsafe"] * 2),
    "a blank": ([["BN 1", "", "p"]], ["id_unsafe"]),
    "a patient's blank": ([["1", "LE LAN", "p"]], ["id_unsafe"]),
    "an accent": ([["Mã1", "", "p"]], ["id_unsafe"]),
    "ids that differ in case": ([["a1", "", "p"], ["A1", "", "q"]], ["id_unsafe"] * 2),
    "patients that differ in case": ([["1", "P1", "p"], ["2", "p1", "q"]], ["id_unsafe"] * 2),
    "a device of Windows": ([["nul", "", "p"], ["3", "COM1.x", "q"], ["console", "", "r"]], ["id_unsafe"] * 2),
    "a dot at the end": ([["7.", "", "p"]], ["id_unsafe"]),
    "one patient of two studies": ([["1", "7/1", "p"], ["2", "7/1", "q"]], []),
}


@pytest.mark.parametrize("name", UNKEPT)
def test_ids_that_cannot_be_kept_or_would_become_one_cost_their_rows_alone(tmp_path, name):
    rows, reasons = UNKEPT[name]
    for number, (_, _, film) in enumerate(rows):
        write_png(tmp_path / f"source/{film}.png", number + 2)
    lines = [[study, patient, f"{film}.png", "Tim to."] for study, patient, film in rows]
    write_png(tmp_path / "source/b.png", 1)
    write_csv(tmp_path / "source/r.csv", ["id", "Mã BN", "image", "findings"], ["b", "P0", "b.png", "Phổi sáng."], *lines)
    got = Ingested(tmp_path, ids="keep")
    assert (got.reasons, len(got.studies)) == (reasons, 1 + len(rows) - len(reasons))
    assert sum(line["location"].startswith("table:") for line in got.private if line["refused"]) == len(reasons)


def test_films_without_reports_can_be_kept(tmp_path):
    write_dicom(tmp_path / "source/a.dcm")
    write_png(tmp_path / "source/b.png")
    got = Ingested(tmp_path, without_report="keep")
    assert [s["report"] for s in got.studies] == [None, None]
    assert got.rejected == []


def test_a_second_run_gives_the_same_bytes(tmp_path):
    write_png(tmp_path / "source/a.png")
    pair(tmp_path, ["a", "Tim to.", ""], ["z", "Tim to.", ""])
    names = ("studies.jsonl", "rejected.jsonl", "private.csv", "ingest_notes.json")
    first = [(Ingested(tmp_path).dataset / name).read_bytes() for name in names]
    second = [(Ingested(tmp_path).dataset / name).read_bytes() for name in names]
    assert first == second


def test_an_empty_dataset_is_refused_and_says_why(tmp_path):
    write_png(tmp_path / "source/a.png")
    write_csv(tmp_path / "source/r.csv", HEADER, ["b", "Tim to", ""])
    with pytest.raises(Refused, match=r"empty_dataset.*image_missing 1"):
        Ingested(tmp_path)
    dataset = tmp_path / "data/name/key"
    assert (dataset / "rejected.jsonl").exists()
    assert not (dataset / "studies.jsonl").exists()


USAGE = [
    ({"columns": {"findings": "Nhận xét"}}, "source.columns.findings"),
    ({"columns": {"finding": "x"}}, "finding"),
    ({"match": "patient_date"}, "patient\\+date"),
    ({"reports": "none.csv"}, "source.reports"),
    ({"encoding": "klingon", "reports": "reports.csv"}, "klingon"),
    ({"sheets": 1}, "did you mean 'sheet'"),
]


@pytest.mark.parametrize(("options", "message"), USAGE)
def test_a_wrong_recipe_is_told_what_is_wrong(tmp_path, options, message):
    pair(tmp_path)
    with pytest.raises(UsageError, match=message):
        Ingested(tmp_path, **options)


def test_splits_that_the_table_does_not_have_cannot_be_used(tmp_path):
    pair(tmp_path)
    with pytest.raises(UsageError, match=r"split\.by"):
        Ingested(tmp_path, split_by_source=True)


def test_two_tables_must_be_told_apart(tmp_path):
    pair(tmp_path)
    write_csv(tmp_path / "source/other.csv", HEADER, OTHER)
    with pytest.raises(UsageError, match="2 tables"):
        Ingested(tmp_path)


def test_the_fingerprint_follows_the_files_and_options_and_not_the_place(tmp_path):
    pair(tmp_path)
    source = tmp_path / "source"
    first = fingerprint("folder", {"path": str(source)})
    assert fingerprint("folder", {"path": str(source)}) == first
    assert fingerprint("folder", {"path": str(source), "match": "file_name"}) != first
    source.rename(tmp_path / "elsewhere")
    assert fingerprint("folder", {"path": str(tmp_path / "elsewhere")}) == first
    write_png(tmp_path / "elsewhere/c.png")
    assert fingerprint("folder", {"path": str(tmp_path / "elsewhere")}) != first
    with pytest.raises(Refused, match="file_missing"):
        fingerprint("folder", {"path": str(source)})
