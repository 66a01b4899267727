"""InternVL2.5, 3 and Vintern in their authors' layout to transformers': every key by a rule, or a refusal."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, GenerationConfig, InternVLConfig, InternVLForConditionalGeneration

from docphim.errors import Refused
from docphim.models import checkpoint
from docphim.models import family as family_of
from docphim.models.hub import quietly, refusing

#: The way to transformers' layout for what is not converted here.
_ELSEWHERE = {
    "minicpmv": "MiniCPM-V before 4.6 has no transformers layout; 4.6 has one (model.family: minicpmv)",
    "llava_mistral": "transformers' convert_llava_weights_to_hf.py converts it (LaVy is of this shape)",
    "llava_llama": "transformers' convert_llava_weights_to_hf.py converts it",
    "llava_qwen": "transformers' convert_llava_onevision_weights_to_hf.py converts it",
    "llava_qwen2": "transformers' convert_llava_weights_to_hf.py converts it",
}
_LANGUAGE = ("qwen2", "qwen3")

#: Names of an InternVLChatModel to those of transformers' InternVL, each key by the first that matches whole.
#: The names of both: https://github.com/huggingface/transformers/blob/main/src/transformers/models/internvl/convert_internvl_weights_to_hf.py
_EMBEDDINGS = r"vision_model\.embeddings\."
_LAYER, _TO = r"vision_model\.encoder\.layers\.(\d+)\.", r"model.vision_tower.encoder.layer.\1."
RULES: tuple[tuple[str, str], ...] = (
    (_EMBEDDINGS + "class_embedding", "model.vision_tower.embeddings.cls_token"),
    (_EMBEDDINGS + "position_embedding", "model.vision_tower.embeddings.position_embeddings"),
    (_EMBEDDINGS + r"patch_embedding\.(\w+)", r"model.vision_tower.embeddings.patch_embeddings.projection.\1"),
    (_LAYER + r"attn\.proj\.(\w+)", _TO + r"attention.projection_layer.\2"),
    (_LAYER + r"attn\.(q|k)_norm\.weight", _TO + r"attention.\2_norm.weight"),
    (_LAYER + r"ls([12])", _TO + r"lambda_\2"),
    (_LAYER + r"norm1\.(\w+)", _TO + r"layernorm_before.\2"),
    (_LAYER + r"norm2\.(\w+)", _TO + r"layernorm_after.\2"),
    (_LAYER + r"mlp\.(fc[12]\.\w+)", _TO + r"mlp.\2"),
    (r"mlp1\.0\.(\w+)", r"model.multi_modal_projector.layer_norm.\1"),
    (r"mlp1\.1\.(\w+)", r"model.multi_modal_projector.linear_1.\1"),
    (r"mlp1\.3\.(\w+)", r"model.multi_modal_projector.linear_2.\1"),
    (r"language_model\.model\.(.+)", r"model.language_model.\1"),
    (r"language_model\.lm_head\.weight", "lm_head.weight"),
)
#: Query, key and value of the encoder in one matrix, one below the other.
_JOINED = _LAYER + r"attn\.qkv\.(\w+)"
#: Of an InternVisionConfig, what transformers' has under another name.
_VISION = {
    "qkv_bias": "attention_bias",
    "qk_normalization": "use_qk_norm",
    **{name: name for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_channels")},
    **{name: name for name in ("image_size", "patch_size", "hidden_act", "layer_norm_eps", "norm_type", "initializer_range")},
}


def convert(source: Path, out: Path) -> dict[str, Any]:
    """Write a checkpoint in transformers' layout from one in its authors'; `out` appears whole or not at all.

    Parameters
    ----------
    source : Path
        A folder with config.json, safetensors and the tokenizer's files.  Code that lies in it is not run.

    Returns
    -------
    dict
        `model_type`, `tensors` and `parameters` of what was written.

    Raises
    ------
    Refused
        `weights_layout`: another model (the sentence says who converts it), an option that transformers' InternVL lacks, or
        keys or shapes that no rule brings to the model's; `weights_unsafe`, `weights_missing`, `weights_incomplete`,
        `file_truncated`.
    """
    where = source.name
    if out.exists():
        raise Refused("weights_layout", out.name, "is there already: name a new folder")
    values = _values(source, where)
    checkpoint.check_weights(source, where)
    state = renamed(
        {name: value for file in sorted(source.glob("*.safetensors")) for name, value in load_file(file).items()}, where
    )
    with quietly(offline=True), refusing(where):
        tokenizer = AutoTokenizer.from_pretrained(str(source), local_files_only=True, trust_remote_code=False)
        config = _config(values, tokenizer, tied="lm_head.weight" not in state, where=where)
        tokenizer.chat_template = family_of("internvl").TINY.template
        processor = family_of("internvl").make_processor(tokenizer, config)
        model = _filled(config, state, where)
        end = tokenizer.convert_tokens_to_ids(family_of("internvl").TINY.end)
        model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=tokenizer.pad_token_id or end)
        part = out.with_name(f".{out.name}.{os.getpid()}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            for piece in (model, tokenizer, processor.image_processor):
                piece.save_pretrained(part)
            part.rename(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    parameters = sum(value.numel() for value in state.values())
    return {"model_type": config.model_type, "tensors": len(state), "parameters": parameters}


def renamed(state: dict[str, Tensor], where: str) -> dict[str, Tensor]:
    """The tensors of an InternVLChatModel under transformers' names.

    Raises
    ------
    Refused
        `weights_layout`: a key that no rule knows.
    """
    out: dict[str, Tensor] = {}
    for key, value in state.items():
        if match := re.fullmatch(_JOINED, key):
            layer, kind = match.groups()
            for name, third in zip("qkv", value.chunk(3), strict=True):
                out[f"model.vision_tower.encoder.layer.{layer}.attention.{name}_proj.{kind}"] = third.contiguous()
            continue
        names = [match.expand(new) for old, new in RULES if (match := re.fullmatch(old, key))]
        if not names:
            raise Refused("weights_layout", where, f"no rule says what {key} is in transformers' layout")
        out[names[0]] = value
    return out


def _values(source: Path, where: str) -> dict[str, Any]:
    """config.json of an InternVLChatModel that transformers' InternVL can be."""
    try:
        values: dict[str, Any] = json.loads((source / "config.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        raise Refused("weights_layout", where, "there is no config.json that is JSON") from None
    kind = values.get("model_type", "(none)")
    if kind != "internvl_chat":
        hint = _ELSEWHERE.get(kind, "only internvl_chat (InternVL2.5 and 3, Vintern) is converted here")
        raise Refused("weights_layout", where, f"model_type {kind!r}: {hint}")
    language = values.get("llm_config", {}).get("model_type")
    if language not in _LANGUAGE:
        why = (
            f"its language model is {language!r}, not one of {', '.join(_LANGUAGE)}: use its conversion whose name ends in -hf"
        )
        raise Refused("weights_layout", where, why)
    lacking = [
        f"{key}: {values[key]!r}"
        for key, only in (("ps_version", "v2"), ("select_layer", -1), ("use_backbone_lora", 0), ("use_llm_lora", 0))
        if values.get(key, only) != only
    ]
    if lacking:
        raise Refused("weights_layout", where, f"transformers' InternVL has no {', '.join(lacking)}")
    return values


def _config(values: dict[str, Any], tokenizer: Any, tied: bool, where: str) -> Any:
    """Transformers' configuration from an InternVLChatConfig."""
    seen, text = values["vision_config"], dict(values["llm_config"])
    vision = {new: seen[old] for old, new in _VISION.items() if old in seen}
    dropout = float(seen.get("attention_dropout", seen.get("attention_probs_dropout_prob", 0.0)))
    vision |= {
        "attention_dropout": dropout,
        "projection_dropout": float(seen.get("dropout", dropout)),
        "model_type": "internvl_vision",
    }
    side, patch, ratio = int(seen["image_size"]), int(seen["patch_size"]), float(values.get("downsample_ratio", 0.5))
    kind = text.pop("model_type")
    for key in ("auto_map", "_name_or_path", "architectures", "_attn_implementation_autoset", "attn_implementation"):
        text.pop(key, None)
    text |= {"tie_word_embeddings": tied, "eos_token_id": tokenizer.convert_tokens_to_ids(family_of("internvl").TINY.end)}
    return InternVLConfig(
        vision_config=vision,
        text_config=AutoConfig.for_model(kind, **text),
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=int((side // patch) ** 2 * ratio**2),
        downsample_ratio=ratio,
        tie_word_embeddings=tied,
    )


def _filled(config: Any, state: dict[str, Tensor], where: str) -> Any:
    """The model with these tensors, if they are all of its own and of its shapes, none missing and none besides."""
    with torch.device("meta"):
        model = InternVLForConditionalGeneration(config)
    wanted = dict(model.state_dict())
    if config.tie_word_embeddings:
        wanted.pop("lm_head.weight", None)
    missing, besides = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    if missing or besides:
        words = [f"lacks {key}" for key in missing[:1]] + [f"has {key} besides" for key in besides[:1]]
        raise Refused("weights_layout", where, f"the checkpoint {' and '.join(words)} ({len(missing) + len(besides)} keys)")
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            why = f"{name} is {tuple(value.shape)} where config.json makes it {tuple(wanted[name].shape)}"
            raise Refused("weights_layout", where, why)
    model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    return model.to(next(iter(state.values())).dtype)
