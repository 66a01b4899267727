"""InternVL in its authors' layout to transformers': every key by a rule, and the numbers of the authors' formulas."""

import json

import numpy as np
import pytest
import torch
from published_shapes import CHECKPOINTS, placed_tokenizer
from safetensors.torch import save_file
from tiny_models import TEXTS, batch_of, dialogue
from typer.testing import CliRunner

from docphim.cli import app
from docphim.errors import Refused
from docphim.models import load
from docphim.models.convert import convert
from docphim.models.encode import encode

#: As https://huggingface.co/OpenGVLab/InternVL2_5-1B says of itself (Vintern-1B-v3.5 is tuned from it), widths shrunk.
VISION = {
    "architectures": ["InternVisionModel"],
    "model_type": "intern_vit_6b",
    "attention_dropout": 0.0,
    "dropout": 0.0,
    "drop_path_rate": 0.0,
    "hidden_act": "gelu",
    "hidden_size": 16,
    "image_size": 448,
    "initializer_factor": 1.0,
    "initializer_range": 0.02,
    "intermediate_size": 24,
    "layer_norm_eps": 1e-6,
    "norm_type": "layer_norm",
    "num_attention_heads": 2,
    "num_channels": 3,
    "num_hidden_layers": 2,
    "patch_size": 14,
    "qk_normalization": False,
    "qkv_bias": True,
    "use_flash_attn": True,
}
LANGUAGE = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "max_position_embeddings": 32768,
    "vocab_size": 151674,
    "tie_word_embeddings": False,
    "eos_token_id": 151645,
}
CONFIG = {
    "model_type": "internvl_chat",
    "architectures": ["InternVLChatModel"],
    "downsample_ratio": 0.5,
    "ps_version": "v2",
    "auto_map": {"AutoModel": "modeling_internvl_chat.InternVLChatModel"},
    "select_layer": -1,
    "force_image_size": 448,
    "template": "internvl2_5",
    "use_backbone_lora": 0,
    "use_llm_lora": 0,
    "vision_config": VISION,
    "llm_config": LANGUAGE,
}


def shapes() -> dict[str, tuple[int, ...]]:
    """Keys of the authors' model with their shapes (internvl_chat/internvl/model in their repository)."""
    d, m, h = VISION["hidden_size"], VISION["intermediate_size"], LANGUAGE["hidden_size"]
    out = {"vision_model.embeddings.class_embedding": (1, 1, d), "vision_model.embeddings.position_embedding": (1, 1025, d)}
    out |= {
        "vision_model.embeddings.patch_embedding.weight": (d, 3, 14, 14),
        "vision_model.embeddings.patch_embedding.bias": (d,),
    }
    for n in range(2):
        layer = {"attn.qkv": (3 * d, d), "attn.proj": (d, d), "mlp.fc1": (m, d), "mlp.fc2": (d, m)}
        for name, shape in layer.items():
            out |= {
                f"vision_model.encoder.layers.{n}.{name}.weight": shape,
                f"vision_model.encoder.layers.{n}.{name}.bias": shape[:1],
            }
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1", "ls2"):
            out[f"vision_model.encoder.layers.{n}.{name}"] = (d,)
        text = {
            "self_attn.q_proj": (16, h),
            "self_attn.k_proj": (8, h),
            "self_attn.v_proj": (8, h),
            "self_attn.o_proj": (h, 16),
        }
        text |= {"mlp.gate_proj": (24, h), "mlp.up_proj": (24, h), "mlp.down_proj": (h, 24)}
        out |= {f"language_model.model.layers.{n}.{name}.weight": shape for name, shape in text.items()}
        out |= {f"language_model.model.layers.{n}.self_attn.{p}_proj.bias": text[f"self_attn.{p}_proj"][:1] for p in "qkv"}
        for name in ("input_layernorm", "post_attention_layernorm"):
            out[f"language_model.model.layers.{n}.{name}.weight"] = (h,)
    out |= {f"language_model.{name}.weight": (151674, h) for name in ("model.embed_tokens", "lm_head")}
    out |= {"language_model.model.norm.weight": (h,), "mlp1.0.weight": (4 * d,), "mlp1.0.bias": (4 * d,)}
    return out | {"mlp1.1.weight": (h, 4 * d), "mlp1.1.bias": (h,), "mlp1.3.weight": (h, h), "mlp1.3.bias": (h,)}


def original(folder, config=CONFIG, drop=(), more=(), reshape=()):
    """A checkpoint as its authors publish it."""
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.randn(shape, generator=generator) * 0.2 for name, shape in shapes().items() if name not in drop}
    state |= {name: torch.zeros(3) for name in more} | {name: torch.zeros(5) for name in reshape}
    folder.mkdir()
    placed_tokenizer(CHECKPOINTS["InternVL3-1B-hf"], TEXTS).save_pretrained(folder)
    (folder / "chat_template.jinja").unlink()
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return state


