"""Answers one at a time, against an older tree: `python benchmarks/answering.py OLD [--hidden 1024] [--layers 8] [--rounds 3]`.

OLD is a folder with another commit (`git worktree add OLD COMMIT`).  Both trees open the same saved runs, one trained in full
and one with LoRA on every linear layer of its decoder, both in bfloat16, and answer the same prompts one by one, each in a
process of its own under this Python.  What counts is a token: the difference between long answers and short ones, so that
reading the prompt is left out; in processor seconds, so that what else the machine does counts little; of each tree's rounds,
which alternate, the fastest.  It stops where the answers differ.  Claims: a model trained in full answers at least 1.8 times as
fast as in the old tree, one with LoRA 1.3 times.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from docphim.models.load import create_tiny, load, save, tune
from docphim.models.loaded import Loaded

HERE = Path(__file__).resolve().parent
#: Times the old tree's speed.
LEAST = {"full": 1.8, "lora": 1.3}
TEXTS = ["Bóng tim không to. Góc sườn hoành hai bên nhọn. Không thấy tổn thương nhu mô phổi tiến triển.", "Mô tả hình ảnh."]
LORA = {"rank": 16, "alpha": 32, "dropout": 0.05, "modules": None}

#: Tokens of a short answer.
SHORT = 4
#: What each side runs: RUN, prompts, tokens of a short answer and of a long one; prints seconds a token, and the answers.
SIDE = """
import dataclasses, json, sys, time
from pathlib import Path
import numpy as np, torch
from docphim.generate.backend import Prompt
from docphim.generate.transformers import Backend
from docphim.imaging.frames import Stack
from docphim.study import Message
run, prompts, short, long = Path(sys.argv[1]), *map(int, sys.argv[2:])
torch.set_num_threads(1)
backend = Backend(run, blind=False, max_new_tokens=short)
film = np.random.default_rng(0).integers(0, 256, (1, *backend.size, 3)).astype(np.uint8)
asked = [Prompt([Message("user", f"<image>Mô tả hình ảnh {n}.")], [Stack(film, None, (0,))]) for n in range(prompts)]
def answers(tokens):
    backend.max_new_tokens = tokens
    backend.decoding = dataclasses.replace(backend.decoding, min_new_tokens=tokens)
    start = time.process_time()
    texts = [backend.answer([one])[0][0] for one in asked]
    return time.process_time() - start, texts
answers(short)
(less, _), (more, texts) = answers(short), answers(long)
print(json.dumps([(more - less) / prompts / (long - short), texts]))
"""


def made(folder: Path, kind: str, sizes: dict[str, int]) -> Path:
    """A run's folder with a model of random weights that was `trained` in full, or whose adapter is not at nought any more."""
    run = folder / kind
    published = folder / "published"
    loaded = create_tiny("qwen_vl", TEXTS, 112, 0, sizes)
    if not published.exists():
        write_published(loaded, published)
    opened = load(str(published), "qwen_vl", 112, precision="bf16")
    opened = tune(opened, kind, [], LORA)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in opened.model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(std=0.02, generator=generator)
    save(opened, run / "model")
    return run


def write_published(loaded: Loaded, folder: Path) -> None:
    """A folder in transformers' layout."""
    loaded.model.to(torch.bfloat16).save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(loaded.tokenizer.chat_template, encoding="utf-8")
    loaded.processor.image_processor.save_pretrained(folder)


def answered(tree: Path, run: Path, prompts: int, tokens: int) -> tuple[float, list[str]]:
    """Processor seconds a token, and the answers."""
    env = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", SIDE, str(run), str(prompts), str(SHORT), str(tokens)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=run)
    if done.returncode:
        raise SystemExit(f"{tree.name}: {done.stderr[-2000:]}")
    seconds, answers = json.loads(done.stdout.splitlines()[-1])
    return seconds, answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    for name, value in (("hidden", 1024), ("layers", 8), ("heads", 16), ("rounds", 3), ("prompts", 2), ("tokens", 36)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    trees = {"old": given.old.resolve(), "new": HERE.parent}
    sizes = {"hidden": given.hidden, "layers": given.layers, "heads": given.heads}
    slow = []
    with tempfile.TemporaryDirectory() as name:
        for kind, least in LEAST.items():
            run = made(Path(name), kind, sizes)
            best = dict.fromkeys(trees, float("inf"))
            seen: set[str] = set()
            for number in range(given.rounds):
                for side in sorted(trees, reverse=bool(number % 2)):
                    seconds, answers = answered(trees[side], run, given.prompts, given.tokens)
                    best[side] = min(best[side], seconds)
                    seen.add(json.dumps(answers))
            assert len(seen) == 1, f"{kind}: the answers differ"
            ratio = best["old"] / best["new"]
            slow += [kind] if ratio < least else []
            old, new = (1000 * best[side] for side in ("old", "new"))
            print(f"{kind}: {old:.1f} ms a token before, {new:.1f} now: {ratio:.2f} times as fast (claim {least})")
    sys.exit(f"less than promised: {', '.join(slow)}" if slow else 0)


if __name__ == "__main__":
    main()
