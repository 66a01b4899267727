"""Saving and loading: bit for bit, or refused with a reason."""

import errno
import json
import shutil
import socket
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import ARCHITECTURES, batch_of, film, logits, make, single
from transformers import SiglipVisionConfig, dynamic_module_utils

from docphim.errors import Refused, UsageError
from docphim.models import checkpoint, decode, hub, load
from docphim.models.encode import encode

LORA = {"rank": 4, "alpha": 8, "dropout": 0.0, "modules": None}


def train_one_step(loaded) -> None:
    batch = batch_of(loaded, [encode(loaded, single(), [film(loaded, n)]) for n in range(2)])
    optimiser = torch.optim.AdamW([p for p in loaded.model.parameters() if p.requires_grad], 1e-2)
    with loaded.autocast():
        loss = loaded.model.train()(**batch).loss
    loss.backward()
    optimiser.step()
    loaded.model.eval()


@pytest.mark.parametrize("tune", ["full", "lora", "none"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_trained_a_step_saved_and_loaded_a_model_is_the_same_and_answers(architecture, tune, tmp_path):
    made = load.tune(make(architecture), tune, [], LORA)
    before = logits(made)
    if tune != "none":
        train_one_step(made)
        assert not torch.equal(logits(made), before)
    load.save(made, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    assert torch.equal(logits(again), logits(made))
    assert (again.size, again.name, again.tune, again.family) == (made.size, made.name, tune, made.family)
    prompt = [encode(again, single(None), [film(again)], answer=False)]
    assert decode.generate(again, batch_of(again, prompt, "left"), max_new_tokens=3)
    load.save(again, tmp_path / "second")
    assert not [p.name for p in (tmp_path / "second").glob("**/*.json") if str(tmp_path) in p.read_text(encoding="utf-8")]
    assert torch.equal(logits(load.load_saved(tmp_path / "second")), logits(made))


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """A tiny checkpoint in transformers' layout, as one downloads it."""
    return publish(make("qwen2_5_vl"), tmp_path_factory.mktemp("weights") / "tiny")


def publish(made, folder: Path) -> Path:
    load.save(made, folder)
    (folder / checkpoint.NOTE).unlink()
    return folder


@pytest.fixture
def sockets(monkeypatch) -> list:
    """What was asked of the network: nothing answers, and a library that swallows the error is found out all the same."""
    asked: list = []

    def closed(*args, **_):
        asked.append(args)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "socket", closed)
    monkeypatch.setattr(socket, "getaddrinfo", closed)
    return asked


@pytest.mark.parametrize("architecture", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "llava-llama"])
def test_weights_in_a_folder_are_loaded_without_a_socket(architecture, tmp_path, sockets):
    made = make(architecture)
    folder = publish(made, tmp_path / "weights")
    loaded = load.load(str(folder), made.family, 56, precision="fp32")
    assert torch.equal(logits(loaded), logits(made)) and loaded.base and loaded.precision == "fp32"
    assert torch.equal(encode(loaded, single(), [film(loaded)]).input_ids, encode(made, single(), [film(made)]).input_ids)
    assert not sockets


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "llava-llama"])
def test_an_early_look_reads_no_weights_and_encodes_alike(architecture, tmp_path, sockets):
    made = make(architecture)
    folder = publish(made, tmp_path / "weights")
    (folder / "model.safetensors").unlink()
    reader = load.load_reader(str(folder), made.family, 56)
    ours, theirs = (encode(one, single(), [film(one)]) for one in (reader, made))
    assert reader.model is None and reader.size == made.size and not sockets
    assert torch.equal(ours.input_ids, theirs.input_ids)
    assert torch.equal(ours.media["pixel_values"], theirs.media["pixel_values"])


OWN_CODE = """
from pathlib import Path
from transformers import Qwen2_5_VLConfig
Path({marker!r}).touch()
class Config(Qwen2_5_VLConfig):
    pass
"""


