"""A model's elementwise functions (cos, sqrt, …) give the same numbers in every process: their first call is made alone."""

from __future__ import annotations

import torch

#: What torch computes with MKL's vector library on a CPU.
FUNCTIONS = (
    *("acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "erfinv", "exp", "expm1", "floor", "lgamma"),
    *("log", "log10", "log1p", "log2", "round", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"),
)


def settle() -> None:
    """Call each of `FUNCTIONS` once on a single number, before a model computes in this process.

    MKL chooses the code of each function at its first call.  Where that call runs on several threads, one of them may take
    less exact code for its share, and a training goes another way: the cosines of the first image's positions did, in about
    one training of ten, so that the demo's fact F1 was 65.0 instead of 67.2.  Later calls are exact.  See pytorch/pytorch,
    issue 188792 (MKL before 2025).
    """
    for kind in (torch.float32, torch.float64):
        half = torch.full((1,), 0.5, dtype=kind)
        for name in FUNCTIONS:
            getattr(torch, name)(half)
