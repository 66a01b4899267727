"""Three stages of one recipe, as a person types them: aligned, projected, adapted; each a run like any other."""

import importlib.util
import json

import pytest
import torch
import yaml
from safetensors.torch import save_file

from docphim import chain, recipe, variants
from docphim.errors import UsageError
from docphim.files import read_json, read_jsonl
from docphim.metrics.retrieval import KEYS

STAGES = """\
name: small
source: {kind: phantom, profile: demo, studies: 40, size: 128, seed: 3, workers: 1, path: %s}
split: {fractions: [0.6, 0.1, 0.3]}
prompts: docphim
tasks: [findings]
prepare: {long_side: 64, workers: 1}
model:
  family: aligned
  image_size: 56
  encoder: {patch: 28}
  tiny: {vocab: 300, hidden: 32, layers: 1, vision_hidden: 32, vision_layers: 1, report_hidden: 32, report_layers: 1}
train: {max_steps: 2, batch_size: 4, evaluations: 1, learning_rate: 0.001}
generate: {max_new_tokens: 4}
evaluate: {images: [own, other], resamples: 100}
stages:
  align: {train.loss: clip, model: {tune: full, freeze: []}}
  project: {model: {tune: full, freeze: [vision, language]}}
  adapt: {model.tune: lora, model.lora: {rank: 2}}
"""
RUNS = ("small-align", "small-project", "small")


@pytest.fixture
def staged(tmp_path, shared_phantoms):
    path = tmp_path / "staged.yaml"
    path.write_text(STAGES % shared_phantoms, encoding="utf-8")
    return path


def trained(home):
    return read_json(home / "train.json")["written"]


def test_three_stages_are_three_runs_each_on_the_weights_of_the_one_before(docphim, staged):
    answer = docphim("run", staged, tiny=False)
    assert answer.returncode == 0, answer.stderr
    homes = [docphim.folder / "runs" / name for name in RUNS]
    for home in homes:
        assert (home / "index.html").exists() and (home / "model" / "README.md").exists() and (home / "checkpoints").is_dir()
        scores = read_json(home / "scores.json")["by_task"]["findings/test"]["scores"]
        assert set(KEYS) <= scores.keys() and all(scores[key]["value"] is not None for key in KEYS)
    recipes = [yaml.safe_load((home / "recipe.yaml").read_text(encoding="utf-8")) for home in homes]
    assert [values["train"]["loss"]["kind"] for values in recipes] == ["clip", "answers", "answers"]
    assert [values["model"]["weights"] for values in recipes] == ["tiny", "runs/small-align", "runs/small-project"]
    assert len(list((docphim.folder / "data" / "phantom").iterdir())) == 1, "one dataset"
    prompts = json.loads((homes[0] / "model" / "prompts.json").read_text(encoding="utf-8"))
    written = {sentence for sides in prompts.values() for side in sides.values() for sentence in side}
    drafts = [row["prediction"] for row in read_jsonl(homes[0] / "predictions.jsonl") if row["image"] == "own"]
    assert prompts and all(any(sentence in draft for sentence in written) for draft in drafts)
    assert docphim("export", "runs/small", "out", tiny=False).returncode == 3 and not (docphim.folder / "out").exists()

    again = docphim("run", staged, tiny=False)
    assert again.returncode == 0 and again.stderr.count("train: done before") == 3

    before = [trained(home) for home in homes]
    other = docphim("run", staged, "--until", "train", "--set", "stages.align.train.seed=1", tiny=False)
    assert other.returncode == 0 and "train: done before" not in other.stderr
    assert all(trained(home) != old for home, old in zip(homes, before, strict=True)), "what stands on it is trained anew"


def test_all_stages_are_checked_before_the_first_is_made(docphim, staged):
    answer = docphim("run", staged, "--set", "stages.adapt.train.los=x", tiny=False)
    assert answer.returncode == 2 and "stages.adapt.train.los: unknown key; did you mean 'loss'?" in answer.stderr
    answer = docphim("run", staged, "--set", "stages.adapt.model.family=llava", tiny=False)
    assert answer.returncode == 2 and "is a part of family aligned" in answer.stderr
    assert not (docphim.folder / "runs").exists() and not (docphim.folder / "data").exists()


def made(**changes):
    values = {"name": "x", "source": {"kind": "phantom"}, "model": {"family": "aligned", "tune": "full"}}
    return recipe.validated(recipe.Recipe, {**values, **changes}, "")


