"""Blocks that torch has looked through (`train.compile`): every family computes what it did, and nothing is wrapped."""

import pytest
import torch
from tiny_models import ARCHITECTURES, batch_of, dialogue, film, make, single
from torch._dynamo.testing import CompileCounterWithBackend
from transformers.modeling_layers import GradientCheckpointingLayer

from docphim.errors import UsageError
from docphim.models import load
from docphim.models.encode import answer_columns, encode
from docphim.models.odds import likely
from docphim.train import compiled
from docphim.train.compiled import compile_blocks, uncompiled
from docphim.train.recompute import recompute

#: torch looks for gradients of what has none while it compiles, and hides its own warning of it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    pytest.mark.usefixtures("nothing_compiled"),
]


@pytest.fixture
def counted(monkeypatch):
    """A backend that computes what it is given as it is, and counts how often it is given anything."""
    counter = CompileCounterWithBackend("eager")
    monkeypatch.setattr(compiled, "BACKEND", counter)
    return counter


def computed(loaded, batch):
    """Odds of the labels, and gradients."""
    labels = batch["labels"]
    inputs = {name: values for name, values in batch.items() if name != "labels"}
    odds, _ = likely(loaded.model, loaded, inputs, labels, answer_columns(labels))
    odds.square().sum().backward()
    gradients = {name: p.grad.clone() for name, p in loaded.model.named_parameters() if p.grad is not None}
    loaded.model.zero_grad()
    return odds.detach(), gradients


@pytest.mark.parametrize("architecture", sorted({*ARCHITECTURES} - {"qwen2_vl", "llava-qwen2", "internvl-qwen2"}))
def test_compiled_blocks_of_every_family_compute_what_they_did(architecture, counted):
    loaded = load.tune(make(architecture, layers=2 if architecture == "minicpmv" else 1, vision_layers=1), "full", [], {})
    one = batch_of(loaded, [encode(loaded, single(), [film(loaded)])])
    two = batch_of(loaded, [encode(loaded, dialogue(), [film(loaded, n) for n in range(2)])] * 2)
    loaded.model.train()
    expected = [computed(loaded, batch) for batch in (one, two)]
    names = [name for name, _ in loaded.model.named_parameters()]
    compile_blocks(loaded.core)
    for batch, (odds, gradients) in zip((one, two), expected, strict=True):
        ours, theirs = computed(loaded, batch)
        assert torch.allclose(ours, odds, atol=1e-5)
        assert theirs.keys() == gradients.keys() and all(torch.allclose(theirs[n], gradients[n], atol=1e-4) for n in gradients)
    assert names == [name for name, _ in loaded.model.named_parameters()], "nothing is wrapped"
    blocks = [m for m in loaded.model.modules() if isinstance(m, GradientCheckpointingLayer) and not hasattr(m, "linear_attn")]
    programs = counted.frame_count
    assert len(blocks) <= programs <= 4 * len(blocks)
    computed(loaded, two)
    loaded.model.eval()
    computed(loaded, one)
    loaded.model.train()
    with uncompiled(loaded.core):
        three = batch_of(loaded, [encode(loaded, [*dialogue(), *single()[1:]], [film(loaded)] * 3)] * 3)
        computed(loaded, three)
        assert not any("forward" in vars(block) and hasattr(block.forward, "func") for block in blocks)
    assert counted.frame_count == programs, "nothing is compiled anew, or where it is not to be"
    assert all(block.forward.func is compiled._forward for block in blocks)


@pytest.mark.parametrize("sparing", [False, True])
def test_a_checkpointed_block_is_computed_again_in_the_backward_pass_and_not_remembered(sparing, monkeypatch):
    calls = []

    def counting(forward, **_):
        return lambda *args, **kwargs: calls.append(1) or forward(*args, **kwargs)

    monkeypatch.setattr(compiled.torch, "compile", counting)
    loaded = load.tune(make("qwen2_5_vl", layers=2, vision_layers=1), "full", [], {})
    recompute(loaded.core, sparing)
    compile_blocks(loaded.core)
    loaded.model.train()
    computed(loaded, batch_of(loaded, [encode(loaded, single(), [film(loaded)])]))
    assert len(calls) == (2 if sparing else 1) * 3


def test_without_triton_nothing_is_compiled_for_a_gpu(monkeypatch):
    loaded = make("qwen2_5_vl")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(compiled.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"^train\.compile: on a GPU it needs Triton"):
        compile_blocks(loaded.core)
