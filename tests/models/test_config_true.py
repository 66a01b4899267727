"""Families at their published shapes (ids of signs, sizes, patches), widths shrunk, against the official processors."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import TEXTS, batch_of, dialogue
from tokenizers import AddedToken, Tokenizer, decoders, models
from transformers import (
    AutoModelForImageTextToText,
    Gemma3Config,
    InternVLConfig,
    LlavaOnevisionConfig,
    PreTrainedTokenizerFast,
)

from docphim.models import family
from docphim.models.encode import encode
from docphim.models.loaded import Loaded
from docphim.models.tiny import train_tokenizer

_TRANSFORMERS = "https://github.com/huggingface/transformers/blob/main/src/transformers/models"
_QWEN = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
_SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
_TEXT = {**_SMALL, "num_key_value_heads": 2, "head_dim": 8}


@dataclass(frozen=True)
class Published:
    """What is public of a checkpoint: where, ids of its signs, configuration but for widths, and tokens of a picture."""

    source: str
    name: str
    ids: dict[str, int]
    config: type
    values: dict[str, Any]
    tokens: int
    official: dict[str, Any] = field(default_factory=dict)


CHECKPOINTS = {
    "InternVL3-1B-hf": Published(
        f"{_TRANSFORMERS}/internvl/convert_internvl_weights_to_hf.py",
        "internvl",
        {**_QWEN, "<img>": 151665, "</img>": 151666, "<IMG_CONTEXT>": 151667, "<video>": 151674},
        InternVLConfig,
        {
            "text_config": {"model_type": "qwen2", "vocab_size": 151674, **_TEXT, "rms_norm_eps": 1e-6, "rope_theta": 1e6},
            "vision_config": {**_SMALL, "image_size": [448, 448], "patch_size": [14, 14], "attention_bias": True},
            "image_token_id": 151667,
            "image_seq_length": 256,
            "downsample_ratio": 0.5,
        },
        256,
        {"crop_to_patches": False},
    ),
    "InternVL3_5-1B-HF": Published(
        f"{_TRANSFORMERS}/internvl/convert_internvl_weights_to_hf.py",
        "internvl",
        {**_QWEN, "<img>": 151669, "</img>": 151670, "<IMG_CONTEXT>": 151671, "<video>": 151678},
        InternVLConfig,
        {
            "text_config": {"model_type": "qwen3", "vocab_size": 151936, **_TEXT, "rms_norm_eps": 1e-6, "rope_theta": 1e6},
            "vision_config": {**_SMALL, "image_size": [448, 448], "patch_size": [14, 14], "attention_bias": True},
            "image_token_id": 151671,
            "image_seq_length": 256,
        },
        256,
        {"crop_to_patches": False},
    ),
    "gemma-3-4b-it, medgemma-4b-it": Published(
        f"{_TRANSFORMERS}/gemma3/convert_gemma3_weights.py",
        "gemma3",
        {
            "<pad>": 0,
            "<eos>": 1,
            "<bos>": 2,
            "<start_of_turn>": 105,
            "<end_of_turn>": 106,
            "\n\n": 108,
            "<start_of_image>": 255999,
            "<end_of_image>": 256000,
            "<image_soft_token>": 262144,
        },
        Gemma3Config,
        {
            "text_config": {
                "vocab_size": 262208,
                **_TEXT,
                "query_pre_attn_scalar": 8,
                "sliding_window": 1024,
                "layer_types": ["sliding_attention", "full_attention"],
            },
            "vision_config": {
                "model_type": "siglip_vision_model",
                **_SMALL,
                "image_size": 896,
                "patch_size": 14,
                "vision_use_head": False,
            },
            "boi_token_index": 255999,
            "eoi_token_index": 256000,
            "image_token_index": 262144,
            "mm_tokens_per_image": 256,
        },
        256,
    ),
    "llava-onevision-qwen2-7b-ov-hf": Published(
        f"{_TRANSFORMERS}/llava_onevision/convert_llava_onevision_weights_to_hf.py",
        "llava_onevision",
        {**_QWEN, "<image>": 151646, "<video>": 151647},
        LlavaOnevisionConfig,
        {
            "text_config": {"model_type": "qwen2", "vocab_size": 152000, **_TEXT, "rms_norm_eps": 1e-6, "rope_theta": 1e6},
            "vision_config": {
                "model_type": "siglip_vision_model",
                **_SMALL,
                "image_size": 384,
                "patch_size": 14,
                "vision_use_head": False,
            },
            "image_token_index": 151646,
            "video_token_index": 151647,
        },
        730,
    ),
}


def placed_tokenizer(published: Published) -> PreTrainedTokenizerFast:
    """A tokenizer of the tests' texts whose signs have their published ids."""
    spec = family(published.name).TINY
    merged = train_tokenizer(TEXTS, 400, spec)
    taken, free = set(published.ids.values()), iter(range(10**6))
    words = sorted(set(merged.get_vocab()) - set(published.ids), key=merged.get_vocab().__getitem__)
    vocabulary = {word: next(n for n in free if n not in taken) for word in words} | published.ids
    merges = json.loads(merged.backend_tokenizer.to_str())["model"]["merges"]
    core = Tokenizer(models.BPE(vocabulary, [tuple(pair) for pair in merges]))
    core.normalizer, core.pre_tokenizer = merged.backend_tokenizer.normalizer, merged.backend_tokenizer.pre_tokenizer
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(sign, special=True, normalized=False) for sign in published.ids])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token=spec.end, pad_token=spec.pad)
    tokenizer.chat_template = spec.template
    return tokenizer


