"""Time and memory of a text that is one line without a blank: letters, a picture in base64, words joined by other signs.

Facts and labels of 1 MB, and the scores of a pair of half a MB each, from process start to end, beside a quarter of it.
Claims: at most 300 MB, and four times the text takes at most five times the time; of letters and of a picture at most 2 s of
one core (a pair, which is read by every metric: 4 s).  Words joined by signs are read, and take the time of as many words.  It
exits with 1 where a claim is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import string
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS, PAIR_SECONDS, MEGABYTES, RATIO = 2.0, 4.0, 300.0, 5.0
SIZE = 1_000_000
#: What the line is made of.
SIGNS = {
    "letters": string.ascii_letters + "đê",
    "base64": string.ascii_letters + string.digits + "+/",
    "joined": string.ascii_letters + string.digits + "-_",
}
COMMANDS = ("facts", "labels", "score")


def write(path: Path, command: str, signs: str, size: int) -> None:
    """One report of so many characters, or a pair that has as many."""
    line = "".join(random.Random(7).choices(SIGNS[signs], k=size))
    half = size // 2
    row = {"reference": line[:half], "prediction": line[half:]} if command == "score" else {"text": line}
    path.write_text(json.dumps({"id": "1", **row}) + "\n", encoding="utf-8")


def measured(command: str, path: Path, language: str) -> tuple[float, float]:
    """Processor seconds and peak megabytes of one command."""
    code = "from docphim.cli import main; main()"
    words = [sys.executable, "-c", code, command, str(path), "--language", language, "--json"]
    with tempfile.TemporaryFile() as answer:
        child = subprocess.Popen(words, stdout=answer, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
        _, status, usage = os.wait4(child.pid, 0)
        answer.seek(0)
        assert not status and answer.read(1), f"docphim {command} ended with status {status}"
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--languages", nargs="+", default=["vi", "en"], help="vi, en, or both.")
    broken = False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.jsonl"
        rows = [(c, s, lang) for lang in parser.parse_args().languages for c in COMMANDS for s in SIGNS]
        for command, signs, language in rows:
            times = []
            for size in (0, SIZE // 4, SIZE):
                write(path, command, signs, size)
                runs = [measured(command, path, language) for _ in range(2)]  # the better of two: a machine has other work
                times.append(min(seconds for seconds, _ in runs))
                peak = max(megabytes for _, megabytes in runs)
            start, quarter, whole = times
            # Beside what starting takes, which is the same for both; of less than that the clock knows little.
            ratio = (whole - start) / max(quarter - start, 0.2)
            claim = PAIR_SECONDS if command == "score" else SECONDS
            failed = (whole > claim and signs != "joined") or peak > MEGABYTES or ratio > RATIO
            broken = broken or failed
            print(f"{command:7} {signs:8} {language}: {whole:5.2f} s (at most {claim:.0f}), {peak:4.0f} MB", end=" ")
            print(f"(at most {MEGABYTES:.0f}), {ratio:4.1f} times a quarter (at most {RATIO:.0f}){' BROKEN' if failed else ''}")
    sys.exit(broken)


if __name__ == "__main__":
    main()
