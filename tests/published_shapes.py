"""Checkpoints at their published shapes: ids of signs, sizes, patches and templates are true, widths are shrunk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models
from transformers import (
    AutoModelForImageTextToText,
    Gemma3Config,
    InternVLConfig,
    LlavaConfig,
    LlavaOnevisionConfig,
    MiniCPMV4_6Config,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
)

from docphim.models import family
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
    size: int = 1024


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
    # Places of Qwen3.5's own signs; those that MiniCPM adds come after them, up to the vocabulary's end, in some order.
    "MiniCPM-V-4.6": Published(
        "https://github.com/sophgo/LLM-TPU/tree/main/models/MiniCPMV4_6/config",
        "minicpmv",
        {
            "<|endoftext|>": 248044,
            "<|im_start|>": 248045,
            "<|im_end|>": 248046,
            "<think>": 248068,
            "</think>": 248069,
            "<|image_pad|>": 248056,
            "<|video_pad|>": 248057,
            "<image>": 248077,
            "</image>": 248078,
            "<slice>": 248079,
            "</slice>": 248080,
            "<image_id>": 248081,
            "</image_id>": 248082,
        },
        MiniCPMV4_6Config,
        {
            "text_config": {
                "model_type": "qwen3_5_text",
                "vocab_size": 248094,
                **_TEXT,
                "num_hidden_layers": 4,
                "layer_types": ["linear_attention"] * 3 + ["full_attention"],
                "linear_conv_kernel_dim": 4,
                "linear_num_key_heads": 4,
                "linear_num_value_heads": 4,
                "linear_key_head_dim": 8,
                "linear_value_head_dim": 8,
                "rms_norm_eps": 1e-6,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25},
                "tie_word_embeddings": True,
            },
            "vision_config": {
                "model_type": "minicpmv4_6_vision",
                **_SMALL,
                "num_hidden_layers": 3,
                "image_size": 980,
                "patch_size": 14,
                "window_kernel_size": [2, 2],
            },
            "insert_layer_id": 1,  # of 27 layers the seventh
            "image_size": 1120,
            "image_token_id": 248056,
            "video_token_id": 248057,
            "merge_kernel_size": [2, 2],
            "merger_times": 1,
            "drop_vision_last_layer": False,
            "tie_word_embeddings": True,
        },
        64,
        {"do_resize": True, "scale_resolution": 448, "use_image_id": True},
        448,
    ),
}


def placed_tokenizer(published: Published, texts: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of some texts whose signs have their published ids."""
    spec = family(published.name).TINY
    merged = train_tokenizer(texts, 400, spec)
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


_HUB = "https://huggingface.co"
#: Those whose parity is tested elsewhere, by architecture.
MORE = {
    "Qwen2.5-VL-7B-Instruct": Published(
        f"{_HUB}/Qwen/Qwen2.5-VL-7B-Instruct/blob/main/config.json",
        "qwen_vl",
        {**_QWEN, "<|vision_start|>": 151652, "<|vision_end|>": 151653, "<|image_pad|>": 151655, "<|video_pad|>": 151656},
        Qwen2_5_VLConfig,
        {
            "text_config": {
                "vocab_size": 152064,
                **{key: value for key, value in _TEXT.items() if key != "head_dim"},
                "rms_norm_eps": 1e-6,
                "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6},
            },
            "vision_config": {
                "depth": 2,
                "hidden_size": 32,
                "intermediate_size": 48,
                "num_heads": 2,
                "out_hidden_size": 32,
                "patch_size": 14,
                "spatial_merge_size": 2,
                "temporal_patch_size": 2,
                "window_size": 112,
                "fullatt_block_indexes": [1],
                "tokens_per_second": 2,
            },
            "image_token_id": 151655,
            "video_token_id": 151656,
            "vision_start_token_id": 151652,
            "vision_end_token_id": 151653,
        },
        256,
    ),
    "llava-1.5-7b-hf": Published(
        f"{_HUB}/llava-hf/llava-1.5-7b-hf/blob/main/config.json",
        "llava",
        {"<s>": 1, "</s>": 2, "<image>": 32000, "<pad>": 32001},
        LlavaConfig,
        {
            "text_config": {"model_type": "llama", "vocab_size": 32064, **_TEXT, "rms_norm_eps": 1e-5},
            "vision_config": {
                "model_type": "clip_vision_model",
                **_SMALL,
                "image_size": 336,
                "patch_size": 14,
                "projection_dim": 32,
            },
            "image_token_index": 32000,
            "image_seq_length": 576,
            "vision_feature_layer": -2,
            "vision_feature_select_strategy": "default",
        },
        576,
    ),
}


def write_checkpoint(published: Published, folder: Path, texts: list[str]) -> None:
    """The files of such a checkpoint, as a hub has them; random weights so large that answers depend on what is asked."""
    config, tokenizer = published.config(**published.values), placed_tokenizer(published, texts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
        for name, parameter in model.named_parameters():
            if published.name == "gemma3" and "multi_modal_projector" in name:  # Gemma's begins at nought
                parameter.data.normal_(std=0.05)
            elif not any(part in name for part in ("embed", "norm", "A_log", "dt_bias")):  # the last two say how a state fades
                parameter.data.mul_(15.0)
            elif "embed_tokens" in name:
                parameter.data.mul_(30.0)
    silent = torch.ones(model.get_output_embeddings().weight.shape[0], dtype=torch.bool)
    silent[[place for place in tokenizer.get_vocab().values() if tokenizer.decode([place]).strip().isalpha()]] = False
    model.get_output_embeddings().weight.data[silent] = 0.0  # signs, bytes, and ids of which the small vocabulary has no word
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    family(published.name).make_processor(tokenizer, config).image_processor.save_pretrained(folder)
