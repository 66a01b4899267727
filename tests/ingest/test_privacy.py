"""A planted patient is in no output but private.csv, and the key lies where nobody copies it."""

import logging
import os
import stat
import traceback

import pytest
from films import Ingested, write_csv, write_dicom, write_png
from hypothesis import given
from hypothesis import strategies as st

from docphim.errors import Refused, UsageError
from docphim.ingest.headers import ALLOWED
from docphim.ingest.identities import Identities, load_key
from docphim.ingest.names import announced, remove_identities

PLANTED = (
    "PHẠM",
    "QUỲNH",
    "QUYNH",
    "Phạm",
    "Quỳnh",
    "Quynh",
    "0098765",
    "98765",
    "ACC4321",
    "1.2.840.4321",
    "0912345678",
    "19510203",
)
REPORT = """BỆNH VIỆN ĐA KHOA
Họ tên: PHẠM THỊ QUỲNH   Tuổi: 72   Giới: Nữ
Mã BN: 0098765  SĐT: 0912345678
Mô tả: BN Quỳnh đau ngực. Bóng mờ tim to. Bà Phạm Thị Quỳnh (PID 0098765) có phim ACC4321 ngày 12/03/2023.
Kết luận: Bóng mờ tim to.
BS. Phạm Quỳnh"""


def hospital(tmp_path):
    """Names and numbers in the header, the folder, the file names, the table and its text; films that are refused, too."""
    source = tmp_path / "PHAM THI QUYNH export" / "source"
    tags = {
        "PatientName": "PHAM^THI QUYNH",
        "PatientID": "0098765",
        "PatientBirthDate": "19510203",
        "AccessionNumber": "ACC4321",
        "StudyInstanceUID": "1.2.840.4321",
        "StudyDate": "20230312",
        "ReferringPhysicianName": "Phạm^Quỳnh",
    }
    write_dicom(source / "Phạm Thị Quỳnh/QUYNH_0098765.dcm", **tags)
    write_dicom(source / "Phạm Thị Quỳnh/sr.dcm", **(tags | {"Modality": "SR", "SOPInstanceUID": "1.2.840.4321.9"}))
    write_dicom(source / "Quynh 2.dcm", **(tags | {"AccessionNumber": "ACC43210", "StudyInstanceUID": "1.2.840.43210"}))
    write_dicom(source / "bad.dcm", PatientName="x" * 300 + "^QUYNH", StudyDate="QUYNH", AccessionNumber="ACC4321000000000000")
    (source / "QUYNH broken.dcm").write_bytes(b"PHAM THI QUYNH" * 99)
    (source / "QUYNH link.png").symlink_to(source / "nothing QUYNH")
    header = ["Mã phiếu", "Họ tên", "Mã BN", "Nội dung"]
    rows = [
        ["ACC4321", "Phạm Thị Quỳnh", "0098765", REPORT],
        ["QUYNH-0098765", "Phạm Thị Quỳnh", "0098765", REPORT],
        ["9.8765E+14", "Phạm Thị Quỳnh", "0098765", REPORT, "QUYNH too many"],
    ]
    write_csv(source / "Quỳnh.csv", header, *rows)
    return source


def test_a_planted_patient_is_in_private_csv_alone(tmp_path, caplog, capfd):
    source = hospital(tmp_path)
    with caplog.at_level(logging.DEBUG):
        got = Ingested(tmp_path, path=str(source))
    assert len(got.studies) == 1
    assert got.studies[0]["report"]["sections"]["impression"] == "Bóng mờ tim to."
    assert "Bóng mờ tim to." in got.studies[0]["report"]["sections"]["findings"]
    written = {p.name: p.read_text(encoding="utf-8") for p in got.dataset.iterdir()}
    assert "QUYNH_0098765.dcm" in written.pop("private.csv")
    assert set(written) == {"studies.jsonl", "rejected.jsonl", "ingest_notes.json"}
    assert len(got.rejected) >= 6
    shown = "\n".join([*written.values(), caplog.text, *capfd.readouterr()])
    assert [name for name in PLANTED if name in shown] == []


@pytest.mark.parametrize("written", ["PHẠM^THỊ QUỲNH", "PHAM^THI QUYNH"])
def test_a_name_goes_whatever_character_set_its_header_forgot(tmp_path, written):
    tags = {"SpecificCharacterSet": None, "PatientName": written.encode().decode("latin-1"), "AccessionNumber": "A"}
    write_dicom(tmp_path / "source/1.dcm", **tags)
    write_csv(tmp_path / "source/r.csv", ["accession", "text"], ["A", "Phim của Phạm Thị Quỳnh, hai phổi sáng."])
    [study] = Ingested(tmp_path).studies
    assert study["report"]["sections"]["findings"] == "Phim của, hai phổi sáng."


