"""A frozen encoder's features, kept by content: the same answers and gradients, and each image encoded once."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tiny_models import film, make, single

from docphim.errors import UsageError
from docphim.models.encode import collate, encode
from docphim.models.features import Features
from docphim.models.tune import tune
from docphim.study import Message

LORA = {"rank": 2}
#: What is trained besides the language model: nothing, or the projector behind the frozen encoder.
FROZEN = {
    "qwen2_5_vl": ["vision"], "qwen2_5_vl, adapters": None, "qwen2_vl": ["vision"], "qwen2_vl, adapters": None,
    "qwen3_vl": ["vision", "projector"],
}  # fmt: skip


@dataclass(frozen=True)
class Slices:
    frames: np.ndarray
    step_mm: float


def opened(case):
    loaded, freeze = make(case.split(",")[0]), FROZEN[case]
    return tune(loaded, "lora", ["vision"], LORA) if freeze is None else tune(loaded, "full", freeze, {})


def batch(loaded, numbers, **how):
    """Films and, as the last row, a video of five slices."""
    random = np.random.default_rng(7)
    video = Slices(random.integers(0, 256, (5, *loaded.size, 3)).astype(np.uint8), 30.0)
    asked = [Message("user", "<video>\nMô tả."), Message("assistant", "Tim to.")]
    rows = [encode(loaded, single(), [film(loaded, number)]) for number in numbers] + [encode(loaded, asked, [video])]
    return collate(loaded, rows, "right", **how)


def trained(loaded, inputs):
    """Logits, and every gradient of their sum."""
    labels = inputs.pop("labels")
    logits = loaded.model.train()(**inputs).logits
    logits[labels >= 0].square().sum().backward()
    grads = {name: p.grad.clone() for name, p in loaded.model.named_parameters() if p.grad is not None}
    loaded.model.zero_grad()
    return logits.detach(), grads


@pytest.mark.parametrize("case", FROZEN)
def test_features_put_in_give_the_logits_and_gradients_that_the_frames_give(case):
    loaded = opened(case)
    for module in loaded.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    logits, grads = trained(loaded, batch(loaded, [0, 1, 0]))
    features = Features(loaded, 2**20)
    again, same = trained(loaded, features.placed(batch(loaded, [0, 1, 0], frames=True)))
    assert torch.allclose(again, logits, atol=1e-5)
    assert grads.keys() == same.keys() and any("merger" in name for name in grads) is (FROZEN[case] == ["vision"])
    for name, grad in grads.items():
        assert torch.allclose(same[name], grad, rtol=1e-3, atol=1e-4 * float(grad.abs().max() + 1e-3)), name
    plain, _ = trained(loaded, batch(loaded, [0, 1, 0]))
    assert plain.equal(logits), "patches go their old way"


def test_each_image_is_encoded_once_while_there_is_room(monkeypatch):
    loaded, calls = opened("qwen2_5_vl"), []
    features = Features(loaded, 2**20)
    block = loaded.core.model.visual.blocks[0]
    block.register_forward_pre_hook(lambda *_: calls.append(1))
    first = features.placed(batch(loaded, [0, 1, 0], frames=True))
    assert len(calls) == 3, "two films and a video"
    second = features.placed(batch(loaded, [1], frames=True))
    assert len(calls) == 3 and second["pixel_values"].equal(first["pixel_values"][:, 4:8])
    small = Features(loaded, int(second["pixel_values"].nbytes))
    small.placed(batch(loaded, [0, 1, 0], frames=True))
    again = small.placed(batch(loaded, [1], frames=True))
    assert len(calls) == 3 + 3 + 2, "one film is kept; the other and the video are encoded again"
    assert again["pixel_values"].equal(second["pixel_values"])


@pytest.mark.parametrize(
    ("architecture", "freeze", "why"),
    [("qwen2_5_vl", [], "is trained"), ("qwen3_vl", ["vision"], "projector"), ("llava-llama", ["vision"], "does not give")],
)
def test_features_that_change_or_cannot_be_taken_out_are_refused(architecture, freeze, why):
    loaded = tune(make(architecture), "full", freeze, {})
    with pytest.raises(UsageError, match=rf"train\.cache_features: .*{why}"):
        Features(loaded, 2**20)
