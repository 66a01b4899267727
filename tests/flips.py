"""Changes one byte in each file of a finished run; what is wrong must be made again or named, and never used.

    python tests/flips.py [--seed S] [--only PART-OF-A-NAME]

Run by hand.  In a file of text one digit becomes another (what a reader cannot see), in any other file one bit turns over.
Then, each on a copy of its own: the same `docphim run`, `docphim compare` and `docphim page`.  Right are a line that names
the file or its stage (`named`), the reference's bytes (`healed`), or a command that uses nothing of it: all else has the
reference's bytes, and the answer is the reference's (`unread`, which is wrong for the whole run).
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from small_run import SmallRun, differences, shown

RUN, COMPARE, PAGE = ("run", "small.yaml"), ("compare", "runs/small"), ("page", "small.yaml")
_DIGIT = re.compile(rb"(?<![0-9A-Za-z_])[0-9]|(?<=\.)[0-9]")


def flipped(data: bytes, rng: random.Random) -> bytes:
    """The same bytes but for one: another digit in a text that has one, one bit elsewhere."""
    at, changed = rng.randrange(len(data)), bytearray(data)
    try:
        data.decode()
        digits = [m.start() for m in _DIGIT.finditer(data)]
    except UnicodeDecodeError:
        digits = []
    if digits:
        at = rng.choice(digits)
        changed[at] = rng.choice([digit for digit in b"123456789" if digit != data[at]])
    else:
        changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


class Flipping:
    """A finished run, and the answers of the commands that read it."""

    def __init__(self, folder: Path, until: str = "page") -> None:
        self.run = SmallRun(folder, workers=1)
        self.command = (*RUN, "--until", until)
        self.commands = (self.command, COMPARE, PAGE) if until == "page" else (self.command,)
        code, printed = self.run(*self.command)
        if code:
            raise SystemExit(f"the run ended with {code}:\n{printed}")
        self.expected = self.run.stable()
        self.whole = folder / "whole"
        shutil.copytree(self.run.folder, self.whole)
        self.answers = {}
        for command in self.commands:
            self.run(*command)
            self.answers[command] = self.run.printed("out")

    def names(self) -> list[str]:
        """Files that hold something, of the dataset and of the run; the source is the user's own."""
        files = {name: path for name, path in self.run.files().items() if name.startswith(("data", "runs"))}
        return [name for name, path in files.items() if path.stat().st_size]

    def flip(self, name: str, seed: int, command: tuple[str, ...]) -> str:
        """Flip one byte of a file in a copy and run a command: `healed`, `named`, `unread`, or what is wrong."""
        shutil.rmtree(self.run.folder)
        shutil.copytree(self.whole, self.run.folder)
        path = self.run.folder / name
        before = path.read_bytes()
        path.write_bytes(flipped(before, random.Random(f"{seed} {name}")))
        changed = path.read_bytes()
        code, printed = self.run(*command)
        if code:
            named = path.name in printed or "which is not done" in printed
            return "named" if named else f"WRONG exit {code}, which does not name it: {printed.strip()[-200:]}"
        itself = (f"{name} ", f"{name}.damaged ")
        others = [line for line in differences(self.run.stable(), self.expected) if not line.startswith(itself)]
        if others or self.run.printed("out") != self.answers[command]:
            return f"WRONG used: {shown(others) or 'another answer is printed'}"
        now = path.read_bytes() if path.exists() else None
        if path.name in printed and now in (None, changed):  # set aside, or left as it is
            return "named"
        if now != changed:
            return "healed" if now == self.expected.get(name, now) else "WRONG made again as something else"
        return "unread" if command != self.command else "WRONG not noticed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--until", default="page")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docphim-flips-") as folder:
        flipping = Flipping(Path(folder).resolve(), given.until)
        counts: Counter[str] = Counter()
        for name in (name for name in flipping.names() if given.only in name):
            for command in flipping.commands:
                outcome = flipping.flip(name, given.seed, command)
                counts[outcome.split()[0]] += 1
                print(f"{command[0]:7} {name}: {outcome}", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))
    sys.exit(bool(counts["WRONG"]))


if __name__ == "__main__":
    main()
