"""CT scans in a folder: which report is of which scan, whom a slice names, and what costs a scan."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chest_volumes import SPACING, chest, nifti, scan
from films import write_dicom, write_png

from docphim.files import read_json, read_jsonl
from docphim.imaging import store
from docphim.imaging.io import locations
from docphim.ingest import ingest
from docphim.prepare import prepare
from docphim.study import Row

TEXT = "Tràn dịch màng phổi trái. Không thấy nốt mờ."


def table(folder: Path, **rows: str) -> None:
    """reports.csv: id → text."""
    with open(folder / "reports.csv", "w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("id", "text"), *rows.items()])


def study(folder: Path, number: int, **tags: Any) -> Path:
    """One scan; its accession is A and the number."""
    made = f"{number}.{sum(map(ord, folder.name))}"
    uids = {"SOPInstanceUID": lambda n: f"1.2.3.{made}.{n}", "SeriesInstanceUID": f"1.2.4.{made}"}
    whose = {"StudyInstanceUID": f"1.2.6.{number}", "AccessionNumber": f"A{number}", "PatientID": f"P{number}"}
    return scan(folder, **{**uids, **whose, **tags})


def ingested(folder: Path, tmp_path: Path, **options: Any) -> tuple[list[Row], Row, Path]:
    """Studies, reasons by count, and the dataset."""
    dataset = tmp_path / "data" / "name" / "key"
    given = {"path": str(folder), "modalities": ["ct"], "key_file": str(tmp_path / "secret" / "key"), **options}
    ingest("folder", given, dataset, language="vi", split_by_source=False)
    reasons: dict[str, int] = {}
    for row in read_jsonl(dataset / "rejected.jsonl"):
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
    return list(read_jsonl(dataset / "studies.jsonl")), reasons, dataset


def test_scans_meet_their_reports_and_become_volumes(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    study(folder / "one" / "thick", 1, SliceThickness=5.0, ConvolutionKernel="B70f")
    study(folder / "one" / "soft", 1, SliceThickness=1.5, ConvolutionKernel="B30f")
    study(folder / "two", 2)
    write_dicom(folder / "one" / "dose.dcm", Modality="SR", StudyInstanceUID="1.2.6.1")
    write_png(folder / "two" / "shot.png")
    (folder / "two" / "Thumbs.db").write_bytes(b"\xd0\xcf")
    (folder / "two" / "broken.dcm").write_bytes(b"junk")
    table(folder, A1=TEXT, A2=TEXT.replace("trái", "phải"), A3=TEXT)
    studies, reasons, dataset = ingested(folder, tmp_path)
    assert [[(s["modality"], s["unit"]) for s in row["series"]] for row in studies] == [[("ct", "HU")]] * 2
    assert reasons == {"file_unreadable": 1, "image_missing": 1}
    counts = read_json(dataset / "ingest_notes.json")["counts"]
    assert (counts["objects_ignored"], counts["files_ignored"]) == (1, 2)
    places = locations.read_table(dataset / "private.csv")
    assert sorted(len(locations.parse(places[row["series"][0]["id"]]).names) for row in studies) == [12, 24]
    prepare(dataset, settings={"ct": {"spacing": SPACING, "series": {"kernel": "soft"}}}, workers=1)
    index = {row["study"]: row for row in read_jsonl(dataset / "prepared" / "index.jsonl")}
    left = next(row["id"] for row in studies if "trái" in str(row["report"]))
    assert len(index) == 1  # of the second study no kernel is known
    assert (index[left]["how"]["kernel"], index[left]["how"]["series"]["of"], index[left]["shape"]) == ("B30f", 2, [12, 32, 32])
    assert store.read(dataset / index[left]["path"])[3, 12, 22] == 700
    assert np.load(dataset / "prepared" / "thumbs-ct.npy").shape == (1, 16, 16, 16)


@pytest.mark.parametrize(
    ("made", "rows"),
    [
        (lambda f: [study(f / "BN01", 1, AccessionNumber=None), study(f / "BN02", 2, AccessionNumber=None)], ["BN01", "BN02"]),
        (lambda f: [study(f / "a" / "BN01" / "ct", 1), study(f / "b" / "BN02" / "ct", 2)], ["BN01", "BN02"]),
        (lambda f: [(f / f"BN0{n}.nii").write_bytes(nifti(chest())) for n in (1, 2)], ["BN01", "BN02"]),
        (lambda f: [(f / f"BN0{n}.nii.gz").write_bytes(nifti(chest())) for n in (1, 2)], ["BN01.nii.gz", "BN02.nii.gz"]),
        (lambda f: [study(f, 1, AccessionNumber="A1"), study(f / "x", 2, AccessionNumber="A2")], ["A1", "A2"]),
        (lambda f: [study(f / "x", 1), study(f / "y", 2)], ["1.2.6.1", "1.2.6.2"]),
    ],
)
def test_rows_find_scans_by_whatever_names_them(tmp_path: Path, made: Callable[[Path], object], rows: list[str]) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    made(folder)
    table(folder, **{rows[0]: TEXT, rows[1]: TEXT.replace("trái", "phải")})
    studies, reasons, _ = ingested(folder, tmp_path)
    assert (len(studies), reasons) == (2, {})
    assert len({row["patient"] for row in studies}) == 2


def test_what_is_no_scan_costs_itself_alone(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    study(folder / "good", 1)
    study(folder / "mixed", 2, PatientID=lambda n: f"P{n % 2}")
    write_dicom(folder / "film.dcm", AccessionNumber="A3", StudyInstanceUID="1.2.6.3")
    study(folder / "silent", 4)
    table(folder, A1=TEXT, A2=TEXT, A3=TEXT)
    studies, reasons, _ = ingested(folder, tmp_path)
    assert len(studies) == 1
    assert reasons == {"study_mixed_patients": 1, "modality_unsupported": 1, "report_missing": 1, "image_missing": 2}


def test_a_name_on_any_slice_is_taken_out_of_the_report(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    study(folder / "a", 1, PatientName="NGUYEN VAN THU", OperatorsName=lambda n: "BUI^XUAN^TRUC" if n == 7 else "")
    table(folder, A1=f"Bùi Xuân Trúc chụp. {TEXT}")
    studies, _, _ = ingested(folder, tmp_path)
    assert "Trúc" not in str(studies) and "Tràn dịch" in str(studies)


def test_scans_without_reports_are_kept_for_drafts(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    study(folder / "a", 1)
    (folder / "b.nii").write_bytes(nifti(chest()))
    studies, reasons, _ = ingested(folder, tmp_path, without_report="only")
    assert (len(studies), reasons) == (2, {})
    shutil.rmtree(tmp_path / "data")
    studies, reasons, _ = ingested(folder / "b.nii", tmp_path, without_report="only")
    assert (len(studies), reasons) == (1, {})


def test_a_recipe_of_films_passes_over_scans_as_before(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    study(folder / "a", 1)
    write_dicom(folder / "film.dcm", AccessionNumber="A3", StudyInstanceUID="1.2.6.3")
    table(folder, A1=TEXT, A3=TEXT)
    studies, reasons, _ = ingested(folder, tmp_path, modalities=["xray"])
    assert [row["series"][0]["modality"] for row in studies] == ["xray"]
    assert reasons == {"modality_unsupported": 1, "image_missing": 1}
