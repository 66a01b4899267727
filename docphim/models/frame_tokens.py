"""How many tokens a slice takes in each family: known without loading a model, so before any work."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from docphim.errors import UsageError


@dataclass(frozen=True)
class Grid:
    """What a family makes of frames: a token for each square of `unit` pixels.

    Attributes
    ----------
    unit : int
        The smallest side of a token's square in the family's published models, so that a budget holds for all of them.
    largest : int
        The largest such side; 0 where an image takes the same tokens whatever the recipe's size.
    together : int
        Frames of a video that share their tokens; 1 where the family has no videos.
    marks : int
        Tokens around a picture, or a grid of a video, at most.
    pooled : int
        The side of a token's square in a video, where it is another; 0 where it is not.
    """

    unit: int
    largest: int
    together: int
    marks: int
    pooled: int = 0


GRIDS: dict[str, Grid] = {
    # Qwen2- and 2.5-VL merge 2 x 2 patches of 14 px, Qwen3-VL of 16 px, and it writes a grid's time in up to ten tokens.
    "qwen_vl": Grid(28, 32, 2, 12),
    "llava": Grid(14, 0, 1, 0),
    # 448 px are 256 tokens, always; a video's frame has its number before it (`Frame12: `), a line break behind it.
    "internvl": Grid(28, 0, 1, 10),
    # 896 px are 256 tokens, always, between two signs and four line breaks.
    "gemma3": Grid(56, 0, 1, 6),
    # 384 px are 27 x 27 tokens and a newline, always; a video's frame 14 x 14.
    "llava_onevision": Grid(14, 0, 1, 1, 28),
    # 4 x 4 patches of 14 px a token, between two signs; a picture's number, in up to three digits, and a line break around it.
    "minicpmv": Grid(56, 56, 1, 8),
}


def frames_within(tokens: int, family: str, image_size: int | tuple[int, int], video: bool, where: str) -> int:
    """How many frames of `image_size` pixels at most `tokens` hold, whichever of the family's models it is.

    `where` is the recipe's key for them, for messages.

    Raises
    ------
    UsageError
        The family's tokens are not known (an endpoint's model), or not even one frame fits.
    """
    if family not in GRIDS:
        raise UsageError(f"{where}: how many a slice takes is known of {', '.join(GRIDS)} alone; give count or step_mm")
    grid = GRIDS[family]
    each = _tokens(grid.pooled if video and grid.pooled else grid.unit, image_size) + grid.marks
    together = grid.together if video else 1
    if tokens < each:
        raise UsageError(f"{where}: {tokens} hold no slice: at model.image_size one takes {each}")
    return tokens // each * together


def least_tokens(frames: int, family: str, image_size: int | tuple[int, int], video: bool) -> int:
    """The fewest tokens that so many frames take in any of the family's models; 0 where that is not known."""
    grid = GRIDS.get(family)
    if grid is None or not grid.largest:
        return 0
    return ceil(frames / (grid.together if video else 1)) * _tokens(grid.largest, image_size)


def _tokens(unit: int, image_size: int | tuple[int, int]) -> int:
    """Tokens of an image that is fitted to whole squares, as the families' `fit_size` does."""
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    return max(1, round(height / unit)) * max(1, round(width / unit))
