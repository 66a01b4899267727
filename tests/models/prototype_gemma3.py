"""A family for tests alone: Gemma 3 (so MedGemma), whose mark in the text is not the token that is repeated."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Gemma3Config, Gemma3Processor, Gemma3TextConfig, SiglipVisionConfig
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.pixels import channels_first

MODEL_TYPES = frozenset({"gemma3"})
LORA = r"model\.language_model\.layers\.\d+\.self_attn\.[qkvo]_proj"
PARTS = {
    "vision": ("model.vision_tower.",),
    "projector": ("model.multi_modal_projector.",),
    "language": ("model.language_model.", "lm_head."),
}
#: As published: the system's words stand in the first user's turn, an answer's role is `model`, its end no tokenizer's.
_TEMPLATE = (
    "{{ bos_token }}{% set first = namespace(words='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set first.words = m.content[0].text + '\n\n' %}{% else %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ first.words }}{% set first.words = '' %}"
    "{% for p in m.content %}{% if p.type == 'image' %}<start_of_image>{% else %}{{ p.text | trim }}{% endif %}{% endfor %}"
    "<end_of_turn>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
_NAMES = {"boi": "<start_of_image>", "eoi": "<end_of_image>", "image": "<image_soft_token>"}
_SPECIAL = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", "\n\n", *_NAMES.values())
TINY = TinyText(_SPECIAL, "<eos>", "<pad>", _TEMPLATE)


def tiny_config(tokenizer: Any, image_size: int, *, hidden: int = 32, layers: int = 2) -> Gemma3Config:
    text = Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=hidden // 2,
        layer_types=["sliding_attention", "full_attention"][:layers],
        sliding_window=32,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.convert_tokens_to_ids("<bos>"),
    )
    vision = SiglipVisionConfig(
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=image_size,
        patch_size=14,
    )
    places = {f"{name}_token_index": tokenizer.convert_tokens_to_ids(token) for name, token in _NAMES.items()}
    return Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=(image_size // 28) ** 2, **places)


def fit_size(config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    side = int(config.vision_config.image_size)
    return side, side


def make_processor(tokenizer: Any, config: Any, source: str | None = None, **hub: Any) -> Gemma3Processor:
    tokenizer.bos_token = "<bos>"
    for name, token in _NAMES.items():
        setattr(tokenizer, f"{name}_token", token)
        setattr(tokenizer, f"{name}_token_id", tokenizer.convert_tokens_to_ids(token))
    height, width = fit_size(config, 0)
    images = Gemma3ImageProcessorPil(size={"height": height, "width": width})
    return Gemma3Processor(images, tokenizer, tokenizer.chat_template, config.mm_tokens_per_image)


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    frames = torch.from_numpy(stack.frames)
    text = processor.replace_image_token({"num_crops": [0]}, 0)
    return Expansion("image", processor.boi_token, (text,) * len(frames), {"pixel_values": frames})


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"position_ids": torch.arange(len(ids)), "token_type_ids": (ids == config.image_token_index).long()}


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    return channels_first(processor.image_processor, frames)


def quicken(model: Any) -> None:
    pass
