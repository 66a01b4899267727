"""How long one phantom film takes on one core: render at 512 and 1024, and writing it, beside a bare resize of the same pixels.

Run: `OMP_NUM_THREADS=1 python benchmarks/phantom.py`.  The claim: under 60 ms a film at 1024 (CPU time, median).
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from PIL import Image

from docphim.phantom.film import render
from docphim.phantom.patient import Patient
from docphim.phantom.write import write_dicom
from docphim.study import Finding

FINDINGS = (
    (),
    (Finding("cardiomegaly", severity="severe"), Finding("effusion", "left", None, "moderate")),
    (Finding("consolidation", "right", "lower", "severe"),),
    (Finding("nodule", "left", "upper", None, 18.0), Finding("aortic_unfolding", severity="moderate")),
)


def milliseconds(work: Callable[[int], object], times: int = 24) -> float:
    """Median CPU time of `work(i)`, after one warm-up of each kind."""
    for i in range(len(FINDINGS)):
        work(i)
    spent = []
    for i in range(times):
        start = time.process_time()
        work(i)
        spent.append(time.process_time() - start)
    return 1000 * statistics.median(spent)


def main() -> None:
    patients = [Patient(f"b{i}", "FM"[i % 2], 69, "PA", i, FINDINGS[i % len(FINDINGS)]) for i in range(24)]
    film = render(patients[1], 1024)
    picture = Image.fromarray(film.pixels.astype("float32"))
    peer = milliseconds(
        lambda _: picture.resize((1536, 1536), Image.Resampling.LANCZOS).resize((1024, 1024), Image.Resampling.LANCZOS)
    )
    print(f"{'pillow: Lanczos up to 1536 and back':42s}{peer:8.1f} ms")
    for size in (512, 1024):
        spent = milliseconds(lambda i, size=size: render(patients[i], size))
        drawn = render(patients[1], size)
        assert max(drawn.pixels.shape) == size and drawn.pixels.std() > 0, "no film was drawn"
        print(f"{f'docphim: render at {size}':42s}{spent:8.1f} ms   {spent / peer:5.2f} x pillow")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.dcm"
        spent = milliseconds(lambda i: write_dicom(path, film, patients[i]))
        assert path.stat().st_size > film.pixels.nbytes, "no film was written"
    print(f"{'docphim: write as DICOM':42s}{spent:8.1f} ms   {spent / peer:5.2f} x pillow")


if __name__ == "__main__":
    main()
