"""A 3-D image encoder, a projector and any causal decoder; the encoder may be aligned with reports first (`train.loss: clip`).

Parts: `vision` (the encoder), `text` (the report encoder, and what takes both into one space), `projector`, `language`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from transformers import BertConfig, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

from docphim.errors import Refused, UsageError
from docphim.models import towers
from docphim.models.loaded import Expansion, Stack, TinyText
from docphim.models.pixels import fixed_size
from docphim.models.report_tokenizer import Processor, read_report_tokenizer
from docphim.models.stack_encoder import MOST_SLICES, STORED, StackEncoderConfig, check, tokens_of
from docphim.models.stored_features import read, shape_in
from docphim.models.two_towers import AlignedConfig, register

register()

MODEL_TYPES = frozenset({AlignedConfig.model_type})
#: Linear layers of LLaMA's shape, which Qwen and Mistral share; `model.lora.modules` names those of another decoder.
LORA = r"decoder\.model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
PARTS: dict[str, tuple[str, ...]] = {
    "vision": ("vision.",),
    "text": ("report.", "logit_scale", "vision.head."),
    "projector": ("projector.",),
    "language": ("decoder.",),
}
#: Transformers alone does not load it.
SERVABLE = False
#: What stands for a stack in a conversation; a decoder that was published for text has no such token, and needs none.
IMAGE = "<image>"
#: The conversation of a decoder whose tokenizer has no chat template (as LLaVA-1.5's, each answer with its end token).
_PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}ASSISTANT: {{ message['content'] }}{{ eos_token }}"
    "{% else %}{% if message['role'] == 'user' %}USER: {% endif %}{{ message['content'] }} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT: {% endif %}"
)
#: Before a template of texts: a message's parts become one text, its stacks marks in it.
_AS_TEXT = (
    "{% set plain = namespace(turns=[]) %}{% for message in messages %}{% set text = namespace(all='') %}"
    "{% if message['content'] is string %}{% set text.all = message['content'] %}{% else %}"
    "{% for part in message['content'] %}{% set text.all = text.all + "
    f"('{IMAGE}\\n' if part['type'] == 'image' else part['text']) %}}{{% endfor %}}{{% endif %}}"
    "{% set plain.turns = plain.turns + [{'role': message['role'], 'content': text.all}] %}{% endfor %}"
    "{% set messages = plain.turns %}"
)
TINY = TinyText(special=("<pad>", "</s>", IMAGE), end="</s>", pad="<pad>", template=_AS_TEXT + _PLAIN)

_DECODERS: dict[str, type] = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig, "mistral": MistralConfig}
#: Sizes of an encoder in a recipe, and what `StackEncoderConfig` calls them.
_SIZES = {"hidden": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads"}


def with_images(template: str | None) -> str:
    """A chat template that takes stacks: a decoder's own, which speaks of texts, or a plain one where there is none."""
    return _AS_TEXT + (template or _PLAIN)


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
    report_hidden: int = 128,
    report_layers: int = 2,
    report_longest: int = 256,
    encoder: dict[str, Any] | None = None,
    features: str | None = None,
    answers: bool = True,
    reports: bool = False,
) -> Any:
    """The configuration of a small model; `decoder` is `qwen2`, `qwen3`, `llama` or `mistral`, `encoder` as in a recipe.

    Parameters
    ----------
    features : str, optional
        The folder of features that stand in the place of an encoder.
    answers, reports : bool
        Whether it has a decoder, and a report encoder.

    Raises
    ------
    UsageError
        The decoder is unknown, or a size does not fit.
    """
    if decoder not in _DECODERS:
        raise UsageError(f"model.tiny.decoder: {decoder!r} is not one of {', '.join(_DECODERS)}")
    towers.check_widths(hidden, report_hidden, heads)
    small = {"hidden": vision_hidden, "layers": vision_layers, "heads": heads, "patch": 14, "depth": 2, "tokens": (8, 2, 2)}
    given = {name: value for name, value in (encoder or {}).items() if value is not None}
    if features:
        n, width = shape_in(features)
        tokens = (given.get("tokens", small["tokens"])[0], 1, 1)
        given = {**given, "kind": STORED, "hidden": width, "depth": n, "tokens": tokens}
    vision = vision_config(image_size, {**small, "shared": 64, **given})
    language = report = None
    if answers:
        sizes = towers.decoder_sizes(tokenizer, hidden, layers, heads)
        language = _DECODERS[decoder](**sizes, head_dim=hidden // heads, tie_word_embeddings=True)
    if reports:
        report = BertConfig(
            **towers.encoder_sizes(report_hidden, report_layers, heads),
            vocab_size=len(tokenizer),
            max_position_embeddings=report_longest,
            pad_token_id=tokenizer.pad_token_id,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    image = tokenizer.convert_tokens_to_ids(IMAGE)
    return AlignedConfig(vision, language, report, image, report_longest, features=features)


def vision_config(image_size: int | tuple[int, int], section: dict[str, Any]) -> StackEncoderConfig:
    """The encoder of a recipe's `model.encoder`.

    Raises
    ------
    UsageError
        A size of it is unknown or does not fit.
    """
    known = {"kind", "patch", "depth", "tokens", "shared", *_SIZES}
    for name in section:
        if name not in known:
            raise UsageError(f"model.encoder.{name}: unknown; known: {', '.join(sorted(known))}")
    side = (image_size, image_size) if isinstance(image_size, int) else image_size
    config = StackEncoderConfig(image_size=side, **{_SIZES.get(name, name): value for name, value in section.items()})
    check(config)
    return config


def fit_size(model_config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in pixels that the encoder was made for, whatever `image_size` says: its positions are of these."""
    height, width = (int(side) for side in model_config.vision_config.image_size)
    return fixed_size((height, width), image_size)


def make_processor(tokenizer: Any, model_config: Any, source: str | None = None, **hub: Any) -> Any:
    """What encodes stacks and reports; the report encoder's tokenizer lies beside a saved model."""
    reports = None
    if model_config.report_config is not None:
        reports = read_report_tokenizer(source) if source else tokenizer
    return Processor(tokenizer, model_config, reports)


def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
    """A stack as one entry, under either tag: its slices, and the tokens that they are pooled to.

    Raises
    ------
    Refused
        `too_long`: more slices than the encoder has positions for; and what `stored_features.read` says of a study's file.
    """
    if processor.config.features:
        return _stored(processor.config, stack)
    slices = len(stack.frames)
    if slices > MOST_SLICES:
        why = f"{slices} slices, and family aligned takes {MOST_SLICES} at most; show.count or show.step_mm chooses fewer"
        raise Refused("too_long", "", why)
    media = {"pixel_values": torch.from_numpy(stack.frames), "stack_frames": torch.tensor([slices])}
    return Expansion("image", IMAGE, (IMAGE * tokens_of(processor.config.vision_config, slices),), media)


def _stored(config: AlignedConfig, stack: Stack) -> Expansion:
    """The stored features of the study that a stack shows; noughts where it shows none (a blank one)."""
    vision, study = config.vision_config, getattr(stack, "study", None)
    shape = (int(vision.depth), int(vision.hidden_size))
    if getattr(stack, "part", False):
        raise Refused("features_unfit", str(study or ""), "stored features are of a whole study, and a region of it is shown")
    features = torch.zeros(shape) if study is None else read(str(config.features), study, shape)
    media = {"stack_features": features, "stack_frames": torch.tensor([len(features)])}
    return Expansion("image", IMAGE, (IMAGE * tokens_of(vision, len(features)),), media)


def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Positions: how many tokens stand before each."""
    return {"position_ids": torch.arange(len(ids))}


def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
    """(T, 3, h, w), black -1 and white 1."""
    return frames.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def quicken(model: Any) -> None:
    """Nothing to replace."""


def entries(name: str, frames: torch.Tensor, inputs: dict[str, Any]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Slices of every stack of a batch, and how many they are, (1,)."""
    counts = inputs["stack_frames"]
    yield from zip(frames.split(counts.tolist()), counts[:, None], strict=True)


def encoded(model: Any, floats: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """What the encoder makes of one stack for the projector: (tokens, width)."""
    seen: torch.Tensor = model.seen(floats, count)
    return seen


def give_features(model: Any) -> None:
    """Nothing to change: the model takes what its projector is given in place of slices."""
