"""Gemma 3 (so MedGemma 4B and 1.5): a SigLIP encoder pooled to 256 soft tokens a picture, whose tokens see one another."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Gemma3Config, Gemma3Processor, Gemma3TextConfig, SiglipVisionConfig
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from docphim.errors import Refused
from docphim.models import towers
from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.pixels import channels_first, fixed_size, square_side
from docphim.models.special import declare

MODEL_TYPES = frozenset({"gemma3"})
LORA, PARTS = towers.LORA, towers.PARTS

#: As published: the system's words stand in the first user's turn, an answer's role is `model`, its end no tokenizer's.
_TEMPLATE = (
    "{{ bos_token }}{% set first = namespace(words='') %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set first.words = message['content'][0]['text'] + '\n\n' %}{% else %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ first.words }}{% set first.words = '' %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<start_of_image>"
    "{% else %}{{ part['text'] | trim }}{% endif %}{% endfor %}<end_of_turn>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
#: The names that transformers' processor knows these tokens of the vocabulary by.
_NAMES = {"boi": "<start_of_image>", "eoi": "<end_of_image>", "image": "<image_soft_token>"}
TINY = TinyText(
    special=("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", "\n\n", *_NAMES.values()),
    end="<eos>",
    pad="<pad>",
    template=_TEMPLATE,
)


def tiny_config(
    tokenizer: Any,
    image_size: int | tuple[int, int],
    *,
    hidden: int = 128,
    layers: int = 4,
    heads: int = 4,
    vision_hidden: int = 128,
    vision_layers: int = 2,
    window: int = 1024,
) -> Any:
    """The configuration of a small Gemma 3; every layer but the last attends to the last `window` tokens alone.

    Raises
    ------
    UsageError
        The film is not square, or a width cannot be divided among the heads.
    """
    towers.check_widths(hidden, vision_hidden, heads)
    side = square_side(image_size, 28, "SigLIP")
    text = Gemma3TextConfig(
        **towers.decoder_sizes(tokenizer, hidden, layers, heads) | {"bos_token_id": tokenizer.convert_tokens_to_ids("<bos>")},
        head_dim=hidden // heads,
        query_pre_attn_scalar=hidden // heads,
        layer_types=["sliding_attention"] * (layers - 1) + ["full_attention"],
        sliding_window=window,
    )
    vision = SiglipVisionConfig(
        **towers.encoder_sizes(vision_hidden, vision_layers, heads),
        image_size=side,
        patch_size=14,
        vision_use_head=False,
    )
    places = {f"{name}_token_index": tokenizer.convert_tokens_to_ids(token) for name, token in _NAMES.items()}
    return Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=(side // 28) ** 2, **places)


def fit_size(model_config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in pixels of the encoder (896), whatever `image_size` says: its position table takes no other."""
    side = int(model_config.vision_config.image_size)
    return fixed_size((side, side), image_size)


def make_processor(tokenizer: Any, model_config: Any, source: str | None = None, **hub: Any) -> Any:
    """Transformers' processor with the PIL image processor, whatever else is installed; no film is panned and scanned.

    Raises
    ------
    Refused
        `weights_layout`: another vision encoder than SigLIP (Gemma 3n's), or a token of pictures is missing.
    """
    vision, where = model_config.vision_config, str(source or "")
    if vision.model_type != "siglip_vision_model":
        raise Refused("weights_layout", where, f"the vision encoder is {vision.model_type}; family gemma3 takes SigLIP's")
    if tokenizer.bos_token is None:
        tokenizer.bos_token = "<bos>"
    declare(tokenizer, _NAMES, where)
    height, width = fit_size(model_config, int(vision.image_size))
    sizes: dict[str, Any] = {"size": {"height": height, "width": width}, "do_pan_and_scan": False}
    images = Gemma3ImageProcessorPil.from_pretrained(source, **sizes, **hub) if source else Gemma3ImageProcessorPil(**sizes)
    return Gemma3Processor(images, tokenizer, tokenizer.chat_template, int(model_config.mm_tokens_per_image))


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    """Pictures, one after the other, also where a video is asked for: this architecture has no other way."""
    frames = torch.from_numpy(stack.frames)
    text = processor.replace_image_token({"num_crops": [0]}, 0)
    return Expansion("image", processor.boi_token, (text,) * len(frames), {"pixel_values": frames})


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Positions: how many tokens stand before each; and 1 for a picture's, which see all of their picture."""
    return {"position_ids": torch.arange(len(ids)), "token_type_ids": (ids == config.image_token_index).long()}


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    """(T, 3, h, w), normalised."""
    return channels_first(processor.image_processor, frames)


def quicken(model: Any) -> None:
    """Nothing to replace."""
