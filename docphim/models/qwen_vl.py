"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL: films and slice stacks, transformers' own processor, no torchvision."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from typing import Any, cast

import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLProcessor, Qwen2VLConfig, Qwen2VLProcessor, Qwen3VLConfig, Qwen3VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from docphim.errors import UsageError
from docphim.models import windows
from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.mrope import positions
from docphim.models.pixels import normalise
from docphim.models.qwen_features import encoded, entries, give_features
from docphim.models.towers import decoder_sizes

__all__ = ["encoded", "entries", "give_features"]

logger = logging.getLogger("docphim")

MODEL_TYPES = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl"})
LORA = r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
PARTS = {
    "vision": ("model.visual.",),
    "projector": ("model.visual.merger.", "model.visual.deepstack_merger_list."),
    "language": ("model.language_model.", "lm_head."),
}

#: ChatML, as the published checkpoints speak it.
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TINY = TinyText(
    special=(
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
        "<|video_pad|>",
    ),
    end="<|im_end|>",
    pad="<|endoftext|>",
    template=_TEMPLATE,
)


class _StillImages(ProcessorMixin):
    """A Qwen processor that asks for no video processor: that one needs torchvision, and a stack's frames are here already."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None) -> None:
        for kind in ("image", "video"):
            token = getattr(tokenizer, f"{kind}_token", None) or f"<|{kind}_pad|>"
            setattr(self, f"{kind}_token", token)
            setattr(self, f"{kind}_token_id", tokenizer.convert_tokens_to_ids(token))
        for side in ("start", "end"):
            setattr(self, f"vision_{side}_token", getattr(tokenizer, f"vision_{side}_token", None) or f"<|vision_{side}|>")
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


class _Qwen2(_StillImages, Qwen2VLProcessor):
    pass


class _Qwen25(_StillImages, Qwen2_5_VLProcessor):
    pass


class _Qwen3(_StillImages, Qwen3VLProcessor):
    pass


_PROCESSORS: dict[str, type] = {"qwen2_vl": _Qwen2, "qwen2_5_vl": _Qwen25, "qwen3_vl": _Qwen3}


def tiny_config(
    tokenizer: Any,
    image_size: int | tuple[int, int],
    *,
    type: str = "qwen2_5_vl",
    hidden: int = 128,
    layers: int = 4,
    heads: int = 4,
    vision_hidden: int = 128,
    vision_layers: int = 2,
) -> Any:
    """The configuration of a small Qwen-VL; `type` is one of `MODEL_TYPES`.

    Raises
    ------
    UsageError
        The type is unknown, or a width cannot be divided among the heads and rotary sections.
    """
    if type not in MODEL_TYPES:
        raise UsageError(f"model.tiny.type: {type!r} is not one of {', '.join(sorted(MODEL_TYPES))}")
    if hidden % (8 * heads) or vision_hidden % (4 * heads):
        raise UsageError(f"model.tiny: hidden must be a multiple of {8 * heads}, vision_hidden of {4 * heads} ({heads} heads)")
    half = hidden // heads // 2  # rotary frequencies of a head: temporal, height, width, as 16 : 24 : 24 in the original
    side = 3 * half // 8
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [half - 2 * side, side, side]}
    text = {**decoder_sizes(tokenizer, hidden, layers, heads), "rope_parameters": rope}
    vision: dict[str, Any] = {"depth": vision_layers, "hidden_size": vision_hidden, "num_heads": heads}
    tokens = {
        "image_token_id": tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        "video_token_id": tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        "vision_start_token_id": tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        "vision_end_token_id": tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        "tie_word_embeddings": True,
    }
    if type == "qwen2_vl":
        vision = {"depth": vision_layers, "embed_dim": vision_hidden, "num_heads": heads, "hidden_size": hidden, "mlp_ratio": 2}
        return Qwen2VLConfig(text_config=text, vision_config=vision, **tokens)
    vision |= {"intermediate_size": 2 * vision_hidden, "out_hidden_size": hidden}
    if type == "qwen3_vl":
        rope["mrope_interleaved"] = True
        text["head_dim"] = hidden // heads
        vision |= {"patch_size": 14, "num_position_embeddings": 256, "deepstack_visual_indexes": [0]}
        return Qwen3VLConfig(text_config=text, vision_config=vision, **tokens)
    # Attention over the whole film in every layer: at a tiny model's sizes windows save nothing.
    vision["fullatt_block_indexes"] = list(range(vision_layers))
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, **tokens)


def _unit(model_config: Any) -> int:
    vision = model_config.vision_config
    return int(vision.patch_size) * int(vision.spatial_merge_size)


def fit_size(model_config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in pixels nearest to `image_size` that are multiples of patch x merge (28 or 32)."""
    unit = _unit(model_config)
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    size = (max(1, round(height / unit)) * unit, max(1, round(width / unit)) * unit)
    if size != (height, width):
        logger.info("image size %dx%d becomes %dx%d: a multiple of %d", height, width, *size, unit)
    return size


def served_size(size: tuple[int, int]) -> dict[str, dict[str, int]]:
    """Bounds in pixels that let frames of this (height, width) through as they are, and bring others to about as many."""
    return {"size": {"shortest_edge": size[0] * size[1], "longest_edge": size[0] * size[1]}}


