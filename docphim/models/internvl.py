"""InternVL in transformers' layout (`-hf`: InternVL2.5, 3 and 3.5): films whole, without tiles, and slice stacks as videos."""

from __future__ import annotations

import re
from typing import Any

import torch
from transformers import (
    InternVLConfig,
    InternVLProcessor,
    InternVLVisionConfig,
    LlamaConfig,
    Qwen2Config,
    Qwen3Config,
)
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from docphim.errors import Refused, UsageError
from docphim.models import towers
from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.pixels import channels_first, fixed_size, square_side
from docphim.models.special import declare, lend

MODEL_TYPES = frozenset({"internvl"})
LORA, PARTS = towers.LORA, towers.PARTS

#: ChatML with a line break after each picture, as the published checkpoints speak it.
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<IMG_CONTEXT>\n{% elif part['type'] == 'video' %}<video>\n"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
#: The names that transformers' processor knows these tokens of the vocabulary by.
_NAMES = {"start_image": "<img>", "end_image": "</img>", "context_image": "<IMG_CONTEXT>", "video": "<video>"}
TINY = TinyText(
    special=("<|endoftext|>", "<|im_start|>", "<|im_end|>", *_NAMES.values()),
    end="<|im_end|>",
    pad="<|endoftext|>",
    template=_TEMPLATE,
)

_DECODERS: dict[str, type] = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig}


class _StillImages(InternVLProcessor):
    """Transformers' own, but for the video processor, which needs torchvision: a stack's frames are here already."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, image_seq_length: int = 256
    ) -> None:
        self.image_seq_length = image_seq_length
        lend(self, tokenizer, ("start_image", "end_image"))
        self.image_token, self.image_token_id = tokenizer.context_image_token, tokenizer.context_image_token_id
        self.video_token = tokenizer.video_token
        image, video = re.escape(self.image_token), re.escape(self.video_token)
        self.multimodal_pattern = re.compile(f"(?P<image>{image})|(?P<video>{video})")
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def tiny_config(
    tokenizer: Any,
    image_size: int | tuple[int, int],
    *,
    decoder: str = "qwen2",
    hidden: int = 128,
    layers: int = 4,
    heads: int = 4,
    vision_hidden: int = 128,
    vision_layers: int = 2,
) -> Any:
    """The configuration of a small InternVL; `decoder` is `qwen2` (InternVL2.5-1B, 3), `qwen3` (3.5) or `llama` (2.5-2B).

    Raises
    ------
    UsageError
        The decoder is unknown, the film is not square, or a width cannot be divided among the heads.
    """
    if decoder not in _DECODERS:
        raise UsageError(f"model.tiny.decoder: {decoder!r} is not one of {', '.join(_DECODERS)}")
    towers.check_widths(hidden, vision_hidden, heads)
    side = square_side(image_size, 28, "InternVL")
    text = _DECODERS[decoder](
        **towers.decoder_sizes(tokenizer, hidden, layers, heads),
        head_dim=hidden // heads,
        tie_word_embeddings=True,
    )
    vision = InternVLVisionConfig(
        **towers.encoder_sizes(vision_hidden, vision_layers, heads),
        attention_bias=True,
        image_size=side,
        patch_size=14,
    )
    return InternVLConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids(_NAMES["context_image"]),
        image_seq_length=(side // 28) ** 2,
        tie_word_embeddings=True,
    )


def fit_size(model_config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in pixels of the encoder (448), whatever `image_size` says: its processor resizes to no other."""
    height, width = (int(side) for side in model_config.vision_config.image_size)
    return fixed_size((height, width), image_size)


def make_processor(tokenizer: Any, model_config: Any, source: str | None = None, **hub: Any) -> Any:
    """Transformers' processor with the PIL image processor, whatever else is installed; a film is never cut into tiles.

    Raises
    ------
    Refused
        `weights_layout`: the encoder is not square, its tokens are not what the configuration says, or a token is missing.
    """
    vision, where = model_config.vision_config, str(source or "")
    height, width = (int(side) for side in vision.image_size)
    patch = int(vision.patch_size[0] if isinstance(vision.patch_size, (list, tuple)) else vision.patch_size)
    tokens = int((height // patch) * (width // patch) * float(model_config.downsample_ratio) ** 2)
    if height != width or tokens != int(model_config.image_seq_length):
        why = f"{height}x{width} pixels in patches of {patch} are not {model_config.image_seq_length} tokens of a square film"
        raise Refused("weights_layout", where, why)
    declare(tokenizer, _NAMES, where, optional=("video",))
    sizes: dict[str, Any] = {"size": {"height": height, "width": width}, "crop_to_patches": False}
    kind = GotOcr2ImageProcessorPil
    # Without a checkpoint: ImageNet's mean and deviation, as all published InternVL are trained with.
    plain: dict[str, Any] = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    images = kind.from_pretrained(source, **sizes, **hub) if source else kind(**sizes, **plain)
    return _StillImages(images, tokenizer, tokenizer.chat_template, int(model_config.image_seq_length))


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    """T pictures, or a video: each frame's tokens behind its number (`Frame1: `), a line each, none of them pooled."""
    frames = torch.from_numpy(stack.frames)
    if video:
        text = processor.replace_video_token({"pixel_values_videos": [frames]}, 0)
        return Expansion("video", processor.video_token, (text,), {"pixel_values": frames})
    text = processor.replace_image_token({"num_patches": [1]}, 0)
    return Expansion("image", processor.image_token, (text,) * len(frames), {"pixel_values": frames})


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Positions: how many tokens stand before each."""
    return {"position_ids": torch.arange(len(ids))}


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    """(T, 3, h, w), normalised."""
    return channels_first(processor.image_processor, frames)


def quicken(model: Any) -> None:
    """Nothing to replace: all of a batch's films go through the encoder's attention in one call."""
