"""Runs that `evaluate` really wrote: compared, marked and shown."""

import hashlib
import json
import re

import pytest

from docphim.compare import compare_to_files
from docphim.compare.text import terminal
from docphim.errors import Refused
from docphim.evaluate import evaluate
from docphim.files import read_json, read_jsonl, write_jsonl
from docphim.language.normalize import clean


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, scored):
    """The perfect run of `scored`, and one that says the wrong side and is wrong about every third heart."""
    worse = tmp_path_factory.mktemp("runs") / "worse"
    rows = list(read_jsonl(scored.run / "predictions.jsonl"))
    for row in rows:
        text = row["prediction"].replace("phải", "bên").replace("trái", "phải").replace("bên", "trái")
        row["prediction"] = text.replace("tim to", "tim không to") if int(row["study"][1:]) % 3 == 0 else text
    write_jsonl(worse / "predictions.jsonl", rows)
    evaluate(scored.dataset, worse, language="vi", resamples=200, seed=5)
    return scored.run, worse


def rows_of(result):
    return {(row["run"], row["system"]): row["scores"] for row in result["tables"][0]["rows"]}


def test_every_score_of_scores_json_comes_out_again_with_its_interval(evaluated):
    result = compare_to_files(evaluated, metrics=["all"])
    found = rows_of(result)
    assert {"fact_f1", "vindr/macro_f1", "bleu4"} <= set(result["metrics"])
    for run in evaluated:
        entry = read_json(run / "scores.json")["by_task"]["findings/test"]
        systems = {"own": entry["scores"], "other": entry["reliance"]["other"], "blank": entry["reliance"]["blank"]}
        for name, scores in systems.items():
            for key, score in found[run.name, name].items():
                assert {k: score[k] for k in ("value", "low", "high", "n", "signature")} == {
                    k: scores[key][k] for k in ("value", "low", "high", "n", "signature")
                }
        for key, score in found[run.name, "own"].items():
            assert score["drop"]["other"] == pytest.approx(entry["reliance"]["other"][key]["drop"], abs=1e-9)
    for floor, scores in entry["floors"].items():
        assert found[None, f"floor:{floor}"]["fact_f1"]["value"] == scores["fact_f1"]["value"]


def test_facts_see_what_wording_hardly_does(evaluated):
    result = compare_to_files(evaluated)
    assert result["metrics"] == ["clinical_f1", "actionable_errors", "rougeL", "bleu4", "vindr/macro_f1"]
    worse = rows_of(result)["worse", "own"]
    assert worse["clinical_f1"]["difference"]["value"] < worse["rougeL"]["difference"]["value"] < 0
    assert worse["clinical_f1"]["difference"]["p_holm"] < 0.01 and worse["actionable_errors"]["difference"]["value"] > 0
    assert max(map(len, terminal(result).splitlines())) <= 100


def test_the_ceiling_is_shown_and_not_tested(evaluated):
    scores = rows_of(compare_to_files(evaluated, metrics=["rougeL"]))
    assert scores[None, "ceiling"]["rougeL"]["difference"] is None


def test_answers_that_one_run_lacks_stop_the_comparison(tmp_path, evaluated, scored):
    rows = [r for r in read_jsonl(evaluated[0] / "predictions.jsonl") if r["study"] not in ("s3", "s4")]
    write_jsonl(tmp_path / "short" / "predictions.jsonl", rows)
    evaluate(scored.dataset, tmp_path / "short", language="vi", resamples=200, seed=5)
    with pytest.raises(Refused, match=r"ids_differ: findings/test: short lacks 2 \(s3-findings, s4-findings…\)"):
        compare_to_files([evaluated[1], tmp_path / "short"])
    result = compare_to_files([evaluated[1], tmp_path / "short"], allow_missing=True)
    assert (result["tables"][0]["n"], rows_of(result)["short", "own"]["clinical_f1"]["n"]) == (58, 58)


def marks(run, path, judge):
    """A reader's file on all drafts; `judge(study number, sentence)` is the mark."""
    entry, studies = read_json(run / "scores.json")["by_task"]["findings/test"], []
    for row in read_jsonl(run / "predictions.jsonl"):
        if row["image"] == "own":
            text = clean(row["prediction"])
            sentences = [
                {"text": m[0], "start": m.start(), "end": m.end(), "mark": judge(int(row["study"][1:]), m[0])}
                for m in re.finditer(r"[^ .][^.]*\.", text)
            ]
            draft = hashlib.sha256(row["prediction"].encode()).hexdigest()
            studies.append({"task": "findings/test", "id": row["id"], "draft": draft, "sentences": sentences, "missing": []})
    tasks = {"findings/test": {"references": entry["keys"]["references"]}}
    said = {
        "format": "docphim-marks-1",
        "run": run.resolve().name,
        "reader": "",
        "made": "",
        "tasks": tasks,
        "studies": studies,
    }
    path.write_text(json.dumps(said, ensure_ascii=False), "utf-8")
    return path


def test_a_reader_who_knows_the_truth_agrees_with_the_facts(tmp_path, evaluated):
    def judge(number, sentence):
        if "tim" in sentence:
            return "polarity" if number % 6 == 0 else "correct"
        return "side" if number % 3 != 2 else "correct"

    path = marks(evaluated[1], tmp_path / "x.marks.json", judge)
    (row,) = compare_to_files([evaluated[1]], marks=[path], metrics=["fact_f1"])["marks"]["readers"]
    assert (row["sentences"], row["unmarked"], row["kinds"]["side"], row["kinds"]["polarity"]) == (120, 0, 40, 10)
    assert row["facts"]["observed"] == 1
    assert row["facts"]["kappa"]["value"] == 1
