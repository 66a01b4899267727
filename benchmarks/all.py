"""Every benchmark of this folder, one after the other, and a summary: `make bench`, or `python benchmarks/all.py NAME…`.

Each asserts that what is compared did the same work, and exits with 1 where a promise is broken.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
#: Not measurements of their own: this script, and those that need another checkout.
OTHERS = {"all", "against", "answering"}


def main() -> None:
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.py") if path.stem not in OTHERS)
    outcomes = []
    for name in names:
        print(f"== {name}", flush=True)
        start = time.perf_counter()
        code = subprocess.run([sys.executable, str(HERE / f"{name}.py")]).returncode
        outcomes.append((name, code, time.perf_counter() - start))
    print("== summary")
    for name, code, seconds in outcomes:
        print(f"{name:12} {'ok' if code == 0 else f'FAILED ({code})':12} {seconds:6.0f} s")
    sys.exit(any(code for _, code, _ in outcomes))


if __name__ == "__main__":
    main()
