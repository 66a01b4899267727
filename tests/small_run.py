"""A whole run, small enough to be made again and again, for `kills.py`, `flips.py` and their tests: the command, its bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import warm

RECIPE = """\
name: small
source: {{kind: phantom, profile: demo, studies: 12, size: 128, seed: 3, path: phantoms, workers: {workers}}}
split: {{fractions: [0.5, 0.25, 0.25]}}
prompts: docphim
tasks: [findings]
prepare: {{long_side: 64, workers: {workers}}}
model: {{family: qwen_vl, weights: tiny, tune: full, freeze: [], image_size: 56}}
train: {{max_steps: 3, batch_size: 2, accumulate: 1, evaluations: 2, gradient_checkpointing: false, processes: {processes}}}
generate: {{max_new_tokens: 8}}
evaluate: {{resamples: 100, splits: [test]}}
"""
PROGRAM = Path(__file__).parents[1] / "docphim"
STAGES = ("ingest", "prepare", "build", "train", "generate", "evaluate", "page")
#: What times or machines may change: what a run logs, shows to people, or keeps for a stage that goes on after a kill.
VOLATILE = {"log.jsonl", "index.html", "recipe.yaml", ".lock", *(f"{stage}.json" for stage in STAGES)}
VOLATILE |= {f".{stage}.{record}.json" for stage in STAGES for record in ("started", "beside")}
VOLATILE |= {".sums.json", *(f".lock-{helper}-{n}" for helper in ("rank", "worker") for n in range(4))}


class SmallRun:
    """One recipe in a folder of its own, always at the same path, so that the bytes of two runs can be compared."""

    def __init__(self, folder: Path, processes: int = 1, workers: int = 2) -> None:
        self.folder, self.recipe = folder / "run", RECIPE.format(processes=processes, workers=workers)
        self.site = folder / "site"
        # A copy of the program, so that nobody's work on it changes what is compared.
        shutil.copytree(PROGRAM, self.site / PROGRAM.name, ignore=shutil.ignore_patterns("__pycache__"))
        self.fresh()

    def fresh(self) -> None:
        """Nothing but the recipe."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "small.yaml").write_text(self.recipe, encoding="utf-8")

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """`docphim ARGUMENTS` in the folder; what it prints goes to files, which no orphan can keep open."""
        env = self.environment | environment
        with open(self.site / "out.txt", "wb") as out, open(self.site / "err.txt", "wb") as err:
            return subprocess.Popen(self.command(*arguments), cwd=self.folder, env=env, stdout=out, stderr=err, text=True)

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-c", "from docphim.cli import main; main()", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        own = {"PYTHONPATH": str(self.site), "DOCPHIM_KEY_FILE": str(self.site / "key")}
        return {**os.environ, **own, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def printed(self, *streams: str) -> str:
        """What the last command printed, on both streams or on one."""
        names = streams or ("out", "err")
        return "".join((self.site / f"{name}.txt").read_text(encoding="utf-8", errors="replace") for name in names)

    def __call__(self, *arguments: str, timeout: float = 3600) -> tuple[int, str]:
        """Run a command to its end: its exit code and all that it printed."""
        if warm.worth_it(command := self.command(*arguments)):
            code = warm.run(command, self.folder, self.environment, [self.site / "out.txt", self.site / "err.txt"])
        else:
            code = self.start(*arguments).wait(timeout)
        return code, self.printed()

    def files(self) -> dict[str, Path]:
        """Every file of the dataset, the run and the made-up source, by its path in the folder."""
        places = sorted(p for p in self.folder.rglob("*") if p.is_file())
        return {str(p.relative_to(self.folder)): p for p in places}

    def stable(self) -> dict[str, bytes]:
        """The bytes of all that must be the same however often a run was interrupted."""
        return {
            name: path.read_bytes()
            for name, path in self.files().items()
            if path.name not in VOLATILE and "checkpoints" not in path.parts
        }


def differences(now: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """What is missing, left over, or of other bytes."""
    return [
        f"{name} is {'missing' if name not in now else 'left over' if name not in expected else 'not the same'}"
        for name in sorted({*now, *expected})
        if now.get(name) != expected.get(name)
    ]


def shown(lines: Sequence[str], most: int = 4) -> str:
    """A list in one line, the rest of a long one counted."""
    return "; ".join(lines[:most]) + (f"; and {len(lines) - most} more" if len(lines) > most else "")
