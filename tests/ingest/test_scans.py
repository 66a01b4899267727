"""CT scans in a hospital's folder: gathered by study and patient, matched with reports, prepared, drafted without any."""

import csv
import gzip
import shutil

import chest_volumes
import ct_series
import numpy as np
import pytest
from films import Ingested, write_png

from docphim.errors import Refused
from docphim.files import read_jsonl
from docphim.imaging import store
from docphim.imaging.io import locations
from docphim.prepare import prepare

GRID = {"ct": {"spacing": [20, 10, 10]}}


def scan(folder, name="", patient="P1", study="1.2.3", **tags):
    folder.mkdir(parents=True, exist_ok=True)
    series = tags.setdefault("SeriesInstanceUID", f"{study}.{patient[1:]}")
    tags.setdefault("SOPInstanceUID", lambda number: f"{series}.{number + 1}")
    tags = {"PatientID": patient, "PatientName": f"{patient}^NAME", "StudyInstanceUID": study, **tags}
    return chest_volumes.scan(folder, name=name, **tags)


def beside(path, study, modality):
    """A file of another modality: a header, and no pixels."""
    header = ct_series.slice_at(0)
    header.StudyInstanceUID, header.Modality, header.SOPInstanceUID = study, modality, f"1.9.{path.stem}"
    header.file_meta.MediaStorageSOPClassUID, header.file_meta.MediaStorageSOPInstanceUID = header.SOPClassUID, "1.9"
    del header.PixelData
    header.save_as(path, enforce_file_format=True)


