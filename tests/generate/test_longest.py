"""How long a draft may be: a number, or by the longest answer that the model was trained on."""

import json
import logging
from pathlib import Path

import pytest
from program import TINY

from docphim.errors import UsageError
from docphim.files import read_json, read_jsonl
from docphim.generate.transformers import Backend
from docphim.models.checkpoint import NOTE
from docphim.models.load import load_saved
from docphim.recipe import Recipe, validated
from docphim.way import stages

MODEL = {"family": "qwen_vl"}


@pytest.fixture
def run(tmp_path, tiny_model):
    """A run whose model was trained on answers of at most 20 tokens."""
    folder = tmp_path / "run" / "model"
    folder.mkdir(parents=True)
    for file in tiny_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    note = read_json(folder / NOTE)
    (folder / NOTE).write_text(json.dumps({**note, "longest_answer": 20}), encoding="utf-8")
    return folder.parent


def backend(run, most):
    return Backend(run, blind=True, max_new_tokens=most, temperature=0.0)


def test_longest_is_the_longest_answer_of_the_training_and_a_quarter_more(run):
    assert backend(run, "longest").max_new_tokens == 26


@pytest.mark.parametrize(("most", "warned"), [(20, True), (5, True), (21, False)])
def test_a_number_below_the_longest_answer_is_taken_and_warned_of(run, caplog, most, warned):
    with caplog.at_level(logging.WARNING, "docphim"):
        assert backend(run, most).max_new_tokens == most
    assert ("the longest answer of the training has 20 tokens" in caplog.text) == warned


def test_a_model_that_was_not_trained_on_answers_knows_no_longest(run):
    note = run / "model" / NOTE
    values = {key: value for key, value in read_json(note).items() if key != "longest_answer"}
    note.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UsageError, match="longest needs a model that Docphim trained"):
        backend(run, "longest")
    assert backend(run, 5).max_new_tokens == 5


def of_generate(**generate):
    return validated(Recipe, {"name": "a", "source": {"kind": "phantom"}, "model": MODEL, "generate": generate}, "")


def test_a_recipe_asks_for_it_of_its_own_model_alone():
    assert of_generate(max_new_tokens="longest").generate.max_new_tokens == "longest"
    with pytest.raises(UsageError, match="backend openai takes a number"):
        of_generate(max_new_tokens="longest", backend="openai", endpoint="http://127.0.0.1:1", model="m")
    with pytest.raises(UsageError, match=r"generate\.max_new_tokens"):
        of_generate(max_new_tokens=0)
    with pytest.raises(UsageError, match=r"generate\.max_new_tokens"):
        of_generate(max_new_tokens="long")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"top_p": 0.9}, "'top_p' does nothing at temperature 0"),
        ({"top_k": 5}, "'top_k' does nothing at temperature 0"),
        ({"top_p": 0.0, "temperature": 1}, r"generate\.top_p"),
        ({"min_new_tokens": 9, "max_new_tokens": 8}, "9 are more than the 8"),
        ({"repetition_penalty": 0}, r"generate\.repetition_penalty"),
        ({"backend": "openai", "endpoint": "http://127.0.0.1:1", "model": "m", "top_k": 5, "temperature": 1}, "goes into body"),
        ({"backend": "file", "drafts": "a.jsonl", "min_new_tokens": 5}, "is not taken by backend file"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(asked, why):
    with pytest.raises(UsageError, match=why):
        of_generate(**asked)


def test_settings_of_decoding_are_keys_of_a_recipe():
    asked = {"temperature": 0.7, "top_p": 0.9, "top_k": 20, "repetition_penalty": 1.05, "min_new_tokens": 4}
    recipe = of_generate(**asked)
    stage = next(s for s in stages(recipe, Path("data"), Path("runs")) if s.name == "generate")
    assert stage.settings["temperature"] == 0.7
    assert stage.settings["decoding"] == {name: value for name, value in asked.items() if name != "temperature"}


def test_a_training_writes_down_its_longest_answer_and_drafts_may_be_that_long(docphim, recipe):
    small = [part for setting in TINY if "max_new_tokens" not in setting for part in ("--set", setting)]
    asked = ("--set", "generate.max_new_tokens=longest", "--set", "evaluate.images=[own]")
    answer = docphim("run", recipe, "--until", "generate", *small, *asked, tiny=False)
    assert answer.returncode == 0, answer.stderr
    home = docphim.folder / "runs" / "small"
    assert "max_new_tokens: longest" in (home / "recipe.yaml").read_text(encoding="utf-8")
    dataset = next((docphim.folder / "data" / "phantom").iterdir())
    texts = [row["messages"][-1]["content"] for row in read_jsonl(dataset / "examples" / "train.jsonl")]
    tokenizer = load_saved(home / "model").tokenizer
    longest = max(len(tokenizer(text)["input_ids"]) for text in texts)
    assert read_json(home / "model" / NOTE)["longest_answer"] == longest
    finished = {row["finish"] for row in read_jsonl(home / "predictions.jsonl")}
    assert finished <= {"stop", "length"} and list(read_jsonl(home / "predictions.jsonl"))
