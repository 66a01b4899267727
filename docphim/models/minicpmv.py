"""MiniCPM-V 4.6 in transformers' layout: films whole, slice stacks as videos, a decoder most of whose layers keep a state."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import MiniCPMV4_6Config, MiniCPMV4_6Processor, MiniCPMV4_6VisionConfig, Qwen3_5TextConfig
from transformers.models.minicpmv4_6.image_processing_pil_minicpmv4_6 import MiniCPMV4_6ImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from docphim.errors import Refused
from docphim.models import towers, windows
from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.pixels import normalise
from docphim.models.special import declare, lend

logger = logging.getLogger("docphim")

MODEL_TYPES = frozenset({"minicpmv4_6"})
#: As elsewhere attention and MLP; three layers of four have no keys to look at but a state, with projections of their own.
LORA = (
    r"model\.language_model\.layers\.\d+\."
    r"(self_attn\.[qkvo]_proj|linear_attn\.(in_proj_qkv|in_proj_z|out_proj)|mlp\.(gate|up|down)_proj)"
)
PARTS = {**towers.PARTS, "projector": ("model.merger.",)}

#: ChatML as published: parts a line each, and before an answer that is asked for a thought that is over before it began.
_TEMPLATE = (
    "{% set asked = namespace(last=-1) %}{% for message in messages if message['role'] == 'user' %}"
    "{% set asked.last = messages.index(message) %}{% endfor %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and loop.index0 > asked.last %}<think>\n\n</think>\n\n{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|image_pad|>"
    "{% elif part['type'] == 'video' %}<|video_pad|>{% else %}{{ part['text'] }}{% endif %}"
    "{{ '' if loop.last else '\n' }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n\n</think>\n\n{% endif %}"
)
#: The names that transformers' processor knows these tokens of the vocabulary by.
_NAMES = {
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
    "image_start": "<image>",
    "image_end": "</image>",
    "slice_start": "<slice>",
    "slice_end": "</slice>",
    "image_id_start": "<image_id>",
    "image_id_end": "</image_id>",
}
TINY = TinyText(
    special=("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>", *_NAMES.values()),
    end="<|im_end|>",
    pad="<|endoftext|>",
    template=_TEMPLATE,
)
#: What a server must know: the published template does otherwise.
SERVED = (
    "An earlier answer opens as the prompt does, with an empty thought: the published template leaves it to the last alone.",
)
#: How many patches a token stands for, by the configuration's `downsample_mode`.
_PATCHES = {"16x": 16, "4x": 4}


class _StillImages(MiniCPMV4_6Processor):
    """Transformers' own, but for the video processor, which needs torchvision: a stack's frames are here already."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None) -> None:
        self.slice_mode = self.video_slice_mode = False
        self.default_use_image_id = image_processor.use_image_id
        self.image_token_divisor = self.video_token_divisor = _PATCHES[image_processor.downsample_mode]
        lend(self, tokenizer, _NAMES)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def tiny_config(
    tokenizer: Any,
    image_size: int | tuple[int, int],
    *,
    hidden: int = 128,
    layers: int = 4,
    heads: int = 4,
    vision_hidden: int = 128,
    vision_layers: int = 2,
) -> Any:
    """The configuration of a small MiniCPM-V 4.6; every fourth layer of the decoder attends, and the last.

    Raises
    ------
    UsageError
        A width cannot be divided among the heads.
    """
    towers.check_widths(hidden, vision_hidden, heads)
    head = max(8, hidden // heads)  # a quarter of it turns by position
    attends = ["linear_attention", "full_attention"]
    text = Qwen3_5TextConfig(
        **towers.decoder_sizes(tokenizer, hidden, layers, heads),
        head_dim=head,
        layer_types=[attends[n % 4 == 0 or n == layers] for n in range(1, layers + 1)],
        linear_num_key_heads=heads,
        linear_num_value_heads=heads,
        linear_key_head_dim=head,
        linear_value_head_dim=head,
        rope_parameters={"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25},
        tie_word_embeddings=True,
    )
    vision = MiniCPMV4_6VisionConfig(
        **towers.encoder_sizes(vision_hidden, vision_layers, heads),
        image_size=980,
        patch_size=14,
    )
    return MiniCPMV4_6Config(
        text_config=text,
        vision_config=vision,
        insert_layer_id=(vision_layers - 1) // 4,  # 6 of 27, as published
        image_token_id=tokenizer.convert_tokens_to_ids(_NAMES["image"]),
        video_token_id=tokenizer.convert_tokens_to_ids(_NAMES["video"]),
        tie_word_embeddings=True,
    )


def _patch(model_config: Any) -> int:
    patch = model_config.vision_config.patch_size
    return int(patch[0] if isinstance(patch, (list, tuple)) else patch)


def fit_size(model_config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in pixels nearest to `image_size` that are whole tokens: multiples of 4 patches (56 px)."""
    unit = _patch(model_config) * int(_PATCHES[model_config.downsample_mode] ** 0.5)
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    size = (max(1, round(height / unit)) * unit, max(1, round(width / unit)) * unit)
    if size != (height, width):
        logger.info("image size %dx%d becomes %dx%d: a multiple of %d", height, width, *size, unit)
    return size


def served_size(size: tuple[int, int]) -> dict[str, Any]:
    """Settings that let frames of this (height, width) through as they are, and bring others whole to about as many pixels."""
    area = round((size[0] * size[1]) ** 0.5)
    # One slice at the most: vLLM counts slices by this and does not look at slice_mode.
    return {"do_resize": True, "slice_mode": False, "max_slice_nums": 1, "scale_resolution": area}


def make_processor(tokenizer: Any, model_config: Any, source: str | None = None, **hub: Any) -> Any:
    """Transformers' processor with the PIL image processor, whatever else is installed; a film is never cut into slices.

    Raises
    ------
    Refused
        `weights_layout`: the model merges patches otherwise than its processor counts them, or a token of pictures is missing.
    """
    where, vision = str(source or ""), model_config.vision_config
    merges = (tuple(vision.window_kernel_size), tuple(model_config.merge_kernel_size), model_config.merger_times)
    if merges != ((2, 2), (2, 2), 1) or model_config.downsample_mode not in _PATCHES:
        why = f"patches are merged by {merges}, {model_config.downsample_mode}; family minicpmv takes 2x2 and 2x2 once"
        raise Refused("weights_layout", where, why)
    declare(tokenizer, _NAMES, where)
    # Images come letterboxed to their size; resizing would bring each to the area of 448 x 448.
    sizes: dict[str, Any] = {
        "patch_size": _patch(model_config),
        "downsample_mode": model_config.downsample_mode,
        "slice_mode": False,
        "do_resize": False,
    }
    kind = MiniCPMV4_6ImageProcessorPil  # without a checkpoint a half and a half, as published
    images = kind.from_pretrained(source, **sizes, **hub) if source else kind(**sizes)
    return _StillImages(images, tokenizer, tokenizer.chat_template)


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    """T pictures, or a video: each frame's tokens between two signs; pictures and videos are numbered apart, each from 0."""
    frames = torch.from_numpy(stack.frames)
    patch = processor.image_processor.patch_size
    sizes = np.array([[side // patch for side in frames.shape[1:3]]] * len(frames), dtype=np.int32)
    start, end = processor.image_id_start_token, processor.image_id_end_token
    lead = f"{start}{{}}{end}" if processor.default_use_image_id else ""
    if video:
        counts = {"target_sizes_videos": sizes, "num_frames_per_video": [len(frames)], "grids_videos": np.zeros_like(sizes)}
        text = processor.replace_video_token(counts, 0, video_token_divisor=processor.video_token_divisor)
        media = {"pixel_values_videos": frames, "target_sizes_videos": torch.from_numpy(sizes)}
        return Expansion("video", processor.video_token, (text,), media, lead)
    counts = {"target_sizes": sizes[:1], "num_patches_per_image": [1], "grids": [[0, 0]]}
    text = processor.replace_image_token(counts, 0, image_token_divisor=processor.image_token_divisor)
    media = {"pixel_values": frames, "target_sizes": torch.from_numpy(sizes)}
    return Expansion("image", processor.image_token, (text,) * len(frames), media, lead)


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Positions: how many tokens stand before each."""
    return {"position_ids": torch.arange(len(ids))}


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    """(1, 3, patch, patches x patch), normalised: the patches of all frames side by side."""
    patch = processor.image_processor.patch_size
    count, height, width, _ = frames.shape
    blocks = frames.reshape(count, height // patch, patch, width // patch, patch, 3).permute(5, 2, 0, 1, 3, 4)
    return normalise(processor.image_processor, blocks.reshape(3, patch, -1))[None]


def quicken(model: Any) -> None:
    """Logits of the columns asked for alone, and attention over films or windows in one call for each of their lengths."""
    if isinstance(model.forward, functools.partial):
        return
    tower = model.model.vision_tower
    windows.tell(tower.encoder.layers)
    for attention in [*(layer.self_attn for layer in tower.encoder.layers), tower.vit_merger.self_attn]:
        attention.forward = functools.partial(_attend, attention, attention.forward)
    model.model.forward = functools.partial(_columns, model.model.forward)
    model.forward = functools.partial(_asked, model.forward)


def _asked(forward: Callable[..., Any], *args: Any, logits_to_keep: int | torch.Tensor = 0, **kwargs: Any) -> Any:
    """The model's own forward, which hands on what it does not know: transformers' has no `logits_to_keep` here."""
    return forward(*args, logits_to_keep=logits_to_keep, **kwargs)


def _columns(forward: Callable[..., Any], *args: Any, logits_to_keep: int | torch.Tensor = 0, **kwargs: Any) -> Any:
    """The decoder's own forward, with the states that logits are wanted of."""
    out = forward(*args, **kwargs)
    columns = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
    out.last_hidden_state = out.last_hidden_state[:, columns]
    return out


def _attend(
    attention: Any,
    slow: Callable[..., Any],
    hidden_states: torch.Tensor,
    cu_seqlens: torch.Tensor,
    *args: Any,
    stretches: windows.Stretches | None = None,
    **kwargs: Any,
) -> Any:
    """Vision attention with all sequences of a length in one call, where torch's own attention is used."""
    if attention.config._attn_implementation != "sdpa":
        return slow(hidden_states, cu_seqlens, *args, **kwargs)
    within = stretches or windows.stretches(cu_seqlens)  # what merges windows stands in no block, and is not told
    projected = (layer(hidden_states) for layer in (attention.q_proj, attention.k_proj, attention.v_proj))
    query, key, value = (x.reshape(-1, attention.num_heads, attention.head_dim) for x in projected)
    dropout = attention.attention_dropout if attention.training else 0.0
    mixed = windows.attend(query, key, value, within, dropout_p=dropout, scale=attention.scaling)
    return attention.out_proj(mixed.reshape(hidden_states.shape)), None
