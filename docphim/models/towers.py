"""What families share that are made of an image encoder, a projector and a decoder: names of the parts, sizes of small ones."""

from __future__ import annotations

from typing import Any

from docphim.errors import UsageError

#: Where LoRA goes unless a recipe says otherwise: the linear layers of the decoder's attention and MLP, none of the encoder's.
LORA = r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
#: Part of a model → how the names of its parameters begin, in transformers' layout.
PARTS: dict[str, tuple[str, ...]] = {
    "vision": ("model.vision_tower.",),
    "projector": ("model.multi_modal_projector.",),
    "language": ("model.language_model.", "lm_head."),
}


def check_widths(hidden: int, vision_hidden: int, heads: int) -> None:
    """Whether the widths of a small model can be divided among its heads.

    Raises
    ------
    UsageError
        One cannot.
    """
    if hidden % (2 * heads) or vision_hidden % heads:
        raise UsageError(f"model.tiny: hidden must be a multiple of {2 * heads}, vision_hidden of {heads} ({heads} heads)")


def decoder_sizes(tokenizer: Any, hidden: int, layers: int, heads: int) -> dict[str, Any]:
    """What the configurations of all small decoders hold: widths, heads, two of them to one key where they pair, tokens."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": hidden * 8 // 3 // 16 * 16,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2 if heads % 2 == 0 else heads,
        "max_position_embeddings": 4096,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def encoder_sizes(hidden: int, layers: int, heads: int) -> dict[str, Any]:
    """What the configurations of all small image encoders hold."""
    return {
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }
