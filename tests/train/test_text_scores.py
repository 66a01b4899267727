"""Scores of validation drafts that choose a checkpoint: their values, and examples that have no such score."""

import shutil
from dataclasses import replace

import pytest
from tiny_training import TEXTS, example, model_section, train_section

import docphim
from docphim import preflight, recipe
from docphim.errors import UsageError
from docphim.files import read_examples, read_json, read_jsonl, write_json, write_jsonl
from docphim.models import decode
from docphim.recipe_training import DECIDING
from docphim.train import checkpoint, train
from docphim.train.text_scores import TextScores

DRAFTS = ["Tim không to.", "Bóng tim to. Tràn khí màng phổi trái.", "Phổi sáng đều hai bên."]
#: A report that says why the film was taken and nothing of what it shows.
NOTHING = "Chỉ định: ho kéo dài."


def films(*texts, language="vi"):
    return [replace(example(n, "val", text), language=language) for n, text in enumerate(texts)]


@pytest.mark.parametrize("name", [name for name in DECIDING if name != "val/loss"])
def test_a_score_of_drafts_is_that_of_the_evaluation(tmp_path, name):
    scores = TextScores(name, films(*TEXTS), tmp_path)(TEXTS, DRAFTS)
    wanted = docphim.score(TEXTS, DRAFTS, language="vi", modality="xray")["scores"]
    logged = {key.removeprefix("val/"): value for key, value in scores.items()}
    if name == "val/macro_f1":
        mean = (wanted["vindr/macro_f1"]["value"] + wanted["chexpert/macro_f1"]["value"]) / 2
        assert logged.pop("macro_f1") == pytest.approx(mean) and 0 < mean < 100
        assert logged.keys() == {"rougeL", "bleu4", "vindr/macro_f1", "chexpert/macro_f1"}
    else:
        assert logged.keys() == {"rougeL", "bleu4", name.removeprefix("val/")}
    assert logged == pytest.approx({key: wanted[key]["value"] for key in logged})
    assert TextScores(name, films(*TEXTS), tmp_path)(TEXTS, TEXTS)[name] == pytest.approx(100)


@pytest.mark.parametrize(("shows", "whole"), [("xray", True), ("ct", False)])
def test_reports_are_read_as_those_of_what_is_shown(tmp_path, shows, whole):
    """On a film a zone and the lobe of its name are one; on a scan they are not."""
    [one] = films("Mờ vùng trên phổi phải.")
    scores = TextScores("val/clinical_f1", [replace(one, media=[replace(one.media[0], volumes={shows: "x"})])], tmp_path)
    value = scores(["Mờ vùng trên phổi phải."], ["Mờ thùy trên phổi phải."])["val/clinical_f1"]
    assert (value == 100) is whole


def test_a_label_set_that_no_reference_has_a_label_of_does_not_count(tmp_path):
    scores = TextScores("val/macro_f1", films("Quai động mạch chủ giãn."), tmp_path)
    assert scores.sets == ["vindr"]
    assert scores(["Quai động mạch chủ giãn."], ["Tim to."])["val/macro_f1"] == 0