def test_code_that_comes_with_the_weights_runs_only_when_the_recipe_says_so(published, tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    folder = broken(published, tmp_path, edit_config(auto_map={"AutoConfig": "own.Config"}))
    (folder / "own.py").write_text(OWN_CODE.format(marker=str(marker)), encoding="utf-8")
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    load.load(str(folder), "qwen_vl", 56)
    load.load_reader(str(folder), "qwen_vl", 56)
    assert not marker.exists()
    load.load_reader(str(folder), "qwen_vl", 56, remote_code=True)
    assert marker.exists()


def test_a_hub_that_does_not_answer_is_told_from_a_wrong_layout(monkeypatch, sockets):
    monkeypatch.setattr(hub.hub_constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Refused) as refused:
        load.load("nobody-at-all/no-such-weights", "qwen_vl", 56)
    assert (refused.value.reason, refused.value.where) == ("weights_missing", "nobody-at-all/no-such-weights")
    assert not sockets


def test_a_disk_that_fills_up_while_weights_come_is_said_to_be_full():
    with pytest.raises(Refused, match="disk_full"), hub.refusing("owner/name"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("tune", ["lora", "none", "full"])
def test_a_model_on_somebodys_weights_saves_only_what_is_new(published, tune, tmp_path):
    loaded = load.tune(load.load(str(published), "qwen_vl", 84), tune, ["vision"], LORA)
    if tune != "none":
        train_one_step(loaded)
    load.save(loaded, tmp_path / "model")
    weights = {p.name for p in (tmp_path / "model").rglob("*.safetensors")}
    assert weights == {"lora": {"adapter_model.safetensors"}, "none": set(), "full": {"model.safetensors"}}[tune]
    again = load.load_saved(tmp_path / "model")
    assert again.size == (84, 84) and torch.equal(logits(again), logits(loaded))


def test_precision_is_kept_through_saving(published, tmp_path):
    loaded = load.tune(load.load(str(published), "qwen_vl", 56, precision="bf16"), "lora", [], LORA)
    assert next(loaded.core.parameters()).dtype == torch.bfloat16
    assert {p.dtype for p in loaded.model.parameters() if p.requires_grad} == {torch.float32}
    load.save(loaded, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    batch = batch_of(loaded, [encode(loaded, single(), [film(loaded)])])
    assert again.precision == "bf16" and decode.nats(again, batch) == decode.nats(loaded, batch)


def test_fully_trained_weights_are_kept_in_float32(published):
    loaded = load.tune(load.load(str(published), "qwen_vl", 56, precision="bf16"), "full", ["vision"], {})
    kinds = {p.requires_grad: p.dtype for p in loaded.model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}


@pytest.mark.parametrize("freeze", [[], ["vision"], ["language"]])
def test_weights_of_two_precisions_come_back_as_they_were_trained(published, freeze, tmp_path):
    loaded = load.tune(load.load(str(published), "qwen_vl", 56, precision="bf16"), "full", freeze, {})
    train_one_step(loaded)
    load.save(loaded, tmp_path / "model")
    ours, theirs = (dict(one.core.named_parameters()) for one in (load.load_saved(tmp_path / "model"), loaded))
    assert ours.keys() == theirs.keys()
    assert all(ours[n].dtype == theirs[n].dtype and torch.equal(ours[n], theirs[n]) for n in theirs)


def broken(published: Path, tmp_path: Path, how) -> Path:
    folder = tmp_path / "weights"
    shutil.copytree(published, folder)
    how(folder)
    return folder


def edit_config(**values):
    def edit(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | values), encoding="utf-8")

    return edit


def other_shape(folder: Path) -> None:
    text = json.loads((folder / "config.json").read_text(encoding="utf-8"))["text_config"]
    edit_config(text_config=text | {"intermediate_size": 48})(folder)


def drop_weight(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state.pop(next(k for k in state if "down_proj" in k))
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def cut(size: int):
    def truncate(folder: Path) -> None:
        data = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(data[:size])

    return truncate


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def lost_shard(folder: Path) -> None:
    index = {"metadata": {}, "weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


FAULTS = {
    "no config": (lambda f: (f / "config.json").unlink(), "weights_layout", "config.json"),
    "config not JSON": (lambda f: (f / "config.json").write_text("{", encoding="utf-8"), "weights_layout", "not JSON"),
    "Vintern, InternVL": (edit_config(model_type="internvl_chat", auto_map={"AutoModel": "m.M"}), "weights_layout", "-hf"),
    "MiniCPM-V 2.6": (edit_config(model_type="minicpmv", auto_map={}), "weights_layout", "MiniCPM"),
    "text only": (edit_config(model_type="qwen2"), "weights_layout", "qwen2"),
    "quantised": (edit_config(quantization_config={"quant_method": "awq", "bits": 4}), "weights_layout", "awq"),
    "another shape": (other_shape, "weights_layout", "shape"),
    "pickled": (pickled, "weights_unsafe", "safetensors"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "weights_missing", "safetensors"),
    "a weight lost": (drop_weight, "weights_incomplete", "down_proj"),
    "a shard lost": (lost_shard, "weights_incomplete", "00002"),
    "cut in the data": (cut(100_000), "file_truncated", "100000"),
    "cut in the header": (cut(50), "file_truncated", "header"),
    "empty file": (cut(0), "file_truncated", "header"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "weights_layout", ""),
    "no chat template": (lambda f: (f / "chat_template.jinja").unlink(), "weights_layout", "chat template"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_that_cannot_be_used_is_refused_with_its_reason(fault, published, tmp_path):
    how, reason, word = FAULTS[fault]
    folder = broken(published, tmp_path, how)
    with pytest.raises(Refused) as refused:
        load.load(str(folder), "qwen_vl", 56)
    assert refused.value.reason == reason and word in refused.value.why


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lambda f: (f / "docphim.json").unlink(), "weights_layout"),
        (drop_weight, "weights_incomplete"),
        (cut(100_000), "file_truncated"),
    ],
)
def test_a_damaged_saved_model_is_refused(how, reason, tmp_path):
    load.save(make("qwen2_5_vl"), tmp_path / "model")
    how(tmp_path / "model")
    with pytest.raises(Refused, match=reason):
        load.load_saved(tmp_path / "model")


def test_an_adapter_with_a_missing_weight_is_refused_not_warned_about(tmp_path):
    load.save(load.tune(make("qwen2_5_vl"), "lora", [], LORA), tmp_path / "model")
    file = tmp_path / "model" / "adapter_model.safetensors"
    state = load_file(file)
    state.pop(sorted(state)[0])
    save_file(state, file, {"format": "pt"})
    with pytest.raises(Refused, match="weights_incomplete"):
        load.load_saved(tmp_path / "model")


def test_an_adapter_over_another_base_is_refused(published, tmp_path):
    base = broken(published, tmp_path, lambda f: None)
    load.save(load.tune(load.load(str(base), "qwen_vl", 56), "lora", [], LORA), tmp_path / "model")
    shutil.rmtree(base)
    publish(make("qwen2_5_vl", hidden=32), base)
    with pytest.raises(Refused, match="file_changed"):
        load.load_saved(tmp_path / "model")


@pytest.mark.parametrize("weights", ["/no/such/folder", "./weights", "~/weights", "weights", "docphim/no-such-folder", "a/b/c"])
def test_a_folder_that_is_not_there_is_never_asked_of_the_hub(weights, monkeypatch, sockets):
    monkeypatch.chdir(Path(load.__file__).parents[2])
    with pytest.raises(Refused, match="weights_missing"):
        load.load(weights, "qwen_vl", 56)
    assert not sockets


def test_a_llava_whose_encoder_is_not_clip_is_refused(tmp_path):
    made = make("llava-llama")
    vision = SiglipVisionConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=56, patch_size=28)
    folder = publish(made, tmp_path / "weights")
    edit_config(vision_config=vision.to_dict())(folder)
    with pytest.raises(Refused, match=r"weights_layout.*siglip"):
        load.load_reader(str(folder), "llava", 56)


def test_weights_of_another_family_name_it(published):
    with pytest.raises(UsageError, match="qwen_vl"):
        load.load(str(published), "llava", 56)


def test_a_kill_while_saving_leaves_the_old_model(tmp_path, monkeypatch):
    made = make("qwen2_5_vl")
    load.save(made, tmp_path / "model")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("docphim.models.save._settle", killed)
    with pytest.raises(KeyboardInterrupt):
        load.save(make("qwen2_5_vl", seed=1), tmp_path / "model")
    assert torch.equal(logits(load.load_saved(tmp_path / "model")), logits(made))
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(("card", "precision"), [(None, "fp32"), ("old", "fp32"), ("new", "bf16")])
def test_a_card_that_only_emulates_bf16_is_given_fp32(card, precision, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: card is not None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: card == "new" or including_emulation)
    assert load.chosen_precision("auto") == precision
    assert (load.chosen_precision("bf16"), load.chosen_precision("fp32")) == ("bf16", "fp32")
