"""Attention in windows: a call for each of their lengths, the numbers of one call a window, and a GPU is waited for once."""

import itertools

import pytest
import torch
from tiny_models import ARCHITECTURES, TEXTS, batch_of, dialogue, film, make, single
from torch.nn import functional
from transformers.modeling_layers import GradientCheckpointingLayer

from docphim.models import load, minicpmv, qwen_vl
from docphim.models.encode import encode
from docphim.models.windows import attend, stretches

#: What makes a GPU be waited for, by its name in torch.Tensor.
WAITS = ("tolist", "item", "__bool__", "__int__", "__float__", "nonzero", "cpu", "numpy")


def alone(query, key, value, ends):
    """One call a stretch."""
    parts = []
    for start, stop in itertools.pairwise(ends):
        some = (x[start:stop].transpose(0, 1)[None] for x in (query, key, value))
        parts.append(functional.scaled_dot_product_attention(*some)[0].transpose(0, 1).flatten(1))
    return torch.cat(parts)


@pytest.mark.parametrize("lengths", [[4, 4, 4], [16], [4, 2, 4, 1, 2], [3, 0, 5], [1, 2, 3, 4]])
def test_stretches_of_any_lengths_are_attended_as_each_alone(lengths, monkeypatch):
    ends = [sum(lengths[:n]) for n in range(len(lengths) + 1)]
    given = [torch.randn(ends[-1], 2, 8, generator=torch.Generator().manual_seed(n), requires_grad=True) for n in range(3)]
    expected = alone(*given, ends)
    calls, plain = [], functional.scaled_dot_product_attention
    monkeypatch.setattr(functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or plain(*a, **k))
    got = attend(*given, stretches(torch.tensor(ends)))
    assert torch.allclose(got, expected, atol=1e-6) and len(calls) == len({*lengths} - {0})
    weights = torch.randn(got.shape, generator=torch.Generator().manual_seed(9))
    ours, theirs = (torch.autograd.grad((out * weights).sum(), given) for out in (got, expected))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("size", [112, (140, 84), (56, 196)])
@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen2_vl", "qwen3_vl", "minicpmv"])
def test_films_of_any_size_in_windows_of_any_size_are_encoded_as_by_transformers(architecture, size, monkeypatch):
    family = "minicpmv" if architecture == "minicpmv" else "qwen_vl"
    sizes = {"vocab": 400, "hidden": 64, "layers": 1, "heads": 4, "vision_hidden": 32, "vision_layers": 3}
    sizes |= {} if family == "minicpmv" else {"type": architecture}
    fast = load.create_tiny(family, TEXTS, size, 0, sizes)
    monkeypatch.setattr(minicpmv if family == "minicpmv" else qwen_vl, "quicken", lambda model: None)
    slow = load.create_tiny(family, TEXTS, size, 0, sizes)
    if architecture == "qwen2_5_vl":
        for made in (fast, slow):
            made.model.model.visual.fullatt_block_indexes, made.model.model.visual.window_size = [1], 56
    batch = batch_of(fast, [encode(fast, dialogue(), [film(fast), film(fast, 1)])])
    batch.pop("labels")
    calls, plain, states = [], functional.scaled_dot_product_attention, []
    monkeypatch.setattr(functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or plain(*a, **k))
    for made in (fast, slow):
        with torch.no_grad():
            states.append(made.model.model.get_image_features(**images_of(batch)).pooler_output)
        calls.append(0)
    mine, theirs = (torch.cat(list(one)) for one in states)
    assert torch.allclose(mine, theirs, atol=1e-5)
    many = calls.index(0)
    assert many < len(calls) - many - 2, "calls of the fast one, and of the slow one"


def images_of(batch):
    names = ("pixel_values", "image_grid_thw", "target_sizes")
    return {name: batch[name] for name in names if name in batch}


class Waits:
    """Counts of what a GPU would be waited for, in all and within blocks."""

    def __init__(self, monkeypatch) -> None:
        self.total = self.within = self.depth = 0
        for name in WAITS:
            monkeypatch.setattr(torch.Tensor, name, self.counted(getattr(torch.Tensor, name)))

    def counted(self, real):
        def counting(tensor, *args, **kwargs):
            self.total, self.within = self.total + 1, self.within + bool(self.depth)
            return real(tensor, *args, **kwargs)

        return counting

    def watch(self, model) -> None:
        for block in model.modules():
            if isinstance(block, GradientCheckpointingLayer):
                block.forward = self.inside(block.forward)

    def inside(self, forward):
        def watched(*args, **kwargs):
            self.depth += 1
            try:
                return forward(*args, **kwargs)
            finally:
                self.depth -= 1

        return watched


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_block_waits_for_the_gpu_and_no_more_waits_come_with_more_blocks(architecture, monkeypatch):
    counts = []
    made = [make(architecture, vision_layers=layers, layers=2) for layers in (2, 5)]
    batches = [batch_of(m, [encode(m, single(), [film(m)]), encode(m, dialogue(), [film(m, 1)] * 2)]) for m in made]
    waits = Waits(monkeypatch)
    for loaded, batch in zip(made, batches, strict=True):
        if architecture == "qwen2_5_vl":
            loaded.model.model.visual.fullatt_block_indexes = [1]
        waits.watch(loaded.model)
        waits.total = waits.within = 0
        with torch.no_grad():
            loaded.model(**{k: v for k, v in batch.items() if k != "labels"}, use_cache=False)
        counts.append((waits.total, waits.within))
    assert counts[0] == counts[1] and counts[0][1] == 0, counts
