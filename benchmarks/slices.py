"""Ten slices of a prepared volume: read against the whole file, and drawn as a model sees them: `python benchmarks/slices.py`.

The volume is 512 x 512 x 400, int16, made here: smooth anatomy with a scanner's noise.  Both ways of reading give equal values
and check what they read; times are processor time.  Claims: ten slices, a fortieth of the file, are read at least ten times as
fast as all of it, and in at most 15 ms; three windows as colours take at most 1.6 times what one takes.  It exits with 1 where
one is broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from docphim import files
from docphim.imaging import store
from docphim.imaging.frames import draw
from docphim.imaging.show import Show, shown

SHAPE, SHOWN = (400, 512, 512), tuple(range(20, 400, 40))
#: Times as fast as the whole file; milliseconds of ten slices; times as slow in three windows as in one.
FASTER, LONGEST_MS, COLOURS = 10, 15, 1.6
#: What is drawn beside ten thin slices in one window: a slab is made of the seven slices within 10 mm.
LOOKS: dict[str, dict[str, Any]] = {
    "one window": {},
    "three windows": {"windows": ["lung", "soft", "bone"]},
    "slabs, mean": {"slab_mm": 10},
    "slabs, maximum": {"slab_mm": 10, "slab": "max"},
}
SIZES = (112, 224, 448)


def volume() -> np.ndarray:
    """A body in air, HU, with noise inside it."""
    y, x = np.mgrid[-1 : 1 : SHAPE[1] * 1j, -1 : 1 : SHAPE[2] * 1j]
    body = (x / 0.8) ** 2 + (y / 0.6) ** 2 < 1
    lungs = ((np.abs(x) - 0.35) / 0.25) ** 2 + (y / 0.4) ** 2 < 1
    plane = np.where(body, np.where(lungs, -850, 40), -1000)
    noise = np.random.default_rng(0).normal(0, 15, SHAPE[1:]).astype(np.int16) * body
    return np.stack([np.roll(noise, 7 * z, axis=(0, 1)) * body + plane for z in range(SHAPE[0])]).astype(np.int16)


def milliseconds(task: Callable[[], object], rounds: int) -> float:
    """The best time of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        task()
        best = min(best, time.process_time() - start)
    return 1000 * best


def drawn(dataset: Path, rounds: int) -> dict[tuple[str, int], float]:
    """Milliseconds of every look at every size."""
    times = {}
    for name, keys in LOOKS.items():
        media = shown(Show(**keys), {"study": "s", "modality": "ct", "path": "volume.b2nd"})
        for side in SIZES:
            times[name, side] = milliseconds(lambda m=media, n=side: draw(m, dataset, (n, n)), rounds)  # type: ignore[misc]
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        path, array = Path(folder) / "volume.b2nd", volume()
        meta = store.write(path, array, {"shape": list(SHAPE), "spacing": [1.5, 0.7, 0.7], "unit": "HU"})
        files.write_jsonl(Path(folder) / "prepared" / "index.jsonl", [{"path": "volume.b2nd", **meta}])
        assert np.array_equal(store.read(path), array)
        assert np.array_equal(store.read_slices(path, SHOWN), array[list(SHOWN)])
        ten = milliseconds(lambda: store.read_slices(path, SHOWN), rounds)
        whole = milliseconds(lambda: store.read(path)[list(SHOWN)], max(3, rounds // 5))
        times = drawn(Path(folder), rounds)
        megabytes = path.stat().st_size / 1e6
    ratio = f"{whole / ten:.1f} times as fast (claim: at least {FASTER})"
    print(f"{megabytes:.0f} MB: ten slices {ten:.1f} ms (claim: at most {LONGEST_MS}), the whole file {whole:.0f} ms, {ratio}")
    for name in LOOKS:
        print(f"drawn, {name:14}: " + ", ".join(f"{side} px {times[name, side]:.1f} ms" for side in SIZES))
    colours = max(times["three windows", side] / times["one window", side] for side in SIZES)
    print(f"three windows against one: {colours:.2f} (claim: at most {COLOURS})")
    sys.exit(whole < FASTER * ten or ten > LONGEST_MS or colours > COLOURS)


if __name__ == "__main__":
    main()
