"""LLaVA in transformers' layout: a CLIP encoder, a projector, a decoder (the shape of LaVy and LLaVA-Med)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaProcessor, Qwen2Config
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from docphim.errors import Refused, UsageError
from docphim.models import towers
from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.pixels import channels_first, fixed_size, square_side

MODEL_TYPES = frozenset({"llava"})
LORA, PARTS = towers.LORA, towers.PARTS

#: LLaVA-1.5's conversation (Vicuna's), with the end token that its published template leaves out.
_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}USER: {% elif message['role'] == 'assistant' %}ASSISTANT: {% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}</s>{% else %} {% endif %}"
    "{% endfor %}{% if add_generation_prompt %}ASSISTANT: {% endif %}"
)
TINY = TinyText(special=("<pad>", "<s>", "</s>", "<image>"), end="</s>", pad="<pad>", template=_TEMPLATE)

_DECODERS: dict[str, type] = {"llama": LlamaConfig, "qwen2": Qwen2Config}


def tiny_config(
    tokenizer: Any,
    image_size: int | tuple[int, int],
    *,
    decoder: str = "llama",
    hidden: int = 128,
    layers: int = 4,
    heads: int = 4,
    vision_hidden: int = 128,
    vision_layers: int = 2,
    patch: int = 28,
) -> Any:
    """The configuration of a small LLaVA; `decoder` is `llama` or `qwen2`, `patch` the encoder's patch in pixels.

    Raises
    ------
    UsageError
        The decoder is unknown, the film is not square, or a width cannot be divided among the heads.
    """
    if decoder not in _DECODERS:
        raise UsageError(f"model.tiny.decoder: {decoder!r} is not one of {', '.join(_DECODERS)}")
    towers.check_widths(hidden, vision_hidden, heads)
    side = square_side(image_size, patch, "CLIP")
    text = _DECODERS[decoder](
        **towers.decoder_sizes(tokenizer, hidden, layers, heads),
        tie_word_embeddings=True,
    )
    vision = CLIPVisionConfig(
        **towers.encoder_sizes(vision_hidden, vision_layers, heads),
        image_size=side,
        patch_size=patch,
    )
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(side // patch) ** 2,
        vision_feature_layer=-1,  # published ones take -2 of 24 layers; here every layer counts
        tie_word_embeddings=True,
    )


def fit_size(model_config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in pixels of the encoder: its position table takes no other, whatever `image_size` says."""
    side = int(model_config.vision_config.image_size)
    return fixed_size((side, side), image_size)


def make_processor(tokenizer: Any, model_config: Any, source: str | None = None, **hub: Any) -> Any:
    """Transformers' processor with CLIP's PIL image processor, whatever else is installed.

    Raises
    ------
    Refused
        `weights_layout`: another vision encoder (Pixtral and SigLIP ship under LLaVA's model type too).
    """
    if (encoder := model_config.vision_config.model_type) != "clip_vision_model":
        raise Refused("weights_layout", str(source or ""), f"the vision encoder is {encoder}; family llava takes CLIP's")
    side = int(model_config.vision_config.image_size)
    # Films come letterboxed to the encoder's size, so resize and crop are the identity.
    sizes: dict[str, Any] = {"size": {"height": side, "width": side}, "crop_size": {"height": side, "width": side}}
    images = CLIPImageProcessorPil.from_pretrained(source, **sizes, **hub) if source else CLIPImageProcessorPil(**sizes)
    return LlavaProcessor(
        images,
        tokenizer,
        patch_size=int(model_config.vision_config.patch_size),
        vision_feature_select_strategy=model_config.vision_feature_select_strategy,
        num_additional_image_tokens=1,  # CLIP's class token, which the "default" strategy takes off again
        chat_template=tokenizer.chat_template,
    )


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    """Pictures, one after the other, also where a video is asked for: this architecture has no other way."""
    text = processor.replace_image_token({"pixel_values": np.moveaxis(stack.frames, -1, 1)}, 0)
    pictures = {"pixel_values": torch.from_numpy(stack.frames)}
    return Expansion("image", processor.image_token, (text,) * len(stack.frames), pictures)


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Positions: how many tokens stand before each."""
    return {"position_ids": torch.arange(len(ids))}


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    """(T, 3, h, w), normalised."""
    return channels_first(processor.image_processor, frames)


def quicken(model: Any) -> None:
    """Nothing to replace."""
