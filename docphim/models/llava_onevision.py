"""LLaVA-OneVision in transformers' layout: a SigLIP encoder, films whole, slice stacks as videos pooled to a quarter."""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import ceil
from typing import Any

import torch
from transformers import LlavaOnevisionConfig, LlavaOnevisionProcessor, Qwen2Config, SiglipVisionConfig
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from docphim.errors import Refused
from docphim.models import towers
from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.pixels import channels_first, fixed_size, square_side
from docphim.models.special import declare, lend

MODEL_TYPES = frozenset({"llava_onevision"})
LORA = towers.LORA
PARTS = {**towers.PARTS, "projector": (*towers.PARTS["projector"], "model.image_newline")}

#: ChatML as published: a space after the role, pictures, then videos, then the words, each on a line of its own.
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }} "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'video' %}<video>{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ '\n' + part['text'] }}{% endfor %}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_NAMES = {"image": "<image>", "video": "<video>"}
TINY = TinyText(
    special=("<|endoftext|>", "<|im_start|>", "<|im_end|>", *_NAMES.values()),
    end="<|im_end|>",
    pad="<|endoftext|>",
    template=_TEMPLATE,
)


#: What a server must know: transformers' own processor and the published template do otherwise.
SERVED = (
    "A picture that stands alone in its conversation goes whole, as one of several does (batch_num_images 2): the official "
    "processor cuts it into tiles and has no switch.",
    "An earlier answer opens as the prompt does, assistant and a line break: the published template writes a space before it.",
)


class _StillImages(LlavaOnevisionProcessor):
    """Transformers' own, but for the video processor, which needs torchvision: a stack's frames are here already."""

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        chat_template: str | None = None,
        num_image_tokens: int | None = None,
        vision_feature_select_strategy: str | None = None,
    ) -> None:
        self.num_image_tokens = num_image_tokens
        self.vision_feature_select_strategy = vision_feature_select_strategy
        self.vision_aspect_ratio = "anyres_max_9"
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
    patch: int = 14,
) -> Any:
    """The configuration of a small LLaVA-OneVision; `patch` is the encoder's patch in pixels.

    Raises
    ------
    UsageError
        The film is not square, or a width cannot be divided among the heads.
    """
    towers.check_widths(hidden, vision_hidden, heads)
    side = square_side(image_size, patch, "SigLIP")
    text = Qwen2Config(
        **towers.decoder_sizes(tokenizer, hidden, layers, heads),
        tie_word_embeddings=True,
    )
    vision = SiglipVisionConfig(
        **towers.encoder_sizes(vision_hidden, vision_layers, heads),
        image_size=side,
        patch_size=patch,
        vision_use_head=False,
    )
    return LlavaOnevisionConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids(_NAMES["image"]),
        video_token_index=tokenizer.convert_tokens_to_ids(_NAMES["video"]),
        image_grid_pinpoints=[[side, side]],
        tie_word_embeddings=True,
    )


def fit_size(model_config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in pixels of the encoder (384), whatever `image_size` says: films are never cut into tiles."""
    side = int(model_config.vision_config.image_size)
    return fixed_size((side, side), image_size)


def make_processor(tokenizer: Any, model_config: Any, source: str | None = None, **hub: Any) -> Any:
    """Transformers' processor with the PIL image processor, whatever else is installed.

    Raises
    ------
    Refused
        `weights_layout`: another vision encoder than SigLIP, or a token of pictures is missing.
    """
    vision, where = model_config.vision_config, str(source or "")
    if vision.model_type != "siglip_vision_model":
        raise Refused("weights_layout", where, f"the encoder is {vision.model_type}; family llava_onevision takes SigLIP's")
    declare(tokenizer, _NAMES, where)
    side, patch = int(vision.image_size), int(vision.patch_size)
    sizes: dict[str, Any] = {"size": {"height": side, "width": side}, "image_grid_pinpoints": model_config.image_grid_pinpoints}
    kind = LlavaOnevisionImageProcessorPil
    # Without a checkpoint: a half and a half, SigLIP's own, as the published ones say.
    plain: dict[str, Any] = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    images = kind.from_pretrained(source, **sizes, **hub) if source else kind(**sizes, **plain)
    strategy = model_config.vision_feature_select_strategy
    return _StillImages(images, tokenizer, tokenizer.chat_template, (side // patch) ** 2, strategy)


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    """T pictures as the processor writes several ones (729 tokens and a newline), or a video (196 a frame, one newline).

    The processor cuts a picture that stands alone in its conversation into tiles beside the whole; here it is whole like the
    others: the model looks whether a sample has one picture, so each counts as one of two.
    """
    frames = torch.from_numpy(stack.frames)
    if video:
        text = processor.replace_video_token({"pixel_values_videos": [frames]}, 0)
        media = {"pixel_values_videos": frames, "video_frames": torch.tensor([len(frames)])}
        return Expansion("video", processor.video_token, (text,), media)
    text = processor.replace_image_token({"batch_num_images": [2]}, 0)
    sizes = torch.tensor([stack.frames.shape[1:3]] * len(frames))
    media = {"pixel_values": frames, "image_sizes": sizes, "batch_num_images": torch.full((len(frames),), 2)}
    return Expansion("image", processor.image_token, (text,) * len(frames), media)


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Positions: how many tokens stand before each."""
    return {"position_ids": torch.arange(len(ids))}


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    """(T, 3, h, w), normalised; of pictures (T, 1, 3, h, w): one tile each, the whole."""
    planes = channels_first(processor.image_processor, frames)
    return planes if name == "pixel_values_videos" else planes[:, None]


def quicken(model: Any) -> None:
    """Let videos of unequal length stand in one batch: their frames in a row, `video_frames` how many are each one's."""
    core = model.model
    if not hasattr(core.forward, "videos"):
        counts: list[int] = []
        features: Any = functools.partial(_video_features, core, core.get_video_features, counts)
        forward: Any = functools.partial(_counting, core.forward, counts)
        forward.videos = True
        core.get_video_features, core.forward = features, forward


def _counting(forward: Callable[..., Any], counts: list[int], *args: Any, video_frames: Any = None, **kwargs: Any) -> Any:
    """The model's own forward, with the frames of each video noted for `_video_features`."""
    counts[:] = [] if video_frames is None else video_frames.tolist()
    return forward(*args, **kwargs)


def _video_features(
    core: Any, features: Callable[..., Any], counts: list[int], frames: torch.Tensor, *args: Any, **kwargs: Any
) -> Any:
    """Features of each video by the model's own function, one after the other, each with its newline: (1, tokens, width).

    In transformers 5.17 the forward itself adds a newline, one for all that it is given: the last is left to it.
    """
    if frames.dim() == 5:  # as transformers' own callers give them
        return features(frames, *args, **kwargs)
    each = [features(video[None], *args, **kwargs).pooler_output for video in frames.split(counts)]
    vision = core.config.vision_config
    pooled = ceil(int(vision.image_size) // int(vision.patch_size) / 2) ** 2
    if each[0].shape[1] == counts[0] * pooled:
        newline = core.image_newline[None, None].to(each[0])
        each = [part for video in each for part in (video, newline)][:-1]
    return BaseModelOutputWithPooling(pooler_output=torch.cat(each, 1))
