"""scores.json of a run whose answers are known: scores, floors, reliance, gain, ceiling, findings, counts."""

import json

import pyarrow.parquet as pq
import pytest

from docphim.errors import Refused
from docphim.evaluate import evaluate
from docphim.files import read_jsonl, write_jsonl

KEYS = {"rouge1", "rouge2", "rougeL", "bleu1", "bleu2", "bleu3", "bleu4"}


def scores(made, **change):
    evaluate(made.dataset, made.run, **{"language": "vi", "resamples": 200, "seed": 5} | change)
    return written(made)


def written(made):
    return json.loads((made.run / "scores.json").read_text("utf-8"))["by_task"]


def test_a_perfect_model_leads_every_floor_that_does_not_see_the_film(scored):
    task = written(scored)["findings/test"]
    assert set(task["scores"]) == KEYS
    assert task["scores"]["rougeL"]["value"] == task["scores"]["bleu4"]["value"] == 100
    assert set(task["floors"]) == set(task["lead"]) == {"constant", "random", "nearest", "metadata"}
    for floor in ("constant", "random", "metadata"):
        assert 0 < task["lead"][floor]["rougeL"]["low"] < task["lead"][floor]["rougeL"]["value"]
    assert task["floors"]["constant"]["rougeL"]["value"] + task["lead"]["constant"]["rougeL"]["value"] == pytest.approx(100)


def test_the_nearest_film_is_found_whatever_its_brightness(scored):
    assert written(scored)["findings/test"]["floors"]["nearest"]["rougeL"]["value"] == 100


def test_sex_and_age_decade_tell_the_heart_of_these_patients(scored):
    floors = written(scored)["findings/test"]["floors"]
    assert floors["metadata"]["rougeL"]["value"] > floors["constant"]["rougeL"]["value"]


def test_reliance_is_what_is_lost_on_a_wrong_film_of_the_same_study(scored):
    reliance = written(scored)["findings/test"]["reliance"]
    assert list(reliance) == ["noise", "blank", "other"]
    assert reliance["blank"]["rougeL"]["value"] == 0
    other = reliance["other"]["rougeL"]
    assert 0 < other["drop"]["low"] < other["drop"]["value"] == pytest.approx(100 - other["value"])


def test_findings_are_read_on_the_own_film_and_not_on_anothers(scored):
    found = written(scored)["findings/test"]["by_finding"]
    assert set(found) == {"cardiomegaly", "effusion_right", "effusion_left", "effusion (side)"}
    for rates in found.values():
        assert rates["own"]["tpr"] == rates["own"]["j"] == 1
        assert rates["own"]["fpr"] == 0
        assert rates["other"]["low"] <= rates["other"]["j"] <= rates["other"]["high"] < 0.5
    assert found["cardiomegaly"]["own"]["positives"] == found["cardiomegaly"]["own"]["negatives"] == 30
    # seven studies on, the heart is always the other one
    assert found["cardiomegaly"]["other"]["j"] == -1
    assert found["effusion (side)"]["own"]["positives"] == 40


def test_the_ceiling_is_the_same_truth_in_other_words(scored):
    ceiling = written(scored)["findings/test"]["ceiling"]["rougeL"]
    assert 90 < ceiling["value"] < 100


def test_the_gain_is_the_mean_loss_of_nats_per_report(made):
    rows = [
        {"id": f"{s}-findings", "turn": 0, "context": "none", "image": image, "nats": nats, "tokens": 9}
        for i, s in enumerate(made.ids["test"])
        for image, nats in (("own", 10.0), ("other", 12.0 + i % 2), ("noise", 99.0))
    ]
    write_jsonl(made.run / "likelihoods.jsonl", rows)
    gain = scores(made)["findings/test"]["image_gain"]
    assert (gain["value"], gain["n"]) == (2.5, 60)
    assert 2.2 < gain["low"] < 2.5 < gain["high"] < 2.8


def test_without_likelihoods_there_is_no_gain(scored):
    assert written(scored)["findings/test"]["image_gain"] is None