@pytest.fixture(scope="module", params=CHECKPOINTS)
def checkpoint(request):
    published = CHECKPOINTS[request.param]
    tokenizer = placed_tokenizer(published)
    assert all(tokenizer.convert_tokens_to_ids(sign) == place for sign, place in published.ids.items())
    config = published.config(**published.values)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32).eval()
        for parameter in model.model.multi_modal_projector.parameters():  # Gemma's begins at nought
            parameter.data.normal_(std=0.05)
    module = family(published.name)
    module.quicken(model)
    processor = module.make_processor(tokenizer, config)
    size = module.fit_size(config, 1024)
    return published, Loaded(model, processor, tokenizer, published.name, size, "config-true", config)


def test_ids_pixels_and_logits_are_those_of_the_official_processor(checkpoint):
    published, loaded = checkpoint
    images = [np.random.default_rng(n).integers(0, 256, (*loaded.size, 3)).astype(np.uint8) for n in range(2)]
    ours = batch_of(loaded, [encode(loaded, dialogue(), images)])
    theirs = official(published, loaded, images)
    for name in ("input_ids", "pixel_values", "token_type_ids", "image_sizes"):
        assert (name in ours) == (name in theirs) and (name not in ours or torch.equal(ours[name], theirs[name])), name
    assert int((ours["input_ids"] == _sign(loaded)).sum()) == 2 * published.tokens
    with torch.no_grad():
        given = loaded.model(**{k: v for k, v in ours.items() if k != "labels"}).logits
        alone = loaded.model(**{k: v for k, v in theirs.items() if k != "num_crops"}).logits
    assert torch.allclose(given, alone, atol=1e-6)


def official(published, loaded, images):
    """The official processor's tensors of `dialogue()`, its resize and its checks included."""
    chat = []
    for message in dialogue():
        picture = [{"type": "image"}] if "<image>" in message.content else []
        text = {"type": "text", "text": message.content.replace("<image>\n", "")}
        chat.append({"role": message.role, "content": [*picture, text]})
    text = loaded.processor.apply_chat_template(chat, tokenize=False)
    text = text.replace("assistant \n", "assistant\n")  # OneVision's has a space more than its prompt for an answer
    nested = [images] if published.name in ("gemma3", "llava_onevision") else images
    options = {"add_special_tokens": False, "return_tensors": "pt", **published.official}
    return loaded.processor(images=nested, text=[text], **options)


def _sign(loaded) -> int:
    """Id of the token that stands for a piece of a picture."""
    return int(loaded.config.image_token_id)
