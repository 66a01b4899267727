"""Attention within stretches of a sequence (windows, films): one call for each length they have, no waiting in a block.

How long the stretches are stands in a tensor, on a GPU if there is one; to read it the GPU is waited for.  All blocks are given
the same tensor, so that this is done once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

#: How blocks hand on to their attention what is known of the stretches.
NAME = "stretches"


@dataclass(frozen=True)
class Stretches:
    """Stretches of a sequence by length: `groups` are (length, how many), the longest first.

    `order` says from where each token comes when stretches of one length stand side by side, `back` how they come back; None
    where they all have one length.
    """

    groups: tuple[tuple[int, int], ...]
    order: Tensor | None = None
    back: Tensor | None = None


def stretches(ends: Tensor) -> Stretches:
    """What a tensor of boundaries, (stretches + 1,), says; it is read once, however many blocks ask."""
    read: Stretches | None = getattr(ends, NAME, None)
    if read is None:
        read = _grouped(ends.tolist(), ends.device)
        setattr(ends, NAME, read)
    return read


def _grouped(ends: list[int], device: torch.device) -> Stretches:
    spans: dict[int, list[int]] = {}
    for start, stop in itertools.pairwise(ends):
        spans.setdefault(stop - start, []).append(start)
    lengths = sorted(spans, reverse=True)
    groups = tuple((length, len(spans[length])) for length in lengths if length)
    if len(groups) == 1:
        return Stretches(groups)
    order = torch.cat([torch.arange(start, start + length) for length in lengths for start in spans[length]])
    return Stretches(groups, order.to(device), torch.argsort(order).to(device))


def tell(blocks: Iterable[nn.Module]) -> None:
    """Let blocks of an encoder know the stretches before they begin; those that know are left as they are."""
    for block in blocks:
        if not any(hook is _informed for hook in block._forward_pre_hooks.values()):
            block.register_forward_pre_hook(_informed, with_kwargs=True)


def _informed(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    ends = kwargs.get("cu_seqlens")
    return args, kwargs if ends is None else {**kwargs, NAME: stretches(ends)}


def attend(query: Tensor, key: Tensor, value: Tensor, of: Stretches, **options: Any) -> Tensor:
    """Attention of each token to those of its own stretch: three times (tokens, heads, width) to (tokens, heads x width).

    `options` are those of torch's scaled_dot_product_attention.
    """
    given = [query, key, value] if of.order is None else [one.index_select(0, of.order) for one in (query, key, value)]
    sides = zip(*(one.split([length * count for length, count in of.groups]) for one in given), strict=True)
    mixed = []
    for (length, count), some in zip(of.groups, sides, strict=True):
        apart = (one.reshape(count, length, *one.shape[1:]).transpose(1, 2) for one in some)
        out = functional.scaled_dot_product_attention(*apart, **options)
        mixed.append(out.transpose(1, 2).reshape(count * length, -1))
    joined = mixed[0] if len(mixed) == 1 else torch.cat(mixed)
    return joined if of.back is None else joined.index_select(0, of.back)
