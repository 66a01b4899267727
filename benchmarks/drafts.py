"""Drafting in several processes against one: the same model, the same batches, the same bytes, in the same run.

    python benchmarks/drafts.py [--processes 2] [--examples 96] [--tokens 96] [--rounds 2]

Each process computes on one thread (or on a GPU of its own), and rounds alternate.  What is compared is how fast batches come
once every process has delivered its first one: the seconds in which Python and torch start are said apart.  It needs as many
idle cores as processes, and stops where the bytes differ.  Claim: two processes draft at least 1.7 times as fast as one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from docphim.files import write_jsonl
from docphim.generate import generate, stage
from docphim.imaging import store
from docphim.models.load import create_tiny, save
from docphim.study import Example, Media, Message, to_row

#: What is promised, as a share of the number of processes: 1.7 times as fast with two.
LEAST = 0.85

TEXT = "Bóng tim không to. Góc sườn hoành hai bên nhọn. Không thấy tổn thương nhu mô phổi tiến triển."
SIZES = {"hidden": 256, "layers": 6, "heads": 4}


def dataset(folder: Path, count: int) -> Path:
    """Films of noise, and a question about each."""
    random, rows, index = np.random.default_rng(0), [], []
    for number in range(count):
        study = f"s{number:04d}"
        media = [Media(study, "image", {"xray": f"prepared/{study}.b2nd"})]
        (folder / "prepared").mkdir(parents=True, exist_ok=True)
        film = random.integers(0, 65535, (112, 112)).astype(np.uint16)
        index.append({"path": media[0].volumes["xray"], **store.write(folder / media[0].volumes["xray"], film, {})})
        messages = [Message("user", "<image>\nMô tả hình ảnh."), Message("assistant", TEXT, "report:findings")]
        rows.append(to_row(Example(f"{study}-findings", study, study, "test", "findings", "vi", messages, media)))
    write_jsonl(folder / "examples" / "test.jsonl", rows)
    write_jsonl(folder / "prepared" / "index.jsonl", index)
    return folder


def drafted(data: Path, run: Path, processes: int, tokens: int) -> tuple[float, float, bytes]:
    """Seconds to the first batch of every process, batches a second from then on, and what was written."""
    for name in ("predictions.jsonl", "likelihoods.jsonl", "generate-plan.json"):
        (run / name).unlink(missing_ok=True)
    came: list[float] = []
    real = stage._written

    def written(answered: Iterable[Any]) -> Iterator[Any]:
        def timed() -> Iterator[Any]:
            for item in answered:
                came.append(time.perf_counter())
                yield item

        yield from real(timed())

    stage._written = written
    begun = time.perf_counter()
    settings: dict[str, Any] = {"images": ["own"], "splits": ["test"], "contexts": ["reference"], "batch_size": 4}
    try:
        # No answer ends before the others, so that every batch is the same work.
        generate(data, run, **settings, max_new_tokens=tokens, decoding={"min_new_tokens": tokens}, processes=processes)
    finally:
        stage._written = real
    first = came[processes - 1]
    return first - begun, (len(came) - processes) / (came[-1] - first), (run / "predictions.jsonl").read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("processes", 2), ("examples", 96), ("tokens", 96), ("rounds", 2)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, run = dataset(Path(folder) / "data", asked.examples), Path(folder) / "run"
        save(create_tiny("qwen_vl", [TEXT], 112, 0, SIZES), run / "model")
        best = {1: 0.0, asked.processes: 0.0}
        seen: set[bytes] = set()
        for _ in range(asked.rounds):
            for processes in best:
                start, rate, rows = drafted(data, run, processes, asked.tokens)
                best[processes] = max(best[processes], rate)
                seen.add(rows)
                print(f"{processes} processes: {rate:.2f} batches/s after {start:.1f} s of starting")
    ratio = best[asked.processes] / best[1]
    same = "equal" if len(seen) == 1 else "not equal"
    print(f"{asked.processes} processes draft {ratio:.2f} times as fast as one; the bytes are {same}")
    sys.exit(len(seen) != 1 or ratio < LEAST * asked.processes)


if __name__ == "__main__":
    main()
