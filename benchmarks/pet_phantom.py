"""How long a phantom's PET/CT takes from patient to files, in processor seconds on one core: python benchmarks/pet_phantom.py.

The demo's size counts studies by the hundred (16 are made, or as many as are asked for), the other is as scanners have it.  The
truth's factor is read back from the files.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.units import measured
from docphim.ingest import phantom_pet

#: Profile, what is scanned, most processor seconds a study may take.
SIZES: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("pet_demo", {"size": 64, "step_mm": 10.0, "ct_size": None, "field_mm": 480.0}, 0.5),
    ("pet_paper", {"size": 200, "step_mm": 3.27, "ct_size": 512, "field_mm": None}, 60.0),
)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    broken = False
    for profile, scanned, most in SIZES:
        spent: list[float] = []
        for index in range(-1, count if most < 1 else 2):  # the first warms textures and wordings
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder, "study")
                start = time.process_time()
                how = scanned | {"seed": 5, "profile": profile, "bed_seams": True, "with_ct": True, "masks": False}
                phantom_pet.write(place, max(index, 0), **how)
                if index >= 0:
                    spent.append(time.process_time() - start)
                    check(place)
        broken |= mean(spent) > most
        size = f"PET {scanned['size']}², CT {scanned['ct_size'] or scanned['size']}², {scanned['step_mm']:g} mm"
        print(f"{size}   {mean(spent):.2f} s a study (longest {max(spent):.2f})   limit {most:g} s")
    sys.exit(broken)


def check(place: Path) -> None:
    """Assert that the file's highest value is no lower than every lesion's, and that the scan balances."""
    truth = json.loads((place / "truth.json").read_text(encoding="utf-8"))
    files = sorted(path.name for path in (place / "pet").iterdir())
    answer = measured.measure(SeriesFiles(str(place / "pet"), tuple(files)))
    assert answer["balance"] == "checked" and abs(answer["factor"] / truth["factor"] - 1) < 1e-6
    assert all(row["suv_max"] <= answer["suv_max"] * 1.001 for row in truth["lesions"])


if __name__ == "__main__":
    main()
