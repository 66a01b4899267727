"""Ten slices of a prepared volume against the whole file: `python benchmarks/slices.py`.

The volume is 512 x 512 x 400, int16, made here: smooth anatomy with a scanner's noise.  Both ways give equal values and check
what they read.  Claim: ten slices, a fortieth of the file, are read at least ten times as fast as all of it; it exits with 1
where that is broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from docphim.imaging import store

SHAPE, SHOWN, CLAIM = (400, 512, 512), tuple(range(20, 400, 40)), 10


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
        start = time.perf_counter()
        task()
        best = min(best, time.perf_counter() - start)
    return 1000 * best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        path, array = Path(folder) / "volume.b2nd", volume()
        store.write(path, array, {"spacing": [1.0, 0.7, 0.7]})
        assert np.array_equal(store.read(path), array)
        assert np.array_equal(store.read_slices(path, SHOWN), array[list(SHOWN)])
        ten = milliseconds(lambda: store.read_slices(path, SHOWN), rounds)
        whole = milliseconds(lambda: store.read(path)[list(SHOWN)], max(3, rounds // 5))
        megabytes = path.stat().st_size / 1e6
    ratio = f"{whole / ten:.1f} times as fast (claim: at least {CLAIM})"
    print(f"{megabytes:.0f} MB: ten slices {ten:.1f} ms, the whole file {whole:.0f} ms, {ratio}")
    sys.exit(whole < CLAIM * ten)


if __name__ == "__main__":
    main()