def test_faults_are_counted_and_named_and_empty_answers_score_nothing(made):
    ids = made.ids["test"]
    rows = [made.prediction(s, "own", made.prediction(s, "own", "").reference) for s in ids[:40]]
    rows[0] = made.prediction(ids[0], "own", " ", "length")
    rows[1] = made.prediction(ids[1], "own", "", "refused")
    rows += [rows[5], made.prediction("s999", "own", "?")]
    made.predict(rows)
    task = scores(made)["findings/test"]
    assert task["counts"] == {
        "predictions": 40, "empty": 2, "cut": 1, "failed": 1, "missing": 20, "extra": 1, "duplicates": 1
    }  # fmt: skip
    assert task["scores"]["rougeL"]["value"] == 95
    assert task["named"]["extra"] == ["s999-findings"]
    assert task["named"]["missing"] == [f"{s}-findings" for s in ids[40:]]


def test_few_patients_have_scores_without_intervals(made):
    made.predict([made.prediction(s, "own", "Bóng tim to.") for s in made.ids["test"][:8]])
    task = scores(made)["findings/test"]
    assert all(
        row["low"] is None
        for table in (task["scores"], *task["floors"].values(), *task["lead"].values())
        for row in table.values()
    )


def test_a_dataset_without_training_reports_has_no_floors(made):
    write_jsonl(made.dataset / "examples" / "train.jsonl", [])
    task = scores(made)["findings/test"]
    assert task["floors"] == task["lead"] == {}


def test_contexts_of_a_dialogue_are_told_apart(made):
    rows = list(read_jsonl(made.dataset / "examples" / "test.jsonl"))
    train = list(read_jsonl(made.dataset / "examples" / "train.jsonl"))
    for row in (*rows, *train):
        row["task"], row["id"] = "dialogue", row["id"].replace("findings", "dialogue")
        row["messages"] += [
            {"role": "user", "content": "Kết luận."},
            {"role": "assistant", "content": "Theo dõi.", "from": "report:impression"},
        ]
    write_jsonl(made.dataset / "examples" / "test.jsonl", rows)
    write_jsonl(made.dataset / "examples" / "train.jsonl", train)
    made.predict([
        made.prediction(s, "own", text, id=f"{s}-dialogue", task="dialogue", turn=turn, context=context, reference=reference)
        for s in made.ids["test"]
        for turn, context, text, reference in (
            (0, "none", "Bóng tim to.", "Bóng tim to."),
            (1, "reference", "Theo dõi.", "Theo dõi."),
            (1, "generated", "Khác.", "Theo dõi."),
        )
    ])  # fmt: skip
    by_task = scores(made)
    assert list(by_task) == ["dialogue/test", "dialogue/test/generated", "dialogue/test/reference"]
    assert by_task["dialogue/test/reference"]["scores"]["rouge1"]["value"] == 100
    assert by_task["dialogue/test/generated"]["scores"]["rouge1"]["value"] == 0
    assert by_task["dialogue/test/generated"]["floors"]["constant"]["rouge1"]["value"] == 100


def test_a_second_evaluation_writes_the_same_bytes(made, scored):
    first = [(scored.run / name).read_bytes() for name in ("scores.json", "scores.parquet")]
    scores(made)
    assert [(made.run / name).read_bytes() for name in ("scores.json", "scores.parquet")] == first
    scores(made, seed=6)
    assert (made.run / "scores.json").read_bytes() != first[0]


def test_the_parquet_table_holds_one_row_per_study_image_and_metric(scored):
    rows = pq.read_table(scored.run / "scores.parquet").to_pylist()
    assert len(rows) == 60 * 4 * 4
    assert len({(r["task"], r["study"], r["image"], r["metric"]) for r in rows}) == len(rows)
    assert {r["metric"] for r in rows} == {"rouge1", "rouge2", "rougeL", "sentence_bleu4"}
    blank = [r["value"] for r in rows if r["image"] == "blank"]
    assert set(blank) == {0.0}


def test_no_report_text_and_no_patient_stands_in_the_scores(scored):
    text = (scored.run / "scores.json").read_text("utf-8")
    assert "tim" not in text
    assert "p-s" not in text


def test_a_run_without_predictions_is_refused(made):
    (made.run / "predictions.jsonl").unlink()
    with pytest.raises(Refused, match="file_missing"):
        scores(made)
    made.predict([made.prediction("s1", "noise", "x")])
    with pytest.raises(Refused, match="own image"):
        scores(made)
