"""The recipe's settings reach the trainer, the early look, and what is said where torch is missing."""

import subprocess
import sys

import pytest
import torch
from rich.text import Text
from tiny_training import TEXTS, killed_at, model_section, same, train_section, weights
from transformers import Trainer, get_scheduler

from docphim import recipe
from docphim.errors import UsageError
from docphim.files import read_examples, read_jsonl
from docphim.models.load import save
from docphim.models.tune import part_in
from docphim.train import checkpoint, train
from docphim.train.look import look
from docphim.train.model import open_model
from docphim.train.optimiser import adamw, learning_rate
from docphim.train.settings import TrainSettings
from docphim.train.validate import Validation


def test_the_trainers_settings_are_the_recipes():
    assert vars(TrainSettings()) == recipe.Train().model_dump()
    assert recipe.Train(loss="answers") == recipe.Train(loss={"kind": "answers"})


@pytest.mark.parametrize("warmup", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(
    ("schedule", "named"), [("cosine", "cosine"), ("linear", "linear"), ("constant", "constant_with_warmup")]
)
def test_the_rates_are_those_of_transformers_schedules(schedule, named, warmup):
    settings = TrainSettings(schedule=schedule, warmup=warmup, learning_rate=3e-5)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-5)
    theirs = get_scheduler(named, optimizer, num_warmup_steps=round(warmup * 13), num_training_steps=13)
    for step in range(1, 14):
        assert learning_rate(settings, step, 13) == theirs.get_last_lr()[0]
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("family", ["qwen_vl", "llava"])
@pytest.mark.parametrize("tune", ["full", "lora"])
def test_what_is_decayed_is_what_transformers_trainer_decays(dataset, family, tune):
    sizes = {} if family == "qwen_vl" else {"tiny": {"vocab": 300, "hidden": 32, "layers": 1, "vision_hidden": 32}}
    section = model_section(family=family, tune=tune, **sizes)
    net = open_model(section, TrainSettings(), read_examples(dataset, "train")).model
    names = {p: name for name, p in net.named_parameters()}
    groups = adamw(net, TrainSettings(weight_decay=0.1)).param_groups
    decayed = {names[p] for group in groups if group["weight_decay"] == 0.1 for p in group["params"]}
    spared = {names[p] for group in groups if group["weight_decay"] == 0 for p in group["params"]}
    theirs = set(Trainer.get_decay_parameter_names(None, net))
    trained = {name for name, p in net.named_parameters() if p.requires_grad}
    assert (decayed, spared) == (trained & theirs, trained - theirs)
    assert bool(spared) is (tune == "full")


def test_parts_have_rates_of_their_own_at_every_step(dataset):
    settings = TrainSettings(learning_rate=1e-3, rates={"vision": 1e-5}, weight_decay=0.1, warmup=0.5)
    loaded = open_model(model_section(tune="full"), settings, read_examples(dataset, "train"))
    names = {p: name for name, p in loaded.model.named_parameters()}
    place = part_in(loaded)
    peaks = {}
    for group in adamw(loaded.model, settings, place).param_groups:
        assert group["lr"] == group["peak"]
        for p in group["params"]:
            peaks.setdefault(place(names[p]), set()).add(group["peak"])
    assert peaks == {"vision": {1e-5}, "projector": {1e-3}, "language": {1e-3}}
    for step in range(1, 9):
        ratio = learning_rate(settings, step, 8, 1e-5) * 100
        assert ratio == pytest.approx(learning_rate(settings, step, 8))


def test_rates_of_parts_act_in_training_over_a_kill_too(dataset, tmp_path):
    model = model_section(tune="full", freeze=[])
    rates = {"vision": 1e-30, "projector": 1e-4}
    section = train_section(rates=rates)
    train(dataset, tmp_path / "whole", model=model, train=section)
    killed_at((checkpoint, "seal", 2), lambda: train(dataset, tmp_path / "run", model=model, train=section))
    train(dataset, tmp_path / "run", model=model, train=section)
    whole, run = weights(tmp_path / "whole", 4), weights(tmp_path / "run", 4)
    assert same(whole, run)
    first = open_model(model, TrainSettings(**section), read_examples(dataset, "train"))
    place, before = part_in(first), dict(first.model.named_parameters())
    moved = {place(name) for name, value in whole.items() if (value - before[name]).abs().max() > 1e-20}
    assert moved == {"projector", "language"}
    with pytest.raises(UsageError, match=r"train\.rates: nothing is trained in vision"):
        train(dataset, tmp_path / "idle", model={**model, "freeze": ["vision"]}, train=section)


