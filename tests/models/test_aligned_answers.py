"""The family put together from parts: its odds a chunk at a time, its drafts from a static cache, its blocks compiled."""

import pytest
import torch
from test_aligned import TALK, make, stack
from test_odds import grads_of, ours, plain, weights_of
from torch._dynamo.testing import CompileCounterWithBackend

from docphim.models import decode, odds
from docphim.models.encode import answer_columns, collate, encode
from docphim.train import compiled


def made(**sizes):
    """A model whose answers wander, and a batch of stacks of three heights; labels and columns apart."""
    loaded = make(layers=2, **sizes)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if name.startswith("decoder.") and "embed" not in name and parameter.dim() > 1:
                parameter.mul_(6)
    batch = collate(loaded, [encode(loaded, TALK, [stack(n, n)]) for n in (5, 1, 12)], "right")
    labels = batch.pop("labels")
    return loaded, batch, labels, answer_columns(labels)


@pytest.mark.parametrize("size", [2**26, 2_000], ids=["whole", "in chunks"])
def test_tokens_and_gradients_are_those_of_whole_logits(size, monkeypatch):
    loaded, batch, labels, columns = made()
    weights = weights_of(labels, columns)
    wanted, expected = plain(loaded, batch, labels, columns, weights)
    monkeypatch.setattr(odds, "CHUNK", size)
    nats, gradients = ours(loaded, batch, labels, columns, weights)
    assert torch.allclose(nats, wanted, rtol=0, atol=5e-6) and gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        largest = max(1.0, float(expected[name].abs().max()))
        assert torch.allclose(gradient, expected[name], rtol=1e-5, atol=2e-6 * largest), name


@pytest.mark.parametrize("decoder", ["qwen2", "llama"])
def test_drafts_of_a_static_cache_are_those_of_one_that_grows(decoder):
    loaded, *_ = made(decoder=decoder)
    batch = collate(loaded, [encode(loaded, TALK[:2], [stack(n, n)], answer=False) for n in (5, 1, 12)], "left")
    one, other = (decode.generate(loaded, batch, max_new_tokens=12, cache=cache) for cache in ("dynamic", "static"))
    assert one == other and len({text for text, _ in one}) > 1


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_compiled_blocks_compute_what_they_did(monkeypatch):
    torch.compiler.reset()
    counter = CompileCounterWithBackend("eager")
    monkeypatch.setattr(compiled, "BACKEND", counter)
    loaded, batch, labels, columns = made()
    weights = weights_of(labels, columns)
    wanted, expected = ours(loaded, batch, labels, columns, weights)
    compiled.compile_blocks(loaded.core)
    nats, gradients = ours(loaded, batch, labels, columns, weights)
    assert counter.frame_count and torch.allclose(nats, wanted, atol=1e-5) and not grads_of(loaded)
    assert all(torch.allclose(gradients[name], expected[name], atol=1e-4) for name in expected)
    torch.compiler.reset()
