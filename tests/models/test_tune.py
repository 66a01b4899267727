"""What is trained, what is frozen, and that a frozen encoder rests."""

import pytest
import torch
from tiny_models import ARCHITECTURES, batch_of, film, logits, make, single

from docphim.errors import UsageError
from docphim.models import family, load
from docphim.models.encode import encode
from docphim.models.tune import merge, part_of, refuse_idle_rates, table, what_trains

PARTS = ["vision", "projector", "language"]


def trained(loaded) -> set[str]:
    parts = family(loaded.family).PARTS
    return {part_of(n.removeprefix("base_model.model."), parts) for n, p in loaded.model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("frozen", [[], ["vision"], ["vision", "projector"], ["language"]])
def test_frozen_parts_are_frozen_and_the_others_are_trained(architecture, frozen):
    loaded = load.tune(make(architecture), "full", frozen, {})
    assert trained(loaded) == set(PARTS) - set(frozen)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_parameter_belongs_to_a_part_by_its_own_prefix(architecture):
    loaded = make(architecture)
    prefixes = [p for part in family(loaded.family).PARTS.values() for p in part]
    assert all(any(name.startswith(p) for p in prefixes) for name, _ in loaded.model.named_parameters())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_adapters_go_into_the_language_model_only(architecture):
    loaded = load.tune(make(architecture), "lora", ["vision"], {"rank": 2})
    assert trained(loaded) == {"language"}
    hit = {n.split(".lora_")[0].rsplit(".", 1)[1] for n, p in loaded.model.named_parameters() if p.requires_grad}
    state = {"in_proj_qkv", "in_proj_z", "out_proj"} if architecture == "minicpmv" else set()
    assert hit == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"} | state


def test_adapters_in_the_encoder_are_opted_into():
    pattern = r"model\.visual\.blocks\.\d+\.attn\.qkv"
    assert trained(load.tune(make("qwen2_5_vl"), "lora", [], {"modules": pattern})) == {"vision"}
    with pytest.raises(UsageError, match=r"model\.freeze"):
        load.tune(make("qwen2_5_vl"), "lora", ["vision"], {"modules": pattern})


def test_adapters_that_reach_into_a_frozen_part_are_refused():
    with pytest.raises(UsageError, match=r"model\.freeze: freezes language"):
        load.tune(make("qwen2_5_vl"), "lora", ["language"], {"modules": None})


@pytest.mark.parametrize("modules", ["no_such_module", "("])
def test_a_pattern_that_reaches_nothing_is_named(modules):
    with pytest.raises(UsageError, match=r"model\.lora\.modules"):
        load.tune(make("qwen2_5_vl"), "lora", [], {"modules": modules})


def test_freezing_everything_is_refused_and_none_trains_nothing():
    with pytest.raises(UsageError, match=r"model\.freeze"):
        load.tune(make("qwen2_5_vl"), "full", PARTS, {})
    assert trained(load.tune(make("qwen2_5_vl"), "none", [], {})) == set()


def vision_of(loaded):
    core = loaded.core.model
    return core.visual.blocks if hasattr(core, "visual") else core.vision_tower


def backward(loaded, checkpointing: bool) -> list[bool]:
    """Whether each output of the encoder's blocks took part in backward."""
    took_part = []
    if checkpointing:
        newer = getattr(loaded.model, "activation_checkpointing_enable", None)  # transformers 5.23's word for it
        (newer or loaded.model.gradient_checkpointing_enable)()
        loaded.model.enable_input_require_grads()
    for module in vision_of(loaded).modules():
        module.register_forward_hook(
            lambda _m, _i, out: took_part.append(
                isinstance(out, torch.Tensor) and out.requires_grad and out.grad_fn is not None
            )
        )
    loaded.model.train()(**batch_of(loaded, [encode(loaded, single(), [film(loaded)])])).loss.backward()
    assert took_part
    return took_part


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen2_vl", "qwen3_vl", "llava-llama"])
@pytest.mark.parametrize("tune", ["full", "lora"])
def test_gradient_checkpointing_does_not_wake_a_frozen_encoder(architecture, tune):
    loaded = load.tune(make(architecture), tune, ["vision"], {"rank": 2})
    assert not any(backward(loaded, True))
    assert all(p.grad is not None for n, p in loaded.model.named_parameters() if p.requires_grad and "deepstack" not in n)


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "llava-llama"])
def test_an_encoder_that_is_trained_takes_part(architecture):
    loaded = load.tune(make(architecture), "full", [], {})
    assert any(backward(loaded, False))


