"""A real whole-body PET without a CT: a run on PET alone drafts it, a run on pairs refuses it by name."""

import os
from pathlib import Path

import petct_hospital
import pytest
from program import Program

from docphim.files import read_jsonl

SHARED = Path(os.environ.get("DOCPHIM_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
STS = SHARED / "pet_fdg_sts001"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real input is not here")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    program = Program(tmp_path_factory.mktemp("trained"))
    source = petct_hospital.write(tmp_path_factory.mktemp("hospital") / "petct", 4)
    petct_hospital.run(program, source, "alone", petct_hospital.ALONE, "--until", "train")
    petct_hospital.run(program, source, "paired", petct_hospital.PAIRED, "--until", "train")
    return program


def test_a_run_on_pet_alone_drafts_it(trained):
    answer = trained("draft", "runs/alone", STS, tiny=False)
    assert answer.returncode == 0, answer.stderr
    folder = trained.folder / "drafts" / "alone"
    (draft,) = read_jsonl(folder / "drafts.jsonl")
    assert draft["task"] == "findings" and draft["finish"] in ("stop", "length")
    assert list(read_jsonl(folder / "rejected.jsonl")) == []
    (row,) = read_jsonl(folder / "work" / "prepared" / "index.jsonl")
    assert (row["modality"], row["unit"], row["shape"][0]) == ("pet", "SUV", 267)
    assert row["how"]["suv_max"] == pytest.approx(66.52, abs=0.01)
    assert (row["how"]["weight_kg"], row["how"]["dose_mbq"]) == (71.0, 388.777)
    assert (folder / "index.html").stat().st_size > 10_000


def test_a_run_on_pairs_refuses_it_by_name(trained):
    answer = trained("draft", "runs/paired", STS, tiny=False)
    assert answer.returncode == 3 and "ct_missing" in answer.stderr
    (row,) = read_jsonl(trained.folder / "drafts" / "paired" / "rejected.jsonl")
    assert row["reason"] == "ct_missing"
