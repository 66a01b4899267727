"""A part trained in full beside adapters in another: trained, saved, opened, merged, exported, gone on from."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_load import LORA, publish, train_one_step
from tiny_models import ARCHITECTURES, logits, make

from docphim import recipe
from docphim.errors import Refused, UsageError
from docphim.files import read_json
from docphim.models import load
from docphim.models.export import write_model
from docphim.models.save import WHOLE
from docphim.models.tune import merge, refuse_idle_rates, table, what_trains, whole_parameters

DECODING = {"max_new_tokens": 3, "temperature": 0, "top_p": 1, "top_k": 0, "repetition_penalty": 1, "min_new_tokens": 0}


def tuned(loaded, adapter="merge"):
    return load.tune(loaded, "lora", ["vision"], LORA, adapter, ["projector"])


@pytest.fixture
def base(tmp_path):
    return publish(make("qwen2_5_vl"), tmp_path / "published")


@pytest.fixture
def run(base, tmp_path):
    """A run of published weights in half precision, and its model."""
    loaded = tuned(load.load(str(base), "qwen_vl", 56, precision="bf16"))
    train_one_step(loaded)
    load.save(loaded, tmp_path / "run" / "model")
    return tmp_path / "run", loaded


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_trained_a_step_saved_and_opened_it_is_the_same_model(architecture, tmp_path):
    loaded = tuned(make(architecture))
    rows = {row["part"]: row for row in what_trains(loaded)}
    assert {part: row["how"] for part, row in rows.items()} == {"vision": "frozen", "projector": "full", "language": "lora"}
    assert rows["projector"]["trained"] == rows["projector"]["parameters"] > 0
    assert "projector  full" in table(list(rows.values()), 1e-5, {"projector": 1e-4})
    refuse_idle_rates(loaded, {"projector": 1e-4, "language": 1e-5})
    before = {name: p.detach().clone() for name, p in whole_parameters(loaded).items()}
    train_one_step(loaded)
    moved = {name for name, p in whole_parameters(loaded).items() if not p.equal(before[name])}
    assert moved and all("deepstack" in name for name in before.keys() - moved), "one layer is too few for deeper mergers"
    load.save(loaded, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    assert torch.equal(logits(again), logits(loaded)) and again.whole == ("projector",)
    load.save(again, tmp_path / "second")
    assert torch.equal(logits(load.load_saved(tmp_path / "second")), logits(loaded))
    merge(again)
    assert torch.allclose(logits(again), logits(loaded), atol=1e-4)


def test_on_a_published_base_the_part_lies_beside_the_adapter_in_full_precision(run):
    folder, loaded = run
    saved = load_file(folder / "model" / WHOLE)
    assert {p.dtype for p in saved.values()} == {torch.float32} and all(
        name.startswith("model.visual.merger.") for name in saved
    )
    assert read_json(folder / "model" / "docphim.json")["whole"] == ["projector"]
    assert not (folder / "model" / "model.safetensors").exists(), "the base is not copied"
    again = load.load_saved(folder / "model")
    with loaded.autocast():
        assert torch.equal(logits(again), logits(loaded))


def test_what_is_exported_is_merged_with_the_part_and_never_the_adapter_alone(run, tmp_path):
    folder, loaded = run
    with pytest.raises(Refused, match=r"weights_layout.*beside the adapter projector was trained in full; export it merged"):
        write_model(folder / "model", tmp_path / "adapter", DECODING, adapter=True)
    write_model(folder / "model", tmp_path / "served", DECODING, adapter=False)
    served = load.AutoModelForImageTextToText.from_pretrained(tmp_path / "served", dtype=torch.float32).state_dict()
    for name, p in whole_parameters(loaded).items():
        assert served[name].equal(p.detach().bfloat16().float())


@pytest.mark.parametrize(("second", "adapter"), [("lora", "merge"), ("lora", "stack"), ("full", "merge"), ("none", "merge")])
@pytest.mark.parametrize("again", [False, True])
def test_another_run_goes_on_from_it(run, tmp_path, second, adapter, again):
    folder, loaded = run
    start = load.load(str(folder), "qwen_vl", 56)
    with loaded.autocast():
        assert torch.equal(logits(start), logits(loaded)) and start.whole == ()
    whole = ["projector"] if again and second == "lora" else []
    further = load.tune(start, second, ["vision"], LORA, adapter, whole)
    if second != "none":
        train_one_step(further)
    load.save(further, tmp_path / "second" / "model")
    opened = load.load_saved(tmp_path / "second" / "model")
    with loaded.autocast():
        assert torch.equal(logits(opened), logits(further))
        assert torch.equal(logits(opened), logits(load.load_saved(folder / "model"))) is (second == "none")


def lost(folder):
    (folder / WHOLE).unlink()


def cut(folder):
    (folder / WHOLE).write_bytes((folder / WHOLE).read_bytes()[:-10])


def without_one(folder):
    state = load_file(folder / WHOLE)
    state.pop(sorted(state)[0])
    save_file(state, folder / WHOLE)


def of_another_shape(folder):
    state = load_file(folder / WHOLE)
    name = sorted(state)[0]
    save_file({**state, name: state[name][:1].contiguous()}, folder / WHOLE)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lost, "weights_missing"),
        (cut, "file_truncated"),
        (without_one, "weights_incomplete"),
        (of_another_shape, "weights_incomplete"),
    ],
)
def test_a_part_that_is_damaged_is_refused(run, how, reason):
    how(run[0] / "model")
    with pytest.raises(Refused, match=reason):
        load.load_saved(run[0] / "model")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tune": "full"}, "whole names parts that are trained in full beside adapters (tune: lora), and tune is full"),
        ({"whole": ["vision"]}, "whole and freeze both name vision"),
        ({"whole": ["eyes"]}, "'eyes' is not one of vision, projector, language"),
        (
            {"whole": ["language"], "quantise": "nf4", "weights": "/w"},
            "whole: language is trained in full, and quantise: nf4 packs its weights",
        ),
    ],
)
def test_a_recipe_in_which_it_cannot_be_is_a_usage_error(changes, why):
    with pytest.raises(UsageError) as error:
        recipe.validated(recipe.Model, {"family": "qwen_vl", "whole": ["projector"], **changes}, "model")
    assert why in str(error.value)


def test_adapters_in_the_part_are_refused():
    with pytest.raises(
        UsageError, match=r"model\.whole: trains language in full, where the adapters of model\.lora go \(model\."
    ):
        load.tune(make("qwen2_5_vl"), "lora", [], LORA, "merge", ["language"])
