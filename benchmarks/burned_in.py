"""Text on films: found by kind, masks where no text is, markers kept, seconds a film: `python benchmarks/burned_in.py`.

Needs `pip install 'docphim[ocr]'`.  Films are phantoms of 1024 pixels, with the texts of `tests/imaging/written_films.py`.
Claimed: all ink of 95 of 100 texts is covered, 95 of 100 markers stay, at most 1 of 100 clean films loses a pixel.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "imaging"))
from written_films import identifying, markers, written

from docphim.imaging import burned_in
from docphim.phantom.film import render
from docphim.phantom.patient import sample_patient

SIZE, COVERED = 1024, 0.98


def phantom(number: int) -> np.ndarray:
    pixels = render(sample_patient(number, 8, "demo"), SIZE).pixels
    return (pixels.astype(np.uint32) * 65535 // 4095).astype(np.uint16)


def masks(film: np.ndarray) -> np.ndarray:
    """Where a first look would mask, bool (h, w)."""
    covered = np.zeros(film.shape, bool)
    for text in burned_in.texts(film):
        if not text.is_marker and not text.is_wire:
            left, top, right, bottom = burned_in.grown(text.box, film.shape)
            covered[top:bottom, left:right] = True
    return covered


def by_kind(title: str, good: Counter[str], total: Counter[str]) -> float:
    for kind, n in total.items():
        print(f"{kind:28} {good[kind]}/{n}")
    share = good.total() / total.total()
    print(f"{title}: {good.total()} of {total.total()} ({share:.1%})")
    return share


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clean", type=int, default=100)
    clean = parser.parse_args().clean
    if importlib.util.find_spec("rapidocr") is None:
        print("skipped: rapidocr is not installed: pip install 'docphim[ocr]'")
        return
    good, total = Counter[str](), Counter[str]()
    for number, (kind, text, look) in enumerate(identifying()):
        film, ink = written(phantom(number % 50), text, look, number)
        total[kind] += 1
        good[kind] += bool(masks(film)[ink].mean() >= COVERED)
    hidden = by_kind("texts masked whole", good, total)
    good, total = Counter[str](), Counter[str]()
    for number, (kind, text, look) in enumerate(markers()):
        film, ink = written(phantom(number % 50), text, look, number)
        total[kind] += 1
        good[kind] += not masks(film)[ink].any()
    stayed = by_kind("markers that stay", good, total)
    films = [phantom(100 + number) for number in range(min(clean, 10))]
    begun = time.process_time()
    hurt = sum(bool(masks(film).any()) for film in films)
    seconds = (time.process_time() - begun) / len(films)
    hurt += sum(bool(masks(phantom(100 + number)).any()) for number in range(len(films), clean))
    print(f"clean films with a mask: {hurt} of {clean}; {seconds:.2f} s of processor time a film")
    sys.exit(not (hidden >= 0.95 and stayed >= 0.95 and hurt <= 0.01 * clean))


if __name__ == "__main__":
    main()
