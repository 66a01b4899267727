"""The phantom's files: DICOM headers, polarity and bytes; the study's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from docphim.files import read_json
from docphim.phantom.film import render
from docphim.phantom.patient import Patient
from docphim.phantom.write import write_dicom, write_study


def patient(seed: int) -> Patient:
    return Patient(f"ph{seed:04d}", "F" if seed % 2 else "M", 71, "PA", seed, ())


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list:
    folder = tmp_path_factory.mktemp("films")
    out = []
    for seed in range(12):
        rendered = render(patient(seed), 96)
        write_dicom(folder / f"{seed}.dcm", rendered, patient(seed))
        out.append((rendered, pydicom.dcmread(folder / f"{seed}.dcm")))
    return out


def test_both_polarities_both_depths_and_both_modalities_occur(films: list) -> None:
    headers = [d for _, d in films]
    assert {d.PhotometricInterpretation for d in headers} == {"MONOCHROME1", "MONOCHROME2"}
    assert {d.BitsStored for d in headers} == {12, 14}
    assert {d.Modality for d in headers} == {"CR", "DX"}


def test_pixels_come_back_as_rendered_whatever_the_polarity(films: list) -> None:
    for rendered, d in films:
        stored = d.pixel_array.astype(int)
        shown = (1 << d.BitsStored) - 1 - stored if d.PhotometricInterpretation == "MONOCHROME1" else stored
        assert np.array_equal(shown >> (d.BitsStored - 12), rendered.pixels)


def test_the_header_says_what_a_chest_film_says(films: list) -> None:
    for rendered, d in films:
        assert (d.BodyPartExamined, d.ViewPosition, list(d.PatientOrientation)) == ("CHEST", "PA", ["L", "F"])
        assert [float(v) for v in d.PixelSpacing] == pytest.approx(rendered.spacing, abs=1e-5)
        assert str(d.PatientName).startswith("PHANTOM^") and d.PatientAge == "071Y" and d.PatientSex in "FM"
        assert ("PresentationIntentType" in d) == (d.Modality == "DX")
        assert d.get("PresentationIntentType", "FOR PRESENTATION") == "FOR PRESENTATION"
        for uid in (d.SOPInstanceUID, d.StudyInstanceUID, d.SeriesInstanceUID):
            assert uid.is_valid and uid.startswith("2.25.")
        assert d.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert float(d.WindowWidth) == 1 << d.BitsStored
    assert len({d.SOPInstanceUID for _, d in films}) == len(films)


def test_a_study_folder_holds_its_files_and_the_same_bytes_again(tmp_path: Path) -> None:
    who = patient(3)
    reports = {"vi": {"findings": "Hình tim không to.", "impression": "Bình thường."}, "en": {"findings": "Normal heart."}}
    for name in ("a", "b"):
        write_study(tmp_path / name, who, render(who, 96), reports, {"labels": {"cardiomegaly": 0}})
    files = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert set(files) == {"film.dcm", "report.vi.txt", "report.en.txt", "truth.json"}
    assert files == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    assert "Hình tim không to." in files["report.vi.txt"].decode()
    assert read_json(tmp_path / "a" / "truth.json") == {"labels": {"cardiomegaly": 0}}