def test_a_projector_in_full_beside_adapters_is_trained_at_its_own_rate_over_a_kill_too(dataset, tmp_path):
    model = model_section(tune="lora", freeze=["vision"], whole=["projector"], lora={"rank": 2, "dropout": 0.2})
    section = train_section(rates={"projector": 1e-30})
    train(dataset, tmp_path / "whole", model=model, train=section)
    killed_at((checkpoint, "seal", 2), lambda: train(dataset, tmp_path / "run", model=model, train=section))
    train(dataset, tmp_path / "run", model=model, train=section)
    whole, run = weights(tmp_path / "whole", 4), weights(tmp_path / "run", 4)
    assert same(whole, run) and {"lora_" in name for name in whole} == {True, False}
    first = open_model(model, TrainSettings(**section), read_examples(dataset, "train"))
    before = dict(first.model.named_parameters())
    moved = {name for name, value in whole.items() if (value - before[name]).abs().max() > 1e-20}
    assert moved and all("lora_" in name for name in moved), "the projector's rate is next to none"
    card = (tmp_path / "whole" / "model" / "README.md").read_text(encoding="utf-8")
    assert "on the frozen base; projector trained in full." in card and "projector  full" in card


@pytest.mark.parametrize(("patience", "last"), [(None, 4), (3, 4), (2, 3), (1, 2)])
@pytest.mark.parametrize("happening", [None, (checkpoint, "seal", 2), (checkpoint, "prune", 3)])
def test_training_ends_when_patience_does_over_a_kill_too(dataset, tmp_path, monkeypatch, patience, last, happening):
    monkeypatch.setattr(Validation, "better", lambda self, scores: 1.0)  # never better than after the first step
    model = model_section(tune="full", freeze=[])
    section = train_section(evaluations=4, patience=patience)
    if happening is not None:
        killed_at(happening, lambda: train(dataset, tmp_path, model=model, train=section))
    train(dataset, tmp_path, model=model, train=section)
    steps = sorted(int(folder.name.rpartition("-")[2]) for folder in (tmp_path / "checkpoints").glob("checkpoint-*"))
    assert (steps[0], steps[-1]) == (1, last)
    assert max(row["step"] for row in read_jsonl(tmp_path / "log.jsonl")) == last


def green(markup: str) -> str:
    text = Text.from_markup(markup)
    return "".join(text.plain[s.start : s.end] for s in text.spans if s.style == "bold green")


@pytest.mark.parametrize("published", [False, True])
def test_the_early_look_shows_the_first_examples_with_their_trained_tokens(dataset, tmp_path, published):
    section = model_section()
    if published:
        save(open_model(section, TrainSettings(), read_examples(dataset, "train")), tmp_path / "weights")
        (tmp_path / "weights" / "model.safetensors").unlink()  # nothing of it is needed
        section = model_section(weights=str(tmp_path / "weights"))
    (first, shown), (second, _) = look(dataset, model=section, train={}, count=2)
    assert first.startswith("train000-findings, ") and second.startswith("train001-findings, ")
    assert green(shown) == TEXTS[0] + "<|im_end|>"
    assert "[image x 4]" in Text.from_markup(shown).plain


@pytest.mark.parametrize(
    "call",
    [
        "from docphim.train import train; train(Path('d'), Path('r'), model={}, train={})",
        "from docphim.train.look import look; list(look(Path('d'), model={}, train={}, count=1))",
        "from docphim.models import family; family('qwen_vl')",
    ],
)
def test_without_torch_the_message_has_the_command_that_installs_it(call):
    code = f"import sys; sys.modules['torch'] = None\nfrom pathlib import Path\n{call}"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert "UsageError: torch is not installed; models need: " in out.stderr
    assert "[train]'" in out.stderr
