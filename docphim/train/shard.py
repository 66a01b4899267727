"""Weights shared out: each process holds a part of every parameter, of its gradient and of AdamW's moments (torch's FSDP2).

A block's parts are gathered when it computes, and let go of again; so all processes must run the same blocks in the same order.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers.modeling_layers import GradientCheckpointingLayer

from docphim.errors import UsageError


def shard(model: nn.Module, world: int, *, half: bool = False, spared: Collection[nn.Parameter] = ()) -> nn.Module:
    """Share out a model's parameters over `world` processes, in place: each block of an encoder or decoder, then the rest.

    Parameters
    ----------
    half : bool
        Whether blocks whose parameters are trained whole (in float32) gather and compute with them in bfloat16; gradients are
        summed in float32.  What stands around the blocks stays in float32, and so does what is added up from block to block.
    spared : collection of Parameter
        Those that stay whole in every process.

    Raises
    ------
    UsageError
        Weights are quantised.
    """
    for name, parameter in model.named_parameters():
        if not parameter.is_floating_point():
            raise UsageError(f"train.shard: quantised weights ({name}: {parameter.dtype}) cannot be shared out")
    mesh = init_device_mesh("cuda" if torch.cuda.is_available() else "cpu", (world,))
    apart = set(spared)
    common = {"mesh": mesh, "ignored_params": apart}
    policy = MixedPrecisionPolicy(torch.bfloat16 if half else None, torch.float32 if half else None, cast_forward_inputs=False)
    blocks = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    for block in reversed(blocks):  # one inside another comes first
        if not apart.issuperset(block.parameters()):
            fully_shard(block, mp_policy=policy, **common)
    fully_shard(model, **common)
    # Some models return views, and nothing here changes what a model returns.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor", UserWarning)
    return model


def is_shared(model: nn.Module) -> bool:
    """Whether a model's parameters are shared out."""
    return isinstance(model, FSDPModule)


@contextlib.contextmanager
def whole(model: nn.Module) -> Iterator[None]:
    """Hold every parameter whole meanwhile: processes then need not compute side by side.

    Where parameters are not shared out nothing is done.
    """
    if not isinstance(model, FSDPModule):
        yield
        return
    parts = [module for module in model.modules() if isinstance(module, FSDPModule)]
    model.set_reshard_after_forward(False)
    for part in parts:
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
        model.set_reshard_after_forward(True)
        model.set_reshard_after_forward(False, recurse=False)  # its backward pass comes right after


def gathered(value: Tensor) -> Tensor:
    """The whole of a tensor that may be shared out; every process asks for it."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def like(value: Tensor, model_value: Tensor) -> Tensor:
    """A whole tensor on the device of another and shared out as that one is; no process asks another."""
    value = value.to(model_value.device)
    if not isinstance(model_value, DTensor):
        return value
    return distribute_tensor(value, model_value.device_mesh, model_value.placements, src_data_rank=None)
