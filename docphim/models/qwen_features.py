"""The features of Qwen-VL's vision encoder: taken out of it for one media entry, and put in again in place of patches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from docphim.errors import UsageError


def entries(name: str, frames: Tensor, inputs: dict[str, Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """Frames and grid, (1, 3), of every picture or video of a batch; a video's grid stands for two frames."""
    video = name == "pixel_values_videos"
    grids, done = inputs["video_grid_thw" if video else "image_grid_thw"], 0
    for grid in grids:
        count = int(grid[0]) * 2 if video else 1
        yield frames[done : done + count], grid[None]
        done += count


def encoded(model: Any, patches: Tensor, grid: Tensor) -> Tensor:
    """What the frozen part of the encoder makes of one entry: (tokens, width).

    The merger's output where that is frozen too (of Qwen3-VL those of its deeper mergers beside it, joined), else what goes
    into the merger: the four patches of each token side by side.
    """
    visual = model.model.visual
    if not _trained(visual.merger):
        out = visual(patches.type(visual.dtype), grid_thw=grid)
        return torch.cat([out.pooler_output, *(getattr(out, "deepstack_features", None) or [])], 1)
    merge = visual.merger.forward
    visual.merger.forward = lambda states: states.reshape(-1, states.shape[-1] * visual.spatial_merge_size**2)
    try:
        out = visual(patches.type(visual.dtype), grid_thw=grid)
    finally:
        visual.merger.forward = merge
    return torch.as_tensor(out.pooler_output)


def give_features(model: Any) -> None:
    """Let the encoder take features of three dimensions, (1, tokens, width), where it takes patches of two.

    Raises
    ------
    UsageError
        Qwen3-VL's mergers are trained: they stand in the middle of its encoder.
    """
    visual = model.model.visual
    if hasattr(visual, "deepstack_merger_list") and (_trained(visual.merger) or _trained(visual.deepstack_merger_list)):
        raise UsageError("train.cache_features: Qwen3-VL's projector lies in its encoder; model.freeze: [vision, projector]")
    if not getattr(visual.forward, "takes_features", False):
        taking: Any = functools.partial(_from_features, visual, visual.forward)
        taking.takes_features = True
        visual.forward = taking


def _from_features(visual: Any, encode: Callable[..., Any], hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
    """The encoder's output from patches, by its own forward, or from features, by what of it is trained."""
    if hidden_states.dim() == 2:
        return encode(hidden_states, *args, **kwargs)
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    features = hidden_states[0]
    if _trained(visual.merger):
        pooled = visual.merger(features.reshape(-1, features.shape[-1] // visual.spatial_merge_size**2))
        return BaseModelOutputWithPooling(last_hidden_state=features, pooler_output=pooled)
    deeper = len(getattr(visual, "deepstack_merger_list", ()))
    pooled, *deep = features.chunk(1 + deeper, 1)
    out: Any = BaseModelOutputWithPooling(last_hidden_state=features, pooler_output=pooled)
    if deeper:
        out.deepstack_features = deep
    return out


def _trained(part: Any) -> bool:
    return any(parameter.requires_grad for parameter in part.parameters())
