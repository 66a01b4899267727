"""How long a phantom's chest CT takes, in processor seconds on one core: python benchmarks/ct_phantom.py [STUDIES].

Each size scans patients of the profile ct_paper, most with several lesions; what all patients of a process share (textures,
noise) is made before.  Writing the DICOM series is timed apart.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

from docphim.phantom.ct.names import scanned
from docphim.phantom.ct.scan import Scan, scan
from docphim.phantom.ct.write import write_series
from docphim.phantom.patient import Patient, sample_patient
from docphim.study import Finding

#: Rows and columns, mm between slices, most processor seconds a study may take.
SIZES = ((112, 4.5, 0.1), (256, 4.0, None), (512, 4.0, 3.0))


#: Lesions whose textures are made once a process, a third of a second in all, and shared by all patients.
TEXTURED = ("emphysema", "mosaic", "septal_thickening", "interstitial")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of a call, and what it returned."""
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def main() -> None:
    scan(Patient("warm", "F", 60, "PA", 1, tuple(Finding(name, severity="severe") for name in TEXTURED)), 64, 12.0)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    for size, step, most in SIZES:
        scans: list[float] = []
        writes: list[float] = []
        shape: tuple[int, ...] = ()
        for index in range(-1, count if size < 512 else min(count, 8)):
            patient = sample_patient(max(index, 0), 5, "ct_paper")
            phase, kernel = scanned(patient, "ct_paper")
            spent, made = timed(lambda p=patient, s=size, d=step, k=kernel, f=phase: scan(p, s, d, kernel=k, phase=f))
            if index >= 0:
                scans.append(spent)
                writes.append(write(made, patient))
                shape = made.volume.shape
        limit = "" if most is None else f"   limit {most:g} s   {mean(scans) / most:.2f} of it"
        print(f"{shape}   scan {mean(scans):.3f} s (longest {max(scans):.3f})   DICOM {mean(writes):.3f} s{limit}")


def write(made: Scan, patient: Any) -> float:
    """Processor seconds to write a series."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(lambda: write_series(Path(folder, "series"), made, patient))[0]


if __name__ == "__main__":
    main()