def table(root, *rows):
    root.mkdir(parents=True, exist_ok=True)
    with open(root / "reports.csv", "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([["Mã", "Mô tả", "Kết luận"], *rows])


def ingested(tmp_path, *modalities, **options):
    return Ingested(tmp_path, modalities=list(modalities or ("ct",)), **options)


REPORT = ["Nốt đặc 6 mm thùy trên phổi trái.", "Nốt phổi trái."]


def test_a_scan_is_one_study_whatever_folders_its_series_lie_in(tmp_path):
    root = tmp_path / "source"
    scan(root / "BN01" / "SE1", SeriesInstanceUID="1.2.3.1", SeriesNumber=1)
    scan(root / "BN01" / "SE2", SeriesInstanceUID="1.2.3.2", SeriesNumber=2, ConvolutionKernel="B60f")
    table(root, ["BN01", *REPORT])
    got = ingested(tmp_path)
    (study,) = got.studies
    (series,) = study["series"]
    assert (series["modality"], series["unit"], len(study["report"]["sections"])) == ("ct", "HU", 2)
    place = locations.parse(locations.read_table(got.dataset / "private.csv")[series["id"]])
    assert len(place.names) == 24 and all(path.is_file() for path in place.paths)
    prepare(got.dataset, settings=GRID, workers=1)
    (row,) = read_jsonl(got.dataset / "prepared" / "index.jsonl")
    assert row["shape"] == [12, 32, 32] and row["how"]["series"]["of"] == 2
    np.testing.assert_array_equal(np.argwhere(store.read(got.dataset / row["path"]) == 700), [[3, 12, 22]])


MATCHED = {
    "by its folder": ("BN01", [("BN01", "1.2.3")]),
    "by its folder, a series' below it": ("BN01", [("BN01/SE1", "1.2.3")]),
    "by its accession number": ("A7", [("x/y", "1.2.3")]),
    "by its study's UID": ("1.2.3", [("x", "1.2.3"), ("y", "1.2.4")]),
    "of a folder called by a UID": ("1.2.840.113", [("1.2.840.113", "1.2.3")]),
    "flat, among others": ("A7", [("", "1.2.3")]),
}


@pytest.mark.parametrize(("number", "there"), MATCHED.values(), ids=MATCHED)
def test_a_report_finds_its_scan(tmp_path, number, there):
    root = tmp_path / "source"
    for count, (folder, study) in enumerate(there):
        accession = "A7" if number == "A7" and count == 0 else f"B{count}"
        scan(root / folder, name=f"{count}", patient=f"P{count}", study=study, AccessionNumber=accession)
    table(root, [number, *REPORT])
    got = ingested(tmp_path)
    assert len(got.studies) == 1 and got.reasons == ["report_missing"] * (len(there) - 1)


@pytest.mark.parametrize("name", ["BN01.nii.gz", "BN01.nii", "BN01/scan.nii.gz"])
def test_a_nifti_file_is_a_scan(tmp_path, name):
    path = tmp_path / "source" / name
    path.parent.mkdir(parents=True)
    data = chest_volumes.nifti(chest_volumes.chest())
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    table(tmp_path / "source", ["BN01", *REPORT])
    got = ingested(tmp_path)
    prepare(got.dataset, settings=GRID, workers=1)
    assert len(list(read_jsonl(got.dataset / "prepared" / "index.jsonl"))) == 1


def test_two_patients_under_one_study_are_never_joined(tmp_path):
    root = tmp_path / "source"
    scan(root / "a", name="a", patient="P1")
    scan(root / "b", name="b", patient="P2")
    table(root, ["1.2.3", *REPORT])
    with pytest.raises(Refused, match="study_mixed_patients 1"):
        ingested(tmp_path)


def test_copies_of_slices_are_passed_over_and_two_slices_of_one_place_refused(tmp_path):
    root = tmp_path / "source"
    folder = scan(root / "BN01")
    shutil.copytree(folder, root / "BN01" / "again")
    torn = scan(root / "BN02", patient="P2", study="1.2.9")
    first = sorted(torn.iterdir())[0]
    (torn / "again").mkdir()
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    (torn / "again" / first.name).write_bytes(data)
    table(root, ["BN01", *REPORT], ["BN02", *REPORT])
    got = ingested(tmp_path)
    assert len(got.studies) == 2 and got.notes["counts"]["copies_ignored"] == 12
    prepare(got.dataset, settings=GRID, workers=1)
    assert [row["reason"] for row in read_jsonl(got.dataset / "rejected.jsonl")] == ["duplicate_uid"]


def test_slices_that_an_anonymiser_gave_one_uid_are_a_scan_by_their_places(tmp_path):
    scan(tmp_path / "source" / "BN01", SOPInstanceUID="1.2.3")
    table(tmp_path / "source", ["BN01", *REPORT])
    got = ingested(tmp_path)
    prepare(got.dataset, settings=GRID, workers=1)
    (row,) = read_jsonl(got.dataset / "prepared" / "index.jsonl")
    assert row["shape"] == [12, 32, 32]


def test_what_lies_beside_the_slices_is_counted_and_other_modalities_are_refused(tmp_path):
    root = tmp_path / "source"
    scan(root / "BN01")
    for number, (study, modality) in enumerate([("1.2.3", "SR"), ("1.2.8", "MR"), ("1.2.7", "CR")]):
        beside(root / f"{number}.dcm", study, modality)
    write_png(root / "shot.png")
    table(root, ["BN01", *REPORT])
    got = ingested(tmp_path)
    assert (len(got.studies), got.reasons) == (1, ["modality_unsupported"] * 2)
    assert got.notes["counts"]["objects_ignored"] == 1
    with pytest.raises(Refused, match="modality_unsupported 3"):  # films alone: the scan is refused
        Ingested(tmp_path)


def test_films_and_scans_may_be_read_together(tmp_path):
    root = tmp_path / "source"
    scan(root / "BN01")
    write_png(root / "BN02.png")
    table(root, ["BN01", *REPORT], ["BN02", "Bóng tim to.", "Tim to."])
    assert sorted(study["series"][0]["modality"] for study in ingested(tmp_path, "ct", "xray").studies) == ["ct", "xray"]
