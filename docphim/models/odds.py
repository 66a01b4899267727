"""How likely a model finds the tokens of answers, without the logits of a whole batch: a chunk of tokens at a time, in place.

What is handed on of a token is the logarithm of its odds, o = ln(p / (1 - p)): -ln p is -ln σ(o) and -ln(1 - p) is -ln σ(-o),
both without a loss of digits however near p is to 0 or 1.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from docphim.models.loaded import Loaded

#: Logits that are held at once, in float32 256 MB; where those of a batch are no more they stay for the backward pass, else
#: they are computed once more in it.
CHUNK = 2**26


def likely(
    model: nn.Module, loaded: Loaded, inputs: dict[str, Tensor], labels: Tensor, columns: Tensor
) -> tuple[Tensor, Tensor]:
    """The model's ordinary forward, as wrapped by `model`, up to the odds of what is labelled.

    Parameters
    ----------
    inputs : dict of Tensor
        On the model's device, without labels.
    labels : Tensor, int64, shape (rows, length)
        Best on the CPU: a GPU is then not waited for.
    columns : Tensor
        Those before which some row has a label (`encode.answer_columns`).

    Returns
    -------
    tuple of Tensor, float32, shape (rows, columns)
        ln(p / (1 - p)) of each label; and, without a gradient, Σ (p_k / (1 - p))² over all other tokens k.  Where there is no
        label both are 0.
    """
    targets = labels[:, 1:][:, columns]
    rows, places = torch.nonzero(targets >= 0, as_tuple=True)
    device, taken = loaded.device, targets[rows, places]
    where = rows * labels.shape[1] + columns[places], rows * len(columns) + places, taken
    at, to, taken = (index.to(device, non_blocking=True) for index in where)

    def instead(head: nn.Module, logits_of: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
        odds = _of_states(head, logits_of, states.flatten(0, 1).index_select(0, at), taken)
        return odds.new_zeros(targets.numel(), 2).index_copy(0, to, odds).reshape(*targets.shape, 2)

    with loaded.autocast(), _instead_of_logits(loaded.core.get_output_embeddings(), instead):
        odds, others = model(**inputs, use_cache=False).logits.unbind(-1)
    return odds, others.detach()


@contextlib.contextmanager
def _instead_of_logits(head: Any, given: Callable[..., Tensor]) -> Iterator[None]:
    """Let a model's output layer return what `given` makes of the layer, its own forward and its input.

    In its place, and not behind the model: what exchanges gradients among processes must meet all parameters in the forward.
    """
    before = head.__dict__.get("forward")
    head.forward = functools.partial(given, head, head.forward)
    try:
        yield
    finally:
        if before is None:
            del head.forward
        else:
            head.forward = before


def _of_states(head: nn.Module, logits_of: Callable[[Tensor], Tensor], states: Tensor, targets: Tensor) -> Tensor:
    """`log_odds` of the logits that an output layer makes of states, (tokens, width), a chunk at a time."""
    if type(head) is nn.Linear and head.bias is None:
        return torch.stack(_Odds.apply(states, head.weight, targets), 1)

    def of_some(some: Tensor, theirs: Tensor) -> Tensor:  # adapters on the output layer, say
        return log_odds(logits_of(some), theirs)

    size = _size(head.weight)
    if len(states) <= size:
        return of_some(states, targets)
    parts = zip(states.split(size), targets.split(size), strict=True)
    return torch.cat([checkpoint(of_some, *part, use_reentrant=False) for part in parts])


def _size(weight: Tensor) -> int:
    """How many tokens' logits are made at once."""
    return max(1, CHUNK // weight.shape[0])


def log_odds(logits: Tensor, targets: Tensor) -> Tensor:
    """ln(p / (1 - p)) of each target, and Σ (p_k / (1 - p))² over the other tokens, which has no gradient.

    Parameters
    ----------
    logits : Tensor, shape (…, vocabulary)
    targets : Tensor, int64, shape (…)

    Returns
    -------
    Tensor, shape (…, 2), float32 at least
    """
    logits, target = logits.to(torch.promote_types(logits.dtype, torch.float32)), targets[..., None]
    others = logits.scatter(-1, target, -torch.inf)
    total = others.logsumexp(-1, keepdim=True)
    squares = (others.detach() - total.detach()).exp().square().sum(-1)
    return torch.stack([(logits.gather(-1, target) - total)[..., 0], squares], -1)


class _Odds(torch.autograd.Function):
    """`log_odds` of a linear layer's output: (tokens, width), (vocabulary, width), (tokens,) to twice (tokens,).

    One buffer of float32 a chunk, changed in place.  d odds / d logit is 1 at the target and minus the share of the rest, p_k /
    (1 - p), elsewhere.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        kind = states.device.type
        ctx.kind, ctx.wide = (torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype), weight.dtype
        ctx.given, ctx.size = states.dtype, _size(weight)
        with torch.autocast(kind, enabled=False):
            low, weight = states.to(ctx.kind), weight.to(ctx.kind)
            parts = list(zip(low.split(ctx.size), targets.split(ctx.size), strict=True))
            made = [_shares(part, weight, of) for part, of in parts]
        stored = [made[0][0], made[0][1]] if len(made) == 1 else []
        ctx.save_for_backward(low, weight, targets, *stored)
        odds, squares = (torch.cat([one[n] for one in made]) for n in (2, 3))
        ctx.mark_non_differentiable(squares)
        return odds, squares

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, toward: Tensor, _: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        states, weight, targets, *stored = ctx.saved_tensors
        of_states, of_weight = [], None
        with torch.autocast(states.device.type, enabled=False):
            for part, of, pull in zip(*(each.split(ctx.size) for each in (states, targets, toward.float())), strict=True):
                shares, total = stored or _shares(part, weight, of)[:2]
                pulled = shares.mul_((-pull / total)[:, None]).scatter_(1, of[:, None], pull[:, None]).to(ctx.kind)
                if ctx.needs_input_grad[0]:
                    of_states.append(pulled @ weight)
                if ctx.needs_input_grad[1]:
                    more = pulled.T @ part
                    of_weight = more.to(ctx.wide) if of_weight is None else of_weight.add_(more)
        return torch.cat(of_states).to(ctx.given) if of_states else None, of_weight, None


def _shares(states: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The other tokens' shares of what is not the target's, times their sum, (tokens, vocabulary); that sum; odds; squares."""
    logits = (states @ weight.T).float()
    target = logits.gather(1, targets[:, None])
    logits.scatter_(1, targets[:, None], -torch.inf)
    top = logits.amax(1, keepdim=True)
    shares = logits.sub_(top).exp_()
    total = shares.sum(1)
    squares = (torch.linalg.vector_norm(shares, dim=1) / total).square()
    return shares, total, (target - top)[:, 0] - total.log(), squares