def test_checkpointing_changes_no_gradient():
    gradients = []
    for checkpointing in (False, True):
        loaded = load.tune(make("qwen2_5_vl"), "full", ["vision"], {})
        backward(loaded, checkpointing)
        gradients.append({n: p.grad for n, p in loaded.model.named_parameters() if p.requires_grad})
    assert all(torch.allclose(gradients[0][n], gradients[1][n], atol=1e-6) for n in gradients[0])


def test_what_trains_is_said_part_by_part():
    loaded = load.tune(make("qwen2_5_vl"), "lora", [], {"rank": 2})
    rows = {row["part"]: row for row in what_trains(loaded)}
    assert set(rows) == set(PARTS) and {part for part, row in rows.items() if row["trained"]} == {"language"}
    assert rows["language"]["trained_tensors"] == 2 * 7 * 2  # A and B of seven matrices in two layers
    assert sum(row["parameters"] for row in rows.values()) == sum(p.numel() for p in loaded.model.parameters())
    vision = f"{'vision':<10} {'frozen':<7} {rows['vision']['tensors']:>8} {rows['vision']['parameters']:>15,} {0:>15} {'-':>9}"
    lines = table(list(rows.values()), 3e-5, {"language": 1e-4}).splitlines()
    assert vision in lines and lines[-1].split()[:2] == ["language", "lora"] and lines[-1].split()[-1] == "0.0001"
    full = {row["part"]: row for row in what_trains(load.tune(make("qwen2_5_vl"), "full", ["vision"], {}))}
    assert [full[part]["trained"] == full[part]["parameters"] for part in PARTS] == [False, True, True]
    assert full["vision"]["trained"] == full["vision"]["trained_tensors"] == 0


@pytest.mark.parametrize(
    ("tune", "freeze", "rates", "idle"),
    [
        ("full", [], {"vision": 1e-6, "projector": 1e-5, "language": 1e-4}, None),
        ("full", ["vision"], {"vision": 1e-6}, "nothing is trained in vision; what is trained lies in projector, language"),
        ("lora", [], {"projector": 1e-6}, "nothing is trained in projector; what is trained lies in language"),
    ],
)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_rate_of_a_part_that_is_not_trained_is_refused(architecture, tune, freeze, rates, idle):
    loaded = load.tune(make(architecture), tune, freeze, {"rank": 2})
    if idle is None:
        refuse_idle_rates(loaded, rates)
        return
    with pytest.raises(UsageError, match=rf"train\.rates: {idle}"):
        refuse_idle_rates(loaded, rates)


@pytest.mark.parametrize(("kind", "scale", "magnitudes"), [("lora", 2.0, 0), ("rslora", 4 / 2**0.5, 0), ("dora", 2.0, 14)])
def test_kinds_of_adapters_are_merged_to_what_they_compute(kind, scale, magnitudes):
    loaded = load.tune(make("qwen2_5_vl"), "lora", [], {"kind": kind, "rank": 2, "alpha": 4, "dropout": 0.0})
    layers = [m for m in loaded.model.modules() if getattr(m, "scaling", None)]
    assert {m.scaling["default"] for m in layers if isinstance(m.scaling, dict)} == {scale}
    assert sum("magnitude" in name for name, p in loaded.model.named_parameters() if p.requires_grad) == magnitudes
    generator = torch.Generator().manual_seed(0)
    for p in loaded.model.parameters():
        if p.requires_grad:
            p.data += 0.05 * torch.randn(p.shape, generator=generator)
    loaded.model.eval()
    alone = logits(loaded)
    merge(loaded)
    assert torch.allclose(logits(loaded), alone, atol=1e-4)
