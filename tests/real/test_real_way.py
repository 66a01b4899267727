"""The main job on real, openly licensed films: trained on English phantoms, tested on them, and refused where out of scope."""

import os
import shutil
from pathlib import Path

import pydicom
import pytest

from docphim.files import read_json, read_jsonl

SHARED = Path(os.environ.get("DOCPHIM_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real input is not here")]


def test_a_model_trained_on_phantoms_drafts_and_is_scored_on_real_films_to_the_page(docphim, shared_phantoms):
    settings = [
        f"source.test.path={SHARED / 'xray_ccby_with_text'}",
        f"source.train={{kind: phantom, profile: demo, studies: 40, size: 128, seed: 3, path: {shared_phantoms}}}",
    ]
    answer = docphim("run", "recipes/real_films.yaml", *[part for s in settings for part in ("--set", s)])
    assert answer.returncode == 0, answer.stderr
    home = docphim.folder / "runs" / "real-films"
    scores = read_json(home / "scores.json")["by_task"]["findings/test"]
    assert scores["scores"]["rougeL"]["n"] == 8 and scores["scores"]["rougeL"]["low"] is None
    assert set(scores["floors"]) == {"constant", "random", "nearest", "metadata"}
    films = {row["study"] for row in read_jsonl(home / "predictions.jsonl")}
    trained = next((docphim.folder / "data" / "joined").rglob("train.jsonl"))
    assert len(films) == 8 and not films & {row["study"] for row in read_jsonl(trained)}
    page = (home / "index.html").read_text(encoding="utf-8")
    assert "BẢN NHÁP" in page and "không phải phim của người bệnh thật" not in page


def test_a_tibia_an_unreadable_file_and_a_lateral_are_refused_by_reason_and_the_rest_goes_on(docphim, shared_phantoms, recipe):
    films = docphim.folder / "films"
    films.mkdir()
    for name in ("chest_PA_multiple_masses_RG1_J2KI.dcm", "NOT_CHEST_tibia_RG3_J2KI.dcm"):
        shutil.copy(SHARED / "xray_dicom" / name, films / name)
    docphim("run", recipe, "--until", "ingest")
    first, second = sorted(shared_phantoms.rglob("*.dcm"))[:2]
    (films / "unreadable.dcm").write_bytes(first.read_bytes()[:3000])
    lateral = pydicom.dcmread(second)
    lateral.ViewPosition = "LL"
    lateral.save_as(films / "lateral.dcm")
    lines = [f"{path.name},Lungs are clear." for path in sorted(films.iterdir())]
    (docphim.folder / "reports.csv").write_text("\n".join(["file,findings", *lines]), encoding="utf-8")
    own = docphim.folder / "own.yaml"
    own.write_text(
        f"name: own\nlanguage: en\nsource: {{kind: folder, path: {films}, reports: {docphim.folder / 'reports.csv'},"
        " match: file_name, columns: {id: file, findings: findings}}\nmodel: {family: qwen_vl}\n",
        encoding="utf-8",
    )
    answer = docphim("run", own, "--until", "prepare")
    assert answer.returncode == 0, answer.stderr
    dataset = next((docphim.folder / "data" / "folder").iterdir())
    reasons = {row["reason"] for row in read_jsonl(dataset / "rejected.jsonl")}
    assert reasons == {"body_part_out_of_scope", "view_out_of_scope", "file_truncated"}
    assert len(list(read_jsonl(dataset / "prepared" / "index.jsonl"))) == 1
