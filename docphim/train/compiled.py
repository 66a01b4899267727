"""`train.compile`: torch.compile makes a kernel or two of each block of encoder and decoder, where torch starts dozens.

Blocks alone: what stands around them is gathered, counted and exchanged by others.  Only where it is trained: answers grow by a
token at a time, and every length would be another program.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from docphim.errors import UsageError

#: What makes kernels of a block's operations.
BACKEND = "inductor"


def compile_blocks(core: nn.Module) -> None:
    """Compile the blocks of a transformers model, in place; sizes may change from batch to batch without compiling anew.

    Blocks that keep a state instead of attending (of MiniCPM-V) stay as they are: they walk along the sequence step by step.

    Raises
    ------
    UsageError
        There is a GPU and no Triton, whose kernels they would be.
    """
    if torch.cuda.is_available() and importlib.util.find_spec("triton") is None:
        raise UsageError("train.compile: on a GPU it needs Triton, not installed here: pip install triton")
    for block in core.modules():
        if isinstance(block, GradientCheckpointingLayer) and not hasattr(block, "linear_attn"):
            plain: Any = block.forward
            quick: Any = torch.compile(_inner(block), dynamic=True, backend=BACKEND)
            if getattr(plain, "resting", False):  # of a frozen encoder (`tune.rest_frozen_vision`)
                quick = torch.no_grad()(quick)
            block.forward = functools.partial(_forward, block, plain, quick)


#: Transformers 5.17 checkpoints a block's call, later releases its forward, in a function around it.
_AROUND_CALL = "__call__" in vars(GradientCheckpointingLayer)


def _inner(block: nn.Module) -> Callable[..., Any]:
    """A block's forward without checkpointing, which stays outside of what is compiled."""
    forward = type(block).forward
    return (forward if _AROUND_CALL else forward.__wrapped__).__get__(block)


def _forward(block: Any, plain: Callable[..., Any], quick: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not block.training:
        return plain(*args, **kwargs)
    if block.gradient_checkpointing and not _AROUND_CALL:
        return block._gradient_checkpointing_func(functools.partial(quick, **kwargs), *args)
    return quick(*args, **kwargs)


@contextlib.contextmanager
def uncompiled(core: nn.Module) -> Iterator[None]:
    """Let the blocks compute operation by operation meanwhile, as who counts them must see them."""
    compiled = [
        (m, m.__dict__["forward"]) for m in core.modules() if getattr(m.__dict__.get("forward"), "func", None) is _forward
    ]
    for block, forward in compiled:
        block.forward = forward.args[1]
    try:
        yield
    finally:
        for block, forward in compiled:
            block.forward = forward