@pytest.mark.parametrize("name", ["val/clinical_f1", "val/fact_f1", "val/macro_f1"])
def test_a_training_is_chosen_and_ended_by_it(dataset, tmp_path, name):
    """Drafts of a model that has learnt nothing score 0 at each validation, so none is better than the first."""
    section = train_section(keep_best=name, max_steps=3, evaluations=3, patience=1)
    train(dataset, tmp_path, model=model_section(), train=section)
    rows = [row for row in read_jsonl(tmp_path / "log.jsonl") if name in row]
    assert [row["step"] for row in rows] == [1, 2]
    assert {"val/loss", "val/rougeL", "val/bleu4"} < rows[0].keys()
    assert read_json(tmp_path / "checkpoints" / "checkpoint-1" / checkpoint.MANIFEST)["score"] == rows[0][name]
    assert f"that of step 1, the best by `{name}`" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_the_step_with_the_best_drafts_is_the_one_that_is_taken(dataset, tmp_path, monkeypatch):
    """The second validation's drafts are the references themselves, as the loss goes on falling."""
    calls = iter(range(100))
    written = [m.content for e in read_examples(dataset, "val") for m in e.messages if m.role == "assistant"]

    def drafted(loaded, batch, **_):
        texts = [loaded.tokenizer.decode(row, skip_special_tokens=True) for row in batch["input_ids"]]
        good = next(calls) // 2 == 1  # four examples, two a batch
        return [(next(r for r in written) if good else "Không rõ.", "stop") for _ in texts]

    monkeypatch.setattr(decode, "generate", drafted)
    train(dataset, tmp_path, model=model_section(), train=train_section(keep_best="val/fact_f1", max_steps=3, evaluations=3))
    by_step = {row["step"]: row["val/fact_f1"] for row in read_jsonl(tmp_path / "log.jsonl") if "val/fact_f1" in row}
    assert by_step[2] > by_step[1] == by_step[3] == 0
    assert "that of step 2" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "examples", "why"),
    [
        ("val/fact_f1", films("心影不大。", language="zh"), "val/fact_f1 is read with a lexicon, and there is none of 'zh'"),
        (
            "val/clinical_f1",
            films(NOTHING),
            "no validation report says a fact, so val/clinical_f1 would tell nothing",
        ),
        (
            "val/macro_f1",
            films("Abc xyz."),
            "no validation report has a label of vindr, chexpert; val/macro_f1 would tell nothing",
        ),
        (
            "val/macro_f1",
            [replace(e, media=[replace(e.media[0], volumes={"pet": "p", "pet_ct": "c"})]) for e in films(*TEXTS)],
            "val/macro_f1, and there is no label set for reports of what the examples show",
        ),
        (
            "val/fact_f1",
            [replace(e, task="questions") for e in films(*TEXTS)],
            "val/fact_f1 is no score of task questions, which is scored by answers",
        ),
    ],
)
def test_examples_without_such_a_score_are_a_usage_error(tmp_path, name, examples, why):
    write_json(
        tmp_path / "tasks.json",
        {"questions": {"metrics": ["answers"]}, "findings": {"metrics": ["facts", "labels", "clinical"]}},
    )
    with pytest.raises(UsageError) as error:
        TextScores(name, examples, tmp_path)
    assert str(error.value) == f"train.keep_best: {why}"


def test_it_is_refused_before_anything_is_trained(dataset, tmp_path):
    shutil.copytree(dataset, tmp_path / "data")
    rows = list(read_jsonl(dataset / "examples" / "val.jsonl"))
    for row in rows:
        row["messages"][1]["content"] = NOTHING
    write_jsonl(tmp_path / "data" / "examples" / "val.jsonl", rows)
    with pytest.raises(UsageError, match="no validation report says a fact"):
        train(tmp_path / "data", tmp_path / "run", model=model_section(), train=train_section(keep_best="val/fact_f1"))
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


def test_without_validation_examples_the_last_step_is_taken(dataset, tmp_path):
    shutil.copytree(dataset, tmp_path / "data")
    write_jsonl(tmp_path / "data" / "examples" / "val.jsonl", [])
    section = train_section(keep_best="val/macro_f1", max_steps=1, evaluations=1)
    train(tmp_path / "data", tmp_path / "run", model=model_section(), train=section)
    assert "the last: there was nothing to validate on" in (tmp_path / "run" / "model" / "README.md").read_text(
        encoding="utf-8"
    )


def test_a_recipe_is_refused_before_anything_is_made(monkeypatch):
    values = {"name": "x", "source": {"kind": "phantom"}, "model": {"family": "qwen_vl"}}
    with pytest.raises(UsageError, match=r"train\.keep_best: must be one of val/loss, .*val/macro_f1 \(got 'val/f1'\)"):
        recipe.validated(recipe.Recipe, {**values, "train": {"keep_best": "val/f1"}}, "")
    good = recipe.validated(recipe.Recipe, {**values, "train": {"keep_best": "val/fact_f1"}}, "")
    preflight.check(good, "page")
    monkeypatch.setattr("docphim.build.findings.METRICS", ("answers",))
    with pytest.raises(UsageError, match="val/fact_f1 is no score of task findings, which is scored by answers"):
        preflight.check(good, "page")