def test_only_the_owner_can_open_what_names_patients(tmp_path):
    got = Ingested(tmp_path, path=str(hospital(tmp_path)))
    assert stat.S_IMODE((got.dataset / "private.csv").stat().st_mode) == 0o600
    assert stat.S_IMODE(got.dataset.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secret/key").stat().st_mode) == 0o600


BROKEN = [
    {"reports": "Quỳnh.csv", "columns": {"findings": "none"}},
    {"reports": "Quỳnh.csv", "encoding": "utf-16"},
    {"match": "study_uid", "columns": {"text": "Nội dung", "study_uid": "Mã BN"}},
]


@pytest.mark.parametrize("options", BROKEN)
def test_a_traceback_names_nobody(tmp_path, options):
    source = hospital(tmp_path)
    options = {"columns": {"text": "Nội dung"}} | options if "reports" not in options else options
    with pytest.raises((Refused, UsageError)) as caught:
        Ingested(tmp_path, path=str(source), **options)
    shown = "".join(traceback.format_exception_only(caught.value)) + str(caught.value.__cause__ or "")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert [name for name in PLANTED if name in shown] == []


def test_a_table_without_a_header_is_not_quoted(tmp_path):
    write_png(tmp_path / "source/a.png")
    write_csv(tmp_path / "source/r.csv", ["ACC4321", "Phạm Thị Quỳnh", "Tim to"])
    with pytest.raises(UsageError) as caught:
        Ingested(tmp_path, reports="r.csv")
    assert "Qu" not in str(caught.value)


TEXTS = [
    ("BN Nguyễn Văn Phim, 72 tuổi, đau ngực", ["NGUYEN^VAN PHIM"], "BN, 72 tuổi, đau ngực"),
    ("BN Phim đau ngực. Thành ngực cân đối", ["Nguyễn^Phim^Thành"], "BN đau ngực. Thành ngực cân đối"),
    ("Phạm vi tổn thương rộng, phạm vi hẹp", ["LE^VI PHAM"], "Phạm vi tổn thương rộng, phạm vi hẹp"),
    ("Phim của BN Nguyễn Thị Bình. Bóng tim to", [], "Phim của BN. Bóng tim to"),
    ("Bóng tim to (BN Nguyễn Thị Bình, PID 123456). Hết", [], "Bóng tim to (BN). Hết"),
    ("BS Lê Minh Tuấn\nBóng tim to", [], "Bóng tim to"),
    ("BN nam 72 tuổi tên Nguyễn Văn An, ho", [], "BN nam 72 tuổi tên, ho"),
    ("Số phiếu XQ-2311 đã xem; tim to 123 mm", [], "đã xem; tim to 123 mm"),
    ("Smith has clear lungs, SMITH JOHN", ["Smith^John"], "has clear lungs,"),
    ("Bệnh nhân ông Trần Văn Ánh sốt", [], "Bệnh nhân ông sốt"),
    ("Tim to.\nBác sĩ đọc phim\nLê Thị Bích Ngọc", [], "Tim to."),
    ("Patient name: Jane Doe\nClear lungs. Doe", [], "Clear lungs."),
    ("Họ tên: Lê Thị Hoa Tuổi: 50 Mô tả: Tim to. Bà Hoa sốt", [], "Mô tả: Tim to. Bà sốt"),
    ("Chest PA clear", ["CHEST^PA"], "Chest PA clear"),
    ("BỆNH NHÂN ĐAU NGỰC, TRÀN DỊCH MÀNG PHỔI", [], "BỆNH NHÂN ĐAU NGỰC, TRÀN DỊCH MÀNG PHỔI"),
    ("phim ngày 12/03/2023 và 12 tháng 3 năm 2022", [], "phim năm 2023 và 2022"),
    ("Film of 27 January 2020, and of Jan. 5th, 2021. May show edema", [], "Film of 2020, and of 2021. May show edema"),
    ("ngày 27/7 năm 2017, ngày 3/4, ngày 3/4/23, sườn 3/4", [], "năm 2017, sườn 3/4"),
    ("Nốt 12.5 mm, ELISA 2023-01-05, gọi 0912 345 678", [], "Nốt 12.5 mm, ELISA 2023, gọi"),
]


@pytest.mark.parametrize(("text", "names", "expected"), TEXTS)
def test_names_go_and_findings_stay(text, names, expected):
    assert remove_identities(text, names)[:2] == (expected, False)


def test_a_letterhead_announces_names_apart_from_numbers():
    text = "Họ tên: Nguyễn Văn An\nMã BN: BN-0098765\nĐịa chỉ: Hà Nội\nHình ảnh: tim to."
    assert announced(text) == (["Nguyễn Văn An"], ["BN-0098765"])
    assert remove_identities(text + "\nSo với phim của BN-0098765 không đổi.").text.count("0098765") == 0


def test_in_english_a_name_goes_without_a_title():
    assert remove_identities("Clear lungs. Doe is well", ["DOE^JANE"], language="en").text == "Clear lungs. is well"


def test_numbers_of_the_patient_go_with_and_without_zeros():
    text = "Số 0012345 và 12345, ảnh A-77x; nốt 123 mm"
    assert remove_identities(text, [], ["0012345", "A-77X", "123"]).text == "Số và, ảnh; nốt 123 mm"


@given(st.text("Nguyễn Văn An BN:.\n-0123456789/"), st.text("Nguyễn ^AnB"))
def test_removal_never_fails_and_leaves_no_whole_name(text, name):
    result = remove_identities(f"{text} BN Trần Văn Quốc {text}", [name, "TRẦN^VĂN QUỐC"]).text
    assert "Văn Quốc" not in result


def test_no_identity_is_on_the_list_of_what_is_kept():
    assert "PatientAddress" not in ALLOWED
    assert len(set(ALLOWED)) == len(ALLOWED)


def test_the_same_id_gives_the_same_hash_under_one_key_only():
    one, two = Identities(b"1" * 32), Identities(b"2" * 32)
    assert one.study("uid:1.2") == Identities(b"1" * 32).study("uid:1.2") != two.study("uid:1.2")
    assert one.hashed("study", "7") != one.hashed("patient", "7")
    assert len(one.study("uid:1.2")) == 16


def test_a_key_is_made_once_for_its_owner(tmp_path):
    path = tmp_path / "config/docphim/key"
    key = load_key(str(path), [])
    assert load_key(str(path), []) == key
    assert len(key) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["key"]


def test_the_environment_names_a_key(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCPHIM_KEY_FILE", str(tmp_path / "k/key"))
    assert load_key(None, []) == (tmp_path / "k/key").read_bytes().strip()


@pytest.mark.parametrize("place", ["source/key", "data/key", "data/name/key/key", "runs/r/key", "elsewhere/run/deep/key"])
def test_a_key_inside_what_is_shared_is_refused_and_not_made(tmp_path, place):
    write_png(tmp_path / "source/b.png")
    write_csv(tmp_path / "source/r.csv", ["id", "findings"], ["b", "Tim to"])
    (tmp_path / "elsewhere/run").mkdir(parents=True)
    (tmp_path / "elsewhere/run/recipe.yaml").touch()
    with pytest.raises(UsageError, match="outside"):
        Ingested(tmp_path, key_file=str(tmp_path / place))
    assert not (tmp_path / place).is_file()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize(("content", "mode", "message"), [("x" * 64, 0o644, "chmod 600"), ("short", 0o600, "32 bytes")])
def test_a_key_that_others_can_read_or_guess_is_refused(tmp_path, content, mode, message):
    path = tmp_path / "key"
    path.write_text(content, encoding="ascii")
    path.chmod(mode)
    with pytest.raises(UsageError, match=message):
        load_key(str(path), [])


PATHS = [
    "~nosuchuser/key",
    "~nosuchuser",
    "k" * 300,
    "k" * 300 + "/key",
    "a/b/" + "k" * 5000,
    "file/key",
    "file",
    ".",
    "round/key",
]
PATHS += ["closed/key", "closed/deep/key", "a\0b"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("place", PATHS, ids=range(len(PATHS)))
def test_a_key_path_that_leads_nowhere_is_a_wrong_setting_and_no_fault_of_the_source(tmp_path, place):
    (tmp_path / "file").write_text("x", encoding="ascii")
    (tmp_path / "file").chmod(0o600)
    (tmp_path / "round").symlink_to(tmp_path / "round")
    (tmp_path / "closed").mkdir(mode=0o000)
    if place.startswith("closed") and os.access(tmp_path / "closed", os.X_OK):
        pytest.skip("this user may go everywhere")
    with pytest.raises(UsageError, match=r"^source\.key_file: ") as refusal:
        load_key(place if place.startswith("~") else f"{tmp_path}/{place}", [])
    assert "kkk" not in str(refusal.value)
