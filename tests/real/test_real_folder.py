"""Real films with real text through the folder source."""

import os
from pathlib import Path

import pytest

from docphim.files import read_json, read_jsonl
from docphim.ingest import ingest

SHARED = Path(os.environ.get("DOCPHIM_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real input is not here")]


def studies_of(tmp_path, **options):
    dataset = tmp_path / "data/name/key"
    ingest("folder", {"key_file": str(tmp_path / "secret/key")} | options, dataset, language="en", split_by_source=False)
    return list(read_jsonl(dataset / "studies.jsonl")), dataset


def test_eight_published_films_meet_their_text(tmp_path):
    columns = {"findings": "clinical_notes", "image": "filename", "patient": "patientid"}
    studies, dataset = studies_of(tmp_path, path=str(SHARED / "xray_ccby_with_text"), columns=columns)
    assert len(studies) == 8
    assert len({s["patient"] for s in studies}) == 7
    assert {s["date"] for s in studies} <= {"2010", "2017", "2020"}
    assert list(read_jsonl(dataset / "rejected.jsonl")) == []
    left_out = [sentence for s in studies for sentences in s["report"]["left_out"].values() for sentence in sentences]
    assert left_out == ["There is worsening of the previously noted pneumonia"]


def test_films_without_reports_are_read_by_their_headers(tmp_path):
    studies, dataset = studies_of(tmp_path, path=str(SHARED / "xray_dicom"), without_report="keep")
    assert sorted(s["series"][0]["view"] for s in studies) == ["AP", "PA", "unknown", "unknown"]
    assert sorted(str(s["age"]) for s in studies) == ["25", "64", "None", "None"]
    assert read_json(dataset / "ingest_notes.json")["counts"]["files_ignored"] == 3


def test_sentences_that_speak_of_an_earlier_film_are_found_in_real_vietnamese():
    from docphim.language.sections import is_comparison

    lines = (SHARED / "text_vi_radiology/sentences.tsv").read_text(encoding="utf-8").splitlines()[1:]
    texts = [line.split("\t")[-1] for line in lines]
    speaking = [t for t in texts if "phim chụp" in t and "so" in t.split()]
    assert len(speaking) >= 5
    assert [t for t in speaking if not is_comparison(t, "vi")] == []
