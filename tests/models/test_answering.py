"""A model made ready to answer says what it said before."""

import importlib.util
from pathlib import Path

import pytest
import torch
from test_load import LORA, publish, train_one_step
from tiny_models import batch_of, film, logits, make, single
from torch import nn

from docphim.generate.transformers import Backend
from docphim.models import decode, load
from docphim.models.answering import for_answers
from docphim.models.encode import encode
from docphim.models.tune import adapters_of


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    return publish(make("qwen2_5_vl", init=0.1), tmp_path_factory.mktemp("weights") / "tiny")


def saved(published: Path, folder: Path, tune: str, precision: str, **more: str):
    """A run's model after a step, as it is opened to draft with."""
    loaded = load.tune(load.load(str(published), "qwen_vl", 56, precision=precision, **more), tune, [], LORA)
    train_one_step(loaded)
    load.save(loaded, folder / "model")
    return load.load_saved(folder / "model")


def said(loaded):
    """Greedy answers, and the likelihood of a reference."""
    prompts = [encode(loaded, single(None), [film(loaded, number)], answer=False) for number in range(3)]
    answers = decode.generate(loaded, batch_of(loaded, prompts, "left"), max_new_tokens=16)
    return answers, decode.nats(loaded, batch_of(loaded, [encode(loaded, single(), [film(loaded)])]))


@pytest.mark.parametrize("tied", [True, False])
def test_trained_in_full_in_bf16_it_holds_rounded_weights_and_says_the_same(tied, published, tmp_path):
    loaded = saved(published, tmp_path, "full", "bf16")
    if not tied:
        loaded.core.lm_head.weight = nn.Parameter(loaded.core.lm_head.weight.detach().clone())
    before = said(loaded)
    linear = [module for module in for_answers(loaded).model.modules() if isinstance(module, nn.Linear)]
    assert {module.weight.dtype for module in linear} == {torch.bfloat16}
    assert loaded.core.get_input_embeddings().weight.dtype == torch.float32
    assert said(loaded) == before and any(text for text, _ in before[0])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_adapters_are_folded_in(precision, published, tmp_path):
    loaded = saved(published, tmp_path, "lora", precision)
    before, answers = logits(loaded), said(loaded)
    for_answers(loaded)
    assert not adapters_of(loaded.model) and not any(".lora_" in name for name, _ in loaded.model.named_parameters())
    if precision == "fp32":  # in bfloat16 sums are rounded otherwise, so that another token may lead by a hair
        assert said(loaded)[0] == answers[0]
    assert torch.allclose(logits(loaded).float(), before.float(), atol=1e-4 if precision == "fp32" else 0.1)


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_adapters_on_packed_weights_stay_where_they_are(published, tmp_path):
    loaded = saved(published, tmp_path, "lora", "fp32", quantise="nf4")
    before = logits(loaded)
    assert torch.equal(logits(for_answers(loaded)), before) and adapters_of(loaded.model)


def test_drafts_are_made_by_such_a_model(published, tmp_path):
    saved(published, tmp_path, "lora", "bf16")
    assert not adapters_of(Backend(tmp_path, blind=False, max_new_tokens=4).loaded.model)
