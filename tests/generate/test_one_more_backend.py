"""A backend is one file and one line: what is added here drafts through a recipe and a run, and its files are watched."""

import sys
import types

import pytest

from docphim import preflight
from docphim.backends import BACKENDS, Traits
from docphim.compare.runs import model_name
from docphim.errors import Refused, UsageError
from docphim.files import read_json, read_jsonl
from docphim.recipe import load
from docphim.run import run

RECIPE = """
name: echoes
source: {{kind: phantom, profile: demo, studies: 12, size: 128, seed: 3, path: phantoms}}
split: {{fractions: [0.5, 0.25, 0.25]}}
prompts: docphim
prepare: {{long_side: 64, workers: 1}}
generate: {{backend: echo, model: parrot, drafts: {words}}}
evaluate: {{resamples: 100}}
"""


class Echo:
    """A backend as somebody would write it: it answers whatever is asked with the words of a file."""

    each_alone, tells_likelihood, concurrency, size = True, False, 1, (0, 0)

    def __init__(self, run, *, drafts, model, blind, **_):
        self.name, self.blind = model, blind
        with open(drafts, encoding="utf-8") as handle:
            self.words = handle.read().strip()

    def answer(self, prompts):
        return [(self.words, "stop")] * len(prompts)

    def likelihood(self, prompts):
        return None

    def close(self):
        pass


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """One line, and the file behind it."""
    module = types.ModuleType("echo_backend")
    module.Echo = Echo
    monkeypatch.setitem(sys.modules, "echo_backend", module)
    line = Traits(
        "echo_backend:Echo", needs=("model",), recorded=("model",), asking=("drafts",), reads="drafts", images=("own", "noise")
    )
    monkeypatch.setitem(BACKENDS, "echo", line)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("Bóng tim to.", "utf-8")
    (tmp_path / "echoes.yaml").write_text(RECIPE.format(words="words.txt"), "utf-8")
    return lambda *settings: load("echoes.yaml", list(settings))


def test_a_backend_that_is_one_line_drafts_and_is_drafted_again_where_its_file_changed(recipe, tmp_path):
    run(recipe())
    home = tmp_path / "runs" / "echoes"
    rows = list(read_jsonl(home / "predictions.jsonl"))
    assert {(row["prediction"], row["model"]) for row in rows} == {("Bóng tim to.", "parrot")}
    assert {row["image"] for row in rows} == {"own", "noise"} and not (home / "train.json").exists()
    record = read_json(home / "generate.json")
    assert record["settings"]["options"] == {"model": "parrot"} and "elsewhere" in record["inputs"]
    assert model_name(home / "recipe.yaml") == "parrot"
    (tmp_path / "words.txt").write_text("Phổi sáng.", "utf-8")
    run(recipe())
    assert {row["prediction"] for row in read_jsonl(home / "predictions.jsonl")} == {"Phổi sáng."}


def test_what_its_line_needs_is_asked_for_before_anything_is_made(recipe, tmp_path):
    with pytest.raises(UsageError, match="backend echo needs 'model'"):
        recipe("generate.model=null")
    with pytest.raises(Refused, match=r"file_missing: generate\.drafts"):
        preflight.check(recipe("generate.drafts=none.txt"), "page")
    with pytest.raises(UsageError, match="no model to train"):
        preflight.check(recipe(), "train")
    with pytest.raises(
        UsageError, match=r"generate\.backend: 'ecco' is not one of transformers, vllm, openai, file, normal, echo"
    ):
        preflight.check(recipe("generate.backend=ecco", "generate.drafts=null", "model={family: qwen_vl}"), "page")
    assert not (tmp_path / "data").exists() and not (tmp_path / "runs").exists()


def test_where_its_line_sends_films_they_go_only_where_the_recipe_allows(recipe, monkeypatch):
    monkeypatch.setitem(BACKENDS, "echo", Traits("echo_backend:Echo", needs=("endpoint",), asking=("endpoint",), sends=True))
    with pytest.raises(Refused, match="upload_not_allowed"):
        preflight.check(recipe("generate.endpoint=https://example.org/v1", "generate.drafts=null"), "page")
