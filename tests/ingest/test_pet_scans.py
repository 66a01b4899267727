"""PET/CT in a hospital's folder: two volumes a study, each with all its files, PET alone, and studies that lack one of them."""

import csv

import ct_series
import numpy as np
import pytest
from films import Ingested

from docphim.errors import UsageError
from docphim.imaging.io.locations import Pair, SeriesFiles, parse
from docphim.ingest import check
from docphim.language.regions import region_texts

TEXT = (
    "Chỉ định: Đánh giá u phổi so với phim cũ.\nMô tả hình ảnh:\nĐầu - cổ: Không thấy hạch.\n"
    "Lồng ngực: Nốt thùy trên phổi phải 12 mm. So với phim cũ: nốt to hơn.\nNhận định kết quả: Theo dõi u phổi phải."
)


def slices(folder, modality, study="1.2.3", patient="P1", series=None, count=3, **tags):
    """A series of a study: headers that ingest reads, and a pixel each."""
    folder.mkdir(parents=True, exist_ok=True)
    series = series or f"{study}.{sum(map(ord, modality))}"
    for number in range(count):
        ds = ct_series.slice_at(number)
        ds.SOPClassUID = ct_series.PET if modality == "PT" else ct_series.CT
        ds.Modality, ds.StudyInstanceUID, ds.SeriesInstanceUID = modality, study, series
        ds.SOPInstanceUID, ds.PatientID, ds.PatientName = f"{series}.{number + 1}", patient, f"{patient}^NAME"
        ds.PixelData = np.full(ct_series.SHAPE[:2], number, np.uint16).tobytes()
        for name, value in tags.items():
            setattr(ds, name, value)
        ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
        ds.save_as(folder / f"{modality}{series[-4:]}-{number}", enforce_file_format=True)


def table(root, *names):
    with open(root / "reports.csv", "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([["Mã", "Nội dung"], *([name, TEXT] for name in names)])


def ingested(tmp_path, *modalities, **options):
    return Ingested(tmp_path, modalities=list(modalities or ("pet", "pet_ct")), columns={"text": "Nội dung"}, **options)


def locations(got):
    return {line["series"].rpartition("-")[2]: parse(line["location"]) for line in got.private if line["series"]}


@pytest.mark.parametrize("folders", [("BN01/pet", "BN01/ct"), ("BN01", "BN01"), ("BN01/a/pet", "BN01/b")])
def test_a_study_with_pet_and_ct_has_two_series_wherever_their_files_lie(tmp_path, folders):
    root = tmp_path / "source"
    slices(root / folders[0], "PT")
    slices(root / folders[1], "CT", count=5)
    table(root, "BN01")
    got = ingested(tmp_path)
    (study,) = got.studies
    assert [(s["id"], s["modality"], s["unit"]) for s in study["series"]] == [
        (f"{study['id']}-pet", "pet", "SUV"),
        (f"{study['id']}-ct", "pet_ct", "HU"),
    ]
    places = locations(got)
    assert isinstance(places["pet"], SeriesFiles) and len(places["pet"].names) == 3
    assert isinstance(places["ct"], Pair) and parse(places["ct"].grid) == places["pet"]
    ct = parse(places["ct"].volume)
    assert isinstance(ct, SeriesFiles) and len(ct.names) == 5 and all(path.is_file() for path in ct.paths)


def test_all_pet_series_of_a_study_are_one_place_of_which_the_recipe_chooses(tmp_path):
    root = tmp_path / "source"
    slices(root / "BN01", "PT", series="1.2.3.7")
    slices(root / "BN01", "PT", series="1.2.3.8")
    table(root, "BN01")
    assert len(locations(ingested(tmp_path, "pet"))["pet"].names) == 6


def test_the_report_has_its_regions_and_what_was_asked(tmp_path):
    root = tmp_path / "source"
    slices(root / "BN01", "PT")
    table(root, "BN01")
    report = ingested(tmp_path, "pet").studies[0]["report"]
    assert region_texts(report["sections"]) == {
        "head_neck": "Không thấy hạch.",
        "chest": "Nốt thùy trên phổi phải 12 mm.",
    }
    assert report["sections"]["indication"] == "Đánh giá u phổi so với phim cũ."
    assert report["left_out"]["comparison"] == ["So với phim cũ: nốt to hơn."]
    assert report["sections"]["impression"] == "Theo dõi u phổi phải."


CASES = {
    "PET alone, PET read": (["PT"], ["pet"], ["pet"], []),
    "PET alone, both read": (["PT"], ["pet", "pet_ct"], [], ["ct_missing"]),
    "CT alone, both read": (["CT"], ["pet", "pet_ct"], [], ["pet_missing"]),
    "CT alone, PET read": (["CT"], ["pet"], [], ["modality_unsupported"]),
    "CT alone, chest CT read too": (["CT"], ["ct", "pet", "pet_ct"], ["ct"], []),
    "PET alone, chest CT read": (["PT"], ["ct"], [], ["modality_unsupported"]),
    "both, PET read": (["PT", "CT"], ["pet"], ["pet"], []),
    "both, all read": (["PT", "CT"], ["ct", "pet", "pet_ct"], ["pet", "pet_ct"], []),
    "contours beside a PET without CT": (["PT", "RTSTRUCT"], ["pet", "pet_ct"], [], ["ct_missing"]),
    "dose report and contours beside": (["PT", "CT", "SR", "RTSTRUCT"], ["pet", "pet_ct"], ["pet", "pet_ct"], []),
}


@pytest.mark.parametrize(("there", "read", "series", "reasons"), CASES.values(), ids=CASES)
def test_what_a_study_lacks_costs_it_and_no_other(tmp_path, there, read, series, reasons):
    root = tmp_path / "source"
    for modality in there:
        slices(root / "BN01", modality)
    for modality in ("PT", "CT"):  # a whole one beside, of another patient
        slices(root / "BN02", modality, study="1.2.9", patient="P2")
    table(root, "BN01", "BN02")
    got = ingested(tmp_path, *read)
    of_first = [
        s for s in got.studies if not any(line["original_id"] == "BN02" for line in got.private if line["study"] == s["id"])
    ]
    assert [s["modality"] for study in of_first for s in study["series"]] == series
    mine = {row["reason"] for row in got.rejected} - {"image_missing"}
    assert mine == set(reasons)


def test_a_ct_of_another_patient_is_never_joined(tmp_path):
    root = tmp_path / "source"
    slices(root / "BN01", "PT", patient="P1")
    slices(root / "BN01", "CT", patient="P2")
    slices(root / "BN02", "PT", study="1.2.9", patient="P3")
    slices(root / "BN02", "CT", study="1.2.9", patient="P3")
    table(root, "BN01", "BN02")
    got = ingested(tmp_path)
    assert len(got.studies) == 1 and "study_mixed_patients" in got.reasons


def test_a_ct_that_is_passed_over_is_counted(tmp_path):
    root = tmp_path / "source"
    slices(root / "BN01", "PT")
    slices(root / "BN01", "CT")
    table(root, "BN01")
    assert ingested(tmp_path, "pet").notes["counts"]["cts_passed_over"] == 1


def test_films_keep_what_they_had_and_a_pets_ct_needs_its_pet(tmp_path):
    with pytest.raises(UsageError, match="name pet with it"):
        check("folder", {"path": str(tmp_path), "modalities": ["pet_ct"]})
