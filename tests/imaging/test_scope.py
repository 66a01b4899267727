"""What a header says decides scope: modality, purpose, body part, view; silence decides nothing."""

from __future__ import annotations

import pytest
from chest_films import film
from pydicom.dataset import Dataset

from docphim.errors import Refused
from docphim.imaging.film import film_from
from docphim.imaging.header_words import plain


def utf8(value: str) -> str:
    """UTF-8 bytes in a code string, as pydicom writes them back."""
    return value.encode().decode("latin-1")


def coded(value: str, meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return [item]


@pytest.mark.parametrize(
    ("tags", "view", "source"),
    [
        ({}, "unknown", None),
        ({"ViewPosition": "PA"}, "PA", "ViewPosition"),
        ({"ViewPosition": "ap "}, "AP", "ViewPosition"),
        ({"ViewPosition": "AP ERECT"}, "AP", "ViewPosition"),
        ({"ViewPosition": ""}, "unknown", None),
        ({"ViewPosition": "FRONTAL"}, "unknown", None),
        ({"ViewCodeSequence": coded("272479007", "x")}, "PA", "ViewCodeSequence"),
        ({"ViewCodeSequence": coded("R-10206", "x")}, "AP", "ViewCodeSequence"),
        ({"ViewCodeSequence": coded("other", "postero-anterior")}, "PA", "ViewCodeSequence"),
        ({"ViewPosition": "PA", "ViewCodeSequence": coded("399348003", "antero-posterior")}, "unknown", None),
        ({"ViewPosition": "PA", "SeriesDescription": "LAT"}, "PA", "ViewPosition"),
        ({"SeriesDescription": "CHEST PA AND LAT"}, "unknown", None),
        ({"SeriesDescription": "Ngực thẳng - nghiêng"}, "unknown", None),
        ({"SeriesDescription": "Ngực thẳng"}, "unknown", None),
        ({"SeriesDescription": "Chest PA", "ProtocolName": "LATERAL"}, "unknown", None),
        ({"ProtocolName": "ABDOMEN", "BodyPartExamined": "CHEST"}, "unknown", None),
        ({"ProtocolName": "ABDOMEN", "SeriesDescription": "Tim phổi thẳng"}, "unknown", None),
        ({"AcquisitionDeviceProcessingDescription": "CHEST,GENERAL P-A"}, "unknown", None),
        ({"SeriesDescription": "platform translation"}, "unknown", None),
        ({"PatientOrientation": ["L", "F"]}, "unknown", None),
        ({"BodyPartExamined": "CHEST"}, "unknown", None),
        ({"BodyPartExamined": "Thorax"}, "unknown", None),
        ({"BodyPartExamined": utf8("NGỰC")}, "unknown", None),
        ({"BodyPartExamined": utf8("TIM PHỔI")}, "unknown", None),
        ({"BodyPartExamined": "CHESTABDOMEN"}, "unknown", None),
        ({"BodyPartExamined": "UNKNOWN"}, "unknown", None),
        ({"AnatomicRegionSequence": coded("816094009", "Chest")}, "unknown", None),
        ({"Modality": "DX"}, "unknown", None),
        ({"Modality": None}, "unknown", None),
        ({"PresentationIntentType": "FOR PRESENTATION"}, "unknown", None),
    ],
)
def test_a_frontal_or_silent_header_is_let_in(tags: dict[str, object], view: str, source: str | None) -> None:
    made = film_from(film(12, **tags))
    assert (made.view, made.how["view_from"]) == (view, source)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"ViewPosition": "LL"}, "view_out_of_scope"),
        ({"ViewPosition": "RL"}, "view_out_of_scope"),
        ({"ViewPosition": "LATERAL"}, "view_out_of_scope"),
        ({"ViewPosition": "LAO"}, "view_out_of_scope"),
        ({"ViewPosition": "LLD"}, "view_out_of_scope"),
        ({"ViewPosition": utf8("NGHIÊNG")}, "view_out_of_scope"),
        ({"ViewCodeSequence": coded("399173006", "x")}, "view_out_of_scope"),
        ({"ViewCodeSequence": coded("R-10232", "x")}, "view_out_of_scope"),
        ({"ViewCodeSequence": coded("other", "left lateral")}, "view_out_of_scope"),
        ({"ViewCodeSequence": coded("other", "right anterior oblique")}, "view_out_of_scope"),
        ({"ViewPosition": "PA", "ViewCodeSequence": coded("399067008", "lateral")}, "view_out_of_scope"),
        ({"PatientOrientation": ["A", "F"]}, "view_out_of_scope"),
        ({"PatientOrientation": ["P", "F"], "ViewPosition": "PA"}, "view_out_of_scope"),
        ({"SeriesDescription": "W Chest Lat."}, "view_out_of_scope"),
        ({"SeriesDescription": "Phổi nghiêng trái"}, "view_out_of_scope"),
        ({"ProtocolName": "Chest LAT"}, "view_out_of_scope"),
        ({"AcquisitionDeviceProcessingDescription": "CHEST,LATERAL"}, "view_out_of_scope"),
        ({"AcquisitionDeviceProcessingDescription": "CHEST,LATERAL", "SeriesDescription": "Chest PA"}, "view_out_of_scope"),
        ({"SeriesDescription": "Chest PA/LAT", "ProtocolName": "Chest lateral"}, "view_out_of_scope"),
        ({"BodyPartExamined": "CHEST LAT"}, "view_out_of_scope"),
        ({"SeriesDescription": "Knee AP"}, "body_part_out_of_scope"),
        ({"ProtocolName": utf8("Khớp gối thẳng"), "BodyPartExamined": "UNKNOWN"}, "body_part_out_of_scope"),
        ({"BodyPartExamined": "EXTREMITY"}, "body_part_out_of_scope"),
        ({"BodyPartExamined": "ABDOMEN"}, "body_part_out_of_scope"),
        ({"BodyPartExamined": "TSPINE"}, "body_part_out_of_scope"),
        ({"BodyPartExamined": "THORACIC SPINE"}, "body_part_out_of_scope"),
        ({"BodyPartExamined": "RIBS"}, "body_part_out_of_scope"),
        ({"BodyPartExamined": "CHEST", "AnatomicRegionSequence": coded("72696002", "Knee")}, "body_part_out_of_scope"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_processing"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1", "Modality": "DX"}, "for_processing"),
        ({"Modality": "CT"}, "modality_unsupported"),
        ({"Modality": "MG"}, "modality_unsupported"),
        ({"Modality": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128"}, "modality_unsupported"),
        ({"Modality": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "modality_unsupported"),
    ],
)
def test_what_is_out_of_scope_is_refused_by_reason(tags: dict[str, object], reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        film_from(film(12, **tags))
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    "tag", ["BodyPartExamined", "Modality", "ViewPosition", "SeriesDescription", "ProtocolName", "PatientOrientation"]
)
def test_free_text_of_a_header_never_reaches_a_sentence(tag: str) -> None:
    value = {"PatientOrientation": ["AZZNAMEZZ", "F"]}
    value |= dict.fromkeys(("SeriesDescription", "ViewPosition", "ProtocolName"), "ZZNAMEZZ LAT")
    with pytest.raises(Refused) as refusal:
        film_from(film(12, **{tag: value.get(tag, "ZZNAMEZZ")}))
    assert "NAME" not in str(refusal.value)


@pytest.mark.parametrize(("text", "expected"), [("Ngực  thẳng", "NGUC THANG"), ("đỉnh-phổi", "DINH PHOI"), ("", "")])
def test_words_are_compared_without_accents(text: str, expected: str) -> None:
    assert plain(text) == expected