def make_processor(tokenizer: Any, model_config: Any, source: str | None = None, **hub: Any) -> Any:
    """Transformers' processor with the PIL image processor, whatever else is installed.

    `source` is the checkpoint whose preprocessing (mean, deviation) is kept; without one it is CLIP's.
    """
    vision = model_config.vision_config
    sizes: dict[str, Any] = {
        "patch_size": vision.patch_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "merge_size": vision.spatial_merge_size,
        # Images come letterboxed to their size; bounds this wide make the processor's own resize the identity.
        "size": {"shortest_edge": _unit(model_config) ** 2, "longest_edge": 2**26},
    }
    images = Qwen2VLImageProcessorPil.from_pretrained(source, **sizes, **hub) if source else Qwen2VLImageProcessorPil(**sizes)
    return _PROCESSORS[model_config.model_type](images, tokenizer, chat_template=tokenizer.chat_template)


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    """T pictures, or a video whose frames go two to a grid (an odd last one twice), which halves its tokens.

    A slice stack has no seconds: one stands for a centimetre.  Qwen2.5-VL moves a grid on by whole seconds, at least one;
    Qwen3-VL writes the time of each grid before it; Qwen2-VL counts grids.
    """
    frames, kind = torch.from_numpy(stack.frames), _kind(processor)
    height, width = (side // processor.image_processor.patch_size for side in frames.shape[1:3])
    tokens = height * width // processor.image_processor.merge_size**2
    if not video:
        grids = torch.tensor([[1, height, width]] * len(frames))
        text = processor.replace_image_token({"image_grid_thw": grids}, 0)
        media = {"pixel_values": frames, "image_grid_thw": grids}
        return Expansion("image", processor.image_token, (text,) * len(frames), media)
    centimetres = (stack.step_mm or 0) / 10
    frames = torch.cat([frames, frames[-1:]]) if len(frames) % 2 else frames
    pairs = len(frames) // 2
    media = {"pixel_values_videos": frames, "video_grid_thw": torch.tensor([[pairs, height, width]])}
    mark = processor.video_token
    text = mark * (pairs * tokens)
    if kind == "qwen2_5_vl":
        media["second_per_grid_ts"] = torch.tensor([max(1, round(2 * centimetres))])
    if kind == "qwen3_vl":
        start, stop = processor.vision_start_token, processor.vision_end_token
        last = len(stack.frames) - 1
        times = [(2 * n + min(2 * n + 1, last)) / 2 * centimetres for n in range(pairs)]
        text = "".join(f"<{time:.1f} seconds>{start}{mark * tokens}{stop}" for time in times)
        mark = f"{start}{mark}{stop}"
    return Expansion("video", mark, (text,), media)


def _kind(processor: Any) -> str:
    return next(kind for kind, processors in _PROCESSORS.items() if isinstance(processor, processors))


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`position_ids` (3, length), and what each token is: 0 text, 1 image, 2 video (Qwen2-VL 5.17 does not ask)."""
    kinds = (ids == processor.image_token_id).long() + 2 * (ids == processor.video_token_id).long()
    out = {"position_ids": positions(config, kinds, media)}
    return {**out, "mm_token_type_ids": kinds} if "mm_token_type_ids" in processor.model_input_names else out


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    """Patches (all frames' patches, channels x 2 x patch x patch), four neighbours in a row; a still frame stands twice."""
    patch, merge = processor.image_processor.patch_size, processor.image_processor.merge_size
    count, height, width, _ = frames.shape
    pair, rows, columns = 2 if name == "pixel_values_videos" else 1, height // patch, width // patch
    blocks = frames.reshape(count // pair, pair, rows // merge, merge, patch, columns // merge, merge, patch, 3)
    planes = normalise(processor.image_processor, blocks.permute(8, 0, 2, 5, 3, 6, 1, 4, 7).reshape(3, -1, pair, patch * patch))
    return planes.transpose(0, 1).expand(-1, 3, 2, -1).reshape(planes.shape[1], -1)


def quicken(model: Any) -> None:
    """Two equal but faster paths through the vision encoder.

    A patch embedding is a matrix product, which beats Conv3d; attention over windows or films is one batched call for each
    length that they have instead of one a window.
    """
    visual = model.model.visual
    visual.patch_embed.forward = functools.partial(_embed_patches, visual.patch_embed)
    windows.tell(visual.blocks)
    for block in visual.blocks:
        rotate = sys.modules[type(block.attn).__module__].apply_rotary_pos_emb_vision
        block.attn.forward = functools.partial(_attend, block.attn, rotate, block.attn.forward)


def _embed_patches(embed: Any, patches: torch.Tensor) -> torch.Tensor:
    """(patches, channels x frames x height x width) to (patches, width of the encoder)."""
    weight = embed.proj.weight
    return torch.nn.functional.linear(patches.to(weight.dtype), weight.flatten(1), embed.proj.bias)


def _attend(
    attention: Any,
    rotate: Callable[..., tuple[torch.Tensor, torch.Tensor]],
    slow: Callable[..., torch.Tensor],
    hidden_states: torch.Tensor,
    *args: Any,
    stretches: windows.Stretches | None = None,
    **kwargs: Any,
) -> torch.Tensor:
    """Vision attention with all windows of a length in one call, where torch's own attention is used."""
    rotary = kwargs.get("position_embeddings")
    if stretches is None or rotary is None or attention.config._attn_implementation != "sdpa":
        return slow(hidden_states, *args, **kwargs)
    query, key, value = attention.qkv(hidden_states).reshape(len(hidden_states), 3, attention.num_heads, -1).unbind(1)
    query, key = rotate(query, key, *rotary)
    return cast("torch.Tensor", attention.proj(windows.attend(query, key, value, stretches, scale=attention.scaling)))
