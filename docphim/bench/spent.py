"""Where the time of a step goes: kernels by what they do, and the time in which the device does nothing."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

#: What a kernel of a GPU, or an operator on a CPU, does, by its name; the first pattern that matches decides.
KINDS = {
    "attention": r"flash|fmha|attention|cudnn.*sdpa",
    "matrix products": r"gemm|gemv|nvjet|cutlass|xmma|splitK|aten::(addmm|mm|bmm|linear|matmul)",
    "optimiser": r"adam|multi_tensor|foreach",
    "copies and casts": r"memcpy|memset|copy|cat_|::cat|to_copy|gather|index",
    "sums and norms": r"reduce|softmax|norm|cumsum|scan|cross_entropy|nll_loss|aten::(sum|mean)",
}
_KINDS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in KINDS.items()}

#: So many of the dearest kernels are named.
NAMED = 8


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def device_time(step: Callable[[], None], device: torch.device) -> dict[str, Any]:
    """Profile one step.

    Returns
    -------
    dict
        `kinds`: share of the step's wall time by kind of kernel (`KINDS`, `elementwise`: all else), `idle`: the share in which
        a GPU runs nothing (of a CPU: what no operator accounts for), `dearest`: (kernel, share) of the longest, `calls`: how
        many kernels a step starts.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else torch's profiler writes lines of its own to the terminal
    gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]
    synchronise(device)
    with profile(activities=activities) as profiler:
        start = time.perf_counter()
        step()
        synchronise(device)
        wall = (time.perf_counter() - start) * 1e6
    times: dict[str, float] = {}
    calls = 0
    for event in profiler.key_averages():
        spent = _spent(event, gpu)
        if spent:
            times[event.key] = times.get(event.key, 0.0) + spent
            calls += event.count
    kinds: dict[str, float] = {}
    for name, spent in times.items():
        kinds[kind_of(name)] = kinds.get(kind_of(name), 0.0) + spent
    shares = {kind: spent / wall for kind, spent in _falling(kinds)}
    dearest = [(name[:90], spent / wall) for name, spent in _falling(times)[:NAMED]]
    return {"kinds": shares, "idle": max(0.0, 1 - sum(shares.values())), "dearest": dearest, "calls": calls}


def _spent(event: Any, gpu: bool) -> float:
    """Microseconds of a kernel on a GPU, or of an operator on a CPU without those that it calls."""
    if not gpu:
        return float(event.self_cpu_time_total)
    on_gpu = event.device_type == torch.autograd.DeviceType.CUDA
    return float(event.self_device_time_total) if on_gpu else 0.0


def _falling(times: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(times.items(), key=lambda item: -item[1])


def kind_of(name: str) -> str:
    """The kind of a kernel or operator by its name."""
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(name)), "elementwise")
