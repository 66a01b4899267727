"""A run's model as the weights of another: evaluated, trained on, moved, changed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_load import LORA, publish, train_one_step
from tiny_models import film, logits, make, single

from docphim.errors import Refused, UsageError
from docphim.models import checkpoint, load
from docphim.models.encode import encode
from docphim.models.tune import adapters_of, merge
from docphim.recipe import Model, Recipe, validated
from docphim.train.model import open_model
from docphim.train.settings import TrainSettings
from docphim.way import stages


def trained(weights: str, tune: str, folder: Path, *, base: str | None = None, precision: str = "fp32"):
    """A run: `weights` opened, tuned, trained a step and saved in `folder`/model."""
    loaded = load.load(weights, "qwen_vl", 56, precision=precision, base=base)
    loaded = load.tune(loaded, tune, [], LORA)
    if tune != "none":
        train_one_step(loaded)
    load.save(loaded, folder / "model")
    (folder / "recipe.yaml").write_text("name: first\n", encoding="utf-8")
    return loaded


@pytest.fixture
def base(tmp_path) -> Path:
    return publish(make("qwen2_5_vl"), tmp_path / "published")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("first", ["none", "lora", "full"])
@pytest.mark.parametrize("second", ["none", "lora", "full"])
def test_a_runs_model_is_the_start_of_another_and_the_chain_loads_again(first, second, precision, base, tmp_path):
    one = trained(str(base), first, tmp_path / "one", precision=precision)
    start = load.load(str(tmp_path / "one"), "qwen_vl", 56)
    with one.autocast():
        assert torch.equal(logits(start), logits(one)) and start.precision == precision
    two = trained(str(tmp_path / "one"), second, tmp_path / "two", precision="auto")
    again = load.load_saved(tmp_path / "two" / "model")
    assert again.precision == precision and torch.equal(logits(again), logits(two))
    assert (second == "none") == torch.equal(logits(again), logits(start))
    note = json.loads((tmp_path / "two" / "model" / "docphim.json").read_text(encoding="utf-8"))
    assert note["base"]["weights"] == str(tmp_path / "one" / "model") and "docphim.json" in note["base"]["files"]


@pytest.mark.parametrize(("asked", "half"), [("auto", True), ("bf16", True), ("fp32", False)])
def test_a_run_trained_in_half_precision_is_opened_in_the_precision_that_is_asked_for(asked, half, base, tmp_path):
    trained(str(base), "lora", tmp_path / "one", precision="bf16")
    start = load.load(str(tmp_path / "one"), "qwen_vl", 56, precision=asked)
    assert (torch.bfloat16 in {weight.dtype for weight in start.model.parameters()}) == half
    assert start.precision == ("bf16" if half else "fp32")


def test_a_third_stage_stands_on_the_second_and_weights_of_ones_own_need_no_base(tmp_path):
    made = load.tune(make("qwen2_5_vl"), "lora", [], LORA)
    train_one_step(made)
    load.save(made, tmp_path / "one" / "model")
    trained(str(tmp_path / "one" / "model"), "lora", tmp_path / "two")
    three = trained(str(tmp_path / "two"), "lora", tmp_path / "three")
    again = load.load_saved(tmp_path / "three" / "model")
    assert torch.equal(logits(again), logits(three))
    assert not hasattr(load.load(str(tmp_path / "one"), "qwen_vl", 56).core, "merge_and_unload")


@pytest.mark.parametrize("tune", ["lora", "full"])
def test_an_adapter_is_merged_as_documented_before_something_else_is_trained(tune, base, tmp_path):
    one = trained(str(base), "lora", tmp_path / "one")
    two = load.tune(load.load(str(tmp_path / "one"), "qwen_vl", 56), tune, [], LORA)
    scale = LORA["alpha"] / LORA["rank"]
    name = "model.language_model.layers.1.mlp.up_proj"
    before, after = one.core.get_submodule(name), two.core.get_submodule(name)
    sum_of_both = before.base_layer.weight + scale * before.lora_B["default"].weight @ before.lora_A["default"].weight
    weight = after.base_layer.weight if tune == "lora" else after.weight
    assert torch.allclose(weight, sum_of_both, atol=1e-7) and not torch.equal(weight, before.base_layer.weight)
    assert torch.allclose(logits(two), logits(one), atol=1e-4)


def test_a_run_is_named_by_a_relative_path_or_from_home(base, tmp_path, monkeypatch):
    trained(str(base), "lora", tmp_path / "runs" / "one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = logits(load.load(str(tmp_path / "runs" / "one"), "qwen_vl", 56))
    for weights in ("runs/one", "runs/one/model", "./runs/one", "~/runs/one"):
        assert torch.equal(logits(load.load(weights, "qwen_vl", 56)), expected)
        assert load.load_reader(weights, "qwen_vl", 56).model is None


@pytest.mark.parametrize("tune", ["lora", "none"])
def test_a_base_that_has_moved_is_named_and_the_saved_note_stays(tune, base, tmp_path):
    one = trained(str(base), tune, tmp_path / "one")
    trained(str(tmp_path / "one"), "lora", tmp_path / "two")
    before = (tmp_path / "two" / "model" / "docphim.json").read_bytes()
    expected = logits(load.load_saved(tmp_path / "two" / "model"))
    moved = base.rename(tmp_path / "moved")
    for folder in ("one", "two"):
        with pytest.raises(Refused, match="weights_missing"):
            load.load_saved(tmp_path / folder / "model")
        with pytest.raises(Refused, match="weights_missing"):
            checkpoint.check_there(str(tmp_path / folder))
        checkpoint.check_there(str(tmp_path / folder), str(moved))
    assert torch.equal(logits(load.load_saved(tmp_path / "one" / "model", base=str(moved))), logits(one))
    assert torch.equal(logits(load.load_saved(tmp_path / "two" / "model", base=str(moved))), expected)
    assert torch.equal(logits(load.load(str(tmp_path / "one"), "qwen_vl", 56, base=str(moved))), logits(one))
    assert (tmp_path / "two" / "model" / "docphim.json").read_bytes() == before


def test_a_run_in_the_middle_that_has_moved_is_found_by_its_fingerprint(base, tmp_path):
    trained(str(base), "lora", tmp_path / "one")
    two = trained(str(tmp_path / "one"), "lora", tmp_path / "two")
    (tmp_path / "one").rename(tmp_path / "elsewhere")
    again = load.load_saved(tmp_path / "two" / "model", base=str(tmp_path / "elsewhere"))
    assert torch.equal(logits(again), logits(two))


def test_published_weights_themselves_may_have_moved(base, tmp_path):
    moved = base.rename(tmp_path / "moved")
    loaded = load.load(str(base), "qwen_vl", 56, base=str(moved))
    assert loaded.base and loaded.base["weights"] == str(moved)
    assert load.load_reader(str(base), "qwen_vl", 56, base=str(moved)).config.model_type == "qwen2_5_vl"
    checkpoint.check_there(str(base), str(moved))


def test_what_lies_where_the_base_should_is_checked_at_every_step_of_the_chain(base, tmp_path):
    trained(str(base), "lora", tmp_path / "one")
    trained(str(tmp_path / "one"), "lora", tmp_path / "two")
    other = publish(make("qwen2_5_vl", seed=1), tmp_path / "other")  # of the same shapes, and so sizes
    for folder in ("one", "two"):
        with pytest.raises(Refused, match="file_changed"):
            load.load_saved(tmp_path / folder / "model", base=str(other))
        with pytest.raises(Refused, match="file_changed"):
            checkpoint.check_there(str(tmp_path / folder), str(other))
    shutil.rmtree(tmp_path / "one")
    trained(str(base), "full", tmp_path / "one")
    with pytest.raises(Refused, match="file_changed"):
        load.load_saved(tmp_path / "two" / "model")
    shutil.rmtree(base)
    other.rename(base)
    with pytest.raises(Refused, match="file_changed"):
        load.load_saved(tmp_path / "two" / "model")


def test_a_flipped_byte_anywhere_in_a_base_is_noticed(base, tmp_path, monkeypatch):
    weights = base / "model.safetensors"
    before = checkpoint.fingerprint(base)
    data = bytearray(weights.read_bytes())
    for place in (0, len(data) // 2, len(data) - 1):
        data[place] ^= 1
        weights.write_bytes(data)
        assert checkpoint.fingerprint(base) != before
        data[place] ^= 1
    weights.write_bytes(data)
    assert checkpoint.fingerprint(base) == before
    # Of a large file blocks are read, the first one among them.
    monkeypatch.setattr(checkpoint, "_BLOCK", 64)
    before = checkpoint.fingerprint(base)
    data[5] ^= 1
    weights.write_bytes(data)
    assert checkpoint.fingerprint(base) != before


def test_a_run_that_was_not_trained_to_its_end_has_no_model(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("name: run\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"weights_missing.*no model"):
        load.load(str(tmp_path / "run"), "qwen_vl", 56)
    with pytest.raises(Refused, match=r"weights_missing.*no model"):
        checkpoint.check_there(str(tmp_path / "run"))


def test_a_run_of_another_family_names_it(base, tmp_path):
    trained(str(base), "lora", tmp_path / "one")
    with pytest.raises(UsageError, match="qwen_vl"):
        load.load(str(tmp_path / "one"), "llava", 56)


def test_another_size_of_images_is_taken_and_said(base, tmp_path, caplog):
    trained(str(base), "lora", tmp_path / "one")
    with caplog.at_level("INFO", "docphim"):
        loaded = load.load(str(tmp_path / "one"), "qwen_vl", 84)
    assert loaded.size == (84, 84) and "trained on images of 56x56; here they are 84x84" in caplog.text
    assert encode(loaded, single(), [film(loaded)]).media["image_grid_thw"].tolist() == [[1, 6, 6]]


def on_top(weights: str, folder: Path, *, precision: str = "fp32"):
    """A run whose adapter sits on that of another run."""
    loaded = load.tune(load.load(weights, "qwen_vl", 56, precision=precision), "lora", [], LORA | {"rank": 2}, "stack")
    train_one_step(loaded)
    load.save(loaded, folder / "model")
    return loaded


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_projector_then_an_adapter_then_another_on_top_or_merged(precision, base, tmp_path):
    aligned = load.tune(load.load(str(base), "qwen_vl", 56, precision=precision), "full", ["vision", "language"], LORA)
    train_one_step(aligned)
    load.save(aligned, tmp_path / "aligned" / "model")
    two = trained(str(tmp_path / "aligned"), "lora", tmp_path / "two", precision="auto")
    three = on_top(str(tmp_path / "two"), tmp_path / "three", precision="auto")
    four = on_top(str(tmp_path / "three"), tmp_path / "four", precision="auto")
    folded = trained(str(tmp_path / "four"), "lora", tmp_path / "five", precision="auto")
    for made, name in ((two, "two"), (three, "three"), (four, "four"), (folded, "five")):
        again = load.load_saved(tmp_path / name / "model")
        with made.autocast():
            assert torch.equal(logits(again), logits(made)), name
    assert len(adapters_of(four.model)) == 3 and len(adapters_of(folded.model)) == 1


def test_the_adapter_below_is_frozen_and_acts_and_only_the_new_one_is_saved(base, tmp_path):
    one = trained(str(base), "lora", tmp_path / "one")
    below = {name: p.detach().clone() for name, p in one.model.named_parameters() if ".lora_" in name}
    loaded = load.tune(load.load(str(tmp_path / "one"), "qwen_vl", 56), "lora", [], LORA, "stack")
    assert torch.equal(logits(loaded), logits(one))  # B of the new one is still zero
    learnt = [name for name, p in loaded.model.named_parameters() if p.requires_grad]
    assert learnt and all(".stage2." in name for name in learnt)
    train_one_step(loaded)
    assert not torch.equal(logits(loaded), logits(one))
    assert all(torch.equal(p, below[name]) for name, p in loaded.model.named_parameters() if name in below)
    load.save(loaded, tmp_path / "two" / "model")
    saved = load_file(tmp_path / "two" / "model" / "adapter_model.safetensors")
    assert len(saved) == len(learnt) and {p.name for p in (tmp_path / "two" / "model").iterdir()} >= {"adapter_config.json"}
    assert not [p for p in (tmp_path / "two" / "model").iterdir() if p.is_dir()]
    unmerged = logits(loaded)
    merge(loaded)
    assert not adapters_of(loaded.model) and torch.allclose(logits(loaded), unmerged, atol=1e-4)


def test_there_must_be_an_adapter_to_put_another_on(base, tmp_path):
    trained(str(base), "full", tmp_path / "one")
    for weights in (str(base), str(tmp_path / "one")):
        with pytest.raises(UsageError, match=r"model\.adapter: stack needs"):
            load.tune(load.load(weights, "qwen_vl", 56), "lora", [], LORA, "stack")
    with pytest.raises(UsageError, match="stack puts an adapter on another, and tune is full"):
        validated(Model, {"family": "qwen_vl", "tune": "full", "adapter": "stack"}, "model")


@pytest.mark.parametrize("odd", ["missing", "extra"])
def test_an_adapter_of_the_stack_with_a_key_too_few_or_too_many_is_refused(odd, base, tmp_path):
    trained(str(base), "lora", tmp_path / "one")
    on_top(str(tmp_path / "one"), tmp_path / "two")
    file = tmp_path / "two" / "model" / "adapter_model.safetensors"
    state = load_file(file)
    first = sorted(state)[0]
    if odd == "extra":
        state[first.replace(".0.", ".9.")] = state[first].clone()
    else:
        state.pop(first)
    save_file(state, file, {"format": "pt"})
    with pytest.raises(Refused, match="weights_incomplete"):
        load.load_saved(tmp_path / "two" / "model")


def test_weights_that_belong_to_no_part_are_refused(base):
    state = load_file(base / "model.safetensors")
    save_file(state | {"model.language_model.rotary.inv_freq": torch.ones(2)}, base / "model.safetensors", {"format": "pt"})
    load.load(str(base), "qwen_vl", 56)
    save_file(state | {"model.language_model.layers.7.odd": torch.ones(2)}, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match=r"weights_layout.*layers\.7\.odd"):
        load.load(str(base), "qwen_vl", 56)


@pytest.mark.parametrize(("changed", "noticed"), [({"transformers_version": "9"}, False), ({"image_token_id": 3}, True)])
def test_a_base_of_another_config_is_another_base_and_older_records_hold(changed, noticed, base, tmp_path):
    trained(str(base), "lora", tmp_path / "one")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    (base / "config.json").write_text(json.dumps(config | changed, indent=3), encoding="utf-8")
    note = tmp_path / "one" / "model" / "docphim.json"
    if noticed:
        with pytest.raises(Refused, match="file_changed"):
            load.load_saved(tmp_path / "one" / "model")
    else:
        load.load_saved(tmp_path / "one" / "model")
    values = json.loads(note.read_text(encoding="utf-8"))
    assert values["base"]["files"].pop("config.json")
    note.write_text(json.dumps(values), encoding="utf-8")
    load.load_saved(tmp_path / "one" / "model")


@pytest.mark.parametrize(("adapter", "count"), [("merge", 1), ("stack", 2)])
def test_a_recipe_says_what_becomes_of_the_first_adapter(adapter, count, base, tmp_path):
    trained(str(base), "lora", tmp_path / "one")
    section = {"family": "qwen_vl", "weights": str(tmp_path / "one"), "image_size": 56, "adapter": adapter}
    opened = open_model(Model.model_validate(section).model_dump(), TrainSettings(), [])
    assert len(adapters_of(opened.model)) == count
    recipe = validated(Recipe, {"name": "a", "source": {"kind": "phantom"}, "model": section}, "")
    stage = next(s for s in stages(recipe, tmp_path, tmp_path) if s.name == "train")
    # Runs made before there was the key stay done.
    assert stage.settings["model"].get("adapter") == (None if adapter == "merge" else "stack")


@pytest.mark.parametrize("kind", ["dora", "rslora"])
def test_other_kinds_of_adapters_are_opened_as_they_were_saved_and_trained_on(kind, base, tmp_path):
    one = load.tune(load.load(str(base), "qwen_vl", 56, precision="fp32"), "lora", [], {**LORA, "kind": kind})
    train_one_step(one)
    load.save(one, tmp_path / "one" / "model")
    (tmp_path / "one" / "recipe.yaml").write_text("name: first\n", encoding="utf-8")
    assert torch.equal(logits(load.load_saved(tmp_path / "one" / "model")), logits(one))
    start = load.load(str(tmp_path / "one"), "qwen_vl", 56)
    two = load.tune(start, "lora", [], LORA, "stack")
    two.model.eval()
    assert torch.allclose(logits(two), logits(one), atol=1e-5)
    train_one_step(two)
    two.model.eval()
    alone = logits(two)
    merge(two)
    assert torch.allclose(logits(two), alone, atol=1e-4) and not torch.allclose(alone, logits(one), atol=1e-3)
