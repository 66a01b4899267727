"""A hospital's PET/CT, DICOM and a table of reports, goes to the page; a PET without CT is drafted by a run on PET alone."""

import petct_hospital
import pytest
from program import Program

from docphim.files import read_json, read_jsonl

STUDIES = 8


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """The last of its patients has no CT."""
    return petct_hospital.write(tmp_path_factory.mktemp("hospital") / "petct", STUDIES, (STUDIES - 1,))


@pytest.fixture(scope="module")
def done(tmp_path_factory, hospital):
    """A folder with a whole run on pairs, and one on PET alone that is trained."""
    program = Program(tmp_path_factory.mktemp("done"))
    petct_hospital.run(program, hospital, "paired", petct_hospital.PAIRED)
    petct_hospital.run(program, hospital, "alone", petct_hospital.ALONE, "--until", "train")
    return program


def test_pairs_go_from_dicom_to_the_page_and_a_study_without_ct_is_left_out(done):
    home = done.folder / "runs" / "paired"
    folders = [f for f in (done.folder / "data" / "folder").iterdir() if (f / "rejected.jsonl").exists()]
    reasons = {tuple(sorted(row["reason"] for row in read_jsonl(f / "rejected.jsonl"))): f for f in folders}
    dataset = reasons[("ct_missing", "image_missing")]
    index = {row["series"]: row for row in read_jsonl(dataset / "prepared" / "index.jsonl")}
    assert len(index) == 2 * (STUDIES - 1)
    for study in read_jsonl(dataset / "studies.jsonl"):
        pet, ct = (index[series["id"]] for series in study["series"])
        assert (pet["unit"], ct["unit"]) == ("SUV", "HU") and pet["shape"] == ct["shape"]
    asked = next(read_jsonl(dataset / "examples" / "test.jsonl"))["messages"][1]["content"]
    assert asked.startswith("<video>Ảnh chụp PET/CT toàn thân")
    assert "Chỉ định: U phổi. Cân nặng 70 kg. Liều dược chất phóng xạ 370 MBq. Mô tả hình ảnh." in asked
    assert set(read_json(home / "scores.json")["by_task"]) == {"findings/test", "impression_from_findings/test"}
    assert (home / "index.html").stat().st_size > 10_000


def test_a_run_on_pet_alone_drafts_a_pet_that_a_run_on_pairs_refuses(done, hospital):
    lone = hospital / f"BN{STUDIES - 1:02}"
    answer = done("draft", "runs/alone", lone, tiny=False)
    assert answer.returncode == 0, answer.stderr
    (draft,) = read_jsonl(done.folder / "drafts" / "alone" / "drafts.jsonl")
    assert draft["task"] == "findings" and draft["refused"] is None
    answer = done("draft", "runs/paired", lone, tiny=False)
    assert answer.returncode == 3 and "ct_missing" in answer.stderr
    (row,) = read_jsonl(done.folder / "drafts" / "paired" / "rejected.jsonl")
    assert row["reason"] == "ct_missing"
