"""Descriptions as departments write them, in three languages: chests, other parts, laterals, animals, tests."""

from __future__ import annotations

import pytest
from chest_films import as_bytes, dataset, stored
from pydicom.dataset import Dataset

from docphim.errors import Refused
from docphim.imaging.io.dicom import read
from docphim.imaging.scope import check_film

CHESTS = """Kiểm tra sonde dạ dày | Check NG tube
X-QUANG NGỰC THẲNG | Chụp Xquang ngực thẳng nghiêng | Tim phổi thẳng | TIM PHOI | Chụp Xquang tại giường
Chụp X-quang ngực thẳng [số hóa 1 phim] | XQ NGUC THANG (KTS) | XQ tim phổi thẳng tại giường C-arm
Gói khám tổng quát: ngực, siêu âm bụng | XR CHEST 2 VIEWS | DX CHEST PA LAT | CXR ICU, line check
Chest X-ray (post central line, neck) | XR RIBS BILATERAL W CHEST | Portable chest, post spine surgery
CHEST FOR RIB FRACTURE | Chest - hip fracture preop | Head of department special | ER / hand-held
Thorax de face | Radiographie thoracique | Rx Pulmon F | Cliché thorax face au lit | RADIO PULMONAIRE
Bệnh viện Răng Hàm Mặt | Khám sức khỏe | Cấp cứu | Xquang | Chụp Xquang tại phòng mổ
Chụp Xquang đường dò | Babygram | Chụp Xquang ngực bụng trẻ sơ sinh | Chest and abdomen AP
Thorax-abdomen | Chụp phổi kiểm tra vị trí NKQ | X-quang ngực thẳng (bụng chướng) | Thorax PA (dental clearance)
CXR - dog bite | XQ ngực cựu chiến binh | Ngực thẳng sau cắt thùy phổi | Chest portable, mandible fixation postop"""
OTHER_PARTS = """Chụp răng toàn cảnh | XQ Panorama | X-quang panoramic | ORTHOPANTOMOGRAM | Dental OPG | Teeth bitewing
XQ KHOP GOI P | Chụp Xquang cột sống thắt lưng thẳng nghiêng | XQ thắt lưng T-N | CSTL T-N
Chụp Xquang cột sống cổ thẳng nghiêng | L-SPINE 2 VIEWS | Chụp cột sống ngực thẳng nghiêng
Thoracic spine AP | Lumbar spine AP/LAT | Chụp Xquang Hirtz | Blondeau - Hirtz | Sinus - Waters view
Chụp xoang | Chụp Xquang sọ thẳng nghiêng | Chụp Xquang Schuller | Radio du genou face et profil
Radiographie du bassin | Rachis lombaire F+P | Rachis thoracique | ASP debout | Épaule droite
Cheville gauche | KUB | Bụng không chuẩn bị | Khung chậu thẳng | Xương cẳng tay phải | BÀN TAY TRÁI
Xương đòn thẳng hoặc chếch | Wrist PA | Tuổi xương | Mammography | Thực quản dạ dày | Cổ nghiêng
Cổ tay nghiêng | Scapula Y | Clavicule gauche | Khung sườn | XƯƠNG SƯỜN PHẢI | Hàm chếch một bên
Phim cắn (Occlusal) | XQ vai T | XQ hàm mặt | Chụp mũi nghiêng | Xương chậu | Xquang đầu gối | Feet weight bearing | Radius/Ulna
Main gauche - âge osseux | Télécrâne | TOGD | Pied droit | X-quang hàm dưới | Cone beam hàm trên | Hệ tiết niệu | Tib/Fib AP LAT
Sacro-iliac joints | Small bowel follow through | Hysterosalpingogram | Ngón cái
Bàng quang ngược dòng | Rotule | Xương thuyền"""
LATERALS = """Chụp Xquang ngực nghiêng hoặc chếch mỗi bên | NGUC NGHIENG TRAI | Thorax profil | Chest lateral
Chest decubitus | Đỉnh phổi ưỡn | Chest LLAT | Chụp phổi đỉnh ưỡn"""
SOURCES = ["SeriesDescription", "PerformedProcedureStepDescription", "RequestedProcedureDescription", "StudyDescription"]


def phrases(text: str) -> list[str]:
    return [phrase.strip() for line in text.splitlines() for phrase in line.split("|")]


def header(**tags: object) -> Dataset:
    return read(as_bytes(dataset(stored(12)[:64, :64], 12, **tags)))


