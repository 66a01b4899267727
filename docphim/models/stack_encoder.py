"""3-D image encoders of a stack of slices, a transformer or a residual network: a grid of features, whatever its depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from docphim.errors import UsageError

#: So many slices a position table reaches over; a taller stack is refused.
MOST_SLICES = 160
#: The kind of encoder that is none.
STORED = "stored"
#: Channels of one group of a residual network's norm.
_GROUP = 8


class StackEncoderConfig(PreTrainedConfig):
    """What an encoder is made of.

    `kind` is `vit` or `resnet`; `image_size` (height, width) in pixels; a ViT's patch is `depth` slices of `patch` x `patch`
    pixels; `tokens` is the grid (deep, high, wide) that features are pooled to for a decoder, at most; `shared` the width of
    the space that images and reports meet in.  Of the kind `stored`, whose features another encoder has made, `depth` is how
    many a study has.
    """

    model_type = "docphim_stack_encoder"

    def __init__(
        self,
        kind: str = "vit",
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        image_size: Sequence[int] = (224, 224),
        patch: int = 16,
        depth: int = 4,
        tokens: Sequence[int] = (8, 4, 4),
        shared: int = 512,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ) -> None:
        self.kind, self.hidden_size, self.num_hidden_layers = kind, hidden_size, num_hidden_layers
        self.num_attention_heads, self.image_size = num_attention_heads, list(image_size)
        self.patch, self.depth, self.tokens, self.shared = patch, depth, list(tokens), shared
        self.initializer_range = initializer_range
        super().__init__(**kwargs)


def check(config: StackEncoderConfig) -> None:
    """Refuse sizes that make no encoder.

    Raises
    ------
    UsageError
        The message names the key of `model.encoder`.
    """
    if config.kind not in ENCODERS:
        raise UsageError(f"model.encoder.kind: {config.kind!r} is not one of {', '.join(ENCODERS)}")
    for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "patch", "depth", "shared"):
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(f"model.encoder.{_KEYS.get(name, name)}: {value!r} is not a whole number above 0")
    grid = config.tokens
    if len(grid) != 3 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in grid):
        raise UsageError(f"model.encoder.tokens: {grid!r} are not three whole numbers above 0 (deep, high, wide)")
    if config.kind == STORED:
        return
    if config.hidden_size % (config.num_attention_heads if config.kind == "vit" else 8 * _GROUP):
        unit = f"its {config.num_attention_heads} heads" if config.kind == "vit" else f"{8 * _GROUP}, of a resnet"
        raise UsageError(f"model.encoder.hidden: {config.hidden_size} is no multiple of {unit}")


_KEYS = {"hidden_size": "hidden", "num_hidden_layers": "layers", "num_attention_heads": "heads"}


def tokens_of(config: StackEncoderConfig, slices: int) -> int:
    """How many tokens of a decoder a stack of so many slices takes."""
    deep, high, wide = config.tokens
    return min(deep, slices) * high * wide


def pooled(grid: Tensor, config: StackEncoderConfig, slices: int) -> Tensor:
    """Features on a grid (deep, high, wide, width) as the tokens a decoder is given, (`tokens_of`, width)."""
    deep, high, wide = config.tokens
    target = (min(deep, slices), high, wide)
    return functional.adaptive_avg_pool3d(grid.permute(3, 0, 1, 2)[None], target)[0].flatten(1).T


class Block(GradientCheckpointingLayer):
    """A transformer's layer: attention over all patches of a stack, then a perceptron, each behind a norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_in, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Hidden states (n, patches, width); `mask` (n, 1, 1, patches) is False where there is no patch."""
        n, patches, width = hidden.shape
        parts = self.queries_keys_values(self.norm_in(hidden)).view(n, patches, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        looked = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        hidden = hidden + self.out(looked.transpose(1, 2).reshape(n, patches, width))
        return hidden + self.narrow(functional.gelu(self.wide(self.norm_out(hidden))))


class StackViT(nn.Module):
    """A vision transformer over blocks of `depth` slices (Dosovitskiy et al. 2021; 3-D patches: Arnab et al. 2021)."""

    def __init__(self, config: StackEncoderConfig) -> None:
        super().__init__()
        self.config = config
        height, width = (math.ceil(side / config.patch) for side in config.image_size)
        self.plane = (height, width)
        self.embed = nn.Linear(config.depth * config.patch**2 * 3, config.hidden_size)
        self.in_plane = nn.Parameter(torch.zeros(height * width, config.hidden_size))
        self.along = nn.Parameter(torch.zeros(math.ceil(MOST_SLICES / config.depth), config.hidden_size))
        layers = range(config.num_hidden_layers)
        self.blocks = nn.ModuleList(Block(config.hidden_size, config.num_attention_heads) for _ in layers)
        self.norm = nn.LayerNorm(config.hidden_size)

    def forward(self, stacks: Sequence[Tensor]) -> list[Tensor]:
        """Stacks, each (T, 3, h, w), to grids of features, each (deep, high, wide, width).

        All go through the layers in one call, shorter ones padded and masked.
        """
        rows = [self._patches(stack) for stack in stacks]
        longest = max(len(row) for row in rows)
        hidden = torch.stack([functional.pad(row, (0, 0, 0, longest - len(row))) for row in rows])
        mask = None
        if any(len(row) < longest for row in rows):
            lengths = torch.tensor([len(row) for row in rows], device=hidden.device)
            mask = (torch.arange(longest, device=hidden.device) < lengths[:, None])[:, None, None]
        for block in self.blocks:
            hidden = block(hidden, mask)
        hidden = self.norm(hidden)
        return [one[: len(row)].reshape(-1, *self.plane, one.shape[-1]) for one, row in zip(hidden, rows, strict=True)]

    def _patches(self, stack: Tensor) -> Tensor:
        """A stack's patches with their positions, (patches, width); the last slice stands in for those that fill a block."""
        side, depth, (high, wide) = self.config.patch, self.config.depth, self.plane
        more = -len(stack) % depth
        stack = torch.cat([stack, stack[-1:].expand(more, -1, -1, -1)])
        stack = functional.pad(stack, (0, wide * side - stack.shape[3], 0, high * side - stack.shape[2]))
        blocks = stack.view(-1, depth, 3, high, side, wide, side).permute(0, 3, 5, 1, 2, 4, 6)
        embedded = self.embed(blocks.reshape(len(blocks), high * wide, -1))
        return (embedded + self.in_plane + self.along[: len(blocks), None]).flatten(0, 1)


class Residual(nn.Module):
    """Two 3-D convolutions beside a way around them (He et al. 2016), with group norms, which know no batch."""

    def __init__(self, before: int, after: int, stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.first = nn.Conv3d(before, after, 3, stride, 1, bias=False)
        self.second = nn.Conv3d(after, after, 3, 1, 1, bias=False)
        self.norm_first, self.norm_second = nn.GroupNorm(after // _GROUP, after), nn.GroupNorm(after // _GROUP, after)
        self.around = nn.Conv3d(before, after, 1, stride, bias=False) if before != after or stride != (1, 1, 1) else None

    def forward(self, hidden: Tensor) -> Tensor:
        """(n, before, T, h, w) to (n, after, …)."""
        straight = hidden if self.around is None else self.around(hidden)
        hidden = functional.relu(self.norm_first(self.first(hidden)))
        return functional.relu(straight + self.norm_second(self.second(hidden)))


class StackResNet(nn.Module):
    """A 3-D residual network of four stages; slices are joined from the second on, so that a film may be one slice."""

    def __init__(self, config: StackEncoderConfig) -> None:
        super().__init__()
        widths = [config.hidden_size // 8 * 2**stage for stage in range(4)]
        self.stem = nn.Conv3d(3, widths[0], (3, 5, 5), (1, 2, 2), (1, 2, 2), bias=False)
        self.norm = nn.GroupNorm(widths[0] // _GROUP, widths[0])
        blocks: list[nn.Module] = []
        for stage, width in enumerate(widths):
            before = widths[max(stage - 1, 0)]
            blocks.append(Residual(before, width, (2, 2, 2) if stage else (1, 1, 1)))
            blocks += [Residual(width, width, (1, 1, 1)) for _ in range(config.num_hidden_layers - 1)]
        self.stages = nn.Sequential(*blocks)

    def forward(self, stacks: Sequence[Tensor]) -> list[Tensor]:
        """As `StackViT`; each stack alone, since a norm over a padded one would be another."""
        grids = [self.stages(functional.relu(self.norm(self.stem(stack.transpose(0, 1)[None])))) for stack in stacks]
        return [grid[0].permute(1, 2, 3, 0) for grid in grids]


class Stored(nn.Module):
    """No encoder: features that another one has made, and a study's file holds (`stored_features`)."""

    def __init__(self, config: StackEncoderConfig) -> None:
        super().__init__()

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Each (n, width) as a grid that is n deep."""
        return [one[:, None, None] for one in features]


ENCODERS: dict[str, type[nn.Module]] = {"vit": StackViT, "resnet": StackResNet, STORED: Stored}
