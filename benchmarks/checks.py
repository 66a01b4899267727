"""What checking prepared pixels costs a training: `python benchmarks/checks.py`.

Of each batch of 16 films (512 x 448, 16 bits) every byte of their files is hashed, and each file looked up in the index: more
than a read hashes.  That is held against a training step of the demo's tiny Qwen2.5-VL on the same films, drawn before; what is
drawn with checks equals what is drawn of the same files without.  Claim: at most 5 % of a step; it exits with 1 where that is
broken.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

import blosc2
import numpy as np
import torch
from train import bare, make_dataset, opened

from docphim.files import read_examples
from docphim.imaging import geometry, store
from docphim.imaging.frames import draw, shrink
from docphim.recipe import Model
from docphim.study import Media
from docphim.train.settings import TrainSettings

BATCH, SIZE, CLAIM = 16, (112, 112), 0.05


def unchecked(media: Media, dataset: Path) -> np.ndarray:
    """The frame of a film, as any blosc2 reads its file."""
    pixels = blosc2.open(str(dataset / media.volumes["xray"]), mode="r")[:]
    return geometry.letterbox(shrink(pixels, SIZE), SIZE)


def check(media: list[Media], dataset: Path, contents: list[bytes]) -> int:
    """Hash every byte of the films' files and look the files up; how many bytes."""
    for entry, data in zip(media, contents, strict=True):
        hashlib.sha256(data).digest()
        store.prepared(dataset, entry.volumes["xray"])
    return sum(map(len, contents))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    settings = TrainSettings(learning_rate=1e-3, warmup=0.0, batch_size=BATCH)
    section = Model(family="qwen_vl", tune="full", freeze=[], image_size=SIZE[0], tiny={}).model_dump()
    with tempfile.TemporaryDirectory() as name:
        dataset = Path(name)
        make_dataset(dataset, options.steps * BATCH)
        examples = read_examples(dataset, "train")
        media = [example.media[0] for example in examples[:BATCH]]
        for entry in media:
            assert np.array_equal(draw(entry, dataset, SIZE).frames[0][..., 0], unchecked(entry, dataset)), "the frames differ"
        contents = [(dataset / entry.volumes["xray"]).read_bytes() for entry in media]
        checks = []
        for _ in range(options.rounds):
            start = time.perf_counter()
            size = check(media, dataset, contents)
            checks.append(time.perf_counter() - start)
        torch.manual_seed(0)
        loaded, _ = opened(section, settings, examples, 0)
        batches = [list(range(start, start + BATCH)) for start in range(0, len(examples), BATCH)]
        work, _ = bare(loaded, settings, dataset, examples, batches)
        assert work.tokens > 0 and float(work.losses[-1]) < float(work.losses[0]), "nothing was trained"
        step = float(np.diff(work.times).min())
    share = min(checks) / step
    print(f"checking {BATCH} films, {size / 1e6:.1f} MB: {1000 * min(checks):.1f} ms; a training step {1000 * step:.0f} ms")
    print(f"share              {share:9.1%}  (claim: at most {CLAIM:.0%})")
    sys.exit(share > CLAIM)


if __name__ == "__main__":
    main()
