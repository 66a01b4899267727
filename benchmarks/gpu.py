"""What a GPU makes of the real models' shapes: `docphim bench` on checkpoints that have the published sizes and no weights.

    python benchmarks/gpu.py [--out results.jsonl] [--steps 8] [NAME …]

Each case of `CASES` is a recipe's model and training; its folder holds a config.json of the published numbers and a tokenizer
of the family's special tokens.  Where a model does not fit the memory the case says so and the others go on.

Claim: LoRA of the 7B model at 1,700 tokens reaches 40 % MFU.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from pathlib import Path

import torch

from docphim.bench import bench
from docphim.bench.made_up import texts
from docphim.bench.text import lines
from docphim.models.qwen_vl import TINY, make_processor
from docphim.models.tiny import train_tokenizer
from docphim.recipe import load

#: The least MFU of `qwen2.5-vl-7b-lora`.
LEAST = 0.40

_ROPE = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
_VISION = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "window_size": 112,
    "tokens_per_second": 2,
}
_VISION |= {"fullatt_block_indexes": [7, 15, 23, 31], "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2}

#: Sizes from the models' config.json: https://huggingface.co/Qwen/Qwen2.5-VL-7B-Instruct and …-3B-Instruct.
SHAPES = {
    "7b": {
        "text": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28}
        | {"num_key_value_heads": 4, "vocab_size": 152064},
        "vision": {"out_hidden_size": 3584},
        "tied": False,
    },
    "3b": {
        "text": {"hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16}
        | {"num_key_value_heads": 2, "vocab_size": 151936},
        "vision": {"out_hidden_size": 2048},
        "tied": True,
    },
}

_LORA = ["model.tune=lora", "train.gradient_checkpointing=true", "train.precision=bf16", "train.accumulate=1"]
_FULL = ["model.tune=full", "train.gradient_checkpointing=true", "train.precision=bf16", "train.accumulate=1"]

#: name → (shape, what of the recipe vix_ray is set, tokens, frames)
CASES: dict[str, tuple[str, list[str], int, int]] = {
    "qwen2.5-vl-7b-lora": ("7b", [*_LORA, "train.batch_size=8"], 1700, 1),
    "qwen2.5-vl-7b-lora-film": ("7b", [*_LORA, "train.batch_size=16"], 420, 1),
    "qwen2.5-vl-7b-lora-1024": ("7b", [*_LORA, "train.batch_size=4", "model.image_size=1024"], 1700, 1),
    "qwen2.5-vl-7b-lora-stack": ("7b", [*_LORA, "train.batch_size=4"], 1700, 10),
    "qwen2.5-vl-3b-lora": ("3b", [*_LORA, "train.batch_size=8"], 1700, 1),
    "qwen2.5-vl-3b-full": ("3b", [*_FULL, "train.batch_size=8"], 1700, 1),
    "qwen2.5-vl-7b-lora-compiled": ("7b", [*_LORA, "train.batch_size=8", "train.compile=true"], 1700, 1),
    "qwen2.5-vl-7b-lora-film-compiled": ("7b", [*_LORA, "train.batch_size=16", "train.compile=true"], 420, 1),
    "qwen2.5-vl-3b-full-compiled": ("3b", [*_FULL, "train.batch_size=8", "train.compile=true"], 1700, 1),
}


def write_checkpoint(folder: Path, shape: str) -> None:
    """config.json, tokenizer and processor of a Qwen2.5-VL of that shape; no weights."""
    from transformers import Qwen2_5_VLConfig

    sizes = SHAPES[shape]
    tokenizer = train_tokenizer((m.content for e in texts() for m in e.messages), 512, TINY)
    ids = {f"{kind}_token_id": tokenizer.convert_tokens_to_ids(f"<|{kind}_pad|>") for kind in ("image", "video")}
    ids |= {f"vision_{side}_token_id": tokenizer.convert_tokens_to_ids(f"<|vision_{side}|>") for side in ("start", "end")}
    ends = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = {**sizes["text"], "rope_parameters": _ROPE, "max_position_embeddings": 128000, **ends}
    config = Qwen2_5_VLConfig(
        text_config=text, vision_config={**_VISION, **sizes["vision"]}, tie_word_embeddings=sizes["tied"], **ids
    )
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(tokenizer.chat_template, encoding="utf-8")
    make_processor(tokenizer, config).image_processor.save_pretrained(folder)


def measured(name: str, steps: int) -> dict:
    shape, settings, tokens, frames = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder), shape)
        made = load("vix_ray", [f"model.weights={folder}", "source.path=.", *settings])
        amount = {"steps": steps, "new_tokens": 64, "tokens": tokens, "frames": frames}
        return bench(None, model=made.model.model_dump(), train=made.train.model_dump(), amount=amount)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *CASES], metavar="NAME")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=8)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("skipped: there is no GPU here")
        return
    reached = None
    for name in options.names or CASES:
        print(f"\n== {name}", flush=True)
        torch.cuda.reset_peak_memory_stats()
        try:
            answer = measured(name, options.steps)
        except torch.OutOfMemoryError as error:
            print(f"does not fit the memory: {str(error).partition('.')[0]}")
            continue
        print(lines(answer), flush=True)
        reached = answer["mfu"] if name == "qwen2.5-vl-7b-lora" else reached
        if options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"case": name, **answer}) + "\n")
        gc.collect()
        torch.cuda.empty_cache()
    sys.exit(reached is not None and reached < LEAST)


if __name__ == "__main__":
    main()
