"""Drafts of a dataset whose lesions were measured are filled as they are written; the row says from which voxel."""

from __future__ import annotations

import json

import pytest
from small_dataset import example, write_dataset

from docphim.files import read_jsonl, write_jsonl
from docphim.generate import generate
from docphim.study import Prediction, from_row

DRAFT = "Khối thùy trên phổi phải, tăng chuyển hóa FDG, SUVmax [SUV]."


def candidates(study, suv):
    row = {"number": 1, "suv_max": suv, "size_mm": [30.0, 20.0], "regions": ["chest"], "side": "right", "lung": True}
    row |= {"at": {"slice": 7, "row": 8, "column": 9}, "mm": [1.0, 2.0, 3.0]}
    return {"study": study, "language": "vi", "least": 2.5, "candidates": [row], "left_out": {}}


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "data", [example(n, partner=(n + 1) % 2) for n in range(2)])


def take(dataset, run, images=("own", "noise", "other")):
    lines = [{"id": f"s{n}-findings", "text": DRAFT, "image": image} for n in range(2) for image in images]
    path = run.with_suffix(".jsonl")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    settings = {"images": list(images), "splits": ["test"], "contexts": ["reference"]}
    asked = {"options": {"model": "m", "allow": []}, "asking": {"drafts": str(path)}}
    generate(dataset, run, backend="file", **settings, **asked)
    return {(row["study"], row["image"]): row for row in read_jsonl(run / "predictions.jsonl")}


def test_each_draft_is_filled_from_the_study_whose_image_was_shown(dataset, tmp_path):
    write_jsonl(dataset / "candidates.jsonl", [candidates("s0", 7.24), candidates("s1", 4.04)])
    rows = take(dataset, tmp_path / "run")
    ends = {key: row["prediction"].rpartition(" ")[2] for key, row in rows.items()}
    assert ends == {
        ("s0", "own"): "7,2.",
        ("s0", "other"): "4,0.",
        ("s0", "noise"): "[?].",
        ("s1", "own"): "4,0.",
        ("s1", "other"): "7,2.",
        ("s1", "noise"): "[?].",
    }
    (number,) = rows["s0", "own"]["numbers"]
    assert (number["value"], number["at"], number["mm"]) == (7.24, {"slice": 7, "row": 8, "column": 9}, [1.0, 2.0, 3.0])
    assert [one["why"] for one in rows["s0", "noise"]["numbers"]] == ["no_candidate"]
    assert from_row(Prediction, rows["s0", "own"]).numbers == [number]


def test_a_dataset_that_was_not_measured_leaves_drafts_as_they_are(dataset, tmp_path):
    rows = take(dataset, tmp_path / "run")
    assert all(row["prediction"] == DRAFT and "numbers" not in row for row in rows.values())
