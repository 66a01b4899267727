"""The card beside a run's weights follows its scores, and the training that made the weights counts as done all the while."""

import json

import pytest
from small_run import SmallRun

from docphim.export import export
from docphim.files import read_json

WAY = ("run", "small.yaml", "--until", "evaluate")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    run = SmallRun(tmp_path_factory.mktemp("card"), workers=1)
    code, printed = run(*WAY, "--until", "train")
    assert code == 0, printed
    card = run.folder / "runs" / "small" / "model" / "README.md"
    before = card.read_text(encoding="utf-8")
    code, printed = run(*WAY)
    assert code == 0, printed
    return run, card, before


def ran(run, *arguments):
    code, printed = run(*arguments)
    assert code == 0, printed
    return printed


def test_it_has_no_scores_before_and_all_of_them_after_evaluation(made):
    run, card, before = made
    text = card.read_text(encoding="utf-8")
    assert "None yet: `docphim evaluate RECIPE`" in before and "### findings/test" not in before
    scores = read_json(run.folder / "runs" / "small" / "scores.json")["by_task"]["findings/test"]
    assert "### findings/test: 3 reports" in text and "| floor: constant |" in text and "| this model, shown other |" in text
    assert f"| {scores['scores']['rougeL']['value']:.1f} |" in text.partition("| floor")[0]
    assert scores["scores"]["rougeL"]["signature"].replace("|n:3", "") in text and "No intervals" in text
    for part in ("Made with docphim ", ", torch ", "made up by Docphim", "Base weights: none", "language: [vi]"):
        assert part in text
    record = json.loads((card.parents[1] / "train.json").read_text(encoding="utf-8"))["written"]
    assert "model/card.md" in record and "model/README.md" not in record


def test_it_is_written_anew_when_scores_change_and_when_it_is_spoilt_and_nothing_is_trained(made):
    run, card, _ = made
    text = card.read_text(encoding="utf-8")
    printed = ran(run, *WAY, "--set", "evaluate.metrics=[bleu]")
    assert "train: done before" in printed and "generate: done before" in printed and "evaluate: done in" in printed
    changed = card.read_text(encoding="utf-8")
    assert "### findings/test: 3 reports" in changed and "ROUGE-L" in text and "ROUGE-L" not in changed
    card.write_text("spoilt", encoding="utf-8")
    assert "train: done before" in ran(run, *WAY)
    assert card.read_text(encoding="utf-8") == text


def test_scores_of_another_model_do_not_stand_on_it(made):
    run, card, _ = made
    text = card.read_text(encoding="utf-8")
    more = ("--set", "train.learning_rate=0.002")
    ran(run, *WAY, "--until", "train", *more)
    assert "None yet" in card.read_text(encoding="utf-8") and (card.parents[1] / "scores.json").exists()
    ran(run, *WAY)
    assert card.read_text(encoding="utf-8") == text


def test_it_goes_along_with_an_export(made, tmp_path):
    run, card, _ = made
    export(run.folder / "runs" / "small", tmp_path / "out")
    assert (tmp_path / "out" / "README.md").read_bytes() == card.read_bytes()