def test_a_setting_holds_for_all_stages_and_one_of_a_stage_for_it_alone(staged):
    settings = ["train.max_steps=7", "stages.project.train.batch_size=5"]
    steps = chain.steps(recipe.load(str(staged), settings))
    assert [step.name for step in steps] == list(RUNS) and [step.train.max_steps for step in steps] == [7] * 3
    assert [step.train.batch_size for step in steps] == [4, 5, 4]
    assert chain.steps(made()) == [made()]
    named = chain.steps(made(stages={"a": {}, "b": {"model": {"weights": "runs/other"}}}))
    assert [step.model.weights for step in named] == ["tiny", "runs/other"]


def test_variants_may_have_stages_and_no_two_of_them_a_folder():
    two = {"first": {}, "last": {"model": {"tune": "lora"}}}
    both = variants.members(made(variants={"with": {"stages": two}, "without": {}}))
    assert [[step.name for step in chain.steps(one.recipe)] for one in both] == [["x-with-first", "x-with"], ["x-without"]]
    with pytest.raises(UsageError, match="would share the folder x-with-first"):
        variants.members(made(variants={"with": {"stages": two}, "with-first": {}}))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"stages": {"a": {"name": "y"}}}, r"stages\.a\.name: is one for all stages"),
        ({"stages": {"a": {"variants": {}}}}, r"stages\.a\.variants: is one for all stages"),
        ({"stages": {"a": {"generate": {"backend": "file", "drafts": "x"}}}}, r"stages\.a: generate\.backend is file"),
        ({"stages": {"a/b": {}}}, r"stages\.a/b"),
    ],
)
def test_what_a_stage_cannot_say_is_refused_by_name(changes, line):
    with pytest.raises(UsageError, match=line):
        chain.steps(made(**changes))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"model": {"family": "llava", "decoder": "x"}}, "decoder is a part of family aligned, and family is llava"),
        ({"model": {"family": "aligned", "weights": "x", "quantise": "nf4"}}, "quantise: nf4 is not for family aligned"),
        ({"model": {"family": "aligned", "encoder": "unet"}}, r"model\.encoder\.kind"),
    ],
)
def test_parts_that_no_family_has_are_refused(changes, line):
    with pytest.raises(UsageError, match=line):
        made(**changes)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["model.family=qwen_vl", "model.encoder=null"], "family qwen_vl has none"),
        (["model.tune=lora"], "model.tune: full"),
        (["train.pairs=noise"], "train.pairs"),
        (["model.features=x", "model.encoder=null", "evaluate.images=[own, noise]"], "noise is of pixels"),
        (["model.features=x"], "encoder.patch: is of an encoder, and features stand in the place of one"),
    ],
)
def test_an_alignment_that_cannot_be_is_refused_before_anything_is_made(docphim, staged, settings, line):
    values = staged.read_text(encoding="utf-8").partition("stages:")[0].replace("train: {", "train: {loss: clip, ")
    staged.write_text(values.replace("family: aligned", "family: aligned\n  tune: full"), encoding="utf-8")
    answer = docphim("run", staged, *(part for setting in settings for part in ("--set", setting)), tiny=False)
    assert answer.returncode == 2 and line in answer.stderr, answer.stderr
    assert not (docphim.folder / "runs").exists()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["model.decoder=nowhere"], "weights_missing: nowhere: is no folder of this machine: model.decoder"),
        (["model.text_encoder=nowhere"], "weights_missing: nowhere: is no folder of this machine: model.text_encoder"),
        pytest.param(
            ["model.text_encoder=phobert"],
            "model.text_encoder.words: true needs underthesea",
            marks=pytest.mark.skipif(importlib.util.find_spec("underthesea") is not None, reason="underthesea is installed"),
        ),
        (["model.features=nowhere", "model.encoder=null"], "file_missing: model.features: nowhere holds no STUDY.safetensors"),
    ],
)
def test_parts_that_are_not_there_are_refused_before_anything_is_made(docphim, staged, settings, line):
    phobert = docphim.folder / "phobert"
    phobert.mkdir()
    save_file({"x": torch.zeros(1)}, phobert / "model.safetensors")
    (phobert / "tokenizer_config.json").write_text('{"tokenizer_class": "PhobertTokenizer"}', encoding="utf-8")
    answer = docphim("run", staged, *(part for setting in settings for part in ("--set", setting)), tiny=False)
    assert answer.returncode == (2 if "underthesea" in line else 3) and line in answer.stderr, answer.stderr
    assert not (docphim.folder / "runs").exists() and not (docphim.folder / "data").exists()


def test_bench_says_that_an_alignment_answers_nothing(docphim, staged):
    values = staged.read_text(encoding="utf-8").partition("stages:")[0].replace("train: {", "train: {loss: clip, ")
    staged.write_text(values, encoding="utf-8")
    answer = docphim("bench", staged, tiny=False)
    assert answer.returncode == 2 and "clip learns no answers" in answer.stderr