def reason(**tags: object) -> str:
    try:
        check_film(header(**tags))
    except Refused as refusal:
        return refusal.reason
    return "let in"


def coded(code: str, meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", meaning
    return [item]


def request(words: str) -> list[Dataset]:
    item = Dataset()
    item.ScheduledProcedureStepDescription = words
    return [item]


@pytest.mark.parametrize("words", phrases(CHESTS))
def test_a_chest_is_let_in_whatever_else_its_study_names(words: str) -> None:
    assert reason(StudyDescription=words) == "let in"


@pytest.mark.parametrize("words", phrases(OTHER_PARTS))
def test_another_part_is_refused(words: str) -> None:
    assert reason(StudyDescription=words) == "body_part_out_of_scope"


@pytest.mark.parametrize("words", phrases(LATERALS))
def test_a_view_that_is_not_frontal_is_refused(words: str) -> None:
    assert reason(StudyDescription=words) == "view_out_of_scope"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("words", "expected"), [("Khớp gối", "body_part_out_of_scope"), ("Ngực nghiêng", "view_out_of_scope"), ("Ngực", "let in")]
)
def test_every_description_is_read(source: str, words: str, expected: str) -> None:
    assert reason(**{source: words}) == expected


@pytest.mark.parametrize("source", ["ProcedureCodeSequence", "RequestedProcedureCodeSequence"])
def test_the_meaning_of_a_procedure_code_is_read(source: str) -> None:
    assert reason(**{source: coded("x", "X-ray of knee")}) == "body_part_out_of_scope"
    assert reason(**{source: coded("x", "Plain chest X-ray")}) == "let in"


def test_what_was_requested_is_read() -> None:
    assert reason(RequestAttributesSequence=request("Knee")) == "body_part_out_of_scope"
    assert reason(RequestAttributesSequence=request("Chụp Xquang ngực nghiêng")) == "view_out_of_scope"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"BodyPartExamined": "CHEST", "StudyDescription": "Knee"}, "let in"),
        ({"SeriesDescription": "Chest PA", "StudyDescription": "Knee"}, "let in"),
        ({"SeriesDescription": "Knee AP", "StudyDescription": "Knee and chest"}, "body_part_out_of_scope"),
        ({"SeriesDescription": "Abdomen supine", "StudyDescription": "Chest + abdomen"}, "body_part_out_of_scope"),
        ({"SeriesDescription": "Chest PA", "StudyDescription": "Chest + abdomen"}, "let in"),
        ({"ProtocolName": "Sternum", "StudyDescription": "Chest PA"}, "body_part_out_of_scope"),
        ({"SeriesDescription": "PA", "StudyDescription": "Ngực nghiêng"}, "let in"),
        ({"BodyPartExamined": "CHEST_ABDOMEN"}, "let in"),
        ({"BodyPartExamined": "TEETH"}, "body_part_out_of_scope"),
        ({"BodyPartExamined": "ABDOMEN", "StudyDescription": "Chest and abdomen"}, "body_part_out_of_scope"),
    ],
)
def test_what_is_nearest_to_the_image_counts_most(tags: dict[str, object], expected: str) -> None:
    assert reason(**tags) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"PatientSpeciesDescription": "Canine"}, "species_out_of_scope"),
        ({"PatientSpeciesDescription": "Chó"}, "species_out_of_scope"),
        ({"PatientSpeciesCodeSequence": coded("448771007", "Canis lupus familiaris")}, "species_out_of_scope"),
        ({"PatientBreedDescription": "Labrador"}, "species_out_of_scope"),
        ({"StudyDescription": "Thorax canine"}, "species_out_of_scope"),
        ({"PatientSpeciesDescription": "Homo sapiens", "PatientBreedDescription": "X"}, "let in"),
        ({"PatientSpeciesCodeSequence": coded("337915000", "")}, "let in"),
        ({"PatientSpeciesCodeSequence": coded("L-85B00", "")}, "let in"),
        ({"PatientSpeciesDescription": "", "PatientBreedDescription": "N/A"}, "let in"),
        ({"QualityControlImage": "YES"}, "quality_control"),
        ({"QualityControlImage": "NO"}, "let in"),
        ({"StudyDescription": "Daily QC"}, "quality_control"),
        ({"SeriesDescription": "Flat field"}, "quality_control"),
    ],
)
def test_animals_and_tests_of_the_machine_are_refused(tags: dict[str, object], expected: str) -> None:
    assert reason(**tags) == expected
