"""A family for tests alone: InternVL in transformers' layout, whose processor writes marks around a picture."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import torch
from transformers import InternVLConfig, InternVLProcessor, InternVLVisionConfig, Qwen2Config
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.pixels import channels_first

MODEL_TYPES = frozenset({"internvl"})
LORA = r"model\.language_model\.layers\.\d+\.self_attn\.[qkvo]_proj"
PARTS = {
    "vision": ("model.vision_tower.",),
    "projector": ("model.multi_modal_projector.",),
    "language": ("model.language_model.", "lm_head."),
}
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for p in m.content %}"
    "{% if p.type == 'image' %}<IMG_CONTEXT>\n{% elif p.type == 'video' %}<video>\n{% else %}{{ p.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_NAMES = {"start_image": "<img>", "end_image": "</img>", "context_image": "<IMG_CONTEXT>", "video": "<video>"}
TINY = TinyText(("<|endoftext|>", "<|im_start|>", "<|im_end|>", *_NAMES.values()), "<|im_end|>", "<|endoftext|>", _TEMPLATE)


class _Processor(InternVLProcessor):
    """Transformers' own, but for the video processor, which needs torchvision."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, image_seq_length: int = 4
    ) -> None:
        self.image_seq_length = image_seq_length
        for name in ("start_image", "end_image"):
            setattr(self, f"{name}_token", getattr(tokenizer, f"{name}_token"))
            setattr(self, f"{name}_token_id", getattr(tokenizer, f"{name}_token_id"))
        self.image_token, self.image_token_id = tokenizer.context_image_token, tokenizer.context_image_token_id
        self.video_token = tokenizer.video_token
        self.multimodal_pattern = re.compile(f"(?P<image>{self.image_token})|(?P<video>{self.video_token})")
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def tiny_config(tokenizer: Any, image_size: int, *, hidden: int = 32, layers: int = 1) -> InternVLConfig:
    text = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    vision = InternVLVisionConfig(
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=image_size,
        patch_size=14,
    )
    return InternVLConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=(image_size // 28) ** 2,
    )


def fit_size(config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    height, width = config.vision_config.image_size
    return int(height), int(width)


def make_processor(tokenizer: Any, config: Any, source: str | None = None, **hub: Any) -> _Processor:
    for name, token in _NAMES.items():
        setattr(tokenizer, f"{name}_token", token)
        setattr(tokenizer, f"{name}_token_id", tokenizer.convert_tokens_to_ids(token))
    height, width = fit_size(config, 0)
    images = GotOcr2ImageProcessorPil(size={"height": height, "width": width}, crop_to_patches=False)
    return _Processor(images, tokenizer, tokenizer.chat_template, config.image_seq_length)


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    frames = torch.from_numpy(stack.frames)
    if video:
        text = processor.replace_video_token({"pixel_values_videos": [SimpleNamespace(shape=frames.shape)]}, 0)
        return Expansion("video", processor.video_token, (text,), {"pixel_values": frames})
    texts = tuple(processor.replace_image_token({"num_patches": [1] * len(frames)}, n) for n in range(len(frames)))
    return Expansion("image", processor.image_token, texts, {"pixel_values": frames})


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"position_ids": torch.arange(len(ids))}


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    return channels_first(processor.image_processor, frames)


def quicken(model: Any) -> None:
    pass
