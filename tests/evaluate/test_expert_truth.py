"""Drafts are scored against what experts settled, in place of what a dataset holds as true; only files that are whole count."""

import pytest
from reader_files import NODE, NODULE, prepared, sealed, truth, write_both

from docphim import preflight
from docphim.errors import Refused
from docphim.evaluate import evaluate
from docphim.files import read_json, read_jsonl, write_json, write_jsonl
from docphim.recipe import Recipe
from docphim.scores import TaskKey, read_scores
from docphim.study import Prediction, to_row
from docphim.validate import locked
from docphim.way import stages


def adjudicated(tmp_path, **how):
    """A dataset and the file that its validation came to."""
    out, made = prepared(tmp_path, empty=0)
    write_both(out, made)
    write_json(out / "adjudicated.json", sealed(truth(*locked(out), **how)))
    return tmp_path / "data", out / "adjudicated.json"


def scored(data, run, file, text):
    ids = [(row["id"], row["study"], row["patient"]) for row in read_jsonl(data / "examples" / "test.jsonl")]
    drafts = [Prediction(i, 0, "none", "own", s, s, p, "findings", text, f"{NODULE} {NODE}", "stop", "m") for i, s, p in ids]
    write_jsonl(run / "predictions.jsonl", map(to_row, drafts))
    evaluate(data, run, language="vi", resamples=50, seed=5, metrics=["lesions"], truth=file)
    return read_scores(run / "scores.json")[TaskKey("findings", "test")].scores


@pytest.mark.parametrize(("state", "recall", "invented"), [("both", 50, 0), ("dropped", 0, 100)])
def test_drafts_are_scored_against_the_lesions_that_experts_settled(tmp_path, state, recall, invented):
    data, file = adjudicated(tmp_path, state=state)
    scores = scored(data, tmp_path / "run", file, NODULE)
    assert (scores["truth_lesion_tp_recall"].value, scores["truth_lesion_invented"].value) == (recall, invented)
    assert scores["lesion_tp_recall"].value == 50, "text against text stays apart"
    assert f"truth:experts-{read_json(file)['sha256'][:8]}" in scores["truth_lesion_tp"].signature


def test_they_stand_in_for_what_the_dataset_holds_and_studies_that_nobody_could_judge_are_left_out(tmp_path):
    data, file = adjudicated(tmp_path)
    rows = list(read_jsonl(data / "studies.jsonl"))
    write_jsonl(data / "studies.jsonl", ({**row, "truth": {"records": []}} for row in rows))
    assert scored(data, tmp_path / "run", None, NODULE)["truth_lesion_tp"].value == 0
    assert "truth:records" in scored(data, tmp_path / "run", None, NODULE)["truth_lesion_tp"].signature
    assert scored(data, tmp_path / "run", file, NODULE)["truth_lesion_tp_precision"].value == 100
    content = read_json(file)
    for case in content["cases"][1:]:
        case["judged"] = False
    content["cases"][0]["rows"][0]["lesion"]["organ"] = "liver"
    write_json(file, sealed(content))
    assert scored(data, tmp_path / "run", file, NODULE)["truth_lesion_tp_precision"].value == 0


def test_a_truth_that_is_named_is_scored_whatever_else_is(tmp_path):
    data, file = adjudicated(tmp_path)
    ids = [(row["id"], row["study"], row["patient"]) for row in read_jsonl(data / "examples" / "test.jsonl")]
    drafts = [Prediction(i, 0, "none", "own", s, s, p, "findings", NODE, NODE, "stop", "m") for i, s, p in ids]
    write_jsonl(tmp_path / "run" / "predictions.jsonl", map(to_row, drafts))
    evaluate(data, tmp_path / "run", language="vi", resamples=50, seed=5, metrics=["rouge"], truth=file)
    keys = read_scores(tmp_path / "run" / "scores.json")[TaskKey("findings", "test")].scores
    assert "truth_lesion_tp" in keys and "lesion_tp" not in keys


def test_a_truth_about_other_studies_or_not_locked_is_refused(tmp_path):
    data, file = adjudicated(tmp_path)
    content = read_json(file)
    write_json(file, sealed(content | {"locked": None}))
    with pytest.raises(Refused, match="reading_open"):
        scored(data, tmp_path / "run", file, NODULE)
    for case in content["cases"]:
        case["case"] = f"x{case['case']}"
    write_json(file, sealed(content))
    with pytest.raises(Refused, match=r"reading_differs: adjudicated\.json: it is about none of the dataset's studies"):
        scored(data, tmp_path / "run", file, NODULE)


def recipe(file):
    return Recipe.model_validate(
        {
            "name": "r",
            "source": {"kind": "phantom", "modality": "pet", "profile": "pet_demo"},
            "model": {"family": "qwen_vl"},
            "prepare": {"pet": {}, "pet_ct": {}},
        }
        | ({"evaluate": {"truth": str(file)}} if file else {})
    )


def test_a_run_that_names_a_truth_is_evaluated_again_when_it_changes_and_one_that_is_not_there_is_refused_at_once(tmp_path):
    file = tmp_path / "adjudicated.json"
    with pytest.raises(Refused, match=r"file_missing: evaluate\.truth"):
        preflight.check(recipe(file), "page")
    file.write_text("{}", encoding="utf-8")
    preflight.check(recipe(file), "page")
    named, without = (
        next(s for s in stages(recipe(of), tmp_path / "data", tmp_path / "run") if s.name == "evaluate") for of in (file, None)
    )
    assert named.inputs["truth"] == file == named.unrecorded["truth"] and named.settings == without.settings
    assert "truth" not in without.inputs and not without.unrecorded
