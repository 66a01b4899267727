"""A whole-body PET from its DICOM files to SUV, beside `mirp.extract_images`: `python benchmarks/suv.py`.

Both read the 267 files of STS_001 (openly licensed, outside the repository) and give one array of SUV.  Whether it balances
over the body is not checked here: mirp checks nothing of the kind.  Each runs in a process of its own, in processor time
without that of imports; they take turns, and the best of some rounds counts.  Both arrays must be equal within 1e-4.

mirp takes a maker's private tag for the start of the scan before any other, and else AcquisitionTime, worked back where
SeriesTime is another; ours believes SeriesTime where it is not later than the earliest acquisition.  In this scan they are one.

Claimed: ours takes at most a third of mirp's time.  It exits with 1 where that is broken.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
STS = Path(os.environ.get("DOCPHIM_SHARED", ROOT.parent / "shared")) / "data" / "pet_fdg_sts001" / "pet_dicom"
TIMES, FILES, TOLERANCE = 3.0, 267, 1e-4


def ours() -> tuple[np.ndarray, float]:
    from docphim.imaging.units import measured

    start = time.process_time()
    paths = sorted(path for path in STS.rglob("*") if path.is_file())
    assert len(paths) == FILES
    array = measured.planes(paths)[0].whole().array
    return array[::-1], time.process_time() - start  # mirp begins at the feet


def mirp() -> tuple[np.ndarray, float]:
    from mirp import extract_images

    start = time.process_time()
    images, _ = extract_images(image=str(STS), image_export_format="dict")[0]
    return np.asarray(images[0]["image"]), time.process_time() - start


WAYS = {"ours": ours, "mirp": mirp}


def run(way: str, folder: Path) -> tuple[np.ndarray, float]:
    """One way in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--out", str(folder / f"{way}.npz")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    saved = np.load(folder / f"{way}.npz")
    return saved["suv"], float(saved["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        array, seconds = WAYS[options.way]()
        np.savez(options.out, suv=array, seconds=seconds)
        return
    if importlib.util.find_spec("mirp") is None:
        print("skipped: mirp is not installed (pip install --group peers)")
        return
    if not STS.is_dir():
        print("skipped: the folder of real input is not here (DOCPHIM_SHARED)")
        return
    best = dict.fromkeys(WAYS, np.inf)
    with tempfile.TemporaryDirectory() as name:
        for _ in range(options.rounds):
            arrays = {}
            for way in WAYS:
                arrays[way], seconds = run(way, Path(name))
                best[way] = min(best[way], seconds)
            np.testing.assert_allclose(arrays["ours"], arrays["mirp"], rtol=TOLERANCE, atol=0)
    ratio = best["mirp"] / best["ours"]
    print(f"{FILES} files to SUV: ours {best['ours']:.2f} s, mirp {best['mirp']:.2f} s: {ratio:.2f} times (at least {TIMES:g})")
    sys.exit(ratio < TIMES)


if __name__ == "__main__":
    main()
