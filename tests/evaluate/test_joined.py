"""Drafts of regions are scored within each region and, put together, beside those of models asked for the whole body."""

import pytest
from region_sets import DEFAULT, make, report

from docphim.build import build
from docphim.compare import compare_to_files
from docphim.evaluate import evaluate
from docphim.files import read_json, read_jsonl, write_jsonl
from docphim.language.places import REGIONS
from docphim.study import Example, Prediction, from_row, to_row

COUNT = 40


def written(folder, tasks, write=lambda example, text: text, images=("own",)):
    """A dataset with these tasks, and a run that drafts what `write` makes of each reference."""
    build(make(folder / "data", COUNT), **{**DEFAULT, "tasks": tasks, "fractions": (0.2, 0.0, 0.8)})
    rows = []
    for row in read_jsonl(folder / "data" / "examples" / "test.jsonl"):
        example, reference = from_row(Example, row), row["messages"][-1]["content"]
        for image in images:
            text, end = write(example, reference), "stop"
            if text is None:
                continue
            if text.endswith("…"):
                end = "length"
            study = example.wrong_image["study"] if image == "other" else example.study
            place = (example.id, 0, "none", image, study, example.study, example.patient, example.task)
            rows.append(Prediction(*place, text if image == "own" else "Tim to.", reference, end, "m"))
    write_jsonl(folder / "run" / "predictions.jsonl", map(to_row, rows))
    return folder


def scored(folder):
    evaluate(folder / "data", folder / "run", language="vi", resamples=50, seed=1)
    return read_json(folder / "run" / "scores.json")["by_task"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    by_region = written(tmp_path_factory.mktemp("region"), ["region_findings"], images=("own", "other"))
    whole = written(tmp_path_factory.mktemp("whole"), ["findings"], lambda _, text: text.split("\n")[0])
    return by_region, scored(by_region), whole, scored(whole)


def test_each_region_has_scores_floors_and_reliance_of_its_own(runs):
    by_task = runs[1]
    assert set(by_task) == {f"region_findings.{name}/test" for name in REGIONS} | {"findings/test"}
    for name in REGIONS:
        entry = by_task[f"region_findings.{name}/test"]
        assert entry["scores"]["rougeL"]["value"] == 100 and entry["scores"]["rougeL"]["n"] == 32
        # a report of the same region differs from another in a number or a word, one of another region in all
        assert 50 < entry["floors"]["constant"]["rougeL"]["value"] < 100
        assert entry["floors"]["nearest"]["rougeL"]["value"] > 50 and entry["floors"]["random"]["rougeL"]["value"] > 50
        assert entry["reliance"]["other"]["rougeL"]["value"] < 30


def test_regions_put_together_are_the_whole_report(runs):
    by_region, by_task, *_ = runs
    together = [row for row in read_jsonl(by_region / "run" / "joined.jsonl") if row["image"] == "own"]
    assert len(together) == 32
    assert all(row["prediction"] == row["reference"] == report(int(row["study"][1:])) for row in together)
    entry = by_task["findings/test"]
    assert entry["scores"]["rougeL"]["value"] == 100 and entry["floors"]["constant"]["rougeL"]["value"] > 50
    assert entry["reliance"]["other"]["rougeL"]["value"] < 30


def test_regions_and_the_whole_body_stand_side_by_side_on_the_same_references(runs):
    by_region, by_task, whole, whole_task = runs
    assert by_task["findings/test"]["keys"] == whole_task["findings/test"]["keys"]
    result = compare_to_files([by_region / "run", whole / "run"], metrics=["rougeL"])
    assert result["tables"][0]["task"] == "findings"
    rows = {row["run"]: row["scores"]["rougeL"]["value"] for row in result["tables"][0]["rows"] if row["system"] == "own"}
    assert len(rows) == 2 and max(rows.values()) == 100 and min(rows.values()) < 60


def test_a_study_that_lacks_the_draft_of_a_region_is_missing_and_a_cut_region_cuts_the_whole(tmp_path):
    def write(example, text):
        if example.task.endswith("chest") and example.study == "s01":
            return None
        return text + "…" if example.task.endswith("limbs") else text

    folder = written(tmp_path, ["region_findings"], write)
    ids = {row["study"] for row in read_jsonl(folder / "data" / "examples" / "test.jsonl")}
    entry = scored(folder)["findings/test"]
    assert "s01" in ids and entry["counts"]["missing"] == 1 and entry["counts"]["cut"] == len(ids - {"s01"})


def test_a_dataset_that_asks_for_the_whole_too_has_nothing_put_together(tmp_path):
    folder = written(
        tmp_path, ["findings", "region_findings"], lambda example, text: "Tim to." if "." not in example.task else text
    )
    assert scored(folder)["findings/test"]["scores"]["rougeL"]["value"] < 30
    assert not (folder / "run" / "joined.jsonl").exists()
