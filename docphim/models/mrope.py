"""Rotary positions in three dimensions, as Qwen-VL models turn by them: from kinds of tokens and grids, without a model."""

from __future__ import annotations

from typing import Any

import torch


def positions(config: Any, kinds: torch.Tensor, media: dict[str, torch.Tensor]) -> torch.Tensor:
    """Rotary positions (3, length): temporal, row and column for a picture's tokens, running on in the text.

    Text after a picture goes on at the highest position before it + 1, as Qwen's own code, vLLM and transformers before 5.3
    have it; from then on transformers lets the text after a long video overlap with its slices.

    Parameters
    ----------
    kinds : Tensor, int64, shape (length,)
        0 text, 1 image, 2 video.
    media : dict
        `image_grid_thw` and `video_grid_thw` (n, 3) in patches, `second_per_grid_ts` (n,).
    """
    merge = int(config.vision_config.spatial_merge_size)
    grids = {1: iter(_grids(config, media, "image")), 2: iter(_grids(config, media, "video"))}
    values, out, place, start = kinds.tolist(), [], 0, 0
    while place < len(values):
        if values[place]:
            (frames, height, width), interval = next(grids[values[place]])
            sides = (torch.arange(frames) * interval, torch.arange(height // merge), torch.arange(width // merge))
            block = torch.stack(torch.meshgrid(*sides, indexing="ij")).reshape(3, -1)
        else:
            text = next((n for n in range(place, len(values)) if values[n]), len(values)) - place
            block = torch.arange(text).expand(3, -1)
        out.append(block + start)
        place, start = place + block.shape[1], start + int(block.max()) + 1
    return torch.cat(out, 1)


def _grids(config: Any, media: dict[str, torch.Tensor], kind: str) -> list[tuple[list[int], int]]:
    """Each picture's grid (frames, rows, columns of patches), and how far apart its frames lie in position."""
    grids = media.get(f"{kind}_grid_thw", torch.zeros(0, 3)).tolist()
    if config.model_type == "qwen3_vl":  # every grid of a video stands alone, its time before it
        grids = [[1, *sides] for frames, *sides in grids for _ in range(frames)]
    seconds = media.get("second_per_grid_ts") if kind == "video" else None
    if seconds is None:
        return [(grid, 1) for grid in grids]
    per_second = int(config.vision_config.tokens_per_second)
    return [(grid, per_second * second) for grid, second in zip(grids, seconds.tolist(), strict=True)]
