"""Odds of the tokens of answers, made a chunk at a time: the numbers and gradients of whole logits, and no such logits."""

import pytest
import torch
from tiny_models import ARCHITECTURES, batch_of, dialogue, film, make, single
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from docphim.models import load, odds
from docphim.models.encode import IGNORED, answer_columns, encode
from docphim.models.odds import likely, log_odds

LORA = {"kind": "lora", "rank": 4, "alpha": 8, "dropout": 0.0}
#: The small models' output layers share their weight with the embedding, of which peft warns.
pytestmark = pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True` and a tied layer")
#: Which parts are trained; `head`: adapters on the output layer, too.
TUNED = {"full": ("full", None), "lora": ("lora", None), "head": ("lora", r".*lm_head|.*layers\.\d+\.mlp\.up_proj")}


class Largest(TorchDispatchMode):
    """The most numbers that a floating-point tensor with a row of the vocabulary's length holds, weights left out."""

    def __init__(self, vocabulary: int, weight: int) -> None:
        super().__init__()
        self.vocabulary, self.weight, self.most = vocabulary, weight, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for made in out if isinstance(out, tuple | list) else [out]:
            if isinstance(made, torch.Tensor) and made.is_floating_point() and self.vocabulary in made.shape:
                self.most = max(self.most, made.numel() * (made.numel() != self.weight))
        return out


def tuned(architecture, how="full"):
    kind, modules = TUNED[how]
    torch.manual_seed(0)
    loaded = load.tune(make(architecture), kind, [], {**LORA, "modules": modules})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(std=0.1, generator=generator)
    return loaded


def rows(loaded):
    """Two conversations, one of them with answers in two places; labels and columns apart."""
    encoded = [encode(loaded, single(), [film(loaded)]), encode(loaded, dialogue(), [film(loaded, 1)] * 2)]
    batch = batch_of(loaded, encoded)
    labels = batch.pop("labels")
    return batch, labels, answer_columns(labels)


def grads_of(loaded):
    grads = {name: p.grad.clone() for name, p in loaded.model.named_parameters() if p.grad is not None}
    loaded.model.zero_grad()
    return grads


def plain(loaded, batch, labels, columns, weights):
    """Per token -log p by torch's own cross-entropy over whole logits, and the gradients of their weighted sum."""
    with loaded.autocast():
        logits = loaded.model.train()(**batch, use_cache=False).logits[:, columns].float()
    nats = functional.cross_entropy(
        logits.flatten(0, 1), labels[:, columns + 1].flatten(), ignore_index=IGNORED, reduction="none"
    )
    (nats * weights).sum().backward()
    return nats.detach(), grads_of(loaded)


def ours(loaded, batch, labels, columns, weights):
    made, _ = likely(loaded.model.train(), loaded, batch, labels, columns)
    nats = torch.where(labels[:, columns + 1] == IGNORED, 0.0, -functional.logsigmoid(made)).flatten()
    (nats * weights).sum().backward()
    return nats.detach(), grads_of(loaded)


def weights_of(labels, columns):
    """One a token, of either sign, as losses on pairs have them."""
    return torch.randn(labels[:, columns].numel(), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("size", [2**26, 2_000], ids=["kept", "in chunks"])
@pytest.mark.parametrize(
    ("architecture", "how"), [*((a, "full") for a in ARCHITECTURES), ("llava-llama", "lora"), ("qwen3_vl", "head")]
)
def test_a_token_and_its_gradient_are_those_of_cross_entropy_over_whole_logits(architecture, how, size, monkeypatch):
    loaded = tuned(architecture, how)
    batch, labels, columns = rows(loaded)
    weights = weights_of(labels, columns)
    wanted, expected = plain(loaded, batch, labels, columns, weights)
    monkeypatch.setattr(odds, "CHUNK", size)
    nats, grads = ours(loaded, batch, labels, columns, weights)
    assert torch.allclose(nats, wanted, rtol=0, atol=2e-6) and wanted.max() > 3
    assert grads.keys() == expected.keys() and (how != "head" or any("lm_head" in name for name in grads))
    for name, gradient in grads.items():
        largest = max(1.0, float(expected[name].abs().max()))
        assert torch.allclose(gradient, expected[name], rtol=1e-5, atol=1e-6 * largest), name
    assert "forward" not in vars(loaded.core.get_output_embeddings()), "the output layer is as it was"


@pytest.mark.parametrize("how", TUNED)
def test_no_tensor_holds_the_logits_of_more_tokens_than_a_chunk(how, monkeypatch):
    loaded = tuned("qwen2_5_vl", how)
    batch, labels, columns = rows(loaded)
    head = loaded.core.get_output_embeddings().weight
    monkeypatch.setattr(odds, "CHUNK", 5 * len(head) + 1)
    answered = int((labels != IGNORED).sum())
    for computed, tokens in ((ours, 5), (plain, labels.numel())):
        with Largest(len(head), head.numel()) as largest:
            computed(loaded, batch, labels, columns, weights_of(labels, columns))
        assert largest.most == tokens * len(head)
    assert answered > 20


@pytest.mark.parametrize("size", [2**26, 2_000])
def test_in_bfloat16_a_token_is_what_autocast_makes_of_it(size, monkeypatch):
    loaded = tuned("qwen2_5_vl")
    loaded.precision = "bf16"
    batch, labels, columns = rows(loaded)
    weights = weights_of(labels, columns)
    wanted, expected = plain(loaded, batch, labels, columns, weights)
    monkeypatch.setattr(odds, "CHUNK", size)
    nats, grads = ours(loaded, batch, labels, columns, weights)
    assert torch.allclose(nats, wanted, atol=1e-4)
    name = next(name for name in grads if "embed_tokens" in name)  # the output layer's weight as well
    assert grads[name].dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(grads[name].flatten(), expected[name].flatten(), dim=0) > 0.999


@pytest.mark.parametrize("far", [-60.0, -8.0, 0.0, 8.0, 60.0])
def test_a_token_that_is_all_but_certain_or_all_but_impossible_keeps_its_digits(far):
    logits = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    logits[:, 2] += far
    made, others = log_odds(logits, torch.full((3,), 2)).unbind(-1)
    exact = logits.double()
    rest = exact[:, [0, 1, 3, 4, 5, 6]]
    assert made.double() == pytest.approx(exact[:, 2] - rest.logsumexp(1), rel=1e-6, abs=1e-6)
    assert others.double() == pytest.approx(rest.softmax(1).square().sum(1), rel=1e-5)


def test_an_answer_without_tokens_leaves_all_parameters_in_the_pass():
    loaded = tuned("qwen2_5_vl")
    batch, labels, columns = rows(loaded)
    made, _ = likely(loaded.model.train(), loaded, batch, torch.full_like(labels, IGNORED), columns[:3])
    assert made.shape == (2, 3) and not made.any()
    made.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in loaded.model.parameters())


def test_the_output_layer_is_as_it_was_when_a_forward_fails():
    loaded = make("qwen2_5_vl")
    batch, labels, columns = rows(loaded)
    with pytest.raises(IndexError):
        likely(loaded.model, loaded, {**batch, "pixel_values": batch["pixel_values"][:4]}, labels, columns)
    assert "forward" not in vars(loaded.core.get_output_embeddings())
    again = loaded.model(**batch).logits
    assert again.shape[-1] == len(loaded.core.get_output_embeddings().weight)
