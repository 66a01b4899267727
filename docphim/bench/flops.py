"""Floating-point operations: those of a step, counted, and those that a device can do a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from docphim.bench.spent import synchronise

#: Dense bfloat16 operations a second with float32 sums, from NVIDIA's data sheets, by a part of the device's name.
PEAKS = {
    "H100 80GB HBM3": 989e12,
    "H100 PCIe": 756e12,
    "H200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
}


def _attention(query: Any, key: Any, *_: Any, products: int = 2, **__: Any) -> int:
    """Of attention over shapes (rows, heads, tokens, width).

    torch 2.11's own count stops where queries share keys, and no release counts a CPU's.  A mask halves nothing.
    """
    rows, heads, queries, width = query
    return int(2 * products * rows * heads * queries * key[2] * width)


def _attention_backward(_: Any, query: Any, key: Any, *__: Any, **___: Any) -> int:
    """Five products: the scores once more, and the gradients of scores, queries, keys and values."""
    return _attention(query, key, products=5)


_COUNTS: dict[Any, Any] = {}
for _kind in ("flash_attention", "efficient_attention", "cudnn_attention", "flash_attention_for_cpu"):
    for _side, _count in (("", _attention), ("_backward", _attention_backward)):
        _COUNTS[getattr(torch.ops.aten, f"_scaled_dot_product_{_kind}{_side}")] = _count


def flops_of_step(step: Callable[[], object]) -> float:
    """The operations of a step that is taken for it: matrix products, convolutions and attention, forward and backward."""
    with FlopCounterMode(display=False, custom_mapping=_COUNTS) as counter:
        step()
    return float(counter.get_total_flops())


def peak_flops(device: torch.device, precision: str) -> float | None:
    """What the data sheet promises; None for a device that is not listed, and for float32."""
    if device.type != "cuda" or precision != "bf16":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def matmul_flops(device: torch.device, precision: str) -> float:
    """Operations a second of one large matrix product, measured: what the device does in practice."""
    side = 8192 if device.type == "cuda" else 1024
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    times = []
    for _ in range(6):
        synchronise(device)
        start = time.perf_counter()
        for _ in range(5):
            left @ right
        synchronise(device)
        times.append((time.perf_counter() - start) / 5)
    return 2 * side**3 / min(times)