def features(state, pixels):
    """The authors' encoder and projector, from their formulas: (tokens, width)."""
    norm = torch.nn.functional.layer_norm
    prefix, d = "vision_model.embeddings.", VISION["hidden_size"]
    patches = torch.nn.functional.conv2d(
        pixels, state[prefix + "patch_embedding.weight"], state[prefix + "patch_embedding.bias"], 14
    )
    x = (
        torch.cat([state[prefix + "class_embedding"], patches.flatten(2).transpose(1, 2)], 1)
        + state[prefix + "position_embedding"]
    )
    for n in range(2):
        w = {
            k.removeprefix(f"vision_model.encoder.layers.{n}."): v
            for k, v in state.items()
            if f"vision_model.encoder.layers.{n}." in k
        }
        y = norm(x, (d,), w["norm1.weight"], w["norm1.bias"], 1e-6) @ w["attn.qkv.weight"].T + w["attn.qkv.bias"]
        q, k, v = y.reshape(1, -1, 3, 2, d // 2).permute(2, 0, 3, 1, 4)
        mixed = torch.softmax(q @ k.mT / (d // 2) ** 0.5, -1) @ v
        x = x + (mixed.transpose(1, 2).reshape(1, -1, d) @ w["attn.proj.weight"].T + w["attn.proj.bias"]) * w["ls1"]
        y = norm(x, (d,), w["norm2.weight"], w["norm2.bias"], 1e-6) @ w["mlp.fc1.weight"].T + w["mlp.fc1.bias"]
        x = x + (torch.nn.functional.gelu(y) @ w["mlp.fc2.weight"].T + w["mlp.fc2.bias"]) * w["ls2"]
    # Four neighbours side by side: columns in pairs, then rows in pairs (pixel shuffle, version 2).
    x = (
        x[:, 1:]
        .reshape(1, 32, 16, 2 * d)
        .permute(0, 2, 1, 3)
        .reshape(1, 16, 16, 4 * d)
        .permute(0, 2, 1, 3)
        .reshape(1, 256, 4 * d)
    )
    x = norm(x, (4 * d,), state["mlp1.0.weight"], state["mlp1.0.bias"]) @ state["mlp1.1.weight"].T + state["mlp1.1.bias"]
    return (torch.nn.functional.gelu(x) @ state["mlp1.3.weight"].T + state["mlp1.3.bias"])[0]


def test_a_converted_checkpoint_is_loaded_and_sees_what_the_authors_formulas_see(tmp_path):
    state = original(tmp_path / "authors")
    answer = CliRunner().invoke(app, ["convert-weights", str(tmp_path / "authors"), str(tmp_path / "ours"), "--json"])
    assert answer.exit_code == 0, answer.output
    summary = json.loads(answer.stdout)
    assert summary["model_type"] == "internvl" and summary["parameters"] == sum(value.numel() for value in state.values())
    loaded = load.load(str(tmp_path / "ours"), "internvl", 448)
    film = np.random.default_rng(0).integers(0, 256, (448, 448, 3)).astype(np.uint8)
    batch = batch_of(loaded, [encode(loaded, dialogue(), [film, film])])
    assert int((batch["input_ids"] == 151667).sum()) == 2 * 256
    with torch.no_grad():
        ours = loaded.model.model.get_image_features(batch["pixel_values"][:1], return_dict=True).pooler_output[0]
        theirs = features(state, batch["pixel_values"][:1])
    assert torch.allclose(ours, theirs, atol=1e-4) and float(theirs.std()) > 0.1
    weights = dict(loaded.model.named_parameters())
    assert torch.equal(weights["lm_head.weight"], state["language_model.lm_head.weight"])
    assert not torch.equal(weights["lm_head.weight"], weights["model.language_model.embed_tokens.weight"])
    assert not list(tmp_path.glob(".*"))


def test_a_head_that_is_not_stored_is_tied(tmp_path):
    head = "language_model.lm_head.weight"
    original(tmp_path / "authors", drop=(head,))
    convert(tmp_path / "authors", tmp_path / "ours")
    weights = dict(load.load(str(tmp_path / "ours"), "internvl", 448).model.state_dict())
    assert torch.equal(weights["lm_head.weight"], weights["model.language_model.embed_tokens.weight"])


REFUSALS = {
    "a key no rule knows": ({"more": ("vision_model.head.weight",)}, "vision_model.head.weight"),
    "a key besides": ({"more": ("mlp1.1.scale",)}, "linear_1.scale besides"),
    "a key lost": ({"drop": ("vision_model.encoder.layers.1.ls2",)}, "lambda_2"),
    "another shape": ({"reshape": ("mlp1.3.bias",)}, r"linear_2\.bias is \(5,\)"),
    "version 1 of the shuffle": ({"config": CONFIG | {"ps_version": "v1"}}, "ps_version"),
    "another layer": ({"config": CONFIG | {"select_layer": -4}}, "select_layer"),
    "InternLM2": ({"config": CONFIG | {"llm_config": LANGUAGE | {"model_type": "internlm2"}}}, "internlm2.*-hf"),
    "LaVy": ({"config": {"model_type": "llava_mistral"}}, "convert_llava_weights_to_hf"),
    "MiniCPM-V 2.6": ({"config": {"model_type": "minicpmv"}}, "4.6"),
    "something else": ({"config": {"model_type": "bert"}}, "internvl_chat"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_not_mapped_whole_is_refused_and_nothing_is_written(tmp_path, case):
    how, words = REFUSALS[case]
    original(tmp_path / "authors", **how)
    with pytest.raises(Refused, match=rf"weights_layout.*{words}"):
        convert(tmp_path / "authors", tmp_path / "ours")
    assert [path.name for path in tmp_path.iterdir()] == ["authors"]


def test_a_folder_that_is_there_is_not_written_over(tmp_path):
    original(tmp_path / "authors")
    (tmp_path / "ours").mkdir()
    with pytest.raises(Refused, match="is there already"):
        convert(tmp_path / "authors", tmp_path / "ours")
