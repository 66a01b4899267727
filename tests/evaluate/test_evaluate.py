"""scores.json of a run whose answers are known: scores, floors, reliance, gain, ceiling, findings, counts."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from docphim.errors import Refused
from docphim.evaluate import evaluate
from docphim.files import read_jsonl, write_json, write_jsonl
from docphim.metrics import families, metric

FAMILIES = ("clinical", "rouge", "bleu", "chrf", "facts", "vindr", "chexpert")
KEYS = {key for family in FAMILIES for key in metric(family).KEYS}


def scores(made, **change):
    evaluate(made.dataset, made.run, **{"language": "vi", "resamples": 200, "seed": 5} | change)
    return written(made)


def written(made):
    return json.loads((made.run / "scores.json").read_text("utf-8"))["by_task"]


def test_a_perfect_model_leads_every_floor_that_does_not_see_the_film(scored):
    task = written(scored)["findings/test"]
    assert set(task["scores"]) == KEYS
    assert task["scores"]["fact_f1"]["value"] == task["scores"]["vindr/macro_f1"]["value"] == 100
    assert task["scores"]["rougeL"]["value"] == task["scores"]["bleu4"]["value"] == 100
    assert set(task["floors"]) == set(task["lead"]) == {"constant", "random", "nearest", "metadata"}
    for floor in ("constant", "random", "metadata"):
        for key in ("rougeL", "fact_f1", "fact_f1_core_macro", "vindr/micro_f1", "chexpert/exact_match"):
            assert 0 < task["lead"][floor][key]["low"] < task["lead"][floor][key]["value"]
    assert task["floors"]["constant"]["rougeL"]["value"] + task["lead"]["constant"]["rougeL"]["value"] == pytest.approx(100)


def test_the_nearest_film_is_found_whatever_its_brightness(scored):
    assert written(scored)["findings/test"]["floors"]["nearest"]["rougeL"]["value"] == 100


def test_each_number_says_whether_the_model_beats_the_floors_and_needs_the_film(scored, made):
    # looking up the nearest film is as good here as this model
    assert written(scored)["findings/test"]["reading"]["fact_f1"] == {"beats_floors": False, "needs_image": True}
    rows = list(read_jsonl(made.run / "predictions.jsonl"))
    own = {row["id"]: row["prediction"] for row in rows if row["image"] == "own"}
    write_jsonl(made.run / "predictions.jsonl", [row | {"prediction": own[row["id"]]} for row in rows])
    write_jsonl(made.dataset / "prepared" / "index.jsonl", [])
    assert scores(made)["findings/test"]["reading"]["fact_f1"] == {"beats_floors": True, "needs_image": False}


def test_sex_and_age_decade_tell_the_heart_of_these_patients(scored):
    floors = written(scored)["findings/test"]["floors"]
    assert floors["metadata"]["rougeL"]["value"] > floors["constant"]["rougeL"]["value"]


def test_reliance_is_what_is_lost_on_a_wrong_film_of_the_same_study(scored):
    reliance = written(scored)["findings/test"]["reliance"]
    assert list(reliance) == ["noise", "blank", "other"]
    assert reliance["blank"]["rougeL"]["value"] == 0
    for key in ("rougeL", "fact_f1", "vindr/micro_f1", "chexpert/accuracy"):
        other = reliance["other"][key]
        assert 0 < other["drop"]["low"] <= other["drop"]["value"] == pytest.approx(100 - other["value"])


def test_every_system_has_every_score(scored):
    task = written(scored)["findings/test"]
    tables = [task["ceiling"], *task["floors"].values(), *task["lead"].values(), *task["reliance"].values(), task["reading"]]
    assert all(set(table) == KEYS for table in tables)


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
        "predictions": 40, "empty": 2, "cut": 1, "failed": 1, "declined": 0, "missing": 20, "extra": 1, "duplicates": 1
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


def of_questions(row: dict) -> None:
    """Make an example one of three questions on a nodule."""
    row["task"], row["id"] = "question_dialogue", row["id"].replace("findings", "question_dialogue")
    asked = (
        ("Có.", {"kind": "yes_no", "value": True, "unit": None, "asks": "presence:nodule/lung"}),
        ("8 mm.", {"kind": "number", "value": 8.0, "unit": "mm", "asks": "size:nodule/lung"}),
        ("SUVmax 3.", {"kind": "number", "value": 3.0, "unit": "SUV", "asks": "suv:nodule/lung"}),
    )
    row["messages"] = []
    for number, (text, answer) in enumerate(asked):
        tag = "" if number else "<image>\n"
        row["messages"].append({"role": "user", "content": f"{tag}Câu {number}?"})
        row["messages"].append({"role": "assistant", "content": text, "from": "template", "answer": answer})


def test_all_turns_of_a_dialogue_of_questions_are_scored_together_in_each_context(made):
    for split in ("train", "test"):
        rows = list(read_jsonl(made.dataset / "examples" / f"{split}.jsonl"))
        for row in rows:
            of_questions(row)
        write_jsonl(made.dataset / "examples" / f"{split}.jsonl", rows)
    id_ = {s: f"{s}-question_dialogue" for s in made.ids["test"]}
    made.predict([
        made.prediction(s, "own", text, id=id_[s], task="question_dialogue", turn=turn, context=context, reference=reference)
        for s in made.ids["test"]
        for turn, context, text, reference in (
            (0, "none", "Không.", "Có."),
            (1, "reference", "8 mm.", "8 mm."),
            (1, "generated", "Không có.", "8 mm."),
            (2, "reference", "SUVmax 3,1.", "SUVmax 3."),
            (2, "generated", "SUVmax 9.", "SUVmax 3."),
        )
    ])  # fmt: skip
    write_json(made.dataset / "tasks.json", {"question_dialogue": {"metrics": ["answers"]}})
    by_task = scores(made)
    assert list(by_task) == [f"question_dialogue/test{context}" for context in ("", "/generated", "/reference")]
    first, generated, reference = (entry["scores"] for entry in by_task.values())
    assert [table["answer_accuracy"]["value"] for table in (first, generated, reference)] == pytest.approx([0, 0, 200 / 3])
    assert [table["answer_accuracy"]["n"] for table in (first, generated, reference)] == [60, 180, 180]
    # "no nodule", then its SUVmax: that contradicts; "there is none" as its size does not
    assert generated["answer_consistent"]["value"] == reference["answer_consistent"]["value"] == 0
    assert first["answer_consistent"]["value"] is None
    assert by_task["question_dialogue/test/reference"]["floors"]["constant"]["answer_accuracy"]["value"] == 100
    assert all(entry["counts"]["missing"] == 0 for entry in by_task.values())
    listed = pq.read_table(made.run / "scores.parquet", columns=["id"]).column("id").to_pylist()
    assert {f"{id_['s0']}{place}" for place in ("", ".1", ".3")} <= set(listed)


def test_a_second_evaluation_writes_the_same_bytes(made, scored):
    names = ("scores.json", "scores.parquet", "statistics.parquet", "errors.jsonl")
    first = [(scored.run / name).read_bytes() for name in names]
    scores(made)
    assert [(made.run / name).read_bytes() for name in names] == first
    scores(made, seed=6)
    assert (made.run / "scores.json").read_bytes() != first[0]


def test_the_parquet_table_holds_one_row_per_study_image_and_metric(scored):
    rows = pq.read_table(scored.run / "scores.parquet").to_pylist()
    per_study = {name for family in FAMILIES for name in metric(family).PER_STUDY}
    assert len(rows) == 60 * 4 * len(per_study)
    assert len({(r["task"], r["study"], r["image"], r["metric"]) for r in rows}) == len(rows)
    assert {r["metric"] for r in rows} == per_study
    blank = [r["value"] for r in rows if r["image"] == "blank" and r["metric"] != "actionable_errors"]
    assert set(blank) == {0.0}


def test_the_statistics_of_every_system_give_its_scores_again(scored):
    task = written(scored)["findings/test"]
    rows = pq.read_table(scored.run / "statistics.parquet").to_pylist()
    tables = {"own": task["scores"], "ceiling": task["ceiling"], **task["reliance"]}
    tables |= {f"floor:{floor}": table for floor, table in task["floors"].items()}
    assert {row["system"] for row in rows} == set(tables) and len(rows) == 60 * len(tables)
    for system, table in tables.items():
        for family in FAMILIES:
            sums = np.sum([row[family] for row in rows if row["system"] == system], axis=0)
            values = metric(family).aggregate(sums)
            expected = [np.nan if (value := table[key]["value"]) is None else value for key in metric(family).KEYS]
            assert values.tolist() == pytest.approx(expected, nan_ok=True)


def test_the_errors_name_right_and_wrong_facts_of_every_study(made):
    made.predict([made.prediction(s, "own", "Bóng tim to. Tràn dịch màng phổi phải.") for s in made.ids["test"]])
    task = scores(made)["findings/test"]
    rows = {row["study"]: row for row in read_jsonl(made.run / "errors.jsonl")}
    assert set(rows) == set(made.ids["test"])
    # study 1: the heart is not enlarged, the effusion is on the left
    assert rows["s0"]["right"] == [[0, 0], [1, 1]] and rows["s0"]["wrong"] == []
    assert rows["s1"]["wrong"] == [[0, 0, "polarity"], [1, 1, "side"]] and rows["s1"]["right"] == []
    fact = rows["s1"]["prediction"][1]
    assert (fact["finding"], fact["side"], fact["text"]) == ("effusion", "right", "Tràn dịch màng phổi phải")
    assert "Bóng tim to. Tràn dịch màng phổi phải."[fact["start"] : fact["end"]] == fact["text"]
    counts = {kind: n for kind, n in task["fact_errors"].items() if n}
    assert counts == {"polarity": 30 + 20, "side": 20}


def test_each_label_has_its_row_and_each_text_its_share_of_known_words(scored):
    task = written(scored)["findings/test"]
    assert set(task["per_label"]) == {"vindr", "chexpert"}
    assert task["per_label"]["vindr"]["Cardiomegaly"] == {
        "precision": 100, "recall": 100, "f1": 100, "support": 30, "predicted": 30
    }  # fmt: skip
    assert task["coverage_words"]["reference"]["share"] == 100


def test_the_keys_change_with_references_and_patients_and_with_nothing_else(made, scored):
    first = written(scored)["findings/test"]["keys"]
    rows = list(read_jsonl(made.run / "predictions.jsonl"))
    write_jsonl(made.run / "predictions.jsonl", [row | {"prediction": "?"} for row in reversed(rows)])
    assert scores(made)["findings/test"]["keys"] == first
    write_jsonl(made.run / "predictions.jsonl", [row | {"patient": "p"} for row in rows])
    keys = scores(made)["findings/test"]["keys"]
    assert keys["split"] != first["split"] and keys["references"] == first["references"]
    write_jsonl(made.run / "predictions.jsonl", [row | {"reference": "?"} for row in rows])
    keys = scores(made)["findings/test"]["keys"]
    assert keys["references"] != first["references"] and keys["split"] == first["split"]


def test_label_sets_are_those_of_the_images_unless_they_are_chosen(made):
    rows = list(read_jsonl(made.dataset / "examples" / "test.jsonl"))
    for row in rows:
        row["media"][0]["volumes"] = {"ct": "prepared/x.b2nd"}
    write_jsonl(made.dataset / "examples" / "test.jsonl", rows)
    assert set(scores(made)["findings/test"]["per_label"]) == {"ct_rate"}
    assert set(scores(made, label_sets=["phantom"])["findings/test"]["per_label"]) == {"phantom"}


def test_a_language_without_a_lexicon_is_scored_without_facts(made):
    task = scores(made, language="zh")["findings/test"]
    assert set(task["scores"]) == {key for family in families("zh") for key in metric(family).KEYS}
    assert "fact_errors" not in task and (made.run / "errors.jsonl").read_bytes() == b""


def test_each_text_is_read_once_whatever_wrote_it(made, monkeypatch):
    from docphim.language import facts as reader

    read, seen = reader.facts, []
    monkeypatch.setattr(reader, "facts", lambda text, language: seen.append(text) or read(text, language))
    scores(made)
    assert len(seen) == len(set(seen))


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


def test_a_draft_that_only_declines_scores_nothing_and_is_counted(made):
    ids = made.ids["test"]
    texts = {s: made.prediction(s, "own", "").reference for s in ids}
    rows = [made.prediction(s, "own", texts[s]) for s in ids[:37]]
    rows += [made.prediction(s, "own", "Xin lỗi, tôi không thể đọc phim này. Vui lòng hỏi bác sĩ.") for s in ids[37:38]]
    rows += [made.prediction(s, "own", f"Tôi không thể thay thế bác sĩ. {texts[s]}") for s in ids[38:40]]
    made.predict(rows)
    task = scores(made)["findings/test"]
    assert (task["counts"]["declined"], task["counts"]["empty"]) == (3, 0)
    declined = [row for row in pq.read_table(made.run / "scores.parquet").to_pylist() if row["id"] == f"{ids[37]}-findings"]
    assert {row["value"] for row in declined if row["metric"] != "actionable_errors"} == {0}
    described = [row for row in pq.read_table(made.run / "scores.parquet").to_pylist() if row["id"] == f"{ids[38]}-findings"]
    assert {row["metric"]: row["value"] for row in described}["fact_f1"] > 50
