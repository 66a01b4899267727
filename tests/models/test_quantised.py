"""A frozen base in 4 or 8 bits: by bitsandbytes where it is installed, on a CPU too; refused where it would do nothing."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest
import torch
from test_load import LORA, publish, train_one_step
from tiny_models import logits, make

from docphim import preflight, recipe
from docphim.errors import UsageError
from docphim.files import read_json
from docphim.models import load, quantised
from docphim.models.export import write_model
from docphim.models.tune import part_of, what_trains
from docphim.train.model import open_model, open_random
from docphim.train.settings import TrainSettings

installed = pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
KINDS = {"nf4": torch.uint8, "int8": torch.int8}
DECODING = {"max_new_tokens": 3, "temperature": 0, "top_p": 1, "top_k": 0, "repetition_penalty": 1, "min_new_tokens": 0}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    return publish(make("qwen2_5_vl"), tmp_path_factory.mktemp("weights") / "tiny")


@installed
@pytest.mark.parametrize("family", ["qwen2_5_vl", "llava-qwen2", "internvl-qwen3", "gemma3", "llava_onevision"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_language_models_layers_alone_are_packed(kind, family, tmp_path):
    made = make(family)
    folder = publish(made, tmp_path / "weights")
    loaded = load.load(str(folder), made.family, 56, quantise=kind)
    parts = load.family_of(made.family).PARTS
    packed = {name for name, p in loaded.model.named_parameters() if p.dtype == KINDS[kind]}
    assert packed and {part_of(name, parts) for name in packed} == {"language"}
    assert all(".layers." in name for name in packed), "neither embeddings nor lm_head"
    assert {p.dtype for name, p in loaded.model.named_parameters() if name not in packed} == {torch.float32}
    before, after = logits(made), logits(loaded)
    assert not torch.equal(before, after)
    assert torch.nn.functional.cosine_similarity(before.flatten(), after.flatten(), dim=0) > 0.95
    sizes = [{row["part"]: row["parameters"] for row in what_trains(one)} for one in (made, loaded)]
    assert sizes[0] == sizes[1], "what is packed counts in full"


@installed
@pytest.mark.parametrize(
    ("kind", "lora"), [("nf4", "lora"), ("nf4", "rslora"), ("nf4", "dora"), ("int8", "lora"), ("int8", "rslora")]
)
def test_trained_on_it_saved_and_opened_it_is_the_same_model(kind, lora, published, tmp_path):
    adapters = {**LORA, "kind": lora}
    loaded = load.tune(load.load(str(published), "qwen_vl", 56, quantise=kind), "lora", ["vision"], adapters)
    before = logits(loaded)
    train_one_step(loaded)
    assert not torch.equal(logits(loaded), before)
    load.save(loaded, tmp_path / "run" / "model")
    assert read_json(tmp_path / "run" / "model" / "docphim.json")["quantise"] == kind
    again = load.load_saved(tmp_path / "run" / "model")
    assert again.quantise == kind and torch.equal(logits(again), logits(loaded))


@installed
@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_on_from_it_stands_on_whole_weights(kind, published, tmp_path):
    """A second run, and what is exported: the adapter is merged into what the packed weights were made of."""
    loaded = load.tune(load.load(str(published), "qwen_vl", 56, quantise=kind), "lora", ["vision"], LORA)
    train_one_step(loaded)
    load.save(loaded, tmp_path / "run" / "model")
    whole = load.load_saved(tmp_path / "run" / "model", whole=True)
    assert whole.quantise is None and {p.dtype for p in whole.model.parameters()} == {torch.float32}
    adapter = {name: p for name, p in loaded.model.named_parameters() if "lora_" in name}
    assert all(adapter[name].equal(p) for name, p in whole.model.named_parameters() if "lora_" in name)
    write_model(tmp_path / "run" / "model", tmp_path / "served", DECODING, adapter=False)
    served = load.AutoModelForImageTextToText.from_pretrained(tmp_path / "served")
    assert not hasattr(served.config, "quantization_config")
    ours, theirs = (m.state_dict() for m in (load.tune(whole, "full", [], {}).model, served))
    assert ours.keys() == theirs.keys() and all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in ours)
    second = load.tune(load.load(str(tmp_path / "run"), "qwen_vl", 56), "lora", ["vision"], LORA)
    train_one_step(second)
    load.save(second, tmp_path / "second" / "model")
    assert torch.equal(logits(load.load_saved(tmp_path / "second" / "model")), logits(second))


@installed
def test_a_projector_is_trained_in_full_beside_adapters_on_packed_weights(published, tmp_path):
    loaded = load.load(str(published), "qwen_vl", 56, quantise="nf4")
    loaded = load.tune(loaded, "lora", ["vision"], LORA, "merge", ["projector"])
    train_one_step(loaded)
    load.save(loaded, tmp_path / "run" / "model")
    assert {row["part"]: row["how"] for row in what_trains(loaded)} == {
        "vision": "frozen",
        "projector": "full",
        "language": "lora",
    }
    assert torch.equal(logits(load.load_saved(tmp_path / "run" / "model")), logits(loaded))


@installed
def test_a_runs_model_is_not_quantised(published, tmp_path):
    load.save(load.tune(load.load(str(published), "qwen_vl", 56), "lora", [], LORA), tmp_path / "first" / "model")
    with pytest.raises(UsageError, match=r"model\.quantise: nf4 is of published weights, and first is a run"):
        load.load(str(tmp_path / "first"), "qwen_vl", 56, quantise="nf4")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tune": "full"}, "quantise: nf4 stores weights that adapters are trained on, and tune is full"),
        ({"tune": "none"}, "quantise: nf4 stores weights that adapters are trained on, and tune is none"),
        ({"weights": "tiny"}, "quantise: nf4 is of published weights, and weights: tiny are made here"),
        ({"quantise": "int8", "lora": {"kind": "dora"}}, "quantise: int8 takes no lora.kind: dora"),
        ({"quantise": "nf8"}, "quantise: Input should be 'nf4' or 'int8'"),
    ],
)
def test_a_recipe_in_which_it_cannot_be_is_a_usage_error(changes, why):
    values = {"family": "qwen_vl", "weights": "/weights", "quantise": "nf4", **changes}
    with pytest.raises(UsageError) as error:
        recipe.validated(recipe.Model, values, "model")
    assert why in str(error.value)


def test_without_bitsandbytes_it_is_refused_before_anything_is_made(published, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    line = r"model\.quantise: nf4 needs bitsandbytes, which is not installed: pip install 'docphim\[qlora\]'"
    with pytest.raises(UsageError, match=line):
        quantised.check_installed("nf4")
    with pytest.raises(UsageError, match=line):
        load.load(str(published), "qwen_vl", 56, quantise="nf4")
    values = {"name": "x", "source": {"kind": "phantom"}, "model": {"family": "qwen_vl", "weights": str(published)}}
    preflight.check(recipe.validated(recipe.Recipe, values, ""), "page")
    values["model"]["quantise"] = "nf4"
    with pytest.raises(UsageError, match=line):
        preflight.check(recipe.validated(recipe.Recipe, values, ""), "page")


def test_random_weights_are_not_quantised(published):
    model = recipe.Model(family="qwen_vl", weights=str(published), quantise="int8", image_size=56).model_dump()
    with pytest.raises(UsageError, match=r"model\.quantise: int8 is not for random weights"):
        open_random(model, TrainSettings(), [])


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16"])
def test_bf16_asked_for_on_a_card_that_has_none_is_refused_by_its_name(precision, published, monkeypatch):
    calls = Counter()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(load, "_device", lambda: calls.update(asked=1) or torch.device("cpu"))
    model = recipe.Model(family="qwen_vl", weights=str(published), image_size=56).model_dump()
    for opened in (open_model, open_random):
        if precision == "bf16":
            with pytest.raises(
                UsageError, match=r"train\.precision: bf16, and Tesla T4 does not compute in it; take fp32, or auto"
            ):
                opened(model, TrainSettings(precision=precision), [])
        else:
            assert opened(model, TrainSettings(precision=precision), []).precision == "fp32"
    assert bool(calls) is (precision != "bf16"), "nothing was read"
