"""A loaded model made ready to answer and not to be trained: adapters folded in, weights in the precision of its forwards."""

from __future__ import annotations

import torch
from torch import nn

from docphim.models.loaded import Loaded
from docphim.models.tune import merge


def for_answers(loaded: Loaded) -> Loaded:
    """Make a model answer faster, in place; it is not to be trained or saved afterwards.

    Adapters are folded into the weights they sit on (`tune.merge`), as `docphim export` does; not into quantised ones, into
    which none fit.  Where forwards run in bfloat16 the weights of linear layers are kept in it: autocast would round the same
    float32 numbers anew for every token, so nothing but the time changes.  An output layer that shares its weight with the
    embedding gets one of its own, since embeddings are looked up in the precision they have.
    """
    if loaded.quantise is None:
        merge(loaded)
    if loaded.precision == "bf16":
        for module in loaded.model.modules():
            if type(module) is nn.Linear:  # no subclass: a quantised layer packs its weight by itself
                for name, parameter in list(module.named_parameters(recurse=False)):
                    setattr(module, name, nn.Parameter(parameter.detach().to(torch.bfloat16), requires_grad=False))
    return loaded
